"""Dockerfiles: stages, arguments, images, downloads, here-documents."""

from __future__ import annotations

from pathlib import Path

import pytest
from environment_world.definitions import brief, declare, errors, lines, names, verdict


def test_stages_are_no_images_and_everything_else_is(tmp_path: Path) -> None:
    content = (
        "# syntax=docker/dockerfile:1.7\n"
        "ARG REG=quay.io\nARG MODE=build\nARG BASE=$REG/org/img\n"
        "FROM $BASE:1 AS one-build\n"
        "FROM --platform=linux/amd64 mcr.microsoft.com/x@sha256:0123 AS two\n"
        "FROM one-${MODE} AS three\n"
        "COPY --from=two /a /a\nCOPY --from=0 /b /b\nCOPY --from=ghcr.io/o/tool:2 /c /c\n"
        "RUN --mount=type=bind,from=busybox,target=/x --mount=from=three,target=/y true\n"
        "FROM scratch\n"
    )
    assert brief(declare(tmp_path, {"Dockerfile": content})) == [
        ("other", "docker/dockerfile", "1.7", "docker.io"),
        ("image", "quay.io/org/img", "1", "quay.io"),
        ("image", "mcr.microsoft.com/x", "sha256:0123", "mcr.microsoft.com"),
        ("image", "ghcr.io/o/tool", "2", "ghcr.io"),
        ("image", "busybox", "", "docker.io"),
    ]


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("python", ("python", "", "docker.io")),
        ("docker.io/library/python:3", ("docker.io/library/python", "3", "docker.io")),
        ("localhost:5000/a/b:1", ("localhost:5000/a/b", "1", "localhost:5000")),
        ("MCR.microsoft.com/a", ("MCR.microsoft.com/a", "", "mcr.microsoft.com")),
        (
            "mcr.microsoft.com.evil.example/a",
            ("mcr.microsoft.com.evil.example/a", "", "mcr.microsoft.com.evil.example"),
        ),
        (
            "mcr.microsoft.com/a:{{tag:x\\.\\d{6}.*}}",
            ("mcr.microsoft.com/a", "{{tag:x\\.\\d{6}.*}}", "mcr.microsoft.com"),
        ),
        ("{{reg}}/a:1", ("{{reg}}/a", "1", "?template")),
        ("mcr.microsoft.com/{{a}}:1", ("mcr.microsoft.com/{{a}}", "1", "mcr.microsoft.com")),
        ("mcr.microsoft.com/a:${TAG}", ("mcr.microsoft.com/a", "${TAG}", "mcr.microsoft.com")),
        ("${BASE}", ("${BASE}", "", "?unresolved_variable")),
        ("${REG}.azurecr.io/a", ("${REG}.azurecr.io/a", "", "?unresolved_variable")),
        ("a/b@sha256:12", ("a/b", "sha256:12", "docker.io")),
        ("h.example:1/a:2@sha256:12", ("h.example:1/a", "2@sha256:12", "h.example:1")),
    ],
)
def test_an_image_name(tmp_path: Path, image: str, expected: tuple[str, str, str]) -> None:
    assert brief(declare(tmp_path, {"Dockerfile": f"FROM {image}\n"})) == [("image", *expected)]


def test_arguments_end_at_from_unless_they_are_said_again(tmp_path: Path) -> None:
    content = (
        "ARG V=1\nFROM mcr.microsoft.com/a\nRUN curl -O https://h.example/a-${V}\n"
        "ARG V\nENV W=${V}.2 X='a b'\nRUN curl -O https://h.example/b-$W\n"
    )
    assert names(declare(tmp_path, {"Dockerfile": content}))[1:] == [
        "url:https://h.example/a-${V}",
        "url:https://h.example/b-1.2",
    ]


def test_add_fetches_addresses_and_repositories(tmp_path: Path) -> None:
    content = (
        "FROM mcr.microsoft.com/a\nARG V=2\n"
        'ADD --checksum=x https://h.example/a-${V}.tgz "https://h.example/o/r.git#v1" git@h.example:o/r.git /x/\n'
        "ADD local.tar /y\n"
    )
    assert brief(declare(tmp_path, {"Dockerfile": content}))[1:] == [
        ("url", "https://h.example/a-2.tgz", "", "h.example"),
        ("vcs", "https://h.example/o/r.git", "v1", "h.example"),
        ("vcs", "git@h.example:o/r.git", "", "h.example"),
    ]


