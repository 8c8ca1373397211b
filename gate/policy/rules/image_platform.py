"""Every image is for a platform that policy lets in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.policy.rule import Case, Explanation, passed, result

if TYPE_CHECKING:
    from collections.abc import Iterator


class ImagePlatform:
    """An image that nobody can read is released by nobody: it would be pulled all the same, by who asks for it."""

    id = "image-platform"
    title = "Every image is for a platform that policy lets in."
    codes = {  # noqa: RUF012 - read-only by protocol
        "platform_not_allowed": Explanation(
            reason="{image} is for `{platform}`, and policy lets in {allowed}",
            way_out="leave it out of the index (`docker buildx build --platform`), or have the security team list the"
            " platform under `platforms` in `allowlist/policy.yaml`",
        ),
        "platforms_allowed": Explanation(reason="{images} image(s), for {platforms}", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield a failure for each image for another platform, or one pass."""
        policy = case.policy.decision
        read = {view.image.image.digest: view.image.image.platform for view in case.evidence.views()}
        index = case.evidence.index
        unread = {one.digest: one.platform for one in index.unread} if index is not None else {}
        refused = [(image, name) for image, name in (unread | read).items() if name and not policy.lets_in(name)]
        allowed = ", ".join(f"`{one}`" for one in policy.platforms) or "none"
        for image, name in refused:
            yield result(
                self.id, Status.FAIL, "platform_not_allowed", image, image=image, platform=name, allowed=allowed
            )
        if not refused:
            yield passed(
                self.id, "platforms_allowed", images=len(read), platforms=", ".join(sorted(set(read.values())))
            )
