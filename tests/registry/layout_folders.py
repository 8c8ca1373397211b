"""Layout folders for tests, and how to look into them."""

from __future__ import annotations

from pathlib import Path

import pytest
from registry.contract_images import Sample, image, push

from gate.errors import (
    GateError,
)
from gate.model.image import ImageRef, Transport
from gate.registry.layout import OciLayout
from gate.registry.layout_files import LOCK

STORE = OciLayout()


def at(folder: Path | str, tag: str = "1") -> ImageRef:
    """Name an image in a folder."""
    return ImageRef(transport=Transport.OCI_LAYOUT, repository=str(folder), tag=tag)


def layout(folder: Path, *samples: Sample) -> ImageRef:
    """Make a layout with the samples under the tags 1, 2 and so on."""
    for number, sample in enumerate(samples or (image("app"),), start=1):
        push(STORE, at(folder), sample, str(number))
    return at(folder)


def blob_of(folder: Path, digest: str) -> Path:
    """Return where a blob lies."""
    return folder / "blobs/sha256" / digest.removeprefix("sha256:")


def contents(folder: Path) -> dict[str, bytes]:
    """Return every file but the lock, by name."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != LOCK)
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def code_of(run: object) -> str:
    """Run; return the code of the error that came of it."""
    assert callable(run)
    with pytest.raises(GateError) as caught:
        run()
    return caught.value.error_code
