"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:712748a75fb690ca40d44c7f589aa68cd7b136d5288b323d69b84bb0b7b1553c"
