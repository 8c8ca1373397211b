"""The image was read whole, and something was found in it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.reference import Severity
from gate.policy.rule import Case, Explanation, passed, result

if TYPE_CHECKING:
    from collections.abc import Iterator


class ImageRead:
    """What the inventory could not make sense of may be what somebody hid."""

    id = "image-read"
    title = "The image was read whole."
    codes = {  # noqa: RUF012 - read-only by protocol
        "other_image": Explanation(
            reason="the inventory is that of {inventory}, the subject is {subject}",
            way_out="report this: the gate mixed up two images and passes neither",
        ),
        "image_unreadable": Explanation(
            reason="`{file}` in the image: {message}",
            way_out="rebuild the image so that its package metadata is as the installer wrote it",
        ),
        "nothing_found": Explanation(
            reason="no component was found in the image",
            way_out="build on a listed base image; an image without package metadata can't be judged",
        ),
        "image_read": Explanation(reason="{components} component(s) in {layers} layer(s)", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield one result for each problem, or one pass."""
        inventory = case.evidence.image
        sound = True
        if case.evidence.subject not in {inventory.image.digest, inventory.image.index_digest}:
            sound = False
            yield result(
                self.id,
                Status.UNKNOWN,
                "other_image",
                inventory=inventory.image.digest,
                subject=case.evidence.subject,
            )
        for problem in inventory.problems:
            if problem.severity is Severity.ERROR:
                sound = False
                yield result(
                    self.id,
                    Status.FAIL,
                    "image_unreadable",
                    problem.file,
                    file=problem.file,
                    message=problem.message,
                    problem=problem.code,
                )
        if not inventory.components:
            yield result(self.id, Status.FAIL, "nothing_found")
        elif sound:
            yield passed(
                self.id, "image_read", components=len(inventory.components), layers=len(inventory.image.layers)
            )
