"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:60276fde806cce46f328b312d34e5d721811dbe9d5369cce4dccb279beb77d37"
