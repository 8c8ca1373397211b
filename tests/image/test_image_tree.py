"""A plain path is looked up in one go, and found to be what it is found to be step by step."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from gate.image.tree import MAX_STEPS, Entry, FileEntry, Folder, LinkEntry, RealPaths, find

NAMES = st.sampled_from(["a", "b", "c"])
STEPS = st.sampled_from(["a", "b", "c", "", ".", ".."])
PATHS = st.lists(STEPS, max_size=6).map("/".join)
FILE = FileEntry(0, 1, bytes(32))


@st.composite
def folders(draw: st.DrawFn, depth: int = 3) -> Folder:
    folder = Folder(0)
    inner: st.SearchStrategy[Entry] = st.just(FILE) | st.builds(LinkEntry, st.just(0), PATHS)
    for name in draw(st.lists(NAMES, max_size=3, unique=True)):
        folder.entries[name] = draw(inner | folders(depth - 1) if depth else inner)
    return folder


@settings(max_examples=500)
@given(root=folders(), path=PATHS, follow=st.booleans())
def test_a_plain_path_leads_where_its_steps_lead(root: Folder, path: str, follow: bool) -> None:
    # A step that leads nowhere, put before it, makes every path one that is looked up step by step.
    found, stepped = find(root, path, follow_last=follow), find(root, f"./{path}", follow_last=follow)
    assert found == stepped
    if found is not None and stepped is not None:
        assert found[1] is stepped[1]


@settings(max_examples=200)
@given(root=folders(), paths=st.lists(PATHS, max_size=8))
def test_many_paths_are_found_as_each_of_them(root: Folder, paths: list[str]) -> None:
    assert list(RealPaths(root).all_of(paths)) == [RealPaths(root).of(path) for path in paths]


def test_a_path_longer_than_any_look_up_leads_nowhere_though_it_is_there() -> None:
    root = Folder(0)
    folder = root
    for _ in range(MAX_STEPS):
        folder.entries["a"] = below = Folder(0)
        folder = below
    assert find(root, "/".join("a" * (MAX_STEPS - 1))) is not None
    assert find(root, "/".join("a" * MAX_STEPS)) is None


def test_a_file_in_the_way_ends_a_path() -> None:
    root = Folder(0)
    root.entries["a"] = FILE
    assert find(root, "a") == ("a", FILE)
    assert find(root, "a/a") is None
    assert find(root, "a/.") is not None
    assert find(root, "a/..") is None
