"""Whatever is wrong with the input: a clear error, the right code, nothing changed, what was begun on record."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from evaluation.input_world import BEGUN, REFUSED, REPOSITORY, Gate, bomb, cleanly, image_of, serve
from servers.faulty import FaultyServer, Reply
from servers.images import small_image
from servers.registry import RegistryServer

from gate.model.image import ImageRef, Transport
from gate.registry.layout import OciLayout

UNPACKED = gzip.compress(b"\0" * 10_240, mtime=0)


def read_only(server: FaultyServer) -> None:
    """See that nothing but reading was asked of the server."""
    assert {seen.method for seen in server.seen} <= {"GET", "HEAD"}


@pytest.mark.parametrize(
    ("reply", "errors"),
    [
        (Reply(status=401), ("upstream_unauthorized",)),
        (Reply(status=401, headers={"WWW-Authenticate": "Basic realm=x"}), ("upstream_unauthorized",)),
        (Reply(status=403), ("upstream_forbidden", "upstream_unauthorized")),
        (Reply(status=404), ("not_a_registry",)),
        (Reply(status=404, body=b'{"errors": [{"code": "MANIFEST_UNKNOWN"}]}'), ("not_found",)),
        (Reply(status=429, headers={"Retry-After": "100"}), ("upstream_throttled",)),
        (Reply(status=500), ("upstream_failed",)),
        (Reply(status=503), ("upstream_failed",)),
        (Reply(mute=True), ("upstream_timeout",)),
        (Reply(body=b'{"schemaVersion": 2', hang=5), ("upstream_timeout",)),
        (Reply(drop=True), ("upstream_unreachable", "upstream_failed")),
        (Reply(body=b" ", endless=True), ("bound_exceeded", "answer_too_large", "manifest_too_large")),
        (Reply(status=302, headers={"Location": "ftp://elsewhere.example/"}), ("bad_redirect",)),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_registry_that_fails_before_the_digest_is_known(
    gate: Gate, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch, reply: Reply, errors: tuple[str, ...]
) -> None:
    monkeypatch.setenv("GATE_BOUND_IMAGE_MANIFEST_BYTES", "100000")
    image = serve(faulty, small_image(b""), tag=reply)
    gate.staging(f"{faulty.host}/staging", f"{faulty.host}/release")
    cleanly(gate.evaluate(image), 12, *errors)
    assert gate.events() == REFUSED
    read_only(faulty)


@pytest.mark.parametrize(
    ("instead", "code"),
    [
        ({"tag": Reply(body=b"<html>", headers={"Content-Type": "text/html"})}, "not_a_registry"),
        ({"manifest": Reply(body=b"{}")}, "digest_mismatch"),
        ({"config": Reply(body=b"{}")}, "digest_mismatch"),
        ({"layer": Reply(body=UNPACKED[:-1] + b"x")}, "digest_mismatch"),
        ({"layer": Reply(body=UNPACKED, cut=10)}, "upstream"),
        ({"layer": Reply(body=UNPACKED, hang=10)}, "upstream_timeout"),
        ({"layer": Reply(body=UNPACKED, endless=True)}, "digest_mismatch"),
        ({"layer": Reply(status=404)}, "not_a_registry"),
        ({"layer": Reply(status=500)}, "upstream_failed"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_registry_that_fails_while_the_image_is_read(
    gate: Gate, faulty: FaultyServer, instead: dict[str, Reply], code: str
) -> None:
    image = serve(faulty, image_of(UNPACKED), **instead)
    gate.staging(f"{faulty.host}/staging", f"{faulty.host}/release")
    account = failed(gate, image)
    assert account["failure"]["code"].startswith(code), account["failure"]
    read_only(faulty)


def failed(gate: Gate, image: str) -> dict[str, Any]:
    """Evaluate; see that it failed on record and without a verdict; return the account."""
    said = gate.evaluate(image, "--format", "json")
    assert said.code == 12, said
    account: dict[str, Any] = json.loads(said.out)
    assert (account["state"], account["outcome"], account["decision"]) == ("failed", None, None)
    assert account["failure"]["message"]
    assert account["failure"]["code"] != "unforeseen", account["failure"]
    assert gate.events() == BEGUN
    return account


@pytest.mark.parametrize(
    ("layer", "bound", "code"),
    [
        (image_of(b"this is no gzip"), "", ("layer_unreadable", "gzip", "layer_not_gzip")),
        (image_of(gzip.compress(b"this is no tar at all" * 100)), "", ("layer", "tar", "diff_id")),
        (image_of(UNPACKED[:-9]), "", ("layer", "gzip")),
        (bomb(50_000_000), "LAYER_BYTES=1000000", ("layer_too_large", "bound_exceeded", "layer")),
        (bomb(50_000_000), "RATIO=10", ("ratio", "bound_exceeded", "layer")),
        (image_of(UNPACKED, "application/x-odd"), "", ("media_type", "layer", "unknown")),
    ],
    ids=["no gzip", "no tar", "cut", "endless", "bomb", "odd"],
)
def test_a_layer_that_is_not_what_it_must_be(  # noqa: PLR0917 - three fixtures and a row
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, layer: Any, bound: str, code: tuple[str, ...]
) -> None:
    if bound:
        monkeypatch.setenv(f"GATE_BOUND_IMAGE_{bound.partition('=')[0]}", bound.partition("=")[2])
    staging = tmp_path / "staging"
    layer.push(OciLayout(), ImageRef(transport=Transport.OCI_LAYOUT, repository=str(staging), tag="1"))
    gate.staging(f"oci:{staging}", f"oci:{tmp_path}/release")
    before = {path: path.read_bytes() for path in staging.rglob("*") if path.is_file()}
    account = failed(gate, f"oci:{staging}:1")
    assert account["failure"]["code"].startswith(code), account["failure"]
    assert {path: path.read_bytes() for path in staging.rglob("*") if path.is_file()} == before
    assert not (tmp_path / "release").exists()


def test_a_real_registry_that_does_not_know_the_tag(gate: Gate, registry: RegistryServer) -> None:
    gate.staging(f"{registry.host}/staging", f"{registry.host}/release")
    cleanly(gate.evaluate(f"{registry.host}/{REPOSITORY}-absent:1"), 12, "not_found")
    assert gate.events() == REFUSED


def test_a_real_registry_that_wants_a_token(gate: Gate, token_registry: RegistryServer) -> None:
    gate.staging(f"{token_registry.host}/staging", f"{token_registry.host}/release")
    said = gate.evaluate(f"{token_registry.host}/{REPOSITORY}:1")
    cleanly(said, 12, "upstream_unauthorized", "upstream_forbidden")
    assert gate.events() == REFUSED


@pytest.mark.parametrize(
    ("image", "code"),
    [
        ("http://registry.example.org/app:1", "bad_image_reference"),
        ("registry.example.org/staging/App:1", "bad_image_reference"),
        ("oci:", "bad_image_reference"),
        ("registry.example.org/staging/app@sha256:12", "bad_image_reference"),
    ],
)
def test_an_image_that_is_none_begins_nothing(gate: Gate, image: str, code: str) -> None:
    gate.staging("registry.example.org/staging")
    cleanly(gate.evaluate(image), 2, code)
    assert not gate.database.exists()


def test_an_image_of_no_staging_place_is_refused_on_record(gate: Gate) -> None:
    gate.staging("registry.example.org/staging", "registry.example.org/release")
    for image in ("registry.example.org/other/app:1", "registry.example.org/release/app:1", "docker:app:1"):
        cleanly(gate.evaluate(image), 12, "not_staging")
    assert gate.events() == REFUSED * 3


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("environment.yml", b"dependencies: [}"),
        ("requirements.txt", b"\xff\xfe\x00six"),
        ("environment.yml", b"a: &a [*a, *a]\ndependencies: *a\n"),
    ],
)
def test_a_definition_that_does_not_parse_is_refused_on_record(gate: Gate, name: str, content: bytes) -> None:
    gate.staging("registry.example.org/staging", "registry.example.org/release")
    file = gate.folder / name
    file.write_bytes(content)
    words = ("evaluate", "registry.example.org/staging/app:1", "--environment", str(file), "--policy", str(gate.policy))
    cleanly(gate.run(*words), 12, "definition_unreadable")
    assert gate.events() == REFUSED


def test_a_definition_that_is_not_there_is_refused_on_record(gate: Gate) -> None:
    gate.staging("registry.example.org/staging", "registry.example.org/release")
    gate.environment.unlink()
    cleanly(gate.evaluate("registry.example.org/staging/app:1"), 12, "input_unreadable")
    assert gate.events() == REFUSED


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("policy.yaml", "promotion:", "promotoin:"),
        ("policy.yaml", "gate.policy/1", "gate.policy/9"),
        ("safelist.yaml", "conda_channels", "conda_chanels"),
        ("policy.yaml", "promotion:", "promotion: ["),
    ],
)
def test_a_policy_with_a_typo_decides_nothing(gate: Gate, file: str, old: str, new: str) -> None:
    gate.staging("registry.example.org/staging")
    path = gate.policy / "allowlist" / file
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))
    said = gate.evaluate("registry.example.org/staging/app:1")
    assert said.error.startswith("policy_")
    cleanly(said, 12, said.error)
    assert not gate.database.exists()


def test_a_policy_in_the_judged_project_and_working_directory_is_ignored(
    gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project, staging = tmp_path / "project", tmp_path / "staging"
    image_of(UNPACKED).push(OciLayout(), ImageRef(transport=Transport.OCI_LAYOUT, repository=str(staging), tag="1"))
    gate.staging(f"oci:{staging}")
    gate.policy.rename(project)
    (project / "requirements.txt").write_text("six\n")
    monkeypatch.chdir(project)
    said = gate.run("evaluate", f"oci:{staging}:1", "--environment", "requirements.txt")
    cleanly(said, 12, "not_staging")  # by the judged project's own policy it would have been taken in
    assert (staging / "index.json").exists()
