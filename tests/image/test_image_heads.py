"""What the first bytes of files tell: byte code by its own header, and programs written in Go."""

from __future__ import annotations

import struct

import pytest
from image.image_world import SITE, Node, World, go_program, inventory, layer, wheel

from gate.image.heads import GO, HEAD_BYTES, NATIVE, oddity_of, told_by, wants_head
from gate.model.image import Above, LooseKind

SOURCE = b"# demo 1.0\n"


def pyc(flags: int, size: int = len(SOURCE), body: bytes = b"code") -> bytes:
    return struct.pack("<4sLLL", b"\xcb\r\r\n", flags, 1_700_000_000, size) + body


def above(*layers: dict[str, Node]) -> Above:
    found = inventory(*layers).above
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        pytest.param(pyc(0), LooseKind.BYTECODE, id="usual"),
        pytest.param(pyc(0b11), LooseKind.BYTECODE, id="checked-hash"),
        pytest.param(pyc(0b01, 0xDEADBEEF), LooseKind.UNCHECKED, id="unchecked-hash"),
        pytest.param(pyc(0, 12345), LooseKind.STALE, id="other-source"),
        pytest.param(b"short", LooseKind.BYTECODE, id="no-header"),
    ],
)
def test_a_byte_code_cache_is_what_its_header_says(data: bytes, kind: LooseKind) -> None:
    cache: dict[str, Node] = {f"{SITE}/demo/__pycache__/__init__.cpython-311.pyc": data}
    assert [loose.kind for loose in above(wheel() | cache).loose] == [kind]


def test_a_cache_in_a_lower_layer_than_its_source_is_held_against_the_source_that_is_there() -> None:
    cache: dict[str, Node] = {f"{SITE}/demo/__pycache__/__init__.cpython-311.pyc": pyc(0)}
    changed = above(cache, wheel(files={"demo/__init__.py": b"# another source\n"}))
    assert [loose.kind for loose in changed.loose] == [LooseKind.STALE]


def test_a_cache_without_its_source_is_a_cache_that_nobody_reads() -> None:
    found = above(wheel() | {f"{SITE}/demo/__pycache__/gone.cpython-311.pyc": pyc(0b01)})
    assert [loose.kind for loose in found.loose] == [LooseKind.BYTECODE]


def test_the_table_tells_what_is_odd() -> None:
    world = World()
    folder = f"{SITE}/demo/__pycache__"
    nodes = wheel() | {f"{folder}/__init__.cpython-311.pyc": pyc(0b01), f"{folder}/gone.cpython-311.pyc": pyc(0b01)}
    _, table = world.read(world.image(layer(nodes)))
    assert table.oddity(f"{folder}/__init__.cpython-311.pyc") == "unchecked"
    assert table.oddity(f"{folder}/gone.cpython-311.pyc") == ""
    assert table.oddity(f"{folder}/nowhere.cpython-311.pyc") == ""


def test_a_program_of_go_is_counted_on_top_of_the_base_unless_a_package_brought_it() -> None:
    assert above({"opt/tool": go_program()}).other == {"go_program": 1}
    brought = wheel(files={"demo/tool": go_program()})
    assert above(brought).other == {}
    assert inventory(brought).other == {"go_program": 1}


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"#!/bin/sh\n",
        b"\x7fELF\2\1\1".ljust(200, b"\0"),
        go_program()[:100],
        go_program()[:130],
        go_program().replace(b"Go\0\0", b"No\0\0")[:4096],
        go_program()[:54] + struct.pack("<HH", 56, 65) + go_program()[58:4096],
        go_program()[:54] + struct.pack("<HH", 57, 1) + go_program()[58:4096],
        go_program()[:64] + struct.pack("<L", 1) + go_program()[68:4096],
        b"\x7fELF\1\1\1" + go_program()[7:4096],
    ],
)
def test_what_is_no_program_of_go_is_none(head: bytes) -> None:
    assert told_by("tool", head) == (NATIVE if head.startswith(b"\x7fELF") else b"")


def test_only_what_may_tell_something_is_looked_at() -> None:
    assert told_by("tool", go_program()[:HEAD_BYTES]) == GO
    assert wants_head("a.pyc", 1)
    assert wants_head("kubectl", 300_000)
    assert wants_head("tiny", 4)
    assert not wants_head("empty", 3)
    assert not wants_head("libx.so", 300_000)
    assert oddity_of(b"", 0) == ""
    assert oddity_of(pyc(0, 5), 5 + (1 << 32)) == ""


def test_a_program_that_no_package_brought_is_told_wherever_it_lies_and_whatever_it_is_called() -> None:
    program = b"\x7fELF\x02\x01\x01"
    owned = wheel(files={"demo/tool": program, "../../../bin/demo-tool": program})
    assert above(owned).loose == ()
    found = above(owned | {"app/bin/py": program, "usr/local/bin/.hidden": b"#!", "srv/readme": b"ELF"})
    assert [(one.kind, one.count, one.examples) for one in found.loose] == [(LooseKind.PROGRAM, 1, ("app/bin/py",))]
    assert above({"usr/bin/tool": program}, {"app/data": b"x"}, {"x": program}).loose[0].count == 2


def test_a_program_of_the_base_is_the_base_s() -> None:
    world = World()
    below = layer({"usr/bin/tool": b"\x7fELF tool", "etc/profile": b"x", "root/.bashrc": b"y"})
    known = world.read(world.image(below, layer({"app/x": b"1"})), base_catalogue=[("base:1", (below.diff_id,))])[0]
    assert known.above == Above()


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("etc/profile.d/evil.sh", True),
        ("etc/profile", True),
        ("etc/bash.bashrc", True),
        ("root/.bashrc", True),
        ("home/app/.profile", True),
        ("home/app/nested/.profile", False),
        ("app/.bashrc", False),
        ("etc/profile.d/nested/evil.sh", False),
        ("usr/share/perl5/Evil.pm", None),
        ("usr/lib/x86_64-linux-gnu/perl5/5.36/Deep/Evil.pm", None),
        ("usr/local/share/perl/5.36/Evil.pm", None),
        ("app/perl5/Evil.pm", False),
        ("usr/share/perl5/readme.txt", False),
    ],
)
def test_what_shells_and_perl_read_is_told_where_they_look(path: str, *, told: bool | None) -> None:
    found = above({path: b"x"})
    assert [one.kind for one in found.loose] == ([LooseKind.SHELL] if told else [])
    assert found.other == ({"perl": 1} if told is None else {})
