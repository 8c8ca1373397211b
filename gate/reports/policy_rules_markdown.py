"""The rules as Markdown: what `docs/rules/` holds, one page a rule, and an index of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.reports.policy_shown import RulePage

INDEX = "README.md"
_MADE = "<!-- Made by `make docs` from the rule itself; a test holds it to the code. -->"


def render(pages: Sequence[RulePage]) -> str:
    """Return the pages one after another."""
    return "\n".join(page_of(page) for page in pages)


def files_of(pages: Sequence[RulePage]) -> dict[str, str]:
    """Return the pages by file name, with the index that links them."""
    return {INDEX: _index(pages), **{f"{page.id}.md": f"{_MADE}\n\n{page_of(page)}" for page in pages}}


def page_of(page: RulePage) -> str:
    """Return one rule's page."""
    lines = [f"# {page.id}", "", page.title, "", page.why, ""]
    lines += ["| code | reason | way out |", "|---|---|---|"]
    lines += [
        f"| `{code}` | {_cell(explanation.reason)} | {_cell(explanation.way_out) or '(a pass)'} |"
        for code, explanation in page.codes.items()
    ]
    return "\n".join(lines) + "\n"


def _index(pages: Sequence[RulePage]) -> str:
    lines = [_MADE, "", "# Rules", "", "In the order in which a report shows them. `{name}` in a page stands for what"]
    lines += ["a result fills in.", "", "| rule | what holds when it passes |", "|---|---|"]
    lines += [f"| [{page.id}]({page.id}.md) | {_cell(page.title)} |" for page in pages]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
