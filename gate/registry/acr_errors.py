"""What goes wrong in Microsoft's library, as the gate's errors; a 404 is an absence by the registry's word alone."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from gate.errors import GateError, NotFoundError, UpstreamError
from gate.http.answer import Answer
from gate.http.translate import refusal
from gate.registry.acr_tokens import short
from gate.registry.reference import split_repository
from gate.registry.remote_wire import error_codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from azure.core.exceptions import HttpResponseError

    from gate.model.image import ImageRef

_ABSENT = frozenset({"NAME_UNKNOWN", "MANIFEST_UNKNOWN", "TAG_UNKNOWN"})


@contextmanager
def translated(ref: ImageRef) -> Iterator[None]:
    """Turn what the library raises in the block into the gate's errors.

    Raises:
        NotFoundError: the registry says that the repository, manifest or tag is unknown.
        UnauthorizedUpstreamError: 401 or 403.
        ThrottledUpstreamError: 429, after all tries.
        UpstreamError: anything else that the library raises.
    """
    from azure.core.exceptions import AzureError, HttpResponseError  # noqa: PLC0415 - an extra, and slow

    host, _ = split_repository(ref.repository)
    try:
        yield
    except GateError:
        raise
    except HttpResponseError as error:
        raise _refused(error, host, ref) from None
    except AzureError as error:
        message = f"`{host}` can't be asked: {short(error)}"
        raise UpstreamError(message, code="upstream_unreachable", hint="check the network, then try again") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # What the library can't make sense of, it says in any of these.
        message = f"the Azure library failed at an answer of `{host}`: {type(error).__name__}"
        raise UpstreamError(message, code="azure_answer_unreadable") from None


def _refused(error: HttpResponseError, host: str, ref: ImageRef) -> GateError:
    url = f"https://{host}/acr/v1"
    if error.status_code is None or error.response is None:
        message = f"`{host}` answered what can't be read: {short(error)}"
        return UpstreamError(message, code="azure_answer_unreadable")
    body: bytes = error.response.body()  # type: ignore[attr-defined] # every response of azure-core has it
    told = Answer(url=url, status=error.status_code, headers={}, body=body)
    failure = refusal(told.status, url, {}, told.body, missing=f"`{ref}`")
    if isinstance(failure, NotFoundError) and not error_codes(told) & _ABSENT:
        message = f"`{host}` answered 404, but not as a registry does"
        return UpstreamError(message, hint="check the registry's address", code="not_a_registry", url=url)
    return failure
