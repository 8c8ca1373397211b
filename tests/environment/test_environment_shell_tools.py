"""Tools beside pip and conda that bring something in: each by name, and none of them safelisted."""

from __future__ import annotations

from pathlib import Path

import pytest
from environment_world.definitions import brief, declare, names, run_line, verdict


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("dpkg -i /tmp/a.deb", ["local:/tmp/a.deb"]),
        ("dpkg --install ./*.deb", ["local:./*.deb"]),
        ("dpkg -i https://h.example/a.deb", ["url:https://h.example/a.deb"]),
        ("rpm -ivh a.rpm https://h.example/b.rpm", ["url:https://h.example/b.rpm", "local:a.rpm"]),
        ("dnf module install -y nodejs:18", ["os:nodejs:18"]),
        ("apt-get download x", ["os:x"]),
        ("go mod download example.com/a/b", ["other:example.com/a/b"]),
        ("go install example.com/a/b/cmd/c example.org/d", ["other:example.com/a/b/cmd/c", "other:example.org/d"]),
        ("pyenv install 3.11.2", ["other:python"]),
        ("asdf install nodejs 18 && sdk install java 11.0", ["other:nodejs", "other:java"]),
        ("mise use -g node@20 && volta install yarn@1", ["other:node", "other:yarn"]),
        ("aws s3 cp --region x s3://b/k /x", ["url:s3://b/k"]),
        ("gsutil -m cp gs://b/k .", ["url:gs://b/k"]),
        ("azcopy copy 'https://h.example/a' /b --recursive", ["url:https://h.example/a"]),
        ("docker pull --platform linux/amd64 nginx:1", ["image:nginx"]),
        ("skopeo copy docker://quay.io/a/b:2 dir:/x", ["image:quay.io/a/b"]),
        ("skopeo copy oci-archive://a.tar dir:/x", []),
        ("corepack enable && corepack prepare pnpm@8 --activate", ["other:pnpm"]),
        ("code-server --install-extension a.b --install-extension c.d", ["other:a.b", "other:c.d"]),
        ("hf download a/b weights.bin --local-dir /m", ["other:a/b"]),
        ("helm plugin install https://h.example/a", ["url:https://h.example/a"]),
        ("dotnet add package A.B", ["other:A.B"]),
        ("gem install bundler:2.1", ["other:bundler"]),
        ("nix build .", ["other:flake.nix"]),
        ("tlmgr install a b && vcpkg install c && pecl install d", ["other:a", "other:b", "other:c", "other:d"]),
        ("npm update -g npm && npm update", ["other:npm"]),
        ("python3 -Im pip install a", ["pypi:a"]),
        ("python -mpip install a", ["pypi:a"]),
        ("find . -name '*.whl' -exec pip install {} \\;", ["local:*.whl"]),
        ("find / -type f -exec dpkg -i {} +", []),
        ("""julia -e 'using Pkg; Pkg.add("A"); Pkg.add(["B", "C"])'""", ["other:A", "other:B", "other:C"]),
        ("R -e 'renv::restore()'", ["other:renv.lock"]),
        ("runuser -u me -- pip install a", ["pypi:a"]),
        ("runuser -l me -c 'pip install a'", ["pypi:a"]),
        ("az extension add -n ml --version 2", ["other:ml"]),
        ("pwsh -Command 'Install-Module -Name Az -RequiredVersion 1.0 -Force'", ["other:Az"]),
    ],
)
def test_a_tool_brings_in_what_it_names(tmp_path: Path, command: str, expected: list[str]) -> None:
    declared = run_line(tmp_path, command)
    assert names(declared) == expected
    assert not expected or expected == ["pypi:a"] or verdict(declared).verdict == "needs_exception"


@pytest.mark.parametrize(
    "command",
    [
        "dpkg -l && dpkg -L bash && rpm -qa && rpm -e old && rpm -qi bash",
        "docker version && skopeo --version && docker pull",
        "aws configure set region x && gsutil version && aws s3 cp /a /b",
        "pyenv global 3.11 && asdf list && sdk version && pyenv && sdk install",
        "corepack enable && code-server --version && julia --version",
        "GOFLAGS='-v -mod=vendor' go build ./...",
        "GO111MODULE=off go build -o /x .",
        "go build -mod=vendor .",
    ],
)
def test_what_only_looks_or_builds_brings_nothing_in(tmp_path: Path, command: str) -> None:
    assert names(run_line(tmp_path, command)) == []


