"""Tell people of a discard, through apprise. What came of it is a code; an address is never shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gate.model.decision import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gate.model.decision import Decision

_REASONS = 10


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
        """Send the message; apprise answers false instead of raising, and that is looked at."""
        if not self._addresses:
            return "nobody"
        import apprise  # noqa: PLC0415 - 0.3 s that only a discard with somebody to tell has to pay

        senders = apprise.Apprise()
        if not all(senders.add(address) for address in self._addresses):
            return "address_invalid"
        title, body = message(evaluation, decision)
        try:
            sent = senders.notify(title=title, body=body)
        except Exception:  # noqa: BLE001 - a plugin's failure must not undo the record of a discard
            return "sender_failed"
        return "sent" if sent else "not_delivered"


def message(evaluation: str, decision: Decision) -> tuple[str, str]:
    """Return title and body: what was discarded, why, and where to go on. No person is named."""
    refused = [answer for answer in decision.results if answer.status is Status.FAIL]
    lines = [f"- {answer.rule}: {answer.code} {answer.subject}".rstrip() for answer in refused[:_REASONS]]
    if len(refused) > _REASONS:
        lines.append(f"- and {len(refused) - _REASONS} more")
    if decision.requests:
        lines += ["exception requests that would lift it:", *(f"- {name}" for name in decision.requests)]
    lines.append(f"details: gate audit show {evaluation}")
    return f"gate: discarded {decision.repository}@{decision.subject}", "\n".join(lines)
