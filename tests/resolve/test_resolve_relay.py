"""The relay lets nobody through who has no word for it, and nothing to a place that no page names."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from index.wheel_maker import WheelRecipe
from resolve.resolve_world import config

from gate.bounds import HttpBounds
from gate.errors import TimeoutUpstreamError, UpstreamError
from gate.http.client import HttpClient
from gate.policy.private import reserved
from gate.resolve.pages import IndexAddress, Pages
from gate.resolve.relay import Relay, places_of
from gate.resolve.settings import ResolveBounds, ResolveConfig
from gate.resolve.tunnel import Tunnels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from index.index_server import IndexServer


@pytest.fixture
def relay(index: IndexServer) -> Iterator[Relay]:
    """Run a relay for the index, which has one project."""
    recipe = WheelRecipe(name="one")
    index.publish("one", recipe.filename, recipe.build_bytes())
    settings = config(pypi=index.url)
    address = IndexAddress(name="pypi", url=index.url)
    pages = Pages(HttpClient(settings.http), (address,), reserved(("acme-*",)), settings.bounds)
    with contextlib.closing(pages), Relay(["pypi"], lambda: pages, settings) as running:
        yield running


def say(relay: Relay, text: str) -> tuple[int, bytes]:
    """Send these lines to the relay and return the status and the rest of the answer."""
    parts = urlsplit(relay.proxy)
    with socket.create_connection((parts.hostname or "", parts.port or 0), 5) as wire:
        wire.sendall(text.replace("\n", "\r\n").encode())
        wire.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionError):
            while data := wire.recv(65536):
                answer += data
    return int(answer.split(b" ", 2)[1]) if answer else 0, answer


def own_path(relay: Relay) -> str:
    return urlsplit(relay.indexes[0]).path


def password(relay: Relay) -> str:
    import base64  # noqa: PLC0415 - used here alone

    parts = urlsplit(relay.proxy)
    return base64.b64encode(f"{parts.username}:{parts.password}".encode()).decode()


def test_a_page_is_handed_on_to_who_has_the_word(relay: Relay, index: IndexServer) -> None:
    status, answer = say(relay, f"GET {own_path(relay)}/one/ HTTP/1.1\nHost: x\n\n")
    assert status == 200
    assert b"one-1.0-py3-none-any.whl" in answer
    assert index.paths() == ["/simple/one/"]


@pytest.mark.parametrize(
    "path", ["/", "/wrong/0/one/", "{own}", "{own}/one/two/", "{base}/1/one/", "{base}/x/one/", "{base}/-1/one/"]
)
def test_other_paths_are_refused_and_nobody_is_asked(relay: Relay, index: IndexServer, path: str) -> None:
    own = own_path(relay)
    asked = path.format(own=own, base=own.rpartition("/")[0])
    assert say(relay, f"GET {asked} HTTP/1.1\nHost: x\n\n")[0] == 403
    assert index.asked == []


@pytest.mark.parametrize("name", ["..", "%2e%2e", "one%2F..", "a" * 10_000])
def test_a_name_that_is_none_is_not_asked(relay: Relay, index: IndexServer, name: str) -> None:
    assert say(relay, f"GET {own_path(relay)}/{name}/ HTTP/1.1\nHost: x\n\n")[0] in {400, 403, 404}
    assert [path for path in index.paths() if path != f"/simple/{name}/"] == []


def test_a_private_name_is_withheld(relay: Relay, index: IndexServer) -> None:
    assert say(relay, f"GET {own_path(relay)}/Acme.Core/ HTTP/1.1\nHost: x\n\n")[0] == 404
    assert relay.pages.withheld == ("acme-core",)
    assert index.asked == []


@pytest.mark.parametrize("credentials", ["", "Proxy-Authorization: Basic eDp5\n", "Proxy-Authorization: Bearer é\n"])
def test_without_the_word_the_relay_is_nobodys_proxy(relay: Relay, canary: IndexServer, credentials: str) -> None:
    place = urlsplit(canary.root).netloc
    assert say(relay, f"GET {canary.url}one/ HTTP/1.1\nHost: {place}\n{credentials}\n")[0] == 403
    assert say(relay, f"CONNECT {place} HTTP/1.1\nHost: {place}\n{credentials}\n")[0] == 403
    assert canary.asked == []
    assert relay.refused == []


def test_a_place_that_no_page_names_is_refused_and_noted(relay: Relay, canary: IndexServer) -> None:
    place = urlsplit(canary.root).netloc
    word = f"Proxy-Authorization: Basic {password(relay)}\n"
    assert say(relay, f"GET {canary.url}one/ HTTP/1.1\nHost: {place}\n{word}\n")[0] == 403
    assert say(relay, f"CONNECT {place} HTTP/1.1\nHost: {place}\n{word}\n")[0] == 403
    assert relay.refused == [place, place]
    assert canary.asked == []


@pytest.mark.parametrize("target", ["x", "x:", "x:y", ":443", "x:99999999999", "[::1:443"])
def test_a_tunnel_to_nowhere_is_refused(relay: Relay, target: str) -> None:
    word = f"Proxy-Authorization: Basic {password(relay)}\n"
    assert say(relay, f"CONNECT {target} HTTP/1.1\nHost: x\n{word}\n")[0] == 403


@pytest.mark.parametrize("target", ["http://[", "ftp://x.example/", "http://x.example:y/"])
def test_an_address_that_is_none_is_refused(relay: Relay, target: str) -> None:
    word = f"Proxy-Authorization: Basic {password(relay)}\n"
    assert say(relay, f"GET {target} HTTP/1.1\nHost: x\n{word}\n")[0] in {400, 403}


def test_files_at_places_that_pages_name_are_let_through(relay: Relay, index: IndexServer) -> None:
    place = urlsplit(index.root).netloc
    word = f"Proxy-Authorization: Basic {password(relay)}\n"
    file = "/files/one/one-1.0-py3-none-any.whl"
    assert say(relay, f"GET {index.root}{file} HTTP/1.1\nHost: {place}\n{word}\n")[0] == 403
    say(relay, f"GET {own_path(relay)}/one/ HTTP/1.1\nHost: x\n\n")
    status, answer = say(relay, f"GET {index.root}{file} HTTP/1.1\nHost: {place}\n{word}Range: bytes=0-3\n\n")
    assert status == 206
    assert answer.endswith(b"PK\x03\x04")
    assert b"Content-Range: bytes 0-3/" in answer
    parts = urlsplit(relay.proxy)
    with socket.create_connection((parts.hostname or "", parts.port or 0), 5) as wire:
        wire.sendall(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\n{word.strip()}\r\n\r\n".encode())
        assert wire.recv(4096).startswith(b"HTTP/1.1 200")
        wire.sendall(f"GET {file}.metadata HTTP/1.1\r\nHost: {place}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while b"Version: 1.0" not in answer and (data := wire.recv(4096)):
            answer += data
    assert b"Metadata-Version" in answer


def test_a_place_that_cannot_be_reached_is_told(relay: Relay, index: IndexServer) -> None:
    word = f"Proxy-Authorization: Basic {password(relay)}\n"
    free = _free_port()
    index.behaviour.file_fields = {"one-1.0-py3-none-any.whl": {"url": f"http://127.0.0.1:{free}/one.whl"}}
    say(relay, f"GET {own_path(relay)}/one/ HTTP/1.1\nHost: x\n\n")
    assert say(relay, f"CONNECT 127.0.0.1:{free} HTTP/1.1\nHost: x\n{word}\n")[0] == 502
    assert say(relay, f"GET http://127.0.0.1:{free}/one.whl HTTP/1.1\nHost: x\n{word}\n")[0] == 400


def test_an_index_elsewhere_may_not_name_files_on_this_machine(index: IndexServer) -> None:
    class Elsewhere(HttpClient):
        """Says that its answers came from another machine, as they would from an index there."""

        def get_bytes(self, url: str, **options: object) -> object:  # type: ignore[override]
            answer = super().get_bytes(url, **options)  # type: ignore[arg-type]
            return type(answer)(url="https://index.example/one/", status=200, headers=answer.headers, body=answer.body)

    recipe = WheelRecipe(name="one")
    index.publish("one", recipe.filename, recipe.build_bytes())
    pages = Pages(Elsewhere(), (IndexAddress(name="pypi", url=index.url),), reserved(()), ResolveBounds())
    with contextlib.closing(pages):
        assert pages.serve(0, "one").status == 400
        assert [error.error_code for error in pages.failures] == ["index_inward"]
        assert not pages.names_place("127.0.0.1", int(urlsplit(index.root).port or 0))


def test_places_are_hosts_and_ports() -> None:
    found = places_of(["https://A.example/channel", "http://b.example:8080/x", "https://u:p@c.example"])
    assert found == {("a.example", 443), ("b.example", 8080), ("c.example", 443)}


class Proxy:
    """A proxy that gives one answer to whoever asks for a tunnel, and then sends the bytes back."""

    def __init__(self, answer: bytes) -> None:
        self.heard = b""
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"

    def _serve(self) -> None:
        wire, _ = self._listener.accept()
        with wire:
            while b"\r\n\r\n" not in self.heard:
                self.heard += wire.recv(4096)
            wire.sendall(self._answer)
            with contextlib.suppress(OSError):
                wire.sendall(wire.recv(4096))

    def close(self) -> None:
        self._listener.close()
        self._thread.join(5)


def carried(proxy: str, monkeypatch: pytest.MonkeyPatch, settings: ResolveConfig | None = None) -> bytes:
    """Carry a word through a tunnel and return what came back."""
    for name in ("HTTPS_PROXY", "https_proxy"):
        monkeypatch.setenv(name, proxy)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    tunnels = Tunnels(settings or ResolveConfig())
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(b"word")
        theirs.shutdown(socket.SHUT_WR)
        tunnels.carry(ours, "files.example", 443)
        ours.close()
        return theirs.recv(4096)


def test_a_tunnel_goes_through_the_machines_own_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    with contextlib.closing(Proxy(b"HTTP/1.1 200 OK\r\n\r\n")) as proxy:
        answer = carried(f"http://robot:p%40ss@{proxy.address}", monkeypatch)
    assert answer.startswith(b"HTTP/1.1 200")
    assert proxy.heard.startswith(b"CONNECT files.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic cm9ib3Q6cEBzcw==" in proxy.heard


@pytest.mark.parametrize(
    "answer", [b"HTTP/1.1 407 no\r\n\r\n", b"HTTP/1.1 200 OK\r\n", b"\r\n\r\n", b"x" * 20_000, b""]
)
def test_a_proxy_that_refuses_is_an_error(monkeypatch: pytest.MonkeyPatch, answer: bytes) -> None:
    with contextlib.closing(Proxy(answer)) as proxy, pytest.raises(UpstreamError):
        carried(proxy.address, monkeypatch, ResolveConfig(http=HttpBounds(connect=0.5)))


def test_a_proxy_of_another_kind_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UpstreamError):
        carried("socks5://127.0.0.1:1", monkeypatch)


def test_a_proxy_that_says_nothing_is_a_timeout(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(TimeoutUpstreamError):
        carried(f"127.0.0.1:{silent.getsockname()[1]}", monkeypatch, ResolveConfig(http=HttpBounds(connect=0.2)))


def test_tunnels_carry_no_more_than_their_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_flood, args=(listener,), daemon=True).start()
        tunnels = Tunnels(ResolveConfig(bounds=ResolveBounds(tunnel_bytes=100_000)))
        ours, theirs = socket.socketpair()
        with ours, theirs:
            drain = threading.Thread(target=_drain, args=(theirs, received := bytearray()), daemon=True)
            drain.start()
            tunnels.carry(ours, "127.0.0.1", listener.getsockname()[1])
            ours.close()
            drain.join(5)
    assert len(received) < 200_000


def test_a_closed_relay_ends_its_tunnels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        tunnels = Tunnels(ResolveConfig())
        ours, theirs = socket.socketpair()
        with ours, theirs:
            carrying = threading.Thread(target=tunnels.carry, args=(ours, "127.0.0.1", listener.getsockname()[1]))
            carrying.start()
            time.sleep(0.05)
            tunnels.close()
            carrying.join(10)
            assert not carrying.is_alive()


def _flood(listener: socket.socket) -> None:
    wire, _ = listener.accept()
    with wire, contextlib.suppress(OSError):
        while True:
            wire.sendall(b"x" * 65536)


def _drain(wire: socket.socket, received: bytearray) -> None:
    with contextlib.suppress(OSError):
        while data := wire.recv(65536):
            received += data


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as one:
        return int(one.getsockname()[1])
