"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:1d36f80467ebd947c14656ccb5e4359ca03352a12321a0617d2686d0e18209f9"
