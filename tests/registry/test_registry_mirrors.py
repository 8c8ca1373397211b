"""Mirrors, proxies and Azure's registries are settings; what counts as a registry stays policy's to say."""

from __future__ import annotations

import http.client
import select
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from acr_world.client import acr_place
from servers.images import small_image

from gate.cloud import CLOUDS
from gate.config import load_config
from gate.errors import PolicyError, UpstreamError, UsageError
from gate.model.image import ImageRef, Transport
from gate.policy.schema import ImageRegistry
from gate.policy.source import load_policy
from gate.registry.acr import AcrRegistry
from gate.registry.layout import OciLayout
from gate.registry.mirrors import MirroredReader, mirrors_for
from gate.registry.remote import RemoteRegistry
from gate.wiring_stores import Stores, open_reader, open_writer

if TYPE_CHECKING:
    from pathlib import Path

    from acr_world.facade import AcrFacade
    from servers.registry import RegistryServer

    from gate.policy.schema import Policy

TENANT = "00000000-0000-0000-0000-000000000001"
NOWHERE = "bases.example.invalid"


def listing(*mirrors: str, host: str = NOWHERE) -> Policy:
    known = load_policy()
    entry = ImageRegistry(host=host, mirrors=mirrors)
    return known.model_copy(update={"safelist": known.safelist.model_copy(update={"image_registries": (entry,)})})


def pushed(registry: RegistryServer) -> tuple[str, ImageRef]:
    """Push an image into a mirror's folder and return that folder and the ref in the registry that it mirrors."""
    prefix = f"{registry.host}/{uuid.uuid4().hex}"
    mirrored = ImageRef(transport=Transport.REGISTRY, repository=f"{prefix}/team/base", tag="1")
    store = open_writer(Transport.REGISTRY, load_config({}))
    digest = small_image(b"base").push(store, mirrored).digest
    return prefix, ImageRef(transport=Transport.REGISTRY, repository=f"{NOWHERE}/team/base", tag="1").at(str(digest))


@pytest.mark.usefixtures("home")
def test_images_of_a_registry_are_read_from_the_mirror_and_keep_their_name(registry: RegistryServer) -> None:
    prefix, ref = pushed(registry)
    config = load_config({"GATE_REGISTRY_MIRRORS": f"{NOWHERE}={prefix}"})
    reader = open_reader(ref, config, listing(prefix))
    assert isinstance(reader, MirroredReader)
    assert reader.resolve(ref.model_copy(update={"digest": None})) == ref.digest
    assert reader.manifest(ref).digest == ref.digest
    image = small_image(b"base")
    with reader.blob(ref, image.layer[0]) as stream:
        assert stream.read() == image.layer[1]
    assert ref.repository == f"{NOWHERE}/team/base"


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("listed", [(), ("another.example/mcr",)])
def test_a_mirror_that_policy_does_not_list_is_refused_and_not_asked(
    registry: RegistryServer, listed: tuple[str, ...]
) -> None:
    prefix, ref = pushed(registry)
    config = load_config({"GATE_REGISTRY_MIRRORS": f"{NOWHERE}={prefix}"})
    with pytest.raises(PolicyError) as caught:
        open_reader(ref, config, listing(*listed))
    assert caught.value.error_code == "mirror_not_listed"
    with pytest.raises(PolicyError):
        open_reader(ref, config, listing(prefix, host="mcr.microsoft.com"))


def test_a_mirror_stands_for_its_registry_alone(tmp_path: Path) -> None:
    config = load_config({"GATE_REGISTRY_MIRRORS": f"{NOWHERE}=mirror.example.org/x"})
    policy = listing("mirror.example.org/x")
    other = ImageRef(transport=Transport.REGISTRY, repository="other.example/team/base", tag="1")
    layout = ImageRef(transport=Transport.OCI_LAYOUT, repository=f"{NOWHERE}/team", tag="1")
    for ref in (other, layout):
        assert mirrors_for(ref, config.mirrors, policy.safelist) == {}
    assert isinstance(open_reader(layout, config, policy), OciLayout)
    mirrored = MirroredReader(OciLayout(), config.mirrors)
    with pytest.raises(Exception, match=str(tmp_path)):
        mirrored.resolve(ImageRef(transport=Transport.OCI_LAYOUT, repository=str(tmp_path), tag="1"))


