"""A standing waiver is a file beside the standing grants, and one approved by its owner is no policy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from gate.errors import PolicyError
from gate.model.exception import Justification
from gate.policy.source import embedded, load_policy

WAIVER = """\
id: GRT-parser
kind: pypi
name: six
version: 1.16.0
files: []
scope: {repositories: [registry.example.org/staging/]}
owner: {tenant: acme, object_id: ann}
approver: {tenant: acme, object_id: APPROVER}
reason: the parser is never called
not_before: 2026-11-01T00:00:00Z
expires: 2026-12-01T00:00:00Z
waives: {vulnerability: VULNERABILITY, justification: JUSTIFICATION}
"""


def written(folder: Path, *, approver: str = "bob", vulnerability: str = "CVE-2026-1", why: str = "") -> Path:
    for part in ("allowlist", "exceptions"):
        shutil.copytree(embedded() / part, folder / part)
    grants = folder / "exceptions" / "grants"
    grants.mkdir(exist_ok=True)
    text = WAIVER.replace("APPROVER", approver).replace("VULNERABILITY", f'"{vulnerability}"')
    text = text.replace("JUSTIFICATION", why or Justification.CODE_NOT_EXECUTED.value)
    (grants / "GRT-parser.yaml").write_text(text)
    return folder


def test_a_standing_waiver_is_read(tmp_path: Path) -> None:
    (waiver,) = (one for one in load_policy(written(tmp_path)).grants if one.waives)
    assert waiver.standing
    assert waiver.waives is not None
    assert waiver.waives.vulnerability == "CVE-2026-1"


@pytest.mark.parametrize("changes", [{"approver": "Ann"}, {"vulnerability": "CVE-*"}, {"why": "we accept the risk"}])
def test_one_that_approves_itself_names_a_pattern_or_gives_no_known_reason_is_no_policy(
    changes: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(PolicyError, match="GRT-parser"):
        load_policy(written(tmp_path, **changes))
