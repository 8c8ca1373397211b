"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:b21173c6fabbb2ac6e914b61d056afb1b1681316cb67b7f42efb733152d1a29f"
