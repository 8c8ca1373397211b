"""`python -m gate` imports nothing from the folder in which it is called."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path


def test_a_module_in_the_working_directory_is_neither_run_nor_asked(tmp_path: Path) -> None:
    for name in ("yaml", "typer", "pydantic", "pip", "pypi_simple"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("open('ran', 'w').close()\n")
    (tmp_path / "pypi_simple/__init__.py").write_text('PYPI_SIMPLE_ENDPOINT = "https://evil.example/simple/"\n')
    (tmp_path / "requirements.txt").write_text("--index-url https://evil.example/simple/\nsix==1.17.0\n")
    command = [sys.executable, "-m", "gate", "check", "requirements.txt"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 10, done.stdout + done.stderr
    assert not (tmp_path / "ran").exists()


def test_where_python_keeps_the_working_directory_out_itself_nothing_else_is_taken_away(tmp_path: Path) -> None:
    command = [sys.executable, "-P", "-m", "gate", "--version"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("gate ")


def test_no_installed_package_hooks_into_what_is_parsed(tmp_path: Path) -> None:
    """Pydantic loads whatever an entry point of its name leads to, in every program that uses it."""
    (tmp_path / "hook-1.dist-info").mkdir()
    (tmp_path / "hook-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: hook\nVersion: 1\n")
    (tmp_path / "hook-1.dist-info/entry_points.txt").write_text("[pydantic]\nhook = hook:plugin\n")
    (tmp_path / "hook.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\nplugin = None\n")
    environ = {name: value for name, value in os.environ.items() if name != "PYDANTIC_DISABLE_PLUGINS"}
    environ["PYTHONPATH"] = os.pathsep.join([str(tmp_path), *filter(None, [environ.get("PYTHONPATH")])])

    def run(*words: str) -> int:
        done = subprocess.run([sys.executable, *words], cwd=tmp_path, env=environ, capture_output=True, check=False)
        return done.returncode

    assert run("-m", "gate", "policy", "show") == 0
    assert not (tmp_path / "ran").exists()
    run("-c", "from pydantic import BaseModel\nclass One(BaseModel): ...")
    assert (tmp_path / "ran").exists()
