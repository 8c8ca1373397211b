"""What the real Docker engine pushes, the gate reads, copies and gives back in the same bytes."""

from __future__ import annotations

from pathlib import Path

import pytest
from servers.base import DebianBase
from servers.engine import DockerEngine
from servers.processes import ServerError
from servers.registry import HTPASSWD_PASSWORD, HTPASSWD_USER, RegistryServer
from servers.tokens import PASSWORD, USER

from gate.errors import NotFoundError, UnauthorizedUpstreamError
from gate.http.client import HttpClient
from gate.registry.auth import DockerConfigCredentials, NoCredentials
from gate.registry.content import read_content
from gate.registry.reference import parse_image_ref
from gate.registry.remote import RemoteRegistry


def test_an_image_pushed_by_docker_is_promoted_in_the_same_bytes_and_pulled_from_release(
    registry: RegistryServer, docker_engine: DockerEngine, debian_base: DebianBase, tmp_path: Path
) -> None:
    (tmp_path / "hello.py").write_text("print('hello')\n")
    (tmp_path / "Dockerfile").write_text(
        f"FROM {debian_base.reference}\nCOPY hello.py /srv/\nRUN python3 -m compileall /srv\n"
    )
    image = docker_engine.build(tmp_path, "gate-tests/engine:1")
    staging, release = f"{registry.host}/engine/staging:1", f"{registry.host}/engine/release:1"
    pushed = docker_engine.push("gate-tests/engine:1", staging)

    remote = RemoteRegistry(HttpClient(), NoCredentials())
    source, target = parse_image_ref(staging), parse_image_ref(release)
    digest = remote.resolve(source)
    assert digest == pushed
    manifest = remote.manifest(source.at(digest))
    blobs = read_content(manifest).blobs
    assert docker_engine.diff_ids("gate-tests/engine:1")[:1] == debian_base.diff_ids
    for blob in blobs:
        with remote.blob(source, blob) as stream:
            assert sum(len(data) for data in iter(lambda: stream.read(1 << 20), b"")) == blob.size
        remote.copy_blob(source, target, blob)
    remote.put_manifest(target, manifest)

    docker_engine.remove(staging, "gate-tests/engine:1")
    assert docker_engine.pull(release) == image
    assert docker_engine.pull(f"{registry.host}/engine/release@{digest}") == image

    remote.delete_manifest(source.at(digest))
    with pytest.raises(NotFoundError):
        remote.resolve(source)
    assert remote.tags(source) == ()
    assert remote.manifest(target.at(digest)) == manifest


@pytest.mark.parametrize("kind", ["htpasswd", "token"])
def test_a_log_in_of_docker_opens_the_registry_for_the_gate(
    docker_engine: DockerEngine,
    htpasswd_registry: RegistryServer,
    token_registry: RegistryServer,
    tmp_path: Path,
    kind: str,
) -> None:
    host = {"htpasswd": htpasswd_registry, "token": token_registry}[kind].host
    user, password = {"htpasswd": (HTPASSWD_USER, HTPASSWD_PASSWORD), "token": (USER, PASSWORD)}[kind]
    (tmp_path / "data").write_text(kind)
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY data /data\n")
    docker_engine.build(tmp_path, f"gate-tests/{kind}:1")
    with pytest.raises(ServerError):
        docker_engine.push(f"gate-tests/{kind}:1", f"{host}/engine/private:1")
    docker_engine.docker("login", "--username", user, "--password-stdin", host, data=password.encode())
    pushed = docker_engine.push(f"gate-tests/{kind}:1", f"{host}/engine/private:1")

    place = parse_image_ref(f"{host}/engine/private:1")
    with pytest.raises(UnauthorizedUpstreamError):
        RemoteRegistry(HttpClient(), NoCredentials()).resolve(place)
    remote = RemoteRegistry(HttpClient(), DockerConfigCredentials(docker_engine.config / "config.json"))
    assert remote.resolve(place) == pushed
    docker_engine.docker("logout", host)
