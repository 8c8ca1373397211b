"""The project's own Dockerfile passes the project's own gate, and installs what pyproject.toml asks for and no more."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from docs.consoles import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gate.cli import main

DOCKERFILE = ROOT / "Dockerfile"
EXTRAS = ("service", "postgres", "resolve")
"""What the service's image has beside the dependencies: it reaches no local engine, and asks Azure nothing yet."""


def instructions() -> list[str]:
    """Return the instructions without comments, each on one line."""
    lines = [line for line in DOCKERFILE.read_text().splitlines() if not line.startswith("#")]
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def project() -> dict[str, list[str]]:
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras: dict[str, list[str]] = content["optional-dependencies"]
    return {"": content["dependencies"], **extras}


def names(requirements: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def installed() -> list[str]:
    (line,) = [line for line in instructions() if "pip install" in line]
    words = line.split("--constraint constraints.txt", 1)[1].split()
    return [word.strip('"') for word in words]


def locked() -> dict[str, str]:
    """Return the text of each package's lines in constraints.txt, by name."""
    entries = re.split(r"^(?=[a-z0-9])", (ROOT / "constraints.txt").read_text(), flags=re.MULTILINE)
    return {canonicalize_name(Requirement(e.split("\\")[0]).name): e for e in entries if "==" in e}


def closure(wanted: Iterable[str]) -> Iterator[str]:
    """Return the names of what is wanted, and of all that it pulls in here."""
    waiting, seen = [Requirement(text) for text in wanted], set[str]()
    while waiting:
        one = waiting.pop()
        name = canonicalize_name(one.name)
        key = f"{name}[{','.join(sorted(one.extras))}]"
        if key in seen:
            continue
        seen.add(key)
        yield name
        try:
            below = requires(name) or []
        except PackageNotFoundError:
            continue
        extras = [{"extra": extra} for extra in ("", *one.extras)]
        parsed = [Requirement(text) for text in below]
        waiting += [part for part in parsed if part.marker is None or any(map(part.marker.evaluate, extras))]


def test_the_gate_lets_its_own_dockerfile_pass(capsys: pytest.CaptureFixture[str]) -> None:
    """T-47."""
    assert main(["check", str(DOCKERFILE), "--format", "json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"] == "safelisted"
    assert report["problems"] == []
    found = {reference["name"] for reference in report["references"]}
    assert found == {canonicalize_name(Requirement(text).name) for text in installed()} | {
        "mcr.microsoft.com/azurelinux/base/python"
    }


def test_another_base_than_microsofts_does_not_pass(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = DOCKERFILE.read_text().replace("ARG BASE=mcr.microsoft.com/", "ARG BASE=registry.example.org/")
    (tmp_path / "Dockerfile").write_text(text)
    (tmp_path / "constraints.txt").write_text((ROOT / "constraints.txt").read_text())
    assert main(["check", str(tmp_path / "Dockerfile")]) == 10
    assert "registry.example.org" in capsys.readouterr().out


def test_it_installs_the_dependencies_and_the_services_extras_alone() -> None:
    wanted = names(project()[""]).union(*(names(project()[extra]) for extra in EXTRAS))
    assert names(installed()) == wanted


def test_everything_that_it_pulls_in_is_locked_by_hash() -> None:
    """T-47."""
    lines = locked()
    missing = [name for name in closure(installed()) if "--hash=sha256:" not in lines.get(name, "")]
    assert missing == []


def test_pip_takes_wheels_by_hash_and_no_other_source() -> None:
    (line,) = [line for line in instructions() if "pip install" in line]
    assert "--require-hashes" in line
    assert "--only-binary :all:" in line
    for word in ("--index-url", "--extra-index-url", "--find-links", "--trusted-host", "http"):
        assert word not in line


def test_nothing_is_fetched_by_address_and_nobody_runs_as_root() -> None:
    kinds = [line.split()[0] for line in instructions() if line.strip()]
    assert "ADD" not in kinds
    users = [line for line in instructions() if line.startswith("USER")]
    assert users == ["USER 65532:65532"]
    assert kinds.index("USER") > max(number for number, kind in enumerate(kinds) if kind == "RUN")


def test_the_service_in_it_listens_on_loopback_alone() -> None:
    """T-35: until callers are identified."""
    (command,) = [line for line in instructions() if line.startswith("CMD")]
    assert json.loads(command.removeprefix("CMD ")) == ["serve", "--host", "127.0.0.1", "--port", "8080"]
    assert not [line for line in instructions() if line.startswith("EXPOSE")]


def test_only_what_is_copied_goes_to_the_builder() -> None:
    kept = [line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line[:1] == "!"]
    copied = [line.split()[1:-1] for line in instructions() if line.startswith("COPY") and "--from" not in line]
    assert "*" in (ROOT / ".dockerignore").read_text().splitlines()
    assert sorted(kept) == sorted(word for words in copied for word in words)
