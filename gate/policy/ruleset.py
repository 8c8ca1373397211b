"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:bd9f3c131b87dacb2f0033473c0d1f8e749d67b1de071964a690aecaf3fcacfa"
