"""An auditor with the command line alone finds what happened, and any change to the database that was made since."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
from pydantic import TypeAdapter
from store_servers.ledger_world import DIGEST, NOW, decision, evidence, record, record_exception, record_run

from gate.cli import main
from gate.ledger.merkle import Frontier, leaf_hash
from gate.ledger.record import Event, LedgerRecord
from gate.ledger.reports import CorruptReport, ListReport, ShowReport, VerifiedReport
from gate.ledger.writer import append
from gate.model.base import format_instant, sha256_of
from gate.model.principal import Principal
from gate.store.blobs import Blobs
from gate.store.decisions import Decisions
from gate.store.engine import make_engine, writing
from gate.store.evaluations import Evaluation, Evaluations
from gate.store.schema import upgrade

if TYPE_CHECKING:
    from sqlalchemy.engine import Engine

SCHEMAS = Path(__file__).parents[2] / "docs" / "schemas"
GUARDS = ("ledger_leaves", "ledger_head", "blobs", "decisions", "grants")


@pytest.fixture
def url(sqlite_engine: Engine, sqlite_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Record two runs and name the database in the environment."""
    alice = Principal(tenant="tenant", object_id="alice")
    with writing(sqlite_engine) as connection:
        run = Evaluation(id="ev-1", key="k", repository="r.example.org/staging/app", requester=alice, submitted_at=NOW)
        Evaluations(connection).claim(run, now=NOW)
        record_run(connection, "ev-1")
        late = record_run(connection, "ev-2", at=NOW.replace(day=24))
        finished = Evaluation.model_validate(
            {**run.model_dump(), "id": "ev-2", "key": "k2", "state": "discarded", "decision_digest": late}
        )
        Evaluations(connection).claim(finished, now=NOW)
    sqlite_engine.dispose()
    monkeypatch.setenv("GATE_DATABASE", sqlite_url)
    return sqlite_url


