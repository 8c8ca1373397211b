"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:18ec26937d07ac98ef0fc2ee8b0893e719e03373699e961ceb69b25119a4e593"
