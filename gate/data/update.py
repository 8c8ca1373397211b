"""Fetch reference data from where configuration says, into a file that is then imported like any other.

No address is ever taken from a policy, from data or from what is judged. What comes is bounded, and nothing is in use
before all of it has come and was validated whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING

from gate.data.interface import DataKind
from gate.errors import BoundError, UsageError
from gate.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gate.bounds import DataBounds
    from gate.http.client import HttpClient

_CHUNK = 1024 * 1024
_UNDATED = frozenset({DataKind.CONDA_NAMES})
"""Kinds whose files carry no date: there the server's word is kept, as the claim that it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A file that came: where it lies, where it is from (without credentials), and the date that the server claims."""

    path: Path
    source: str
    published_at: datetime | None


def wanted_kinds(named: list[DataKind], sources: Mapping[str, str]) -> tuple[DataKind, ...]:
    """Return the kinds to bring up to date: those named, else all that have a source.

    Raises:
        UsageError: `data_no_source`: one has none, or nothing has.
    """
    kinds = tuple(dict.fromkeys(named)) or tuple(kind for kind in DataKind if kind in sources)
    without = [kind.value for kind in kinds if kind not in sources]
    if without or not kinds:
        message = f"configuration names no source for `{without[0]}`" if without else "configuration names no source"
        hint = "set `GATE_DATA_SOURCES`, or import a file with `gate data import`"
        raise UsageError(message, code="data_no_source", hint=hint)
    return kinds


def fetch(kind: DataKind, source: str, client: HttpClient, bounds: DataBounds, folder: Path) -> Fetched:
    """Fetch one kind's file, or name the one that lies in a mirrored folder.

    Args:
        kind: what is fetched.
        source: an address, or the absolute path of a file.
        client: talks to servers, within its bounds.
        bounds: what a file may cost.
        folder: where to put it.

    Raises:
        BoundError: `file_bytes`: it is larger.
        UpstreamError, NotFoundError: it did not come whole.
    """
    if "://" not in source:
        path = Path(source)
        return Fetched(path=path, source=source, published_at=_written(path) if kind in _UNDATED else None)
    target = folder / kind.value
    taken = 0
    asked = client.stream(source, headers={"Accept-Encoding": "identity"}, missing=f"a file of `{kind.value}`")
    with asked as answer, target.open("wb") as file:
        while chunk := answer.body.read(_CHUNK):
            taken += len(chunk)
            if taken > bounds.file_bytes:
                message = f"`{redact(source)}` answers with more than the bound `file_bytes` of {bounds.file_bytes}"
                raise BoundError(message, hint="raise the bound in configuration if it is sound", bound="file_bytes")
            file.write(chunk)
        claimed = _claimed(answer.headers.get("Last-Modified", "")) if kind in _UNDATED else None
    return Fetched(path=target, source=redact(source), published_at=claimed)


def _written(path: Path) -> datetime | None:
    return datetime.fromtimestamp(path.stat().st_mtime, UTC) if path.is_file() else None


def _claimed(text: str) -> datetime | None:
    try:
        return parsedate_to_datetime(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
