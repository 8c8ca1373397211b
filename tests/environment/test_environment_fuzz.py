"""Definitions broken at random: every one gets a verdict, none a traceback, and every report can be written."""

# ruff: noqa: E501 - seeds are definitions, and stand as they would in a file

from __future__ import annotations

import random
from pathlib import Path

import pytest
from environment_world.definitions import declare, verdict

from gate.reports import check_json, check_markdown, check_text

SEEDS = {
    "Dockerfile": "# syntax=docker/dockerfile:1\nARG V=1\nFROM mcr.microsoft.com/a:${V} AS b\nCOPY . /x\n"
    "RUN apt-get update && apt-get install -y git \\\n  curl && for p in a b; do pip install $p>=1; done\n"
    'RUN <<EOT\nif [ -f x ]; then bash -c "pip install {a,b}"; fi\nEOT\nADD https://h.example/a.git#v /y\n',
    "requirements.txt": "--index-url https://u:p@x.example/s\na[b]==1 \\\n  --hash=sha256:00\n-e git+https://h.example/o/r@v#egg=c\n"
    "d @ https://h.example/d.whl ; python_version>'3'\n-r requirements.txt\n./e.zip\n",
    "conda.yaml": "channels: [conda-forge, &c evil]\ndependencies:\n- python=3.10\n- *c\n- pip:\n  - -r r.txt\n  - {{x}}\n",
    "job.yml": "type: command\nenvironment:\n  image: '{{a}}.example/b:1'\n  conda_file: |\n    dependencies: [a]\n"
    "command: pip install a && python b.py\njobs: {c: {component: ./job.yml}}\n",
    "pyproject.toml": "[project]\ndependencies = ['a>=1', 'b @ https://h.example/b']\n[tool.uv.sources]\na = {index = 'x'}\n"
    "[[tool.uv.index]]\nname = 'x'\nurl = 'https://x.example'\n",
    "uv.lock": "version = 1\n[[package]]\nname = 'a'\nversion = '1'\nsource = { registry = 'https://x.example' }\n",
    "Pipfile.lock": '{"_meta": {"sources": [{"name": "x", "url": "https://x.example"}]}, "default": {"a": {"index": "x"}}}',
    "pixi.lock": "version: 6\npackages:\n- conda: https://h.example/c/noarch/a-1-0.conda\n- pypi: ./b\n",
}
PIECES = [
    *(
        "\n",
        "\\\n",
        '"',
        "'",
        "`",
        "$(",
        "${",
        "}",
        "{{",
        "}}",
        "<<EOF\n",
        "|",
        "&&",
        ";",
        "[",
        "]",
        "{",
        "- ",
        ": ",
        "\t",
    ),
    *(
        "\0",
        "\ufeff",
        "#",
        "-r x",
        "https://",
        "@",
        "!!",
        "&a ",
        "*a",
        "<<: ",
        "RUN ",
        "FROM ",
        "pip install ",
        "; done",
    ),
    *("fi", "case ", "()", "\r", "\x0c", "\u2028", "A" * 5000, "../", "\x1b[31m"),
]


@pytest.mark.parametrize("name", SEEDS)
def test_a_broken_definition_gets_a_verdict(tmp_path: Path, name: str) -> None:
    chance = random.Random(name)  # noqa: S311 - the same breakage at every run
    for _ in range(120):
        content = SEEDS[name]
        for _ in range(chance.randint(1, 6)):
            start = chance.randint(0, len(content))
            end = min(len(content), start + chance.randint(0, 40))
            middle = chance.choice(["", content[start:end] * 3, chance.choice(PIECES) * chance.choice([1, 1, 20])])
            content = content[:start] + middle + content[end:]
        declared = declare(tmp_path, {name: content.encode("utf-8", "surrogatepass")})
        report = verdict(declared)
        assert not [one for one in declared.problems if one.code == "reader_failed"], content
        assert declared.references or declared.sources or declared.problems, content
        for render in (check_json.render, check_text.render, check_markdown.render):
            assert render(report).encode()
