"""What an installer makes of the files of a conda package into which it writes the prefix, computed from the package.

Sources: conda's `portability.py` and rattler's `link.rs`: in text every occurrence is replaced; in binaries the
placeholder up to the next NUL, with NULs added so that the length stays.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from gate.errors import BoundError
from gate.index.archive import demand
from gate.index.conda_archive import entries, open_part

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gate.bounds import CondaBounds, WheelBounds
    from gate.index.archive import ByteSource
    from gate.index.conda import CondaPath

_SHEBANG = 127
"""Longest first line that Linux takes; a longer one is written anew by installers, each in its own way."""


def prefixed(  # noqa: PLR0913 - each is a fact of its own, and all but four are named
    source: ByteSource,
    filename: str,
    prefix: str,
    paths: Mapping[str, CondaPath],
    *,
    bounds: CondaBounds,
    zips: WheelBounds,
) -> dict[str, str]:
    """Return the sha256 in hexadecimal that each path with a placeholder has in an environment at `prefix`.

    A path for which it can't be told (its first line would be too long) has no entry.

    Args:
        source: the whole package, its digest checked.
        filename: of the package.
        prefix: absolute, as it is written into files.
        paths: of the package.
        bounds: what it may cost.
        zips: what reading its archive may cost.

    Raises:
        InputError, BoundError: the package can't be read.
    """
    wanted = {path: one for path, one in paths.items() if one.placeholder}
    found: dict[str, str] = {}
    if not wanted:
        return found
    with open_part(source, filename, "pkg", bounds=bounds, zips=zips) as archive:
        for path, size, body in entries(archive, bounds):
            if path not in wanted:
                continue
            if size > bounds.file_bytes:
                message = f"`{path}` of `{filename}` has {size} bytes"
                raise BoundError(message, code="conda_file_too_large", hint="raise the bounds for conda packages")
            data = body()
            known = wanted.pop(path)
            same = known.sha256 in {"", hashlib.sha256(data).hexdigest()}
            demand(same, "conda_file_differs", f"`{path}` in `{filename}` is not what its own list says")
            written = _written(data, known, prefix.encode())
            if written is not None:
                found[path] = hashlib.sha256(written).hexdigest()
    return found


def _written(data: bytes, path: CondaPath, prefix: bytes) -> bytes | None:
    placeholder = path.placeholder.encode()
    if not path.binary:
        text = data.replace(placeholder, prefix)
        first = text.partition(b"\n")[0]
        changed = first.startswith(b"#!") and not data.startswith(first)
        return None if changed and (len(first) > _SHEBANG or b" " in prefix) else text
    if len(prefix) > len(placeholder):
        return None

    def fill(match: re.Match[bytes]) -> bytes:
        text = match[0].replace(placeholder, prefix)
        return text + bytes(len(match[0]) - len(text))

    return re.sub(re.escape(placeholder) + rb"[^\0]*(?=\0)", fill, data)
