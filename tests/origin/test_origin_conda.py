"""A conda channel is its address; a name is what anybody can write."""

from __future__ import annotations

import pytest

from gate.model.image import Component, ProofLevel
from gate.model.origin import Kind, OriginKind
from gate.origin.conda import channel_of, prove_conda


def package(**facts: str) -> Component:
    return Component(
        kind=Kind.CONDA, name="demo", version="1.0", path="opt/conda/conda-meta/demo-1.0-0.json", layer=0, facts=facts
    )


@pytest.mark.parametrize(
    ("text", "channel"),
    [
        ("", ""),
        ("conda-forge", "conda-forge"),
        ("conda-forge/linux-64", "conda-forge"),
        ("conda-forge/label/dev", "conda-forge/label/dev"),
        ("https://example.org/conda-forge", "https://example.org/conda-forge"),
        ("https://example.org/conda-forge/", "https://example.org/conda-forge"),
        ("https://example.org/conda-forge/noarch", "https://example.org/conda-forge"),
        ("https://example.org/conda-forge/linux-64/demo-1.0-0.conda", "https://example.org/conda-forge"),
        ("https://example.org/conda-forge/osx-arm64/demo-1.0-0.tar.bz2", "https://example.org/conda-forge"),
        ("https://me:hunter2@example.org/t/tk-1/ch/noarch/a-1-0.conda?sig=hunter2#x", "https://example.org/ch"),
        ("file:///srv/channel/noarch/demo-1.0-0.conda", "file:///srv/channel"),
        ("noarch", "noarch"),
    ],
)
def test_a_channel_is_what_is_left_without_platform_file_and_secrets(text: str, channel: str) -> None:
    assert channel_of(text) == channel


@pytest.mark.parametrize(
    ("facts", "location"),
    [
        ({"channel": "conda-forge"}, "conda-forge"),
        ({"channel": "conda-forge/linux-64"}, "conda-forge"),
        ({"url": "https://example.org/forge/noarch/a-1-0.conda"}, "https://example.org/forge"),
        (
            {"channel": "conda-forge", "url": "https://example.org/conda-forge/noarch/a-1-0.conda"},
            "https://example.org/conda-forge",
        ),
        (
            {"channel": "https://example.org/forge/noarch", "url": "https://example.org/forge/noarch/a-1-0.conda"},
            "https://example.org/forge",
        ),
        (
            {"channel": "team/label/dev", "url": "https://example.org/team/label/dev/noarch/a-1-0.conda"},
            "https://example.org/team/label/dev",
        ),
    ],
)
def test_the_channel_that_is_recorded_is_consistent_at_most(facts: dict[str, str], location: str) -> None:
    proof = prove_conda(package(**facts, build="0", sha256="ab"))
    assert (proof.level, proof.code) == (ProofLevel.CONSISTENT, "channel_recorded")
    assert proof.origin is not None
    assert (proof.origin.kind, proof.origin.location) == (OriginKind.CONDA_CHANNEL, location)
    assert proof.evidence["sha256"] == "ab"


def test_a_channel_of_a_good_name_on_another_server_is_told_by_its_address() -> None:
    proof = prove_conda(package(channel="conda-forge", url="https://evil.invalid/conda-forge/noarch/a-1-0.conda"))
    assert proof.origin is not None
    assert proof.origin.location == "https://evil.invalid/conda-forge"


@pytest.mark.parametrize("facts", [{}, {"channel": ""}, {"channel": " ", "url": ""}])
def test_without_a_channel_the_origin_is_unknown(facts: dict[str, str]) -> None:
    proof = prove_conda(package(**facts))
    assert (proof.level, proof.code, proof.origin) == (ProofLevel.UNKNOWN, "no_channel", None)


def test_a_channel_that_its_own_address_denies_is_contradicted() -> None:
    proof = prove_conda(package(channel="conda-forge", url="https://example.org/other/noarch/a-1-0.conda"))
    assert (proof.level, proof.code) == (ProofLevel.CONTRADICTED, "channel_differs")
    assert proof.origin is not None
    assert proof.origin.location == "https://example.org/other"


def test_a_package_of_the_base_that_was_changed_above_it_is_contradicted() -> None:
    proof = prove_conda(package(channel="conda-forge", base_modified="2", base_modified_example="opt/conda/a.py"))
    assert (proof.level, proof.code) == (ProofLevel.CONTRADICTED, "base_modified")
    assert proof.evidence == {"files": "2", "examples": "opt/conda/a.py"}
