"""Prove the origin of everything found in an image: one proof a component, none skipped."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from gate.errors import GateError
from gate.model.image import Proof
from gate.model.origin import Kind, Origin, OriginKind
from gate.origin.channel_desk import ChannelDesk
from gate.origin.conda import prove_conda
from gate.origin.desk import Desk
from gate.origin.dpkg import prove_os_package
from gate.origin.drift import find_drift
from gate.origin.grants import match_grants
from gate.origin.python import prove_python
from gate.origin.vendored import settle_vendored
from gate.origin.verdict import failed, proven, unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from gate.index.facts import WheelFacts
    from gate.model.exception import Grant
    from gate.model.image import Component, Inventory
    from gate.model.reference import Declared
    from gate.model.resolution import Resolution
    from gate.origin.interface import Channels, Index, InstalledFiles

_PYTHON = frozenset({Kind.PYPI, Kind.URL, Kind.VCS, Kind.LOCAL})


def prove_inventory(  # noqa: PLR0913 - each is a fact of its own, and all but two are named
    inventory: Inventory,
    files: InstalledFiles,
    *,
    index: Index | None,
    grants: Iterable[Grant] = (),
    wheels: Mapping[str, WheelFacts] | None = None,
    reserved: Iterable[str] = (),
    channels: Channels | None = None,
    declared: Declared | None = None,
    resolution: Resolution | None = None,
    workers: int = 8,
) -> Inventory:
    """Return the inventory with a proof in every component.

    Args:
        inventory: as the image's reader made it.
        files: of the same image.
        index: what Python packages are held against; None if none may be asked, and then none is proven by one.
        grants: all that name Python wheels, in force or not.
        wheels: facts of the wheels that grants name, by `sha256:…` of the whole file (`wheel_facts_of`).
        reserved: private names, exact or as a prefix that ends in `*`; they are not sent to the index.
        channels: what conda packages are held against; None if none may be asked, and then none is proven by one.
        declared: what the definitions declare; with it, the image is compared with that, and with the closed set.
        resolution: the closed set, if there is one.
        workers: how many questions are asked at a time.

    Nothing is raised for a component: what goes wrong becomes its proof.
    """
    desk = None if index is None else Desk(index, reserved=reserved)
    listings = None if channels is None else ChannelDesk(channels, inventory.components, files)
    prover = _Prover(inventory, files, desk=desk, listings=listings, grants=tuple(grants), wheels=dict(wheels or {}))
    with ThreadPoolExecutor(max_workers=workers, thread_name_prefix="origin") as pool:
        proofs = list(pool.map(prover.prove, inventory.components))
    components = tuple(
        component.model_copy(update={"proof": proof})
        for component, proof in zip(inventory.components, proofs, strict=True)
    )
    proved = inventory.model_copy(update={"components": settle_vendored(components, prover.rows)})
    if declared is None:
        return proved
    named = channels.name_of if channels is not None else _unnamed
    drift = find_drift(declared, proved, files, resolution=resolution, channel_name=named, rows=prover.rows)
    return proved.model_copy(update={"drift": drift})


def _unnamed(_: str) -> str:
    return ""


class _Prover:
    def __init__(  # noqa: PLR0913 - as `prove_inventory`
        self,
        inventory: Inventory,
        files: InstalledFiles,
        *,
        desk: Desk | None,
        listings: ChannelDesk | None,
        grants: tuple[Grant, ...],
        wheels: Mapping[str, WheelFacts],
    ) -> None:
        self._base = inventory.base
        self._files = files
        self._desk = desk
        self._listings = listings
        self._grants = grants
        self._wheels = wheels
        self.rows: dict[int, AbstractSet[str]] = {}
        for index, component in enumerate(inventory.components):
            if _is_python(component):
                # What can't be read claims nothing here, and fails when its own turn comes.
                with suppress(Exception):
                    self.rows[index] = files.rows(component).keys()
        self._claimed = frozenset(path for paths in self.rows.values() for path in paths)

    def prove(self, component: Component) -> Proof:
        try:
            return self._prove(component)
        except GateError as error:
            return failed(error)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong with one must not hide the others
            return unknown("prover_failed", {"error": type(error).__name__})

    def _prove(self, component: Component) -> Proof:
        if component.in_base and self._base is not None:
            origin = Origin(kind=OriginKind.BASE_IMAGE, location=self._base.reference)
            return proven("base_layer", origin, {"layer": str(component.layer)})
        if _is_python(component):
            granted = match_grants(component, self._files, self._grants, self._wheels, self._claimed)
            return prove_python(component, self._files, desk=self._desk, granted=granted, claimed=self._claimed)
        if component.kind is Kind.CONDA:
            return prove_conda(component, self._files, self._listings)
        if component.kind is Kind.OS:
            return prove_os_package(component)
        return unknown("no_prover", {"kind": component.kind.value})


def _is_python(component: Component) -> bool:
    return component.kind in _PYTHON or component.path.endswith(".dist-info")
