"""A recording is refused unless policy allows it, is always named as one, and is clean only with proof and time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from findings.defender_rows import cve, grouped_row, individual_row
from findings.findings_world import NOW, OTHER, SUBJECT, component, image

from gate.bounds import DataBounds
from gate.errors import PolicyError
from gate.findings.defender.none import NoDefender
from gate.findings.defender.recorded import RecordedDefender, Recording
from gate.model.finding import ScanState, SourceReport

if TYPE_CHECKING:
    from gate.findings.interface import FindingsSource

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "defender-recording-1.schema.json"
HEALTHY = {"code": "Healthy"}


def recording(**changes: object) -> dict[str, Any]:
    """Return a recording of a clean scan; a change to `...` takes a key out."""
    made: dict[str, Any] = {
        "schema": "gate.defender-recording/1",
        "recorded_at": "2026-11-01T11:00:00Z",
        "digest": SUBJECT,
        "model": "none",
        "proof": "artifact",
        "scanned_at": "2026-11-01T10:00:00Z",
        "rows": [],
        **changes,
    }
    return {key: value for key, value in made.items() if value is not ...}


def answer(path: Path, content: object, **bounds: int) -> SourceReport:
    """Write a recording, ask for a report and hold what every report of a recording says."""
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return asked(path, **bounds)


def asked(path: Path, **bounds: int) -> SourceReport:
    source: FindingsSource = RecordedDefender(path, allow_recorded=True, bounds=replace(DataBounds(), **bounds))
    made = source.report(image(component("example", "1.0")), now=NOW)
    assert source.name == made.source == "defender"
    assert (made.subject, made.recorded, made.proof) == (SUBJECT, True, "recording")
    assert bool(made.findings) == (made.state is ScanState.FINDINGS)
    assert bool(made.message) == (made.state not in {ScanState.CLEAN, ScanState.FINDINGS})
    if made.state is ScanState.CLEAN:
        assert made.scanned_at is not None
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Name the recording."""
    return tmp_path / "recording.json"


def test_without_the_policys_word_a_recording_is_refused_unread(path: Path) -> None:
    with pytest.raises(PolicyError) as caught:
        RecordedDefender(path, allow_recorded=False)
    assert caught.value.error_code == "recorded_not_allowed"
    assert "allow_recorded" in caught.value.hint


def other(**changes: object) -> dict[str, Any]:
    """Return the answer about a further digest of a recording."""
    return {key: value for key, value in recording(**changes).items() if key not in {"schema", "recorded_at"}}


def test_a_recording_answers_for_each_image_of_an_index_under_its_own_digest(path: Path) -> None:
    index, row = "sha256:" + "1" * 64, individual_row(cve("CVE-1"))
    child = other(model="individual", proof="rows", rows=[row])
    made = answer(path, recording(digest=index, others=[other(digest=OTHER), child]))
    assert made.state is ScanState.FINDINGS
    assert [found.ids for found in made.findings] == [("CVE-1",)]


def test_a_clean_index_or_sibling_says_nothing_of_another_image(path: Path) -> None:
    index = "sha256:" + "1" * 64
    made = answer(path, recording(digest=index, others=[other(digest=OTHER)]))
    assert made.state is ScanState.NOT_SCANNED
    assert index in made.message
    assert OTHER in made.message


def test_proof_time_and_rows_of_one_answer_count_for_no_other(path: Path) -> None:
    bare = other(proof="none", scanned_at=None)
    assert answer(path, recording(digest=OTHER, others=[bare])).state is ScanState.NOT_SCANNED
    strange = other(model="individual", rows=[individual_row(cve("CVE-1"), digest=OTHER)])
    assert answer(path, recording(digest=OTHER, others=[strange])).state is ScanState.SOURCE_ERROR


