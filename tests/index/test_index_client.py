"""METADATA and wheels are asked for seldom, held against what the index says, and kept by their bytes."""

from __future__ import annotations

import io
import zipfile

import pytest
from index.index_server import IndexServer
from index.index_world import BOUNDS, LARGE, QUICK, SMALL, only

from gate.bounds import WheelBounds
from gate.errors import (
    BoundError,
    InputError,
    IntegrityError,
    NotFoundError,
    UpstreamError,
)
from gate.http.client import HttpClient
from gate.index.cache import MemoryCache
from gate.index.client import PythonIndex, pypi_address
from gate.index.remote import RangeSource


def test_metadata_is_served_by_itself(index: PythonIndex, server: IndexServer) -> None:
    file = only(index, "large-pkg")
    assert index.metadata(file) == LARGE.metadata_bytes
    assert server.paths()[1:] == [f"/files/large-pkg/{LARGE.filename}.metadata"]


@pytest.mark.parametrize("has_metadata", [None, False])
def test_metadata_is_read_out_of_the_wheel_where_it_is_not_served(
    index: PythonIndex, server: IndexServer, has_metadata: bool | None
) -> None:
    server.behaviour.metadata = False
    if has_metadata is False:
        server.behaviour.file_fields = {LARGE.filename: {"core-metadata": False}}
    assert index.metadata(only(index, "large-pkg")) == LARGE.metadata_bytes
    assert (f"/files/large-pkg/{LARGE.filename}.metadata" in server.paths()) is (has_metadata is None)
    assert all("," not in wanted for _, wanted in server.asked)