def test_onbuild_counts(tmp_path: Path) -> None:
    assert names(declare(tmp_path, {"Dockerfile": "FROM mcr.microsoft.com/a\nONBUILD RUN pip install evil\n"}))[1:] == [
        "pypi:evil"
    ]


def test_the_escape_directive_changes_the_continuation(tmp_path: Path) -> None:
    content = "# escape=`\nFROM `\n   image\nRUN pip install `\n  # why\n\n  a `\n  b\n"
    assert lines(declare(tmp_path, {"Dockerfile": content})) == [("image", 3), ("a", 7), ("b", 8)]


def test_lines_survive_comments_blank_lines_and_carriage_returns(tmp_path: Path) -> None:
    content = (
        "FROM mcr.microsoft.com/a\r\nRUN apt-get update && \\\r\n  # comment\r\n"
        "  apt-get install -y \\  \r\n    one \\\r\n\r\n    two\r\n"
    )
    assert lines(declare(tmp_path, {"Dockerfile": content}))[1:] == [("one", 5), ("two", 7)]


def test_here_documents_are_scripts_only_when_a_shell_gets_them(tmp_path: Path) -> None:
    content = (
        "FROM mcr.microsoft.com/a\n"
        "RUN --mount=type=cache,target=/c <<EOT\n  set -e\n  pip install one\nEOT\n"
        "RUN bash -eux <<'A' && cat <<B > /etc/requirements.txt\npip install two\nA\nthree\nB\n"
        "RUN <<EOF\n#!/usr/bin/env python3\nimport pip\nEOF\n"
        "RUN <<EOF\n#!/bin/bash\npip install four\nEOF\n"
        "COPY <<EOF /x\npip install five\nEOF\n"
    )
    assert lines(declare(tmp_path, {"Dockerfile": content}))[1:] == [("one", 4), ("two", 7), ("four", 17)]


def test_here_documents_inside_a_script(tmp_path: Path) -> None:
    content = (
        "FROM mcr.microsoft.com/a\nRUN <<EOT\n"
        "cat <<EOF | bash\npip install one\nEOF\n"
        "bash <<EOF -s x\npip install two\nEOF\n"
        "cat <<EOF >f && pip install three\npip install no\nEOF\n"
        "EOT\n"
    )
    assert lines(declare(tmp_path, {"Dockerfile": content}))[1:] == [("one", 4), ("two", 7), ("three", 9)]


def test_exec_form(tmp_path: Path) -> None:
    content = 'FROM mcr.microsoft.com/a\nRUN ["pip", "install", "one"]\nRUN ["/bin/bash", "-c", "pip install two"]\n'
    assert lines(declare(tmp_path, {"Dockerfile": content}))[1:] == [("one", 2), ("two", 3)]


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("", "empty"),
        ("\n \n", "empty"),
        ("# nothing\n", "dockerfile_invalid"),
        ("RUN pip install a\n", "no_from"),
        ("RUN pip install a\nFROM x\n", "before_from"),
        ("FROM a\n{% if x %}\n", "unknown_instruction"),
        ("FROM a\nRNU pip install x\n", "unknown_instruction"),
        ("FROM a\nRUN <<EOF\npip install x\n", "dockerfile_invalid"),
    ],
)
def test_what_does_not_build_is_unparseable(tmp_path: Path, content: str, code: str) -> None:
    declared = declare(tmp_path, {"Dockerfile": content})
    assert code in errors(declared)
    assert verdict(declared).verdict == "unparseable"


@pytest.mark.parametrize("quoted", ['"one"', "'one'", '"${NAME}"'])
def test_a_stage_in_quotes_is_the_stage_and_an_image_in_quotes_is_the_image(tmp_path: Path, quoted: str) -> None:
    stages = f"FROM mcr.microsoft.com/a AS one\nFROM mcr.microsoft.com/b\nARG NAME=one\nCOPY --from={quoted} /a /b\n"
    declared = declare(tmp_path, {"Dockerfile": f'{stages}COPY --from="ghcr.io/o/tool:2" /c /c\n'})
    assert [one.name for one in declared.references] == ["mcr.microsoft.com/a", "mcr.microsoft.com/b", "ghcr.io/o/tool"]


