"""Bills of materials from kept evidence: made once, when a promotion is planned, and kept by digest beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import BoundError
from gate.promotion.plan_promotion import PlannedBill
from gate.store.blobs import Blobs
from gate.store.engine import reading, writing
from gate.submission import load_evidence

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

    from gate.model.decision import Decision
    from gate.model.digest import Digest


class EvidenceBills:
    """Implements `Bills` over the gate's database."""

    def __init__(self, engine: Engine, *, most_bytes: int) -> None:
        """Use the engine; a bill has at most `most_bytes`."""
        self._engine = engine
        self._most_bytes = most_bytes

    def make(self, decision: Decision) -> tuple[PlannedBill, ...]:
        """See the interface. The same evidence gives the same bytes: those of `gate inspect --format cyclonedx`."""
        from gate.sbom import sbom  # noqa: PLC0415 - 0.3 s, for who attaches bills alone

        with reading(self._engine) as connection:
            evidence = load_evidence(connection, decision.evidence)
        made: list[tuple[Digest, bytes]] = []
        for image in (evidence.image, *(sibling.image for sibling in evidence.siblings)):
            data = sbom(image).encode()
            if len(data) > self._most_bytes:
                message = f"the bill of materials of {image.image.digest} has more than {self._most_bytes} bytes"
                hint = "raise `GATE_BOUND_IMAGE_SBOM_BYTES`, or switch bills off for this place"
                raise BoundError(message, hint=hint, code="sbom_too_large", digest=image.image.digest)
            made.append((image.image.digest, data))
        with writing(self._engine) as connection:
            kept = Blobs(connection).put_all(data for _, data in made)
        return tuple(
            PlannedBill(subject=subject, digest=digest, size=len(data))
            for (subject, data), digest in zip(made, kept, strict=True)
        )

    def read(self, digest: Digest) -> bytes:
        """See the interface."""
        with reading(self._engine) as connection:
            return Blobs(connection).get(digest)
