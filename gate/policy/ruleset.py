"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:faa4a6b04bc6dfb47d6a4df48c81d1e094545099b367f705514ffef0c86c9814"
