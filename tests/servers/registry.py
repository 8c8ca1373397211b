"""The real registry (the distribution project's `docker-registry`) on a free port of this machine, for one test run."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from servers.cache import cache_folder
from servers.certificates import Certificate
from servers.processes import ServerError, running
from servers.tokens import ISSUER, SERVICE, TokenServer

HTPASSWD_USER, HTPASSWD_PASSWORD = "alice", "open-sesame"
_HTPASSWD_LINE = "alice:$2b$05$abcdefghijklmnopqrstuutXu9KzOt.1yBoZUeFWoT/914/JfszCO\n"
_LISTENING = re.compile(r'msg="listening on [^"]*:(\d+)')


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistryServer:
    """A running registry: `host` is `127.0.0.1:port`, `folder` its storage, `log` what it said."""

    host: str
    folder: Path
    log: Path


def registry_program() -> str:
    """Return the registry's program: the machine's own, or the one that the set-up took out of its image.

    Raises:
        ServerError: there is none.
    """
    kept = cache_folder() / "docker-registry"
    program = shutil.which("docker-registry") or shutil.which("registry") or (str(kept) if kept.exists() else None)
    if program is None:
        message = "no `docker-registry` program here: run `make servers`"
        raise ServerError(message)
    return program


@contextlib.contextmanager
def registry_server(
    folder: Path,
    *,
    auth: Mapping[str, object] | None = None,
    tls: Certificate | None = None,
    delete: bool = True,
    urls: tuple[str, ...] = (),
) -> Iterator[RegistryServer]:
    """Run a registry that keeps its images below `folder`; it deletes, unless told not to.

    It takes layers that lie at addresses which match one of `urls`.
    """
    http: dict[str, object] = {"addr": "127.0.0.1:0", "relativeurls": True}
    if tls is not None:
        http["tls"] = {"certificate": str(tls.certificate), "key": str(tls.key)}
    config: dict[str, object] = {
        "version": "0.1",
        "log": {"level": "info"},
        "storage": {"filesystem": {"rootdirectory": str(folder / "images")}, "delete": {"enabled": delete}},
        "http": http,
    }
    if auth is not None:
        config["auth"] = dict(auth)
    if urls:
        config["validation"] = {"manifests": {"urls": {"allow": list(urls)}}}
    file, log = folder / "config.yml", folder / "registry.log"
    file.write_text(json.dumps(config))

    def listening() -> bool:
        return _LISTENING.search(log.read_text(errors="replace")) is not None

    # The registry chooses its own port and writes it down: no port is taken twice, however many run at once.
    with running([registry_program(), "serve", str(file)], log, ready=listening):
        match = _LISTENING.search(log.read_text(errors="replace"))
        assert match is not None
        yield RegistryServer(host=f"127.0.0.1:{match[1]}", folder=folder / "images", log=log)


def htpasswd_auth(folder: Path) -> Mapping[str, object]:
    """Return the settings of basic authentication with the one user `HTPASSWD_USER`."""
    file = folder / "htpasswd"
    file.write_text(_HTPASSWD_LINE)
    return {"htpasswd": {"realm": "gate-tests", "path": str(file)}}


def token_auth(tokens: TokenServer) -> Mapping[str, object]:
    """Return the settings of token authentication through that token server."""
    bundle = str(tokens.certificate.authority)
    return {"token": {"realm": tokens.realm, "service": SERVICE, "issuer": ISSUER, "rootcertbundle": bundle}}
