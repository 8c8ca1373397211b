"""News of many waiting images at once: few questions, no false news, and a failure that is no news."""

from __future__ import annotations

import pytest
from azure_world.sim_gate import DIGEST, OTHER, connection, inventory
from azure_world.sim_registry import SimRegistry
from azure_world.sim_rows import individual
from azure_world.sim_signer import findings_artifact
from azure_world.sim_state import AzureWorld

from gate.errors import GateError
from gate.findings.defender import queries
from gate.model.image import ImageRef


def refs(world: AzureWorld, *digests: str) -> list[ImageRef]:
    place = inventory(world).image.repository
    return [ImageRef.of_place(place, digest=digest) for digest in digests]


def test_rows_and_artifacts_are_news_and_nothing_else_is(azure: AzureWorld, sim_registry: SimRegistry) -> None:
    attached, quiet = "sha256:" + "a" * 64, "sha256:" + "b" * 64
    azure.assessments.append(individual(DIGEST))
    findings_artifact(sim_registry, attached)
    waiting = connection(azure).waiting()
    assert waiting.of(refs(azure, DIGEST, attached, quiet)) == {DIGEST, attached}
    assert waiting.of([]) == frozenset()


def test_a_thousand_waiting_digests_are_four_questions(azure: AzureWorld) -> None:
    digests = ["sha256:" + f"{number:064x}" for number in range(1, 1001)]
    azure.assessments.extend(individual(digest, number) for number, digest in enumerate(digests[::100]))
    connected = connection(azure)
    assert connected.waiting().with_rows(digests) == set(digests[::100])
    assert connected.graph.asked == 4


def test_what_is_no_digest_is_not_put_into_a_question(azure: AzureWorld) -> None:
    assert connection(azure).waiting().with_rows(["None", 'x" or true']) == frozenset()
    assert azure.queries == []


def test_an_answer_about_a_digest_that_was_not_asked_about_is_no_news(azure: AzureWorld) -> None:
    counts = b'{"totalRecords":1,"count":1,"resultTruncated":"false","data":[{"digest":"%s","rows":1}],"facets":[]}'
    for digest, rows in ((OTHER, b'"rows":1'), (DIGEST, b'"rows":"1"')):
        answer = counts.replace(b"%s", digest.encode()).replace(b'"rows":1', rows)
        azure.prepared[queries.counts_by_digest([DIGEST]), "0"] = (200, {}, answer)
        with pytest.raises(GateError, match="not asked about"):
            connection(azure).waiting().with_rows([DIGEST])


def test_azure_that_fails_is_said_and_a_registry_that_fails_has_no_news(
    azure: AzureWorld, sim_registry: SimRegistry
) -> None:
    findings_artifact(sim_registry, DIGEST)
    sim_registry.status = 500
    waiting = connection(azure).waiting()
    assert waiting.of(refs(azure, DIGEST)) == frozenset()
    azure.faults.status = 503
    with pytest.raises(GateError):
        waiting.of(refs(azure, DIGEST))
