"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:045d06ffd3913d146167cdf591729d57b3c7ae366d10283d4bbd33d55e79f59b"
