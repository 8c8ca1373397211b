"""The bill of materials of each image that is promoted: made before the act, kept by digest, attached in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gate.errors import ConflictError
from gate.promotion.document import Document, attach_document
from gate.promotion.plan_promotion import PlannedBill
from gate.promotion.steps import Verb

if TYPE_CHECKING:
    from gate.model.decision import Decision
    from gate.model.digest import Digest
    from gate.promotion.plan_promotion import PromotionPlan
    from gate.promotion.receipt import ReadBack
    from gate.registry.interface import Descriptor, ImageWriter

SBOM_TYPE = "application/vnd.cyclonedx+json"


class Bills(Protocol):
    """Makes and keeps bills of materials from the evidence that a decision was made from."""

    def make(self, decision: Decision) -> tuple[PlannedBill, ...]:
        """Make the bill of every image that was decided on, keep its bytes, and say what was made.

        Raises:
            BoundError: one is larger than the bound (`sbom_too_large`).
        """
        ...

    def read(self, digest: Digest) -> bytes:
        """Return the bytes of a bill that was made; NotFoundError or StoreError if they are not what they were."""
        ...


def with_bills(plan: PromotionPlan, decision: Decision, bills: Bills | None) -> PromotionPlan:
    """Return the plan with a bill for each of its images, or as it is where nobody makes bills.

    Raises:
        ConflictError: `sbom_of_another`: a bill is about no manifest of the plan.
    """
    made = bills.make(decision) if bills is not None else ()
    for bill in made:
        descriptor_of(plan, bill.subject)
    return plan.model_copy(update={"bills": made})


def attach_bills(plan: PromotionPlan, store: ImageWriter, bills: Bills) -> tuple[ReadBack, ...]:
    """Attach what was planned, each to its image, and see it listed. The same once more changes nothing."""
    return tuple(
        attach_document(
            store,
            plan.target,
            descriptor_of(plan, bill.subject),
            Document(artifact_type=SBOM_TYPE, media_type=SBOM_TYPE, data=bills.read(bill.digest)),
        )
        for bill in plan.bills
    )


def descriptor_of(plan: PromotionPlan, digest: Digest) -> Descriptor:
    """Return a manifest of the plan by its digest.

    Raises:
        ConflictError: `sbom_of_another`: the plan brings no such manifest.
    """
    for step in plan.steps:
        if step.verb is Verb.PUT_MANIFEST and step.descriptor.digest == digest:
            return step.descriptor
    message = f"nothing is promoted under {digest}, which a bill of materials is about"
    raise ConflictError(message, code="sbom_of_another", digest=digest)
