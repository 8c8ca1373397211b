"""Files that a caller sends: a bundle of paths and bytes, laid out in a folder of their own and read as data."""

from __future__ import annotations

import base64
import binascii
import tempfile
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, NoReturn

from pydantic import AfterValidator, ConfigDict, Field
from pydantic.config import JsonDict

from gate.environment.check import merge
from gate.environment.reader import read_definition
from gate.errors import InputError
from gate.model.base import Value
from gate.model.reference import Declared

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gate.bounds import DefinitionBounds

_LONGEST_PATH = 512
_DELETE = 0x7F
_BASE64 = r"^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
_EXAMPLE: JsonDict = {
    "files": [{"path": "requirements.txt", "content": base64.b64encode(b"six==1.17.0\n").decode()}],
    "entries": ["requirements.txt"],
}


def _decodable(content: str) -> str:
    try:
        base64.b64decode(content, validate=True)
        whole = len(content) % 4 == 0  # the decoder lets a sign of padding too many pass
    except (binascii.Error, ValueError):
        whole = False
    if not whole:
        message = "not base64"
        raise ValueError(message)
    return content


class SentFile(Value):
    """One file: its path with `/` between segments, and its bytes in base64, nothing else between its characters."""

    path: str = Field(min_length=1, max_length=_LONGEST_PATH)
    content: Annotated[str, AfterValidator(_decodable)] = Field(json_schema_extra={"pattern": _BASE64})

    @property
    def data(self) -> bytes:
        """The bytes."""
        return base64.b64decode(self.content, validate=True)


class Bundle(Value):
    """An environment definition: its files, and which of them are the definitions (the others are included).

    An entry is the path of a file, or of a folder in which files lie.
    """

    model_config = ConfigDict(json_schema_extra={"examples": [_EXAMPLE]})

    files: tuple[SentFile, ...] = Field(min_length=1)
    entries: tuple[str, ...] = Field(min_length=1)


def read_bundle(bundle: Bundle, bounds: DefinitionBounds) -> Declared:
    """Read what a bundle declares; errors as `unpacked`. What a file says wrongly is among its problems."""
    with unpacked(bundle, bounds) as (root, entries):
        return merge([read_definition(entry, root, bounds) for entry in entries])


@contextmanager
def unpacked(bundle: Bundle, bounds: DefinitionBounds) -> Iterator[tuple[Path, Sequence[Path]]]:
    """Write the files into a new folder; yield the folder and the paths of the entries.

    Raises:
        InputError: a path leaves the folder, is said twice, or an entry is not among the files; too many or too large.
    """
    paths = [_safe(file.path) for file in bundle.files]
    if len(set(paths)) != len(paths):
        _refuse("a path is said twice")
    entries = [_safe(entry) for entry in bundle.entries]
    if len(set(entries)) != len(entries):
        _refuse("an entry is said twice")
    folders = {folder for path in paths for folder in path.parents}
    if not set(entries) <= {*paths, *folders}:
        _refuse("an entry is not among the files")
    if len(paths) > bounds.files:
        _refuse(f"more than {bounds.files} files")
    with tempfile.TemporaryDirectory(prefix="gate-") as name:
        root = Path(name).resolve()
        for path, file in zip(paths, bundle.files, strict=True):
            _write(root, path, file.data, bounds)
        yield root, [root / entry for entry in entries]


def _write(root: Path, path: PurePosixPath, data: bytes, bounds: DefinitionBounds) -> None:
    if len(data) > bounds.file_bytes:
        _refuse(f"`{path}` has more than {bounds.file_bytes} bytes")
    try:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)
    except OSError:
        _refuse(f"`{path}` can't be a file beside the others")


def _safe(path: str) -> PurePosixPath:
    pure = PurePosixPath(path)
    plain = not pure.is_absolute() and ".." not in pure.parts
    printable = not any(ord(char) < ord(" ") or ord(char) == _DELETE for char in path)
    if not plain or "\\" in path or not printable:
        _refuse(f"`{path[:80]}` is no plain relative path")
    return pure


def _refuse(message: str) -> NoReturn:
    raise InputError(message, code="bundle_invalid", hint="send each file once, under a relative path")
