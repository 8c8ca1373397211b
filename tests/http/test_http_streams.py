"""Streams: raw bytes as they come, with failures translated while they are read."""

from __future__ import annotations

import gzip

import pytest
from servers.faulty import FaultyServer, Reply

from gate.bounds import HttpBounds
from gate.errors import (
    TimeoutUpstreamError,
    UnauthorizedUpstreamError,
    UpstreamError,
)
from gate.http.client import HttpClient


def test_a_stream_comes_raw_and_may_be_larger_than_an_answer(client: HttpClient, faulty: FaultyServer) -> None:
    body = gzip.compress(b"x" * 100) + bytes(5000)
    url = faulty.on("/blob", Reply(body=body, headers={"Content-Encoding": "gzip"}))
    with client.stream(url) as opened:
        assert opened.status == 200
        assert opened.body.read() == body
        assert opened.body.read(10) == b""
        assert opened.body.read(0) == b""
        assert opened.body.readable()


def test_a_stream_fills_buffers(client: HttpClient, faulty: FaultyServer) -> None:
    with client.stream(faulty.on("/blob", Reply(body=b"abc"))) as opened:
        buffer = bytearray(10)
        assert opened.body.readinto(buffer) == 3
        assert buffer[:3] == b"abc"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(body=b"x" * 5000, cut=3000), UpstreamError),
        (Reply(body=b"x" * 5000, hang=3000), TimeoutUpstreamError),
        (Reply(body=b"7d0\r\nxxx", headers={"Transfer-Encoding": "chunked"}, cut=8), UpstreamError),
        (Reply(body=b"zz\r\nxxx", headers={"Transfer-Encoding": "chunked"}, cut=7), UpstreamError),
    ],
)
def test_what_fails_while_a_stream_is_read_is_translated_too(
    client: HttpClient, faulty: FaultyServer, reply: Reply, error: type[UpstreamError]
) -> None:
    url = faulty.on("/blob", reply)
    with client.stream(url) as opened, pytest.raises(error):
        opened.body.read()
    assert len(faulty.requests("/blob")) == 1


def test_a_stream_ends_at_its_own_deadline(faulty: FaultyServer) -> None:
    now = [0.0]
    client = HttpClient(HttpBounds(stream=10.0), clock=lambda: now[0])
    with client.stream(faulty.on("/blob", Reply(body=b"x", endless=True))) as opened:
        assert opened.body.read(10)
        now[0] = 11.0
        with pytest.raises(TimeoutUpstreamError):
            opened.body.read(10)


def test_the_opening_of_a_stream_is_tried_again(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/blob", Reply(status=503), Reply(body=b"x"))
    with client.stream(url) as opened:
        assert opened.body.read() == b"x"


def test_a_refused_stream_never_opens(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/blob", Reply(status=403, body=b"no", hang=1))
    with pytest.raises(UnauthorizedUpstreamError), client.stream(url):
        pytest.fail("the block must not be entered")


def test_a_refusal_whose_body_is_silent_is_still_that_refusal(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/private", Reply(status=401, body=b"no", hang=0))
    with pytest.raises(UnauthorizedUpstreamError) as caught:
        client.get_bytes(url)
    assert caught.value.facts["detail"] == ""
