"""From a pinned ref to everything that is inside the image: the one way in for `inspect` and `evaluate`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gate.errors import BoundError
from gate.image.base import BaseCheck, match_base
from gate.image.cache import NoLayerCache
from gate.image.components.conda import find_conda
from gate.image.components.conda_cache import find_conda_cache
from gate.image.components.dpkg import find_dpkg
from gate.image.components.python import find_python
from gate.image.components.rpm import find_rpm
from gate.image.hidden import find_hidden
from gate.image.loose import find_loose
from gate.image.manifest import read_image
from gate.image.memory import Key
from gate.image.other import count_other
from gate.image.owners import Owners
from gate.image.reporter import InspectReporter
from gate.image.scene import Scene
from gate.image.stack import Stack
from gate.image.steering import find_steering
from gate.image.survey import survey
from gate.image.table import FileTable
from gate.model.image import Inventory
from gate.model.reference import Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.bounds import ImageBounds
    from gate.image.base import CatalogueEntry
    from gate.image.cache import LayerCache
    from gate.image.memory import ImageMemory
    from gate.image.scene import Found
    from gate.model.image import BaseMatch, Component, ImageFacts, ImageRef
    from gate.registry.interface import ImageReader

READERS = (find_python, find_conda, find_conda_cache, find_dpkg, find_rpm)
"""One for each kind of component; adding a kind adds a file and a name here."""


def read_inventory(  # noqa: PLR0913 - what one image is read with, each by its name
    reader: ImageReader,
    ref: ImageRef,
    *,
    bounds: ImageBounds,
    base_catalogue: Sequence[CatalogueEntry] = (),
    reporter: InspectReporter | None = None,
    cache: LayerCache | None = None,
    memory: ImageMemory | None = None,
) -> tuple[Inventory, FileTable]:
    """Read the image that a pinned ref leads to, every byte of it, and say what is inside.

    What `cache` holds of a layer takes the place of reading it, and what `memory` holds of an image that of its layers;
    what is read here is left there. Manifest and config are read in any case. Components are sorted, so that the same
    image has the same inventory. What could not be read is a problem of error severity in it, never a row left out.

    Raises:
        UsageError: the ref has no digest.
        InputError: the image or a layer can't be read as what it claims to be.
        IntegrityError: bytes do not have their digest, size or diff id.
        BoundError: a bound was hit; it and the layer are named.
        NotFoundError, UpstreamError: as the reader raises them.
    """
    report = reporter or InspectReporter()
    facts = read_image(reader, ref, bounds=bounds)
    report.image(facts)
    base = match_base(facts.layers, base_catalogue)
    key = Key.of(facts, base, bounds)
    if memory is not None and (known := memory.find(key)) is not None:
        return known
    stack = Stack(
        reader=reader,
        ref=ref.at(facts.digest),
        bounds=bounds,
        report=report,
        cache=NoLayerCache() if cache is None else cache,
    )
    inventory, table = _inventory(facts, base, stack)
    if memory is not None:
        memory.keep(key, inventory, table)
    return inventory, table


def _inventory(facts: ImageFacts, base: BaseMatch | None, stack: Stack) -> tuple[Inventory, FileTable]:
    """Merge the layers and ask every reader what is in them."""
    system = stack.merged(facts, base_layers=base.layers if base else 0)
    scene = Scene(system=system, survey=survey(system.root), bounds=stack.bounds)
    found = _found(scene)
    other = count_other(scene)
    if not found and not other:
        scene.problem("nothing_found", "holds nothing that is known: no package of any kind", "")
    inventory = Inventory(
        image=facts,
        base=base,
        components=_settled(scene, found),
        other=other,
        above=find_loose(scene, found),
        steering=find_steering(scene, found, facts.run),
        problems=_problems(scene),
        files=scene.survey.files,
    )
    return inventory, FileTable(system, found)


def _found(scene: Scene) -> list[Found]:
    """Ask every reader, and look for packages that were hidden from all of them."""
    found = [entry for read in READERS for entry in read(scene)]
    if len(found) > scene.bounds.components:
        message = f"the image has more than {scene.bounds.components} components"
        raise BoundError(message, bound="components")
    find_hidden(scene, found)
    return found


def _settled(scene: Scene, found: list[Found]) -> tuple[Component, ...]:
    """Name owners, say what is the base's, and sort."""
    check = BaseCheck(scene.system)
    owners = Owners(scene, found)
    components = []
    for entry in found:
        component = check.settle(entry)
        if owner := owners.owner_of(entry):
            component = component.model_copy(update={"facts": component.facts | {"owner": owner}})
        components.append(component)
    return tuple(
        sorted(components, key=lambda one: (one.kind, one.name, one.version, one.path, sorted(one.facts.items())))
    )


def _problems(scene: Scene) -> tuple[Problem, ...]:
    problems = [*scene.system.problems, *scene.problems]
    if scene.dropped:
        message = f"{scene.dropped} more problems are not named"
        problems.append(Problem(code="more_problems", message=message, file=""))
    return tuple(problems)
