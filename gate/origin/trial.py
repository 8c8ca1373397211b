"""Compare an installed package with the wheels of its version until one has its bytes.

What could not be read is kept apart from what was read and differs: only the second contradicts.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from gate.errors import GateError, UpstreamError
from gate.http.address import show
from gate.model.base import format_instant
from gate.model.origin import Origin, OriginKind
from gate.origin.compare import compare
from gate.origin.verdict import consistent, contradicted, failed, proven, unknown

if TYPE_CHECKING:
    from collections.abc import Container, Sequence

    from gate.index.project import IndexFile
    from gate.model.image import Component, Proof
    from gate.origin.candidates import Candidate
    from gate.origin.compare import Comparison
    from gate.origin.desk import Desk
    from gate.origin.interface import InstalledFiles


class Trial:
    """One installed package against the wheels of its version."""

    def __init__(
        self, component: Component, files: InstalledFiles, desk: Desk, *, metadata: str, claimed: Container[str]
    ) -> None:
        """Begin with nothing tried.

        Args:
            component: installed.
            files: of the image.
            desk: the index.
            metadata: sha256 of the installed METADATA, hexadecimal.
            claimed: paths in the image that records of components name.
        """
        self._component = component
        self._files = files
        self._desk = desk
        self._metadata = metadata
        self._claimed = claimed
        self._origin = Origin(kind=OriginKind.PYTHON_INDEX, location=desk.name)
        self._compared: list[tuple[Candidate, Comparison]] = []
        self._unread: list[tuple[Candidate, GateError]] = []
        self._failed: list[tuple[Candidate, GateError]] = []
        self._untried: list[Candidate] = []
        self._others: list[Candidate] = []

    def run(self, candidates: Sequence[Candidate]) -> Proof:
        """Try the candidates in their order, up to the bound; the desk ends what an index does not answer."""
        asked = 0
        for candidate in candidates:
            if candidate.file.metadata_sha256 not in {"", self._metadata}:
                self._others.append(candidate)
            elif asked == self._desk.bounds.candidates:
                self._untried.append(candidate)
            else:
                asked += 1
                proof = self._tried(candidate)
                if proof is not None:
                    return proof
        return self._concluded()

    def _tried(self, candidate: Candidate) -> Proof | None:
        try:
            facts = self._desk.wheel(candidate.file)
        except GateError as error:
            self._by_metadata(candidate, error)
            return None
        if facts.metadata_sha256 != self._metadata:
            self._others.append(candidate)
            return None
        comparison = compare(self._component, self._files, facts, self._claimed)
        if comparison.equal:
            whole = {"whole": "yes"} if facts.verified else {}
            told = _of(candidate.file) | whole | comparison.evidence()
            if comparison.unknown_scripts:
                return consistent("metadata_equal", self._origin, told | {"record": "unknown_scripts"})
            return proven("record_equal", self._origin, told)
        self._compared.append((candidate, comparison))
        return None

    def _by_metadata(self, candidate: Candidate, error: GateError) -> None:
        """The wheel can't be read: its METADATA alone may still tell whether it is the one."""
        try:
            data = self._desk.metadata(candidate.file)
        except GateError as second:
            self._failed.append((candidate, second))
            return
        if hashlib.sha256(data).hexdigest() == self._metadata:
            self._unread.append((candidate, error))
        else:
            self._others.append(candidate)

    def _concluded(self) -> Proof:
        differs = self._differs()
        if differs is not None:
            return differs
        if self._failed:
            candidate, error = min(self._failed, key=lambda pair: not isinstance(pair[1], UpstreamError))
            return failed(error, {"wheel": candidate.file.filename})
        if self._unread:
            candidate, error = self._unread[0]
            told = _of(candidate.file) | {"record": error.error_code}
            return consistent("metadata_equal", self._origin, told, transient=isinstance(error, UpstreamError))
        if self._untried:
            return unknown("too_many_candidates", {"wheels": str(len(self._untried))})
        return contradicted("metadata_differs", {"wheels": " ".join(one.file.filename for one in self._others[:10])})

    def _differs(self) -> Proof | None:
        """Return what comparing told, if what could not be compared can't tell otherwise."""
        open_ones = [candidate for candidate, _ in (*self._unread, *self._failed)] + self._untried
        same_tags = [pair for pair in self._compared if pair[0].same_tags]
        if same_tags and not any(candidate.same_tags for candidate in open_ones):
            return self._nearest(same_tags)
        return self._nearest(self._compared) if self._compared and not open_ones else None

    def _nearest(self, compared: Sequence[tuple[Candidate, Comparison]]) -> Proof:
        candidate, comparison = min(compared, key=lambda pair: (pair[1].wrong, len(pair[1].extras)))
        told = _of(candidate.file) | comparison.evidence()
        if comparison.wrong and not self._files.record(self._component):
            return unknown("no_record", told)
        if comparison.wrong:
            return contradicted("record_differs", told)
        if comparison.extras:
            return contradicted("extra_files", told)
        return consistent("metadata_equal", self._origin, told | {"record": "unhashed"})


def _of(file: IndexFile) -> dict[str, str]:
    """Return what the index says of a wheel, as evidence."""
    told = {
        "wheel": file.filename,
        "wheel_sha256": file.sha256,
        "wheel_url": show(file.url),
        "upload_time": format_instant(file.upload_time) if file.upload_time else "",
    }
    return told if file.yanked is None else told | {"yanked": file.yanked or "yes"}