class Shell:
    """Runs the command line and keeps what it said."""

    def __init__(self, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        """Read output through pytest."""
        self._capture = capsysbinary
        self.out = b""
        self.err = ""

    def run(self, *arguments: str) -> int:
        """Run `gate audit …` and return the exit code."""
        code = main(["audit", *arguments])
        captured = self._capture.readouterr()
        self.out, self.err = captured.out, captured.err.decode()
        assert "Traceback" not in self.err
        return code

    @property
    def json(self) -> Any:
        """The report as data, held to its published schema."""
        found = json.loads(self.out)
        name = found["schema"].removeprefix("gate.audit-").removesuffix("/1")
        jsonschema.validate(found, json.loads((SCHEMAS / f"ledger-{name}.json").read_text()))
        return found


@pytest.fixture
def shell(capsysbinary: pytest.CaptureFixture[bytes]) -> Shell:
    """A command line."""
    return Shell(capsysbinary)


def _file(url: str) -> Path:
    return Path(url.removeprefix("sqlite:///"))


def _tamper(url: str, *statements: str, **values: object) -> None:
    """Change the database as somebody does who has its file."""
    connection = sqlite3.connect(_file(url))
    for table in GUARDS:
        for change in ("update", "delete"):
            connection.execute(f"DROP TRIGGER IF EXISTS {table}_no_{change}")
    for statement in statements:
        connection.execute(statement, values)
    connection.commit()
    connection.close()


@pytest.mark.parametrize(
    ("name", "kind"), [("list", ListReport), ("show", ShowReport), ("verify", VerifiedReport | CorruptReport)]
)
def test_the_published_schemas_are_those_of_the_reports(name: str, kind: Any) -> None:
    published = json.loads((SCHEMAS / f"ledger-{name}.json").read_text())
    made = TypeAdapter(kind).json_schema(mode="serialization")
    assert published == {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
    for wrong in ({}, {"schema": f"gate.audit-{name}/2"}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, published)


@pytest.mark.usefixtures("url")
def test_an_untouched_ledger_verifies_with_size_and_root(shell: Shell) -> None:
    assert shell.run("verify") == 0
    assert shell.out.startswith(b"verified: 8 records, root ")
    assert shell.run("verify", "--format", "json") == 0
    found = shell.json
    assert found["schema"] == "gate.audit-verify/1"
    assert (found["verdict"], found["size"], found["opened"], found["erased"]) == ("verified", 8, 2, 0)


SWAP = (
    "UPDATE ledger_leaves SET leaf_index = -1 WHERE leaf_index = 1",
    "UPDATE ledger_leaves SET leaf_index = 1 WHERE leaf_index = 2",
    "UPDATE ledger_leaves SET leaf_index = 2 WHERE leaf_index = -1",
)
ADD = "INSERT INTO ledger_leaves VALUES (8,'ev-9','evaluation_submitted',1,:at,:subject,:other,:hash)"
TAMPERINGS: list[tuple[str, tuple[str, ...], str, int | None]] = [
    ("bytes", ("UPDATE ledger_leaves SET leaf_bytes = :other WHERE leaf_index = 3",), "columns_differ", 3),
    ("text", ("UPDATE ledger_leaves SET leaf_bytes = 'x' WHERE leaf_index = 3",), "record_unreadable", 3),
    ("hash", ("UPDATE ledger_leaves SET leaf_hash = x'00' WHERE leaf_index = 0",), "leaf_hash_differs", 0),
    ("column", ("UPDATE ledger_leaves SET event = 'promoted' WHERE leaf_index = 3",), "columns_differ", 3),
    ("last row", ("DELETE FROM ledger_leaves WHERE leaf_index = 7",), "size_differs", 7),
    ("first row", ("DELETE FROM ledger_leaves WHERE leaf_index = 0",), "leaf_missing", 0),
    ("middle row", ("DELETE FROM ledger_leaves WHERE leaf_index = 4",), "leaf_missing", 4),
    ("all rows", ("DELETE FROM ledger_leaves",), "size_differs", 0),
    ("swapped rows", SWAP, "root_differs", None),
    (
        "row added",
        (ADD,),
        "size_differs",
        9,
    ),
    ("row before the first", ("UPDATE ledger_leaves SET leaf_index = -1 WHERE leaf_index = 0",), "leaf_missing", 0),
    ("head's size", ("UPDATE ledger_head SET size = 7",), "size_differs", 8),
    ("head's size as text", ("UPDATE ledger_head SET size = 'x'",), "size_differs", 8),
    ("head's root", ("UPDATE ledger_head SET root = x'00'",), "root_differs", None),
    ("head's frontier", ("UPDATE ledger_head SET frontier = x'00'",), "frontier_differs", None),
    ("person", ("UPDATE ledger_private SET value = 'tenant/mallory'",), "private_altered", 0),
    ("salt as text", ("UPDATE ledger_private SET salt = 'x'",), "private_altered", 0),
    ("person as bytes", ("UPDATE ledger_private SET value = x'00'",), "private_altered", 0),
    ("person moved", ("UPDATE ledger_private SET leaf_index = 1",), "private_stray", 1),
    ("person nowhere", ("UPDATE ledger_private SET leaf_index = 99 WHERE leaf_index = 4",), "private_stray", 99),
    ("decision altered", ("UPDATE blobs SET data = 'x' WHERE digest = :made",), "content_altered", 2),
    ("evidence cut", ("UPDATE blobs SET size = size - 1 WHERE digest = :gathered",), "content_altered", 1),
    ("decision gone", ("DELETE FROM blobs WHERE digest = :made",), "content_missing", 2),
    ("evidence gone", ("DELETE FROM blobs WHERE digest = :gathered",), "content_missing", 1),
    ("part gone", ("DELETE FROM blobs WHERE digest = :image",), "content_missing", 1),
    ("outcome", ("UPDATE decisions SET outcome = 'promote' WHERE evaluation = 'ev-1'",), "decision_row_differs", 2),
    ("no outcome", ("UPDATE decisions SET outcome = 'x' WHERE evaluation = 'ev-1'",), "decision_row_differs", 2),
    ("row gone", ("DELETE FROM decisions WHERE evaluation = 'ev-1'",), "decision_row_differs", 2),
    ("other run", ("UPDATE decisions SET evaluation = 'ev-9' WHERE evaluation = 'ev-1'",), "decision_unrecorded", None),
]


@pytest.mark.parametrize(
    ("statements", "flaw", "index"), [row[1:] for row in TAMPERINGS], ids=[t[0] for t in TAMPERINGS]
)
def test_no_change_to_the_file_goes_unseen(
    url: str, shell: Shell, statements: tuple[str, ...], flaw: str, index: int | None
) -> None:
    manifest, _ = evidence().split()
    other = record("ev-9", facts={"forged": "yes"}).canonical()
    gathered = sha256_of(manifest.canonical())
    values = {
        "other": other,
        "hash": leaf_hash(other),
        "at": format_instant(NOW),
        "subject": DIGEST,
        "gathered": gathered,
    }
    named = {"made": decision(gathered).fingerprint(), "image": manifest.parts["image"]}
    _tamper(url, *statements, **values, **named)
    assert shell.run("verify", "--format", "json") == 12
    assert (shell.json["verdict"], shell.json["code"], shell.json["index"]) == ("ledger_corrupt", flaw, index)
    assert "error[ledger_corrupt]" in shell.err
    assert b"verified" not in shell.out.replace(b"gate.audit-verify", b"")
    assert shell.run("checkpoint") == 12
    assert shell.out == b""


REQUEST = "UPDATE exception_requests SET body = replace(body, 'alice', 'carol')"
GRANT = "UPDATE grants SET body = replace(body, 'needed', 'wanted')"
FORGED = "INSERT INTO grants SELECT 'GR-2', kind, name, not_before, expires, request, body FROM grants"
COPIED = "INSERT INTO exception_requests SELECT 'EXR-2', state, repository, kind, name, opened_at, 1, body"
EXCEPTIONS: list[tuple[str, tuple[str, ...], str]] = [
    ("requester", (REQUEST,), "request_differs"),
    ("state", ("UPDATE exception_requests SET state = 'draft'",), "request_differs"),
    ("no request", ("UPDATE exception_requests SET body = 7",), "request_differs"),
    ("request gone", ("DELETE FROM exception_requests",), "request_differs"),
    ("request forged", (COPIED + " FROM exception_requests",), "request_unrecorded"),
    ("grant", (GRANT,), "grant_differs"),
    ("grant's end", ("UPDATE grants SET expires = '9'",), "grant_differs"),
    ("no grant", ("UPDATE grants SET body = '{}'",), "grant_differs"),
    ("grant gone", ("DELETE FROM grants",), "grant_differs"),
    ("grant forged", (FORGED,), "grant_unrecorded"),
    ("grant's record erased", ("DELETE FROM ledger_private WHERE field = 'grant'",), "grant_differs"),
    ("run", ("UPDATE evaluations SET state = 'promoted' WHERE id = 'ev-1'",), "evaluation_unrecorded"),
    ("outcome", ("UPDATE evaluations SET state = 'promoted' WHERE id = 'ev-2'",), "evaluation_unrecorded"),
    ("decision", ("UPDATE evaluations SET decision_digest = 'x' WHERE id = 'ev-2'",), "evaluation_unrecorded"),
]


@pytest.mark.parametrize(("statements", "flaw"), [t[1:] for t in EXCEPTIONS], ids=[t[0] for t in EXCEPTIONS])
def test_no_approval_and_no_outcome_can_be_put_beside_the_ledger(
    url: str, shell: Shell, statements: tuple[str, ...], flaw: str
) -> None:
    engine = make_engine(url)
    with writing(engine) as connection:
        record_exception(connection)
    engine.dispose()
    assert shell.run("verify") == 0
    _tamper(url, *statements)
    assert shell.run("verify", "--format", "json") == 12
    assert shell.json["code"] == flaw


def test_people_of_a_request_may_be_erased(url: str, shell: Shell) -> None:
    engine = make_engine(url)
    with writing(engine) as connection:
        record_exception(connection)
    engine.dispose()
    _tamper(url, "DELETE FROM ledger_private WHERE field IN ('request', 'actor')")
    assert shell.run("verify", "--format", "json") == 0
    assert (shell.json["opened"], shell.json["erased"]) == (1, 6)


def test_a_ledger_without_its_head_is_corrupt_and_not_a_crash(url: str, shell: Shell) -> None:
    _tamper(url, "DELETE FROM ledger_head")
    assert shell.run("verify") == 12
    assert "error[ledger_corrupt]" in shell.err


def test_what_is_wrong_is_said_without_steering_the_terminal(url: str, shell: Shell) -> None:
    _tamper(url, "UPDATE ledger_private SET field = char(27) || '[2J'")
    assert shell.run("verify") == 12
    assert b"\x1b" not in shell.out
    assert "\x1b" not in shell.err


def test_only_a_checkpoint_kept_elsewhere_shows_that_everything_was_rewritten(
    url: str, shell: Shell, tmp_path: Path
) -> None:
    assert shell.run("checkpoint") == 0
    kept = tmp_path / "kept"
    kept.write_bytes(shell.out)
    assert shell.run("verify", "--checkpoint", str(kept), "--checkpoint", str(kept)) == 0
    frontier = Frontier()
    connection = sqlite3.connect(_file(url))
    for (data,) in connection.execute("SELECT leaf_bytes FROM ledger_leaves ORDER BY leaf_index LIMIT 7"):
        frontier = frontier.push(leaf_hash(data))
    connection.close()
    _tamper(
        url,
        "DELETE FROM ledger_leaves WHERE leaf_index = 7",
        "UPDATE evaluations SET state = 'acting'",
        "UPDATE ledger_head SET size = 7, root = :root, frontier = :frontier",
        root=frontier.root(),
        frontier=frontier.packed(),
    )
    assert shell.run("verify") == 0
    assert shell.run("verify", "--checkpoint", str(kept)) == 12
    assert b"checkpoint_ahead" in shell.out


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize("content", [None, b"\xff", b"gate/x\n1\n", b"x" * 5000])
def test_a_checkpoint_that_can_not_be_read_verifies_nothing(
    shell: Shell, tmp_path: Path, content: bytes | None
) -> None:
    kept = tmp_path / "kept"
    if content is not None:
        kept.write_bytes(content)
    assert shell.run("verify", "--checkpoint", str(kept)) == 12
    assert shell.out == b""
    assert "error[checkpoint_unreadable]" in shell.err


def test_a_record_that_names_what_is_no_decision_is_found(url: str, shell: Shell) -> None:
    engine = make_engine(url)
    with writing(engine) as connection:
        digest = Blobs(connection).put(b"{}")
        append(connection, record("ev-3", Event.EVIDENCE_GATHERED, facts={"evidence": digest}))
    engine.dispose()
    assert shell.run("verify") == 12
    assert b"content_altered` at index 8" in shell.out


def test_a_decision_that_is_no_decision_finds_nothing(url: str, shell: Shell) -> None:
    engine = make_engine(url)
    with writing(engine) as connection:
        digest = Blobs(connection).put(b"{}")
        append(connection, record("ev-1", Event.DECIDED, attempt=2, facts={"decision": digest}))
    engine.dispose()
    _tamper(url, "UPDATE decisions SET digest = :digest WHERE evaluation = 'ev-1'", digest=digest)
    assert shell.run("verify") == 12
    assert b"decision_row_differs` at index 8" in shell.out


def test_an_empty_ledger_proves_nothing(sqlite_engine: Engine, sqlite_url: str, shell: Shell) -> None:
    sqlite_engine.dispose()
    assert shell.run("verify", "--database", sqlite_url) == 12
    assert b"ledger_empty" in shell.out


def test_a_ledger_that_is_not_there_is_not_an_empty_one_and_is_not_made(shell: Shell, tmp_path: Path) -> None:
    for command in (("verify",), ("list",), ("show", "ev-1"), ("checkpoint",), ("content", DIGEST)):
        assert shell.run(*command, "--database", f"sqlite:///{tmp_path}/none.sqlite") == 12
        assert "error[store_missing]" in shell.err
        assert shell.out == b""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("content", "code"), [(b"", "store_no_schema"), (b"not a database, " * 99, "store_not_a_database")]
)
def test_a_file_of_another_kind_is_named_as_such_and_left_alone(
    shell: Shell, tmp_path: Path, content: bytes, code: str
) -> None:
    file = tmp_path / "x.sqlite"
    file.write_bytes(content)
    assert shell.run("verify", "--database", f"sqlite:///{file}") == 12
    assert f"error[{code}]" in shell.err
    assert file.read_bytes() == content


def test_a_newer_schema_is_refused(url: str, shell: Shell) -> None:
    _tamper(url, "UPDATE gate_schema SET version_num = '9999'")
    assert shell.run("verify") == 12
    assert "error[store_newer_schema]" in shell.err
    assert "next:" in shell.err


@pytest.mark.usefixtures("url")
def test_records_are_listed_and_filtered(shell: Shell) -> None:
    def indices(*options: str) -> list[int]:
        assert shell.run("list", "--format", "json", *options) == 0
        assert shell.json["schema"] == "gate.audit-list/1"
        return [entry["index"] for entry in shell.json["records"]]

    assert indices() == list(range(8))
    assert indices("--evaluation", "ev-2") == [4, 5, 6, 7]
    assert indices("--event", "decided") == [2, 6]
    assert indices("--subject", DIGEST, "--since", "2026-11-24T00:00:00+00:00") == [4, 5, 6, 7]
    assert indices("--subject", "sha256:" + "0" * 64) == []
    assert indices("--limit", "3") == [0, 1, 2]
    assert shell.json["next"] == 2
    assert indices("--limit", "100", "--after", "5") == [6, 7]
    assert shell.json["next"] is None
    assert shell.run("list", "--evaluation", "ev-1") == 0
    assert b"evaluation_submitted ev-1 actor=tenant/alice" in shell.out
    assert shell.run("list", "--evaluation", "nothing") == 0
    assert (shell.out, shell.err) == (b"", "no record matches\n")


@pytest.mark.usefixtures("url")
@pytest.mark.parametrize(
    "options",
    [("--event", "blessed"), ("--subject", "latest"), ("--since", "yesterday"), ("--since", "2026-11-24T00:00:00")],
)
def test_a_filter_that_means_nothing_is_wrong_usage_and_not_an_empty_list(
    shell: Shell, options: tuple[str, str]
) -> None:
    assert shell.run("list", *options) == 2
    assert shell.out == b""
    assert "error[usage]" in shell.err


@pytest.mark.usefixtures("url")
def test_all_that_a_decision_was_made_from_is_shown(shell: Shell) -> None:
    assert shell.run("show", "ev-1", "--format", "json") == 0
    found = shell.json
    assert found["schema"] == "gate.audit-show/1"
    assert found["evaluation"]["id"] == "ev-1"
    assert [entry["record"]["event"] for entry in found["records"]] == [
        "evaluation_submitted",
        "evidence_gathered",
        "decided",
        "discarded",
    ]
    assert found["records"][0]["private"] == {"actor": "tenant/alice"}
    assert [made["outcome"] for made in found["decisions"]] == ["discard"]
    parts = {part["name"]: part["size"] for part in found["made_from"]}
    assert parts.pop("policy") is None
    assert set(parts) == {"evidence", *(f"evidence/{name}" for name in evidence().split()[0].parts)}
    assert all(parts.values())
    made = next(part["digest"] for part in found["made_from"] if part["name"] == "evidence")
    assert shell.run("content", made) == 0
    assert sha256_of(shell.out) == made


@pytest.mark.usefixtures("url")
def test_the_text_for_people_can_not_steer_their_terminal(shell: Shell) -> None:
    assert shell.run("show", "ev-1") == 0
    text = shell.out.decode()
    assert "evaluation ev-1: submitted" in text
    assert "blocked pypi/x@1\\x1b[2J" in text
    assert "\x1b" not in text
    assert "(not kept)" in text


def test_a_run_without_a_row_or_evidence_is_shown_by_its_records(url: str, shell: Shell) -> None:
    engine = make_engine(url)
    with writing(engine) as connection:
        for number in range(1, 120):
            append(connection, record("EXR-x", Event.EXCEPTION_DRAFTED, attempt=number))
        made = Decisions(connection).put("EXR-x", decision("sha256:" + "77" * 32))
    engine.dispose()
    assert shell.run("show", "EXR-x") == 0
    assert shell.out.count(b"exception_drafted") == 119
    assert b"#119" in shell.out
    assert made.encode() in shell.out
    assert b"evaluation EXR-x" not in shell.out


@pytest.mark.usefixtures("url")
def test_what_nobody_recorded_is_not_found(shell: Shell) -> None:
    assert shell.run("show", "ev-404") == 12
    assert shell.run("content", "sha256:" + "0" * 64) == 12
    assert "error[not_found]" in shell.err
    assert shell.out == b""


@pytest.mark.parametrize("command", [("show", "ev-1"), ("list",)])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_leaves SET leaf_bytes = x'7b7d' WHERE leaf_index = 1",
        "UPDATE ledger_leaves SET leaf_bytes = CAST(leaf_bytes AS TEXT) WHERE leaf_index = 1",
        "UPDATE ledger_private SET value = x'00'",
        "UPDATE ledger_private SET value = 'tenant/mallory'",
        "UPDATE ledger_private SET leaf_index = 1",
    ],
)
def test_a_record_that_can_not_be_read_is_not_left_out(
    url: str, shell: Shell, command: tuple[str, ...], statement: str
) -> None:
    _tamper(url, statement)
    assert shell.run(*command) == 12
    assert "error[ledger_corrupt]" in shell.err
    assert shell.out == b""


