"""The images of an index are what the index says, all of them were read, and they hold the same packages."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.image import ChildRole
from gate.model.origin import Kind
from gate.policy.rule import Case, Explanation, passed, result
from gate.policy.schema import Treatment

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from gate.model.image import Component, IndexChild, IndexFacts, Inventory, UnreadChild

MOST = 200
"""Differences that are named one by one: two images that share nothing need no longer list."""

_STATUS = {Treatment.WARN: Status.WARN, Treatment.BLOCK: Status.FAIL}
_REBUILD = "build all platforms in one go from one definition with exact pins, and push the index again"


class IndexChildren:
    """Who pulls an index gets one of its images, by platform; so none may be another thing than the others."""

    id = "index-children"
    title = "Every image of an index was read, is what the index says of it, and holds what the others hold."
    codes = {  # noqa: RUF012 - read-only by protocol
        "not_described": Explanation(
            reason="the subject is an index, and nobody said what it lists",
            way_out="evaluate again: the evidence was gathered by an older version",
        ),
        "child_not_read": Explanation(
            reason="the index lists {child} ({platform}), and it was not read",
            way_out="report this: the gate skipped an image and passes none",
        ),
        "child_unreadable": Explanation(
            reason="the index lists {child} ({platform}), and it can't be read: {message} [{failure}]",
            way_out="{hint}; or leave it out of the index, and push that",
        ),
        "child_refused": Explanation(
            reason="the index lists {child} for {platform}, and it was not read: policy lets no such image in",
            way_out="see the rule `image-platform`",
        ),
        "child_unlisted": Explanation(
            reason="{child} was read, and the index does not list it once",
            way_out="report this: the gate mixed up two images and passes neither",
        ),
        "attestation_disguised": Explanation(
            reason="{child} is marked as an attestation and holds something that can be run",
            way_out="build with a current `docker buildx build --push`; if nobody meant this, look at who pushed it",
        ),
        "attestation_stray": Explanation(
            reason="the attestation {child} is about {about}, which the index does not list",
            way_out="no action is demanded: what a pusher attaches proves nothing here",
        ),
        "platform_contradicted": Explanation(
            reason="the index lists {child} for `{said}`, and the image's own config says `{platform}`",
            way_out=_REBUILD,
        ),
        "platform_twice": Explanation(
            reason="the index holds {images} images for `{platform}`: which one is run depends on who pulls",
            way_out="leave one image a platform in the index",
        ),
        "version_differs": Explanation(
            reason="{name} is not the same in all images of the index: {versions}", way_out=_REBUILD
        ),
        "base_differs": Explanation(
            reason="the images of the index stand on several bases: {bases}",
            way_out="build all platforms `FROM` one base image that policy lists for each",
        ),
        "only_in_some": Explanation(
            reason="{name} is in the image for {platforms} alone",
            way_out="no action is demanded if the package is for that platform; else " + _REBUILD,
        ),
        "more_differ": Explanation(reason="{count} more packages differ", way_out=_REBUILD),
        "one_image": Explanation(reason="{images} image, {attestations} attestation(s) beside it", way_out=""),
        "no_index": Explanation(reason="the subject is one image", way_out=""),
        "children_agree": Explanation(
            reason="{images} images agree, {attestations} attestation(s) beside them", way_out=""
        ),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield a result for each thing that is not as it should be, or one pass."""
        index = case.evidence.index
        images = [view.image for view in case.evidence.views()]
        if index is None or index.digest != case.evidence.subject:
            if index is None and len(images) == 1 and images[0].image.digest == case.evidence.subject:
                yield passed(self.id, "no_index")
            else:
                yield result(self.id, Status.UNKNOWN, "not_described")
            return
        answers = [*self._listed(case, index, images), *self._attested(index), *self._differing(case, images)]
        yield from answers
        if not index.unread and all(answer.status is Status.WARN for answer in answers):
            code = "one_image" if len(images) == 1 else "children_agree"
            attestations = sum(child.role is ChildRole.ATTESTATION for child in index.children)
            yield passed(self.id, code, images=len(images), attestations=attestations)

    def _listed(self, case: Case, index: IndexFacts, images: Sequence[Inventory]) -> Iterator[RuleResult]:
        """Hold what was read against what the index lists: all of it, once, for the platform that is said."""
        read = Counter(inventory.image.digest for inventory in images)
        listed = Counter(child.digest for child in index.images)
        unread = {one.digest: one for one in index.unread}
        for child in index.images:
            if child.digest not in read or child.digest in unread:
                yield self._unread(case, child, unread.get(child.digest))
        for digest in sorted(digest for digest in read if read[digest] != 1 or listed[digest] != 1):
            yield result(self.id, Status.UNKNOWN, "child_unlisted", digest, child=digest)
        platforms = {inventory.image.digest: inventory.image.platform for inventory in images}
        for child in index.images:
            found = platforms.get(child.digest, child.platform)
            if not _same_platform(child.platform, found):
                yield result(
                    self.id,
                    Status.FAIL,
                    "platform_contradicted",
                    child.digest,
                    child=child.digest,
                    said=child.platform,
                    platform=found,
                )
        for platform, count in sorted(Counter(platforms.values()).items()):
            if count > 1:
                yield result(self.id, Status.FAIL, "platform_twice", platform, platform=platform, images=count)

    def _unread(self, case: Case, child: IndexChild, known: UnreadChild | None) -> RuleResult:
        """Say of an image that was not read that nothing of it passes, and why it was not."""
        platform = (known.platform if known is not None else child.platform) or "no platform"
        told = {"child": child.digest, "platform": platform}
        if known is None:
            return result(self.id, Status.UNKNOWN, "child_not_read", child.digest, **told)
        if known.platform and not case.policy.decision.lets_in(known.platform):
            return result(self.id, Status.WARN, "child_refused", child.digest, **told)
        failure = known.failure
        told |= {"failure": failure.code, "message": failure.message[:500], "hint": failure.hint or "mend that"}
        return result(self.id, Status.UNKNOWN, "child_unreadable", child.digest, **told)

    def _attested(self, index: IndexFacts) -> Iterator[RuleResult]:
        listed = {child.digest for child in index.images}
        for child in index.children:
            if child.role is ChildRole.DISGUISED:
                yield result(self.id, Status.FAIL, "attestation_disguised", child.digest, child=child.digest)
            elif child.role is ChildRole.ATTESTATION and child.about not in listed:
                about = child.about or "nothing"
                yield result(self.id, Status.WARN, "attestation_stray", child.digest, child=child.digest, about=about)

    def _differing(self, case: Case, images: Sequence[Inventory]) -> Iterator[RuleResult]:
        """Compare bases and packages by what policy makes of a difference."""
        policy = case.policy.decision.content
        bases = {one.image.platform: one.base.reference if one.base else "none" for one in images}
        if len(set(bases.values())) > 1 and policy.differing is not Treatment.ALLOW:
            yield result(self.id, _STATUS[policy.differing], "base_differs", bases=_by_platform(bases))
        found: list[tuple[Treatment, RuleResult]] = []
        packages = {one.image.platform: _packages(one.components) for one in images}
        for kind, name in sorted({key for held in packages.values() for key in held}):
            held = {platform: names[kind, name] for platform, names in packages.items() if (kind, name) in names}
            if len(set(held.values())) > 1:
                found.append((policy.differing, self._difference("version_differs", kind, name, held)))
            elif len(held) < len(packages):
                found.append((policy.partial, self._difference("only_in_some", kind, name, held)))
        told = [
            answer.model_copy(update={"status": _STATUS[treatment]})
            for treatment, answer in sorted(found, key=lambda one: one[0] is not Treatment.BLOCK)
            if treatment is not Treatment.ALLOW
        ]
        yield from told[:MOST]
        if len(told) > MOST:
            yield result(self.id, told[MOST].status, "more_differ", count=len(told) - MOST)

    def _difference(self, code: str, kind: str, name: str, held: Mapping[str, str]) -> RuleResult:
        return result(
            self.id,
            Status.FAIL,
            code,
            f"{kind}/{name}",
            name=name,
            versions=_by_platform(held),
            platforms=", ".join(sorted(held)),
        )


def _same_platform(said: str, found: str) -> bool:
    """Say whether two platforms can be one: a variant that only one of them names contradicts nothing."""
    if not said:
        return True
    mine, theirs = said.split("/"), found.split("/")
    return mine[:2] == theirs[:2] and (len(mine) < 3 or len(theirs) < 3 or mine[2] == theirs[2])  # noqa: PLR2004 - os, architecture, variant


def _packages(components: Sequence[Component]) -> dict[tuple[str, str], str]:
    """Return what each Python or conda package above the base is: its kinds and versions, by name."""
    found: dict[tuple[str, str], set[str]] = {}
    for one in components:
        if one.in_base or not (one.kind is Kind.CONDA or one.is_python):
            continue
        kind = "conda" if one.kind is Kind.CONDA else "python"
        version = one.version if one.kind in {Kind.CONDA, Kind.PYPI} else f"{one.version} ({one.kind.value})"
        found.setdefault((kind, one.name), set()).add(version)
    return {key: ", ".join(sorted(versions)) for key, versions in found.items()}


def _by_platform(values: Mapping[str, str]) -> str:
    return "; ".join(f"{platform}: {value}" for platform, value in sorted(values.items()))
