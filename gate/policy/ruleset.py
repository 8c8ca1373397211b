"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:d1c64f8509c8ccbbbf301b1640ad3809a12fbba74fbfb3d70067afe581a99b52"
