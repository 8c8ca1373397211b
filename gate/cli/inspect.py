"""`gate inspect`: what is inside an image, from its layers alone. Nothing is unpacked to disk, nothing is run."""

from __future__ import annotations

import importlib
import os
import sys
import time
from contextlib import AbstractContextManager, ExitStack
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import typer

from gate.errors import UsageError
from gate.image.reporter import InspectReporter

if TYPE_CHECKING:
    from collections.abc import Callable

    from gate.model.image import ImageFacts, Inventory

app = typer.Typer(add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False)

UNREADABLE = 12
PATIENCE = 1.0
"""Seconds before progress is shown: whoever gets an answer sooner needs none."""


class Format(StrEnum):
    """How a report is written; each is a module of `gate.reports`."""

    TEXT = "text"
    JSON = "json"


_SUFFIXES = {".json": Format.JSON, ".txt": Format.TEXT}


@app.command(name="inspect")
def inspect(
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE", help="`host/path:tag`, `host/path@sha256:…`, `oci:FOLDER:TAG` or `docker:NAME`."
        ),
    ],
    *,
    style: Annotated[Format, typer.Option("--format", help="How standard output is written.")] = Format.TEXT,
    output: Annotated[
        list[Path] | None, typer.Option(help="Also write to this file; .json and .txt say how. Repeatable.")
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(envvar="GATE_POLICY", help="Folder with `allowlist/` and `exceptions/`; the defaults if none."),
    ] = None,
) -> None:
    """List what is inside an image, with the layer and the evidence of each.

    Exit codes: 0 the image was read whole, 12 it or a part of it could not be read, 2 wrong usage.
    """
    for path in output or []:
        if not path.parent.is_dir():
            message = f"`{path.parent}` is no folder"
            raise UsageError(message, hint="name a file in a folder that is there", file=path)
    inventory = _inventory(image, policy)
    sys.stdout.write(_render(inventory, style))
    for path in output or []:
        _write(path, _render(inventory, _SUFFIXES.get(path.suffix.lower(), style)))
    from gate.reports.inspect_json import is_readable  # noqa: PLC0415 - `--help` needs no report

    raise typer.Exit(0 if is_readable(inventory) else UNREADABLE)


def _inventory(image: str, policy: Path | None) -> Inventory:
    """Resolve the tag once and read that digest."""
    from gate.config import load_config  # noqa: PLC0415 - `--help` needs none of these
    from gate.image.inventory import read_inventory  # noqa: PLC0415
    from gate.registry.reference import parse_image_ref  # noqa: PLC0415
    from gate.wiring import open_reader, policy_of  # noqa: PLC0415

    ref = parse_image_ref(image)
    config = load_config(os.environ)
    bases = tuple((base.reference, base.diff_ids) for base in policy_of(config, policy).safelist.base_images)
    progress = ProgressReporter(is_watched=sys.stderr.isatty(), clock=time.monotonic)
    with ExitStack() as stack:
        reader = open_reader(ref, config)
        if isinstance(reader, AbstractContextManager):
            stack.enter_context(reader)
        stack.enter_context(progress)
        pinned = ref.at(reader.resolve(ref))
        inventory, _ = read_inventory(reader, pinned, bounds=config.image, base_catalogue=bases, reporter=progress)
    return inventory


def _render(inventory: Inventory, style: Format) -> str:
    text: str = importlib.import_module(f"gate.reports.inspect_{style.value}").render(inventory)
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
        """Learn how much there is to read."""
        self._total = sum(layer.size for layer in facts.layers)

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

    def show(self, done: int) -> None:
        self._progress.update(self._task, completed=done)

    def stop(self) -> None:
        self._progress.stop()
