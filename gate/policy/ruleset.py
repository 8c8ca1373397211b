"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:88fc080d65a4c1bea10848a1ad9c90c60003814d4f308eaebb7128980de8253e"
