"""Resource Graph: every page or an error, the quota obeyed, the token sent to one host, and memory that stays small."""

from __future__ import annotations

import json
import tracemalloc
from typing import TYPE_CHECKING

import pytest
from azure_world import sim_arm, sim_rows
from azure_world.sim_gate import DIGEST, NOW, OTHER, ask, connection, inventory, settings
from azure_world.sim_server import azure_server
from azure_world.sim_state import SUBSCRIPTION, AzureWorld

from gate.bounds import DefenderBounds
from gate.cloud import GROUPED_KEYS
from gate.errors import BoundError, ThrottledUpstreamError, UpstreamError, UsageError
from gate.findings.defender import queries
from gate.model.finding import ScanState
from gate.policy.schema import DefenderPolicy

if TYPE_CHECKING:
    from servers.certificates import Certificate


def fill(world: AzureWorld, count: int, digest: str = DIGEST, severity: str = "Low") -> None:
    world.assessments.extend(sim_rows.individual(digest, number, severity=severity) for number in range(count))


def test_all_pages_are_read_and_each_row_once(azure: AzureWorld) -> None:
    fill(azure, 95)
    azure.page_rows = 10
    report = ask(azure)
    assert (report.state, len(report.findings)) == (ScanState.FINDINGS, 95)
    assert sum(DIGEST in query for query in azure.queries) == 10


@pytest.mark.parametrize("page", [0, 1, 4])
@pytest.mark.parametrize("status", [500, 403, 429, 400])
def test_a_page_that_fails_is_a_failure_of_the_whole(page: int, status: int, azure: AzureWorld) -> None:
    fill(azure, 50)
    azure.page_rows = 10
    connected = connection(azure)
    source = connected.source(DefenderPolicy())
    connected.preflight(NOW)
    azure.faults.fail_page, azure.faults.fail_status = page, status
    report = source.report(inventory(azure), now=NOW)
    assert report.state in {ScanState.SOURCE_ERROR, ScanState.NO_PERMISSION}
    assert report.findings == ()


def test_a_throttled_question_is_asked_again_after_the_time_that_was_asked_for(azure: AzureWorld) -> None:
    fill(azure, 3)
    azure.faults.throttled, azure.faults.retry_after = 1, "1"
    slept: list[float] = []
    assert ask(azure, slept=slept).state is ScanState.FINDINGS
    assert 1.0 in slept


def test_a_used_up_quota_is_waited_for_before_the_next_question(azure: AzureWorld) -> None:
    fill(azure, 3)
    azure.faults.quota = ("0", "00:00:04")
    slept: list[float] = []
    assert ask(azure, slept=slept).state is ScanState.FINDINGS
    assert sum(3.0 < seconds <= 4.0 for seconds in slept) >= 2


def test_a_used_up_quota_that_does_not_say_until_when_is_waited_for_the_documented_window(azure: AzureWorld) -> None:
    azure.faults.quota = ("0", "soon")
    slept: list[float] = []
    ask(azure, slept=slept)
    assert any(4.0 < seconds <= 5.0 for seconds in slept)


def test_a_quota_that_comes_back_too_late_is_a_failure_and_no_endless_wait(azure: AzureWorld) -> None:
    azure.faults.quota = ("0", "01:00:00")
    slept: list[float] = []
    connected = connection(azure, slept=slept)
    list(connected.graph.rows(queries.about_digest(DIGEST), [SUBSCRIPTION]))
    with pytest.raises(ThrottledUpstreamError):
        list(connected.graph.rows(queries.about_digest(DIGEST), [SUBSCRIPTION]))
    assert slept == []


def test_more_rows_than_the_bound_are_an_error_and_not_a_shorter_list(azure: AzureWorld) -> None:
    fill(azure, 30)
    connected = connection(azure, bounds=DefenderBounds(rows=20, page_rows=10))
    with pytest.raises(BoundError, match="more than 20 rows"):
        list(connected.graph.rows(queries.about_digest(DIGEST), [SUBSCRIPTION]))
    few = connection(azure, bounds=DefenderBounds(pages=2, page_rows=10))
    with pytest.raises(UpstreamError, match="more than 2 pages"):
        list(few.graph.rows(queries.about_digest(DIGEST), [SUBSCRIPTION]))


@pytest.mark.parametrize("hostile", ['x" or true', "sha256:" + "A" * 64, "", "sha256:" + "5" * 64 + '" or 1 == 1'])
def test_nothing_but_a_digest_gets_into_a_question(hostile: str) -> None:
    with pytest.raises(UsageError):
        queries.about_digest(hostile)
    with pytest.raises(UsageError):
        queries.counts_by_digest([DIGEST, hostile])


