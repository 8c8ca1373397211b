"""A certificate authority of the tests' own, made with the openssl program; its keys die with the temporary folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from servers.processes import run

_DAYS = "30"


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """A certificate and its key, as PEM files; `authority` is what a client has to trust."""

    certificate: Path
    key: Path
    authority: Path


def self_signed(folder: Path, name: str) -> Certificate:
    """Make a key and a certificate that vouches for itself."""
    key, certificate = folder / f"{name}.key", folder / f"{name}.pem"
    subject = ["-subj", f"/CN={name}", "-days", _DAYS]
    run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *_files(key, certificate), *subject])
    return Certificate(certificate=certificate, key=key, authority=certificate)


def for_loopback(folder: Path) -> Certificate:
    """Make an authority and a server certificate for 127.0.0.1 (and not for `localhost`), signed by it."""
    authority = self_signed(folder, "gate-test-authority")
    key, request, certificate = folder / "server.key", folder / "server.csr", folder / "server.pem"
    names = folder / "names.cnf"
    names.write_text("subjectAltName=IP:127.0.0.1\nbasicConstraints=CA:FALSE\n")
    subject = ["-subj", "/CN=gate-test-server"]
    run(["openssl", "req", "-newkey", "rsa:2048", "-nodes", *_files(key, request), *subject])
    signer = ["-CA", str(authority.certificate), "-CAkey", str(authority.key), "-CAcreateserial"]
    output = ["-extfile", str(names), "-days", _DAYS, "-out", str(certificate)]
    run(["openssl", "x509", "-req", "-in", str(request), *signer, *output])
    return Certificate(certificate=certificate, key=key, authority=authority.certificate)


def _files(key: Path, output: Path) -> list[str]:
    return ["-keyout", str(key), "-out", str(output)]
