"""Rows as they come, page by page, into as little as they say: findings once each, and what the rows prove.

A digest may have tens of thousands of rows. No page is kept, and texts that many findings share are kept once.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from gate.findings.defender import grouped, individual
from gate.findings.defender.model import EXEMPT, HEALTHY, NOT_APPLICABLE, Fields, Row, RowError, latest, severity_of
from gate.model.finding import Finding

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_UNHEALTHY = "Unhealthy"
_UNVERIFIED = "unverified"
_SUMMARY_CHARACTERS = 300
_FIELDS = set(Finding.model_fields)
"""Which fields were set: pydantic keeps a set of them in each value, seven hundred bytes that all of these share."""


class Collected:
    """What the rows of one model say of one digest.

    Attributes:
        rows: how many were read.
        proving: how many say that the image was looked at.
        seen_at: the latest instant at which Defender is known to have written one of them, or None.
        unhealthy: the image as a whole was called unhealthy.
        unsupported: why Defender could not look, in its own words, if it says so.
        pending: a scan is announced and was not made.
    """

    def __init__(self, digest: str, image_keys: Collection[str] = ()) -> None:
        """Begin with nothing.

        Args:
            digest: whose rows these must be.
            image_keys: names of assessments that are about an image as a whole.
        """
        self._digest = digest
        self._image_keys = frozenset(image_keys)
        self._findings: dict[Finding, None] = {}
        self._texts: dict[str, str] = {}
        self.rows = 0
        self.proving = 0
        self.seen_at: datetime | None = None
        self.unhealthy = False
        self.unsupported = ""
        self.pending = False

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The findings of all rows, sorted: the order of pages says nothing."""
        return tuple(sorted(self._findings, key=lambda item: (item.component, item.version, item.ids)))

    @property
    def found(self) -> int:
        """How many distinct findings there are."""
        return len(self._findings)

    def individual(self, rows: Iterable[object]) -> None:
        """Take in assessments that name the digest.

        Raises:
            RowError: one can't be read or is about another digest: the whole is then unusable.
        """
        for raw in rows:
            path = f"rows[{self.rows}]"
            fields = Fields(raw, path)
            category = fields.inner("properties").optional("metadata").text("recommendationCategory")
            if category == individual.CATEGORY:
                self._take(individual.read_row(raw, path=path), path)
            else:
                self._other(fields)
            self.rows += 1

    def grouped(self, rows: Iterable[object]) -> None:
        """Take in the sub-assessments of a registry, those of other digests left out; errors as above."""
        for place, raw in enumerate(rows):
            row = grouped.read_row(raw, path=f"rows[{place}]")
            if row.digest == self._digest:
                self._take(row, f"rows[{place}]")
                self.rows += 1

    def _take(self, row: Row, path: str) -> None:
        if row.digest != self._digest:
            message = f"`{path}` is about another digest, `{row.digest}`"
            raise RowError(message)
        self.proving += row.proves
        self.seen_at = latest(self.seen_at, row.seen_at)
        for finding in row.findings:
            self._add(finding)

    def _other(self, row: Fields) -> None:
        """Take in an assessment that is no software update: what is wrong with the image counts, whatever it is."""
        name, properties = row.needed("name"), row.inner("properties")
        if not properties.inner("resourceDetails").needed("Id").lower().endswith(self._digest):
            message = f"`{row.path}` is about something else than this digest"
            raise RowError(message)
        status = properties.inner("status")
        code, cause = status.needed("code"), status.text("cause")
        if _UNVERIFIED in {code.lower(), cause.lower()}:
            self.pending = True
        elif code == NOT_APPLICABLE and cause != EXEMPT:
            self.unsupported = status.text("description") or cause or "Defender did not assess this image"
        elif name in self._image_keys and code in {HEALTHY, _UNHEALTHY}:
            self.proving += 1
            self.unhealthy = self.unhealthy or code == _UNHEALTHY
            self.seen_at = latest(self.seen_at, properties.instant("timeGenerated"), status.instant("statusChangeDate"))
        elif code != HEALTHY:
            self._add(_whole(name, properties, f"{code}/{cause}" if cause else code))

    def _add(self, finding: Finding) -> None:
        share = self._texts.setdefault
        small = Finding.model_construct(
            _fields_set=_FIELDS,
            ids=finding.ids,
            component=share(finding.component, finding.component),
            version=share(finding.version, finding.version),
            severity=finding.severity,
            fixed_in=tuple(share(fix, fix) for fix in finding.fixed_in),
            malicious=finding.malicious,
            summary=share(finding.summary, finding.summary),
            status=share(finding.status, finding.status),
        )
        self._findings.setdefault(small)


def _whole(name: str, properties: Fields, status: str) -> Finding:
    display = " ".join(properties.text("displayName").split())
    return Finding(
        ids=(name,),
        component=display or name,
        version="",
        severity=severity_of(properties.optional("metadata").text("severity")),
        summary=display[:_SUMMARY_CHARACTERS],
        status=status,
    )
