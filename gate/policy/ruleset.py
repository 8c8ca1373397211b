"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:04194ce30568186fd592f04aa29a3b540e2bb0df1cb9512af45f0cf9cd7d0728"
