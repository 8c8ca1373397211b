"""An Azure Container Registry is a store as any other; tokens, locks and deletions are what Azure makes of them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from acr_world.client import AUDIENCE, QUICK, Tokens, acr_client, acr_place, http_of
from azure.core.exceptions import AzureError, ClientAuthenticationError
from registry.contract_store import StoreContract
from servers.images import small_image

from gate.bounds import ImageBounds
from gate.errors import (
    BoundError,
    NotFoundError,
    ThrottledUpstreamError,
    UnauthorizedUpstreamError,
    UpstreamError,
    UsageError,
)
from gate.model.image import ImageRef, Transport
from gate.registry.acr_errors import translated
from gate.registry.acr_tokens import EntraCredentials, entra_token

if TYPE_CHECKING:
    from collections.abc import Callable

    from acr_world.facade import AcrFacade
    from servers.registry import RegistryServer

    from gate.registry.acr import AcrRegistry
    from gate.registry.interface import ImageWriter

HOURS = 3600.0


def pushed(facade: AcrFacade, tag: str = "1", data: bytes = b"layer") -> tuple[AcrRegistry, ImageRef]:
    store = acr_client(facade)
    return store, small_image(data).push(store, acr_place(facade).model_copy(update={"tag": tag}))


class TestAzureContainerRegistry(StoreContract):
    """Through `/oauth2/exchange`, `/oauth2/token` and Microsoft's library."""

    @pytest.fixture
    def store(self, acr: AcrFacade) -> ImageWriter:
        """Sign in with an Entra token."""
        return acr_client(acr)

    @pytest.fixture
    def place(self, acr: AcrFacade) -> Callable[[str], ImageRef]:
        """Name repositories of this test's own."""
        own = acr_place(acr)
        return lambda name: own.model_copy(update={"repository": f"{own.repository}/{name}"})


def test_an_entra_token_is_exchanged_once_for_many_questions(acr: AcrFacade) -> None:
    tokens = Tokens(token=acr.state.sign_in())
    store = acr_client(acr, tokens)
    ref = small_image(b"once").push(store, acr_place(acr).model_copy(update={"tag": "1"}))
    for _ in range(3):
        store.manifest(ref)
    assert acr.state.exchanges == 1
    assert tokens.scopes == [f"{AUDIENCE}/.default"]


def test_a_refresh_token_that_grows_old_is_exchanged_anew_and_not_kept_for_ever(acr: AcrFacade) -> None:
    """What Microsoft's library gets wrong: an idle service would end in 401 until it is started again."""
    now = [time.time()]
    store = acr_client(acr, clock=lambda: now[0])
    ref = small_image(b"old").push(store, acr_place(acr).model_copy(update={"tag": "1"}))
    now[0] += 3 * HOURS - 299
    acr.state.revoke()
    store.manifest(ref)
    assert acr.state.exchanges == 2


def test_microsofts_library_is_asked_with_a_client_of_its_own_each_time(acr: AcrFacade) -> None:
    store, ref = pushed(acr)
    before = acr.state.exchanges
    acr.state.refresh_seconds = 10
    for _ in range(3):
        assert store.tags(ref) == ("1",)
    assert acr.state.exchanges == before + 3


def test_an_access_token_that_ended_is_renewed(acr: AcrFacade) -> None:
    store, ref = pushed(acr)
    acr.state.revoke()
    assert store.manifest(ref).digest == ref.digest
    assert acr.state.exchanges == 1


def test_who_azure_does_not_know_gets_nothing_and_is_told_which_roles_to_ask_for(acr: AcrFacade) -> None:
    store = acr_client(acr, Tokens(token="entra-nobody"))  # noqa: S106 - a token that opens nothing
    with pytest.raises(UnauthorizedUpstreamError) as caught:
        store.resolve(acr_place(acr).model_copy(update={"tag": "1"}))
    assert caught.value.error_code == "acr_refused"
    assert "Repository Reader" in caught.value.hint
    assert "entra-nobody" not in f"{caught.value.message} {caught.value.facts}"
    with pytest.raises(UnauthorizedUpstreamError):
        store.tags(acr_place(acr))


def test_who_may_only_read_changes_nothing(acr: AcrFacade) -> None:
    store, ref = pushed(acr)
    acr.state.actions = {"pull", "metadata_read"}
    reader = acr_client(acr)
    assert reader.tags(ref) == ("1",)
    with pytest.raises(UnauthorizedUpstreamError):
        reader.delete_manifest(ref)
    with pytest.raises(UnauthorizedUpstreamError):
        reader.put_manifest(ref, store.manifest(ref))
    with pytest.raises(UnauthorizedUpstreamError):
        reader.set_locks(ref, write=False, delete=False)
    assert store.manifest(ref).digest == ref.digest


