"""Read a map from conda-forge names to PyPI names: one JSON object, each value a list of names or null."""

from __future__ import annotations

from typing import Annotated

from packaging.utils import canonicalize_name
from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from gate.bounds import DataBounds
from gate.data.interface import DataRow
from gate.data.osv import pypi_name
from gate.data.reading import ReadData, invalid, reason_of
from gate.data.records import document
from gate.errors import BoundError

PypiName = Annotated[str, AfterValidator(pypi_name)]
CondaName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=200)]

_MAP = TypeAdapter(dict[CondaName, tuple[PypiName, ...] | None])
_NAMES = TypeAdapter(tuple[str, ...])


def read_conda_names(data: bytes, bounds: DataBounds) -> ReadData:
    """Read the map. A name without a PyPI name is kept too: that it has none is known, which is more than nothing.

    The file carries no date, so that `published_at` is for the importer to say.

    Raises:
        InputError: not such a map, or an empty one.
        BoundError: a bound was hit.
    """
    try:
        names = _MAP.validate_json(document(data, bounds), strict=True)
    except ValidationError as error:
        message = f"not a map from conda names to PyPI names: {reason_of(error)}"
        raise invalid(message) from None
    if len(names) > bounds.records:
        message = f"the map has more than {bounds.records} names"
        raise BoundError(message, hint="raise the bound in configuration if the file is sound", bound="records")
    if not any(names.values()):
        message = "the map names no PyPI package at all"
        raise invalid(message)
    rows = (
        DataRow(key=name, id=name, record=_NAMES.dump_json(tuple(sorted(set(pypi or ())))).decode())
        for name, pypi in names.items()
    )
    return ReadData(rows=tuple(rows), published_at=None)


def names_of(records: tuple[str, ...]) -> tuple[str, ...]:
    """Return the PyPI names in the records of one conda name, as `lookup` answers them."""
    return tuple(canonicalize_name(name) for record in records for name in _NAMES.validate_json(record))
