"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:c0a911a021f8918976edf4407ea8f8084f09578be16c3e8a382ce07755f4f96a"