@pytest.mark.parametrize(
    "others",
    [
        [{"digest": SUBJECT}],
        [{"digest": OTHER}, {"digest": OTHER}],
        [{"digest": OTHER, "scanned_at": "2026-11-01T11:00:01Z"}],
        [{"digest": OTHER, "model": "none", "rows": [{}]}],
        [{"digest": OTHER, "recorded_at": "2026-11-01T11:00:00Z"}],
        [{"digest": f"sha256:{number:064x}"} for number in range(101)],
        {},
    ],
)
def test_answers_that_contradict_each_other_spoil_the_recording(path: Path, others: Any) -> None:
    made = [{**other(), **changes} for changes in others] or {"digest": OTHER}
    assert answer(path, recording(others=made)).state is ScanState.SOURCE_ERROR


def test_an_artifact_with_its_time_and_no_rows_is_clean(path: Path) -> None:
    made = answer(path, recording())
    assert made.state is ScanState.CLEAN
    assert made.scanned_at == NOW - timedelta(hours=2)


@pytest.mark.parametrize("proof", ["rows", "none"])
@pytest.mark.parametrize("model", ["individual", "grouped", "none"])
def test_zero_rows_is_not_clean(path: Path, proof: str, model: str) -> None:
    assert answer(path, recording(proof=proof, model=model)).state is ScanState.NOT_SCANNED


@pytest.mark.parametrize("absent", [..., None])
def test_an_artifact_without_a_time_is_not_clean(path: Path, absent: object) -> None:
    assert answer(path, recording(scanned_at=absent)).state is ScanState.NOT_SCANNED


def test_a_recording_about_another_digest_says_nothing(path: Path) -> None:
    made = answer(path, recording(digest=OTHER, model="individual", rows=[individual_row(digest=OTHER)]))
    assert made.state is ScanState.NOT_SCANNED
    assert OTHER in made.message


@pytest.mark.parametrize("proof", ["artifact", "rows", "none"])
@pytest.mark.parametrize(("model", "row"), [("individual", individual_row()), ("grouped", grouped_row())])
def test_rows_are_findings_whatever_else_is_claimed(path: Path, proof: str, model: str, row: object) -> None:
    made = answer(path, recording(model=model, proof=proof, rows=[row]))
    assert made.state is ScanState.FINDINGS
    assert len(made.findings) == 1


def test_rows_without_a_time_are_findings_without_a_time(path: Path) -> None:
    made = answer(path, recording(model="individual", rows=[individual_row()], scanned_at=None))
    assert (made.state, made.scanned_at) == (ScanState.FINDINGS, None)


@pytest.mark.parametrize("proof", ["artifact", "rows", "none"])
def test_rows_that_are_all_healthy_prove_a_scan_that_has_a_time(path: Path, proof: str) -> None:
    rows = [individual_row(status=HEALTHY)]
    assert answer(path, recording(model="individual", proof=proof, rows=rows)).state is ScanState.CLEAN
    unknown_time = recording(model="individual", proof=proof, rows=rows, scanned_at=None)
    assert answer(path, unknown_time).state is ScanState.NOT_SCANNED


def test_an_exempt_finding_is_still_a_finding(path: Path) -> None:
    (found,) = answer(path, recording(model="grouped", rows=[grouped_row()])).findings
    assert found.status == "NotApplicable/Exempt"


def test_one_row_about_another_digest_makes_the_whole_unusable(path: Path) -> None:
    rows = [individual_row(), individual_row(digest=OTHER)]
    made = answer(path, recording(model="individual", rows=rows))
    assert made.state is ScanState.SOURCE_ERROR
    assert "rows[1]" in made.message
    healthy = individual_row(digest=OTHER, status=HEALTHY)
    assert answer(path, recording(model="individual", rows=[healthy])).state is ScanState.SOURCE_ERROR


def test_one_row_that_can_not_be_read_makes_the_whole_unusable(path: Path) -> None:
    made = answer(path, recording(model="individual", rows=[individual_row(), {"properties": {}}]))
    assert made.state is ScanState.SOURCE_ERROR
    assert "rows[1]" in made.message


