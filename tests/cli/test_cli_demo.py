"""`gate demo` tells the whole story and says plainly what of it is a recording; without a network it says that."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from evaluation.input_world import Said

from gate.demo.tale import Tale
from gate.ledger.reader import LedgerFilter, LedgerReader
from gate.store.engine import make_engine, reading


def demo(tmp_path: Path, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    # A home, a database and a policy of the caller's own: the demonstration must touch none of them.
    own = {"HOME": str(tmp_path / "own"), "GATE_HOME": str(tmp_path / "own"), "GATE_POLICY": str(tmp_path / "own")}
    command = [sys.executable, "-m", "gate", "demo", *words]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **own, **environ}, cwd=tmp_path
    )


def test_the_main_job_from_nothing_in_one_command(tmp_path: Path) -> None:
    done = demo(tmp_path, "--keep", str(tmp_path / "kept"))
    assert (done.returncode, done.stderr) == (0, "")
    said = done.stdout
    headlines = [line.split()[0] for line in said.splitlines() if line.startswith(("PROMOTED", "DISCARDED", "HELD"))]
    assert headlines == ["PROMOTED", "DISCARDED", "PROMOTED"]
    assert "RECORDING made on the spot: no Azure is asked" in said
    assert "is refused: self_approval" in said
    assert "component-origin[" in said
    assert "5. The ledger: verified" in said
    shelves = said.split("-- staging and release")
    assert "(empty)" in shelves[1]
    assert "churn-model" not in shelves[2].split("4. An exception")[0].split("release: ")[1]
    assert "release: churn-model" in shelves[3]
    assert not [*(tmp_path / "own").rglob("*.sqlite*"), *(tmp_path / "own").glob("storage")]
    engine = make_engine(f"sqlite:///{tmp_path}/kept/home/gate.sqlite")
    with reading(engine) as connection:
        found = LedgerReader(connection).find(LedgerFilter())
    engine.dispose()
    assert found[0].record.event.value == "data_imported"


def test_without_a_network_it_says_so(tmp_path: Path) -> None:
    closed = {
        "PIP_INDEX_URL": "http://alice:hunter2@127.0.0.1:9/simple",
        "PIP_RETRIES": "0",
        "PIP_CONFIG_FILE": os.devnull,
    }
    done = demo(tmp_path, PIP_FIND_LINKS="", PIP_EXTRA_INDEX_URL="", PIP_NO_CACHE_DIR="1", **closed)
    assert done.returncode == 12
    assert done.stderr.startswith("error[demo_download]: ")
    assert "check the network" in done.stderr
    assert "hunter2" not in done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    assert "PROMOTED" not in done.stdout


@pytest.mark.parametrize("place", ["there", "/proc/nowhere/demo"])
def test_a_folder_that_is_not_new_is_refused(gate: Callable[..., Said], tmp_path: Path, place: str) -> None:
    (tmp_path / "there").mkdir()
    said = gate("demo", "--keep", str(tmp_path / place))
    assert (said.code, said.error, said.out) == (2, "usage", "")
    assert list((tmp_path / "there").iterdir()) == []


def test_a_story_that_came_out_otherwise_is_not_told_as_a_success(
    gate: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Tale, "tell", lambda _: False)
    said = gate("demo")
    assert (said.code, said.out) == (12, "")
    assert "did not come out as it must" in said.err