def test_altered_content_is_never_shown(url: str, shell: Shell) -> None:
    _tamper(url, "UPDATE blobs SET data = 'x'")
    manifest, _ = evidence().split()
    assert shell.run("content", sha256_of(manifest.canonical())) == 12
    assert "error[blob_altered]" in shell.err
    assert shell.run("show", "ev-1") == 12
    assert shell.out == b""


def test_auditing_changes_nothing_in_the_file(url: str, shell: Shell) -> None:
    before = _file(url).read_bytes()
    for command in (("verify",), ("list",), ("show", "ev-1"), ("checkpoint",)):
        assert shell.run(*command) == 0
    assert _file(url).read_bytes() == before


def test_two_databases_of_one_history_verify_alike(
    database_url: str, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GATE_DATABASE", raising=False)
    engine = make_engine(database_url)
    upgrade(engine)
    with writing(engine) as connection:
        record_run(connection)
    engine.dispose()
    assert shell.run("verify", "--database", database_url) == 0
    assert shell.run("show", "ev-1", "--database", database_url) == 0
    assert b"discarded ev-1" in shell.out


def _renumbered(said: LedgerRecord, attempt: int) -> LedgerRecord:
    return said.model_copy(update={"attempt": attempt})


def test_a_long_ledger_is_read_in_batches(sqlite_engine: Engine, sqlite_url: str, shell: Shell) -> None:
    with writing(sqlite_engine) as connection:
        for number in range(1, 1103):
            append(connection, _renumbered(record(), number), {"actor": f"t/{number}"} if number % 7 == 0 else None)
    sqlite_engine.dispose()
    assert shell.run("verify", "--format", "json", "--database", sqlite_url) == 0
    assert (shell.json["size"], shell.json["opened"]) == (1102, 157)
