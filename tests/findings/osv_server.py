"""A small OSV server for tests: answers `POST /v1/query` from records in memory, as the public one does.

What was asked before is answered with the bytes of then, so that a bench times who asks and not the server.

Its matching is written apart from the product's, straight from the format's pseudo code, so that each can be held to
the other. A version that PEP 440 can't read sorts below all others, as the public service orders PyPI's.
"""

from __future__ import annotations

import json
import re
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Raw = dict[str, Any]
_LOWEST = (0, Version("0"))


@contextmanager
def osv_server(records: Iterable[Raw]) -> Iterator[str]:
    """Run the server on a free port of this machine and yield the address of its query endpoint."""
    by_name: dict[str, list[Raw]] = {}
    answers: dict[tuple[str, str], bytes] = {}
    for record in records:
        for name in {_name(entry) for entry in record.get("affected", [])}:
            by_name.setdefault(name, []).append(record)

    class Handler(BaseHTTPRequestHandler):
        """Answers queries."""

        def do_POST(self) -> None:
            """Answer one query."""
            query = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            name, version = query["package"]["name"], query["version"]
            if (name, version) not in answers:
                hits = [record for record in by_name.get(name, []) if _hit(record, name, version)]
                answers[name, version] = json.dumps({"vulns": hits} if hits else {}).encode()
            body = answers[name, version]
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _hit(record: Raw, name: str, version: str) -> bool:
    if "withdrawn" in record:
        return False
    return any(_affects(entry, version) for entry in record["affected"] if _name(entry) == name)


def _affects(entry: Raw, version: str) -> bool:
    key = _key(version)
    if key in {_key(listed) for listed in entry.get("versions", [])}:
        return True
    return any(_inside(one["events"], key) for one in entry.get("ranges", []) if one["type"] == "ECOSYSTEM")


def _inside(events: list[dict[str, str]], version: tuple[int, Version]) -> bool:
    vulnerable = False
    for event in sorted(events, key=lambda one: _key(next(iter(one.values())))):
        if "introduced" in event and (event["introduced"] == "0" or version >= _key(event["introduced"])):
            vulnerable = True
        if "fixed" in event and version >= _key(event["fixed"]):
            vulnerable = False
        if "last_affected" in event and version > _key(event["last_affected"]):
            vulnerable = False
    return vulnerable


def _key(version: str) -> tuple[int, Version]:
    try:
        return 1, Version(version)
    except InvalidVersion:
        return _LOWEST


def _name(entry: Raw) -> str:
    return re.sub(r"[-_.]+", "-", entry["package"]["name"]).lower()
