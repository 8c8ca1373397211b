"""Registries that fail, lie or lead elsewhere while they are read: each in an error of its own."""

from __future__ import annotations

import pytest
from registry.fault_world import BLOB, BY_DIGEST, BY_TAG, DATA, LAYER, MANIFEST, Anybody, errors
from servers.faulty import FaultyServer, Reply, faulty_server
from servers.images import small_image

from gate.errors import (
    BoundError,
    GateError,
    IntegrityError,
    NotFoundError,
    ThrottledUpstreamError,
    TimeoutUpstreamError,
    UnauthorizedUpstreamError,
    UpstreamError,
)
from gate.http.client import HttpClient
from gate.model.base import sha256_of
from gate.model.image import ImageRef, Transport
from gate.registry.content import OCI_MANIFEST
from gate.registry.reference import parse_image_ref
from gate.registry.remote import RemoteRegistry


def _good(**headers: str) -> Reply:
    return Reply(body=MANIFEST.raw, headers={"Content-Type": MANIFEST.media_type, **headers})


@pytest.mark.parametrize(
    ("reply", "error", "code"),
    [
        (Reply(status=401), UnauthorizedUpstreamError, "upstream_unauthorized"),
        (Reply(status=403, body=errors("DENIED")), UnauthorizedUpstreamError, "upstream_forbidden"),
        (Reply(status=404, body=errors("MANIFEST_UNKNOWN")), NotFoundError, "not_found"),
        (Reply(status=404, body=errors("NAME_UNKNOWN")), NotFoundError, "not_found"),
        (Reply(status=404), UpstreamError, "not_a_registry"),
        (Reply(status=404, body=b"<html>"), UpstreamError, "not_a_registry"),
        (Reply(status=404, body=b'{"errors": ["MANIFEST_UNKNOWN"]}'), UpstreamError, "not_a_registry"),
        (Reply(status=404, body=b'{"errors": "MANIFEST_UNKNOWN"}'), UpstreamError, "not_a_registry"),
        (Reply(status=404, body=errors("UNSUPPORTED")), UpstreamError, "not_a_registry"),
        (Reply(status=429), ThrottledUpstreamError, "upstream_throttled"),
        (Reply(status=500), UpstreamError, "upstream_failed"),
        (Reply(status=418), UpstreamError, "upstream_failed"),
        (Reply(mute=True), TimeoutUpstreamError, "upstream_timeout"),
        (Reply(body=MANIFEST.raw, cut=10), UpstreamError, "upstream_unreachable"),
        (Reply(drop=True), UpstreamError, "upstream_unreachable"),
    ],
)
@pytest.mark.parametrize("pinned", [False, True])
def test_each_failure_of_a_manifest_has_its_own_code(
    *,
    remote: RemoteRegistry,
    faulty: FaultyServer,
    app: ImageRef,
    reply: Reply,
    error: type[GateError],
    code: str,
    pinned: bool,
) -> None:
    faulty.on(BY_DIGEST if pinned else BY_TAG, reply)
    with pytest.raises(error) as caught:
        remote.resolve(app.at(MANIFEST.digest) if pinned else app)
    assert type(caught.value) is error
    assert caught.value.error_code == code


@pytest.mark.parametrize(
    ("reply", "error", "code"),
    [
        (Reply(status=401), UnauthorizedUpstreamError, "upstream_unauthorized"),
        (Reply(status=403), UnauthorizedUpstreamError, "upstream_forbidden"),
        (Reply(status=404, body=errors("BLOB_UNKNOWN")), NotFoundError, "not_found"),
        (Reply(status=404, body=b"<Error>NoSuchKey</Error>"), UpstreamError, "not_a_registry"),
        (Reply(status=429), ThrottledUpstreamError, "upstream_throttled"),
        (Reply(status=500), UpstreamError, "upstream_failed"),
        (Reply(mute=True), TimeoutUpstreamError, "upstream_timeout"),
        (Reply(body=DATA, hang=10), TimeoutUpstreamError, "upstream_timeout"),
        (Reply(body=DATA, cut=10), UpstreamError, "upstream_unreachable"),
        (Reply(body=DATA[:-1]), IntegrityError, "digest_mismatch"),
        (Reply(body=DATA + b"x"), IntegrityError, "digest_mismatch"),
        (Reply(body=DATA[:-1] + b"x"), IntegrityError, "digest_mismatch"),
        (Reply(body=b""), IntegrityError, "digest_mismatch"),
        (Reply(body=b"x" * 1000, endless=True), IntegrityError, "digest_mismatch"),
    ],
)
def test_each_failure_of_a_blob_has_its_own_code(
    *, remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef, reply: Reply, error: type[GateError], code: str
) -> None:
    faulty.on(BLOB, reply)

    def read() -> None:
        with remote.blob(app, LAYER) as stream:
            stream.read()

    with pytest.raises(error) as caught:
        read()
    assert type(caught.value) is error
    assert caught.value.error_code == code


