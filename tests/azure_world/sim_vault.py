"""A Key Vault over HTTPS with one key that really signs, and a switch for every way in which it may fail or deceive.

Shapes: Azure Key Vault REST API 7.4, "Get Key" and "Sign"; errors as its "Common parameters and headers" and guide to
access control show them. No answer here was captured from Azure.
"""

from __future__ import annotations

import base64
import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from azure_world.sim_server import TlsServer
from azure_world.sim_state import AzureWorld
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, decode_dss_signature
from servers.certificates import Certificate

Json = dict[str, Any]
Answer = tuple[int, dict[str, str], bytes]
NAME, VERSION = "verdicts", "0123456789abcdef0123456789abcdef"
_HASHES: dict[str, hashes.HashAlgorithm] = {"ES256": hashes.SHA256(), "ES384": hashes.SHA384()}


@dataclass(slots=True, kw_only=True)
class VaultFaults:
    """The switches; `on` narrows those of whole answers to `GET` (the key) or `POST` (a signature).

    Attributes:
        on: the method that the faults of answers concern; both, if it is empty.
        status: what is answered instead, with `code` as inner code; `times` of the next requests, 0 is all.
        retry_after: seconds that such an answer asks to wait.
        cut: the connection ends after half of the body.
        body: the raw body that is answered instead.
        redirect: where the answer leads.
        kid: what the answer calls the key instead of its own name.
        other_digest: what is signed is another digest than was asked for.
        stranger: what signs is another key.
        trim: how many bytes the signature lacks at its end.
        attributes: what is said of the key beside or instead of its own attributes; None leaves one out.
        key: the same of the key itself.
    """

    on: str = ""
    status: int = 0
    code: str = ""
    times: int = 0
    retry_after: str = "0"
    cut: bool = False
    body: bytes = b""
    redirect: str = ""
    kid: str = ""
    other_digest: bool = False
    stranger: bool = False
    trim: int = 0
    attributes: Json = field(default_factory=dict)
    key: Json = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class SimVault:
    """The vault: its address, its key, and who asked what of it. `tokens` are those that Azure issued for it."""

    private: Any
    tokens: list[str] = field(default_factory=list)
    host: str = ""
    faults: VaultFaults = field(default_factory=VaultFaults)
    asked: list[str] = field(default_factory=list)

    @property
    def identifier(self) -> str:
        """The identifier of the key's one version."""
        return f"https://{self.host}/keys/{NAME}/{VERSION}"

    @property
    def public(self) -> str:
        """The public key, PEM, as an auditor would have it from the vault's owner."""
        encoding, form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        text: str = self.private.public_key().public_bytes(encoding, form).decode()
        return text

    def answer(self, method: str, target: str, bearer: str, body: bytes) -> Answer:
        """Answer one request."""
        parts = urlsplit(target)
        self.asked.append(f"{method} {parts.path}")
        if bearer.removeprefix("Bearer ") not in self.tokens:
            return _error(401, "Unauthorized")
        if parse_qs(parts.query).get("api-version") != ["7.4"]:
            return _error(400, "BadParameter")
        faults = self.faults if self.faults.on in {"", method} else VaultFaults()
        if faults.status:
            status, faults.times = faults.status, faults.times - 1
            if faults.times == 0:
                faults.status = 0
            headers = {"Retry-After": faults.retry_after} if status in {429, 500, 503} else {}
            return status, headers, _error(status, faults.code)[2]
        if faults.redirect:
            return 302, {"Location": faults.redirect}, b""
        if faults.body:
            return 200, {}, faults.body
        return self._made(method, parts.path, body, faults)

    def _made(self, method: str, path: str, body: bytes, faults: VaultFaults) -> Answer:
        own = f"/keys/{NAME}/{VERSION}"
        if (method, path) == ("GET", own):
            attributes: Json = {"enabled": True, "created": 1_790_000_000, "updated": 1_790_000_000}
            attributes |= {"recoveryLevel": "Recoverable+Purgeable", **faults.attributes}
            told = {"key": self._jwk() | {"kid": faults.kid or self.identifier} | faults.key, "attributes": attributes}
            return 200, {}, json.dumps(told).encode()
        if (method, path) != ("POST", f"{own}/sign"):
            return _error(404, "KeyNotFound")
        asked = json.loads(body)
        digest = base64.urlsafe_b64decode(asked["value"] + "=" * (-len(asked["value"]) % 4))
        if faults.other_digest:
            digest = bytes(len(digest))
        signature = self._signature(asked["alg"], digest, stranger=faults.stranger)
        if signature is None:
            return _error(400, "BadParameter")
        value = _base64url(signature[: len(signature) - faults.trim])
        return 200, {}, json.dumps({"kid": faults.kid or self.identifier, "value": value}).encode()

    def _jwk(self) -> Json:
        operations = ["sign", "verify"]
        if isinstance(self.private, rsa.RSAPrivateKey):
            numbers = self.private.public_key().public_numbers()
            modulus = _base64url(numbers.n.to_bytes(self.private.key_size // 8))
            return {"kty": "RSA", "key_ops": operations, "n": modulus, "e": "AQAB"}
        numbers, size = self.private.public_key().public_numbers(), (self.private.key_size + 7) // 8
        x, y = (_base64url(part.to_bytes(size)) for part in (numbers.x, numbers.y))
        return {"kty": "EC", "key_ops": operations, "crv": f"P-{self.private.key_size}", "x": x, "y": y}

    def _signature(self, algorithm: str, digest: bytes, *, stranger: bool) -> bytes | None:
        if isinstance(self.private, rsa.RSAPrivateKey):
            return self.private.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
        if algorithm != f"ES{self.private.key_size}" or len(digest) != _HASHES[algorithm].digest_size:
            return None
        key = ec.generate_private_key(self.private.curve) if stranger else self.private
        r, s = decode_dss_signature(key.sign(digest, ec.ECDSA(Prehashed(_HASHES[algorithm]))))
        size = self.private.key_size // 8
        return r.to_bytes(size) + s.to_bytes(size)


@contextlib.contextmanager
def vault_server(certificate: Certificate, azure: AzureWorld, private: Any) -> Iterator[SimVault]:
    """Run a vault that takes the tokens which this Azure issues for it, and no other."""
    vault = SimVault(private=private)
    server = TlsServer(("127.0.0.1", 0), _handler(vault))
    server.context.load_cert_chain(certificate.certificate, certificate.key)
    vault.host = f"127.0.0.1:{server.server_address[1]}"
    vault.tokens = azure.scopes.setdefault(f"https://{vault.host}/.default", [])
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield vault
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(vault: SimVault) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            self._serve()

        def do_POST(self) -> None:
            self._serve()

        def _serve(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            bearer = self.headers.get("Authorization", "")
            status, headers, data = vault.answer(self.command, self.path, bearer, body)
            self.send_response(status)
            for name, value in {
                "Content-Type": "application/json",
                "Content-Length": str(len(data)),
                **headers,
            }.items():
                self.send_header(name, value)
            self.end_headers()
            cut = vault.faults.cut and vault.faults.on in {"", self.command}
            self.wfile.write(data[: len(data) // 2] if cut else data)
            self.close_connection = cut or self.close_connection

        def log_message(self, *args: object) -> None:
            del args

    return Handler


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _error(status: int, code: str) -> Answer:
    error: Json = {"code": code, "message": f"{code}.", "innererror": {"code": code}}
    return status, {}, json.dumps({"error": error}).encode()
