"""Definitions to start from: one of each format written here, and, where `GATE_CORPUS` is set, real ones."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

Files = dict[str, bytes]
"""The files of one definition by their path, `/` as separator."""

LARGEST = 64 * 1024
"""Larger real files are cut: what they add is time, and huge files are made by mutation."""

_WRITTEN: dict[str, str] = {
    "requirements.txt": """\
--index-url https://user:pw@x.example/simple
-r sub/more.txt
-c constraints.txt
numpy[extra]==1.2.3 ; python_version < '3.12' \\
  --hash=sha256:0000000000000000000000000000000000000000000000000000000000000000
pkg @ git+https://h.example/o/r@v1#egg=pkg
-e ./local
${NAME}==1
scipy>=1,\\
 <2
""",
    "sub/more.txt": """\
pandas
-r ../requirements.txt
""",
    "constraints.txt": """\
pandas<3
""",
    "environment.yml": """\
name: x
channels:
  - conda-forge
  - nodefaults
dependencies:
  - python=3.11
  - other::pkg>=1
  - pip:
    - -r requirements.txt
    - torch==2 --extra-index-url https://x.example/s
""",
    "spec-file.txt": """\
# platform: linux-64
@EXPLICIT
https://c.example/conda-forge/linux-64/a-1-0.conda#aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
""",
    "Dockerfile": """\
# syntax=docker/dockerfile:1
ARG TAG=1
FROM mcr.microsoft.com/base:${TAG} AS one
ENV PIP_INDEX_URL=https://x.example/s
COPY requirements.txt environment.yml /src/
WORKDIR /src
RUN --mount=type=cache,target=/c pip install -r requirements.txt && for p in a b; do pip install $p; done
RUN <<EOF
apt-get update
apt-get install -y curl=1
curl -fsSL https://h.example/i.sh | sh
EOF
RUN ["conda", "install", "-c", "conda-forge", "a>=1"]
FROM one
COPY --from=h.example/i:1 /a /b
ADD https://h.example/f.tar.gz /f
ONBUILD RUN npm install x && go install h.example/x@v1
""",
    "aml/environment.yml": """\
$schema: https://s.example/environment.schema.json
name: e
image: mcr.microsoft.com/base:{{latest-image-tag}}
conda_file: ../environment.yml
""",
    "aml/job.yml": """\
$schema: https://s.example/commandJob.schema.json
command: python x.py
code: .
environment:
  build:
    path: ..
    dockerfile_path: Dockerfile
jobs:
  a:
    environment: azureml://registries/azureml/environments/e/versions/1
""",
    "model/MLmodel": """\
flavors:
  python_function:
    env:
      conda: conda.yaml
      virtualenv: python_env.yaml
""",
    "model/conda.yaml": """\
channels: [conda-forge]
dependencies: [python=3.11, {pip: [mlflow==2]}]
""",
    "model/python_env.yaml": """\
python: 3.11
build_dependencies: [pip]
dependencies: [-r requirements.txt]
""",
    "model/requirements.txt": """\
mlflow==2
""",
    "pyproject.toml": """\
[project]
name = "x"
dependencies = ["a>=1", "b @ https://h.example/b.whl"]
[dependency-groups]
dev = ["c", {include-group = "more"}]
more = ["d"]
[tool.uv.sources]
a = { git = "https://h.example/a" }
[[tool.uv.index]]
name = "i"
url = "https://x.example/s"
explicit = true
[build-system]
requires = ["hatchling"]
[tool.poetry.dependencies]
e = { version = "^1", source = "i" }
[[tool.poetry.source]]
name = "i"
url = "https://x.example/s"
""",
    "script.py": """\
# /// script
# dependencies = ["a", "b>=2"]
# ///
import os
os.system("touch ran")
""",
    "pylock.toml": """\
lock-version = "1.0"
created-by = "x"
[[packages]]
name = "a"
version = "1"
index = "https://x.example/s"
[[packages.wheels]]
url = "https://x.example/a.whl"
hashes = {sha256 = "0000000000000000000000000000000000000000000000000000000000000000"}
""",
    "uv.lock": """\
version = 1
[[package]]
name = "a"
version = "1"
source = { registry = "https://x.example/simple" }
""",
    "poetry.lock": """\
[[package]]
name = "a"
version = "1"
files = []
[metadata]
lock-version = "2.0"
""",
    "Pipfile": """\
[[source]]
name = "i"
url = "https://x.example/s"
[packages]
a = {version = "*", index = "i"}
b = {git = "https://h.example/b"}
""",
    "Pipfile.lock": """\
{"_meta": {"sources": [{"name": "i", "url": "https://x.example/s"}]},
 "default": {"a": {"version": "==1", "index": "i"}}}
""",
    "conda-lock.yml": """\
version: 1
metadata:
  channels: [{url: conda-forge}]
package:
- name: a
  version: '1'
  manager: conda
  platform: linux-64
  url: https://c.example/conda-forge/linux-64/a-1-0.conda
- {name: b, version: '1', manager: pip, url: 'https://x.example/b.whl'}
""",
    "pixi.lock": """\
version: 6
environments:
  default:
    channels: [{url: https://c.example/conda-forge/}]
    packages: {linux-64: []}
packages:
- conda: https://c.example/conda-forge/linux-64/a-1-0.conda
- pypi: https://x.example/b.whl
  name: b
  version: '1'
""",
    "pip.conf": """\
[global]
index-url = https://x.example/s
extra-index-url =
    https://y.example/s
""",
    "uv.toml": """\
[[index]]
url = "https://x.example/s"
default = true
""",
    ".condarc": """\
channels: [conda-forge, defaults]
channel_alias: https://c.example
""",
}


def written() -> list[Files]:
    """Return every definition that is written here on its own, and all of them as one folder."""
    whole = {name: content.encode() for name, content in _WRITTEN.items()}
    return [{name: content} for name, content in whole.items()] + [whole]


def real(corpus: Path) -> list[Files]:
    """Return every real definition: raw files one by one, labelled cases with all their files.

    Raises:
        FileNotFoundError: the corpus is named and not there.
    """
    cases: dict[str, Files] = {}
    for archive in ("raw.tar.gz", "labelled.tar.gz"):
        with tarfile.open(corpus / archive) as tar:
            for member in sorted(tar.getmembers(), key=lambda one: one.name):
                if not member.isfile() or member.name.endswith(("label.json", "manifest.json")):
                    continue
                case, _, name = member.name.rpartition("/") if archive[0] == "r" else member.name.partition("/files/")
                stream = tar.extractfile(member)
                assert stream is not None
                key = f"{case}/{name}" if archive[0] == "r" else case
                cases.setdefault(key, {})[name] = stream.read(LARGEST)
    assert cases, "the corpus is empty"
    return list(cases.values())


def seeds() -> list[Files]:
    """Return what is written here, and the corpus where one is named."""
    corpus = os.environ.get("GATE_CORPUS")
    return written() + (real(Path(corpus)) if corpus else [])
