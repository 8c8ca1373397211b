"""The conda half of a closed set: solved by a child of ours, from the channels that policy names and knows."""

from __future__ import annotations

import json
import re
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from gate.errors import BoundError, UpstreamError
from gate.model.digest import is_digest
from gate.model.origin import Kind, Origin, OriginKind
from gate.model.redact import redact, redact_url
from gate.model.reference import Problem
from gate.model.resolution import FileKind, ResolvedFile, ResolvedPackage
from gate.resolve.child import Ended, PrivateFolder, clean_environment, own_program, run_child
from gate.resolve.half import Half
from gate.resolve.relay import Relay, places_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gate.model.reference import Reference
    from gate.policy.schema import Safelist
    from gate.resolve.asked import Asked
    from gate.resolve.settings import ResolveConfig
    from gate.resolve.target import Target

_EXPLAINED = 4_000
_OPERATORS = ("=", "<", ">", "!", "~")
_PYTHON = "python"
_NAME = re.compile(r"[a-z0-9_][a-z0-9_.-]*")
_VERSION = re.compile(r"[\w.*+!<>=|,~() -]*")
_PINNED = re.compile(r"==\s*[\w.!+]+|={0,2}\s*[\w.!+]+(?:=|\s+)[\w.]+")
"""`==1.2`, or a version and a build: one `=` alone is a prefix, and `*` is many."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Channel:
    name: str
    url: str


def resolve_conda(
    asked: Asked, safelist: Safelist, target: Target, config: ResolveConfig, newest: datetime | None = None
) -> Half:
    """Resolve the conda references.

    Raises:
        UpstreamError: a channel failed, or the solver could not be made to answer.
        BoundError: a bound of the resolution was hit.
        GateError: the solver is not there.
    """
    if not asked.conda:
        return Half()
    first = asked.conda[0]
    channels = [_Channel(name=one.location, url=_address(one, safelist, config)) for one in asked.channels]
    unknown = [
        Problem(
            code="channel_address_unknown",
            message=f"where the channel `{channel.name}` is reached is not known: "
            "give its `urls` in the safelist, or its address in `GATE_CHANNEL_ADDRESSES`",
            file=first.file,
            line=first.line,
        )
        for channel in channels
        if not channel.url
    ]
    if unknown:
        return Half(problems=tuple(unknown))
    odd = [reference for reference in asked.conda if not _readable(reference)]
    if odd:
        message = f"the requirement on `{odd[0].name[:120]}` is more than a name, a version and a build"
        at = odd[0]
        return Half(problems=(Problem(code="requirement_unreadable", message=message, file=at.file, line=at.line),))
    answer = _ask(asked, channels, target, config, newest)
    return _half(answer, asked, channels, target, config)


def _address(channel: Origin, safelist: Safelist, config: ResolveConfig) -> str:
    urls = next((known.urls for known in safelist.conda_channels if known.name == channel.location), ())
    return (config.addresses.get(channel.location) or next(iter(urls), "")).rstrip("/")


def _ask(
    asked: Asked, channels: Sequence[_Channel], target: Target, config: ResolveConfig, newest: datetime | None
) -> dict[str, Any]:
    from gate.http.client import HttpClient  # noqa: PLC0415 - it takes a while to import
    from gate.resolve.pages import Pages  # noqa: PLC0415 - as above

    with ExitStack() as stack:
        folder = stack.enter_context(closing(PrivateFolder()))
        home = folder.path / "home"
        home.mkdir()
        places = places_of([channel.url for channel in channels])
        pages = stack.enter_context(closing(Pages(HttpClient(config.http), (), lambda _: True, config.bounds)))
        relay = stack.enter_context(Relay((), lambda: pages, config, places=places))
        wanted = {
            "channels": [channel.url for channel in channels],
            "specs": [_spec(reference, channels) for reference in asked.conda],
            "subdir": target.subdir,
            "virtual": target.virtual_packages,
            "cache": str(folder.path / "cache"),
            "seconds": config.bounds.seconds,
            "memory": config.bounds.worker_bytes,
            "newest": round(newest.timestamp() * 1000) if newest else 0,
        }
        proxy = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), relay.proxy)
        ended = run_child(
            own_program("gate.resolve.conda_worker"),
            clean_environment(home, proxy),
            folder=home,
            given=json.dumps(wanted).encode(),
            seconds=config.bounds.seconds,
            most=config.bounds.output_bytes,
        )
        if relay.refused:
            message = f"the solver wanted to ask `{relay.refused[0]}`, which is no channel of policy's"
            hint = "if the channel redirects there, list the place in `GATE_FILE_HOSTS`"
            raise UpstreamError(message, hint=hint, code="resolver_outside", place=relay.refused[0])
    return _answer(ended)


def _readable(reference: Reference) -> bool:
    """Say whether the reference is nothing but name, version and build: brackets and `::` could name other places."""
    return _NAME.fullmatch(reference.name) is not None and _VERSION.fullmatch(reference.spec) is not None


def _spec(reference: Reference, channels: Sequence[_Channel]) -> str:
    """Write the reference anew as a match spec; one that names its channel among several is bound to it."""
    spec = reference.spec.strip()
    text = f"{reference.name}{spec}" if spec.startswith(_OPERATORS) else f"{reference.name} {spec}".strip()
    if len(channels) > 1 and len(reference.origins) == 1:
        bound = next((one for one in channels if one.name == reference.origins[0].location), None)
        return f"{bound.url}::{text}" if bound else text
    return text


def _answer(ended: Ended) -> dict[str, Any]:
    try:
        answer: Any = json.loads(ended.output)
    except ValueError:
        answer = None
    if ended.code != 0 or not isinstance(answer, dict) or "outcome" not in answer:
        said = redact(ended.errors.decode("utf-8", "replace")).strip().splitlines()
        message = (
            f"the conda solver failed with exit code {ended.code}: {said[-1][:300] if said else 'it said nothing'}"
        )
        hint = "is the extra `resolve` installed, and the bound of the worker's memory large enough?"
        raise UpstreamError(message, hint=hint, code="resolver_failed", exit=ended.code)
    return answer


def _half(
    answer: Mapping[str, Any], asked: Asked, channels: Sequence[_Channel], target: Target, config: ResolveConfig
) -> Half:
    origins = tuple(asked.channels)
    tools = (("rattler", str(answer.get("version", ""))),)
    why = redact(str(answer.get("why", "")))[:_EXPLAINED]
    first = asked.conda[0]
    match answer["outcome"]:
        case "unsatisfiable":
            problem = Problem(code="unsatisfiable", message=why, file=first.file, line=first.line)
            return Half(problems=(problem,), origins=origins, tools=tools)
        case "unreadable":
            problem = Problem(code="requirement_unreadable", message=why, file=first.file, line=first.line)
            return Half(problems=(problem,), origins=origins, tools=tools)
        case "solved":
            records = answer["records"]
        case _:
            message = f"a conda channel failed: {why[:600]}"
            raise UpstreamError(message, hint="check the channel's address and the network", code="channel_failed")
    if len(records) > config.bounds.packages:
        message = f"the closed set has more than {config.bounds.packages} packages"
        raise BoundError(message, hint="resolve fewer things at once", code="too_many_packages")
    packages = tuple(_package(record, records, asked, channels) for record in records)
    return Half(packages=packages, problems=_other_python(packages, first, target), origins=origins, tools=tools)


def _other_python(packages: Sequence[ResolvedPackage], first: Reference, target: Target) -> tuple[Problem, ...]:
    """Say so if the environment brings another Python than the one that was stated: its pip section goes by that."""
    for package in packages:
        if package.name == _PYTHON and package.version.split(".")[:2] != target.python.split(".")[:2]:
            message = f"the environment brings Python {package.version}, and Python {target.python} was stated"
            return (Problem(code="python_differs", message=message, file=first.file, line=first.line),)
    return ()


def _package(
    record: Mapping[str, Any], records: Sequence[Mapping[str, Any]], asked: Asked, channels: Sequence[_Channel]
) -> ResolvedPackage:
    name, url = str(record["name"]), str(record["url"])
    channel = next((one for one in channels if url.startswith(f"{one.url}/")), None)
    if channel is None:
        message = f"the channel's data puts `{name}` at a place outside the channel"
        raise UpstreamError(message, code="outside_channel", package=name, url=redact_url(url))
    references = [reference for reference in asked.conda if reference.name == name]
    demanded = {digest for reference in references for digest in reference.hashes}
    file = _file(record)
    return ResolvedPackage(
        kind=Kind.CONDA,
        name=name,
        version=str(record["version"]),
        build=str(record["build"]),
        origin=Origin(kind=OriginKind.CONDA_CHANNEL, location=channel.name),
        files=(file,) if not demanded or file.sha256 in demanded else (),
        required_by=tuple(sorted({other["name"] for other in records if name in _names(other["depends"])})),
        declared=tuple(dict.fromkeys(f"{one.file}:{one.line}" for one in references)),
        pinned=any(_is_pinned(reference) for reference in references),
    )


def _names(depends: Sequence[str]) -> set[str]:
    return {text.split(" ", 1)[0].split("[", 1)[0] for text in depends}


def _is_pinned(reference: Reference) -> bool:
    return bool(reference.hashes) or _PINNED.fullmatch(reference.spec.strip()) is not None


def _file(record: Mapping[str, Any]) -> ResolvedFile:
    digest = f"sha256:{record['sha256']}"
    instant = record["timestamp"]
    return ResolvedFile(
        filename=str(record["filename"]),
        url=redact_url(str(record["url"])),
        sha256=digest if is_digest(digest) else "",
        size=record["size"],
        upload_time=datetime.fromtimestamp(instant / 1000, UTC) if instant is not None else None,
        kind=FileKind.CONDA,
    )
