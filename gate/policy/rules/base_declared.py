"""The base that the definition declares is the one whose layers the image stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.model.decision import RuleResult, Status
from gate.model.origin import Kind, OriginKind
from gate.policy.bases import repository_of
from gate.policy.dispose import origin_allowed
from gate.policy.rule import Case, Explanation, passed, result

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gate.model.reference import Reference
    from gate.policy.bases import BaseImage
    from gate.policy.schema import Safelist


class BaseDeclared:
    """A `FROM` is words and layers are bytes: where the two differ, somebody built from something else."""

    id = "base-declared"
    title = "The image stands on the base image that its definition declares."
    codes = {  # noqa: RUF012 - read-only by protocol
        "from_contradicted": Explanation(
            reason="the definition says `FROM {declared}`, and the image's leading layers are those of {found}",
            way_out="rebuild from the definition that you hand in: a local image may bear the base's name; if the tag"
            " was moved to a newer base, ask the security team to add that (`gate policy base add`)",
        ),
        "digest_contradicted": Explanation(
            reason="the definition pins `{declared}`, and the image stands on `{found}`, which has another digest",
            way_out="rebuild from the definition that you hand in, or pin the digest that was built upon",
        ),
        "from_not_in_catalogue": Explanation(
            reason="no base of the catalogue is called `{declared}`, so nobody can tell whether these are its layers",
            way_out="ask the security team to add it (`gate policy base add {declared}`)",
        ),
        "no_from": Explanation(reason="the definition names no base image from a safelisted registry", way_out=""),
        "from_holds": Explanation(reason="the image stands on `{found}`, as declared", way_out=""),
    }

    def check(self, case: Case) -> Iterator[RuleResult]:
        """Yield one result.

        A definition with several stages names several bases, and which stage was built is not in it: one that fits is
        enough. What a registry that is not safelisted is declared for is refused by `declared-origin`.
        """
        safelist = case.policy.safelist
        declared = [one for one in case.evidence.environment.references if _is_safelisted(one, safelist)]
        if not declared:
            yield passed(self.id, "no_from")
            return
        layers = case.evidence.image.image.layers
        below = [base for base in safelist.base_images if base.is_below(layers)]
        found = ", ".join(f"`{base.reference}`" for base in below[:5]) or "no base of the catalogue"
        told = ", ".join(_written(one) for one in declared[:5])
        fitting = [(one, base) for one in declared for base in below if _name(one, safelist) == base.repository]
        if any(_digest_fits(one, base) for one, base in fitting):
            yield passed(self.id, "from_holds", found=found.replace("`", ""))
        elif fitting:
            yield result(self.id, Status.FAIL, "digest_contradicted", told, declared=told, found=found.replace("`", ""))
        elif any(_is_known(one, safelist) for one in declared):
            yield result(self.id, Status.FAIL, "from_contradicted", told, declared=told, found=found)
        else:
            yield result(self.id, Status.UNKNOWN, "from_not_in_catalogue", told, declared=told)


def _is_safelisted(reference: Reference, safelist: Safelist) -> bool:
    kinds = {origin.kind for origin in reference.origins}
    if reference.kind is not Kind.IMAGE or reference.undetermined or kinds != {OriginKind.IMAGE_REGISTRY}:
        return False
    return all(
        origin_allowed(origin.model_copy(update={"location": reference.name}), safelist) for origin in reference.origins
    )


def _name(reference: Reference, safelist: Safelist) -> str:
    """Return the image's name in its own registry, where the definition names a mirror of it."""
    name = repository_of(reference.name)
    for entry in safelist.image_registries:
        for mirror in entry.mirrors:
            if name.startswith(f"{mirror}/"):
                return f"{entry.host}/{name.removeprefix(f'{mirror}/')}"
    return name


def _is_known(reference: Reference, safelist: Safelist) -> bool:
    return any(_name(reference, safelist) == base.repository for base in safelist.base_images)


def _digest_fits(reference: Reference, base: BaseImage) -> bool:
    """Say whether the digest that a definition pins is the base's; an entry without digests can't contradict it."""
    _, at, digest = f"@{reference.spec}".rpartition("@") if "sha256:" in reference.spec else ("", "", "")
    known = {base.digest, base.index} - {None}
    return not at or not known or digest in known


def _written(reference: Reference) -> str:
    mark = "@" if reference.spec.startswith("sha256:") else ":"
    return f"{reference.name}{mark}{reference.spec}" if reference.spec else reference.name
