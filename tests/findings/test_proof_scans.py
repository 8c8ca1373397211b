"""Handed-in scan reports in the gate's own database: by whom, on record, and never by somebody who only claims it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from azure_world.sim_gate import DIGEST, NOW, OTHER, ask
from azure_world.sim_state import AzureWorld
from findings.defender_scans import SCANNER, sarif
from sqlalchemy.engine import Engine

from gate.errors import BoundError, ForbiddenError, InputError, UpstreamError
from gate.findings.proof.interface import NotProven
from gate.findings.proof.sarif import look
from gate.ledger.reader import LedgerReader
from gate.ledger.verify import Verified, verify
from gate.model.finding import ScanState
from gate.model.image import ImageRef
from gate.model.principal import Principal, PrincipalKind
from gate.policy.schema import DefenderPolicy
from gate.scans import MOST, LedgeredScans, NewsOfScans
from gate.store.engine import make_engine, reading
from gate.store.evaluations import Evaluation, Evaluations
from gate.store.schema import upgrade
from gate.store.tables import ledger_private

WHO = Principal(tenant="acme", object_id="scanner", kind=PrincipalKind.SERVICE, claimed=False)
RULES = DefenderPolicy(scanners=(SCANNER,))
REPORT = json.dumps(sarif()).encode()


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = make_engine(f"sqlite:///{tmp_path}/g.sqlite")
    upgrade(made)
    yield made
    made.dispose()


def kept(engine: Engine) -> LedgeredScans:
    return LedgeredScans(engine, most_bytes=10_000)


def test_a_proved_scanners_report_is_kept_once_on_record_and_proves_a_scan(engine: Engine, azure: AzureWorld) -> None:
    scans = kept(engine)
    for _ in range(2):
        scans.file(DIGEST, REPORT, WHO, now=NOW)
    (scan,) = scans.of(DIGEST)
    assert (scan.submitter, scan.report, scan.received_at) == (SCANNER, REPORT, NOW)
    assert scans.of(OTHER) == ()
    with reading(engine) as connection:
        ledger = LedgerReader(connection)
        assert isinstance(verify(list(ledger.leaves()), ledger.head()), Verified)
    report = ask(azure, RULES, scans=scans)
    assert (report.state, report.proof) == (ScanState.CLEAN, "sarif")


def test_an_identity_that_is_only_claimed_hands_in_nothing(engine: Engine) -> None:
    scans = kept(engine)
    with pytest.raises(ForbiddenError) as refused:
        scans.file(DIGEST, REPORT, WHO.model_copy(update={"claimed": True}), now=NOW)
    assert refused.value.error_code == "identity_claimed"
    assert scans.of(DIGEST) == ()


def test_what_names_no_digest_or_is_too_large_or_one_too_many_is_refused(engine: Engine) -> None:
    scans = kept(engine)
    with pytest.raises(InputError):
        scans.file("latest", REPORT, WHO, now=NOW)
    with pytest.raises(BoundError):
        scans.file(DIGEST, b"x" * 10_001, WHO, now=NOW)
    for number in range(MOST):
        scans.file(DIGEST, f"{number}".encode(), WHO, now=NOW + timedelta(seconds=number))
    with pytest.raises(BoundError, match="already"):
        scans.file(DIGEST, REPORT, WHO, now=NOW)
    assert len(scans.of(DIGEST)) == MOST


def test_who_asks_for_the_release_can_not_vouch_for_it_under_any_spelling(engine: Engine) -> None:
    scans = kept(engine)
    scans.file(DIGEST, REPORT, WHO, now=NOW)
    row = Evaluation(
        id="EVL-1",
        key="k",
        repository="r",
        digest=DIGEST,
        requester=Principal(tenant="ACME", object_id="Scanner"),
        submitted_at=NOW,
        lease_owner="w",
        lease_expires_at=NOW,
    )
    with engine.begin() as connection:
        Evaluations(connection).claim(row, now=NOW)
    assert scans.judged(DIGEST) == {SCANNER}
    (verdict,) = look(scans, DIGEST, RULES, now=NOW)
    assert isinstance(verdict, NotProven)
    assert verdict.code == "own_proof"


def test_a_report_whose_submitter_was_erased_is_nobodys_word(engine: Engine) -> None:
    scans = kept(engine)
    scans.file(DIGEST, REPORT, WHO, now=NOW)
    with engine.begin() as connection:
        connection.execute(sa.delete(ledger_private))
    (verdict,) = look(scans, DIGEST, RULES, now=NOW)
    assert isinstance(verdict, NotProven)
    assert verdict.code == "not_a_scanner"


class Told:
    """Another source of news; it fails if asked to."""

    def __init__(self, *digests: str, broken: bool = False) -> None:
        self.digests, self.broken = frozenset(digests), broken

    def of(self, refs: Sequence[ImageRef]) -> frozenset[str]:
        del refs
        if self.broken:
            message = "nobody answers"
            raise UpstreamError(message)
        return self.digests


def waiting(*digests: str) -> list[ImageRef]:
    return [ImageRef.of_place("r.example.org/staging/app", digest=digest) for digest in digests]


def test_a_report_is_news_of_a_waiting_image_once(engine: Engine) -> None:
    news, scans = NewsOfScans(engine, Told()), kept(engine)
    assert news.of(waiting(DIGEST, OTHER)) == frozenset()
    scans.file(DIGEST, REPORT, WHO, now=NOW)
    assert news.of(waiting(OTHER)) == frozenset()
    assert news.of(waiting(DIGEST, OTHER)) == {DIGEST}
    assert news.of(waiting(DIGEST, OTHER)) == frozenset()
    scans.file(DIGEST, REPORT + b" ", WHO, now=NOW)
    assert news.of(waiting(DIGEST)) == {DIGEST}


def test_news_of_reports_do_not_hide_other_news_and_survive_their_failure(engine: Engine) -> None:
    other = Told(OTHER)
    news, scans = NewsOfScans(engine, other), kept(engine)
    assert news.of(waiting(DIGEST, OTHER)) == {OTHER}
    other.broken = True
    with pytest.raises(UpstreamError):
        news.of(waiting(DIGEST, OTHER))
    scans.file(DIGEST, REPORT, WHO, now=NOW)
    assert news.of(waiting(DIGEST, OTHER)) == {DIGEST}


def test_many_waiting_images_are_asked_about_in_few_questions(engine: Engine) -> None:
    scans = kept(engine)
    many = [f"sha256:{number:064x}" for number in range(10_500)]
    scans.file(many[-1], REPORT, WHO, now=NOW)
    asked: list[str] = []
    sa.event.listen(engine, "before_cursor_execute", lambda *said: asked.append(said[2]))
    news = NewsOfScans(engine, Told())
    assert news.of(waiting(*many)) == {many[-1]}
    assert len([one for one in asked if "ledger_leaves" in one]) < 30
