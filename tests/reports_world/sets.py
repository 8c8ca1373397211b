"""Judged closed sets of every verdict, hostile ones among them, as the resolver and its rules make them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from gate.model.failure import Failure
from gate.model.origin import PYPI, Kind, Origin, OriginKind
from gate.model.reference import Problem
from gate.model.resolution import FileKind, ProjectStatus, Resolution, ResolvedFile, ResolvedPackage
from gate.policy.schema import ResolutionPolicy
from gate.policy.sets.rule import ClosedSet
from gate.policy.source import load_policy
from gate.resolve.judged import JudgedSet, judged

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
EVIL = "x | <b>`y`\n##vso[task.complete]\x1b[2J[click](https://evil.example) ]]>&\u202e"
INDEX = Origin(kind=OriginKind.PYTHON_INDEX, location=PYPI, implicit=True)


def package(name: str, *, age: int = 300, **update: object) -> ResolvedPackage:
    """Return a package with one wheel, uploaded so many days ago."""
    file = ResolvedFile(
        filename=f"{name}-1.0-py3-none-any.whl",
        url=f"https://files.example/{name}-1.0-py3-none-any.whl",
        sha256="sha256:" + "a" * 64,
        size=1,
        upload_time=NOW - timedelta(days=age),
        kind=FileKind.WHEEL,
    )
    base = ResolvedPackage(kind=Kind.PYPI, name=name, version="1.0", origin=INDEX, files=(file,))
    return base.model_copy(update=update)


def a_set(*packages: ResolvedPackage, problems: tuple[Problem, ...] = (), name: str = "requirements.txt") -> JudgedSet:
    """Judge a set by the rules and the defaults."""
    found = Resolution(platform="linux-x86_64", python="3.11", packages=packages, problems=problems, resolved_at=NOW)
    return judged(name, ClosedSet(resolution=found, policy=load_policy(), demands=ResolutionPolicy(), now=NOW))


def sound() -> JudgedSet:
    """Return a set that passes every rule, with a warning."""
    return a_set(package("fine", declared=("requirements.txt:1",)))


def refused() -> JudgedSet:
    """Return a set with a young package that another brings in."""
    return a_set(
        package("top", declared=("requirements.txt:2",), pinned=True),
        package("young", age=1, required_by=("top",)),
    )


def held() -> JudgedSet:
    """Return a set that does not fit together."""
    problem = Problem(code="unsatisfiable", message="there is none", file="requirements.txt", line=1)
    return a_set(problems=(problem,))


def unresolved() -> JudgedSet:
    """Return a set of which an index said nothing."""
    nothing = Resolution(platform="linux-x86_64", python="3.11", resolved_at=NOW)
    failure = Failure(code="http_status", message=f"the index failed: {EVIL}", hint="try again")
    return JudgedSet(
        definition="requirements.txt", verdict="unresolved", resolution=nothing, results=(), failure=failure
    )


def unreached() -> JudgedSet:
    """Return a set of a channel whose address nobody knows."""
    problem = Problem(code="channel_address_unknown", message="where is it?", file="environment.yml", line=3)
    return a_set(problems=(problem,), name="environment.yml")


def empty() -> JudgedSet:
    """Return the set of a definition that names no package."""
    nothing = Resolution(platform="linux-x86_64", python="3.11", resolved_at=NOW)
    return JudgedSet(definition="Dockerfile", verdict="empty", resolution=nothing, results=())


def hostile() -> JudgedSet:
    """Return a set whose every word is somebody else's."""
    odd = package(
        "evil", status=ProjectStatus.QUARANTINED, status_reason=EVIL, declared=("a b/<&>.txt:7",), pinned=True
    )
    problem = Problem(code="unsatisfiable", message=EVIL, file="a b/<&>.txt", line=0)
    return a_set(odd, problems=(problem,), name="a b/<&>.txt")
