"""A client that is closed has no connection open, whoever remembers what it did."""

from __future__ import annotations

import socket
import threading

import pytest

from gate.errors import UpstreamError
from gate.http.client import HttpClient


def test_idle_connections_end_with_the_client_even_while_an_error_is_remembered() -> None:
    ended = threading.Event()

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            for status in (b"200 OK", b"500 Broken"):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
            assert connection.recv(1) == b""
            ended.set()

    client = HttpClient()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,), daemon=True)
        thread.start()
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        assert client.get_bytes(url).status == 200
        with pytest.raises(UpstreamError) as remembered:
            client.request("POST", url)
        client.close()
        thread.join()
    assert ended.is_set()
    assert remembered.value.facts["status"] == "500"
