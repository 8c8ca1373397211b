"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:102f686716642d1f719e3007876a9a14c60c8fe9a5c24fb96b1fef75e0e38602"
