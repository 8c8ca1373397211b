"""Files that a caller sends: a bundle of paths and bytes, laid out in a folder of their own and read as data."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NoReturn

from pydantic import Base64Bytes, ConfigDict, Field

from gate.errors import InputError
from gate.model.base import Value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gate.bounds import DefinitionBounds

_LONGEST_PATH = 512


class SentFile(Value):
    """One file: its path with `/` between segments, and its bytes in base64."""

    model_config = ConfigDict(val_json_bytes="utf8")  # else the bytes would be decoded twice

    path: str = Field(min_length=1, max_length=_LONGEST_PATH)
    content: Base64Bytes


class Bundle(Value):
    """An environment definition: its files, and which of them are the definitions (the others are included)."""

    files: tuple[SentFile, ...] = Field(min_length=1)
    entries: tuple[str, ...] = Field(min_length=1)


@contextmanager
def unpacked(bundle: Bundle, bounds: DefinitionBounds) -> Iterator[tuple[Path, Sequence[Path]]]:
    """Write the files into a new folder; yield the folder and the paths of the entries.

    Raises:
        InputError: a path leaves the folder, is said twice, or an entry is not among the files; too many or too large.
    """
    paths = [_safe(file.path) for file in bundle.files]
    if len(set(paths)) != len(paths):
        _refuse("a path is said twice")
    if len(paths) > bounds.files or any(len(file.content) > bounds.file_bytes for file in bundle.files):
        _refuse(f"more than {bounds.files} files, or one larger than {bounds.file_bytes} bytes")
    entries = [_safe(entry) for entry in bundle.entries]
    if not set(entries) <= set(paths):
        _refuse("an entry is not among the files")
    with tempfile.TemporaryDirectory(prefix="gate-") as name:
        root = Path(name).resolve()
        for path, file in zip(paths, bundle.files, strict=True):
            try:
                (root / path).parent.mkdir(parents=True, exist_ok=True)
                (root / path).write_bytes(file.content)
            except OSError:
                _refuse(f"`{path}` can't be a file beside the others")
        yield root, [root / entry for entry in entries]


def _safe(path: str) -> PurePosixPath:
    pure = PurePosixPath(path)
    plain = not pure.is_absolute() and ".." not in pure.parts and pure.parts
    if not plain or "\\" in path or any(ord(char) < ord(" ") for char in path):
        _refuse(f"`{path[:80]}` is no plain relative path")
    return pure


def _refuse(message: str) -> NoReturn:
    raise InputError(message, code="bundle_invalid", hint="send each file once, under a relative path")
