"""Against real registries: what is written is read back in the same bytes, and what is deleted is gone."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest
from servers.certificates import Certificate
from servers.images import small_image
from servers.registry import RegistryServer

from gate.bounds import ImageBounds
from gate.errors import BoundError, IntegrityError, NotFoundError, UpstreamError, UsageError
from gate.http.client import HttpClient
from gate.model.base import sha256_of
from gate.model.image import ImageRef, Transport
from gate.registry.auth import NoCredentials
from gate.registry.content import OCI_INDEX
from gate.registry.interface import ImageReader, ImageWriter, Manifest
from gate.registry.reference import parse_image_ref
from gate.registry.remote import RemoteRegistry

ABSENT = "sha256:" + "0" * 64


@pytest.fixture
def client() -> Iterator[HttpClient]:
    made = HttpClient()
    yield made
    made.close()


@pytest.fixture
def remote(client: HttpClient) -> RemoteRegistry:
    return RemoteRegistry(client, NoCredentials(), chunk_bytes=1000)


@pytest.fixture
def place(registry: RegistryServer, request: pytest.FixtureRequest) -> ImageRef:
    """Name a repository that no other test uses."""
    return parse_image_ref(f"{registry.host}/remote/{sha256_of(request.node.nodeid.encode())[7:23]}:1")


def _beside(place: ImageRef, name: str) -> ImageRef:
    return place.model_copy(update={"repository": f"{place.repository}/{name}"})


def test_it_is_a_reader_and_a_writer(remote: RemoteRegistry) -> None:
    assert isinstance(remote, ImageReader)
    assert isinstance(remote, ImageWriter)


def test_an_image_is_written_and_read_back_in_the_same_bytes(remote: RemoteRegistry, place: ImageRef) -> None:
    image = small_image(b"read back")
    pinned = image.push(remote, place)
    assert remote.resolve(place) == image.manifest.digest
    assert remote.resolve(pinned) == image.manifest.digest
    assert remote.manifest(pinned) == image.manifest
    for descriptor, data in image.blobs:
        with remote.blob(place, descriptor) as stream:
            assert stream.read() == data


@pytest.mark.parametrize("size", [0, 1, 999, 1000, 1001, 2000, 5500])
def test_a_blob_of_any_size_goes_up_whole_or_in_chunks(remote: RemoteRegistry, place: ImageRef, size: int) -> None:
    descriptor, data = small_image(b"z" * size).layer
    assert not remote.has_blob(place, descriptor.digest)
    remote.upload_blob(place, descriptor, io.BytesIO(data))
    assert remote.has_blob(place, descriptor.digest)
    with remote.blob(place, descriptor) as stream:
        assert stream.read() == data


def test_writing_twice_is_no_error_and_changes_nothing(remote: RemoteRegistry, place: ImageRef) -> None:
    image = small_image(b"twice")
    assert image.push(remote, place) == image.push(remote, place)
    assert remote.tags(place) == ("1",)


@pytest.mark.parametrize("change", ["other", "short", "long"])
@pytest.mark.parametrize("size", [10, 5000])
def test_a_blob_with_other_bytes_is_refused_and_not_kept(
    remote: RemoteRegistry, place: ImageRef, change: str, size: int
) -> None:
    descriptor, data = small_image(change.encode() + b"a" * size).layer
    false = {"other": data[:-1] + b"b", "short": data[:-1], "long": data + b"a"}[change]
    with pytest.raises(IntegrityError):
        remote.upload_blob(place, descriptor, io.BytesIO(false))
    assert not remote.has_blob(place, descriptor.digest)
    assert not remote.has_blob(place, sha256_of(false))


def test_a_blob_is_mounted_from_another_repository(remote: RemoteRegistry, place: ImageRef) -> None:
    image = small_image(b"mounted")
    image.push(remote, place)
    target = _beside(place, "release")
    for descriptor, _ in image.blobs:
        remote.copy_blob(place, target, descriptor)
        remote.copy_blob(place, target, descriptor)
        assert remote.has_blob(target, descriptor.digest)
    remote.put_manifest(target, image.manifest)
    assert remote.resolve(target) == image.manifest.digest


def test_a_blob_in_its_own_repository_is_there_already(remote: RemoteRegistry, place: ImageRef) -> None:
    image = small_image(b"same place")
    image.push(remote, place)
    remote.copy_blob(place, place, image.layer[0])


def test_a_blob_that_its_source_lacks_is_not_copied(remote: RemoteRegistry, place: ImageRef) -> None:
    target = _beside(place, "release")
    descriptor, _ = small_image(b"nowhere").layer
    with pytest.raises(NotFoundError):
        remote.copy_blob(place, target, descriptor)
    with pytest.raises(NotFoundError):
        remote.copy_blob(place, place, descriptor)
    assert not remote.has_blob(target, descriptor.digest)


def test_a_blob_is_carried_to_another_registry(
    remote: RemoteRegistry, place: ImageRef, undeleting_registry: RegistryServer
) -> None:
    image = small_image(b"carried" * 1000)
    image.push(remote, place)
    target = parse_image_ref(f"{undeleting_registry.host}/carried:1")
    remote.copy_blob(place, target, image.layer[0])
    with remote.blob(target, image.layer[0]) as stream:
        assert stream.read() == image.layer[1]


def test_what_does_not_exist_is_not_found(remote: RemoteRegistry, place: ImageRef) -> None:
    small_image(b"there").push(remote, place)
    nowhere = _beside(place, "nowhere")
    descriptor, _ = small_image(b"not there").layer
    for ref in (nowhere, place.model_copy(update={"tag": "2"}), place.at(ABSENT)):
        with pytest.raises(NotFoundError, match="does not exist"):
            remote.resolve(ref)
    for ref in (place.at(ABSENT), nowhere.at(ABSENT)):
        with pytest.raises(NotFoundError):
            remote.manifest(ref)
    with pytest.raises(NotFoundError), remote.blob(place, descriptor):
        pytest.fail("the block must not be entered")
    assert not remote.has_blob(nowhere, ABSENT)
    assert remote.tags(nowhere) == ()


def test_a_manifest_is_read_by_digest_alone(remote: RemoteRegistry, place: ImageRef) -> None:
    small_image(b"by digest").push(remote, place)
    with pytest.raises(UsageError) as caught:
        remote.manifest(place)
    assert caught.value.error_code == "digest_needed"


def test_an_index_is_kept_in_its_own_bytes(remote: RemoteRegistry, place: ImageRef) -> None:
    image = small_image(b"child")
    image.push(remote, place)
    child = {"mediaType": image.manifest.media_type, "digest": image.manifest.digest, "size": len(image.manifest.raw)}
    raw = json.dumps({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child]}, indent=3).encode()
    index = Manifest(digest=sha256_of(raw), media_type=OCI_INDEX, raw=raw)
    remote.put_manifest(place.model_copy(update={"tag": "all"}), index)
    assert remote.manifest(place.at(index.digest)) == index


def test_a_manifest_without_a_tag_is_kept_under_its_digest(remote: RemoteRegistry, place: ImageRef) -> None:
    image = small_image(b"untagged")
    pinned = image.push(remote, place.model_copy(update={"tag": "", "digest": image.manifest.digest}))
    assert remote.manifest(pinned) == image.manifest
    assert remote.tags(place) == ()


def test_a_manifest_that_is_not_its_digest_is_never_sent(remote: RemoteRegistry, place: ImageRef) -> None:
    image = small_image(b"false")
    image.push(remote, place)
    false = image.manifest.model_copy(update={"raw": image.manifest.raw + b" "})
    with pytest.raises(IntegrityError):
        remote.put_manifest(place.model_copy(update={"tag": "2"}), false)
    with pytest.raises(IntegrityError):
        remote.put_manifest(place.at(ABSENT), image.manifest)
    assert remote.tags(place) == ("1",)


def test_a_manifest_whose_blobs_are_missing_is_refused_by_the_registry(remote: RemoteRegistry, place: ImageRef) -> None:
    with pytest.raises(UpstreamError) as caught:
        remote.put_manifest(place, small_image(b"without blobs").manifest)
    assert "MANIFEST_BLOB_UNKNOWN" in caught.value.facts["detail"]
    with pytest.raises(NotFoundError):
        remote.resolve(place)


def test_tags_are_sorted_and_a_moved_tag_resolves_to_the_new_digest(remote: RemoteRegistry, place: ImageRef) -> None:
    first, second = small_image(b"first"), small_image(b"second")
    for tag in ("b", "a", "1"):
        first.push(remote, place.model_copy(update={"tag": tag}))
    second.push(remote, place)
    assert remote.tags(place) == ("1", "a", "b")
    assert remote.resolve(place) == second.manifest.digest


def test_deleting_takes_the_manifest_and_all_its_tags_and_no_other(remote: RemoteRegistry, place: ImageRef) -> None:
    gone, kept = small_image(b"gone"), small_image(b"kept")
    for tag in ("1", "2"):
        gone.push(remote, place.model_copy(update={"tag": tag}))
    kept.push(remote, place.model_copy(update={"tag": "3"}))
    remote.delete_manifest(place.at(gone.manifest.digest))
    with pytest.raises(NotFoundError):
        remote.manifest(place.at(gone.manifest.digest))
    assert remote.tags(place) == ("3",)
    assert remote.manifest(place.at(kept.manifest.digest)) == kept.manifest
    remote.delete_manifest(place.at(gone.manifest.digest))
    remote.delete_manifest(_beside(place, "nowhere").at(ABSENT))


def test_deleting_by_tag_is_refused_and_deletes_nothing(remote: RemoteRegistry, place: ImageRef) -> None:
    image = small_image(b"by tag")
    image.push(remote, place)
    with pytest.raises(UsageError) as caught:
        remote.delete_manifest(place)
    assert caught.value.error_code == "digest_needed"
    assert remote.resolve(place) == image.manifest.digest


def test_a_registry_that_does_not_delete_is_told_apart(
    remote: RemoteRegistry, undeleting_registry: RegistryServer
) -> None:
    place = parse_image_ref(f"{undeleting_registry.host}/undeleting:1")
    pinned = small_image(b"undeleted").push(remote, place)
    with pytest.raises(UpstreamError) as caught:
        remote.delete_manifest(pinned)
    assert caught.value.error_code == "delete_disabled"
    assert caught.value.facts["codes"] == "UNSUPPORTED"
    assert remote.resolve(place) == pinned.digest


def test_bounds_hold(client: HttpClient, remote: RemoteRegistry, place: ImageRef) -> None:
    image = small_image(b"bounded")
    for tag in ("1", "2", "3"):
        pinned = image.push(remote, place.model_copy(update={"tag": tag}))
    tight = RemoteRegistry(client, NoCredentials(), ImageBounds(manifest_bytes=10, layer_bytes=3, tags=2))
    with pytest.raises(BoundError):
        tight.manifest(pinned)
    with pytest.raises(BoundError) as caught, tight.blob(place, image.layer[0]):
        pytest.fail("the block must not be entered")
    assert caught.value.error_code == "blob_too_large"
    with pytest.raises(BoundError) as caught:
        tight.tags(place)
    assert caught.value.error_code == "too_many_tags"


def test_a_registry_on_this_machine_may_speak_tls(
    remote: RemoteRegistry,
    tls_registry: RegistryServer,
    tls_certificate: Certificate,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tls_certificate.authority))
    place = parse_image_ref(f"{tls_registry.host}/tls:1")
    image = small_image(b"over tls")
    image.push(remote, place)
    assert remote.resolve(place) == image.manifest.digest


def test_an_untrusted_registry_is_not_asked_in_clear_instead(
    client: HttpClient, tls_registry: RegistryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("CURL_CA_BUNDLE", raising=False)
    remote = RemoteRegistry(client, NoCredentials())
    with pytest.raises(UpstreamError) as caught:
        remote.resolve(parse_image_ref(f"{tls_registry.host}/tls:1"))
    assert caught.value.error_code == "upstream_tls"


@pytest.mark.parametrize("transport", [Transport.OCI_LAYOUT, Transport.DOCKER_ENGINE])
def test_another_transport_is_a_mistake_of_the_caller(remote: RemoteRegistry, transport: Transport) -> None:
    with pytest.raises(UsageError) as caught:
        remote.resolve(ImageRef(transport=transport, repository="/srv/images", tag="1"))
    assert caught.value.error_code == "wrong_transport"