def test_the_token_goes_to_the_named_hosts_and_to_no_other(acr: AcrFacade, registry: RegistryServer) -> None:
    tokens = Tokens(token=acr.state.sign_in())
    credentials = EntraCredentials(http_of(acr), lambda: tokens, [acr.host], audience=AUDIENCE)
    assert credentials.credential(registry.host) is None
    assert credentials.credential("evil.example") is None
    assert tokens.scopes == []
    found = credentials.credential(acr.host.upper())
    assert found is not None
    assert found.refresh_token not in repr(found)
    store = acr_client(acr, tokens)
    elsewhere = ImageRef(transport=Transport.REGISTRY, repository=f"{registry.host}/nowhere")
    assert store.tags(elsewhere) == ()
    assert acr.state.exchanges == 1


def test_a_registry_that_names_a_token_server_elsewhere_gets_no_token(acr: AcrFacade) -> None:
    acr.state.realm = "https://collector.example/oauth2/token"
    with pytest.raises(UpstreamError) as caught:
        acr_client(acr).resolve(acr_place(acr).model_copy(update={"tag": "1"}))
    assert caught.value.error_code == "bad_realm"
    assert not any("/oauth2/token" in line for line in acr.state.requests)


def test_a_token_that_is_none_is_refused(acr: AcrFacade) -> None:
    for body in (b"{}", b'{"refresh_token": "two words"}', b'{"refresh_token": 1}'):
        acr.state.fail("POST /oauth2/exchange", 200, body=body)
        with pytest.raises(UpstreamError) as caught:
            acr_client(acr).resolve(acr_place(acr).model_copy(update={"tag": "1"}))
        assert caught.value.error_code == "bad_token"


@pytest.mark.parametrize("token", ["plain", "a.b.c", "a.e30.c", "a.eyJleHAiOiB7fX0.c"])
def test_a_refresh_token_that_does_not_say_when_it_ends_is_not_kept(acr: AcrFacade, token: str) -> None:
    credentials = EntraCredentials(
        http_of(acr), lambda: Tokens(token=acr.state.sign_in()), [acr.host], audience=AUDIENCE
    )
    acr.state.fail("POST /oauth2/exchange", 200, body=b'{"refresh_token": "%s"}' % token.encode(), times=2)
    for _ in range(2):
        found = credentials.credential(acr.host)
        assert found is not None
        assert found.refresh_token == token
    assert sum("/oauth2/exchange" in line for line in acr.state.requests) == 2


class Failing:
    def __init__(self, error: Exception) -> None:
        self._error = error

    def get_token(self, *_: str) -> object:
        raise self._error


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        (ClientAuthenticationError(message="no"), UnauthorizedUpstreamError, "azure_sign_in_refused"),
        (AzureError("no network"), UpstreamError, "azure_sign_in_failed"),
        (OSError("no file"), UpstreamError, "azure_sign_in_failed"),
        (NotFoundError("ours"), NotFoundError, "not_found"),
    ],
)
def test_azure_that_signs_nobody_in_is_said(error: Exception, kind: type[UpstreamError], code: str) -> None:
    with pytest.raises(kind) as caught:
        entra_token(Failing(error), "scope")
    assert caught.value.error_code == code


def test_tags_are_read_page_by_page_to_the_end(acr: AcrFacade) -> None:
    store, ref = pushed(acr)
    for number in range(5):
        store.put_manifest(ref.model_copy(update={"tag": f"t{number}"}), store.manifest(ref))
    acr.state.page = 2
    assert store.tags(ref) == ("1", "t0", "t1", "t2", "t3", "t4")
    assert sum("_tags?" in line for line in acr.state.requests) >= 3
    with pytest.raises(BoundError) as caught:
        acr_client(acr, bounds=ImageBounds(tags=3)).tags(ref)
    assert caught.value.error_code == "too_many_tags"


def test_a_page_that_leads_to_itself_ends_at_the_bound(acr: AcrFacade) -> None:
    store, ref = pushed(acr)
    path = ref.repository.partition("/")[2]
    body = b'{"registry": "x", "imageName": "y", "tags": []}'
    link = f'</acr/v1/{path}/_tags?n=1>; rel="next"'
    acr.state.fail("GET /acr/v1/.*_tags", 200, body=body, times=100, Link=link, Content_Type="application/json")
    del store
    with pytest.raises(BoundError):
        acr_client(acr, bounds=ImageBounds(tags=5)).tags(ref)


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (429, ThrottledUpstreamError, "upstream_throttled"),
        (403, UnauthorizedUpstreamError, "upstream_forbidden"),
        (404, UpstreamError, "not_a_registry"),
        (500, UpstreamError, "upstream_failed"),
    ],
)
def test_a_list_that_was_not_given_is_never_an_empty_one(
    acr: AcrFacade, status: int, kind: type[UpstreamError], code: str
) -> None:
    """A 404 too: it is an absence only by the registry's own word, and a proxy's page is none."""
    store, ref = pushed(acr)
    acr.state.fail("GET /acr/v1/", status, times=10, Retry_After="0", body=b"<html>")
    with pytest.raises(kind) as caught:
        store.tags(ref)
    assert type(caught.value) is kind
    assert caught.value.error_code == code or status == 500
    with pytest.raises(kind):
        store.locks(ref)


