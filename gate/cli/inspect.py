"""`gate inspect`: what is inside an image, from its layers alone; with `--prove` also where it comes from.

Nothing is unpacked to disk, nothing is run.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
import time
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from gate.errors import UsageError
from gate.image.reporter import InspectReporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.config import Config
    from gate.model.image import ImageFacts, ImageRef, IndexFacts, Inventory
    from gate.policy.schema import Policy
    from gate.registry.interface import ImageReader
    from gate.reports.inspected import Inspected

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

UNREADABLE = 12
PATIENCE = 1.0
"""Seconds before progress is shown: whoever gets an answer sooner needs none."""

HANDOVER = 0.0005
"""Seconds after which a thread that reads headers lets one that unpacks go on: they wait on each other all the time."""

YOUNG = 100_000
"""Objects made before those of them that refer to each other in rings are looked for; a file system has few rings."""


class Format(StrEnum):
    """How a report is written; each is a module of `gate.reports`."""

    TEXT = "text"
    JSON = "json"
    CYCLONEDX = "cyclonedx"


_SBOM = ".cdx.json"
_SUFFIXES = {".json": Format.JSON, ".txt": Format.TEXT}


@app.command(name="inspect")
def inspect(  # noqa: PLR0913 - one parameter an option
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE", help="`host/path:tag`, `host/path@sha256:…`, `oci:FOLDER:TAG` or `docker:NAME`."
        ),
    ],
    *,
    style: Annotated[Format, typer.Option("--format", help="How standard output is written.")] = Format.TEXT,
    output: Annotated[
        list[Path] | None, typer.Option(help="Also write to this file; .cdx.json, .json and .txt say how. Repeatable.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(envvar="GATE_POLICY", help="Folder with `allowlist/` and `exceptions/`; the defaults if none."),
    ] = None,
    prove: Annotated[
        bool, typer.Option("--prove", help="Look up where each component comes from, as `gate evaluate` does.")
    ] = False,
    platform: Annotated[
        str, typer.Option(metavar="OS/ARCH", help="Of an index, the image for this platform; else all of them.")
    ] = "",
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Read every layer again, and keep nothing of what it says.")
    ] = False,
) -> None:
    """List what is inside an image, with the layer and the evidence of each.

    Without `--prove` the image is all that is read: no index and no channel is asked. A layer that was read before is
    not read again: what it says is kept, by its digest, in the gate's database.

    Exit codes: 0 the image was read whole, 12 it or a part of it could not be read, 2 wrong usage.
    """
    for path in output or []:
        if not path.parent.is_dir():
            message = f"`{path.parent}` is no folder"
            raise UsageError(message, hint="name a file in a folder that is there", file=path)
    found = _inspected(image, policy, platform=platform, prove=prove, cached=not no_cache)
    sys.stdout.write(_render(found, style))
    for path in output or []:
        _write(path, _render(found, _style_of(path, style)))
    raise typer.Exit(0 if found.readable else UNREADABLE)


def _inspected(image: str, folder: Path | None, *, platform: str, prove: bool, cached: bool) -> Inspected:
    """Resolve the tag once and read that digest."""
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    sys.setswitchinterval(HANDOVER)
    from gate.config import load_config  # noqa: PLC0415 - `--help` needs none of these
    from gate.registry.reference import parse_image_ref  # noqa: PLC0415
    from gate.reports.inspected import Inspected  # noqa: PLC0415
    from gate.wiring import policy_of  # noqa: PLC0415
    from gate.wiring_stores import open_reader  # noqa: PLC0415

    ref = parse_image_ref(image)
    config = load_config(os.environ)
    if not cached:
        config = replace(config, image=replace(config.image, cached_bytes=0))
    policy = policy_of(config, folder)
    progress = ProgressReporter(is_watched=sys.stderr.isatty(), clock=time.monotonic)
    with ExitStack() as stack:
        reader = open_reader(ref, config, policy)
        if isinstance(reader, AbstractContextManager):
            stack.enter_context(reader)
        stack.enter_context(progress)
        look = _proved if prove else _read
        index, images = look(reader, ref.at(reader.resolve(ref)), config, policy, progress, platform)
    return Inspected(images=images, index=index)


def _read(  # noqa: PLR0913, PLR0917 - what one image is read with, handed on once
    reader: ImageReader,
    ref: ImageRef,
    config: Config,
    policy: Policy,
    progress: ProgressReporter,
    platform: str,
) -> tuple[IndexFacts | None, tuple[Inventory, ...]]:
    from gate.image.images import read_images  # noqa: PLC0415 - as above
    from gate.policy.bases import catalogue_of  # noqa: PLC0415
    from gate.wiring import layer_cache  # noqa: PLC0415

    bases = catalogue_of(policy.safelist.base_images)
    with layer_cache(config) as cache:
        index, images = read_images(
            reader, ref, bounds=config.image, base_catalogue=bases, reporter=progress, platform=platform, cache=cache
        )
        return index, tuple(inventory for inventory, _ in images)


def _proved(  # noqa: PLR0913, PLR0917 - as above
    reader: ImageReader,
    ref: ImageRef,
    config: Config,
    policy: Policy,
    progress: ProgressReporter,
    platform: str,
) -> tuple[IndexFacts | None, tuple[Inventory, ...]]:
    from gate.store.engine import reading  # noqa: PLC0415 - as above
    from gate.wiring import exception_desk, open_database, real_world  # noqa: PLC0415

    with open_database(config) as engine:
        with reading(engine) as connection:
            grants = exception_desk(config, engine, policy).all_grants(connection, policy)
        return real_world(config, engine, progress).prove(reader, ref, policy, grants, platform=platform)


def _style_of(path: Path, style: Format) -> Format:
    if path.name.lower().endswith(_SBOM):
        return Format.CYCLONEDX
    return _SUFFIXES.get(path.suffix.lower(), style)


def _render(found: Inspected, style: Format) -> str:
    text: str = importlib.import_module(f"gate.reports.inspect_{style.value}").render(found)
    return text


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        message = f"the report can't be written to `{path}`: {error.strerror}"
        raise UsageError(message, hint="name a file in a folder that is there and writable", file=path) from error


class ProgressReporter(InspectReporter):
    """Shows a bar on standard error, if somebody watches it and reading takes longer than `PATIENCE`."""

    def __init__(self, *, is_watched: bool, clock: Callable[[], float]) -> None:
        """Show nothing yet."""
        self._is_watched = is_watched
        self._clock = clock
        self._start = clock()
        self._total = 0
        self._read = 0
        self._bar: _Bar | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def image(self, facts: ImageFacts) -> None:
        """Learn how much there is to read, or that there is another image of the index."""
        self._total += sum(layer.size for layer in facts.layers)
        if self._bar is not None:
            self._bar.grow(self._total)

    def layer_read(self, index: int, compressed: int) -> None:  # noqa: ARG002 - the bar is one over all layers
        """Move the bar, or bring it up."""
        self._read += compressed
        if self._bar is None and self._is_watched and self._clock() - self._start > PATIENCE:
            self._bar = _Bar(self._total)
        if self._bar is not None:
            self._bar.show(self._read)


class _Bar:
    """A progress bar of rich's, imported when it is shown."""

    def __init__(self, total: int) -> None:
        from rich.console import Console  # noqa: PLC0415 - most runs show none
        from rich.progress import Progress  # noqa: PLC0415

        self._progress = Progress(console=Console(stderr=True), transient=True)
        self._task = self._progress.add_task("reading layers", total=total)
        self._progress.start()

    def grow(self, total: int) -> None:
        self._progress.update(self._task, total=total)

    def show(self, done: int) -> None:
        self._progress.update(self._task, completed=done)

    def stop(self) -> None:
        self._progress.stop()
