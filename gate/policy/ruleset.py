"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:4fed39238999cb6ba9adc8fecf034d378687aaff987a32941d7cd1bf6da34a33"
