"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:73a6450c8d681877086bf776944d483889ee7600496139487855890fd66b16c8"
