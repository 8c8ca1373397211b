"""No configuration of an installer was left on top of the base that leads to places which are not safelisted."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.policy.dispose import origin_allowed
from gate.policy.rule import Case, Explanation, passed, result
from gate.policy.schema import Treatment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.model.steering import ToolConfig
    from gate.policy.schema import Safelist

_STATUS = {Treatment.ALLOW: Status.PASS, Treatment.WARN: Status.WARN, Treatment.BLOCK: Status.FAIL}


class ToolConfigLeft:
    """What is installed is proven by itself; this tells where it would come from the next time, and who may know."""

    id = "tool-config"
    title = "No configuration of pip, conda or uv in the image leads to places that are not safelisted."
    codes = {  # noqa: RUF012 - read-only by protocol
        "not_looked_at": Explanation(
            reason="nobody looked for configuration of installers in the image",
            way_out="evaluate again: the evidence was gathered by an older version",
        ),
        "tool_origin": Explanation(
            reason="`{path}` has {tool} take packages from {origins}, which is not safelisted",
            way_out="give such settings to the build alone (`--mount=type=secret`, `ARG`), and leave none in the image",
        ),
        "tool_secret": Explanation(
            reason="`{path}` holds credentials for {tool}, and everybody who may pull the image can read them",
            way_out="change these credentials now, and hand them to the build as a secret (`--mount=type=secret`)",
        ),
        "tool_unread": Explanation(
            reason="`{path}` is configuration of {tool} that can't be read ({problem})",
            way_out="mend the file, or leave it out of the image",
        ),
        "no_tool_config": Explanation(
            reason="{files} configuration(s) looked at, {allowed} matter(s) let pass by policy", way_out=""
        ),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield what is wrong with each configuration on top of the base, or one pass."""
        steering, policy = case.evidence.image.steering, case.policy
        if steering is None:
            yield result(self.id, Status.UNKNOWN, "not_looked_at")
            return
        status = _STATUS[policy.decision.content.tools]
        own = [tool for tool in steering.tools if not tool.in_base]
        met = [told for tool in own for told in self._about(tool, policy.safelist, status)]
        if status is not Status.PASS:
            yield from met
        if not met or status is not Status.FAIL:
            allowed = len(met) if status is Status.PASS else 0
            yield passed(self.id, "no_tool_config", files=len(steering.tools), allowed=allowed)

    def _about(self, tool: ToolConfig, safelist: Safelist, status: Status) -> Iterator[RuleResult]:
        refused = sorted({one.location for one in tool.origins if not origin_allowed(one, safelist)})
        told = {"path": tool.path, "tool": tool.tool}
        if refused:
            yield result(self.id, status, "tool_origin", tool.path, origins=", ".join(refused)[:500], **told)
        if tool.secret:
            yield result(self.id, status, "tool_secret", tool.path, **told)
        if tool.unread:
            yield result(self.id, status, "tool_unread", tool.path, problem=tool.unread, **told)