@pytest.mark.parametrize(
    "text",
    ["mirror", "a=b=c", "https://a=b", "a=https://b", "a=b/", "a=b/../c", "A=b", "a=b a=c", "a=user@b", "=b", "a="],
)
def test_a_mirror_that_can_be_read_in_two_ways_is_refused(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_config({"GATE_REGISTRY_MIRRORS": text})
    assert caught.value.error_code == "config_invalid"


def test_several_mirrors_are_read() -> None:
    config = load_config({"GATE_REGISTRY_MIRRORS": "a.example=m.example:5000/x/y  b.example=m.example"})
    assert config.mirrors == {"a.example": "m.example:5000/x/y", "b.example": "m.example"}
    assert load_config({}).mirrors == {}


def test_azures_registries_are_settings() -> None:
    environ = {"GATE_ACR_HOSTS": "one.azurecr.io two.azurecr.io:443", "GATE_AZURE_TENANT": TENANT}
    found = load_config(environ).acr
    assert found is not None
    assert (found.hosts, found.tenant, found.cloud) == (
        ("one.azurecr.io", "two.azurecr.io:443"),
        TENANT,
        CLOUDS["public"],
    )
    assert found.audience == "https://containerregistry.azure.net"
    named = load_config({**environ, "GATE_ACR_AUDIENCE": "https://registries.example/"}).acr
    assert named is not None
    assert named.audience == "https://registries.example"
    assert load_config({}).acr is None


@pytest.mark.parametrize(
    "environ",
    [
        {"GATE_ACR_HOSTS": "one.azurecr.io"},
        {"GATE_ACR_HOSTS": "one.azurecr.io", "GATE_AZURE_TENANT": "mine"},
        {"GATE_ACR_HOSTS": "https://one.azurecr.io", "GATE_AZURE_TENANT": TENANT},
        {"GATE_ACR_HOSTS": "One.azurecr.io", "GATE_AZURE_TENANT": TENANT},
        {"GATE_ACR_HOSTS": "one.azurecr.io/x", "GATE_AZURE_TENANT": TENANT},
        {"GATE_ACR_AUDIENCE": "https://registries.example"},
        {"GATE_ACR_HOSTS": "a.io", "GATE_AZURE_TENANT": TENANT, "GATE_ACR_AUDIENCE": "http://registries.example"},
    ],
)
def test_settings_of_azures_registries_that_mean_nothing_are_refused(environ: dict[str, str]) -> None:
    with pytest.raises(UsageError) as caught:
        load_config(environ)
    assert caught.value.error_code == "config_invalid"


@pytest.mark.usefixtures("home")
def test_a_registry_named_as_azures_is_asked_with_the_gates_identity_and_no_other_way(
    acr: AcrFacade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody signs in here, so nothing may be asked of the registry: no anonymous try comes first or after."""
    for name in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET", "AZURE_FEDERATED_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AZURE_CLIENT_ID", TENANT)
    monkeypatch.setenv("AZURE_CLIENT_SECRET", "not-a-secret")
    environ = {
        "GATE_ACR_HOSTS": acr.host,
        "GATE_AZURE_TENANT": TENANT,
        "GATE_AZURE_AUTHORITY": "https://127.0.0.1:1",
        "GATE_BOUND_HTTP_ATTEMPTS": "1",
        "GATE_BOUND_HTTP_CONNECT": "2",
    }
    store = open_writer(Transport.REGISTRY, load_config(environ))
    assert isinstance(store, AcrRegistry)
    with pytest.raises(UpstreamError) as caught:
        store.resolve(acr_place(acr).model_copy(update={"tag": "1"}))
    # The library calls a network that fails a refusal; neither is an answer.
    assert caught.value.error_code in {"azure_sign_in_failed", "azure_sign_in_refused"}
    with pytest.raises(UpstreamError):
        store.tags(acr_place(acr))
    assert acr.state.exchanges == 0


@pytest.mark.usefixtures("home")
def test_stores_are_opened_once_and_the_local_engine_is_none() -> None:
    stores = Stores(load_config({}))
    assert stores[Transport.REGISTRY] is stores[Transport.REGISTRY]
    assert isinstance(stores[Transport.REGISTRY], RemoteRegistry)
    with pytest.raises(UsageError) as caught:
        stores[Transport.DOCKER_ENGINE]
    assert caught.value.error_code == "no_staging"


class _Proxy(BaseHTTPRequestHandler):
    """A proxy that tunnels `CONNECT`, and remembers where to."""

    protocol_version = "HTTP/1.1"
    asked: list[str]

    def do_CONNECT(self) -> None:
        self.asked.append(self.path)
        host, _, port = self.path.partition(":")
        with socket.create_connection((host, int(port))) as there:
            self.send_response_only(http.client.OK)
            self.end_headers()
            ends = {self.connection: there, there: self.connection}
            while ready := select.select(list(ends), [], [], 10)[0]:
                for end in ready:
                    data = end.recv(65536)
                    if not data:
                        return
                    ends[end].sendall(data)

    def log_message(self, *args: object) -> None:
        del args


@contextmanager
def proxy() -> Iterator[tuple[str, list[str]]]:
    asked: list[str] = []
    handler = type("Proxy", (_Proxy,), {"asked": asked})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.usefixtures("home")
def test_a_registry_behind_a_proxy_with_a_private_authority_is_read_through_it(
    acr: AcrFacade, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both come from the environment, as every tool's do; TLS is checked to the registry itself."""
    from acr_world.client import acr_client  # noqa: PLC0415 - the client must be made after the proxy is set

    with proxy() as (address, asked):
        for name in ("HTTPS_PROXY", "https_proxy"):
            monkeypatch.setenv(name, address)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        store = acr_client(acr)
        ref = small_image(b"proxied").push(store, acr_place(acr).model_copy(update={"tag": "1"}))
        assert store.manifest(ref).digest == ref.digest
        assert store.tags(ref) == ("1",)
        assert set(asked) == {acr.host}
