"""Links between documents lead somewhere, and what documents name of tests, targets and scripts exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from docs.consoles import ROOT

DOCUMENTS = sorted([*(ROOT / "docs").rglob("*.md"), *ROOT.glob("*.md"), *(ROOT / "exceptions").rglob("*.md")])
MAKEFILE = ROOT / "Makefile"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(document: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", document.read_text())
    assert [link for link in links if not (document.parent / link).exists()] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_target_of_make_that_a_document_names_is_one(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE.read_text(), re.MULTILINE))
    assert set(re.findall(r"`(?:[^`\n]* )?make ([a-z]+)`", document.read_text())) <= targets


def test_every_target_of_make_is_explained() -> None:
    targets = set(re.findall(r"^([a-z]+):", MAKEFILE.read_text(), re.MULTILINE))
    told = set(re.findall(r"`make ([a-z]+)`", (ROOT / "docs" / "development.md").read_text()))
    assert targets == told


def test_every_test_that_a_document_names_exists() -> None:
    named = {name for path in DOCUMENTS for name in re.findall(r"`(test_\w+)`", path.read_text())}
    known = {
        name
        for path in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^ *def (test_\w+)", path.read_text(), re.MULTILINE)
    }
    assert sorted(named - known) == []


def test_every_script_that_a_document_measures_with_is_there() -> None:
    scripts = re.findall(r"python (tests/[\w/]+\.py)", (ROOT / "docs" / "development.md").read_text())
    assert scripts
    assert [script for script in scripts if not (ROOT / script).exists()] == []
