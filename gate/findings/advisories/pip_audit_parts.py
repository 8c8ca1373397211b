"""The parts of pip-audit that the gate uses, brought in without running anything of the working directory.

pip-audit imports pip-api, which at import runs `python -m pip --version`; `-m` puts the working directory first on
the path, and in a pipeline that is the judged project: its `pip.py` would be run (seen with pip-api 0.0.34). With
PYTHONSAFEPATH set, the interpreter leaves the working directory out. This is the one module that imports pip-audit.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

_SAFE_PATH = "PYTHONSAFEPATH"


@contextmanager
def _safe_path() -> Iterator[None]:
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


with _safe_path():
    from pip_audit._audit import Auditor
    from pip_audit._dependency_source.interface import DependencySource
    from pip_audit._fix import ResolvedFixVersion
    from pip_audit._service.interface import (
        Dependency,
        ResolvedDependency,
        ServiceError,
        SkippedDependency,
        VulnerabilityID,
        VulnerabilityResult,
        VulnerabilityService,
    )

__all__ = [
    "Auditor",
    "Dependency",
    "DependencySource",
    "ResolvedDependency",
    "ResolvedFixVersion",
    "ServiceError",
    "SkippedDependency",
    "VulnerabilityID",
    "VulnerabilityResult",
    "VulnerabilityService",
]
