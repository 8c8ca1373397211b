"""Tries: few, waited for, within the total, and only of what may be repeated."""

from __future__ import annotations

import io
import socket
from itertools import pairwise

import pytest
from servers.faulty import FaultyServer, Reply
from servers.waiting import Sleeper

from gate.bounds import HttpBounds
from gate.errors import (
    IntegrityError,
    ThrottledUpstreamError,
    TimeoutUpstreamError,
    UpstreamError,
)
from gate.http.client import HttpClient


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_server_is_asked_again_with_growing_pauses_and_then_given_up(
    client: HttpClient, faulty: FaultyServer, sleeper: Sleeper, status: int
) -> None:
    url = faulty.on("/broken", Reply(status=status, body=b"oops"))
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(url)
    assert caught.value.error_code == "upstream_failed"
    assert len(faulty.requests("/broken")) == 3
    assert sleeper.waits == [0.5, 1.0]
    assert all(first < second for first, second in pairwise(sleeper.waits))


def test_what_failed_once_may_succeed(client: HttpClient, faulty: FaultyServer, sleeper: Sleeper) -> None:
    url = faulty.on("/shaky", Reply(status=503), Reply(drop=True), Reply(body=b"there"))
    assert client.get_bytes(url).body == b"there"
    assert len(sleeper.waits) == 2


