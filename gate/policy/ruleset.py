"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:e1ce26c43f4ab1d6e89b535a5cc2327456ad377f9b9d5e1c8f75c1b159acabd5"
