"""Images that a real engine built on a real Debian, read from a real registry and from the engine itself."""

from __future__ import annotations

import zipfile
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from image.image_world import codes, component, record_row

from gate.bounds import ImageBounds
from gate.http.client import HttpClient
from gate.image.inventory import read_inventory
from gate.model.origin import Kind
from gate.registry.auth import NoCredentials
from gate.registry.engine import DockerEngine
from gate.registry.reference import parse_image_ref
from gate.registry.remote import RemoteRegistry

if TYPE_CHECKING:
    from pathlib import Path

    from servers.base import DebianBase
    from servers.engine import DockerEngine as Engine
    from servers.registry import RegistryServer

    from gate.model.image import Inventory

NAME = "gate-tests/image-real"


def build(engine: Engine, base: DebianBase, folder: Path, tag: str, *steps: str) -> str:
    """Build an image with two wheels installed by pip, and then `steps`; return its name."""
    for name in ("alpha", "beta"):
        pack(folder, name)
    lines = [
        f"FROM {base.reference}",
        "COPY *.whl /wheels/",
        "RUN python3 -m venv /opt/venv",
        "RUN /opt/venv/bin/pip install --no-index --find-links /wheels alpha beta && rm -r /wheels",
        *steps,
    ]
    (folder / "Dockerfile").write_text("\n".join(lines) + "\n")
    engine.build(folder, f"{NAME}:{tag}")
    return f"{NAME}:{tag}"


def pack(folder: Path, name: str) -> None:
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}/__init__.py": f"def main(): print('{name}')\n".encode(),
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[console_scripts]\n{name} = {name}:main\n".encode(),
    }
    record = "".join(record_row(path, data) for path, data in files.items()) + f"{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as packed:
        for path, data in (files | {f"{info}/RECORD": record.encode()}).items():
            packed.writestr(path, data)


def from_engine(engine: Engine, base: DebianBase, name: str) -> Inventory:
    ref = parse_image_ref(f"docker:{name}")
    with DockerEngine(address=engine.host) as reader:
        pinned = ref.at(reader.resolve(ref))
        catalogue = [("debian", base.diff_ids)]
        return read_inventory(reader, pinned, bounds=ImageBounds(), base_catalogue=catalogue)[0]


@pytest.mark.timeout(900)
def test_an_image_of_a_real_engine_is_read_the_same_from_registry_and_engine(
    docker_engine: Engine, debian_base: DebianBase, registry: RegistryServer, tmp_path: Path
) -> None:
    name = build(docker_engine, debian_base, tmp_path, "whole")
    local = from_engine(docker_engine, debian_base, name)
    digest = docker_engine.push(name, f"{registry.host}/{name}")
    ref = parse_image_ref(f"{registry.host}/{name}").at(digest)
    with closing(HttpClient()) as client:
        reader = RemoteRegistry(client, NoCredentials())
        catalogue = [("debian", debian_base.diff_ids)]
        found, table = read_inventory(reader, ref, bounds=ImageBounds(), base_catalogue=catalogue)
    assert codes(found) == []
    assert found.components == local.components
    assert (found.files, found.image.digest) == (local.files, digest)
    alpha = component(found, "alpha")
    assert (alpha.kind, alpha.version, alpha.facts["installer"]) == (Kind.PYPI, "1.0", "pip")
    assert alpha.record is not None
    assert (alpha.record.missing, alpha.record.differing) == (0, 0)
    assert table.file("opt/venv/bin/alpha") is not None
    assert not alpha.in_base
    debs = [one for one in found.components if one.kind is Kind.OS]
    assert len(debs) > 80
    assert all(one.in_base and one.layer == 0 for one in debs)
    assert {one.facts["distribution"] for one in debs} == {"debian"}


@pytest.mark.timeout(900)
def test_what_a_real_engine_wrote_over_and_took_away_is_seen(
    docker_engine: Engine, debian_base: DebianBase, tmp_path: Path
) -> None:
    site = "/opt/venv/lib/python3.11/site-packages"
    name = build(
        docker_engine,
        debian_base,
        tmp_path,
        "changed",
        f"RUN rm -r {site}/alpha-1.0.dist-info",
        f"RUN echo evil >> {site}/beta/__init__.py",
        "RUN rm /usr/bin/gzip && chmod 700 /usr/bin/find && cp /usr/bin/id /usr/bin/diff && echo x >> /etc/bash.bashrc",
    )
    found = from_engine(docker_engine, debian_base, name)
    assert codes(found) == ["metadata_hidden"]
    assert "alpha-1.0.dist-info" in found.problems[0].message
    assert not [one for one in found.components if one.name == "alpha"]
    beta = component(found, "beta").record
    assert beta is not None
    assert (beta.differing, beta.examples) == (1, ("beta/__init__.py",))
    changed = {one.name for one in found.components if one.kind is Kind.OS and not one.in_base}
    assert changed == {"gzip", "diffutils"}
    assert component(found, "bash").facts["base_config_modified"] == "1"


@pytest.mark.timeout(900)
def test_a_real_removal_hides_nothing(docker_engine: Engine, debian_base: DebianBase, tmp_path: Path) -> None:
    steps = (
        "RUN /opt/venv/bin/pip uninstall --yes alpha",
        "RUN dpkg --purge --force-depends python3-venv python3.11-venv",
    )
    found = from_engine(docker_engine, debian_base, build(docker_engine, debian_base, tmp_path, "removed", *steps))
    assert codes(found) == []
    names = {one.name for one in found.components}
    assert not names & {"alpha", "python3-venv"}
    assert {"beta", "bash", "python3"} <= names
    assert all(one.in_base for one in found.components if one.kind is Kind.OS)
