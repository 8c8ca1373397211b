"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:eb8fa7b4dff0526d2da01b47e8668f704249e677b5c76ee045f428f5d12a52b5"
