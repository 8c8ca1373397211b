"""Advisories on Python packages, by pip-audit over a local mirror: nothing is asked of anybody outside."""
