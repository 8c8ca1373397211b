"""The digest of everything that decides, written down so that no rule changes unnoticed (`make ruleset`)."""

from __future__ import annotations

RULESET = "sha256:754f73e43e4006091b86bbfb05d58850d12516b50b53a3f5b9b37bf7a810a71c"
