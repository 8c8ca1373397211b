"""What lies on top of the base and belongs to no package: code without an owner, and kinds that nobody can prove."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.image import LooseKind
from gate.policy.rule import Case, Explanation, passed, result
from gate.policy.schema import Treatment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.model.image import Loose
    from gate.policy.schema import ContentPolicy

_STATUS = {Treatment.WARN: Status.WARN, Treatment.BLOCK: Status.FAIL}
_ARCHIVES = frozenset({"wheel_file", "zipped_egg"})
_OWN = "put it where your application lies, outside of Python's folders, or bring it as a package from PyPI"


def _treatment(policy: ContentPolicy, kind: LooseKind) -> Treatment:
    match kind:
        case LooseKind.BYTECODE:
            return policy.bytecode
        case LooseKind.PROGRAM:
            return policy.programs
        case LooseKind.SHELL:
            return policy.shells
        case LooseKind.UNCHECKED | LooseKind.STALE:
            return policy.stale
        case _:
            return policy.unowned


class OtherContent:
    """A package that was copied in as bare files has no origin that could be proved, so its files are asked for."""

    id = "other-content"
    title = "Nothing on top of the base is code that no package's record names."
    codes = {  # noqa: RUF012 - read-only by protocol
        "not_looked_at": Explanation(
            reason="nobody looked for content on top of the base that belongs to no package",
            way_out="evaluate again: the evidence was gathered by an older version",
        ),
        "importable": Explanation(
            reason="{count} file(s) lie where Python imports from, and no package's record names them: {examples}",
            way_out=_OWN,
        ),
        "startup": Explanation(
            reason="{count} file(s) are read at every start of Python or of any program, and no package's record names"
            " them: {examples}",
            way_out="remove them; make environments with `python -m venv`, which needs none",
        ),
        "interpreter": Explanation(
            reason="{count} interpreter(s) of Python are not the base's: {examples}",
            way_out="use the interpreter of a listed base image",
        ),
        "library": Explanation(
            reason="{count} shared libraries lie where the loader looks, and no record names them: {examples}",
            way_out="build on a base image that has them, or take a package from PyPI that brings them",
        ),
        "program": Explanation(
            reason="{count} program(s) in machine code belong to no package: {examples}",
            way_out="take them from a package or the base image, or out of the image; the application's own may stay"
            " where policy lets them (`content.programs`)",
        ),
        "shell": Explanation(
            reason="{count} file(s) are read when a shell starts, and no package's record names them: {examples}",
            way_out="set variables with `ENV` instead, and remove them",
        ),
        "base_changed": Explanation(
            reason="{count} program(s) of the base image were replaced on top of it: {examples}",
            way_out="leave what the base image brings as it is",
        ),
        "bytecode": Explanation(
            reason="{count} byte code cache(s) were not compared with their sources: {examples}",
            way_out="build with `pip install --no-compile` and `PYTHONDONTWRITEBYTECODE=1`, or delete `__pycache__` in"
            " the same `RUN`",
        ),
        "unchecked": Explanation(
            reason="{count} byte code cache(s) are run without a look at their sources: {examples}",
            way_out="build with `PYTHONDONTWRITEBYTECODE=1`, or delete `__pycache__` in the same `RUN`",
        ),
        "stale": Explanation(
            reason="{count} byte code cache(s) were made of other sources than lie beside them: {examples}",
            way_out="install packages without changing their sources, and delete `__pycache__`",
        ),
        "other_kind": Explanation(
            reason="{count} item(s) of the kind `{kind}` lie on top of the base, whose origin the gate can't prove",
            way_out="take them out of the image (archives: in the same `RUN` that used them), or bring them as packages"
            " from PyPI",
        ),
        "nothing_loose": Explanation(reason="{allowed} file(s) that policy lets pass", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield a result for each kind of content that has no owner, and a pass if none of them is refused."""
        above = case.evidence.image.above
        if above is None:
            yield result(self.id, Status.UNKNOWN, "not_looked_at")
            return
        policy = case.policy.decision.content
        met = [(_treatment(policy, loose.kind), loose.count, self._about(loose)) for loose in above.loose]
        met += [
            (policy.archives if kind in _ARCHIVES else policy.other, count, self._of_kind(kind, count))
            for kind, count in sorted(above.other.items())
        ]
        for treatment, _, told in met:
            if treatment is not Treatment.ALLOW:
                yield told.model_copy(update={"status": _STATUS[treatment]})
        if all(treatment is not Treatment.BLOCK for treatment, _, _ in met):
            allowed = sum(count for treatment, count, _ in met if treatment is Treatment.ALLOW)
            yield passed(self.id, "nothing_loose", allowed=allowed)

    def _of_kind(self, kind: str, count: int) -> RuleResult:
        return result(self.id, Status.FAIL, "other_kind", kind, kind=kind, count=count)

    def _about(self, loose: Loose) -> RuleResult:
        first = loose.examples[0] if loose.examples else ""
        examples = ", ".join(loose.examples[:3]) + (" …" if loose.count > len(loose.examples[:3]) else "")
        return result(self.id, Status.FAIL, loose.kind.value, first, count=loose.count, examples=examples)