def test_metadata_other_than_announced_is_refused(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.file_fields = {LARGE.filename: {"core-metadata": {"sha256": "0" * 64}}}
    with pytest.raises(IntegrityError) as caught:
        index.metadata(only(index, "large-pkg"))
    assert caught.value.error_code == "metadata_digest_mismatch"


def test_a_server_that_fails_at_metadata_is_not_one_that_has_none(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.statuses[f"/files/large-pkg/{LARGE.filename}.metadata"] = 500
    with pytest.raises(UpstreamError):
        index.metadata(only(index, "large-pkg"))


def test_a_small_wheel_is_read_whole_and_held_against_its_digest(index: PythonIndex, server: IndexServer) -> None:
    file = only(index)
    assert index.wheel(file).verified
    server.publish("demo-pkg", SMALL.filename, SMALL.but(metadata="Summary: other\n").build_bytes())
    with pytest.raises(IntegrityError):
        PythonIndex(HttpClient(QUICK), server.url, bounds=BOUNDS).wheel(file)


def test_a_large_wheel_is_read_by_few_single_ranges(index: PythonIndex, server: IndexServer) -> None:
    facts = index.wheel(only(index, "large-pkg"))
    assert facts.record.keys() == {*LARGE.files, f"{LARGE.dist_info}/METADATA", f"{LARGE.dist_info}/WHEEL"}
    assert not facts.verified
    wanted = [value for path, value in server.asked if path.startswith("/files/")]
    assert wanted == ["bytes=-4096"]


def test_metadata_far_from_the_end_costs_one_more_range(server: IndexServer) -> None:
    """Zip archives may have their files in any order."""
    index = PythonIndex(HttpClient(QUICK), server.url, bounds=WheelBounds(whole_bytes=0, tail_bytes=600))
    assert index.wheel(only(index, "large-pkg")).name == "large-pkg"
    wanted = [value for path, value in server.asked if path.startswith("/files/")]
    assert len(wanted) == 2
    assert all("," not in value for value in wanted)


def test_a_server_without_ranges_is_read_whole_within_the_bounds(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.ranges = False
    assert index.wheel(only(index, "large-pkg")).verified
    small = PythonIndex(HttpClient(QUICK), server.url, bounds=WheelBounds(whole_bytes=0, fallback_bytes=1000))
    with pytest.raises(BoundError):
        small.wheel(only(small, "large-pkg"))


def test_a_server_that_hides_the_size_is_refused(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.total = False
    with pytest.raises(UpstreamError) as caught:
        index.wheel(only(index, "large-pkg"))
    assert caught.value.error_code == "range_no_total"


def test_a_wheel_of_another_size_than_the_index_says_is_refused(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.file_fields = {LARGE.filename: {"size": 300_001}}
    with pytest.raises(IntegrityError) as caught:
        index.wheel(only(index, "large-pkg"))
    assert caught.value.error_code == "size_mismatch"


def test_a_wheel_that_changes_between_ranges_is_refused(server: IndexServer) -> None:
    index = PythonIndex(HttpClient(QUICK), server.url, bounds=WheelBounds(whole_bytes=0, tail_bytes=600))
    file = only(index, "large-pkg")
    answer = server.answer

    def changing(path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        if wanted and not wanted.startswith("bytes=-"):
            server.publish("large-pkg", LARGE.filename, LARGE.build_bytes() + b"\0")
        return answer(path, wanted)

    server.answer = changing  # type: ignore[method-assign]
    with pytest.raises(IntegrityError) as caught:
        index.wheel(file)
    assert caught.value.error_code == "range_changed"


def test_nothing_is_asked_for_nothing(server: IndexServer) -> None:
    data = LARGE.build_bytes()
    source = RangeSource(HttpClient(QUICK), server.root + f"/files/large-pkg/{LARGE.filename}", tail=600)
    assert (source.size, source.read(0, 0)) == (len(data), b"")
    assert source.read(10, 20) + source.read(10, 5) == data[10:30] + data[10:15]
    assert [wanted for _, wanted in server.asked] == ["bytes=-600", "bytes=10-29"]


def test_a_server_that_sends_less_than_was_asked_for_is_refused(server: IndexServer) -> None:
    index = PythonIndex(HttpClient(QUICK), server.url, bounds=WheelBounds(whole_bytes=0, tail_bytes=600))
    file = only(index, "large-pkg")
    answer = server.answer

    def short(path: str, wanted: str) -> tuple[int, dict[str, str], bytes]:
        first = wanted.removeprefix("bytes=").partition("-")[0]
        return answer(path, f"bytes={first}-{int(first) + 10}" if first else wanted)

    server.answer = short  # type: ignore[method-assign]
    with pytest.raises(UpstreamError) as caught:
        index.wheel(file)
    assert caught.value.error_code == "range_short"


def test_metadata_that_the_wheel_does_not_have_is_refused(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.file_fields = {"bare-1.0-py3-none-any.whl": {"core-metadata": False}}
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("bare-1.0.dist-info/WHEEL", b"")
    server.publish("bare", "bare-1.0-py3-none-any.whl", out.getvalue())
    with pytest.raises(InputError) as caught:
        index.metadata(only(index, "bare"))
    assert caught.value.error_code == "wheel_incomplete"


def test_a_file_that_is_gone_is_not_found(index: PythonIndex, server: IndexServer) -> None:
    file = only(index)
    server.behaviour.statuses[f"/files/demo-pkg/{SMALL.filename}"] = 404
    with pytest.raises(NotFoundError):
        index.wheel(file)


def test_what_a_wheel_holds_is_asked_once_for_the_same_bytes(index: PythonIndex, server: IndexServer) -> None:
    file = only(index)
    first = index.wheel(file)
    asked = len(server.asked)
    assert index.wheel(file) == first
    assert len(server.asked) == asked


def test_without_a_digest_nothing_is_kept(index: PythonIndex, server: IndexServer) -> None:
    server.behaviour.file_fields = {SMALL.filename: {"hashes": {}}}
    file = only(index)
    index.wheel(file)
    asked = len(server.asked)
    assert not index.wheel(file).verified
    assert len(server.asked) == asked + 1


def test_what_one_index_said_is_no_answer_of_another(server: IndexServer) -> None:
    cache = MemoryCache(1 << 20)
    http = HttpClient(QUICK)
    one = PythonIndex(http, server.url, bounds=BOUNDS, cache=cache)
    file = only(one)
    one.wheel(file)
    asked = len(server.asked)
    PythonIndex(http, f"{server.root}/other/", bounds=BOUNDS, cache=cache).wheel(file)
    assert len(server.asked) == asked + 1


def test_kept_facts_that_can_not_be_read_are_asked_anew(server: IndexServer) -> None:
    class Spoilt(MemoryCache):
        def get(self, key: str) -> bytes | None:
            return b"{}" if super().get(key) else None

    index = PythonIndex(HttpClient(QUICK), server.url, bounds=BOUNDS, cache=Spoilt(1 << 20))
    file = only(index)
    assert index.wheel(file) == index.wheel(file)
    assert server.paths().count(f"/files/demo-pkg/{SMALL.filename}") == 2


def test_the_cache_forgets_the_longest_unused() -> None:
    cache = MemoryCache(10)
    cache.put("a", b"12345")
    cache.put("b", b"12345")
    assert cache.get("a") == b"12345"
    cache.put("c", b"1")
    assert (cache.get("a"), cache.get("b"), cache.get("c")) == (b"12345", None, b"1")
    cache.put("a", b"")
    cache.put("d", b"12345678901")
    assert [cache.get(key) for key in "acd"] == [None, None, None]


def test_pypi_is_named_by_its_client_library_alone() -> None:
    assert pypi_address().startswith("https://")
    assert PythonIndex(HttpClient(QUICK)).name == "pypi"
