"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:516116e10188105da30b187f5ba0ade9b7a4580b7dc1cf9f734c4ebad298c5c6"
