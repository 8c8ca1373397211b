"""Packages that came inside another one: setuptools carries a dozen, each with its `.dist-info`."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from gate.model.image import ProofLevel

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from gate.model.image import Component

_BY_BYTES = frozenset({"record_equal", "grant_bytes_equal"})


def settle_vendored(components: Sequence[Component], rows: Mapping[int, AbstractSet[str]]) -> tuple[Component, ...]:
    """Give what another component brought along that one's proof, where its own is weaker.

    All that the installed record of a component proven by its bytes names was held against its wheel; so what lies
    in that record, to the last file, has its origin. A file that only the inner package's record names is not the
    outer one's, and then the inner one stands for itself.

    Args:
        components: with their proofs.
        rows: by index of the component, the paths in the image that its own record names.
    """
    holders: dict[str, list[int]] = defaultdict(list)
    for index, paths in rows.items():
        for path in paths:
            folder, _, leaf = path.rpartition("/")
            if leaf == "METADATA" and folder != components[index].path and _is_proven_by_bytes(components[index]):
                holders[folder].append(index)
    return tuple(
        _settled(component, rows.get(index, frozenset()), [(components[one], rows[one]) for one in outers])
        if (outers := holders.get(component.path))
        else component
        for index, component in enumerate(components)
    )


def _is_proven_by_bytes(component: Component) -> bool:
    return component.proof is not None and component.proof.code in _BY_BYTES


def _settled(
    component: Component, own: AbstractSet[str], outers: Sequence[tuple[Component, AbstractSet[str]]]
) -> Component:
    proof = component.proof
    if proof is None or proof.level is ProofLevel.PROVEN or proof.code == "owned":
        return component
    for outer, paths in outers:
        if outer.proof is not None and own <= paths:
            evidence = {"inside": outer.name, "otherwise": proof.code}
            return component.model_copy(
                update={"proof": outer.proof.model_copy(update={"code": "vendored", "evidence": evidence})}
            )
    return component
