"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:b1f15ba113ca0c389185b03b310facb6eb039fb0822b9a737727a8404d53a625"
