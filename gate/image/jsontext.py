"""JSON from outside, read so that no other reader can take it for something else."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from gate.errors import InputError


def read_json(data: bytes, *, what: str, code: str) -> Any:  # noqa: ANN401 - a parsed document is of any type; each caller parses on
    """Return the document, refusing what readers disagree on: repeated keys, `NaN`, bytes that are no UTF-8.

    Go's reader, which every container engine uses, takes the last of two equal keys; others take the first.

    Raises:
        InputError: not JSON, or ambiguous; under `code`, naming `what`.
    """

    def pairs(items: list[tuple[str, object]]) -> dict[str, object]:
        document = dict(items)
        if len(document) != len(items):
            message = "a key stands twice in one object"
            raise ValueError(message)
        return document

    def constant(name: str) -> NoReturn:
        message = f"`{name}` is no JSON number"
        raise ValueError(message)

    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=pairs, parse_constant=constant)
    except (ValueError, RecursionError) as error:
        message = f"{what} is not JSON that can be trusted: {str(error)[:200]}"
        raise InputError(message, code=code, hint="Build the image again with a current tool.") from error


def refuse_case_twins(document: object, known: frozenset[str], *, what: str, code: str) -> None:
    """Refuse keys that differ from a known one in case only: Go's reader takes `Layers` for `layers`.

    Raises:
        InputError: such a key is there; under `code`, naming `what`.
    """
    if not isinstance(document, dict):
        return
    folded = {name.casefold() for name in known}
    for key in document:
        if key not in known and key.casefold() in folded:
            message = f"{what} has the key `{key[:40]}`, which some readers take for `{key.casefold()[:40]}`"
            raise InputError(message, code=code, hint="Build the image again with a current tool.")
