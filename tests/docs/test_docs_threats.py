"""The threat model cites tests that exist, and every id that a test cites is in it."""

from __future__ import annotations

import re
from collections import Counter

from docs.consoles import ROOT

PAGE = ROOT / "docs" / "threat-model.md"
_ID = re.compile(r"\bT-\d\d\b")


def sections() -> dict[str, str]:
    """Return the text of each threat by its id."""
    parts = re.split(r"^\*\*(T-\d\d) ", PAGE.read_text(), flags=re.MULTILINE)
    ids = parts[1::2]
    assert [name for name, times in Counter(ids).items() if times > 1] == []
    return dict(zip(ids, parts[2::2], strict=True))


def known() -> Counter[str]:
    found = Counter[str]()
    for path in (ROOT / "tests").rglob("test_*.py"):
        found.update(re.findall(r"^ *def (test_\w+)", path.read_text(), re.MULTILINE))
    return found


def test_every_test_that_is_cited_exists() -> None:
    cited = set(re.findall(r"`(test_\w+)`", PAGE.read_text()))
    assert len(cited) > 100
    assert sorted(cited - set(known())) == []


def test_every_threat_has_a_test_that_holds_it() -> None:
    assert len(sections()) > 25
    assert [name for name, text in sections().items() if not re.search(r"Tests: `test_", text)] == []


def test_every_id_that_a_test_or_the_code_names_is_a_threat() -> None:
    named = {
        name
        for folder in ("tests", "gate")
        for path in (ROOT / folder).rglob("*.py")
        for name in _ID.findall(path.read_text())
    }
    assert sorted(named - set(sections())) == []


def test_what_is_not_defended_is_said() -> None:
    assert PAGE.read_text().count("Not defended") >= 10
