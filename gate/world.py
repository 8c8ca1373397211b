"""The outside of an evaluation for real: read the image, prove origins, ask the sources, change the registries."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Protocol

from gate.errors import GateError, UpstreamError
from gate.image.images import read_images
from gate.image.memory import ImageMemory
from gate.image.reporter import InspectReporter
from gate.image.unread import Unread
from gate.index.wheel import wheel_facts_of
from gate.model.decision import Decision, Outcome
from gate.model.evidence import Evidence, ExceptionFacts, FindingFacts, Sibling
from gate.model.exception import Grant
from gate.model.origin import Kind
from gate.origin.closed_sets import ClosedSets
from gate.origin.prove import prove_inventory
from gate.policy.bases import catalogue_of
from gate.promotion.attest import attestor
from gate.promotion.bills import with_bills
from gate.promotion.discard import discard
from gate.promotion.gone import buried_under, is_out_of_reach
from gate.promotion.places import Places
from gate.promotion.plan_discard import DiscardPlan
from gate.promotion.plan_promotion import PromotionPlan
from gate.promotion.prepare import held_error, prepare_discard, prepare_promotion
from gate.promotion.promote import promote
from gate.promotion.steps import Verb, about
from gate.promotion.tombstone import bury
from gate.promotion.withdraw import withdraw
from gate.registry.graves import graves_of
from gate.registry.retention import SoftDelete
from gate.registry.staged import check_blobs

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from datetime import datetime

    from gate.bounds import ImageBounds
    from gate.evaluation import Submission
    from gate.exceptions.storage import PrivateStorage
    from gate.findings.interface import FindingsSource
    from gate.image.cache import LayerCache
    from gate.index.facts import WheelFacts
    from gate.model.base import Value
    from gate.model.image import ImageRef, IndexFacts, Inventory, Transport
    from gate.model.reference import Declared
    from gate.notify import Notifier
    from gate.origin.closed_sets import Resolver
    from gate.origin.interface import Channels, Index, InstalledFiles
    from gate.policy.schema import Policy
    from gate.promotion.bills import Bills
    from gate.promotion.statement import StatementSigner
    from gate.registry.interface import ImageReader, ImageWriter


_WORKERS = 6
"""How many blobs are asked for, or brought to a release place, at once."""


class SourceFactory(Protocol):
    """Makes the findings sources that a policy allows, in the order of the report."""

    def __call__(self, policy: Policy) -> Sequence[FindingsSource]:
        """Return the sources; PolicyError if configuration offers one that policy refuses."""
        ...


class RealWorld:
    """Reads and changes what lies outside, through the interfaces that it is given."""

    def __init__(  # noqa: PLR0913 - collaborators, each named
        self,
        *,
        stores: Mapping[Transport, ImageWriter],
        index: Callable[[Policy], Index | None],
        sources: SourceFactory,
        storage: PrivateStorage,
        cache: LayerCache | None = None,
        notifier: Notifier,
        bounds: ImageBounds,
        reporter: InspectReporter | None = None,
        channels: Callable[[Policy], Channels | None] = lambda _: None,
        signer: StatementSigner | None = None,
        bills: Bills | None = None,
        resolver: Resolver | None = None,
        held: Callable[[Collection[str]], bool] = lambda _: False,
        soft_delete: Callable[[ImageRef], SoftDelete] = lambda _: SoftDelete(),
        reading: Callable[[ImageReader, ImageRef, Policy], ImageReader] = lambda store, _ref, _policy: store,
    ) -> None:
        """Take the collaborators.

        `index` and `channels` make what a policy allows to be asked, and `reading` what reads a staged image; `held`
        says whether somebody holds one of these digests now, and `soft_delete` what a place keeps of what is deleted.
        """
        self._stores = stores
        self._index = index
        self._channels = channels
        self._sources = sources
        self._storage = storage
        self._cache = cache
        self._memory = ImageMemory(bounds.remembered_files)
        self._notifier = notifier
        self._bounds = bounds
        self._reporter = reporter or InspectReporter()
        self._signer = signer
        self._bills = bills if signer is not None else None  # the signed verdict makes them the gate's
        self._resolver = resolver
        self._held = held
        self._soft_delete = soft_delete
        self._reading = reading

    def waiting(self, ref: ImageRef, policy: Policy) -> ImageRef:
        """Resolve a submitted name to its digest, once; only what waits in a staging place is taken in.

        Raises:
            ConflictError: `not_staging`.
            GateError: the store does not have it or can't be asked.
        """
        _places(policy).release_of(ref)
        store = self._store(ref)
        try:
            return ref.at(store.resolve(ref))
        except UpstreamError:
            buried = buried_under(store, ref)  # whoever judges it says that it was denied, which is more than a refusal
            if not buried:
                raise
            return ref.at(buried)

    def gather(
        self, submission: Submission, grants: Sequence[Grant], *, submitted_at: datetime, now: datetime
    ) -> Evidence:
        """Read every image whole, prove and compare every component of it, ask every source about it."""
        policy = submission.policy
        sets = ClosedSets(self._resolver, submission.environment, policy, now, self._reporter.resolving)
        store, ref = self._store(submission.ref), submission.ref
        reader = self._reading(store, ref, policy)
        if reader is not store:
            store.resolve(ref)  # a mirror may still have what the staging place does not give any more
        index, images = self.prove(reader, ref, policy, grants, declared=submission.environment, sets=sets)
        check_blobs(store, ref, images, workers=_WORKERS)
        found = [(image, self._reported(image, policy, now)) for image in images]
        (image, findings), *others = found
        return Evidence(
            repository=submission.ref.place,
            subject=str(submission.ref.digest),
            submitted_at=submitted_at,
            environment=submission.environment,
            image=image,
            findings=findings,
            exceptions=ExceptionFacts(grants=tuple(grants)),
            index=index,
            siblings=tuple(Sibling(image=one, findings=reports, resolved=sets.of(one)) for one, reports in others),
            resolved=sets.of(image),
        )

    def prove(  # noqa: PLR0913 - what is proved, by what, and what of it
        self,
        reader: ImageReader,
        ref: ImageRef,
        policy: Policy,
        grants: Sequence[Grant],
        *,
        platform: str = "",
        declared: Declared | None = None,
        sets: ClosedSets | None = None,
    ) -> tuple[IndexFacts | None, tuple[Inventory, ...]]:
        """Read every image that a pinned ref leads to, one after the other, and prove every component of each.

        `platform` chooses among the images of an index; an evaluation chooses none, for it is about all. With
        `declared`, each image is compared with what was declared, and with what `sets` say that it resolves to.
        """
        catalogue = catalogue_of(policy.safelist.base_images)
        # Whoever names a platform, or only looks, wants to hear at once what can't be read.
        unread = None if declared is None else Unread(policy.decision.lets_in)
        index, images = read_images(
            reader,
            ref,
            cache=self._cache,
            memory=self._memory,
            bounds=self._bounds,
            base_catalogue=catalogue,
            reporter=self._reporter,
            platform=platform,
            unread=unread,
        )
        proved = tuple(self._proved(found, files, policy, grants, declared, sets) for found, files in images)
        if index is not None and unread is not None:
            index = index.model_copy(update={"unread": tuple(unread.children)})
        return index, proved

    def _proved(  # noqa: PLR0913, PLR0917 - as `prove`
        self,
        inventory: Inventory,
        files: InstalledFiles | None,
        policy: Policy,
        grants: Sequence[Grant],
        declared: Declared | None,
        sets: ClosedSets | None,
    ) -> Inventory:
        if files is None:
            return inventory  # nothing of it was read, so that there is nothing to prove
        resolved = sets.of(inventory) if sets is not None else None
        return prove_inventory(
            inventory,
            files,
            index=self._index(policy),
            grants=grants,
            wheels=self.wheels(grants),
            reserved=policy.safelist.reserved_names,
            channels=self._channels(policy),
            declared=declared,
            resolution=resolved.resolution if resolved is not None else None,
        )

    def _reported(self, image: Inventory, policy: Policy, now: datetime) -> FindingFacts:
        return FindingFacts(reports=tuple(source.report(image, now=now) for source in self._sources(policy)))

    def renew(self, submission: Submission, evidence: Evidence, grants: Sequence[Grant], *, now: datetime) -> Evidence:
        """Ask every source anew about every image that was read; what lies under a digest needs no second reading."""
        policy = submission.policy
        siblings = tuple(
            one.model_copy(update={"findings": self._reported(one.image, policy, now)}) for one in evidence.siblings
        )
        renewed = {
            "findings": self._reported(evidence.image, policy, now),
            "siblings": siblings,
            "exceptions": ExceptionFacts(grants=tuple(grants)),
        }
        return evidence.model_copy(update=renewed)

    def plan(self, submission: Submission, decision: Decision) -> Value:
        """Look at both places and work out every step."""
        places, store = _places(submission.policy), self._store(submission.ref)
        if decision.outcome is Outcome.PROMOTE:
            planned = prepare_promotion(
                submission.ref, places, source_store=store, target_store=store, bounds=self._bounds, workers=_WORKERS
            )
            return with_bills(planned, decision, self._bills if submission.policy.decision.sbom else None)
        return prepare_discard(
            submission.ref,
            places,
            store=store,
            bounds=self._bounds,
            grace=submission.policy.decision.discard.grace is not None,
            held=self._held((str(submission.ref.digest),)),
        )

    def act(self, submission: Submission, decision: Decision, plan: bytes) -> Value:
        """Carry the plan out and return the receipt of what was read back."""
        store = self._store(submission.ref)
        if decision.outcome is Outcome.PROMOTE:
            attest = attestor(store, decision, self._signer, self._bills)
            return promote(PromotionPlan.parse(plan), store, store, attest=attest, workers=_WORKERS)
        unlock, places = submission.policy.decision.discard.unlock, _places(submission.policy)
        planned = DiscardPlan.parse(plan)
        held = self._held(tuple(one.digest for one in about(planned.steps, Verb.DELETE_MANIFEST)))
        if held and graves_of(store, planned.place) is None:
            raise held_error(planned.place)
        if planned.tombstone or held:
            return bury(planned, store, places=places, bounds=self._bounds, unlock=unlock)
        receipt = discard(planned, store, places=places, bounds=self._bounds, unlock=unlock)
        return receipt.model_copy(update={"soft_delete": self._soft_delete(planned.place)})

    def gone(self, submission: Submission) -> bool:
        """Ask the staging place for the image."""
        return is_out_of_reach(self._store(submission.ref), submission.ref)

    def withdraw(self, submission: Submission, plan: bytes) -> Value | None:
        """Take back what a promotion that is denied now has brought to its release place."""
        return withdraw(PromotionPlan.parse(plan), self._store(submission.ref), bounds=self._bounds)

    def tell(self, evaluation: str, decision: Decision) -> str:
        """Tell people; what came of it is a code and never an exception."""
        return self._notifier.tell(evaluation, decision)

    def wheels(self, grants: Sequence[Grant]) -> dict[str, WheelFacts]:
        """Return the facts of every stored wheel that a grant names, read again from its verified bytes.

        A file that is not there or is not what it was has no facts, so that its grant matches nothing.
        """
        named = {file.sha256: file.filename for grant in grants if grant.kind is Kind.PYPI for file in grant.files}
        facts: dict[str, WheelFacts] = {}
        for digest, filename in sorted(named.items()):
            try:
                with closing(self._storage.open(digest)) as stream:
                    facts[digest] = wheel_facts_of(stream, filename)
            except GateError:
                continue
        return facts

    def _store(self, ref: ImageRef) -> ImageWriter:
        return self._stores[ref.transport]


def _places(policy: Policy) -> Places:
    return Places.of((place.staging, place.release) for place in policy.decision.promotion)
