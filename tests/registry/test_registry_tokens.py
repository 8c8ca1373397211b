"""Against registries that ask who we are: tokens, basic credentials, nobody; and nothing to anybody else."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
from servers import registry as registries
from servers import tokens as token_servers
from servers.faulty import FaultyServer, Reply
from servers.images import small_image
from servers.registry import RegistryServer
from servers.tokens import Asked, TokenServer

from gate.errors import UnauthorizedUpstreamError, UpstreamError
from gate.http.client import HttpClient
from gate.model.image import ImageRef
from gate.registry.auth import Credential, EnvironmentCredentials, NoCredentials
from gate.registry.reference import parse_image_ref
from gate.registry.remote import RemoteRegistry

REFUSE = {"WWW-Authenticate": 'Basic realm="test"'}


class _For:
    """Knows one credential for one host."""

    def __init__(self, host: str, credential: Credential) -> None:
        self._known = {host: credential}

    def credential(self, host: str) -> Credential | None:
        return self._known.get(host)


@pytest.fixture
def client() -> Iterator[HttpClient]:
    made = HttpClient(sleep=lambda _: None)
    yield made
    made.close()


@pytest.fixture
def place(token_registry: RegistryServer, request: pytest.FixtureRequest) -> ImageRef:
    return parse_image_ref(f"{token_registry.host}/tokens/{request.node.originalname.replace('_', '-')}:1")


def _alice(host: str) -> _For:
    return _For(host, Credential(user=token_servers.USER, password=token_servers.PASSWORD))


def test_with_a_token_an_image_is_pushed_copied_read_and_deleted(
    client: HttpClient, token_registry: RegistryServer, tokens: TokenServer, place: ImageRef
) -> None:
    remote = RemoteRegistry(client, _alice(token_registry.host), chunk_bytes=100)
    image = small_image(b"token" * 100)
    pinned = image.push(remote, place)
    release = place.model_copy(update={"repository": f"{place.repository}/release"})
    for descriptor, _ in image.blobs:
        remote.copy_blob(place, release, descriptor)
    remote.put_manifest(release, image.manifest)
    assert remote.manifest(pinned) == image.manifest
    assert remote.tags(place) == ("1",)
    with remote.blob(release, image.layer[0]) as stream:
        assert stream.read() == image.layer[1]
    remote.delete_manifest(pinned)
    assert remote.tags(place) == ()
    assert remote.resolve(release) == image.manifest.digest
    path = place.repository.partition("/")[2]
    asked = [entry for entry in tokens.asked if any(path in scope for scope in entry.scopes)]
    assert {entry.user for entry in asked} == {token_servers.USER}
    assert Asked(user=token_servers.USER, scopes=(f"repository:{path}:delete",)) in asked


def test_a_token_is_asked_for_once_a_scope_and_then_kept(
    client: HttpClient, token_registry: RegistryServer, tokens: TokenServer, place: ImageRef
) -> None:
    remote = RemoteRegistry(client, _alice(token_registry.host))
    image = small_image(b"kept")
    image.push(remote, place)
    image.push(remote, place)
    path = place.repository.partition("/")[2]
    assert [entry for entry in tokens.asked if f"repository:{path}:pull,push" in entry.scopes] == [
        Asked(user=token_servers.USER, scopes=(f"repository:{path}:pull,push",))
    ]


def test_a_token_that_ran_out_is_not_used_again(
    client: HttpClient, token_registry: RegistryServer, tokens: TokenServer, place: ImageRef
) -> None:
    now = [0.0]
    remote = RemoteRegistry(client, _alice(token_registry.host), clock=lambda: now[0])
    small_image(b"ran out").push(remote, place)
    before = len(tokens.asked)
    remote.tags(place)
    remote.tags(place)
    assert len(tokens.asked) == before + 1
    now[0] = 295.0
    remote.tags(place)
    assert len(tokens.asked) == before + 2


def test_a_token_that_the_registry_no_longer_takes_is_renewed_once(
    client: HttpClient, token_registry: RegistryServer, tokens: TokenServer, place: ImageRef
) -> None:
    remote = RemoteRegistry(client, _alice(token_registry.host))
    image = small_image(b"renewed")
    image.push(remote, place)
    other = RemoteRegistry(client, _alice(token_registry.host))
    tokens.spoiled = 1
    with pytest.raises(UnauthorizedUpstreamError):
        other.resolve(place)
    before = len(tokens.asked)
    assert other.resolve(place) == image.manifest.digest
    assert len(tokens.asked) == before + 1
    tokens.spoiled = 2
    third = RemoteRegistry(client, _alice(token_registry.host))
    with pytest.raises(UnauthorizedUpstreamError):
        third.resolve(place)
    with pytest.raises(UnauthorizedUpstreamError), third.blob(place, image.layer[0]):
        pytest.fail("the block must not be entered")
    with third.blob(place, image.layer[0]) as stream:
        assert stream.read() == image.layer[1]


def test_a_refresh_token_is_exchanged(client: HttpClient, token_registry: RegistryServer, place: ImageRef) -> None:
    refresh = Credential(user="00000000", refresh_token=token_servers.REFRESH_TOKEN)
    remote = RemoteRegistry(client, _For(token_registry.host, refresh))
    image = small_image(b"refresh")
    image.push(remote, place)
    assert remote.resolve(place) == image.manifest.digest


def test_nobody_may_read_what_is_public_and_nothing_else(
    client: HttpClient, token_registry: RegistryServer, tokens: TokenServer, place: ImageRef
) -> None:
    public = parse_image_ref(f"{token_registry.host}/public/app:1")
    image = small_image(b"public")
    for ref in (public, place):
        image.push(RemoteRegistry(client, _alice(token_registry.host)), ref)
    nobody = RemoteRegistry(client, NoCredentials())
    before = len(tokens.asked)
    assert nobody.resolve(public) == image.manifest.digest
    assert {entry.user for entry in tokens.asked[before:]} == {""}
    for refused in (
        lambda: nobody.resolve(place),
        lambda: nobody.delete_manifest(public.at(image.manifest.digest)),
        lambda: nobody.upload_blob(public, image.layer[0], io.BytesIO(image.layer[1])),
        lambda: nobody.put_manifest(public.model_copy(update={"tag": "2"}), image.manifest),
    ):
        with pytest.raises(UnauthorizedUpstreamError):
            refused()
    assert nobody.tags(public) == ("1",)


@pytest.mark.parametrize(
    "credential",
    [
        Credential(user=token_servers.USER, password="wrong"),  # noqa: S106 - made up
        Credential(user="", refresh_token="wrong"),  # noqa: S106 - made up
    ],
)
def test_wrong_credentials_are_refused_and_not_shown(
    client: HttpClient, token_registry: RegistryServer, place: ImageRef, credential: Credential
) -> None:
    remote = RemoteRegistry(client, _For(token_registry.host, credential))
    with pytest.raises(UnauthorizedUpstreamError) as caught:
        remote.resolve(place)
    assert "wrong" not in str(caught.value) + str(caught.value.facts)


def test_one_registrys_credentials_are_never_given_to_another(
    client: HttpClient, token_registry: RegistryServer, tokens: TokenServer, faulty: FaultyServer
) -> None:
    faulty.on("/v2/", Reply())
    faulty.on("/v2/app/manifests/1", Reply(status=401, headers=REFUSE))
    remote = RemoteRegistry(client, _alice(token_registry.host))
    before = len(tokens.asked)
    with pytest.raises(UnauthorizedUpstreamError) as caught:
        remote.resolve(parse_image_ref(f"{faulty.host}/app:1"))
    assert "GATE_REGISTRY_HOST" in caught.value.hint
    assert all("authorization" not in seen.headers for seen in faulty.seen)
    assert len(tokens.asked) == before


def test_basic_credentials_are_sent_where_they_are_asked_for(
    client: HttpClient, htpasswd_registry: RegistryServer
) -> None:
    environ = {
        "GATE_REGISTRY_HOST": htpasswd_registry.host,
        "GATE_REGISTRY_USER": registries.HTPASSWD_USER,
        "GATE_REGISTRY_PASSWORD": registries.HTPASSWD_PASSWORD,
    }
    place = parse_image_ref(f"{htpasswd_registry.host}/basic:1")
    remote = RemoteRegistry(client, EnvironmentCredentials(environ))
    image = small_image(b"basic")
    image.push(remote, place)
    assert remote.resolve(place) == image.manifest.digest
    with remote.blob(place, image.layer[0]) as stream:
        assert stream.read() == image.layer[1]


@pytest.mark.parametrize(
    "credential",
    [
        None,
        Credential(user=registries.HTPASSWD_USER, password="wrong"),  # noqa: S106 - made up
        Credential(user=registries.HTPASSWD_USER, refresh_token="refresh"),  # noqa: S106 - made up
    ],
)
def test_a_registry_with_basic_credentials_refuses_all_others(
    client: HttpClient, htpasswd_registry: RegistryServer, credential: Credential | None
) -> None:
    provider = NoCredentials() if credential is None else _For(htpasswd_registry.host, credential)
    with pytest.raises(UnauthorizedUpstreamError):
        RemoteRegistry(client, provider).resolve(parse_image_ref(f"{htpasswd_registry.host}/basic:1"))


@pytest.mark.parametrize(
    "answer",
    [
        b"{}",
        b"[]",
        b'{"token": 1}',
        b'{"token": ""}',
        b'{"token": "a b"}',
        b'{"token": "a\\r\\nX-Evil: 1"}',
        b"not json",
    ],
)
def test_a_token_server_that_gives_no_token_is_an_error(
    client: HttpClient, faulty: FaultyServer, answer: bytes
) -> None:
    realm = faulty.on("/token", Reply(body=answer))
    faulty.on("/v2/app/manifests/1", Reply(status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}"'}))
    with pytest.raises(UpstreamError) as caught:
        RemoteRegistry(client, NoCredentials()).resolve(parse_image_ref(f"{faulty.host}/app:1"))
    assert caught.value.error_code in {"bad_token", "upstream_not_json"}
    assert len(faulty.requests("/v2/app/manifests/1")) == 1


@pytest.mark.parametrize("life", ["", ', "expires_in": -5', ', "expires_in": "300"', ', "expires_in": 1e9'])
def test_a_token_without_a_sensible_life_lives_a_minute(client: HttpClient, faulty: FaultyServer, life: str) -> None:
    now = [0.0]
    realm = faulty.on("/token", Reply(body=f'{{"access_token": "abc"{life}}}'.encode()))
    refusal = Reply(status=401, headers={"WWW-Authenticate": f'Bearer realm="{realm}?a=b",service="s"'})
    page = Reply(body=b'{"tags": ["1"]}')
    faulty.on("/v2/app/tags/list", refusal, page, page, refusal, page)
    remote = RemoteRegistry(client, NoCredentials(), clock=lambda: now[0])
    place = parse_image_ref(f"{faulty.host}/app:1")
    remote.tags(place)
    now[0] = 49.0
    remote.tags(place)
    now[0] = 51.0
    remote.tags(place)
    sent = [seen.headers.get("authorization") for seen in faulty.requests("/v2/app/tags/list")]
    assert sent == [None, "Bearer abc", "Bearer abc", None, "Bearer abc"]
    assert [seen.path for seen in faulty.requests("/token")] == [
        "/token?a=b&service=s&scope=repository%3Aapp%3Apull"
    ] * 2


def test_a_scope_is_widened_for_the_same_repository_alone(client: HttpClient, faulty: FaultyServer) -> None:
    realm = faulty.on("/token", Reply(body=b'{"token": "abc"}'))
    scope = "repository:app:pull,metadata_read repository:other:push registry:catalog:*"
    challenge = f'Bearer realm="{realm}",scope="{scope}"'
    faulty.on(
        "/v2/app/tags/list",
        Reply(status=401, headers={"WWW-Authenticate": challenge}),
        Reply(body=b'{"tags": []}'),
    )
    assert RemoteRegistry(client, NoCredentials()).tags(parse_image_ref(f"{faulty.host}/app:1")) == ()
    [seen] = faulty.requests("/token")
    assert seen.path == "/token?scope=repository%3Aapp%3Apull&scope=repository%3Aapp%3Ametadata_read"
