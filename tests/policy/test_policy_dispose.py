"""Every reference gets one disposition, and only what is wholly safelisted or granted passes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from evaluation.worlds import NOW, PYPI

from gate.model.exception import Grant, GrantedFile, Scope
from gate.model.origin import Disposition, Kind, Origin, OriginKind
from gate.model.principal import Principal
from gate.model.reference import Reference
from gate.policy.dispose import dispose_reference, origin_allowed
from gate.policy.explain import DISPOSITIONS, explain
from gate.policy.schema import CondaChannel, ImageRegistry, OsArchive, PythonIndex
from gate.policy.source import load_policy

EXTRA = Origin(kind=OriginKind.PYTHON_INDEX, location="https://packages.example/simple")
SHA = "sha256:" + "a" * 64


def reference(**update: object) -> Reference:
    base = Reference(kind=Kind.PYPI, name="acme", spec="==1.0", origins=(EXTRA,), file="requirements.txt", line=3)
    return base.model_copy(update=update)


def grant(**update: object) -> Grant:
    base = Grant(
        id="GRT-1",
        kind=Kind.PYPI,
        name="acme",
        version="1.0",
        files=(GrantedFile(filename="acme-1.0-py3-none-any.whl", sha256=SHA, size=1),),
        references=("https://git.example/acme",),
        scope=Scope(repositories=("registry.example/staging/",)),
        owner=Principal(tenant="t", object_id="a"),
        approver=Principal(tenant="t", object_id="b"),
        reason="needed",
        not_before=NOW,
        expires=NOW + timedelta(days=1),
    )
    return base.model_copy(update=update)


@pytest.mark.parametrize(
    ("kind", "location", "allowed"),
    [
        (OriginKind.PYTHON_INDEX, "pypi", True),
        (OriginKind.PYTHON_INDEX, "PyPI", False),
        (OriginKind.PYTHON_INDEX, "", False),
        (OriginKind.PYTHON_INDEX, "https://mirror.example/simple", True),
        (OriginKind.PYTHON_INDEX, "https://mirror.example/simple/evil", False),
        (OriginKind.CONDA_CHANNEL, "conda-forge", True),
        (OriginKind.CONDA_CHANNEL, "conda-forge-evil", False),
        (OriginKind.CONDA_CHANNEL, "https://channels.example/conda-forge/", True),
        (OriginKind.CONDA_CHANNEL, "defaults", False),
        (OriginKind.IMAGE_REGISTRY, "mcr.microsoft.com", True),
        (OriginKind.IMAGE_REGISTRY, "mcr.microsoft.com/azureml/base", True),
        (OriginKind.IMAGE_REGISTRY, "mcr.microsoft.com.evil.example", False),
        (OriginKind.IMAGE_REGISTRY, "evil.example/mcr.microsoft.com", False),
        (OriginKind.IMAGE_REGISTRY, "acme.example/base/python", True),
        (OriginKind.IMAGE_REGISTRY, "acme.example/based", False),
        (OriginKind.IMAGE_REGISTRY, "acme.example", False),
        (OriginKind.IMAGE_REGISTRY, "azureml://registries/azureml", True),
        (OriginKind.IMAGE_REGISTRY, "azureml://registries/other", False),
        (OriginKind.OS_ARCHIVE, "debian", True),
        (OriginKind.OS_ARCHIVE, "ubuntu", False),
        (OriginKind.BASE_IMAGE, "mcr.microsoft.com/base", False),
        (OriginKind.URL, "https://files.example/x.whl", False),
        (OriginKind.VCS, "https://git.example/x", False),
        (OriginKind.PATH, "./x", False),
        (OriginKind.UNKNOWN, "pypi", False),
    ],
)
def test_an_origin_is_allowed_by_exactly_what_the_safelist_names(
    kind: OriginKind, location: str, allowed: bool
) -> None:
    safelist = load_policy().safelist
    safelist = safelist.model_copy(
        update={
            "python_indexes": (*safelist.python_indexes, PythonIndex(name="m", url="https://mirror.example/simple")),
            "conda_channels": (CondaChannel(name="conda-forge", urls=("https://channels.example/conda-forge",)),),
            "image_registries": (*safelist.image_registries, ImageRegistry(host="acme.example", path="base")),
            "os_archives": (OsArchive(name="debian"),),
            "azureml_registries": ("azureml",),
        }
    )
    assert origin_allowed(Origin(kind=kind, location=location), safelist) is allowed


@pytest.mark.parametrize(
    ("given", "disposition", "code"),
    [
        (reference(origins=(PYPI,)), Disposition.SAFELISTED, "safelisted"),
        (reference(origins=(PYPI, EXTRA)), Disposition.BLOCKED, "mixed_origins"),
        (reference(origins=(EXTRA,)), Disposition.BLOCKED, "origin_python_index"),
        (reference(origins=()), Disposition.UNDETERMINED, "no_origin"),
        (reference(origins=(PYPI,), undetermined="template"), Disposition.UNDETERMINED, "template"),
        (
            reference(kind=Kind.CONDA, origins=(Origin(kind=OriginKind.CONDA_CHANNEL, location="defaults"),)),
            Disposition.BLOCKED,
            "channel_licence",
        ),
    ],
)
def test_a_reference_is_disposed_of_by_all_its_origins(given: Reference, disposition: Disposition, code: str) -> None:
    disposed = dispose_reference(given, load_policy(), (), NOW)
    assert (disposed.disposition, disposed.code) == (disposition, code)
    assert disposed.request == ""


@pytest.mark.parametrize(
    ("given", "used", "repository", "granted"),
    [
        (reference(), grant(), "", True),
        (reference(spec="== 1.0"), grant(), "", True),
        (reference(spec=">=1.0"), grant(), "", False),
        (reference(spec=""), grant(), "", False),
        (reference(spec="==1.0,!=2"), grant(), "", False),
        (reference(name="acme-evil"), grant(), "", False),
        (reference(hashes=(SHA,)), grant(), "", True),
        (reference(hashes=(SHA, "sha256:" + "b" * 64)), grant(), "", False),
        (reference(), grant(expires=NOW), "", False),
        (reference(), grant(), "registry.example/staging/app", True),
        (reference(), grant(), "registry.example/other/app", False),
        (reference(kind=Kind.VCS, name="https://git.example/acme", spec=""), grant(), "", True),
        (reference(kind=Kind.VCS, name="https://git.example/acme2", spec=""), grant(), "", False),
        (reference(kind=Kind.VCS, name="https://git.example/x", distribution="acme"), grant(), "", True),
        (reference(kind=Kind.CONDA), grant(), "", False),
    ],
)
def test_a_grant_lifts_exactly_what_it_names(given: Reference, used: Grant, repository: str, granted: bool) -> None:
    disposed = dispose_reference(given, load_policy(), (used,), NOW, repository)
    assert (disposed.disposition is Disposition.GRANTED) is granted
    assert bool(disposed.request) is (bool(repository) and not granted)


def test_every_explanation_has_a_way_out_and_leaves_no_hole() -> None:
    for code in DISPOSITIONS:
        words = explain(DISPOSITIONS, code, {"name": "acme"})
        assert words.way_out
        assert "{" not in words.reason + words.way_out


def test_a_code_that_nobody_explained_still_has_words() -> None:
    words = explain(DISPOSITIONS, "new_code", {"name": "acme"})
    assert "new_code" in words.reason
    assert words.way_out
