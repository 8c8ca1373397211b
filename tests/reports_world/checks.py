"""Reports of checks, as readers and policy make them, with all that a report can hold."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

from gate.bounds import DefinitionBounds
from gate.environment.check import CheckReport, check_declared
from gate.environment.reader import read_definition
from gate.model.exception import Grant, GrantedFile, Scope
from gate.model.origin import Kind
from gate.model.principal import Principal
from gate.policy.schema import Policy, Treatment
from gate.policy.source import load_policy

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SHA = "sha256:" + "d" * 64

EVERYTHING = (
    "--extra-index-url https://user:s3cret@x.example/s\n"
    "granted==1\n"
    "doubted==1\n"
    "c @ https://tok3n@h.example/c.whl\n"
    "-c gone.txt\n"
    "git+https://h.example/o/r@v1\n"
    "$VARIABLE\n"
    "broken>>1\n"
)
"""One granted, two blocked, one in doubt over its index, one undetermined; an error and a warning of reading."""


def grant(name: str, version: str = "1") -> Grant:
    """Approve one version of one package from PyPI's kind, as a steward would."""
    return Grant(
        id="EXC-1",
        kind=Kind.PYPI,
        name=name,
        version=version,
        files=(GrantedFile(filename=f"{name}-{version}.whl", sha256=SHA, size=1),),
        scope=Scope(repositories=("staging/",)),
        owner=Principal(tenant="t", object_id="owner"),
        approver=Principal(tenant="t", object_id="approver"),
        reason="needed",
        not_before=NOW - timedelta(days=1),
        expires=NOW + timedelta(days=1),
    )


def strict(policy: Policy) -> Policy:
    """Return the policy with conda's implicit `defaults` blocked where they are declared."""
    return policy.model_copy(
        update={"safelist": policy.safelist.model_copy(update={"implicit_defaults": Treatment.BLOCK})}
    )


def checked(
    folder: Path, content: str, *grants: Grant, name: str = "requirements.txt", policy: Policy | None = None
) -> CheckReport:
    """Write one definition and check it against the policy that the package embeds."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    declared = read_definition(path, folder, DefinitionBounds())
    return check_declared(declared, policy or load_policy(), grants, NOW)


def everything(folder: Path) -> CheckReport:
    """Return a report with every kind of row, source and problem."""
    return checked(folder, EVERYTHING, grant("granted"))


def of_every_kind(folder: Path) -> list[CheckReport]:
    """Return reports of every verdict, hostile ones among them."""
    conda = "channels: [conda-forge]\ndependencies: [a]\n"
    return [
        everything(folder),
        checked(folder, "fine==1\n"),
        checked(folder, ""),
        checked(folder, "-i https://x.example/s\na==1\n", grant("a")),
        checked(folder, conda, name="c.yml"),
        checked(folder, conda, name="c.yml", policy=strict(load_policy())),
        checked(folder, HOSTILE, name='a b/<&">]]>%20#é.txt'),
        CheckReport(verdict="unparseable"),
    ]


HOSTILE = (
    "x @ https://h.example/[click](https://evil.example)\n"
    "y @ https://h.example/\x1b[31m\x07\x01]]>&<a href='x'>\"\n"
    "z @ https://h.example/\u202egnp.whl\n"
    "v @ https://h.example/##vso[task.complete]##[error]x\n"
)
"""Names that would be links, colours, markup, another file's name or an agent's orders where they are not text."""
