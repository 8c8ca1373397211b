"""A manifest that two readers could understand differently is refused, and so is what is no manifest."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from registry.contract_images import docker_list, image, index, plain

from gate.errors import GateError, InputError
from gate.model.base import sha256_of
from gate.registry.content import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST, Content, read_content
from gate.registry.interface import Manifest


def manifest(raw: bytes, media_type: str = OCI_MANIFEST) -> Manifest:
    return Manifest(digest=sha256_of(raw), media_type=media_type, raw=raw)


def parsed(media_type: str = OCI_MANIFEST) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((index(image("a")) if media_type == OCI_INDEX else image("a")).manifest.raw)
    return data


def code_of(data: object, media_type: str = OCI_MANIFEST) -> str:
    raw = data if isinstance(data, bytes) else json.dumps(data).encode()
    with pytest.raises(InputError) as caught:
        read_content(manifest(raw, media_type))
    return caught.value.error_code


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST])
def test_config_comes_first_then_layers(media_type: str) -> None:
    sample = image("a", media_type=media_type)
    assert read_content(sample.manifest) == Content(blobs=tuple(sample.blobs))


def test_an_index_lists_its_children() -> None:
    for sample in (index(image("a"), image("b")), docker_list(image("a", media_type=DOCKER_MANIFEST))):
        content = read_content(sample.manifest)
        assert [child.digest for child in content.children] == [child.digest for child in sample.children]
        assert content.blobs == ()


def test_a_subject_is_read() -> None:
    about = read_content(index(image("a")).manifest).children[0]
    assert read_content(image("sig", subject=plain(about)).manifest).subject == about


def test_a_media_type_of_no_image_is_refused() -> None:
    for media_type in ("application/vnd.docker.distribution.manifest.v1+prettyjws", "application/json", ""):
        assert code_of(parsed(), media_type) == "manifest_unsupported"


def test_what_calls_itself_otherwise_is_refused() -> None:
    assert code_of(parsed(), DOCKER_MANIFEST) == "media_type_mismatch"
    assert code_of(parsed(), OCI_INDEX) == "media_type_mismatch"


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000, b'{"schemaVersion": NaN}', b"\xef\xbb\xbf{}"],
)
def test_what_is_no_object_is_refused(raw: bytes) -> None:
    assert code_of(raw) == "manifest_unparseable"


@pytest.mark.parametrize(
    "change",
    [
        {"schemaVersion": 1},
        {"layers": None},
        {"layers": {}},
        {"config": None},
        {"config": []},
        {"layers": [{}]},
        {"layers": [{"digest": "sha256:short", "size": 1, "mediaType": "x"}]},
        {"layers": [{"digest": "sha512:" + "0" * 128, "size": 1, "mediaType": "x"}]},
        {"layers": [{"digest": "sha256:" + "0" * 64, "size": -1, "mediaType": "x"}]},
        {"layers": [{"digest": "sha256:" + "0" * 64, "size": True, "mediaType": "x"}]},
        {"layers": [{"digest": "sha256:" + "0" * 64, "size": 2**53, "mediaType": "x"}]},
        {"layers": [{"digest": "sha256:" + "0" * 64, "size": 1.0, "mediaType": "x"}]},
        {"layers": [{"digest": "sha256:" + "0" * 64, "size": 1, "mediaType": ""}]},
        {"subject": "sha256:" + "0" * 64},
    ],
)
def test_a_manifest_with_a_part_that_is_none_is_refused(change: dict[str, Any]) -> None:
    assert code_of(parsed() | change) == "manifest_unparseable"


@pytest.mark.parametrize("manifests", [None, {}, ["x"], [[]]])
def test_an_index_without_a_list_is_refused(manifests: object) -> None:
    assert code_of(parsed(OCI_INDEX) | {"manifests": manifests}, OCI_INDEX) == "manifest_unparseable"


@pytest.mark.parametrize("key", ["Layers", "LAYERS", "layer\u017f", "Config", "mediatype", "Manifests"])
def test_a_key_that_go_takes_for_another_is_refused(key: str) -> None:
    assert code_of(parsed() | {key: []}) == "manifest_ambiguous"


def test_a_key_of_a_descriptor_in_other_letters_is_refused() -> None:
    data = parsed()
    data["layers"][0]["Digest"] = "sha256:" + "0" * 64
    assert code_of(data) == "manifest_ambiguous"


def test_a_repeated_key_is_refused() -> None:
    raw = json.dumps(parsed()).encode()
    assert code_of(raw[:-1] + b', "layers": []}') == "manifest_ambiguous"


def test_an_image_that_is_an_index_too_is_refused() -> None:
    assert code_of(parsed() | {"manifests": []}) == "manifest_ambiguous"
    assert code_of(parsed(OCI_INDEX) | {"layers": []}, OCI_INDEX) == "manifest_ambiguous"
    assert code_of(parsed(OCI_INDEX) | {"config": {}}, OCI_INDEX) == "manifest_ambiguous"


def test_annotations_are_free() -> None:
    annotated = image("a", annotations={"Layers": "x", "SIZE": "y"})
    assert read_content(annotated.manifest).blobs == tuple(annotated.blobs)


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(lambda data: json.dumps(data).encode())
)
def test_no_bytes_escape_the_tree_of_errors(raw: bytes) -> None:
    with pytest.raises(GateError):
        read_content(manifest(raw))
