"""People, policies, requests and wheels that the tests of the exception workflow speak of."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from datetime import UTC, datetime, timedelta

from gate.exceptions.package import OfferedFile
from gate.exceptions.workflow import file_request, open_draft
from gate.model.exception import ExceptionRequest, GrantedFile, Subject
from gate.model.origin import Kind
from gate.model.principal import Principal, PrincipalKind
from gate.policy.schema import WorkflowPolicy

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
ALICE = Principal(tenant="contoso", object_id="alice")
BOB = Principal(tenant="contoso", object_id="bob")
ROBOT = Principal(tenant="contoso", object_id="pipeline", kind=PrincipalKind.SERVICE)
STAGING = "registry.example.org/staging/app"
POLICY = WorkflowPolicy(version="gate.workflow/1", longest=timedelta(days=100), default=timedelta(days=30))
REASON = "the forecast model needs it"


def subject(
    kind: Kind = Kind.PYPI, name: str = "acme-forecast", version: str = "1.2.0", repository: str = STAGING
) -> Subject:
    """Name what an exception is asked for."""
    return Subject(kind=kind, name=name, version=version, repository=repository)


def requested(about: Subject | None = None) -> ExceptionRequest:
    """Return a request that Alice filed."""
    return file_request(open_draft(about or subject(), "", now=NOW), REASON, ALICE, POLICY, now=NOW)


def offered(name: str = "acme-forecast", version: str = "1.2.0", content: bytes = b"wheel") -> OfferedFile:
    """Return a file as its reader understood it."""
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    filename = f"{name.replace('-', '_')}-{version}-py3-none-any.whl"
    return OfferedFile(
        file=GrantedFile(filename=filename, sha256=digest, size=len(content)), name=name, version=version
    )


def wheel(name: str = "acme_forecast", version: str = "1.2.0", content: bytes = b"answer = 42\n") -> bytes:
    """Return the bytes of a real wheel, the same for the same arguments."""
    folder = f"{name}-{version}.dist-info"
    files = {
        f"{name}/__init__.py": content,
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n".encode(),
        f"{folder}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [f"{path},sha256={_urlsafe(data)},{len(data)}" for path, data in files.items()]
    files[f"{folder}/RECORD"] = "\n".join([*rows, f"{folder}/RECORD,,", ""]).encode()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for path, data in files.items():
            archive.writestr(zipfile.ZipInfo(path), data)
    return buffer.getvalue()


def filename(name: str = "acme_forecast", version: str = "1.2.0") -> str:
    """Return the name of that wheel's file."""
    return f"{name}-{version}-py3-none-any.whl"


def _urlsafe(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
