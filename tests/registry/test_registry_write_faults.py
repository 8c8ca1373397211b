"""Registries that fail or lead elsewhere while they are written: nothing is believed and nothing left behind."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from registry.fault_world import BLOB, BY_DIGEST, BY_TAG, DATA, LAYER, MANIFEST, UPLOADS
from servers.faulty import FaultyServer, Reply
from servers.images import small_image

from gate.errors import (
    IntegrityError,
    ThrottledUpstreamError,
    UnauthorizedUpstreamError,
    UpstreamError,
)
from gate.model.image import ImageRef
from gate.registry.remote import RemoteRegistry


def test_a_mount_that_is_not_done_is_carried_in_the_session_it_opened(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef
) -> None:
    faulty.on(BLOB, Reply(body=DATA))
    opened = Reply(status=202, headers={"Location": "/upload/1?state=a"})
    faulty.on("/v2/release/blobs/uploads/", opened, method="POST")
    for number in range(1, 6):
        location = {"Location": f"{faulty.url}/upload/{number + 1}?state=a"}
        faulty.on(f"/upload/{number}", Reply(status=202, headers=location), method="PATCH")
    faulty.on("/upload/6", Reply(status=201), method="PUT")
    release = app.model_copy(update={"repository": f"{faulty.host}/release"})
    remote.copy_blob(app, release, LAYER)
    [mount] = faulty.requests("/v2/release/blobs/uploads/")
    assert mount.path.endswith(f"?mount={LAYER.digest.replace(':', '%3A')}&from=app")
    patches = [seen for seen in faulty.seen if seen.method == "PATCH"]
    assert b"".join(seen.body for seen in patches) == DATA
    assert [seen.headers["content-range"] for seen in patches][:2] == ["0-99", "100-199"]
    [closing] = faulty.requests("/upload/6")
    assert closing.path == f"/upload/6?state=a&digest={LAYER.digest.replace(':', '%3A')}"


@pytest.mark.parametrize(
    "location", ["", "http://example.invalid/upload", "//example.invalid/u", "ftp://x/", "http://["]
)
def test_an_upload_is_never_sent_to_another_host(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef, location: str
) -> None:
    faulty.on(UPLOADS, Reply(status=202, headers={"Location": location}), method="POST")
    with pytest.raises(UpstreamError) as caught:
        remote.upload_blob(app, LAYER, io.BytesIO(DATA))
    assert caught.value.error_code == "upload_location_foreign"
    assert {seen.method for seen in faulty.seen} == {"GET", "POST"}


def test_an_upload_is_never_led_to_another_host_half_way(
    remote: RemoteRegistry, faulty: FaultyServer, elsewhere: FaultyServer, app: ImageRef
) -> None:
    faulty.on(UPLOADS, Reply(status=202, headers={"Location": "/upload"}), method="POST")
    faulty.on("/upload", Reply(status=202, headers={"Location": f"{elsewhere.url}/upload"}), method="PATCH")
    with pytest.raises(UpstreamError) as caught:
        remote.upload_blob(app, LAYER, io.BytesIO(DATA))
    assert caught.value.error_code == "upload_location_foreign"
    assert elsewhere.seen == []


@pytest.mark.parametrize("data", [DATA[:-1], DATA + b"x", DATA[:-1] + b"x", b""])
def test_an_upload_of_other_bytes_is_given_up_and_never_closed(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef, data: bytes
) -> None:
    faulty.on(UPLOADS, Reply(status=202, headers={"Location": "/upload"}), method="POST")
    faulty.on("/upload", Reply(status=202, headers={"Location": "/upload"}), method="PATCH")
    faulty.on("/upload", Reply(status=201), method="PUT")
    with pytest.raises(IntegrityError):
        remote.upload_blob(app, LAYER, io.BytesIO(data))
    methods = [seen.method for seen in faulty.requests("/upload")]
    assert "PUT" not in methods
    assert methods[-1] == "DELETE"


def test_an_upload_without_end_is_not_read_beyond_its_size(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef
) -> None:
    class Endless(io.BytesIO):
        taken = 0

        def read(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert size >= 0
            self.taken += size
            return b"x" * size

    faulty.on(UPLOADS, Reply(status=202, headers={"Location": "/upload"}), method="POST")
    faulty.on("/upload", Reply(status=202, headers={"Location": "/upload"}), method="PATCH")
    stream = Endless()
    with pytest.raises(IntegrityError):
        remote.upload_blob(app, LAYER, stream)
    assert stream.taken <= LAYER.size + 1


def test_a_source_that_breaks_while_it_is_copied_leaves_nothing(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef
) -> None:
    faulty.on(BLOB, Reply(body=DATA, cut=50))
    faulty.on("/v2/release/blobs/uploads/", Reply(status=202, headers={"Location": "/upload"}), method="POST")
    faulty.on("/upload", Reply(status=202, headers={"Location": "/upload"}), method="PATCH")
    release = app.model_copy(update={"repository": f"{faulty.host}/release"})
    with pytest.raises(UpstreamError):
        remote.copy_blob(app, release, LAYER)
    assert "PUT" not in [seen.method for seen in faulty.seen]


def test_the_closing_of_an_upload_is_not_repeated(remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef) -> None:
    small = small_image(b"small").layer
    faulty.on(UPLOADS, Reply(status=202, headers={"Location": "/upload"}), method="POST")
    faulty.on("/upload", Reply(status=500), method="PUT")
    with pytest.raises(UpstreamError):
        remote.upload_blob(app, small[0], io.BytesIO(small[1]))
    assert [seen.method for seen in faulty.requests("/upload")] == ["PUT", "DELETE"]


def test_a_written_manifest_that_gets_another_digest_is_an_error(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef
) -> None:
    faulty.on(BY_DIGEST, Reply(status=201, headers={"Docker-Content-Digest": "sha256:" + "0" * 64}), method="PUT")
    with pytest.raises(IntegrityError):
        remote.put_manifest(app.at(MANIFEST.digest), MANIFEST)
    assert faulty.requests(BY_TAG) == []


def test_a_tag_alone_is_written_in_one_request_and_under_no_other_digest(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef
) -> None:
    faulty.on(BY_TAG, Reply(status=201), method="PUT")
    remote.put_manifest(app, MANIFEST)
    assert [(seen.method, seen.path, seen.body) for seen in faulty.seen if seen.method == "PUT"] == [
        ("PUT", BY_TAG, MANIFEST.raw)
    ]
    faulty.on(BY_TAG, Reply(status=201, headers={"Docker-Content-Digest": "sha256:" + "0" * 64}), method="PUT")
    with pytest.raises(IntegrityError):
        remote.put_manifest(app, MANIFEST)


@pytest.mark.parametrize("status", [401, 403, 404, 429, 500])
def test_a_deletion_that_fails_is_an_error(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef, status: int
) -> None:
    faulty.on(BY_DIGEST, Reply(status=status), method="DELETE")
    with pytest.raises(UpstreamError):
        remote.delete_manifest(app.at(MANIFEST.digest))


@pytest.mark.parametrize(
    "call",
    [
        lambda remote, ref: remote.has_blob(ref, LAYER.digest),
        lambda remote, ref: remote.upload_blob(ref, LAYER, io.BytesIO(DATA)),
        lambda remote, ref: remote.put_manifest(ref.at(MANIFEST.digest), MANIFEST),
        lambda remote, ref: remote.copy_blob(ref, ref.model_copy(update={"repository": ref.repository + "2"}), LAYER),
    ],
)
@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, UnauthorizedUpstreamError),
        (403, UnauthorizedUpstreamError),
        (429, ThrottledUpstreamError),
        (500, UpstreamError),
    ],
)
def test_each_write_that_is_refused_says_so(
    *,
    remote: RemoteRegistry,
    faulty: FaultyServer,
    app: ImageRef,
    call: Callable[[RemoteRegistry, ImageRef], object],
    status: int,
    error: type[UpstreamError],
) -> None:
    for path, method in ((BLOB, "HEAD"), (UPLOADS, "POST"), (BY_DIGEST, "PUT"), ("/v2/app2/blobs/uploads/", "POST")):
        faulty.on(path, Reply(status=status), method=method)
    with pytest.raises(error):
        call(remote, app)
