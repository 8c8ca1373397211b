"""An index with one small and one large wheel, and what tests ask of it."""

from __future__ import annotations

import pytest
from index.wheel_maker import WheelRecipe

from gate.bounds import HttpBounds, WheelBounds
from gate.errors import (
    UpstreamError,
)
from gate.index.client import PythonIndex
from gate.index.project import IndexFile, Project

SMALL = WheelRecipe()
# Stored and not deflated, so that the whole does not fit into the first range.
LARGE = WheelRecipe(
    name="large_pkg", files={"large_pkg/data.bin": bytes(300_000), "large_pkg/__init__.py": b""}, method=0
)
JSON = "application/vnd.pypi.simple.v1+json"
QUICK = HttpBounds(connect=1.0, read=0.3, total=2.0, attempts=1)
BOUNDS = WheelBounds(whole_bytes=4096, tail_bytes=4096)


def project(index: PythonIndex, name: str = "demo-pkg") -> Project:
    found = index.project(name)
    assert isinstance(found, Project)
    return found


def only(index: PythonIndex, name: str = "demo-pkg") -> IndexFile:
    (file,) = project(index, name).files
    return file


def failure(index: PythonIndex, name: str = "demo-pkg") -> UpstreamError:
    with pytest.raises(UpstreamError) as caught:
        index.project(name)
    return caught.value
