"""`gate policy base`: add base images to the catalogue of a policy folder, and list it."""

from __future__ import annotations

import json
import os
import re
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gate.errors import PolicyError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.model.image import ImageRef
    from gate.policy.bases import BaseImage
    from gate.policy.schema import Policy

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Add base images to the catalogue of a policy folder, and list it.",
)

_HEAD = "# Written by `gate policy base add`: bases by the bytes of their layers. Review it as you review code.\n"


class Format(StrEnum):
    """How a catalogue is written."""

    TEXT = "text"
    JSON = "json"


@app.command()
def add(
    image: Annotated[str, typer.Argument(metavar="REF", help="`host/path:tag` or `host/path@sha256:…`.")],
    *,
    policy: Annotated[
        Path, typer.Option(envvar="GATE_POLICY", help="Folder with `allowlist/` and `exceptions/` to write to.")
    ],
    platform: Annotated[
        str, typer.Option(metavar="OS/ARCH", help="Of an index, the image for this platform; else all for Linux.")
    ] = "",
) -> None:
    """Look a base image up in its registry, or in the mirror that policy lists, and write it into the policy folder.

    The tag is resolved once; older versions stay listed until somebody deletes them from the file.

    Exit codes: 0 written or there already, 12 the image can't be read or policy does not take it, 2 wrong usage.
    """
    from gate.config import load_config  # noqa: PLC0415 - `--help` needs none of these
    from gate.image.catalogue import read_bases  # noqa: PLC0415
    from gate.registry.reference import parse_image_ref  # noqa: PLC0415
    from gate.wiring import policy_of  # noqa: PLC0415
    from gate.wiring_stores import open_reader  # noqa: PLC0415

    ref = parse_image_ref(image)
    config = load_config(os.environ)
    known = policy_of(config, policy)
    _refuse_unlisted(ref, known)
    reader = open_reader(ref, config, known)
    pinned = ref.at(reader.resolve(ref))
    found = read_bases(reader, pinned, bounds=config.image, now=datetime.now(UTC), platform=platform)
    path = policy / "allowlist" / "bases" / f"{re.sub(r'[^a-z0-9.]+', '-', ref.repository)}.yaml"
    added = _write(path, found)
    policy_of(config, policy)
    for base in found:
        state = "added" if base in added else "there already"
        typer.echo(f"{state}: {base.reference} {base.platform} {base.digest}, {len(base.diff_ids)} layer(s)")


@app.command(name="list")
def list_command(
    *,
    policy: Annotated[
        Path | None,
        typer.Option(help="Folder with `allowlist/` and `exceptions/`; else GATE_POLICY, else the defaults."),
    ] = None,
    style: Annotated[Format, typer.Option("--format", help="How standard output is written.")] = Format.TEXT,
) -> None:
    """List the base images that images may stand on.

    Exit codes: 0 listed, 12 the policy can't be used, 2 wrong usage.
    """
    from gate.config import load_config  # noqa: PLC0415 - as above
    from gate.wiring import policy_of  # noqa: PLC0415

    bases = policy_of(load_config(os.environ), policy).safelist.base_images
    if style is Format.JSON:
        listed = [base.model_dump(mode="json") for base in bases]
        typer.echo(json.dumps({"schema": "gate.bases/1", "bases": listed}, indent=2))
        return
    for base in bases:
        made = f"made {base.created:%Y-%m-%d}" if base.created else "undated"
        layers = len(base.diff_ids or base.layers)
        typer.echo(f"{base.reference} {base.platform or 'any platform'} {made}, {layers} layer(s)")
    if not bases:
        typer.echo("none: every image is refused for its base until one is added (`gate policy base add`)")


def _refuse_unlisted(ref: ImageRef, known: Policy) -> None:
    from gate.model.image import Transport  # noqa: PLC0415 - as above
    from gate.model.origin import Origin, OriginKind  # noqa: PLC0415
    from gate.policy.dispose import origin_allowed  # noqa: PLC0415

    if ref.transport is not Transport.REGISTRY:
        message = f"`{ref}` is in no registry: a base is looked up where everybody gets it"
        raise UsageError(message, hint="write `host/path:tag`", code="not_a_registry_image")
    if not origin_allowed(Origin(kind=OriginKind.IMAGE_REGISTRY, location=ref.repository), known.safelist):
        message = f"`{ref.repository}` is in no registry that policy lists"
        hint = "list the registry under `image_registries` in `allowlist/safelist.yaml` first"
        raise PolicyError(message, code="base_not_safelisted", hint=hint, repository=ref.repository)


def _write(path: Path, found: Sequence[BaseImage]) -> list[BaseImage]:
    """Put what is new behind what is there; the file appears whole or not at all."""
    import yaml  # noqa: PLC0415 - as above

    from gate.policy.source import read_bases  # noqa: PLC0415

    listed = list(read_bases(path).bases) if path.exists() else []
    kept = {(base.reference, base.digest) for base in listed}
    added = [base for base in found if (base.reference, base.digest) not in kept]
    if not added:
        return []
    bases = [_plain(base) for base in (*listed, *added)]
    text = _HEAD + yaml.safe_dump({"version": "gate.bases/1", "bases": bases}, sort_keys=False)
    part = path.with_suffix(".part")
    try:
        path.parent.mkdir(exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        message = f"the catalogue can't be written to `{path}`: {error.strerror}"
        raise UsageError(message, hint="name a policy folder that can be written", file=path) from error
    return added


def _plain(base: BaseImage) -> dict[str, object]:
    return {key: value for key, value in base.model_dump(mode="json").items() if value not in (None, "", [])}
