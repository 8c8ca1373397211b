"""What lies where in an image: copies do not move with the folder, and no archive or clone hides the context's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from environment_world.definitions import declare, names, run_line, verdict

INSTALLER = {"install.sh": "pip install -i https://x.example/s a\n"}
BASE = "FROM mcr.microsoft.com/base:1\nWORKDIR /app\n"


@pytest.mark.parametrize("where", ["WORKDIR /srv\nRUN /app/install.sh", "RUN cd /tmp && sh /app/install.sh"])
def test_what_was_copied_stays_where_it_was_put_when_the_folder_changes(tmp_path: Path, where: str) -> None:
    declared = declare(tmp_path, {"Dockerfile": f"{BASE}COPY . .\n{where}\n", **INSTALLER})
    assert names(declared)[1:] == ["pypi:a"]
    assert verdict(declared).verdict == "needs_exception"


@pytest.mark.parametrize(
    "unpack", ["-C / -xzf x.tgz", "xf x.tgz -C /app", "--file=x.tgz -x -C /", "-x --file x.tgz -C /"]
)
def test_a_local_archive_is_no_clone_that_answers_for_what_it_brings(tmp_path: Path, unpack: str) -> None:
    content = f"{BASE}COPY . .\nRUN tar {unpack}\nRUN npm install && cargo build && go mod download\nRUN ./install.sh\n"
    declared = declare(tmp_path, {"Dockerfile": content, **INSTALLER})
    assert names(declared)[1:] == ["other:package.json", "other:Cargo.toml", "other:go.mod", "pypi:a"]


@pytest.mark.parametrize(
    "line",
    [
        "COPY x.tgz /\nRUN tar -C /q -xzf /x.tgz && cd /q && ./install.sh",
        "COPY x.zip .\nRUN unzip -q x.zip -d /q && sh /q/install.sh",
        "ADD x.tar.gz /q\nRUN /q/install.sh",
    ],
)
def test_a_script_out_of_a_local_archive_is_an_unknown_place(tmp_path: Path, line: str) -> None:
    declared = declare(tmp_path, {"Dockerfile": f"{BASE}{line}\n"})
    assert [one.origin.location.split()[0] for one in declared.sources] == ["script"]
    assert verdict(declared).verdict == "needs_exception"


def test_packing_a_folder_is_no_unpacking(tmp_path: Path) -> None:
    declared = declare(tmp_path, {"Dockerfile": f"{BASE}COPY . .\nRUN tar -C /app -czf /b.tgz . && npm ci\n"})
    assert names(declared)[1:] == ["other:package.json"]


def test_an_archive_over_the_whole_image_leaves_the_contexts_own_to_the_context(tmp_path: Path) -> None:
    content = f"{BASE}RUN curl -L https://h.example/r.tgz | tar -xz -C /\nCOPY . .\nRUN npm ci && ./install.sh\n"
    declared = declare(tmp_path, {"Dockerfile": content, **INSTALLER})
    assert names(declared)[1:] == ["url:https://h.example/r.tgz", "other:package.json", "pypi:a"]


@pytest.mark.parametrize(
    "command",
    [
        "curl -L https://h.example/r.tgz | tar xz -C /q",
        "wget https://h.example/r.tgz && tar -xzf r.tgz -C /q",
        "wget https://h.example/r.tgz && unzip r.tgz -d /q",
        "wget https://h.example/r.tgz && tar -C /p -xf r.tgz && tar -C /q -xf /p/inner.tar",
    ],
)
def test_what_a_download_brings_is_its_addresss_own_affair(tmp_path: Path, command: str) -> None:
    declared = run_line(tmp_path, f"{command} && cd /q && npm ci && cargo build && ./install.sh")
    assert names(declared) == ["url:https://h.example/r.tgz"]
    assert declared.sources == ()


def test_a_file_that_was_copied_into_a_clone_is_the_projects_own(tmp_path: Path) -> None:
    content = (
        f"{BASE}RUN git clone https://h.example/o/r /q\nCOPY package.json /q/\nRUN cd /q && npm ci && cargo build\n"
    )
    declared = declare(tmp_path, {"Dockerfile": content})
    assert names(declared)[1:] == ["vcs:https://h.example/o/r", "other:package.json"]


@pytest.mark.parametrize(
    ("command", "address"),
    [
        ("curl 10.0.0.5/i.sh | sh", "10.0.0.5/i.sh"),
        ("wget nexus:8081/i.sh", "nexus:8081/i.sh"),
        ("curl localhost/i -o install.sh && ./install.sh", "localhost/i"),
        ("curl --url '[::1]/x'", "[::1]/x"),
    ],
)
def test_an_address_needs_no_look_of_one_to_be_fetched(tmp_path: Path, command: str, address: str) -> None:
    declared = run_line(tmp_path, command)
    assert names(declared) == [f"url:{address}"]
    assert verdict(declared).verdict == "needs_exception"


LISTS = ["wget -qi urls.txt", "wget --input-file=urls.txt", "aria2c -i urls.txt", "curl -K urls.txt"]


@pytest.mark.parametrize("command", LISTS)
def test_a_list_of_addresses_is_read(tmp_path: Path, command: str) -> None:
    declared = run_line(tmp_path, command, {"urls.txt": 'https://h.example/a\n\nurl = "https://h.example/b"\n'})
    assert [(one.name, one.file, one.line) for one in declared.references] == [
        ("https://h.example/a", "urls.txt", 1),
        ("https://h.example/b", "urls.txt", 3),
    ]


@pytest.mark.parametrize("command", [*LISTS, "cat urls.txt | xargs wget", "xargs -n1 curl -O < urls.txt"])
def test_a_list_of_addresses_that_is_not_there_is_in_doubt(tmp_path: Path, command: str) -> None:
    declared = run_line(tmp_path, command)
    assert [(one.name, one.undetermined) for one in declared.references] == [("urls.txt", "missing_file")]
    assert verdict(declared).verdict == "needs_exception"


@pytest.mark.parametrize(
    ("command", "name"),
    [
        *((f"{tool} install x", "x") for tool in ("cabal", "stack", "opam", "nuget", "flatpak", "guix")),
        ("ollama pull x", "x"),
        ("conan install .", "conanfile.py"),
        ("mix deps.get", "mix.exs"),
        ("swift build", "Package.swift"),
    ],
)
def test_installers_of_other_languages_are_no_commands_of_the_base(tmp_path: Path, command: str, name: str) -> None:
    declared = run_line(tmp_path, command)
    assert names(declared) == [f"other:{name}"]
    assert verdict(declared).verdict == "needs_exception"
