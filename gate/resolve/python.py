"""The Python half of a closed set: pins from uv, facts from the pages that uv saw."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING

from gate.errors import BoundError, UpstreamError
from gate.model.origin import PYPI, Kind, Origin, OriginKind
from gate.model.redact import redact_url
from gate.model.reference import Problem
from gate.model.resolution import FileKind, ProjectStatus, ResolvedFile, ResolvedPackage
from gate.policy.private import reserved
from gate.resolve.child import PrivateFolder
from gate.resolve.files import installed_file
from gate.resolve.half import Half
from gate.resolve.names import is_pinned
from gate.resolve.relay import Relay
from gate.resolve.uv import Compile, Pin, Unsatisfiable, compile_pins, uv_version

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from gate.index.project import IndexFile, Project
    from gate.model.reference import Reference
    from gate.policy.schema import PythonIndex, Safelist
    from gate.resolve.asked import Asked
    from gate.resolve.pages import IndexAddress, Pages
    from gate.resolve.settings import ResolveConfig
    from gate.resolve.target import Target

_STATUSES = {
    "": ProjectStatus.UNSAID,
    "active": ProjectStatus.ACTIVE,
    "archived": ProjectStatus.ARCHIVED,
    "deprecated": ProjectStatus.DEPRECATED,
    "quarantined": ProjectStatus.QUARANTINED,
}
"""The words of PEP 792; any other is unknown, and the names of our own values are such words too."""


def resolve_python(
    asked: Asked, safelist: Safelist, target: Target, config: ResolveConfig, newest: datetime | None = None
) -> Half:
    """Resolve the Python references.

    Raises:
        UpstreamError: an index failed.
        BoundError: a bound of the resolution was hit.
        GateError: uv is not there.
    """
    if not asked.python:
        return Half()
    lines = [str(requirement) for _, requirement in asked.python]
    with ThreadPoolExecutor(1) as opener, ExitStack() as stack:
        opening = opener.submit(_open_pages, asked, safelist, config)
        stack.callback(_close, opening)
        folder = stack.enter_context(closing(PrivateFolder()))
        with Relay([index.name for index in asked.indexes], opening.result, config) as relay:
            wanted = Compile(requirements=lines, target=target, relay=relay, newest=newest)
            answer = compile_pins(wanted, config, folder.path)
        folder.done_with()
        return _half(answer, opening.result(), asked, target, config)


def _close(opening: Future[Pages]) -> None:
    if opening.exception() is None:
        opening.result().close()


def _open_pages(asked: Asked, safelist: Safelist, config: ResolveConfig) -> Pages:
    # These take a while to import, which the resolver's own start covers.
    from gate.http.client import HttpClient  # noqa: PLC0415
    from gate.resolve.pages import Pages  # noqa: PLC0415

    indexes = tuple(_address(index, config) for index in asked.indexes)
    pages = Pages(HttpClient(config.http), indexes, reserved(safelist.reserved_names), config.bounds)
    pages.expect(requirement.name for _, requirement in asked.python if requirement.marker is None)
    return pages


def _half(
    answer: tuple[Pin, ...] | Unsatisfiable, pages: Pages, asked: Asked, target: Target, config: ResolveConfig
) -> Half:
    pages.check()
    tools = (("uv", uv_version(config)),)
    origins = tuple(Origin(kind=OriginKind.PYTHON_INDEX, location=index.name) for index in pages.indexes)
    problems = [_withheld(name, asked) for name in pages.withheld]
    if isinstance(answer, Unsatisfiable):
        return Half(problems=(*problems, *_unsatisfiable(answer, pages, asked)), origins=origins, tools=tools)
    if len(answer) > config.bounds.packages:
        message = f"the closed set has more than {config.bounds.packages} packages"
        raise BoundError(message, hint="resolve fewer things at once", code="too_many_packages")
    packages = _Facts(pages, asked, target).packages(answer, problems)
    return Half(packages=packages, problems=tuple(problems), origins=origins, tools=tools)


def _address(index: PythonIndex, config: ResolveConfig) -> IndexAddress:
    from gate.index.client import pypi_address  # noqa: PLC0415 - its import takes a while
    from gate.resolve.pages import IndexAddress  # noqa: PLC0415 - as above

    url = config.addresses.get(index.name) or index.url or (pypi_address() if index.name == PYPI else "")
    if not url:
        message = f"where the index `{index.name}` is reached is not known"
        hint = "give its `url` in the safelist, or its address in `GATE_INDEX_ADDRESSES`"
        raise UpstreamError(message, hint=hint, code="index_address_unknown", index=index.name)
    return IndexAddress(name=index.name, url=url, private=index.name in config.private_indexes)


def _withheld(name: str, asked: Asked) -> Problem:
    message = f"something in the set asks for `{name}`, a private name, which was not sent to a public index"
    first = asked.python[0][0]
    return Problem(code="reserved_name", message=message, file=first.file, line=first.line)


def _unsatisfiable(answer: Unsatisfiable, pages: Pages, asked: Asked) -> list[Problem]:
    first = asked.python[0][0]
    problems = [Problem(code="unsatisfiable", message=answer.why, file=first.file, line=first.line)]
    lines = {reference.name: reference for reference, _ in reversed(asked.python)}
    for name in pages.without_wheels():
        at = lines.get(name, first)
        message = f"`{name}` is published as source alone: what it needs can't be told without running its build"
        problems.append(Problem(code="source_only", message=message, file=at.file, line=at.line))
    return problems


class _Facts:
    """Reads what the pages say of each pin."""

    def __init__(self, pages: Pages, asked: Asked, target: Target) -> None:
        self._pages = pages
        self._target = target
        self._first = asked.python[0][0]
        self._references: Mapping[str, list[Reference]] = defaultdict(list)
        for reference, requirement in asked.python:
            self._references[requirement.name].append(reference)

    def packages(self, pins: Sequence[Pin], problems: list[Problem]) -> tuple[ResolvedPackage, ...]:
        """Return a package for every pin; one without a file that fits is a problem too."""
        found = []
        for pin in pins:
            package = self._package(pin)
            if not package.files:
                message = f"`{pin.name}` {pin.version} has no file that fits, or none with the bytes that are demanded"
                at = next(iter(self._references[pin.name]), self._first)
                problems.append(Problem(code="no_fitting_file", message=message, file=at.file, line=at.line))
            found.append(package)
        return tuple(found)

    def _package(self, pin: Pin) -> ResolvedPackage:
        known = self._pages.found(pin.name, pin.version)
        if known is None:
            message = f"uv resolved `{pin.name}`, of which no index had a page"
            raise UpstreamError(message, code="resolver_answer", package=pin.name)
        index, project = known
        references = self._references.get(pin.name, [])
        hashes = {digest for reference in references for digest in reference.hashes}
        file = installed_file(project.files_of(pin.version), self._target, hashes)
        return ResolvedPackage(
            kind=Kind.PYPI,
            name=pin.name,
            version=pin.version,
            origin=Origin(kind=OriginKind.PYTHON_INDEX, location=index.name),
            files=(_file(file),) if file else (),
            status=_status(project),
            status_word=project.status,
            status_reason=project.status_reason,
            required_by=pin.required_by,
            declared=tuple(dict.fromkeys(f"{one.file}:{one.line}" for one in references)),
            pinned=any(is_pinned(reference) for reference in references),
        )


def _status(project: Project) -> ProjectStatus:
    return _STATUSES.get(project.status, ProjectStatus.UNKNOWN)


def _file(file: IndexFile) -> ResolvedFile:
    return ResolvedFile(
        filename=file.filename,
        url=redact_url(file.url.partition("#")[0]),
        sha256=file.sha256,
        size=file.size,
        upload_time=file.upload_time,
        yanked=file.yanked,
        kind=FileKind.WHEEL if file.is_wheel else FileKind.SDIST,
    )
