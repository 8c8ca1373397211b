"""The façade behaves as its sources say: referrers, cascades, lists, faults; nothing of the gate is in between."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
import requests
from acr_world.client import acr_client, acr_place
from servers.images import small_image

from gate.model.base import sha256_of
from gate.registry.content import OCI_MANIFEST
from gate.registry.interface import Manifest

if TYPE_CHECKING:
    from acr_world.facade import AcrFacade

    from gate.model.image import ImageRef

KIND = "application/vnd.example.note"


def ask(acr: AcrFacade, method: str, ref: ImageRef, path: str, action: str = "pull", **more: Any) -> requests.Response:
    name = ref.repository.partition("/")[2]
    token = acr.state.access(str(acr.state.exchange(acr.state.sign_in())), f"repository:{name}:{action}")
    url = f"https://{acr.host}{path.format(name=name)}"
    return requests.request(
        method, url, headers={"Authorization": f"Bearer {token}", "Accept": OCI_MANIFEST}, timeout=30, **more
    )


def note_about(acr: AcrFacade, ref: ImageRef, text: str = "one") -> Manifest:
    """Push something that refers to the image and return it."""
    image = small_image(b"note")
    store = acr_client(acr)
    for descriptor, data in image.blobs:
        store.upload_blob(ref, descriptor, io.BytesIO(data))
    config, layer = (one for one, _ in image.blobs)
    raw = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": KIND,
            "config": {"mediaType": config.media_type, "digest": config.digest, "size": config.size},
            "layers": [{"mediaType": layer.media_type, "digest": layer.digest, "size": layer.size}],
            "subject": {"mediaType": OCI_MANIFEST, "digest": ref.digest, "size": 1},
            "annotations": {"text": text},
        }
    ).encode()
    manifest = Manifest(digest=sha256_of(raw), media_type=OCI_MANIFEST, raw=raw)
    store.put_manifest(ref.model_copy(update={"tag": "", "digest": manifest.digest}), manifest)
    return manifest


@pytest.fixture
def ref(acr: AcrFacade) -> ImageRef:
    return small_image(b"subject").push(acr_client(acr), acr_place(acr).model_copy(update={"tag": "1"}))


def test_what_refers_to_an_image_is_listed_by_kind(acr: AcrFacade, ref: ImageRef) -> None:
    notes = [note_about(acr, ref), note_about(acr, ref, "two")]
    listed = ask(acr, "GET", ref, f"/v2/{{name}}/referrers/{ref.digest}")
    assert listed.headers["Content-Type"] == "application/vnd.oci.image.index.v1+json"
    assert [one["digest"] for one in listed.json()["manifests"]] == [note.digest for note in notes]
    other = ask(acr, "GET", ref, f"/v2/{{name}}/referrers/{ref.digest}?artifactType=other")
    assert (other.json()["manifests"], other.headers["OCI-Filters-Applied"]) == ([], "artifactType")
    wanted = ask(acr, "GET", ref, f"/v2/{{name}}/referrers/{ref.digest}?artifactType={KIND}")
    assert len(wanted.json()["manifests"]) == 2


def test_deleting_an_image_takes_what_refers_to_it(acr: AcrFacade, ref: ImageRef) -> None:
    note = note_about(acr, ref)
    acr_client(acr).delete_manifest(ref)
    assert ask(acr, "GET", ref, f"/v2/{{name}}/manifests/{note.digest}").status_code == 404
    assert ask(acr, "GET", ref, f"/v2/{{name}}/referrers/{ref.digest}").json()["manifests"] == []


def test_deleting_what_refers_leaves_the_image(acr: AcrFacade, ref: ImageRef) -> None:
    note = note_about(acr, ref)
    store = acr_client(acr)
    store.delete_manifest(ref.at(note.digest))
    assert ask(acr, "GET", ref, f"/v2/{{name}}/referrers/{ref.digest}").json()["manifests"] == []
    assert store.manifest(ref).digest == ref.digest


def test_a_tag_is_taken_off_and_its_manifest_stays(acr: AcrFacade, ref: ImageRef) -> None:
    assert ask(acr, "DELETE", ref, "/acr/v1/{name}/_tags/1", "delete").status_code == 202
    assert acr_client(acr).tags(ref) == ()
    assert ask(acr, "GET", ref, "/v2/{name}/manifests/1").status_code == 404
    assert acr_client(acr).manifest(ref).digest == ref.digest
    small_image(b"subject").push(acr_client(acr), ref.model_copy(update={"digest": None}))
    assert acr_client(acr).tags(ref) == ("1",)


def test_manifests_are_listed_with_their_tags_and_locks(acr: AcrFacade, ref: ImageRef) -> None:
    acr_client(acr).set_locks(ref, write=False, delete=True)
    (listed,) = ask(acr, "GET", ref, "/acr/v1/{name}/_manifests", "metadata_read").json()["manifests"]
    assert (listed["digest"], listed["tags"]) == (ref.digest, ["1"])
    assert listed["changeableAttributes"]["writeEnabled"] is False
    assert listed["changeableAttributes"]["deleteEnabled"] is True


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("GET", "/v2/{name}/manifests/1", "push"),
        ("PUT", "/v2/{name}/manifests/1", "pull"),
        ("DELETE", "/v2/{name}/manifests/1", "pull"),
        ("GET", "/acr/v1/{name}/_tags", "pull"),
        ("DELETE", "/acr/v1/{name}/_tags/1", "metadata_read"),
    ],
)
def test_a_token_is_good_for_what_it_was_given_for(
    acr: AcrFacade, ref: ImageRef, method: str, path: str, action: str
) -> None:
    answer = ask(acr, method, ref, path, action)
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer realm=")
    assert acr_client(acr).resolve(ref) == ref.digest


def test_what_may_not_be_read_is_not_given(acr: AcrFacade, ref: ImageRef) -> None:
    acr.state.attributes(ref.repository.partition("/")[2], str(ref.digest)).readEnabled = False
    assert ask(acr, "GET", ref, f"/v2/{{name}}/manifests/{ref.digest}").status_code == 405
    assert acr_client(acr).locks(ref).read is False


def test_routes_and_tokens_that_are_none_are_refused(acr: AcrFacade, ref: ImageRef) -> None:
    assert ask(acr, "GET", ref, "/acr/v1/nothing").status_code == 404
    assert ask(acr, "GET", ref, "/acr/v1/{name}/_tags/none", "metadata_read").status_code == 404
    url = f"https://{acr.host}/oauth2"
    for path, form in (
        ("exchange", {"grant_type": "access_token", "service": "another", "access_token": acr.state.sign_in()}),
        ("exchange", {"grant_type": "access_token", "service": acr.host, "access_token": "stranger"}),
        ("token", {"grant_type": "password", "service": acr.host, "scope": "x"}),
        ("token", {"grant_type": "refresh_token", "service": acr.host, "scope": "x", "refresh_token": "made-up"}),
    ):
        assert requests.post(f"{url}/{path}", data=form, timeout=30).status_code in {400, 401}


def test_a_fault_comes_as_often_as_it_was_asked_for(acr: AcrFacade, ref: ImageRef) -> None:
    acr.state.fail("GET /v2/.*/manifests/1$", 429, times=2, Retry_After="7")
    answers = [ask(acr, "GET", ref, "/v2/{name}/manifests/1") for _ in range(3)]
    assert [one.status_code for one in answers] == [429, 429, 200]
    assert answers[0].headers["Retry-After"] == "7"
