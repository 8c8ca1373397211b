"""The rules for a person at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gate.reports.policy_shown import RulePage


def render(pages: Sequence[RulePage]) -> str:
    """Return each rule with its codes; `{name}` stands for what a result fills in."""
    return "\n".join("".join(f"{line}\n" for line in _lines(page)) for page in pages)


def _lines(page: RulePage) -> Iterator[str]:
    yield page.id
    yield f"  {page.title}"
    for code, explanation in page.codes.items():
        yield f"  [{code}] {explanation.reason}"
        if explanation.way_out:
            yield f"      next: {explanation.way_out}"
