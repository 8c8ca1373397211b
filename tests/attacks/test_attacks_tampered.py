"""Each way of tampering with an image is caught by a rule that has a name, and undoing it lets the image pass."""

from __future__ import annotations

import csv
import io
import struct
from typing import TYPE_CHECKING

import pytest
from attacks.attack_world import BASE, DEMO, EVIL, SITE, SOURCE, Attack
from index.wheel_maker import urlsafe

from gate.model.decision import Outcome, Status

if TYPE_CHECKING:
    from image.image_world import Node

    from gate.model.decision import Decision

INIT = f"{SITE}/demo_pkg/__init__.py"
RECORD = f"{SITE}/{DEMO.dist_info}/RECORD"


def caught(decision: Decision) -> set[tuple[str, str]]:
    """Return rule and code of everything that refuses; nothing else may have let the image through."""
    found = {(one.rule, one.code) for one in decision.results if one.status is Status.FAIL}
    assert bool(found) == (decision.outcome is Outcome.DISCARD)
    return found


def rerecorded(nodes: dict[str, Node], *paths: str) -> dict[str, Node]:
    """Write the RECORD anew for some paths, as one who hides a change would."""
    old = nodes[RECORD]
    assert isinstance(old, bytes)
    rows = {row[0]: row for row in csv.reader(io.StringIO(old.decode(), newline="")) if row}
    for path in paths:
        data = nodes[path]
        assert isinstance(data, bytes)
        rows[path.removeprefix(f"{SITE}/")] = [path.removeprefix(f"{SITE}/"), urlsafe(data), str(len(data))]
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows.values())
    return nodes | {RECORD: out.getvalue().encode()}


def test_untampered_it_is_promoted(attack: Attack) -> None:
    assert caught(attack.judge(attack.install(DEMO))) == set()


def test_one_installed_file_changed(attack: Attack) -> None:
    assert caught(attack.judge(attack.install(DEMO) | {INIT: EVIL})) == {("component-origin", "record_differs")}


def test_one_installed_file_changed_by_a_later_layer(attack: Attack) -> None:
    assert caught(attack.judge(attack.install(DEMO), {INIT: EVIL})) == {("component-origin", "record_differs")}


def test_the_record_changed_with_it(attack: Attack) -> None:
    nodes = rerecorded(attack.install(DEMO) | {INIT: EVIL}, INIT)
    assert caught(attack.judge(nodes)) == {("component-origin", "record_differs")}


def test_a_wheel_of_the_same_name_and_version_with_other_bytes(attack: Attack) -> None:
    attack.install(DEMO)
    other = attack.install(DEMO.but(files={**DEMO.files, "demo_pkg/__init__.py": EVIL}), publish=False)
    assert caught(attack.judge(other)) == {("component-origin", "record_differs")}


def test_a_pth_added(attack: Attack) -> None:
    evil: dict[str, Node] = {f"{SITE}/evil.pth": b"import os; os.system('id')\n"}
    assert caught(attack.judge(attack.install(DEMO), evil)) == {("other-content", "startup")}


def test_a_pth_added_and_claimed_by_a_record(attack: Attack) -> None:
    path = f"{SITE}/evil.pth"
    nodes = rerecorded(attack.install(DEMO) | {path: b"import os\n"}, path)
    assert caught(attack.judge(nodes)) == {("component-origin", "extra_files")}


def test_a_whiteout_that_hides_dist_info(attack: Attack) -> None:
    found = caught(attack.judge(attack.install(DEMO), {f"{SITE}/.wh.{DEMO.dist_info}": b""}))
    assert {("image-read", "image_unreadable"), ("other-content", "importable")} <= found


def test_an_opaque_folder_that_hides_dist_info(attack: Attack) -> None:
    again: dict[str, Node] = {f"{SITE}/.wh..wh..opq": b"", INIT: SOURCE}
    assert ("image-read", "image_unreadable") in caught(attack.judge(attack.install(DEMO), again))


def test_a_base_layer_swapped(attack: Attack) -> None:
    """Policy lists the diff ids of the base; a layer with one other byte has another."""
    nodes = attack.install(DEMO)
    _, listed = attack.read(nodes)
    attack.base = {**BASE, "usr/bin/tool": b"\x7fELF evil"}
    decision = attack.judge(nodes, policy=listed)
    assert ("base-image", "no_listed_base") in caught(decision)
    assert all(not one.where.startswith("usr/bin") for one in decision.components)


def pyc(flags: int, size: int) -> bytes:
    return struct.pack("<4sLLL", b"\xcb\r\r\n", flags, 1_700_000_000, size) + b"evil"


@pytest.mark.parametrize(("flags", "size"), [(0b01, 0), (0, 12345)])
def test_byte_code_that_runs_unchecked_or_is_of_another_source(attack: Attack, flags: int, size: int) -> None:
    cache = f"{SITE}/demo_pkg/__pycache__/__init__.cpython-312.pyc"
    nodes = attack.install(DEMO)
    assert caught(attack.judge(nodes | {cache: pyc(0, len(SOURCE))})) == set()
    evil = nodes | {cache: pyc(flags, size)}
    kind = "unchecked" if flags else "stale"
    assert caught(attack.judge(evil)) == {("component-origin", "extra_files"), ("other-content", kind)}
    assert caught(attack.judge(rerecorded(evil, cache))) >= {("component-origin", "extra_files")}


def test_byte_code_without_a_source(attack: Attack) -> None:
    evil: dict[str, Node] = {f"{SITE}/demo_pkg/evil.pyc": pyc(0, 1)}
    assert ("component-origin", "extra_files") in caught(attack.judge(attack.install(DEMO), evil))


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"Env": ["LD_PRELOAD=/app/evil.so"]}, "preloaded"),
        ({"Env": ["PYTHONPATH=/app"]}, "shadowed"),
        ({"WorkingDir": "/app", "Cmd": ["python", "-m", "main"]}, "shadowed"),
        ({"Cmd": ["sh", "-c", "pip install evil; python -m main"]}, "installs_at_start"),
    ],
)
def test_a_config_that_runs_something_else(attack: Attack, config: dict[str, object], code: str) -> None:
    nodes = attack.install(DEMO)
    app: dict[str, Node] = {"app/demo_pkg.py": EVIL, "app/evil.so": b"\x7fELF"}
    assert caught(attack.judge(nodes, {"app/main.py": EVIL})) == set()
    attack.config = {"config": config}
    assert caught(attack.judge(nodes, app)) == {("image-start", code)}
