"""Attach the signed verdict to what is promoted, once, whichever process carries the promotion to its end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import InputError
from gate.promotion.document import Document, attach_document, attached_documents
from gate.promotion.receipt import ReadBack
from gate.promotion.steps import Verb

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.model.decision import Decision
    from gate.promotion.plan_promotion import PromotionPlan
    from gate.promotion.statement import StatementSigner
    from gate.registry.interface import ImageWriter


def attestor(
    store: ImageWriter, decision: Decision, signer: StatementSigner | None
) -> Callable[[PromotionPlan], tuple[ReadBack, ...]]:
    """Return what `promote` calls to attest; without a signer nothing is attested, and nothing is read."""

    def attest(plan: PromotionPlan) -> tuple[ReadBack, ...]:
        if signer is None:
            return ()
        from gate.promotion.statement import ENVELOPE_TYPE, PAYLOAD_TYPE, verdict  # noqa: PLC0415 - for who signs

        payload = verdict(decision, plan.target)
        standing = attached_documents(
            store, plan.target, ENVELOPE_TYPE, accept=lambda data: _says(data, payload, signer)
        )
        if standing:
            return tuple(ReadBack(what="referrer", name=digest, answer=plan.digest) for digest in standing)
        document = Document(
            artifact_type=ENVELOPE_TYPE, media_type=ENVELOPE_TYPE, data=signer.envelope(payload, PAYLOAD_TYPE)
        )
        about = next(
            step.descriptor
            for step in plan.steps
            if step.verb is Verb.PUT_MANIFEST and step.descriptor.digest == plan.digest
        )
        return (attach_document(store, plan.target, about, document),)

    return attest


def _says(envelope: bytes, payload: bytes, signer: StatementSigner) -> bool:
    # Whoever may push can attach the same words: only the gate's own signature makes them the gate's.
    from gate.promotion.statement import payload_of  # noqa: PLC0415 - as above

    try:
        return payload_of(envelope) == payload and signer.signed(envelope)
    except InputError:
        return False
