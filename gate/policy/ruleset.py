"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:9239725461c7802f266348a3c053e75354e0d8921ad914dfb3d52f6995547e8d"
