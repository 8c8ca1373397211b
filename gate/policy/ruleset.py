"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:2720b1291194cd791f1a1e9196d72c574d563d4281cf687bd9501e8b21a47fee"
