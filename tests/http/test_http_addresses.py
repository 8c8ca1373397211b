"""Addresses and what travels with a request: what is no address is refused, and nothing rides along unasked."""

from __future__ import annotations

from pathlib import Path

import pytest
from servers.faulty import FaultyServer, Reply, faulty_server

from gate.errors import (
    UnauthorizedUpstreamError,
    UpstreamError,
    UsageError,
)
from gate.http.client import HttpClient


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host/path",
        "ftp://host/x",
        "file:///etc/passwd",
        "http://",
        "http://host:99999/",
        "http://a b/",
        "http://[x/",
    ],
)
def test_what_is_no_address_is_the_callers_fault(client: HttpClient, url: str) -> None:
    with pytest.raises(UsageError) as caught:
        client.get_bytes(url)
    assert caught.value.error_code == "bad_address"


@pytest.mark.parametrize("url", ["http://.example.invalid/", "http://" + "a" * 70 + ".invalid/"])
def test_a_host_that_no_name_server_can_be_asked_for_is_an_error(client: HttpClient, url: str) -> None:
    with pytest.raises(UpstreamError):
        client.get_bytes(url)


def test_a_header_that_would_split_the_request_is_refused(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply())
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(url, headers={"X-A": "1\r\nX-B: 2"})
    assert caught.value.error_code == "bad_address"
    assert faulty.requests("/file") == []


def test_user_info_becomes_basic_credentials_and_is_never_shown(client: HttpClient, faulty: FaultyServer) -> None:
    faulty.on("/private", Reply(body=b"yes"), Reply(status=403))
    url = f"http://me:hunter%402@{faulty.host}/private"
    answer = client.get_bytes(url)
    assert "hunter" not in answer.url
    with pytest.raises(UnauthorizedUpstreamError) as caught:
        client.get_bytes(url)
    assert "hunter" not in str(caught.value) + caught.value.hint + str(caught.value.facts)
    assert {seen.headers["authorization"] for seen in faulty.requests("/private")} == {"Basic bWU6aHVudGVyQDI="}


def test_given_credentials_win_over_user_info(client: HttpClient, faulty: FaultyServer) -> None:
    faulty.on("/private", Reply())
    client.get_bytes(f"http://me@{faulty.host}/private", headers={"authorization": "Bearer abc"})
    [seen] = faulty.requests("/private")
    assert seen.headers["authorization"] == "Bearer abc"


def test_the_users_netrc_has_no_say(
    client: HttpClient, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    client.get_bytes(faulty.on("/file", Reply()))
    [seen] = faulty.requests("/file")
    assert "authorization" not in seen.headers


def test_no_cookie_is_kept(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(headers={"Set-Cookie": "session=1; Path=/"}))
    client.get_bytes(url)
    client.get_bytes(url)
    assert all("cookie" not in seen.headers for seen in faulty.requests("/file"))


def test_a_proxy_of_the_environment_is_used(
    client: HttpClient, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", faulty.url)
    monkeypatch.setenv("no_proxy", "")
    faulty.on("http://gate.invalid/file", Reply(body=b"by proxy"))
    assert client.get_bytes("http://gate.invalid/file").body == b"by proxy"


@pytest.mark.parametrize("no_proxy", ["", "example.org"])
def test_what_is_meant_for_this_machine_never_reaches_a_proxy(
    client: HttpClient, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch, no_proxy: str
) -> None:
    with faulty_server() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.setenv("no_proxy", no_proxy)
        url = faulty.on("/private", Reply(body=b"direct"))
        assert client.get_bytes(url, headers={"Authorization": "Bearer abcdefgh"}).body == b"direct"
        assert proxy.seen == []
