"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:ce41d8cec2f301003c7d5d46c4dceb528d164d102ff98114b9d1e18df376a245"
