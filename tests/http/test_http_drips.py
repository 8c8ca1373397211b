"""Servers that drip: they send just often enough never to be silent, and are cut off all the same."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from servers.faulty import FaultyServer, Reply

from gate.bounds import HttpBounds
from gate.errors import TimeoutUpstreamError
from gate.http.client import HttpClient
from gate.http.watch import Deadline, _watch

BOUNDS = HttpBounds(read=5.0, total=0.4, stream=0.4, attempts=3)


@contextmanager
def _dripping(first: bytes, drop: bytes) -> Iterator[str]:
    """Run a server that answers with `first` and then `drop` again and again, a moment apart."""
    ending = threading.Event()
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        while not ending.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.recv(65536)
                    connection.sendall(first)
                    while not ending.wait(0.05):
                        connection.sendall(drop)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        ending.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize(
    ("first", "drop"),
    [
        (b"H", b""),
        (b"HTTP/1.1 200 O", b"K"),
        (b"HTTP/1.1 200 OK\r\nX: ", b"x"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\n\r\n", b"x"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n", b"X: x\r\n"),
        (b"HTTP/1.1 500 No\r\nContent-Length: 1000000\r\n\r\n", b""),
        (b"HTTP/1.1 200 OK\r\n\r\nxxx", b""),
    ],
)
def test_a_small_answer_ends_at_the_total(first: bytes, drop: bytes) -> None:
    client = HttpClient(BOUNDS, sleep=time.sleep)
    with _dripping(first, drop) as url, pytest.raises(TimeoutUpstreamError):
        client.get_bytes(url, accept={500})
    client.close()


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"])
def test_a_stream_that_is_cut_off_does_not_look_complete(head: bytes) -> None:
    client = HttpClient(BOUNDS)
    with _dripping(head, b"x") as url, client.stream(url) as opened, pytest.raises(TimeoutUpstreamError):
        opened.body.read()
    client.close()


def test_the_watch_ends_with_the_exchange(faulty: FaultyServer) -> None:
    client = HttpClient(HttpBounds(total=600.0, stream=600.0))
    url = faulty.on("/file", Reply(body=b"abc"))
    assert client.get_bytes(url).body == b"abc"
    with client.stream(url) as opened:
        assert opened.body.read(3) == b"abc"
    client.close()
    threads = threading.active_count()
    for _ in range(50):
        assert client.get_bytes(url).body == b"abc"
    client.close()
    # One thread waits for all deadlines; the server may still be ending one of its own.
    assert threading.active_count() < threads + 10


def test_deadlines_that_were_cancelled_are_not_kept() -> None:
    stopped: list[int] = []
    for number in range(5000):
        one = Deadline(600.0, lambda number=number: stopped.append(number))  # type: ignore[misc]  # a default
        one.cancel()
        one.cancel()
    assert len(_watch()) < 1000
    assert stopped == []


def test_the_earliest_deadline_fires_first_and_one_that_fails_keeps_none_back() -> None:
    fired: list[str] = []
    done = threading.Event()

    def fails() -> None:
        fired.append("first")
        raise ValueError

    def succeeds() -> None:
        fired.append("second")
        done.set()

    late = Deadline(600.0, lambda: fired.append("never"))
    second = Deadline(0.2, succeeds)
    Deadline(0.1, fails)
    assert done.wait(30.0)
    assert fired == ["first", "second"]
    assert second.over
    assert not late.over
    late.cancel()
    late.fire()
    assert not late.over


def test_a_watch_that_fires_on_a_connection_that_is_gone_harms_nobody() -> None:
    def gone() -> None:
        message = "released"
        raise RuntimeError(message)

    deadline = Deadline(0.0, gone)
    while not deadline.over:
        time.sleep(0.001)
    deadline.cancel()
