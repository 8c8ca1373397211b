"""The real application where callers send tokens of a simulated authority."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import certifi
import pytest
from azure_world.sim_state import TENANT
from azure_world.sim_tokens import ALICE, AUDIENCE, BOB, PIPELINE, SCANNER, Entra, entra_server
from servers.certificates import Certificate
from service.inprocess import TestClient, application
from service.live import Live

KEYS = {"GATE_TOKEN_AUDIENCES": AUDIENCE, "GATE_TOKEN_TENANTS": TENANT}
Headers = dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Tokened:
    """The application's client, the authority, and what each person and service of the tests sends."""

    client: TestClient
    entra: Entra

    def person(self, who: str, *roles: str, **claims: object) -> Headers:
        return {"Authorization": f"Bearer {self.entra.token(who, *roles, **claims)}"}  # type: ignore[arg-type]  # handed through

    def service(self, who: str, *roles: str, **claims: object) -> Headers:
        return self.person(who, *roles, app=True, **claims)

    @property
    def alice(self) -> Headers:
        return self.person(ALICE, "Gate.Request")

    @property
    def bob(self) -> Headers:
        return self.person(BOB, "Gate.Approve")

    @property
    def pipeline(self) -> Headers:
        return self.service(PIPELINE, "Gate.Evaluate")

    @property
    def scanner(self) -> Headers:
        return self.service(SCANNER, "Gate.Scan")


@contextlib.contextmanager
def tokened(live: Live, certificate: Certificate, **more: str) -> Iterator[Tokened]:
    """Run the application and its authority."""
    with pytest.MonkeyPatch.context() as patch, entra_server(certificate) as entra:
        patch.setenv("REQUESTS_CA_BUNDLE", str(trusted(certificate, live.folder)))
        patch.delenv("CURL_CA_BUNDLE", raising=False)
        with application(live, **KEYS, GATE_AZURE_AUTHORITY=entra.address, **more) as client:
            yield Tokened(client=client, entra=entra)


def trusted(certificate: Certificate, folder: Path) -> Path:
    """Return a bundle that trusts the simulators beside whom this machine trusts: PyPI is asked, too."""
    known = os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()
    made = folder / "trusted.pem"
    made.write_bytes(Path(known).read_bytes() + b"\n" + certificate.authority.read_bytes())
    return made
