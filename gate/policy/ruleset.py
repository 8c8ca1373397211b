"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:35578ff300d1d733191e2d1abf7427a161dd848163ff6443caf51afbc28446c9"
