"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:229b7a52f76116311172231a40127e0cd27d9b51d69d3e7e22bd186544a1da1a"
