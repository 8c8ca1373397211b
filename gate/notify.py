"""Tell people of a discard, through apprise. What came of it is a code; an address is never shown."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from gate.exceptions.plain import plain
from gate.model.decision import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.model.decision import Decision

_REASONS = 10
_CHARACTERS = 200


class Notifier(Protocol):
    """Tells somebody."""

    def tell(self, evaluation: str, decision: Decision) -> str:
        """Return `sent`, `nobody` if nobody is to be told, or a code of failure. Raises nothing."""
        ...


class AppriseNotifier:
    """Sends one message to every configured address; one that fails is a failure of the whole."""

    def __init__(self, addresses: Sequence[str]) -> None:
        """Keep the addresses; they may hold secrets and stay here."""
        self._addresses = tuple(addresses)

    def tell(self, evaluation: str, decision: Decision) -> str:
        """Tell of a discard; apprise answers false instead of raising, and that is looked at."""
        return self.say(*message(evaluation, decision))

    def say(self, title: str, body: str) -> str:
        """Send any message, as `tell`."""
        if not self._addresses:
            return "nobody"
        import apprise  # noqa: PLC0415 - 0.3 s that only a discard with somebody to tell has to pay

        _silence()
        senders = apprise.Apprise()
        try:
            # All are added, so that an address that is none does not keep the others from being told.
            added = sum(bool(senders.add(address)) for address in self._addresses)
            sent = added > 0 and senders.notify(title=title, body=body, body_format=apprise.NotifyFormat.TEXT)
        except Exception:  # noqa: BLE001 - a plugin's failure must not undo the record of a discard
            return "sender_failed"
        if added < len(self._addresses):
            return "address_invalid"
        return "sent" if sent else "not_delivered"


def _silence() -> None:
    """Keep apprise from writing addresses, which may hold secrets, to a log or a terminal."""
    logger = logging.getLogger("apprise")
    logger.addHandler(logging.NullHandler())
    logger.propagate = False


def message(evaluation: str, decision: Decision) -> tuple[str, str]:
    """Return title and body: what was discarded, why, and where to go on. No person is named."""
    refused = [answer for answer in decision.results if answer.status is Status.FAIL]
    lines = [f"- {answer.rule}: {answer.code} {_short(answer.subject)}".rstrip() for answer in refused[:_REASONS]]
    if len(refused) > _REASONS:
        lines.append(f"- and {len(refused) - _REASONS} more")
    if decision.requests:
        lines += ["exception requests that would lift it:", *(f"- {name}" for name in decision.requests[:_REASONS])]
        if len(decision.requests) > _REASONS:
            lines.append(f"- and {len(decision.requests) - _REASONS} more")
    lines.append(f"details: gate audit show {evaluation}")
    return f"gate: discarded {_short(decision.repository)}@{decision.subject}", "\n".join(lines)


def _short(text: str) -> str:
    """Keep what was judged to one printable line of bounded length."""
    return plain(text[: 2 * _CHARACTERS])[:_CHARACTERS]
