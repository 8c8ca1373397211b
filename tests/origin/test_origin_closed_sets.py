"""For which platform and Python the closed set of an image is, and that each is resolved once and never in silence."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from evaluation.worlds import closed, evidence, policy, submission

from gate.errors import GateError, InputError, UpstreamError
from gate.model.image import Component
from gate.model.origin import Kind
from gate.model.reference import Declared, Reference
from gate.origin.closed_sets import ClosedSets
from gate.origin.target import target_of
from gate.policy.schema import ResolutionPolicy
from gate.policy.words import Demand
from gate.resolve.target import parse_target

if TYPE_CHECKING:
    from gate.model.image import Inventory
    from gate.model.resolution import ImageSet
    from gate.policy.schema import Policy

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SITE = "usr/local/lib/python3.12/site-packages"
WANTED = Declared(references=(Reference(kind=Kind.PYPI, name="six", file="r.txt", line=1),), files=("r.txt",))
CONDA = Declared(references=(Reference(kind=Kind.CONDA, name="zlib", file="e.yml", line=1),), files=("e.yml",))


def python(path: str = SITE) -> Component:
    return Component(kind=Kind.PYPI, name="six", version="1.16.0", path=f"{path}/six-1.16.0.dist-info", layer=1)


def library(name: str, version: str) -> Component:
    return Component(kind=Kind.OS, name=name, version=version, path="var/lib/dpkg/status", layer=0)


def image(*components: Component, platform: str = "linux/amd64") -> Inventory:
    found = evidence(submission(), (), submitted_at=NOW, now=NOW).image
    facts = found.image.model_copy(update={"platform": platform})
    return found.model_copy(update={"image": facts, "components": components})


@pytest.mark.parametrize(
    ("libraries", "platform", "named"),
    [
        ((), "linux/amd64", "linux-x86_64"),
        ((), "linux/arm64/v8", "linux-aarch64"),
        ((("libc6", "2.36-9+deb12u9"),), "linux/amd64", "linux-x86_64-glibc2.36"),
        ((("glibc", "2.38-8.azl3"),), "linux/arm64", "linux-aarch64-glibc2.38"),
        ((("glibc", "0:2.35-7.cm2"),), "linux/amd64", "linux-x86_64-glibc2.35"),
        ((("libc6", "2.41-12"),), "linux/amd64", "linux-x86_64-glibc2.40"),
        ((("libc6", "2.30-1"),), "linux/amd64", "linux-x86_64-glibc2.28"),
        ((("libc6", "2.5-1"),), "linux/amd64", "linux-x86_64"),
        ((("libc6", "nonsense"),), "linux/amd64", "linux-x86_64"),
        ((("libc6", "2.36-9"), ("libc6", "2.31-1")), "linux/amd64", "linux-x86_64-glibc2.31"),
        ((("musl", "2.36"),), "linux/amd64", "linux-x86_64"),
    ],
)
def test_the_platform_is_that_of_the_image(libraries: tuple[tuple[str, str], ...], platform: str, named: str) -> None:
    found = image(python(), *(library(*one) for one in libraries), platform=platform)
    assert target_of(found, WANTED) == (named, "3.12")
    assert parse_target(*target_of(found, WANTED)).name == named


def test_the_python_is_that_of_most_packages_whatever_was_declared() -> None:
    found = image(python(), python("opt/venv/lib/python3.10/site-packages"), python("srv/lib/python3.10/site-packages"))
    assert target_of(found, WANTED)[1] == "3.10"


def test_an_image_without_python_packages_can_still_be_held_against_conda() -> None:
    assert target_of(image(), CONDA) == ("linux-x86_64", "3.11")
    with pytest.raises(InputError) as caught:
        target_of(image(), WANTED)
    assert caught.value.error_code == "resolve_python_unknown"


@pytest.mark.parametrize("platform", ["linux/s390x", "linux/arm", "windows/amd64/..", ""])
def test_a_machine_for_which_nobody_resolves_is_said(platform: str) -> None:
    if platform.startswith("windows"):
        platform = "windows/riscv64"
    with pytest.raises(InputError) as caught:
        target_of(image(python(), platform=platform), WANTED)
    assert caught.value.error_code == "resolve_platform_unknown"


class Counting:
    """Resolves to the same set, and counts; raises instead if it was given an error."""

    def __init__(self, error: Exception | None = None) -> None:
        self.asked: list[tuple[str, str, datetime]] = []
        self._error = error

    def __call__(self, declared: Declared, policy: Policy, *, platform: str, python: str, now: datetime) -> ImageSet:
        del declared, policy
        self.asked.append((platform, python, now))
        if self._error is not None:
            raise self._error
        return closed()


def under(demand: Demand) -> Policy:
    known = policy()
    resolution = ResolutionPolicy(evaluations=demand)
    return known.model_copy(update={"decision": known.decision.model_copy(update={"resolution": resolution})})


def test_images_of_one_platform_share_one_resolution_and_others_have_their_own() -> None:
    resolver, heard = Counting(), list[tuple[str, str]]()
    sets = ClosedSets(
        resolver, WANTED, under(Demand.REQUIRED), NOW, lambda platform, python: heard.append((platform, python))
    )
    first = image(python())
    assert sets.of(first) == sets.of(first) == sets.of(image(python(), python())) == closed()
    assert sets.of(image(python(), platform="linux/arm64")) == closed()
    assert resolver.asked == [("linux-x86_64", "3.12", NOW), ("linux-aarch64", "3.12", NOW)]
    assert heard == [("linux-x86_64", "3.12"), ("linux-aarch64", "3.12")]


def test_nothing_is_resolved_where_policy_says_never() -> None:
    resolver = Counting()
    assert ClosedSets(resolver, WANTED, under(Demand.NEVER), NOW).of(image(python())) is None
    assert resolver.asked == []


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UpstreamError("the index did not answer", code="unreachable"), "unreachable"),
        (GateError("uv is not installed", code="resolver_missing"), "resolver_missing"),
        (RuntimeError("secret"), "unforeseen"),
    ],
)
def test_a_resolver_that_fails_is_a_result_and_is_not_asked_again_for_it(error: Exception, code: str) -> None:
    resolver = Counting(error)
    sets = ClosedSets(resolver, WANTED, under(Demand.REQUIRED), NOW)
    for _ in range(2):
        found = sets.of(image(python()))
        assert found is not None
        assert found.failure is not None
        assert (found.failure.code, found.resolution) == (code, None)
        assert "secret" not in found.failure.message
    assert len(resolver.asked) == 1


def test_a_gate_without_a_resolver_and_an_image_without_a_python_say_so() -> None:
    for sets, found in (
        (ClosedSets(None, WANTED, under(Demand.REQUIRED), NOW), image(python())),
        (ClosedSets(Counting(), WANTED, under(Demand.REQUIRED), NOW), image()),
    ):
        told = sets.of(found)
        assert told is not None
        assert told.failure is not None
        assert told.failure.code in {"no_resolver", "resolve_python_unknown"}
        assert told.failure.hint
