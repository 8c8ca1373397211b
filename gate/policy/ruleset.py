"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:e7ff910786a341b278dd8cbb114c6f16cb641ab47519b6732281a69d8bf2cb25"
