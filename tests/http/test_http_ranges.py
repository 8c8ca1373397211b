"""Ranges: the bytes that were asked for, or a result that says that they were not sent."""

from __future__ import annotations

import pytest
from servers.faulty import FaultyServer, Reply

from gate.errors import (
    BoundError,
    UpstreamError,
)
from gate.http.answer import RangeIgnored, RangePart
from gate.http.client import HttpClient


def test_a_range_is_the_bytes_that_were_asked_for(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(status=206, body=b"2345", headers={"Content-Range": "bytes 2-5/10"}))
    assert client.get_range(url, start=2, end=5) == RangePart(body=b"2345", start=2, total=10)
    [seen] = faulty.requests("/file")
    assert seen.headers["range"] == "bytes=2-5"


@pytest.mark.parametrize("size", [4, 400])
def test_a_suffix_is_the_end_or_all_of_a_smaller_file(client: HttpClient, faulty: FaultyServer, size: int) -> None:
    body = b"0123456789"[-size:]
    start = 10 - len(body)
    url = faulty.on("/file", Reply(status=206, body=body, headers={"Content-Range": f"bytes {start}-9/10"}))
    assert client.get_range(url, suffix=size) == RangePart(body=body, start=start, total=10)


def test_a_size_that_the_server_will_not_say_is_none(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(status=206, body=b"2345", headers={"Content-Range": "bytes 2-5/*"}))
    assert client.get_range(url, start=2, end=5) == RangePart(body=b"2345", start=2, total=None)


@pytest.mark.parametrize(
    ("reply", "total"),
    [(Reply(body=b"x" * 5000), 5000), (Reply(body=b"x" * 5000, endless=True), None)],
)
def test_a_server_that_ignores_ranges_is_told_apart_and_its_file_not_read(
    client: HttpClient, faulty: FaultyServer, reply: Reply, total: int | None
) -> None:
    assert client.get_range(faulty.on("/file", reply), start=0, end=9) == RangeIgnored(total=total)


@pytest.mark.parametrize(
    ("body", "content_range"),
    [
        (b"2345", "bytes 3-6/10"),
        (b"234", "bytes 2-5/10"),
        (b"2345", "bytes 2-5/4"),
        (b"2345", "bytes 2-5"),
        (b"2345", "bytes \u0662-\u0665/10"),
        (b"2345", None),
    ],
)
def test_other_bytes_than_were_asked_for_are_refused(
    client: HttpClient, faulty: FaultyServer, body: bytes, content_range: str | None
) -> None:
    headers = {"Content-Range": content_range.encode().decode("latin-1")} if content_range else {}
    url = faulty.on("/file", Reply(status=206, body=body, headers=headers))
    with pytest.raises(UpstreamError) as caught:
        client.get_range(url, start=2, end=5)
    assert caught.value.error_code == "range_wrong"


def test_a_suffix_that_is_not_the_end_is_refused(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(status=206, body=b"2345", headers={"Content-Range": "bytes 2-5/10"}))
    with pytest.raises(UpstreamError) as caught:
        client.get_range(url, suffix=4)
    assert caught.value.error_code == "range_wrong"


def test_a_range_with_more_bytes_than_asked_for_is_not_read_on(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(status=206, body=b"x" * 900, headers={"Content-Range": "bytes 2-5/1000"}))
    with pytest.raises(BoundError):
        client.get_range(url, start=2, end=5)


def test_a_range_outside_the_file_is_an_error_of_its_own(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(status=416, headers={"Content-Range": "bytes */3"}))
    with pytest.raises(UpstreamError) as caught:
        client.get_range(url, start=5, end=9)
    assert caught.value.error_code == "range_unsatisfiable"


@pytest.mark.parametrize(
    ("start", "end", "suffix"),
    [(None, None, None), (1, 0, None), (-1, 3, None), (0, 1, 1), (None, None, 0), (1, None, None)],
)
def test_a_range_that_names_no_bytes_is_a_mistake_of_the_code(
    client: HttpClient, start: int | None, end: int | None, suffix: int | None
) -> None:
    with pytest.raises(ValueError, match="a range is either"):
        client.get_range("http://127.0.0.1:1/", start=start, end=end, suffix=suffix)
