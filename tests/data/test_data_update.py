"""`gate data update` and `gate data use`: whole or not at all, from configured places alone, without a secret."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from data.osv_records import gzipped, lines, record

from gate.cli import main

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

OLD = record(modified="2025-01-01T00:00:00Z")
NEW = record(modified="2025-02-01T00:00:00Z")
NAMES = b'{"pytorch": ["torch"]}'


@contextmanager
def serving(body: bytes, *, cut: int = 0, modified: str = "", status: int = 200) -> Iterator[str]:
    """Serve one file; with `cut`, fewer bytes than announced."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            if modified:
                self.send_header("Last-Modified", modified)
            self.end_headers()
            self.wfile.write(body[: len(body) - cut])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/file"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep the database in a new home."""
    monkeypatch.setenv("GATE_HOME", str(tmp_path / "home"))
    for key in ("GATE_DATABASE", "GATE_DATA_SOURCES"):
        monkeypatch.delenv(key, raising=False)
    return tmp_path


def snapshots(capsys: pytest.CaptureFixture[str], kind: str = "osv-pypi") -> list[tuple[str, bool, str]]:
    """Return digest, use and source of what is kept, newest import first; nothing if there is no database."""
    capsys.readouterr()
    if main(["data", "status", "--format", "json"]) != 0:
        return []
    kinds = json.loads(capsys.readouterr().out)["kinds"]
    kept = next(one for one in kinds if one["kind"] == kind)["snapshots"]
    return [(one["digest"], one["active"], one["source"]) for one in kept]


def update(monkeypatch: pytest.MonkeyPatch, sources: str, *words: str) -> int:
    monkeypatch.setenv("GATE_DATA_SOURCES", sources)
    return main(["data", "update", *words])


def test_an_address_is_fetched_whole_and_its_secret_is_shown_nowhere(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(gzipped(OLD)) as url:
        assert update(monkeypatch, f"osv-pypi={url}?sig=hush-hush") == 0
    assert "hush" not in "".join(capsys.readouterr())
    ((_, active, source),) = snapshots(capsys)
    assert active
    assert "hush" not in source


def test_a_mirrored_file_is_taken_from_its_path(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "osv").write_bytes(lines(OLD))
    assert update(monkeypatch, f"osv-pypi={home / 'osv'}", "osv-pypi") == 0
    assert [source for _, _, source in snapshots(capsys)] == [str(home / "osv")]


@pytest.mark.parametrize(("cut", "status"), [(5, 200), (0, 404), (0, 403)])
def test_what_does_not_come_whole_changes_nothing(
    cut: int, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(gzipped(OLD)) as url:
        assert update(monkeypatch, f"osv-pypi={url}") == 0
    before = snapshots(capsys)
    monkeypatch.setenv("GATE_BOUND_HTTP_ATTEMPTS", "1")
    with serving(lines(NEW, OLD | {"id": "PYSEC-2"}), cut=cut, status=status) as url:
        assert update(monkeypatch, f"osv-pypi={url}") == 12
    assert snapshots(capsys) == before


def test_an_answer_beyond_the_bound_is_not_read_to_its_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("GATE_BOUND_DATA_FILE_BYTES", "10")
    with serving(lines(OLD)) as url:
        assert update(monkeypatch, f"osv-pypi={url}") == 12
    assert "file_bytes" in capsys.readouterr().err
    assert snapshots(capsys) == []


def test_older_data_of_a_server_is_refused_and_can_be_brought_back_by_its_digest(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home / "osv"
    for content, code in ((lines(OLD), 0), (lines(NEW), 0), (lines(OLD), 12)):
        file.write_bytes(content)
        assert update(monkeypatch, f"osv-pypi={file}") == code
    (new, new_used, _), (old, old_used, _) = snapshots(capsys)
    assert (new_used, old_used) == (True, False)
    assert main(["data", "use", "osv-pypi", old]) == 0
    assert [(digest, used) for digest, used, _ in snapshots(capsys)] == [(new, False), (old, True)]
    assert main(["data", "use", "osv-pypi", "sha256:" + "0" * 64]) == 12
    assert main(["data", "use", "conda-names", old]) == 12
    assert [(digest, used) for digest, used, _ in snapshots(capsys)] == [(new, False), (old, True)]


@pytest.mark.parametrize(("modified", "code"), [("Tue, 04 Mar 2025 10:00:00 GMT", 0), ("", 12), ("yesterday", 12)])
def test_a_map_without_a_date_takes_the_servers_word_or_is_refused(
    modified: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(NAMES, modified=modified) as url:
        assert update(monkeypatch, f"conda-names={url}") == code
    assert bool(snapshots(capsys, "conda-names")) == (code == 0)


def test_one_kind_that_fails_keeps_no_other_from_being_updated(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "names").write_bytes(NAMES)
    assert update(monkeypatch, f"osv-pypi={home / 'none'} conda-names={home / 'names'}") == 12
    assert (len(snapshots(capsys)), len(snapshots(capsys, "conda-names"))) == (0, 1)


@pytest.mark.parametrize(
    ("sources", "words"),
    [
        ("", []),
        ("osv-pypi=/x", ["known-exploited"]),
        ("osv-npm=/x", []),
        ("osv-pypi=relative", []),
        ("osv-pypi=ftp://h/x", []),
    ],
)
def test_without_a_configured_source_nothing_is_fetched(
    sources: str, words: list[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert update(monkeypatch, sources, *words) == 2
    assert not (home / "home").exists()
