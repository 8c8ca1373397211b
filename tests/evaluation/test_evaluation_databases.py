"""A database that can't be used is said in one sentence, before any registry is asked."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from evaluation.input_world import REFUSED, Gate, Said, cleanly, serve
from servers.faulty import FaultyServer, Reply
from servers.images import small_image

from gate.store.engine import make_engine
from gate.store.schema import upgrade


@pytest.mark.parametrize("content", [b"not a database" * 100, b"SQLite format 3\0" + b"x" * 200, None])
def test_a_database_that_is_none(gate: Gate, content: bytes | None) -> None:
    gate.staging("registry.example.org/staging")
    gate.database.parent.mkdir()
    gate.database.mkdir() if content is None else gate.database.write_bytes(content)
    said = gate.evaluate("registry.example.org/staging/app:1")
    assert said.error.startswith("store_")
    cleanly(said, 12, said.error)
    assert content is None or gate.database.read_bytes() == content


def test_a_database_that_somebody_else_holds(gate: Gate, faulty: FaultyServer) -> None:
    gate.staging(f"{faulty.host}/staging", f"{faulty.host}/release")
    image = serve(faulty, small_image(b""), tag=Reply(status=404))
    gate.evaluate(image)
    with sqlite3.connect(gate.database, isolation_level=None) as other:
        other.execute("BEGIN IMMEDIATE")
        asked = len(faulty.seen)
        cleanly(gate.evaluate(image), 12, "store_busy")
        assert len(faulty.seen) == asked, "what can't be kept is not begun"
        other.execute("ROLLBACK")
    assert gate.events() == REFUSED


_AS_NOBODY = """
import os, sys
from gate.cli import main
words, home = sys.argv[2:], sys.argv[1]
os.environ["GATE_HOME"] = home + "/writable"
main(words)  # so that everything is imported before this user can no longer read it
if os.geteuid() == 0:
    os.setgroups([]); os.setgid(65534); os.setuid(65534)
os.environ["GATE_HOME"] = home + "/kept"
print("--", file=sys.stderr)
sys.exit(main(words))
"""


def test_a_database_that_may_only_be_read() -> None:
    """Tried as another user, for root may write everything, in a folder that this user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="gate-inputs-"))
    try:
        kept = folder / "kept"
        engine = make_engine(f"sqlite:///{kept}/gate.sqlite")
        upgrade(engine)
        engine.dispose()
        (folder / "requirements.txt").write_text("six==1.17.0\n")
        for place, mode in ((kept / "gate.sqlite", 0o444), (kept, 0o555), (folder, 0o755)):
            place.chmod(mode)
        words = ["evaluate", f"oci:{folder}/staging:1", "--environment", str(folder / "requirements.txt")]
        # Measuring coverage would need a file that this user may write.
        environ = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
        command = [sys.executable, "-c", _AS_NOBODY, str(folder), *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env=environ)
        kept.chmod(0o755)
        left = [path.name for path in kept.iterdir()]
    finally:
        shutil.rmtree(folder)
    first, _, second = done.stderr.partition("--\n")
    cleanly(Said(12, "", first), 12, "not_staging")
    cleanly(Said(done.returncode, done.stdout, second), 12, "store_read_only")
    assert left == ["gate.sqlite"]


def test_a_database_at_an_address_that_is_none(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    gate.staging("registry.example.org/staging")
    monkeypatch.setenv("GATE_DATABASE", "mysql://root:hunter2@db.example.org/gate")
    said = gate.evaluate("registry.example.org/staging/app:1")
    cleanly(said, 12, "database_url")
    assert "hunter2" not in said.err
