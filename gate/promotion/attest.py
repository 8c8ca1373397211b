"""Attach the signed verdict to what is promoted, once, whichever process carries the promotion to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import InputError
from gate.promotion.bills import attach_bills, descriptor_of
from gate.promotion.document import Document, attach_document, attached_documents
from gate.promotion.receipt import ReadBack

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.model.decision import Decision
    from gate.promotion.bills import Bills
    from gate.promotion.plan_promotion import PromotionPlan
    from gate.promotion.statement import StatementSigner
    from gate.registry.interface import ImageWriter


def attestor(
    store: ImageWriter, decision: Decision, signer: StatementSigner | None, bills: Bills | None = None
) -> Callable[[PromotionPlan], tuple[ReadBack, ...]]:
    """Return what `promote` calls to attest; without a signer nothing is attested, and nothing is read.

    The bills of the plan go first, and the signed verdict names them: it makes them the gate's.
    """

    def attest(plan: PromotionPlan) -> tuple[ReadBack, ...]:
        if signer is None:
            return ()
        from gate.promotion.statement import ENVELOPE_TYPE, PAYLOAD_TYPE, verdict  # noqa: PLC0415 - for who signs

        attached = attach_bills(plan, store, bills) if bills is not None else ()
        payload = verdict(decision, plan.target, bills=tuple(bill.digest for bill in plan.bills))
        standing = attached_documents(
            store, plan.target, ENVELOPE_TYPE, accept=lambda data: _says(data, payload, signer)
        )
        if standing:
            return (*attached, *(ReadBack(what="referrer", name=one, answer=plan.digest) for one in standing))
        document = Document(
            artifact_type=ENVELOPE_TYPE, media_type=ENVELOPE_TYPE, data=signer.envelope(payload, PAYLOAD_TYPE)
        )
        return (*attached, attach_document(store, plan.target, descriptor_of(plan, plan.digest), document))

    return attest


def _says(envelope: bytes, payload: bytes, signer: StatementSigner) -> bool:
    # Whoever may push can attach the same words: only the gate's own signature makes them the gate's.
    from gate.promotion.statement import payload_of  # noqa: PLC0415 - as above

    try:
        return payload_of(envelope) == payload and signer.signed(envelope)
    except InputError:
        return False
