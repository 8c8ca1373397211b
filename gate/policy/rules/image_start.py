"""What the image's config starts is what was proven: nothing is loaded, found or installed before it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.steering import PlaceState
from gate.policy.rule import Case, Explanation, passed, result
from gate.policy.schema import Treatment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.model.steering import Steer

_STATUS = {Treatment.ALLOW: Status.PASS, Treatment.WARN: Status.WARN, Treatment.BLOCK: Status.FAIL}
_SEARCHED = frozenset({"PATH", "PYTHONPATH", "LD_LIBRARY_PATH", "WorkingDir", "script"})
_SOUND = frozenset({PlaceState.BASE, PlaceState.OWNED})


class ImageStart:
    """Bytes that are proven and never run prove nothing about what runs."""

    id = "image-start"
    title = "The image's config has nothing loaded, found or installed before what was proven."
    codes = {  # noqa: RUF012 - read-only by protocol
        "not_looked_at": Explanation(
            reason="nobody looked at what the image's config starts",
            way_out="evaluate again: the evidence was gathered by an older version",
        ),
        "preloaded": Explanation(
            reason="the variable `{name}` has `{place}` loaded into every program, which is {state}",
            way_out="take the variable out of the image, or let it name what the base image or a package brings",
        ),
        "shadowed": Explanation(
            reason="`{place}` is searched first (`{name}`) and has what packages, Python or the base have too: {names}",
            way_out="give your own modules and programs names that nothing else has",
        ),
        "relative": Explanation(
            reason="the variable `{name}` has a relative place (`{place}`): what is found depends on the folder of the"
            " day",
            way_out="write absolute folders, and no empty entry",
        ),
        "installs_at_start": Explanation(
            reason="the container installs something whenever it starts (`{command}`), which no check can see",
            way_out="install it in a `RUN`, so that it is in the image",
        ),
        "start_as_proven": Explanation(reason="{places} place(s) looked at, {allowed} let pass by policy", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield a result for each place that takes precedence over what was proven, or one pass."""
        steering, treatment = case.evidence.image.steering, case.policy.decision.content.start
        if steering is None:
            yield result(self.id, Status.UNKNOWN, "not_looked_at")
            return
        met = [told for steer in steering.steers if (told := self._about(steer, _STATUS[treatment])) is not None]
        met += [
            result(self.id, _STATUS[treatment], "installs_at_start", command=command) for command in steering.installs
        ]
        refused = [one for one in met if one.status is not Status.PASS]
        yield from refused
        if all(one.status is not Status.FAIL for one in refused):
            yield passed(self.id, "start_as_proven", places=len(steering.steers), allowed=len(met) - len(refused))

    def _about(self, steer: Steer, status: Status) -> RuleResult | None:
        told = {"name": steer.name, "place": steer.place, "state": steer.state.value, "names": ", ".join(steer.names)}
        if steer.state is PlaceState.SHADOWS:
            return result(self.id, status, "shadowed", steer.place, **told)
        if steer.name == "command":
            return None
        if steer.name in _SEARCHED:
            relative = steer.state is PlaceState.RELATIVE
            # What is found there can't be told, and neither can it be told that it is wrong.
            softer = Status.WARN if status is Status.FAIL else status
            return result(self.id, softer, "relative", steer.name, **told) if relative else None
        return None if steer.state in _SOUND else result(self.id, status, "preloaded", steer.place, **told)
