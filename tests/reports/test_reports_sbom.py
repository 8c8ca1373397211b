"""A bill of materials is valid, the same for the same inventory, and claims no origin that nobody proved."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from image.image_world import SITE, inventory, layer, wheel

from gate.model.image import BaseMatch, Component, ImageFacts, Inventory, LayerFact, Proof, ProofLevel
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.reference import Problem, Severity
from gate.sbom import sbom

A, B = "sha256:" + "a" * 64, "sha256:" + "b" * 64
FACTS = ImageFacts(
    repository="registry.example.org/team/App",
    digest=A,
    media_type="application/vnd.oci.image.manifest.v1+json",
    config_digest=B,
    platform="linux/amd64",
    created="2026-01-02T03:04:05.123456789Z",
    layers=(LayerFact(digest=A, diff_id=B, size=1, media_type="application/vnd.oci.image.layer.v1.tar"),),
)


def bill(*components: Component, **update: object) -> dict[str, Any]:
    found = Inventory(image=FACTS, components=components).model_copy(update=update)
    text = sbom(found)
    problem = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    assert problem is None, problem.data
    document: dict[str, Any] = json.loads(text)
    return document


def part(kind: Kind = Kind.PYPI, **update: object) -> Component:
    base = Component(kind=kind, name="demo", version="1.0", path="x/demo-1.0.dist-info", layer=0)
    return base.model_copy(update=update)


def only(component: Component) -> dict[str, Any]:
    (found,) = bill(component)["components"]
    said: dict[str, Any] = found
    return said


def properties(document: dict[str, Any]) -> dict[str, str]:
    return {one["name"]: one["value"] for one in document["properties"]}


def test_the_same_inventory_gives_the_same_bytes_and_another_one_another_serial_number() -> None:
    one, other = Inventory(image=FACTS, components=(part(),)), Inventory(image=FACTS, components=())
    assert sbom(one) == sbom(one.model_copy())
    assert json.loads(sbom(one))["serialNumber"] != json.loads(sbom(other))["serialNumber"]


def test_the_time_is_what_the_image_claims_and_never_now() -> None:
    assert bill()["metadata"]["timestamp"].startswith("2026-01-02T03:04:05")
    for created in ("", "yesterday", "9999-12-31T23:59:59-14:00"):
        image = FACTS.model_copy(update={"created": created})
        assert bill(image=image)["metadata"]["timestamp"].startswith("1970-01-01T00:00:00")
    image = FACTS.model_copy(update={"created": "2026-01-02T03:04:05"})
    assert bill(image=image)["metadata"]["timestamp"].startswith("2026-01-02T03:04:05")


def test_the_image_is_the_subject_by_digest_with_its_layers_and_base() -> None:
    root = bill(base=BaseMatch(reference="mcr.microsoft.com/base", layers=1))["metadata"]["component"]
    assert (root["type"], root["version"]) == ("container", A)
    assert root["purl"].startswith("pkg:oci/app@sha256")
    assert root["hashes"] == [{"alg": "SHA-256", "content": "a" * 64}]
    told = properties(root)
    assert (told["gate:base"], told["gate:layer:0"]) == ("mcr.microsoft.com/base", A)
    assert told["gate:complete"] == "true"


def test_an_image_that_could_not_be_read_whole_says_so() -> None:
    problem = Problem(code="metadata_missing", message="x", file="y")
    warned = problem.model_copy(update={"severity": Severity.WARNING})
    told = properties(bill(problems=(problem, warned), other={"npm": 3})["metadata"]["component"])
    assert (told["gate:complete"], told["gate:problems"], told["gate:other:npm"]) == ("false", "1", "3")
    image = FACTS.model_copy(update={"index_digest": B, "platform": "linux"})
    told = properties(bill(image=image)["metadata"]["component"])
    assert (told["gate:index"], told["gate:base"], told["gate:complete"]) == (B, "none", "true")


def test_what_nobody_looked_up_has_no_origin() -> None:
    told = properties(only(part()))
    assert (told["gate:origin"], told["gate:proof"], told["gate:layer"], told["gate:base"]) == (
        "unknown",
        "not_looked_up",
        "0",
        "false",
    )


def test_a_proof_stands_with_its_level_its_code_and_its_evidence() -> None:
    proof = Proof(
        level=ProofLevel.PROVEN,
        code="record_equal",
        origin=Origin(kind=OriginKind.PYTHON_INDEX, location="pypi"),
        evidence={"wheel": "demo.whl", "wheel_sha256": "sha256:" + "c" * 64, "empty": ""},
    )
    found = only(part(proof=proof, in_base=True))
    told = properties(found)
    assert (told["gate:origin"], told["gate:proof"], told["gate:proof:code"]) == (
        "python_index:pypi",
        "proven",
        "record_equal",
    )
    assert (told["gate:proof:wheel"], told["gate:base"]) == ("demo.whl", "true")
    assert "gate:proof:empty" not in told
    assert found["hashes"] == [{"alg": "SHA-256", "content": "c" * 64}]


@pytest.mark.parametrize(
    ("component", "purl"),
    [
        (part(), "pkg:pypi/demo@1.0"),
        (part(version=""), "pkg:pypi/demo"),
        (
            part(Kind.CONDA, facts={"build": "py_0", "channel": "conda-forge", "subdir": "noarch"}),
            "pkg:conda/demo@1.0?build=py_0&channel=conda-forge&subdir=noarch",
        ),
        (
            part(Kind.OS, facts={"architecture": "amd64", "distribution": "ubuntu"}),
            "pkg:deb/ubuntu/demo@1.0?arch=amd64",
        ),
        (part(Kind.OS), "pkg:deb/debian/demo@1.0"),
        (part(Kind.OS, facts={"manager": "rpm", "distribution": "azurelinux"}), "pkg:rpm/azurelinux/demo@1.0"),
        (part(Kind.URL, direct_url="https://e.example/x"), "pkg:generic/demo@1.0?download_url=https://e.example/x"),
        (part(Kind.VCS, direct_url="https://e.example/x"), "pkg:generic/demo@1.0?vcs_url=https://e.example/x"),
        (part(Kind.URL), "pkg:generic/demo@1.0"),
        (part(Kind.LOCAL), None),
        (part(Kind.OTHER), None),
    ],
)
def test_a_package_url_names_an_index_only_for_what_was_installed_from_one(
    component: Component, purl: str | None
) -> None:
    assert only(component).get("purl") == purl


def test_what_was_installed_from_an_address_has_it_as_its_origin() -> None:
    told = properties(only(part(Kind.VCS, direct_url="https://e.example/x")))
    assert told["gate:origin"] == "vcs:https://e.example/x"


@pytest.mark.parametrize(
    ("facts", "hashes"),
    [
        ({"sha256": "c" * 64, "md5": "d" * 32}, [("MD5", "d" * 32), ("SHA-256", "c" * 64)]),
        ({"archive_sha256": "C" * 64}, [("SHA-256", "c" * 64)]),
        ({"sha256": "nonsense", "md5": ""}, None),
    ],
)
def test_hashes_are_those_of_the_archive_and_well_formed(
    facts: dict[str, str], hashes: list[tuple[str, str]] | None
) -> None:
    found = only(part(Kind.CONDA, facts=facts)).get("hashes")
    assert (found and sorted((one["alg"], one["content"]) for one in found)) == hashes


@pytest.mark.parametrize(
    ("text", "licenses"),
    [
        ("MIT", [{"license": {"id": "MIT"}}]),
        ("MIT OR Apache-2.0", [{"expression": "MIT OR Apache-2.0"}]),
        ("ask my lawyer", [{"license": {"name": "ask my lawyer"}}]),
        ("", None),
    ],
)
def test_licences_are_what_the_package_says(text: str, licenses: list[dict[str, Any]] | None) -> None:
    found = only(part(facts={"license": text})).get("licenses")
    plain = [{key: _without_acknowledgement(value) for key, value in one.items()} for one in found or []]
    assert (plain or None) == licenses


def _without_acknowledgement(value: Any) -> Any:
    return {key: one for key, one in value.items() if key != "acknowledgement"} if isinstance(value, dict) else value


def test_two_packages_of_one_name_and_version_both_stand() -> None:
    found = bill(part(), part(path="y/demo-1.0.dist-info"), part())["components"]
    assert len(found) == 3
    assert len({one["bom-ref"] for one in found}) == 3


def test_names_that_speak_to_a_pipeline_do_not() -> None:
    assert "##vso[" not in sbom(Inventory(image=FACTS, components=(part(name="##vso[task.complete]"),)))


def test_an_inventory_keeps_what_packages_say_of_their_licence() -> None:
    text = b"Metadata-Version: 2.4\nName: demo\nVersion: 1.0\nLicense-Expression: MIT\n"
    files = {path: data for path, data in wheel().items() if not path.endswith("RECORD")}
    files[f"{SITE}/demo-1.0.dist-info/METADATA"] = text
    (found,) = inventory(layer(files)).components
    assert found.facts["license"] == "MIT"
    long = text.replace(b"MIT", b"x" * 300)
    (found,) = inventory(layer(files | {f"{SITE}/demo-1.0.dist-info/METADATA": long})).components
    assert "license" not in found.facts
