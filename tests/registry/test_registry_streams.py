"""Large blobs go up in one stream: whole or not at all, and in parts where a registry takes no stream."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from typing import TYPE_CHECKING

import pytest
from promotion.promotion_memory import MemoryStore
from promotion.promotion_world import STAGING
from registry.contract_images import LAYER_TYPES, descriptor_of, image, push
from registry.fault_world import UPLOADS, Anybody
from servers.faulty import FaultyServer, Reply

from gate.bounds import HttpBounds
from gate.errors import GateError, IntegrityError, ThrottledUpstreamError, UnauthorizedUpstreamError, UpstreamError
from gate.http.client import HttpClient
from gate.model.image import ImageRef, Transport
from gate.promotion.places import Places
from gate.promotion.prepare import prepare_promotion
from gate.promotion.promote import promote
from gate.registry.auth import NoCredentials
from gate.registry.content import OCI_MANIFEST
from gate.registry.interface import IN_PARTS
from gate.registry.remote import RemoteRegistry
from gate.registry.remote_body import OutgoingBlob
from gate.registry.remote_upload import CHUNK_BYTES
from gate.registry.verified import verified

if TYPE_CHECKING:
    from collections.abc import Iterator

    from servers.registry import RegistryServer

DATA = bytes(range(256)) * 10_000
LARGE = descriptor_of(DATA, LAYER_TYPES[OCI_MANIFEST])
NEXT = {"Location": "/upload/2?state=b"}
CLOSING = f"/upload/2?state=b&digest={LARGE.digest.replace(':', '%3A')}"


@pytest.fixture
def remote(client: HttpClient) -> RemoteRegistry:
    return RemoteRegistry(client, NoCredentials())


@pytest.fixture
def opened(faulty: FaultyServer) -> FaultyServer:
    faulty.on(UPLOADS, Reply(status=202, headers={"Location": "/upload/1?state=a"}), method="POST")
    faulty.on("/upload/1", Reply(status=202, headers=NEXT), method="PATCH")
    faulty.on("/upload/2", Reply(status=201), method="PUT")
    return faulty


def methods(faulty: FaultyServer) -> list[str]:
    return [seen.method for seen in faulty.seen if seen.path.startswith(("/upload", UPLOADS))]


def test_a_large_blob_goes_in_one_stream_and_is_kept_in_a_second_request(
    remote: RemoteRegistry, opened: FaultyServer, app: ImageRef
) -> None:
    remote.upload_blob(app, LARGE, io.BytesIO(DATA))
    assert methods(opened) == ["POST", "PATCH", "PUT"]
    [stream] = opened.requests("/upload/1")
    assert stream.body == DATA
    assert stream.headers["content-range"] == f"0-{len(DATA) - 1}"
    assert stream.headers["content-length"] == str(len(DATA))
    assert "transfer-encoding" not in stream.headers
    [closing] = opened.requests("/upload/2")
    assert (closing.path, closing.body) == (CLOSING, b"")


@pytest.mark.parametrize("data", [DATA[:-1], DATA[:-1] + b"x", DATA + b"x", b"", DATA[: len(DATA) // 2]])
def test_a_stream_of_other_bytes_never_arrives_whole_and_is_never_kept(
    remote: RemoteRegistry, opened: FaultyServer, app: ImageRef, data: bytes
) -> None:
    with pytest.raises(IntegrityError):
        remote.upload_blob(app, LARGE, io.BytesIO(data))
    while not opened.requests("/upload/1"):  # the server notes a request when it has read all that came of it
        time.sleep(0.01)
    assert "PUT" not in methods(opened)
    assert "DELETE" in methods(opened)
    assert all(len(seen.body) < LARGE.size for seen in opened.requests("/upload/1") if seen.method == "PATCH")


def test_a_source_that_breaks_is_the_sources_fault_and_not_a_reason_to_send_in_parts(
    remote: RemoteRegistry, opened: FaultyServer, app: ImageRef
) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            data = super().read(size)
            if not data or self.tell() > len(DATA) // 2:
                message = "the source is gone"
                raise UpstreamError(message)
            return data

    with pytest.raises(UpstreamError, match="the source is gone") as caught:
        remote.upload_blob(app, LARGE, Breaking(DATA))
    assert caught.value.error_code != IN_PARTS
    remote.upload_blob(app, LARGE, io.BytesIO(DATA))
    assert methods(opened)[-3:] == ["POST", "PATCH", "PUT"]


@pytest.mark.parametrize("reply", [Reply(status=413), Reply(status=500), Reply(drop=True)])
def test_what_is_not_taken_in_one_stream_goes_in_parts_the_next_time(
    remote: RemoteRegistry, opened: FaultyServer, app: ImageRef, reply: Reply
) -> None:
    large = DATA * 2
    descriptor = descriptor_of(large, LARGE.media_type)
    assert len(large) > CHUNK_BYTES
    opened.on("/upload/1", reply, Reply(status=202, headers=NEXT), method="PATCH")
    opened.on("/upload/2", Reply(status=202, headers=NEXT), method="PATCH")
    with pytest.raises(UpstreamError) as caught:
        remote.upload_blob(app, descriptor, io.BytesIO(large))
    assert caught.value.error_code == IN_PARTS
    assert "PUT" not in methods(opened)
    before = len(opened.seen)
    remote.upload_blob(app, descriptor, io.BytesIO(large))
    patches = [seen for seen in opened.seen[before:] if seen.method == "PATCH"]
    assert [len(seen.body) for seen in patches] == [CHUNK_BYTES, len(large) - CHUNK_BYTES]


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, UnauthorizedUpstreamError), (403, UnauthorizedUpstreamError), (429, ThrottledUpstreamError)],
)
def test_a_body_that_was_read_is_not_sent_again_whatever_the_refusal(
    client: HttpClient, opened: FaultyServer, app: ImageRef, status: int, error: type[GateError]
) -> None:
    opened.on("/upload/1", Reply(status=status, headers={"WWW-Authenticate": 'Basic realm="here"'}), method="PATCH")
    with pytest.raises(error):
        RemoteRegistry(client, Anybody()).upload_blob(app, LARGE, io.BytesIO(DATA))
    assert methods(opened).count("PATCH") == 1
    assert "PUT" not in methods(opened)


def test_a_server_that_takes_a_stream_too_slowly_is_given_up(opened: FaultyServer, app: ImageRef) -> None:
    ticks = iter(range(0, 10_000, 10))
    client = HttpClient(HttpBounds(stream=100.0, total=10_000.0, attempts=1), clock=lambda: float(next(ticks)))

    class Slow(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(min(size or 0, 1000))

    with pytest.raises(UpstreamError) as caught:
        RemoteRegistry(client, NoCredentials()).upload_blob(app, LARGE, Slow(DATA))
    assert "did not take what was sent in time" in str(caught.value)
    assert "PUT" not in methods(opened)
    client.close()


def test_only_a_stream_that_vouches_for_the_very_blob_is_not_hashed_again() -> None:
    other = descriptor_of(DATA[::-1], LARGE.media_type)
    stranger = verified(io.BytesIO(DATA[::-1]), other, place="here")
    body = OutgoingBlob(LARGE, stranger)
    with pytest.raises(IntegrityError):
        list(body)
    honest = OutgoingBlob(LARGE, verified(io.BytesIO(DATA), LARGE, place="here"))
    assert len(honest) == LARGE.size
    assert b"".join(honest) == DATA
    assert honest.read(1) == b""
    lying = OutgoingBlob(LARGE, verified(io.BytesIO(DATA[::-1]), LARGE, place="here"))
    with pytest.raises(IntegrityError):
        lying.read()
    assert lying.broken


def test_a_promotion_sends_in_parts_by_itself_what_was_not_taken_whole(
    client: HttpClient, registry: RegistryServer
) -> None:
    class NoStreams(RemoteRegistry):
        refused = 0

        def upload_blob(self, *args: object) -> None:
            if not self.refused:
                self.refused += 1
                message = "not in one piece"
                raise UpstreamError(message, code=IN_PARTS)
            super().upload_blob(*args)  # type: ignore[arg-type] # handed through

    source_store, target_store = MemoryStore(), NoStreams(client, NoCredentials())
    source = push(source_store, STAGING, image("parts"), "1")
    places = Places.of([(STAGING.place.removesuffix("/app"), f"{registry.host}/parts/release")])
    plan = prepare_promotion(source, places, source_store=source_store, target_store=target_store)
    receipt = promote(plan, source_store, target_store)
    assert target_store.refused == 1
    assert {move.how for move in receipt.blobs} == {"uploaded"}
    released = ImageRef(transport=Transport.REGISTRY, repository=f"{registry.host}/parts/release/app")
    assert target_store.manifest(released.at(image("parts").digest)) == image("parts").manifest


def test_a_large_blob_crosses_real_registries(client: HttpClient, registry: RegistryServer) -> None:
    store = RemoteRegistry(client, NoCredentials())
    one = ImageRef(transport=Transport.REGISTRY, repository=f"{registry.host}/streams/one")
    store.upload_blob(one, LARGE, io.BytesIO(DATA))
    with store.blob(one, LARGE) as stream:
        store.upload_blob(one.model_copy(update={"repository": f"{registry.host}/streams/two"}), LARGE, stream)
    with store.blob(one.model_copy(update={"repository": f"{registry.host}/streams/two"}), LARGE) as stream:
        assert stream.read() == DATA


def test_a_source_that_breaks_leaves_a_real_registry_without_the_blob(
    client: HttpClient, registry: RegistryServer
) -> None:
    store = RemoteRegistry(client, NoCredentials())
    place = ImageRef(transport=Transport.REGISTRY, repository=f"{registry.host}/streams/broken")
    for data in (DATA[:-1] + b"x", DATA[:-1]):
        with pytest.raises(IntegrityError):
            store.upload_blob(place, LARGE, io.BytesIO(data))
        assert not store.has_blob(place, LARGE.digest)
    store.upload_blob(place, LARGE, io.BytesIO(DATA))
    assert store.has_blob(place, LARGE.digest)


@contextlib.contextmanager
def cutting(host: str, after: int) -> Iterator[str]:
    """Stand before a server and cut the first connection that sends more than so many bytes."""
    name, port = host.split(":")
    cut = threading.Event()

    def pump(one: socket.socket, other: socket.socket, limit: int) -> None:
        seen = 0
        with contextlib.suppress(OSError):
            while data := one.recv(65536):
                seen += len(data)
                if seen > limit and not cut.is_set():
                    cut.set()
                    break
                other.sendall(data)
        for end in (one, other):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def forward(here: socket.socket) -> None:
        with here, socket.create_connection((name, int(port))) as there:
            back = threading.Thread(target=pump, args=(there, here, 2**62), daemon=True)
            back.start()
            pump(here, there, after)
            back.join()

    def serve(listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # the end of the block
            while True:
                here, _ = listener.accept()
                threads.append(threading.Thread(target=forward, args=(here,), daemon=True))
                threads[-1].start()

    threads: list[threading.Thread] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=serve, args=(listener,), daemon=True)
        serving.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        serving.join()
        for thread in threads:  # the client has closed its connections by now
            thread.join()


def test_a_connection_that_is_cut_in_the_stream_leaves_no_blob_and_the_next_try_goes_in_parts(
    registry: RegistryServer,
) -> None:
    client = HttpClient(HttpBounds(attempts=1))
    store = RemoteRegistry(client, NoCredentials())
    large = DATA * 2
    descriptor = descriptor_of(large, LARGE.media_type)
    direct = ImageRef(transport=Transport.REGISTRY, repository=f"{registry.host}/streams/cut")
    with cutting(registry.host, after=1_000_000) as host:
        place = direct.model_copy(update={"repository": f"{host}/streams/cut"})
        with pytest.raises(UpstreamError) as caught:
            store.upload_blob(place, descriptor, io.BytesIO(large))
        assert caught.value.error_code == IN_PARTS
        assert not store.has_blob(direct, descriptor.digest)
        store.upload_blob(place, descriptor, io.BytesIO(large))
        with store.blob(direct, descriptor) as stream:
            assert stream.read() == large
        client.close()