def test_a_body_that_was_cut_is_fetched_again_and_never_handed_out(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/cut", Reply(body=b"0123456789", cut=4), Reply(body=b"0123456789"))
    assert client.get_bytes(url).body == b"0123456789"
    always = faulty.on("/always", Reply(body=b"0123456789", cut=4))
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(always)
    assert caught.value.error_code == "upstream_unreachable"


def test_retry_after_is_waited_for(client: HttpClient, faulty: FaultyServer, sleeper: Sleeper) -> None:
    url = faulty.on("/busy", Reply(status=429, headers={"Retry-After": "3"}), Reply(body=b"now"))
    assert client.get_bytes(url).body == b"now"
    assert sleeper.waits == [3.0]


def test_retry_after_as_a_date_is_held_against_the_servers_own_clock(
    client: HttpClient, faulty: FaultyServer, sleeper: Sleeper
) -> None:
    date, until = "Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:04 GMT"
    url = faulty.on("/busy", Reply(status=429, headers={"Retry-After": until, "Date": date}), Reply(body=b"now"))
    assert client.get_bytes(url).body == b"now"
    assert sleeper.waits == [4.0]


@pytest.mark.parametrize("after", ["soon", "-5", "Mon, 32 Jan 2001 00:00:00 GMT", "\u00b2"])
def test_a_retry_after_that_says_nothing_is_a_usual_pause(
    client: HttpClient, faulty: FaultyServer, sleeper: Sleeper, after: str
) -> None:
    url = faulty.on("/busy", Reply(status=503, headers={"Retry-After": after}), Reply(body=b"now"))
    assert client.get_bytes(url).body == b"now"
    assert sleeper.waits == [0.5]


def test_a_server_that_asks_for_too_long_a_wait_is_not_waited_for(
    client: HttpClient, faulty: FaultyServer, sleeper: Sleeper
) -> None:
    url = faulty.on("/busy", Reply(status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(ThrottledUpstreamError) as caught:
        client.get_bytes(url)
    assert caught.value.facts["retry_after"] == "3600"
    assert sleeper.waits == []
    assert len(faulty.requests("/busy")) == 1


def test_a_server_that_keeps_throttling_ends_in_its_own_error(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/busy", Reply(status=429, headers={"Retry-After": "0"}))
    with pytest.raises(ThrottledUpstreamError):
        client.get_bytes(url)
    assert len(faulty.requests("/busy")) == 3


def test_no_wait_goes_beyond_the_total(faulty: FaultyServer, sleeper: Sleeper) -> None:
    url = faulty.on("/busy", Reply(status=503, headers={"Retry-After": "10"}))
    with pytest.raises(UpstreamError):
        HttpClient(HttpBounds(total=5.0), sleep=sleeper).get_bytes(url)
    assert sleeper.waits == []


@pytest.mark.parametrize("reply", [Reply(mute=True), Reply(body=b"0123456789", hang=4)])
def test_a_silent_server_is_a_timeout(client: HttpClient, faulty: FaultyServer, reply: Reply) -> None:
    url = faulty.on("/silent", reply)
    with pytest.raises(TimeoutUpstreamError) as caught:
        client.get_bytes(url)
    assert caught.value.error_code == "upstream_timeout"


def test_a_server_that_drips_is_cut_off_at_the_deadline(faulty: FaultyServer) -> None:
    ticks = iter(range(100))
    client = HttpClient(HttpBounds(total=5.0), clock=lambda: float(next(ticks)), sleep=lambda _: None)
    url = faulty.on("/endless", Reply(body=b"x", endless=True))
    with pytest.raises(TimeoutUpstreamError, match="body in time"):
        client.get_bytes(url)


def test_nothing_is_sent_after_the_deadline(faulty: FaultyServer) -> None:
    ticks = iter([0.0, 100.0, 100.0])
    client = HttpClient(HttpBounds(total=5.0), clock=lambda: next(ticks))
    url = faulty.on("/file", Reply())
    with pytest.raises(TimeoutUpstreamError):
        client.get_bytes(url)
    assert faulty.requests("/file") == []


def test_a_post_is_not_repeated_unless_the_caller_says_that_it_may(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/act", Reply(status=503), Reply(status=201), method="POST")
    with pytest.raises(UpstreamError):
        client.request("POST", url, body=b"x")
    assert len(faulty.requests("/act")) == 1
    again = faulty.on("/again", Reply(status=503), Reply(status=201), method="POST")
    assert client.request("POST", again, body=b"x", retried=True).status == 201


def test_a_put_is_repeated_with_the_same_bytes(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/put", Reply(status=500), Reply(status=201), method="PUT")
    assert client.request("PUT", url, body=b"bytes").status == 201
    assert [seen.body for seen in faulty.requests("/put")] == [b"bytes", b"bytes"]


class _File(io.BytesIO):
    """A file that knows its size."""

    def __len__(self) -> int:
        return len(self.getvalue())


def test_a_file_is_sent_whole_and_never_again(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(status=500), method="PUT")
    with pytest.raises(UpstreamError):
        client.request("PUT", url, body=_File(b"x" * 9000))
    [seen] = faulty.requests("/file")
    assert len(seen.body) == 9000


def test_a_file_that_turns_out_false_while_it_is_sent_keeps_its_own_error(
    client: HttpClient, faulty: FaultyServer
) -> None:
    class Untrue(_File):
        def read(self, size: int | None = -1, /) -> bytes:
            message = f"other bytes than the {size} that were asked for"
            raise IntegrityError(message)

    url = faulty.on("/file", Reply(status=201), method="PUT")
    with pytest.raises(IntegrityError, match="other bytes"):
        client.request("PUT", url, body=Untrue(b"x" * 9000))


def test_nobody_listening_is_unreachable_after_all_tries(client: HttpClient, sleeper: Sleeper) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(f"http://127.0.0.1:{port}/?token=hunter2")
    assert caught.value.error_code == "upstream_unreachable"
    assert "refused" in str(caught.value)
    assert "hunter2" not in str(caught.value) + str(caught.value.facts)
    assert len(sleeper.waits) == 2


def test_a_name_that_nobody_knows_is_unreachable(client: HttpClient) -> None:
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes("http://gate.invalid/")
    assert caught.value.error_code == "upstream_unreachable"


def test_a_server_that_speaks_no_http_is_an_error(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.01)
        with pytest.raises(UpstreamError):
            client.get_bytes(f"http://127.0.0.1:{server.getsockname()[1]}/")
