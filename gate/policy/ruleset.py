"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:8711c44d478b8c59d3b8b5ea23c605eb817e85e4e92276af2e25622e206e33cf"
