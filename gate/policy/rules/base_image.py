"""The image stands on a base image that policy lists, by its very layers, and on one that is not too old."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.policy.rule import Case, Explanation, passed, result
from gate.policy.words import Treatment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gate.policy.bases import BaseImage

_STATUS = {Treatment.WARN: Status.WARN, Treatment.BLOCK: Status.FAIL}


class BaseImageListed:
    """What lies below the model's own layers has an origin only if its bytes are those of a listed base."""

    id = "base-image"
    title = "The image's leading layers are those of a listed base image that is not too old."
    codes = {  # noqa: RUF012 - read-only by protocol
        "no_listed_base": Explanation(
            reason="the image's leading layers are those of no listed base image (first diff id {first})",
            way_out="build `FROM` a base image of the catalogue (`gate policy base list`), or ask the security team to"
            " add yours (`gate policy base add`)",
        ),
        "base_not_listed": Explanation(
            reason="the base `{base}` is not what policy lists under that name",
            way_out="evaluate again: the evidence was gathered under another policy",
        ),
        "base_too_old": Explanation(
            reason="the base `{base}` was made at {created}, longer ago than policy allows",
            way_out="build on a newer version of it ({newer}), or ask the security team to add one"
            " (`gate policy base add`)",
        ),
        "base_undated": Explanation(
            reason="nobody says when the base `{base}` was made",
            way_out="add it to the catalogue anew (`gate policy base add`), which writes its date down",
        ),
        "base_listed": Explanation(reason="{layers} leading layer(s) are those of `{base}`", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Hold the match that the inventory claims against the policy again, layer by layer, and judge its age."""
        inventory = case.evidence.image
        layers = inventory.image.layers
        if inventory.base is None:
            first = layers[0].diff_id if layers else "none"
            yield result(self.id, Status.FAIL, "no_listed_base", first=first)
            return
        listed = [
            base
            for base in case.policy.safelist.base_images
            if base.reference == inventory.base.reference
            and len(base.diff_ids or base.layers) == inventory.base.layers
            and base.is_below(layers)
        ]
        if not listed:
            yield result(self.id, Status.UNKNOWN, "base_not_listed", base=inventory.base.reference)
            return
        answers = list(self._age(listed, case))
        yield from answers
        if all(answer.status is Status.WARN for answer in answers):
            yield passed(self.id, "base_listed", base=inventory.base.reference, layers=inventory.base.layers)

    def _age(self, listed: Sequence[BaseImage], case: Case) -> Iterator[RuleResult]:
        """Judge the age of the youngest entry for these very layers; a date to come is none."""
        ages = case.policy.decision.base
        created = max((base.created for base in listed if base.created and base.created <= case.now), default=None)
        name = listed[0].reference
        if created is None:
            if ages.undated is not Treatment.ALLOW:
                yield result(self.id, _STATUS[ages.undated], "base_undated", name, base=name)
        elif case.now - created > ages.max_age:
            newer = [
                base
                for base in case.policy.safelist.base_images
                if base.repository == listed[0].repository and base.created and created < base.created <= case.now
            ]
            newest = max(newer, key=lambda base: (base.created, base.reference), default=None)
            told = newest.reference if newest else "none is listed"
            yield result(self.id, Status.FAIL, "base_too_old", name, base=name, created=created.isoformat(), newer=told)
