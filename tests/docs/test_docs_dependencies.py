"""Each dependency has a sentence that says why, and nothing else has one."""

from __future__ import annotations

import re
import tomllib

from docs.consoles import ROOT
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

DOCUMENT = ROOT / "docs" / "dependencies.md"


def asked_for() -> set[tuple[str, str]]:
    """Return every dependency of pyproject.toml as extra (or section) and name."""
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    project = content["project"]
    lists = {"": project["dependencies"], "dev": content["dependency-groups"]["dev"]}
    lists |= project["optional-dependencies"]
    return {(extra, canonicalize_name(Requirement(text).name)) for extra, texts in lists.items() for text in texts}


def explained() -> dict[tuple[str, str], str]:
    always, extras, development = re.split(r"^## .*$", DOCUMENT.read_text(), flags=re.MULTILINE)[1:]
    row = re.compile(r"^\| `([\w.-]+)` \| ([^`|]+)[^|]*(?:\|.*)?\|$", re.MULTILINE)
    three = re.compile(r"^\| `(\w+)` \| `([\w.-]+)` \| (.+) \|$", re.MULTILINE)
    told = {("", name): why for name, why in row.findall(always)}
    told |= {("dev", name): why for name, why in row.findall(development)}
    return told | {(extra, name): why for extra, name, why in three.findall(extras)}


def test_every_dependency_is_explained_and_nothing_else_is() -> None:
    assert set(explained()) == asked_for()


def test_an_explanation_is_a_sentence() -> None:
    assert [name for (_, name), why in explained().items() if len(why.split()) < 2] == []


def test_the_list_is_in_order() -> None:
    told = list(explained())
    for extra in {extra for extra, _ in told}:
        names = [name for other, name in told if other == extra]
        assert names == sorted(names)