CONTEXTS: list[tuple[str, str]] = [
    ("COPY requirements.txt .\nRUN pip install -r requirements.txt", "requirements.txt"),
    ("COPY requirements.txt /tmp/\nRUN pip install -r /tmp/requirements.txt", "requirements.txt"),
    ("COPY requirements.txt /tmp/r.txt\nRUN pip install -r /tmp/r.txt", "requirements.txt"),
    ("COPY a/requirements.txt other.txt /tmp/\nWORKDIR /tmp\nRUN pip install -rrequirements.txt", "a/requirements.txt"),
    ("COPY . /app\nRUN cd /app && pip install --requirement=a/requirements.txt", "a/requirements.txt"),
    ("COPY a /app/\nRUN pip install -r /app/requirements.txt", "a/requirements.txt"),
    ("COPY require*.txt /x/\nRUN pip install -r /x/requirements.txt", "requirements.txt"),
    ("RUN --mount=type=bind,source=requirements.txt,target=/r.txt pip install -r /r.txt", "requirements.txt"),
    ("ENV D=/opt\nWORKDIR $D/x\nCOPY ./ ./\nRUN pip install -r $D/x/requirements.txt", "requirements.txt"),
    ('COPY ["requirements.txt", "/t/"]\nRUN pip install -r /t/requirements.txt', "requirements.txt"),
    ('COPY ./ /app\nWORKDIR "/app"\nRUN pip install -r requirements.txt', "requirements.txt"),
    ("WORKDIR '/my apps'\nCOPY ./ .\nRUN pip install -r '/my apps/requirements.txt'", "requirements.txt"),
]


@pytest.mark.parametrize(("body", "file"), CONTEXTS, ids=[body[:40] for body, _ in CONTEXTS])
def test_a_file_of_the_context_is_found_where_copy_put_it(tmp_path: Path, body: str, file: str) -> None:
    files: dict[str, str | bytes] = {
        "Dockerfile": f"FROM mcr.microsoft.com/a\n{body}\n",
        "requirements.txt": "top",
        "a/requirements.txt": "inner",
        "other.txt": "",
    }
    declared = declare(tmp_path, files)
    assert [(one.name, one.file) for one in declared.references[1:]] == [("top" if "/" not in file else "inner", file)]


@pytest.mark.parametrize(
    "body",
    [
        "RUN pip install -r requirements.txt",
        "COPY --from=build requirements.txt .\nRUN pip install -r requirements.txt",
        "COPY requirements.txt /a/\nRUN pip install -r /b/requirements.txt",
        "COPY x*.txt /a/\nRUN pip install -r /a/requirements.txt",
        "COPY ../requirements.txt .\nRUN pip install -r ../requirements.txt",
        "COPY . /a\nRUN pip install -r /a/../../etc/passwd",
        "COPY . /a\nRUN pip install -r /etc/passwd",
    ],
)
def test_a_file_that_nobody_copied_there_is_missing(tmp_path: Path, body: str) -> None:
    files: dict[str, str | bytes] = {
        "d/Dockerfile": f"FROM scratch AS build\nFROM mcr.microsoft.com/a\n{body}\n",
        "d/requirements.txt": "a",
        "d/gone.txt": "",
    }
    declared = declare(tmp_path, files)
    assert [one.undetermined for one in declared.references[1:]] == ["missing_file"]
    assert verdict(declared).verdict == "needs_exception"


def test_a_context_above_the_dockerfile_is_tried_after_its_own_folder(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "docker/Dockerfile": "FROM mcr.microsoft.com/a\nCOPY . /app\nRUN pip install -r /app/requirements.txt\n",
        "requirements.txt": "above",
    }
    assert names(declare(tmp_path, files))[1:] == ["pypi:above"]


def test_what_a_stage_configured_holds_in_the_stages_built_on_it_and_in_no_other(tmp_path: Path) -> None:
    content = (
        "FROM mcr.microsoft.com/a AS base\nENV PIP_INDEX_URL=https://x.example/s\n"
        "RUN conda config --add channels evil\n"
        "FROM base\nRUN pip install one && conda install two\n"
        "FROM mcr.microsoft.com/b\nRUN pip install three\n"
    )
    assert brief(declare(tmp_path, {"Dockerfile": content}))[1:] == [
        ("pypi", "one", "", "https://x.example/s"),
        ("conda", "two", "", "evil+defaults"),
        ("image", "mcr.microsoft.com/b", "", "mcr.microsoft.com"),
        ("pypi", "three", "", "pypi"),
    ]
