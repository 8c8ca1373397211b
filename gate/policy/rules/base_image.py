"""The image stands on a base image that policy lists, by diff ids."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.policy.rule import Case, Explanation, passed, result

if TYPE_CHECKING:
    from collections.abc import Iterator


class BaseImageListed:
    """What lies below the model's own layers has an origin only if its bytes are those of a listed base."""

    id = "base-image"
    title = "The image's leading layers are those of a listed base image."
    codes = {  # noqa: RUF012 - read-only by protocol
        "no_listed_base": Explanation(
            reason="the image's leading layers are those of no listed base image (first diff id {first})",
            way_out="build `FROM` a base image that `allowlist/safelist.yaml` lists under `base_images`, or ask the"
            " security team to list yours with its diff ids",
        ),
        "base_not_listed": Explanation(
            reason="the base `{base}` is not what policy lists under that name",
            way_out="evaluate again: the evidence was gathered under another policy",
        ),
        "base_listed": Explanation(reason="{layers} leading layer(s) are those of `{base}`", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Hold the match that the inventory claims against the policy again, diff id by diff id."""
        inventory = case.evidence.image
        layers = inventory.image.layers
        if inventory.base is None:
            first = layers[0].diff_id if layers else "none"
            yield result(self.id, Status.FAIL, "no_listed_base", first=first)
            return
        leading = tuple(layer.diff_id for layer in layers[: inventory.base.layers])
        listed = any(
            base.reference == inventory.base.reference and base.diff_ids == leading
            for base in case.policy.safelist.base_images
        )
        if not listed:
            yield result(self.id, Status.UNKNOWN, "base_not_listed", base=inventory.base.reference)
        else:
            yield passed(self.id, "base_listed", base=inventory.base.reference, layers=inventory.base.layers)
