"""Credentials for registries: where they are taken from, and to which host they belong.

Each comes from a provider that answers for one host at a time, so that no registry is ever given another's.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from gate.errors import InputError, UsageError
from gate.model.origin import DOCKER_HUB

_CONFIG_BYTES = 1024 * 1024
_HUB_KEYS = frozenset({"index.docker.io", "registry-1.docker.io"})
_NO_USER = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """A user and a password, or a refresh token that the registry's token server exchanges. Never shown.

    `own_realm` says that it may be sent to the registry's own host alone, whatever token server the registry names.
    """

    user: str
    password: str = field(repr=False, default="")
    refresh_token: str = field(repr=False, default="")
    own_realm: bool = False


class CredentialProvider(Protocol):
    """Knows credentials for some hosts."""

    def credential(self, host: str) -> Credential | None:
        """Return the credential for the host (`host[:port]`), or None if this provider has none for it.

        Raises:
            InputError: there should be one, but it can't be read.
        """
        ...


class NoCredentials:
    """Every registry is asked anonymously."""

    def credential(self, host: str) -> Credential | None:
        """Return None, whatever the host."""
        del host
        return None


class EnvironmentCredentials:
    """`GATE_REGISTRY_USER` and `GATE_REGISTRY_PASSWORD`, for `GATE_REGISTRY_HOST` and no other host."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        """Read the three variables.

        Raises:
            UsageError: some of them are set and some are not.
        """
        names = ("GATE_REGISTRY_HOST", "GATE_REGISTRY_USER", "GATE_REGISTRY_PASSWORD")
        host, user, password = (environ.get(name, "") for name in names)
        if any((host, user, password)) and not all((host, user, password)):
            missing = ", ".join(name for name in names if not environ.get(name))
            message = f"registry credentials are set in part: {missing} is missing"
            raise UsageError(message, hint="set all three variables or none", code="credentials_in_part")
        self._host = host.lower()
        self._credential = Credential(user=user, password=password)

    def credential(self, host: str) -> Credential | None:
        """Return the credential if the host is the one that it is bound to."""
        return self._credential if self._host and host.lower() == self._host else None


class DockerConfigCredentials:
    """The `auths` of a Docker `config.json`: what `docker login` and `az acr login` write without a helper.

    A credential helper is a program that would have to be run; it is refused, for the host that needs it.
    """

    def __init__(self, path: Path) -> None:
        """Name the file; it is read at the first question, and need not exist."""
        self._path = path

    def credential(self, host: str) -> Credential | None:
        """Return what the file holds for the host.

        Raises:
            InputError: `docker_config_invalid`, or `credential_helper` if only a helper knows the credential.
        """
        config = self._config()
        auths, helpers = config.get("auths", {}), config.get("credHelpers", {})
        if not isinstance(auths, dict) or not isinstance(helpers, dict):
            raise self._invalid()
        if host.lower() in {_host_of(key) for key in helpers}:
            raise self._helper(host)
        entries = [entry for key, entry in auths.items() if _host_of(key) == host.lower()]
        if not entries:
            return None
        if not isinstance(entries[0], dict):
            raise self._invalid()
        found = self._entry(entries[0])
        if found is None and config.get("credsStore"):
            raise self._helper(host)
        return found

    def _config(self) -> dict[str, object]:
        try:
            with self._path.open("rb") as file:
                data = file.read(_CONFIG_BYTES + 1)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        except OSError as error:
            message = f"Docker's configuration can't be read: {error.strerror}"
            raise InputError(message, code="docker_config_invalid", file=self._path) from None
        try:
            config = json.loads(data) if len(data) <= _CONFIG_BYTES else None
        except (ValueError, RecursionError):
            config = None
        if not isinstance(config, dict):
            raise self._invalid()
        return config

    def _entry(self, entry: dict[str, object]) -> Credential | None:
        user, password = entry.get("username", ""), entry.get("password", "")
        if auth := entry.get("auth", ""):
            try:
                user, colon, password = base64.b64decode(str(auth), validate=True).decode().partition(":")
            except ValueError:
                raise self._invalid() from None
            if not colon:
                raise self._invalid()
        token = entry.get("identitytoken", "")
        if not isinstance(user, str) or not isinstance(password, str) or not isinstance(token, str):
            raise self._invalid()
        if token:
            return Credential(user=user or _NO_USER, refresh_token=token)
        return Credential(user=user, password=password.rstrip("\0")) if user else None

    def _invalid(self) -> InputError:
        # The file holds passwords: the message repeats nothing of it.
        message = f"Docker's configuration `{self._path}` is not what Docker writes"
        return InputError(message, hint="log in again", code="docker_config_invalid", file=self._path)

    def _helper(self, host: str) -> InputError:
        message = f"the credential for `{host}` is kept by a helper program, which the gate does not run"
        hint = "set GATE_REGISTRY_HOST, GATE_REGISTRY_USER and GATE_REGISTRY_PASSWORD, or log in without a helper"
        return InputError(message, hint=hint, code="credential_helper", host=host)


class FirstOf:
    """Asks several providers in turn; the first that knows the host answers."""

    def __init__(self, providers: Sequence[CredentialProvider]) -> None:
        """Keep the order."""
        self._providers = tuple(providers)

    def credential(self, host: str) -> Credential | None:
        """Return the first credential that any provider has for the host."""
        for provider in self._providers:
            found = provider.credential(host)
            if found is not None:
                return found
        return None


def default_credentials(environ: Mapping[str, str]) -> CredentialProvider:
    """Return the gate's own variables, then Docker's configuration (`DOCKER_CONFIG`, else `~/.docker`)."""
    home = Path(environ.get("HOME", "~")).expanduser()
    folder = Path(environ["DOCKER_CONFIG"]) if environ.get("DOCKER_CONFIG") else home / ".docker"
    return FirstOf([EnvironmentCredentials(environ), DockerConfigCredentials(folder / "config.json")])


def _host_of(key: str) -> str:
    """Return the host that a key of `auths` names: Docker writes some of them as addresses."""
    host = key.partition("://")[2] or key
    host = host.partition("/")[0].lower()
    return DOCKER_HUB if host in _HUB_KEYS else host
