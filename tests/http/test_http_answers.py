"""Answers: whole and within their bounds, or an error of the gate that shows no secret."""

from __future__ import annotations

import gzip

import pytest
from servers.faulty import FaultyServer, Reply

from gate import __version__
from gate.errors import (
    BoundError,
    NotFoundError,
    UnauthorizedUpstreamError,
    UpstreamError,
)
from gate.http.client import HttpClient


def test_an_answer_is_whole_and_the_request_says_who_asks(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(body=b"content", headers={"X-Kind": "test"}))
    answer = client.get_bytes(url)
    assert (answer.status, answer.body, answer.url) == (200, b"content", url)
    assert answer.headers["x-kind"] == "test"
    [seen] = faulty.requests("/file")
    assert seen.headers["user-agent"] == f"gate/{__version__}"
    assert seen.headers["accept-encoding"] == "identity"
    assert "authorization" not in seen.headers


@pytest.mark.parametrize(("status", "code"), [(401, "upstream_unauthorized"), (403, "upstream_forbidden")])
def test_refused_credentials_are_told_apart(client: HttpClient, faulty: FaultyServer, status: int, code: str) -> None:
    url = faulty.on("/private", Reply(status=status, body=b"go away"))
    with pytest.raises(UnauthorizedUpstreamError) as caught:
        client.get_bytes(url)
    assert caught.value.error_code == code
    assert caught.value.facts["status"] == str(status)
    assert caught.value.facts["detail"] == "go away"
    assert len(faulty.requests("/private")) == 1


def test_404_is_absence_only_where_the_caller_says_what_is_absent(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/gone", Reply(status=404))
    with pytest.raises(NotFoundError, match="project `x` does not exist"):
        client.get_bytes(url, missing="project `x`")
    with pytest.raises(UpstreamError, match="answered 404"):
        client.get_bytes(url)
    assert client.get_bytes(url, accept={404}).status == 404


@pytest.mark.parametrize("reply", [Reply(body=b"x" * 1001), Reply(body=b"x" * 500, endless=True)])
def test_an_answer_beyond_the_bound_is_refused_and_not_cut_off_silently(
    client: HttpClient, faulty: FaultyServer, reply: Reply
) -> None:
    url = faulty.on("/big", reply)
    with pytest.raises(BoundError) as caught:
        client.get_bytes(url)
    assert caught.value.error_code == "answer_too_large"
    assert len(faulty.requests("/big")) == 1


def test_the_caller_can_bound_less_but_not_more(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/big", Reply(body=b"x" * 1000))
    assert len(client.get_bytes(url, limit=5000).body) == 1000
    with pytest.raises(BoundError):
        client.get_bytes(url, limit=999)


def test_a_compressed_bomb_is_bounded_by_what_it_unpacks_to(client: HttpClient, faulty: FaultyServer) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    url = faulty.on("/bomb", Reply(body=bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(BoundError):
        client.get_bytes(url, limit=100_000)


def test_a_body_that_is_not_in_its_coding_is_an_error(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/odd", Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"}))
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(url)
    assert caught.value.error_code == "upstream_undecodable"


def test_json_is_asked_for_compressed_and_parsed(client: HttpClient, faulty: FaultyServer) -> None:
    body = gzip.compress(b'{"a": [1]}')
    url = faulty.on("/json", Reply(body=body, headers={"Content-Encoding": "gzip"}))
    assert client.get_json(url) == {"a": [1]}
    [seen] = faulty.requests("/json")
    assert (seen.headers["accept"], seen.headers["accept-encoding"]) == ("application/json", "gzip")


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 900])
def test_what_is_not_json_is_an_error(client: HttpClient, faulty: FaultyServer, body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        client.get_json(faulty.on("/json", Reply(body=body)))
    assert caught.value.error_code == "upstream_not_json"


def test_deep_json_is_an_error_and_no_crash(faulty: FaultyServer) -> None:
    with pytest.raises(UpstreamError) as caught:
        HttpClient().get_json(faulty.on("/json", Reply(body=b"[" * 200_000)))
    assert caught.value.error_code == "upstream_not_json"


def test_secrets_in_a_servers_words_are_hidden(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/private", Reply(status=400, body=b"token=abcdef0123456789 is bad"))
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(url)
    assert "abcdef" not in caught.value.facts["detail"]
