"""Who the gate is to Azure: a workload's federated token, a client's secret or certificate, or a managed identity.

One of them, chosen by what is set and said by name. No chain that tries one after another: what it would report when
the network fails can't be told from a refusal. Developer sign-ins run programs of the search path and are left out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from gate.errors import GateError, UnauthorizedUpstreamError, UpstreamError
from gate.model.redact import redact

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gate.bounds import HttpBounds
    from gate.cloud import Cloud

_MESSAGE_CHARACTERS = 300


class Identity(Protocol):
    """Gives tokens for Azure Resource Manager."""

    @property
    def kind(self) -> str:
        """Say what kind of identity it is, in words for people."""
        ...

    @property
    def credential(self) -> Any:  # noqa: ANN401 - azure-core's protocol, which is not there without the extra
        """Return the credential as the SDK takes it."""
        ...

    def token(self) -> str:
        """Return a token that is good for some minutes.

        Raises:
            UnauthorizedUpstreamError: the identity is refused (`azure_sign_in_refused`).
            UpstreamError: it can't be asked for (`azure_sign_in_failed`).
        """
        ...


class AzureIdentity:
    """The identity that the environment describes, by azure-identity; tokens are kept by the library until they age."""

    def __init__(self, cloud: Cloud, tenant: str, environ: Mapping[str, str], bounds: HttpBounds) -> None:
        """Choose by what is set; nothing is asked yet.

        Args:
            cloud: whose authority gives the token.
            tenant: the one tenant whose tokens are wanted.
            environ: `AZURE_CLIENT_ID` and, in this order, `AZURE_FEDERATED_TOKEN_FILE`, `AZURE_CLIENT_SECRET` or
                `AZURE_CLIENT_CERTIFICATE_PATH`; else a managed identity.
            bounds: how long to wait.
        """
        self._cloud = cloud
        self._tenant = tenant
        self._environ = environ
        self._bounds = bounds
        self._made: Any = None

    @property
    def kind(self) -> str:
        """Say what kind of identity it is, in words for people."""
        client = self._environ.get("AZURE_CLIENT_ID", "")
        if client and self._environ.get("AZURE_FEDERATED_TOKEN_FILE"):
            return f"workload identity of client {client}"
        if client and self._environ.get("AZURE_CLIENT_SECRET"):
            return f"secret of client {client}"
        if client and self._environ.get("AZURE_CLIENT_CERTIFICATE_PATH"):
            return f"certificate of client {client}"
        return f"managed identity {client}".rstrip()

    @property
    def credential(self) -> Any:  # noqa: ANN401 - as in the interface
        """Return the credential, made once.

        Raises:
            UpstreamError: what is set can't be used (`azure_sign_in_failed`).
        """
        if self._made is None:
            try:
                self._made = self._make()
            except (ValueError, OSError) as error:
                message = f"the {self.kind} can't be used: {_short(error)}"
                raise UpstreamError(message, code="azure_sign_in_failed", hint="see the AZURE_… variables") from None
        return self._made

    def token(self, scope: str = "") -> str:
        """Return a token for Resource Manager, or for another scope; see the interface."""
        credential = self.credential
        from azure.core.exceptions import AzureError, ClientAuthenticationError  # noqa: PLC0415 - an extra, and slow

        try:
            token: str = credential.get_token(scope or self._cloud.scope).token
        except GateError:
            raise
        except (AzureError, OSError, ValueError) as error:
            # The library calls a network that fails an authentication that failed; only its cause tells the two apart.
            if isinstance(error, ClientAuthenticationError) and error.__cause__ is None:
                message = f"Azure does not sign the {self.kind} in: {_short(error)}"
                hint = "check the AZURE_… variables, the tenant and the identity's federation or secret"
                raise UnauthorizedUpstreamError(message, code="azure_sign_in_refused", hint=hint) from None
            message, hint = f"Azure can't be asked to sign the {self.kind} in: {_short(error)}", "check the network"
            raise UpstreamError(message, code="azure_sign_in_failed", hint=hint) from None
        return token

    def _make(self) -> Any:  # noqa: ANN401 - as above
        from azure.identity import (  # noqa: PLC0415 - as above
            CertificateCredential,
            ClientSecretCredential,
            ManagedIdentityCredential,
            WorkloadIdentityCredential,
        )

        from gate.findings.defender.sdk import bounded_transport  # noqa: PLC0415 - needs the extra too

        environ = self._environ
        client = environ.get("AZURE_CLIENT_ID", "")
        common: dict[str, Any] = {
            "transport": bounded_transport(self._bounds),
            "retry_total": self._bounds.attempts - 1,
        }
        if not client or not any(environ.get(key) for key in _PROOFS):
            return ManagedIdentityCredential(client_id=client or None, **common)
        common |= {"authority": self._cloud.authority, "disable_instance_discovery": self._cloud.private}
        if file := environ.get("AZURE_FEDERATED_TOKEN_FILE"):
            return WorkloadIdentityCredential(tenant_id=self._tenant, client_id=client, token_file_path=file, **common)
        if secret := environ.get("AZURE_CLIENT_SECRET"):
            return ClientSecretCredential(self._tenant, client, secret, **common)
        return CertificateCredential(self._tenant, client, environ["AZURE_CLIENT_CERTIFICATE_PATH"], **common)


_PROOFS = ("AZURE_FEDERATED_TOKEN_FILE", "AZURE_CLIENT_SECRET", "AZURE_CLIENT_CERTIFICATE_PATH")


def _short(error: Exception) -> str:
    return redact(" ".join(str(error).split()))[:_MESSAGE_CHARACTERS] or type(error).__name__