def test_a_wait_that_the_registry_asks_for_is_kept_and_then_it_answers(acr: AcrFacade) -> None:
    store, ref = pushed(acr)
    acr.state.fail("GET /acr/v1/", 429, Retry_After="0")
    assert store.tags(ref) == ("1",)
    acr.state.fail("GET /v2/", 429, Retry_After="0")
    assert store.manifest(ref).digest == ref.digest


@pytest.mark.parametrize("body", [b"not json", b'{"tags": 3}', b"[]"])
def test_an_answer_that_is_no_list_is_an_error_and_not_an_empty_list(acr: AcrFacade, body: bytes) -> None:
    store, ref = pushed(acr)
    acr.state.fail("GET /acr/v1/", 200, body=body, times=4, Content_Type="application/json")
    with pytest.raises(UpstreamError):
        store.tags(ref)


def test_an_answer_larger_than_the_bound_is_refused(acr: AcrFacade) -> None:
    _, ref = pushed(acr)
    acr.state.fail("GET /acr/v1/", 200, body=b" " * 5000, times=4, Content_Type="application/json")
    small = acr_client(acr, http=replace(QUICK, answer_bytes=4000))
    with pytest.raises((BoundError, UpstreamError)):
        small.tags(ref)


def test_a_registry_that_can_not_be_reached_is_an_error(acr: AcrFacade) -> None:
    with pytest.raises(UpstreamError), translated(acr_place(acr)):
        raise AzureError(message="connection refused")


def test_a_failure_of_no_status_is_an_error(acr: AcrFacade) -> None:
    from azure.core.exceptions import HttpResponseError  # noqa: PLC0415 - one test needs it

    with pytest.raises(UpstreamError) as caught, translated(acr_place(acr)):
        raise HttpResponseError(message="cut off")
    assert caught.value.error_code == "azure_answer_unreadable"
    with pytest.raises(UpstreamError), translated(acr_place(acr)):
        raise KeyError


def test_locks_are_read_and_set_on_digests_and_tags_apart(acr: AcrFacade) -> None:
    store, ref = pushed(acr)
    client = acr_client(acr)
    tag = ref.model_copy(update={"digest": None})
    assert client.locks(ref).deletable
    assert not client.set_locks(ref, write=False, delete=False).deletable
    assert client.locks(tag).deletable
    assert not client.set_locks(tag, write=False, delete=True).deletable
    assert client.set_locks(ref, write=True, delete=True).deletable
    with pytest.raises(NotFoundError):
        client.locks(ref.at("sha256:" + "0" * 64))
    with pytest.raises(NotFoundError):
        client.locks(tag.model_copy(update={"tag": "none"}))
    del store


def test_what_is_no_azure_registry_has_no_locks(acr: AcrFacade, registry: RegistryServer) -> None:
    ref = ImageRef(transport=Transport.REGISTRY, repository=f"{registry.host}/app", tag="1")
    with pytest.raises(UsageError) as caught:
        acr_client(acr).locks(ref)
    assert caught.value.error_code == "not_acr"
    with pytest.raises(UsageError):
        acr_client(acr).locks(ImageRef(transport=Transport.OCI_LAYOUT, repository="/x", tag="1"))


@pytest.mark.parametrize(("write", "delete"), [(False, True), (True, False), (False, False)])
def test_a_locked_manifest_is_not_deleted_and_that_is_said(acr: AcrFacade, *, write: bool, delete: bool) -> None:
    store, ref = pushed(acr)
    acr_client(acr).set_locks(ref, write=write, delete=delete)
    with pytest.raises(UpstreamError) as caught:
        store.delete_manifest(ref)
    assert caught.value.error_code == "manifest_locked"
    assert not any(line.startswith("DELETE") for line in acr.state.requests)
    assert store.manifest(ref).digest == ref.digest


def test_a_404_that_is_not_the_registrys_word_is_no_deletion(acr: AcrFacade) -> None:
    """Microsoft's library would call it a success."""
    store, ref = pushed(acr)
    acr.state.fail("DELETE /v2/", 404, body=b"<html>gone</html>")
    with pytest.raises(UpstreamError) as caught:
        store.delete_manifest(ref)
    assert caught.value.error_code == "not_a_registry"
    assert store.manifest(ref).digest == ref.digest


def test_deleting_what_is_gone_is_no_error_and_takes_its_tags_and_referrers(acr: AcrFacade) -> None:
    store, ref = pushed(acr)
    store.put_manifest(ref.model_copy(update={"tag": "again"}), store.manifest(ref))
    store.delete_manifest(ref)
    store.delete_manifest(ref)
    assert store.tags(ref) == ()
    with pytest.raises(NotFoundError):
        store.manifest(ref)


def test_a_tag_that_is_locked_against_writing_is_not_moved(acr: AcrFacade) -> None:
    store, ref = pushed(acr)
    acr_client(acr).set_locks(ref.model_copy(update={"digest": None}), write=False, delete=True)
    other = small_image(b"other")
    with pytest.raises(UpstreamError):
        other.push(store, ref.model_copy(update={"digest": None}))
    assert store.resolve(ref.model_copy(update={"digest": None})) == ref.digest