def test_the_token_is_not_sent_to_a_host_that_a_next_page_names(
    azure: AzureWorld, azure_certificate: Certificate
) -> None:
    with azure_server(azure_certificate) as elsewhere:
        azure.faults.foreign_next = elsewhere.address
        azure.permissions *= 200
        assert ask(azure).state is ScanState.SOURCE_ERROR
        azure.permissions = azure.permissions[:2]
        azure.sub_assessments = {GROUPED_KEYS[0]: [sim_rows.sub_assessment(DIGEST, n) for n in range(150)]}
        report = ask(azure, GATE_DEFENDER_MODEL="grouped")
        assert (report.state, report.findings) == (ScanState.SOURCE_ERROR, ())
        assert "page_foreign" in report.message
        assert elsewhere.asked == []


def test_grouped_rows_are_read_over_all_pages_and_those_of_other_digests_left_out(azure: AzureWorld) -> None:
    mixed = [sim_rows.sub_assessment(DIGEST if n % 2 else OTHER, n, properties__id=f"CVE-{n}") for n in range(250)]
    azure.sub_assessments = {GROUPED_KEYS[0]: mixed}
    report = ask(azure, GATE_DEFENDER_MODEL="grouped")
    assert (report.state, len(report.findings)) == (ScanState.FINDINGS, 125)


@pytest.mark.parametrize("page", [0, 1])
def test_a_grouped_page_that_fails_is_a_failure_of_the_whole(page: int, azure: AzureWorld) -> None:
    azure.sub_assessments = {GROUPED_KEYS[0]: [sim_rows.sub_assessment(DIGEST, n) for n in range(150)]}
    connected = connection(azure, GATE_DEFENDER_MODEL="grouped")
    source = connected.source(DefenderPolicy())
    assert source.report(inventory(azure), now=NOW).state is ScanState.FINDINGS
    azure.faults.fail_page = page
    report = source.report(inventory(azure), now=NOW)
    assert (report.state, report.findings) == (ScanState.SOURCE_ERROR, ())


def test_twenty_four_thousand_rows_of_one_digest_are_all_read_in_little_memory(azure: AzureWorld) -> None:
    # The simulator lives in this process: its pages are made beforehand, so that what is measured is the gate's.
    source, there = connection(azure).source(DefenderPolicy()), inventory(azure)
    source.report(there, now=NOW)
    fill(azure, 24_000, severity="Unknown")
    sim_arm.prepare(azure, queries.about_digest(DIGEST), 1000)
    tracemalloc.start()
    try:
        report = source.report(there, now=NOW)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(report.findings) == 24_000
    assert {finding.severity.value for finding in report.findings} == {"unknown"}
    assert peak < 50_000_000
    assert len(azure.prepared) == 24


def test_settings_alone_point_the_gate_at_another_azure(azure: AzureWorld) -> None:
    assert json.dumps(settings(azure)).count(azure.address) == 2
    ask(azure)
    assert azure.asked


PAGE = {"totalRecords": 1, "count": 1, "resultTruncated": "false", "data": [{"id": "a"}], "facets": []}
PAGES: dict[str, list[object]] = {
    "no object": [[]],
    "no rows": [{**PAGE, "data": None}],
    "rows that are none": [{**PAGE, "data": [1]}],
    "count as text": [{**PAGE, "count": "1"}],
    "a token that is none": [{**PAGE, "$skipToken": 7}],
    "a total that changes": [
        {**PAGE, "totalRecords": 2, "$skipToken": "1"},
        {**PAGE, "totalRecords": 3, "data": [{"id": "b"}]},
    ],
    "more than the total": [{**PAGE, "count": 2, "data": [{"id": "a"}, {"id": "b"}]}],
    "less than the total": [{**PAGE, "totalRecords": 2}],
    "an empty page that leads on": [{**PAGE, "count": 0, "data": [], "$skipToken": "1"}],
    "a row twice": [{**PAGE, "totalRecords": 2, "count": 2, "data": [{"id": "a"}, {"id": "A"}]}],
    "rows without an id": [{**PAGE, "totalRecords": 2, "count": 2, "data": [{}, {}]}],
}


@pytest.mark.parametrize("how", PAGES)
def test_a_page_that_contradicts_itself_is_not_an_answer(how: str, azure: AzureWorld) -> None:
    query = queries.about_digest(DIGEST)
    for number, page in enumerate(PAGES[how]):
        azure.prepared[query, str(number)] = (200, {}, json.dumps(page).encode())
    with pytest.raises(UpstreamError) as refused:
        list(connection(azure).graph.rows(query, [SUBSCRIPTION]))
    assert refused.value.error_code in {"graph_partial", "azure_answer_unreadable"}
