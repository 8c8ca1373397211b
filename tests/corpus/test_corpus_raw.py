"""Every raw definition of the corpus: none crashes, none passes without having been looked at."""

from __future__ import annotations

import contextlib
import io
import os
import tarfile
from datetime import UTC, datetime
from pathlib import Path

import pytest

from gate.bounds import DefinitionBounds
from gate.environment.check import check_declared
from gate.environment.reader import read_definition
from gate.model.redact import redact_url
from gate.model.reference import Severity
from gate.policy.source import load_policy

pytestmark = pytest.mark.skipif("GATE_CORPUS" not in os.environ, reason="GATE_CORPUS is not set: no corpus to read")


@pytest.fixture(scope="module")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Unpack the raw files; a corpus that is named and not there is a failure."""
    folder = tmp_path_factory.mktemp("raw")
    with tarfile.open(Path(os.environ["GATE_CORPUS"]) / "raw.tar.gz") as archive:
        archive.extractall(folder, filter="data")
    return folder / "raw"


def files_of(raw: Path) -> list[tuple[Path, Path]]:
    """Return each file with the folder of its repository."""
    return [
        (path, repository)
        for repository in sorted(raw.iterdir())
        for path in sorted(repository.rglob("*"))
        if path.is_file()
    ]


def test_every_raw_file_gets_a_verdict_with_a_reason(raw: Path) -> None:
    policy, now = load_policy(), datetime.now(UTC)
    files = files_of(raw)
    assert len(files) > 1000
    for path, root in files:
        declared = read_definition(path, root, DefinitionBounds())
        report = check_declared(declared, policy, (), now)
        assert not [one for one in declared.problems if one.code == "reader_failed"], path
        errors = {one.code for one in declared.problems if one.severity is Severity.ERROR}
        assert (report.verdict == "safelisted") <= (not errors), path
        # A command that could not be read hides what it installs; what is refused beside it stays refused.
        assert (report.verdict == "unparseable") == bool(errors - {"shell_not_understood"}), path
        assert declared.references or declared.sources or declared.problems, path
        for one in declared.references:
            assert one.line >= 1, path
            assert one.name == redact_url(one.name), path
            assert one.origins or one.undetermined, (path, one)


def test_pips_own_grammar_finds_no_requirement_that_was_not_found(raw: Path) -> None:
    """The library that carries pip's parser is the oracle: what it sees installed must be among the references."""
    from pip_requirements_parser import RequirementsFile  # noqa: PLC0415 - imported where it is measured against

    compared = 0
    for path, root in files_of(raw):
        if path.suffix != ".txt" or "requirements" not in path.name:
            continue
        declared = read_definition(path, root, DefinitionBounds())
        if any(one.severity is Severity.ERROR for one in declared.problems):
            continue
        with contextlib.redirect_stderr(io.StringIO()):
            oracle = RequirementsFile.from_file(str(path), include_nested=False)
        name = path.relative_to(root).as_posix()
        found = {(one.line, one.distribution or one.name) for one in declared.references if one.file == name}
        lines = {line for line, _ in found}
        for wanted in oracle.requirements:
            line = wanted.requirement_line.line_number
            assert line in lines, (path, wanted.requirement_line.line)
            if wanted.name and not wanted.link:
                normal = wanted.name.lower().replace("_", "-").replace(".", "-")
                assert (line, normal) in found, (path, wanted.requirement_line.line)
            compared += 1
    assert compared > 1000
