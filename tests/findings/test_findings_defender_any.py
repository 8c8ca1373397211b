"""Whatever stands in whatever place of a row, the row is a finding or an error; it is never left out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from findings.defender_rows import Row as Raw
from findings.defender_rows import grouped_row, individual_row, put
from findings.findings_world import SUBJECT
from hypothesis import given, settings
from hypothesis import strategies as st

from gate.findings.defender import grouped, individual
from gate.findings.defender.model import Row, RowError

if TYPE_CHECKING:
    from collections.abc import Callable

READERS: dict[str, tuple[Callable[..., Row], Callable[..., Raw]]] = {
    "individual": (individual.read_row, individual_row),
    "grouped": (grouped.read_row, grouped_row),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=10,
)


def paths(value: object, above: str = "") -> list[str]:
    """Name every place in a row."""
    if not isinstance(value, dict):
        return []
    here = [f"{above}.{key}".lstrip(".") for key in value if "." not in key]
    return here + [
        path for key, part in value.items() if "." not in key for path in paths(part, f"{above}.{key}".lstrip("."))
    ]


@pytest.mark.parametrize("model", READERS)
@settings(deadline=None)  # a loaded machine proves nothing
@given(data=st.data())
def test_any_value_in_any_place_is_a_finding_or_an_error(model: str, data: st.DataObject) -> None:
    reader, builder = READERS[model]
    place = data.draw(st.sampled_from(paths({key: part for key, part in builder().items() if key == "properties"})))
    value = data.draw(JSON | JSON.map(json.dumps))
    try:
        row = reader(put(builder(), place, value), path="r")
    except RowError as error:
        assert "`r" in str(error)  # noqa: PT017 - either outcome is sound
    else:
        assert row.findings
        assert row.digest == SUBJECT
