"""The names of images: one image has one name, and what is outside the grammar is refused, never guessed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import UsageError
from gate.model.image import ImageRef, Transport
from gate.registry.reference import parse_image_ref, split_repository

DIGEST = "sha256:" + "ab" * 32


@pytest.mark.parametrize(
    ("text", "repository", "tag", "digest"),
    [
        ("mcr.example.org/azureml/base:1.2", "mcr.example.org/azureml/base", "1.2", None),
        ("mcr.example.org/base", "mcr.example.org/base", "latest", None),
        (f"mcr.example.org/base@{DIGEST}", "mcr.example.org/base", "", DIGEST),
        (f"mcr.example.org/base:1@{DIGEST}", "mcr.example.org/base", "1", DIGEST),
        ("localhost/base:1", "localhost/base", "1", None),
        ("localhost:5000/base", "localhost:5000/base", "latest", None),
        ("127.0.0.1:5000/a/b__c/d-e.f:v_1", "127.0.0.1:5000/a/b__c/d-e.f", "v_1", None),
        ("[::1]:5000/base:1", "[::1]:5000/base", "1", None),
        ("MCR.Example.ORG/base:1", "mcr.example.org/base", "1", None),
        ("UPPER/base:1", "upper/base", "1", None),
        ("python", "docker.io/library/python", "latest", None),
        ("python:3.12", "docker.io/library/python", "3.12", None),
        ("grafana/loki:1", "docker.io/grafana/loki", "1", None),
        ("docker.io/python:3", "docker.io/library/python", "3", None),
        ("index.docker.io/grafana/loki:1", "docker.io/grafana/loki", "1", None),
    ],
)
def test_a_registry_name_is_written_out(text: str, repository: str, tag: str, digest: str | None) -> None:
    expected = ImageRef(transport=Transport.REGISTRY, repository=repository, tag=tag, digest=digest)
    assert parse_image_ref(text) == expected


@pytest.mark.parametrize(
    ("text", "folder", "tag", "digest"),
    [
        ("oci:/srv/images:demo", "/srv/images", "demo", None),
        ("oci:/srv/images", "/srv/images", "latest", None),
        (f"oci:/srv/images@{DIGEST}", "/srv/images", "", DIGEST),
        ("oci:/srv/a:b/images", "/srv/a:b/images", "latest", None),
        ("oci:/srv/a@b:demo", "/srv/a@b", "demo", None),
        ("oci:/srv/x/../images:demo", "/srv/images", "demo", None),
    ],
)
def test_a_layout_is_named_by_its_absolute_folder(text: str, folder: str, tag: str, digest: str | None) -> None:
    expected = ImageRef(transport=Transport.OCI_LAYOUT, repository=folder, tag=tag, digest=digest)
    assert parse_image_ref(text) == expected


def test_a_relative_layout_lies_in_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert parse_image_ref("oci:images:demo").repository == str(tmp_path / "images")


@pytest.mark.parametrize(
    ("text", "name", "tag", "digest"),
    [
        ("docker:app", "app", "latest", None),
        ("docker:team/app:1", "team/app", "1", None),
        ("docker:localhost:5000/app:1", "localhost:5000/app", "1", None),
        (f"docker:app@{DIGEST}", "app", "", DIGEST),
    ],
)
def test_the_engine_keeps_the_name_as_typed(text: str, name: str, tag: str, digest: str | None) -> None:
    expected = ImageRef(transport=Transport.DOCKER_ENGINE, repository=name, tag=tag, digest=digest)
    assert parse_image_ref(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "/",
        ":tag",
        f"@{DIGEST}",
        "host.example.org/",
        "host.example.org//app",
        "host.example.org/App:1",
        "host.example.org/app:",
        "host.example.org/app:-1",
        "host.example.org/app:" + "x" * 129,
        "host.example.org/app:1:2",
        "host.example.org/app@sha256:abc",
        "host.example.org/app@sha512:" + "ab" * 64,
        f"host.example.org/app@{DIGEST.upper()}",
        f"host.example.org/app@{DIGEST}@{DIGEST}",
        f"host.example.org/app@{DIGEST}\n",
        "host.example.org/a..b",
        "host.example.org/a___b",
        "host.example.org/../app",
        "host.example.org/app?x=1",
        "host.example.org/app#1",
        "host.example.org:0/app",
        "host.example.org:99999/app",
        "host.example.org:/app",
        "-host.example.org/app",
        "user:pw@host.example.org/app:1",
        "[::1/app",
        "[:::1]/app",
        "https://host.example.org/app:1",
        "host.example.org/app\t:1",
        "host.example.org/" + "a" * 255,
        "oci:",
        "oci::tag",
        "oci:/srv/images:bad tag",
        "oci:/srv/images@sha256:abc",
        "oci:/srv/im\0ages:1",
        "docker:",
        "docker://host.example.org/app",
        "docker:App",
        "docker:host.example.org/App",
        "ünicode/app",
    ],
)
def test_what_is_outside_the_grammar_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_image_ref(text)
    assert caught.value.error_code == "bad_image_reference"
    assert "host/path:tag" in caught.value.hint
    assert caught.value.exit_code == 2


def test_a_refusal_does_not_repeat_a_password() -> None:
    with pytest.raises(UsageError) as caught:
        parse_image_ref("https://me:hunter2@host.example.org/app")
    assert "hunter2" not in str(caught.value)


@given(st.text(max_size=80))
def test_any_text_is_an_image_or_a_refusal_and_what_is_accepted_reads_back(text: str) -> None:
    try:
        ref = parse_image_ref(text)
    except UsageError:
        return
    assert bool(ref.tag) or ref.digest is not None
    assert parse_image_ref(str(ref)) == ref


def test_a_repository_splits_into_host_and_path() -> None:
    assert split_repository("localhost:5000/a/b") == ("localhost:5000", "a/b")
