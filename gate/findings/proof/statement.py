"""What Defender's findings artifact says: the in-toto statement in its one layer.

Source: in-toto attestation framework v1 (statement) and its `vulns` predicate 0.2. Microsoft publishes no example of
the body, so what is not understood is an error and holds: it is never taken for a statement without findings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gate.errors import InputError
from gate.registry.content import strict_object

if TYPE_CHECKING:
    from gate.model.digest import Digest

PREDICATE = "https://in-toto.io/attestation/vulns/"
_STATEMENT = "https://in-toto.io/Statement/"


class StatementError(ValueError):
    """The statement can't be read, or is about something else; the text says which."""


def results_of(data: bytes, subject: Digest) -> int:
    """Return how many vulnerabilities the statement lists for the subject.

    Raises:
        StatementError: it is no such statement, or another digest's.
    """
    try:
        statement = strict_object(data, what="the statement")
    except InputError as error:
        raise StatementError(error.message) from None
    kind, predicate_type = statement.get("_type"), statement.get("predicateType")
    if not _begins(kind, _STATEMENT) or not _begins(predicate_type, PREDICATE):
        message = "it is no in-toto statement on vulnerabilities"
        raise StatementError(message)
    if subject.removeprefix("sha256:") not in _subjects(statement.get("subject")):
        message = "its statement is about another digest"
        raise StatementError(message)
    match statement.get("predicate"):
        case {"scanner": {"result": [*results]}}:
            return len(results)
        case _:
            message = "its statement lists no results, not even none"
            raise StatementError(message)


def _begins(value: object, prefix: str) -> bool:
    return isinstance(value, str) and value.startswith(prefix)


def _subjects(value: Any) -> set[str]:  # noqa: ANN401 - JSON
    entries = value if isinstance(value, list) else []
    digests = [entry.get("digest") for entry in entries if isinstance(entry, dict)]
    return {
        digest["sha256"] for digest in digests if isinstance(digest, dict) and isinstance(digest.get("sha256"), str)
    }
