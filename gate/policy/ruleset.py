"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:3536c3a2580bb6f2ccad91f6963f7ffbe0a362e8e2e7aa60b1dfbbadf8eb9f02"
