"""News of images that wait for a scan: one question for all of them, not one each.

An image that waits is a row in the database and costs no thread. What is asked here only says which of them are worth
another look: it proves nothing, and the evaluation that follows asks for everything anew.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from gate.errors import GateError, UpstreamError
from gate.findings.defender import queries
from gate.findings.proof.artifact import ARTIFACT_TYPE
from gate.model.digest import is_digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from gate.bounds import DefenderBounds
    from gate.findings.defender.graph import Graph
    from gate.findings.proof.interface import Attachments
    from gate.model.image import ImageRef


class Waiting:
    """Asks Resource Graph about all waiting digests at once, and the registry about those without rows."""

    def __init__(
        self, *, graph: Graph, subscriptions: Sequence[str], attachments: Attachments, bounds: DefenderBounds
    ) -> None:
        """Take the clients."""
        self._graph = graph
        self._subscriptions = subscriptions
        self._attachments = attachments
        self._bounds = bounds

    def of(self, refs: Sequence[ImageRef]) -> frozenset[str]:
        """Return the digests that have rows or a findings artifact by now.

        Raises:
            GateError: Resource Graph can't be asked.
        """
        listed = self.with_rows(str(ref.digest) for ref in refs)
        return listed | self.with_artifacts(ref for ref in refs if ref.digest not in listed)

    def with_rows(self, digests: Iterable[str]) -> frozenset[str]:
        """Return those of the digests that Resource Graph has rows about: one question for each batch of them.

        Raises:
            GateError: it can't be asked; nothing is known of any of them then.
        """
        return frozenset(found for batch in _batches(digests, self._bounds.batch) for found in self._counted(batch))

    def with_artifacts(self, refs: Iterable[ImageRef]) -> frozenset[str]:
        """Return the digests that have a findings artifact attached, believed or not: one question each.

        A registry that can't be asked has no news; the evaluation that asks it in earnest says what is wrong.
        """
        return frozenset(str(ref.digest) for ref in refs if self._attached(ref))

    def _counted(self, batch: list[str]) -> Iterator[str]:
        wanted = frozenset(batch)
        for page in self._graph.rows(queries.counts_by_digest(batch), self._subscriptions, key="digest"):
            for row in page:
                digest, count = row.get("digest"), row.get("rows")
                if not isinstance(digest, str) or digest not in wanted or not isinstance(count, int):
                    message = "Resource Graph answered for a digest that it was not asked about"
                    raise UpstreamError(message, code="azure_answer_unreadable")
                if count > 0:
                    yield digest

    def _attached(self, ref: ImageRef) -> bool:
        try:
            return bool(self._attachments.referrers(ref, ARTIFACT_TYPE))
        except GateError:
            return False


def _batches(digests: Iterable[str], size: int) -> Iterator[list[str]]:
    left = iter(sorted({digest for digest in digests if is_digest(digest)}))
    while batch := list(islice(left, size)):
        yield batch
