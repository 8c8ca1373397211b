"""Real wheels from PyPI by pip's own downloader, a private one made here, and both laid out as pip would install them.

Nothing of a wheel is run: it is read as an archive.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

from gate.errors import UpstreamError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

PINS = ("six==1.17.0", "idna==3.10", "packaging==25.0")
PRIVATE_NAME, PRIVATE_VERSION = "acme-churn-features", "1.0"
PRIVATE_URL = "https://packages.acme.example/acme_churn_features-1.0-py3-none-any.whl"

_SITE = "usr/local/lib/python3.12/site-packages"
_TIMEOUT_SECONDS = 180
_FIXED_TIME = (2026, 1, 1, 0, 0, 0)


def download(folder: Path) -> tuple[Path, ...]:
    """Fetch the pinned wheels with pip, which takes them from where this machine takes its packages.

    Raises:
        UpstreamError: pip is not there or failed; its last words are in the facts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input", "download", "--quiet"]
    command += ["--no-deps", "--only-binary", ":all:", "--dest", str(folder), *PINS]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT_SECONDS, check=False)  # noqa: S603 - our own words
    except (OSError, subprocess.TimeoutExpired) as error:
        message = f"pip did not download the wheels: {type(error).__name__}"
        raise UpstreamError(message, code="demo_download", hint="check the network and try again") from error
    if done.returncode != 0:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        message = "pip did not download the wheels"
        raise UpstreamError(message, code="demo_download", hint="check the network and try again", pip=last)
    return tuple(sorted(folder.glob("*.whl")))


def private_wheel(folder: Path) -> Path:
    """Make a wheel that no public index has: the same bytes at every call."""
    path = folder / PRIVATE_URL.rsplit("/", 1)[1]
    info = "acme_churn_features-1.0.dist-info"
    members = {
        "acme_churn_features.py": "def features(row):\n    return [row['tenure'], row['charges']]\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {PRIVATE_NAME}\nVersion: {PRIVATE_VERSION}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: demo\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    rows = [(name, *_hash_and_size(text.encode())) for name, text in members.items()]
    members[f"{info}/RECORD"] = _csv([*rows, (f"{info}/RECORD", "", "")])
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED_TIME), text)
    return path


def installed(wheels: Iterable[Path]) -> dict[str, bytes]:
    """Return the files that pip would leave in an image for these wheels, by path."""
    files: dict[str, bytes] = {}
    for wheel in wheels:
        with zipfile.ZipFile(wheel) as archive:
            content = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/")}
        record = next(name for name in content if name.endswith(".dist-info/RECORD"))
        info = record.removesuffix("/RECORD")
        content[f"{info}/INSTALLER"] = b"pip\n"
        content[f"{info}/REQUESTED"] = b""
        rows = [row for row in csv.reader(io.StringIO(content[record].decode())) if row]
        added = [(name, *_hash_and_size(content[name])) for name in (f"{info}/INSTALLER", f"{info}/REQUESTED")]
        content[record] = _csv([*(tuple(row) for row in rows), *added]).encode()
        files.update({f"{_SITE}/{name}": data for name, data in content.items()})
    return files


def _hash_and_size(data: bytes) -> tuple[str, str]:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
    return f"sha256={digest}", str(len(data))


def _csv(rows: Iterable[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