@pytest.mark.parametrize(("model", "row"), [("grouped", individual_row()), ("individual", grouped_row())])
def test_rows_of_the_other_model_are_an_error(path: Path, model: str, row: object) -> None:
    assert answer(path, recording(model=model, rows=[row])).state is ScanState.SOURCE_ERROR


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b"[" * 100_000,
        recording(schema="gate.defender-recording/2"),
        recording(schema=...),
        recording(digest="latest"),
        recording(digest=...),
        recording(model="both"),
        recording(proof="trust me"),
        recording(rows=...),
        recording(rows=None),
        recording(rows={}),
        recording(recorded_at=...),
        recording(recorded_at="2026-11-01T11:00:00"),
        recording(allow_recorded=True),
        recording(model="none", rows=[individual_row()]),
        recording(scanned_at="2026-11-01T11:00:01Z"),
        recording(recorded_at="2026-11-01T12:06:00Z"),
        recording(model="individual", rows=[individual_row(CvesDetails='[{"CveId": "CVE-\\ud800"}]')]),
        recording(recorded_at="2099-01-01T00:00:00Z", scanned_at="2098-01-01T00:00:00Z"),
    ],
)
def test_what_is_no_sound_recording_is_an_error_and_not_clean(path: Path, content: object) -> None:
    assert answer(path, content).state is ScanState.SOURCE_ERROR


def test_a_file_that_is_not_there_is_an_error_and_not_absent(path: Path) -> None:
    assert asked(path).state is ScanState.SOURCE_ERROR
    assert asked(path.parent).state is ScanState.SOURCE_ERROR


def test_a_failure_that_nobody_foresaw_is_an_error_and_not_a_crash(path: Path) -> None:
    path.write_text(json.dumps(recording()))
    without_zone = NOW.replace(tzinfo=None)
    made = RecordedDefender(path, allow_recorded=True).report(image(), now=without_zone)
    assert (made.state, made.recorded) == (ScanState.SOURCE_ERROR, True)
    assert "TypeError" in made.message


def test_a_file_beyond_its_bound_is_an_error(path: Path) -> None:
    made = answer(path, recording(), file_bytes=100)
    assert made.state is ScanState.SOURCE_ERROR
    assert "bound_exceeded" in made.message


def test_a_time_with_seven_digits_is_read(path: Path) -> None:
    made = answer(path, recording(scanned_at="2026-10-12T13:36:15.0772799Z"))
    assert made.scanned_at is not None
    assert made.scanned_at.microsecond == 77279


def test_equal_rows_of_two_pages_are_one_finding_and_order_means_nothing(path: Path) -> None:
    rows = [individual_row(cve("CVE-2")), individual_row(cve("CVE-1")), individual_row(cve("CVE-2"))]
    first = answer(path, recording(model="individual", rows=rows))
    assert [found.ids[0] for found in first.findings] == ["CVE-1", "CVE-2"]
    assert answer(path, recording(model="individual", rows=rows[::-1])) == first


def test_a_message_shows_nothing_of_what_a_bad_file_holds(path: Path) -> None:
    made = answer(path, recording(digest="https://user:secret@example.org/?token=secret"))
    assert "secret" not in made.message


def test_the_schema_in_the_docs_is_that_of_the_code_and_holds(path: Path) -> None:
    published = json.loads(SCHEMA.read_text())
    assert published == Recording.model_json_schema(by_alias=True)
    jsonschema.validate(recording(model="individual", rows=[individual_row()]), published)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(recording(surprise=1), published)
    del path


def test_no_source_at_all_is_not_scanned_and_says_what_to_do() -> None:
    source: FindingsSource = NoDefender()
    made = source.report(image(component("example", "1.0")), now=NOW)
    assert (source.name, made.source, made.subject) == ("defender", "defender", SUBJECT)
    assert (made.state, made.findings, made.scanned_at, made.recorded) == (ScanState.NOT_SCANNED, (), None, False)
    assert "GATE_DEFENDER_REGISTRIES" in made.message
