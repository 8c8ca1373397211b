"""The simulated Entra ID: keys of a tenant over HTTPS, and access tokens as its two endpoints sign them.

Shapes: Microsoft's "Access token claims reference" and "Signing keys"; none was captured. `token` makes what somebody
could send, right or wrong; the endpoint gives a client registered here the token that Entra ID would.
"""

from __future__ import annotations

import base64
import contextlib
import functools
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from azure_world.sim_server import TlsServer
from azure_world.sim_server import _authority as azure_authority
from azure_world.sim_state import TENANT, AzureWorld
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from servers.certificates import Certificate

Answer = tuple[int, dict[str, str], bytes]
Json = dict[str, Any]

AUDIENCE = "api://gate"
ALICE, BOB = "a11ce000-0000-4000-8000-000000000001", "b0b00000-0000-4000-8000-000000000002"
PIPELINE, SCANNER = "91be11ee-0000-4000-8000-000000000003", "5ca77e60-0000-4000-8000-000000000004"
_SOME_CLIENT = "c11e0000-0000-4000-8000-00000000000f"


@contextlib.contextmanager
def entra_server(certificate: Certificate, azure: AzureWorld | None = None) -> Iterator[Entra]:
    """Run an authority on a free port of this machine, over TLS; its state may be changed while it runs."""
    state = Entra(azure=azure)
    server = TlsServer(("127.0.0.1", 0), _handler(state))
    server.context.load_cert_chain(certificate.certificate, certificate.key)
    state.address = f"https://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(state: Entra) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, headers, data = state.answer(self.command, urlsplit(self.path).path, parse_qs(body.decode()))
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            del args

    return Handler


@functools.cache
def private_key(name: str) -> rsa.RSAPrivateKey:
    """Make a key, the same for a name as long as the process lives."""
    del name
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def entry_of(kid: str, key: rsa.RSAPrivateKey | None = None, **more: object) -> Json:
    """Return a public key as a set of keys lists it."""
    public: Json = json.loads(RSAAlgorithm.to_jwk((key or private_key(kid)).public_key()))
    return {"kty": "RSA", "use": "sig", "kid": kid, "n": public["n"], "e": public["e"], **more}


@dataclass(slots=True, kw_only=True)
class Entra:
    """One authority.

    Attributes:
        address: where it is; the server sets it.
        listed: the keys that its sets have, by name.
        body: what is answered instead of a set of keys.
        status: with which status sets of keys are answered.
        delay: seconds before a set of keys is answered.
        elsewhere: an address to which a question for keys is redirected.
        fetched: the path of every question for keys.
        clients: secret, object id and roles of each registered client, by its id.
        azure: what else this authority signs clients in to.
    """

    address: str = ""
    azure: AzureWorld | None = None
    listed: list[str] = field(default_factory=lambda: ["key-1"])
    body: bytes | None = None
    status: int = 200
    delay: float = 0.0
    elsewhere: str = ""
    fetched: list[str] = field(default_factory=list)
    clients: dict[str, tuple[str, str, tuple[str, ...]]] = field(default_factory=dict)

    def answer(self, method: str, path: str, form: dict[str, list[str]]) -> Answer:
        """Answer a question for keys or tokens, or what the authority says of itself."""
        if method == "GET" and path.endswith(("/discovery/keys", "/discovery/v2.0/keys")):
            return self._keys(path)
        if method == "POST" and path.endswith("/oauth2/v2.0/token") and form.get("scope") == [f"{AUDIENCE}/.default"]:
            return self._grant(path.split("/")[1], form)
        if self.azure is not None:
            return azure_authority(self.azure, path, form)
        base = f"{self.address}/{TENANT}"
        known = {"issuer": f"{base}/v2.0", "authorization_endpoint": f"{base}/oauth2/v2.0/authorize"}
        return 200, {}, json.dumps({**known, "token_endpoint": f"{base}/oauth2/v2.0/token"}).encode()

    def token(
        self,
        object_id: str,
        *roles: str,
        version: int = 2,
        kid: str = "key-1",
        signed_by: rsa.RSAPrivateKey | None = None,
        header: Json | None = None,
        app: bool = False,
        **claims: object,
    ) -> str:
        """Sign a token; `claims` come instead of those that Entra ID would put in, and None leaves one out."""
        made = self.claims(object_id, *roles, version=version, app=app) | claims
        kept = {name: value for name, value in made.items() if value is not None}
        return jwt.encode(
            kept, signed_by or private_key(kid), algorithm="RS256", headers={"kid": kid, **(header or {})}
        )

    def claims(self, object_id: str, *roles: str, version: int = 2, app: bool = False) -> Json:
        """Return the claims of an access token of a person, or of a service."""
        now = int(time.time())
        issuer = f"{self.address}/{TENANT}/" + ("v2.0" if version == 2 else "")
        made: Json = {
            "aud": AUDIENCE,
            "iss": issuer,
            "iat": now - 60,
            "nbf": now - 60,
            "exp": now + 3600,
            "oid": object_id,
            "tid": TENANT,
            "ver": f"{version}.0",
            "azp" if version == 2 else "appid": _SOME_CLIENT,
            "sub": object_id if app else "pairwise-subject",
        }
        made |= {"idtyp": "app"} if app else {"scp": "access_as_user", "preferred_username": "alice@contoso.example"}
        return made | ({"roles": list(roles)} if roles else {})

    def _keys(self, path: str) -> Answer:
        self.fetched.append(path)
        time.sleep(self.delay)
        if self.elsewhere:
            return 302, {"Location": self.elsewhere + path}, b""
        sets = json.dumps({"keys": [entry_of(kid) for kid in self.listed]}).encode()
        return self.status, {}, sets if self.body is None else self.body

    def _grant(self, tenant: str, form: dict[str, list[str]]) -> Answer:
        client = form.get("client_id", [""])[0]
        secret, object_id, roles = self.clients.get(client, ("", "", ()))
        if not secret or form.get("client_secret") != [secret] or tenant != TENANT:
            refused = {"error": "invalid_client", "error_description": "AADSTS7000215: Invalid client secret provided."}
            return 401, {}, json.dumps(refused).encode()
        given = {"token_type": "Bearer", "expires_in": 3599}
        token = self.token(object_id, *roles, app=True, azp=client)
        return 200, {}, json.dumps({**given, "access_token": token}).encode()


def unsigned(claims: Json, **header: object) -> str:
    """Put a token together that nobody signed; the third part is the text `signature`, or nothing."""
    signature = str(header.pop("signature", ""))
    parts = ({"alg": "none", "typ": "JWT", **header}, claims)
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in parts]
    return ".".join((*encoded, signature))
