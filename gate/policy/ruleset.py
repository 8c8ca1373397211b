"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:6e583223c6d7d4b350a920abf463226013aa159f030cc7b769a4d6d01d832a3b"
