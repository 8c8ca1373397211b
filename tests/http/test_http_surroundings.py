"""The way to a server is what the environment says now, however often it was asked before."""

from __future__ import annotations

import pytest
from servers.faulty import FaultyServer, Reply, faulty_server

from gate.http.address import origin_of
from gate.http.client import HttpClient
from gate.http.surroundings import Surroundings

AWAY = "http://gate.invalid/file"


def proxies_of(surroundings: Surroundings, url: str = AWAY) -> dict[str, str]:
    return surroundings.proxies(origin_of(url), url)


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def test_a_proxy_that_changes_is_the_proxy_of_the_next_request(
    client: HttpClient, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", faulty.url)
    faulty.on(AWAY, Reply(body=b"the first"))
    assert client.get_bytes(AWAY).body == b"the first"
    with faulty_server() as second:
        second.on(AWAY, Reply(body=b"the second"))
        monkeypatch.setenv("http_proxy", second.url)
        assert client.get_bytes(AWAY).body == b"the second"
    assert len(faulty.seen) == 1


@pytest.mark.parametrize("name", ["no_proxy", "NO_PROXY"])
def test_a_host_that_is_exempted_later_is_exempt(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    surroundings = Surroundings()
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    assert proxies_of(surroundings)["http"] == "http://proxy.example.org:3128"
    monkeypatch.setenv(name, "gate.invalid")
    assert proxies_of(surroundings) == {}


def test_one_origins_way_is_not_anothers(monkeypatch: pytest.MonkeyPatch) -> None:
    surroundings = Surroundings()
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    monkeypatch.setenv("no_proxy", "gate.invalid:8080")
    assert proxies_of(surroundings)
    assert proxies_of(surroundings, "http://gate.invalid:8080/file") == {}


def test_what_is_kept_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    surroundings = Surroundings()
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    for number in range(600):
        assert proxies_of(surroundings, f"http://host{number}.invalid/")
    assert len(surroundings) < 300
