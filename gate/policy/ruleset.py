"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:e6b30246954e8e5ac2b203d32d6967572ff42bf3f5db754ac0ce950ec07b14b6"