def test_go_takes_nothing_from_anywhere_once_the_stage_says_vendor(tmp_path: Path) -> None:
    content = (
        "FROM mcr.microsoft.com/go:1 AS one\nENV GOFLAGS=-mod=vendor\nRUN go build .\n"
        "FROM mcr.microsoft.com/go:1\nRUN go build .\n"
    )
    assert names(declare(tmp_path, {"Dockerfile": content})) == [
        "image:mcr.microsoft.com/go",
        "image:mcr.microsoft.com/go",
        "other:go.mod",
    ]


def test_a_projects_own_module_is_its_manifest_and_a_clone_is_its_own_affair(tmp_path: Path) -> None:
    content = (
        "FROM mcr.microsoft.com/go:1\nWORKDIR /go/src/example.com/o/r\nRUN go install example.com/o/r/cmd/x\n"
        "RUN git clone https://h.example/o/s /s && cd /s && go install example.com/o/s && go mod download a.example/q\n"
    )
    assert names(declare(tmp_path, {"Dockerfile": content}))[1:] == ["other:go.mod", "vcs:https://h.example/o/s"]


def test_installing_what_was_downloaded_is_no_second_reference(tmp_path: Path) -> None:
    command = "wget https://h.example/a.deb https://h.example/b.rpm && dpkg -i *.deb && rpm -i ./b.rpm"
    assert names(run_line(tmp_path, command)) == ["url:https://h.example/a.deb", "url:https://h.example/b.rpm"]


def test_versions_are_read_where_each_tool_writes_them(tmp_path: Path) -> None:
    command = "gem install a:1 && gem install b -v 2 && dotnet tool install c --version 3 && pyenv install 3.9"
    assert [(name, spec) for _, name, spec, _ in brief(run_line(tmp_path, command))] == [
        ("a", "1"),
        ("b", "2"),
        ("c", "3"),
        ("python", "3.9"),
    ]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import nltk; nltk.download('punkt')", ["other:nltk.download('punkt')"]),
        ("from t import A; A.from_pretrained('x/y')", ["other:A.from_pretrained('x/y')"]),
        ("from huggingface_hub import snapshot_download as s; s('a')", []),
        ("import subprocess; subprocess.run(['pip', 'install', 'a'])", ["other:python -c"]),
        ("print('hello')", []),
    ],
)
def test_python_code_that_downloads_is_in_doubt(tmp_path: Path, code: str, expected: list[str]) -> None:
    assert names(run_line(tmp_path, f'python -c "{code}"')) == expected


def test_powershell_is_read_statement_by_statement(tmp_path: Path) -> None:
    content = (
        "# escape=`\nFROM mcr.microsoft.com/windows/servercore:1\n"
        'SHELL ["powershell", "-Command", "$ErrorActionPreference = \'Stop\';"]\n'
        "RUN Invoke-WebRequest -Uri https://h.example/p.exe -OutFile p.exe ; `\n"
        "    (New-Object System.Net.WebClient).DownloadFile('https://h.example/b.zip', 'b.zip') ; `\n"
        "    Install-Module A, B -Force ; `\n"
        "    C:\\Python\\Scripts\\pip.exe install a --index-url https://h.example/simple\n"
        "RUN choco install -y git --version 2\n"
    )
    declared = declare(tmp_path, {"Dockerfile": content})
    assert [(one.kind.value, one.name, one.line) for one in declared.references] == [
        ("image", "mcr.microsoft.com/windows/servercore", 2),
        ("url", "https://h.example/p.exe", 4),
        ("url", "https://h.example/b.zip", 5),
        ("other", "A", 6),
        ("other", "B", 6),
        ("pypi", "a", 7),
        ("other", "git", 8),
    ]


def test_cmd_spells_paths_with_backslashes(tmp_path: Path) -> None:
    content = (
        "# escape=`\nFROM mcr.microsoft.com/windows/servercore:1\n"
        "RUN C:\\Python\\Scripts\\pip.exe install a && C:\\Python\\python.exe -m pip install b\n"
        "RUN powershell -Command `\n    iex ((New-Object Net.WebClient).DownloadString('https://h.example/i.ps1'))\n"
    )
    assert names(declare(tmp_path, {"Dockerfile": content}))[1:] == ["pypi:a", "pypi:b", "url:https://h.example/i.ps1"]
