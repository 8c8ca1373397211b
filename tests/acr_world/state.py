"""What an Azure Container Registry keeps beside a registry's own images: tokens, locks, referrers, faults."""

from __future__ import annotations

import base64
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

REFRESH_SECONDS = 3 * 3600
"""How long a refresh token of the registry lives."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """An answer that comes instead of the real one, `times` times, for requests whose line (`GET /v2/…`) matches."""

    line: str
    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """What happens at one request: others do something first; then it is refused, not taken, or not answered.

    Attributes:
        act: what others do before the request is looked at.
        status: it is refused with this.
        cut: the connection is closed before the request is looked at.
        lost: it is carried out, and the connection is closed instead of an answer.
        kill: whoever asks dies now: nothing that he asks from here on is heard.
    """

    act: Callable[[], object] | None = None
    status: int = 0
    cut: bool = False
    lost: bool = False
    kill: bool = False


@dataclass(kw_only=True)
class Attributes:
    """`changeableAttributes` of a manifest or a tag."""

    deleteEnabled: bool = True  # noqa: N815 - Azure's spelling
    writeEnabled: bool = True  # noqa: N815 - as above
    readEnabled: bool = True  # noqa: N815 - as above
    listEnabled: bool = True  # noqa: N815 - as above


class AcrState:
    """The state of one façade, shared by its threads; tests read and change it directly.

    Attributes:
        entra: Entra tokens that are good here.
        granted: what each Entra token may do (`pull`, `push`, `delete`, `metadata_read`, `metadata_write`).
        requests: the line of every request as it came, in order.
        exchanges: how many Entra tokens were exchanged.
        referrers: descriptors of manifests about a digest, by (repository, digest).
        page: most entries of one page, whatever was asked for.
    """

    def __init__(self) -> None:
        """Start without anybody."""
        self.lock = threading.RLock()
        self.entra: set[str] = set()
        self.actions: set[str] = {"pull", "push", "delete", "metadata_read", "metadata_write"}
        self.requests: list[str] = []
        self.exchanges = 0
        self.refresh_seconds: float = REFRESH_SECONDS
        self.referrers: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.page = 1000
        self.realm = ""
        self._refresh: dict[str, float] = {}
        self._access: dict[str, tuple[float, frozenset[str]]] = {}
        self._attributes: dict[tuple[str, str], Attributes] = {}
        self._untagged: set[tuple[str, str]] = set()
        self._faults: list[Fault] = []
        self._happenings: dict[int, Happening] = {}
        self.dead = False

    def happen(self, happenings: Mapping[int, Happening]) -> None:
        """Let these happen at requests by their number, the next one being 0; whoever was dead lives again."""
        with self.lock:
            self._happenings = {len(self.requests) + number: one for number, one in happenings.items()}
            self.dead = False

    def due(self) -> Happening:
        """Return what happens at the request that was noted last."""
        with self.lock:
            if self.dead:
                return Happening(cut=True)
            found = self._happenings.pop(len(self.requests) - 1, Happening())
            self.dead = found.kill
            return found

    def sign_in(self) -> str:
        """Return an Entra token that is good here."""
        token = f"entra-{secrets.token_hex(8)}"
        with self.lock:
            self.entra.add(token)
        return token

    def fail(self, line: str, status: int, *, times: int = 1, body: bytes = b"", **headers: str) -> None:
        """Answer the next requests whose line matches the pattern with this; header names have `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with self.lock:
            self._faults.append(Fault(line=line, status=status, headers=named, body=body, times=times))

    def take_fault(self, line: str) -> Fault | None:
        """Return the fault that is due for a request, used up by one."""
        with self.lock:
            for number, fault in enumerate(self._faults):
                if re.search(fault.line, line):
                    left = fault.times - 1
                    rest = [Fault(line=fault.line, status=fault.status, headers=fault.headers, body=fault.body,
                                  times=left)] if left else []  # fmt: skip
                    self._faults[number : number + 1] = rest
                    return fault
        return None

    def attributes(self, repository: str, name: str) -> Attributes:
        """Return the locks of a digest or a tag; those of the two are apart, as Azure keeps them."""
        with self.lock:
            return self._attributes.setdefault((repository, name), Attributes())

    def forget(self, repository: str, digest: str) -> None:
        """Lose the locks of a manifest that is gone."""
        with self.lock:
            self._attributes.pop((repository, digest), None)

    def heal(self) -> None:
        """Take back every fault that is left."""
        with self.lock:
            self._faults.clear()

    def untag(self, repository: str, tag: str) -> None:
        """Forget a tag; its manifest stays."""
        with self.lock:
            self._untagged.add((repository, tag))

    def retag(self, repository: str, tag: str) -> None:
        """Know a tag again."""
        with self.lock:
            self._untagged.discard((repository, tag))

    def is_untagged(self, repository: str, tag: str) -> bool:
        """Say whether a tag was forgotten."""
        with self.lock:
            return (repository, tag) in self._untagged

    def exchange(self, entra: str) -> str | None:
        """Return a refresh token for an Entra token, in the form of a JWT whose `exp` a client may read."""
        with self.lock:
            if entra not in self.entra:
                return None
            self.exchanges += 1
            until = time.time() + self.refresh_seconds
            token = _jwt({"exp": int(until), "jti": secrets.token_hex(8)})
            self._refresh[token] = until
            return token

    def access(self, refresh: str, scope: str) -> str | None:
        """Return an access token for what was asked for and is granted."""
        with self.lock:
            if self._refresh.get(refresh, 0) < time.time():
                return None
            wanted = {
                f"{part.rpartition(':')[0]}:{action}"
                for part in scope.split()
                for action in part.rpartition(":")[2].split(",")
                if action in self.actions or action == "*"
            }
            token = _jwt({"jti": secrets.token_hex(8)})
            self._access[token] = (time.time() + 3600, frozenset(wanted))
            return token

    def revoke(self) -> None:
        """Let every access token end; refresh tokens stay."""
        with self.lock:
            self._access.clear()

    def allows(self, header: str, scope: str) -> bool:
        """Say whether an `Authorization` header may do what the scope (`repository:name:action`) says."""
        until, granted = self._access.get(header.removeprefix("Bearer "), (0.0, frozenset[str]()))
        return until > time.time() and scope in granted


def _jwt(claims: Mapping[str, object]) -> str:
    parts = [{"alg": "none"}, claims, {"signed": "not"}]
    return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