def test_other_bytes_than_the_digest_are_not_a_manifest(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef
) -> None:
    other = small_image(b"other").manifest
    faulty.on(BY_DIGEST, Reply(body=other.raw, headers={"Content-Type": OCI_MANIFEST}))
    for call in (remote.resolve, remote.manifest):
        with pytest.raises(IntegrityError):
            call(app.at(MANIFEST.digest))


@pytest.mark.parametrize("named", ["sha256:" + "0" * 64, "", "sha512:" + "0" * 128])
def test_a_registry_that_names_another_digest_than_its_bytes_have_is_not_believed(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef, named: str
) -> None:
    faulty.on(BY_TAG, _good(**{"Docker-Content-Digest": named}))
    with pytest.raises(IntegrityError):
        remote.resolve(app)


def test_a_registry_that_names_no_digest_is_read_by_its_bytes(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef
) -> None:
    faulty.on(BY_TAG, _good(**{"Content-Type": OCI_MANIFEST.upper() + "; charset=utf-8"}))
    assert remote.resolve(app) == MANIFEST.digest
    [seen] = faulty.requests(BY_TAG)
    for media_type in ("oci.image.manifest.v1+json", "oci.image.index.v1+json", "manifest.v2+json", "manifest.list.v2"):
        assert media_type in seen.headers["accept"]
    faulty.on(BY_DIGEST, _good(**{"Content-Type": OCI_MANIFEST.upper() + "; charset=utf-8"}))
    assert remote.manifest(app.at(MANIFEST.digest)) == MANIFEST


def test_a_manifest_beyond_the_bound_is_refused(remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef) -> None:
    faulty.on(BY_TAG, Reply(body=b"x" * 65536, endless=True))
    with pytest.raises(BoundError):
        remote.resolve(app)


def test_a_blob_on_another_host_is_read_without_credentials(
    client: HttpClient, faulty: FaultyServer, elsewhere: FaultyServer, app: ImageRef
) -> None:
    target = elsewhere.on("/storage", Reply(body=DATA))
    basic = {"WWW-Authenticate": 'Basic realm="x"'}
    faulty.on(BLOB, Reply(status=401, headers=basic), Reply(status=307, headers={"Location": target + "?sig=abc"}))
    with RemoteRegistry(client, Anybody()).blob(app, LAYER) as stream:
        assert stream.read() == DATA
    assert "authorization" in faulty.requests(BLOB)[1].headers
    assert ["authorization" in seen.headers for seen in elsewhere.seen] == [False]


@pytest.mark.parametrize("path", [BLOB, BY_TAG])
def test_another_host_that_asks_for_credentials_gets_none(
    client: HttpClient, faulty: FaultyServer, elsewhere: FaultyServer, app: ImageRef, path: str
) -> None:
    target = elsewhere.on("/storage", Reply(status=401, headers={"WWW-Authenticate": 'Basic realm="x"'}))
    faulty.on(path, Reply(status=307, headers={"Location": target}))
    remote = RemoteRegistry(client, Anybody())

    def read() -> None:
        with remote.blob(app, LAYER) as stream:
            stream.read()

    with pytest.raises(UnauthorizedUpstreamError):
        read() if path == BLOB else remote.resolve(app)
    assert len(elsewhere.seen) == 1
    assert "authorization" not in elsewhere.seen[0].headers


def test_a_registry_elsewhere_is_spoken_to_in_tls_alone(remote: RemoteRegistry) -> None:
    with pytest.raises(UpstreamError) as caught:
        remote.resolve(parse_image_ref("registry.invalid/app:1"))
    assert caught.value.facts["url"].startswith("https://registry.invalid/")


def test_docker_hub_is_asked_where_it_answers(remote: RemoteRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    with pytest.raises(UpstreamError) as caught:
        remote.resolve(parse_image_ref("python:3"))
    assert caught.value.facts["url"] == "https://registry-1.docker.io/v2/library/python/manifests/3"


def test_a_registry_that_is_down_is_unreachable(remote: RemoteRegistry) -> None:
    with faulty_server() as gone:
        app = parse_image_ref(f"{gone.host}/app:1")
    with pytest.raises(UpstreamError) as caught:
        remote.resolve(app)
    assert caught.value.error_code == "upstream_unreachable"


def test_a_name_that_could_leave_its_path_cannot(remote: RemoteRegistry, faulty: FaultyServer) -> None:
    crafted = ImageRef(transport=Transport.REGISTRY, repository=f"{faulty.host}/app", tag="../../x?y")
    with pytest.raises(UpstreamError):
        remote.resolve(crafted)
    assert faulty.seen[-1].path == "/v2/app/manifests/..%2F..%2Fx%3Fy"


def test_the_digest_that_is_asked_for_is_the_one_that_is_named(faulty: FaultyServer, remote: RemoteRegistry) -> None:
    assert sha256_of(MANIFEST.raw) == MANIFEST.digest
    faulty.on(BY_DIGEST, _good(**{"Docker-Content-Digest": MANIFEST.digest}))
    assert remote.resolve(parse_image_ref(f"{faulty.host}/app@{MANIFEST.digest}")) == MANIFEST.digest
