"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:db5621d4578dac699b3b03011be185bdedf010360563bba687e62f17071f3825"
