"""From a pinned ref to everything that is inside the image: the one way in for `inspect` and `evaluate`."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from gate.errors import BoundError
from gate.image.base import BaseCheck, match_base
from gate.image.components.conda import find_conda
from gate.image.components.conda_cache import find_conda_cache
from gate.image.components.dpkg import find_dpkg
from gate.image.components.python import find_python
from gate.image.files import FileSystem
from gate.image.hidden import find_hidden
from gate.image.layers import read_layer
from gate.image.loose import find_loose
from gate.image.manifest import read_image
from gate.image.other import count_other
from gate.image.owners import Owners
from gate.image.reporter import InspectReporter
from gate.image.scene import Scene
from gate.image.steering import find_steering
from gate.image.survey import survey
from gate.image.table import FileTable
from gate.model.image import Inventory
from gate.model.reference import Problem
from gate.registry.interface import Descriptor

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.bounds import ImageBounds
    from gate.image.base import CatalogueEntry
    from gate.image.scene import Found
    from gate.model.image import Component, ImageFacts, ImageRef
    from gate.registry.interface import ImageReader

READERS = (find_python, find_conda, find_conda_cache, find_dpkg)
"""One for each kind of component; adding a kind adds a file and a name here."""


def read_inventory(
    reader: ImageReader,
    ref: ImageRef,
    *,
    bounds: ImageBounds,
    base_catalogue: Sequence[CatalogueEntry] = (),
    reporter: InspectReporter | None = None,
) -> tuple[Inventory, FileTable]:
    """Read the image that a pinned ref leads to, every byte of it, and say what is inside.

    Components are sorted, so that the same image has the same inventory. What could not be read is a problem of
    error severity in it, never a row left out.

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
    system = _merge(reader, ref.at(facts.digest), facts, base.layers if base else 0, bounds, report)
    scene = Scene(system=system, survey=survey(system.root), bounds=bounds)
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


def _merge(  # noqa: PLR0913, PLR0917 - what one image is read with, handed on once
    reader: ImageReader,
    ref: ImageRef,
    facts: ImageFacts,
    base_layers: int,
    bounds: ImageBounds,
    report: InspectReporter,
) -> FileSystem:
    """Read the layers from the lowest up and lay them over each other."""
    system = FileSystem(base_layers=base_layers)
    seen = 0
    for index, layer in enumerate(facts.layers):
        report.layer_started(index, layer)
        descriptor = Descriptor(digest=layer.digest, size=layer.size, media_type=layer.media_type)
        with reader.blob(ref, descriptor) as stream:
            content = read_layer(
                stream,
                index=index,
                layer=layer,
                bounds=bounds,
                seen=seen,
                kept=system.kept_bytes,
                read=partial(report.layer_read, index),
            )
        seen += content.entries
        report.layer_done(index, content.entries)
        system.put(content, index=index)
    return system


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
