"""Several writers of one layout, and writers that were killed."""

from __future__ import annotations

import fcntl
import multiprocessing
import subprocess
import sys
from pathlib import Path

import pytest
from registry.contract_images import image, push
from registry.layout_folders import STORE, at, layout

from gate.errors import (
    BusyError,
    ConflictError,
)
from gate.model.base import sha256_of
from gate.registry.layout import OciLayout
from gate.registry.layout_files import LOCK, opened_to_change


def test_a_lock_that_is_held_is_waited_for_and_then_given_up(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    with (tmp_path / LOCK).open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(BusyError):
            OciLayout(lock_wait=0.05).delete_manifest(ref.at(image("app").digest))
    assert STORE.manifest(ref.at(image("app").digest)) == image("app").manifest


def test_what_a_killed_writer_left_is_swept_and_what_is_being_written_is_not(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    (tmp_path / ".gate-0123.part").write_bytes(b"left behind")
    (tmp_path / ".gate-link.part").symlink_to(tmp_path / "index.json")
    script = (
        "import os, sys\n"
        "from gate.registry.layout_files import opened_to_change\n"
        "with opened_to_change(sys.argv[1], create=False) as folder, folder.replacing('killed') as stream:\n"
        "    stream.write(b'half'); stream.flush(); os._exit(9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=False)
    assert killed.returncode == 9
    assert len(list(tmp_path.glob(".gate-*.part"))) == 3
    with opened_to_change(str(tmp_path), create=False) as folder, folder.replacing("slow") as stream:
        push(STORE, ref, image("other"), "2")
        assert len(list(tmp_path.glob(".gate-*.part"))) == 2
        (tmp_path / ".gate-link.part").unlink()
        stream.write(b"whole")
    assert (tmp_path / "slow").read_bytes() == b"whole"
    assert not list(tmp_path.glob(".gate-*.part"))
    assert not (tmp_path / "killed").exists()


def _push_some(folder: str, number: int) -> None:
    for turn in range(8):
        push(OciLayout(), at(folder), image(f"{number}-{turn}"), f"{number}-{turn}")


def test_four_processes_writing_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=_push_some, args=(str(tmp_path / "app"), number)) for number in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    ref = at(tmp_path / "app")
    expected = {f"{number}-{turn}" for number in range(4) for turn in range(8)}
    assert set(STORE.tags(ref)) == expected
    for tag in expected:
        assert STORE.resolve(at(tmp_path / "app", tag)) == image(tag).digest


def test_a_digest_is_of_the_bytes(tmp_path: Path) -> None:
    ref = layout(tmp_path)
    digest = STORE.resolve(ref)
    assert sha256_of(STORE.manifest(ref.at(digest)).raw) == digest


def test_an_incomplete_manifest_names_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(ConflictError) as caught:
        STORE.put_manifest(at(tmp_path), image("app").manifest)
    assert caught.value.error_code == "manifest_incomplete"


@pytest.mark.parametrize("made", [(), ("index.json",)])
def test_a_layout_that_another_writer_is_making_is_not_there_yet(tmp_path: Path, made: tuple[str, ...]) -> None:
    (tmp_path / ".gate.lock").touch()
    for name in made:
        (tmp_path / name).write_text("{}")
    assert OciLayout().tags(at(tmp_path)) == ()
    assert not OciLayout().has_blob(at(tmp_path), image("app").digest)
