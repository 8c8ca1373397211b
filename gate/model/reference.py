"""A dependency as somebody declared it, with its file and line."""

from __future__ import annotations

from enum import StrEnum

from gate.model.base import Value
from gate.model.origin import Kind, Origin


class Reference(Value):
    """One declared dependency, one entry per occurrence.

    Attributes:
        kind: what it is.
        name: PEP 503 name for `pypi`; conda name for `conda`; repository without tag or digest for `image`;
            the address without `@ref` and `#fragment` for `vcs`; address or path for `url` and `local`.
        spec: version specifier, conda match spec rest, image tag or digest, VCS ref: as written.
        origins: every place that could deliver it, in order. Safelisted only if all are. Empty: can't be told.
        file: path relative to the scanned root, `/` as separator.
        line: 1-based line on which the name stands.
        text: that line, without credentials, cut at 400 characters.
        distribution: the Python name where a URL, VCS or local reference tells it.
        hashes: `sha256:<hex>` that the declaration demands.
        undetermined: code of why the origin can't be told (`template`, `unresolved_variable`, `missing_file` …);
            set, it wins over `origins`.
    """

    kind: Kind
    name: str
    spec: str = ""
    origins: tuple[Origin, ...] = ()
    file: str
    line: int
    text: str = ""
    extras: tuple[str, ...] = ()
    marker: str = ""
    hashes: tuple[str, ...] = ()
    distribution: str = ""
    undetermined: str = ""


class Source(Value):
    """One place that a definition puts in scope: an index option, a channel line, a registry."""

    origin: Origin
    file: str
    line: int
    text: str = ""


class Severity(StrEnum):
    """How much a problem of reading matters: an error makes the file unparseable, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Problem(Value):
    """Something that reading met. An error means that references may be missing, so nothing passes."""

    code: str
    message: str
    file: str
    line: int = 0
    severity: Severity = Severity.ERROR


class Declared(Value):
    """All that was read from one environment definition and the files it includes."""

    references: tuple[Reference, ...] = ()
    sources: tuple[Source, ...] = ()
    problems: tuple[Problem, ...] = ()
    files: tuple[str, ...] = ()
    """Every file that was read, in order, relative to the scanned root."""
