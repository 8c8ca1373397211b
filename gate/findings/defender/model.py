"""What both of Defender's row models come to, and the strict reading that they share.

Sources: Microsoft's `subassessment-rest-api` page (grouped sub-assessments, retired in July 2026) and the page
`transition-grouped-individual-recommendations` (individual recommendations). Microsoft's SDK models drop most of
these fields and know no `Critical`, so that raw JSON is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import NoReturn

from gate.model.base import Instant, Value
from gate.model.digest import Digest
from gate.model.finding import Finding, FindingSeverity

NAME = "defender"
"""The name of this source in policy and reports."""

SUMMARY_CHARACTERS = 300
HEALTHY = "Healthy"
"""The status of a row that says: looked at, nothing to mend. Every other status, known or not, is a finding."""

NOT_APPLICABLE, EXEMPT = "NotApplicable", "Exempt"
_INSTANT = re.compile(r"(?P<second>\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2})(?:\.\d{1,9})?(?:Z|\+00:00)", re.ASCII)

_SEVERITIES: Mapping[str, FindingSeverity] = {
    severity.value: severity for severity in FindingSeverity if severity is not FindingSeverity.UNKNOWN
}
RANK = (
    FindingSeverity.UNKNOWN,
    FindingSeverity.LOW,
    FindingSeverity.MEDIUM,
    FindingSeverity.HIGH,
    FindingSeverity.CRITICAL,
)


class RowModel(StrEnum):
    """Defender's two models of rows."""

    INDIVIDUAL = "individual"
    GROUPED = "grouped"


class RowError(ValueError):
    """A row is not what its model says; the whole answer is unusable, for what is missing can't be told."""


class Row(Value):
    """One row, read: about which digest, whether it says healthy, and the findings it stands for.

    `seen_at` is an instant at or before which Defender last wrote the row (UTC), if the row tells one: what it knows of
    a push at that time it can't have known before. `proves` is false where the row itself says that nothing was looked
    at (`NotApplicable` for any reason but an exemption).
    """

    digest: Digest
    healthy: bool
    findings: tuple[Finding, ...]
    seen_at: Instant | None = None
    proves: bool = True


class Fields:
    """A JSON object that is asked for its parts by path; keys are matched without regard to case.

    Azure Resource Graph and the REST APIs spell the same keys differently (`resourceDetails.Id`, `.id`).
    """

    def __init__(self, value: object, path: str) -> None:
        """Take an object in.

        Raises:
            RowError: it is none, or two of its keys differ in case alone.
        """
        if not isinstance(value, dict):
            message = f"`{path}` is not an object"
            raise RowError(message)
        self.path = path
        self._values: dict[str, object] = {key.lower(): item for key, item in value.items()}
        if len(self._values) != len(value):
            folded = [key.lower() for key in value]
            twice = next(key for key in value if folded.count(key.lower()) > 1)
            message = f"`{path}` has the key `{twice}` twice"
            raise RowError(message)

    def inner(self, key: str) -> Fields:
        """Return the object under a key; it may be there as JSON text, as Resource Graph hands some over."""
        return Fields(self._decoded(key), f"{self.path}.{key}")

    def optional(self, key: str) -> Fields:
        """Return the object under a key, an empty one if the key is absent, null or an empty text."""
        value = self._decoded(key)
        return Fields({} if value is None else value, f"{self.path}.{key}")

    def items(self, key: str) -> tuple[Fields, ...]:
        """Return the objects in the list under a key; none if the key is absent or null.

        Raises:
            RowError: there is something else, such as the Python text that SDK models make of such a list.
        """
        value = self._decoded(key)
        if value is None:
            return ()
        if not isinstance(value, list):
            message = f"`{self.path}.{key}` is not a list"
            raise RowError(message)
        return tuple(Fields(item, f"{self.path}.{key}[{place}]") for place, item in enumerate(value))

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts in the list under a key, or the one text; empty ones left out."""
        value = self._values.get(key.lower())
        if isinstance(value, str) and value.lstrip().startswith("["):
            value = self._decoded(key)
        listed = value if isinstance(value, list) else [value]
        texts = tuple(item for item in listed if isinstance(item, str))
        if len(texts) + listed.count(None) != len(listed):
            message = f"`{self.path}.{key}` is not a list of texts"
            raise RowError(message)
        return tuple(self._whole(key, text) for text in texts if text)

    def text(self, key: str) -> str:
        """Return the text under a key, empty if it is absent or null."""
        value = self._values.get(key.lower())
        if value is None:
            return ""
        if not isinstance(value, str):
            message = f"`{self.path}.{key}` is not a text"
            raise RowError(message)
        return self._whole(key, value)

    def needed(self, key: str) -> str:
        """Return the text under a key.

        Raises:
            RowError: it is absent, null or empty.
        """
        value = self.text(key)
        if not value:
            message = f"`{self.path}.{key}` is missing"
            raise RowError(message)
        return value

    def instant(self, key: str) -> datetime | None:
        """Return the instant under a key as Azure writes it, up to nine digits of a second; None if it is absent.

        Raises:
            RowError: there is something else.
        """
        text = self.text(key)
        match = _INSTANT.fullmatch(text)
        if not text:
            return None
        try:
            return (
                datetime.fromisoformat(f"{match['second']}+00:00").astimezone(UTC) if match else self._no_instant(key)
            )
        except ValueError:
            return self._no_instant(key)

    def _no_instant(self, key: str) -> NoReturn:
        message = f"`{self.path}.{key}` is no instant in UTC"
        raise RowError(message) from None

    def _whole(self, key: str, text: str) -> str:
        """Refuse half a character, which JSON can escape and nothing can write."""
        if not text.isascii():
            try:
                text.encode()
            except UnicodeEncodeError:
                message = f"`{self.path}.{key}` holds half a character"
                raise RowError(message) from None
        return text

    def _decoded(self, key: str) -> object:
        value = self._values.get(key.lower())
        if not isinstance(value, str):
            return value
        if not value.strip():
            return None
        try:
            decoded: object = json.loads(value)
        except (ValueError, RecursionError):
            message = f"`{self.path}.{key}` is text, and not JSON"
            raise RowError(message) from None
        return decoded


def severity_of(word: str) -> FindingSeverity:
    """Return the severity that a word names; any other word, and none, is unknown."""
    return _SEVERITIES.get(word.strip().lower(), FindingSeverity.UNKNOWN)


def status_of(status: Fields) -> str:
    """Return Defender's word, with its cause: `Unhealthy`, `NotApplicable/Exempt`. It may switch off no finding."""
    return "/".join(part for part in (status.text("code"), status.text("cause")) if part)


def proves(status: str) -> bool:
    """Say whether a row of this status was written after a look at the image.

    Microsoft's word for `NotApplicable` is that the assessment did not happen; an exempted finding was found first.
    """
    code, _, cause = status.partition("/")
    return code != NOT_APPLICABLE or cause == EXEMPT


def latest(*instants: datetime | None) -> datetime | None:
    """Return the latest of some instants; None if there is none."""
    return max((instant for instant in instants if instant is not None), default=None)


def summary_of(*texts: str) -> str:
    """Return the first text there is, in one line, cut."""
    return next((" ".join(text.split())[:SUMMARY_CHARACTERS] for text in texts if text.strip()), "")


def ids_of(first: str, others: Iterable[str]) -> tuple[str, ...]:
    """Return the id and its aliases, sorted, each once."""
    return (first, *sorted({other for other in others if other} - {first}))
