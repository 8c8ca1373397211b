"""The closed set behind a declaration: resolved in isolation, from safelisted origins alone, nothing built or run."""

from gate.resolve.closed import closed_set

__all__ = ["closed_set"]
