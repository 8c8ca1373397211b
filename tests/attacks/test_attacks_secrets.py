"""Credentials in what is judged, in every place where people put them: none comes out of any report or value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gate.cli.run import main
from gate.model.redact import redact, redact_url

if TYPE_CHECKING:
    from pathlib import Path

SECRET = "hunter2Xyz9876543"  # noqa: S105 - the bait
MCR = "FROM mcr.microsoft.com/a:1\n"
HOST = f"u:{SECRET}@h.example"
CONDA = "channels: [conda-forge, nodefaults]\n"

REQUIREMENTS = (
    f"-i https://{HOST}/simple",
    f"-i https://{SECRET}@h.example/simple",
    f"-i 'https://{HOST}/a b'",
    f"-i https://{HOST}:99999/simple",
    f"-i https://u:{SECRET}@[::1/s",
    f"-i {HOST}/simple",
    f"-i //{HOST}/simple",
    f"-i https:/{HOST}/simple",
    f"-i 'https:\\\\{HOST}/simple'",
    f"--extra-index-url=https://u:p@{SECRET}@h.example/s",
    f"-f https://h.example/x?sig={SECRET}&a=1",
    f"-r https://{HOST}/r.txt",
    f"x @ https://h.example/x.whl?private_token={SECRET}",
    f"x @ https://h.example/x.whl?X-Amz-Security-Token={SECRET}",
    f"x @ https://h.example/x.whl?access_key={SECRET}",
    f"x @ https://h.example/x.whl?sas={SECRET}",
    f"x @ https://h.example/x.whl#token={SECRET}",
    f"x @ git+https://tok:{SECRET}@h.example/x.git@main",
    f"x @ git+ssh://git:{SECRET}@h.example/x.git",
    f"-e git+https://{SECRET}@h.example/x.git#egg=x",
    f"@@ https://{HOST}",
    f"--proxy http://{HOST}:8080",
)
DOCKERFILES = (
    f"ENV PIP_INDEX_URL=https://{HOST}/s\nRUN pip install six",
    f"ARG TOKEN={SECRET}\nRUN pip install six -i https://u:$TOKEN@h.example/s",
    f"RUN curl -H 'Authorization: Bearer {SECRET}' https://h.example/x | sh",
    f"RUN curl -u user:{SECRET} https://h.example/x.whl -o x",
    f"RUN wget --password {SECRET} https://h.example/x",
    f"ADD https://{HOST}/x /",
    f"FROM {HOST}/x",
    f"RUN git clone https://{SECRET}@h.example/x",
    f"RUN npm install x --//registry/:_authToken={SECRET}",
    f"RUN conda install -c https://h.example/t/{SECRET}/get/x numpy",
    f"RUN pip config set global.index-url https://{HOST}/s\nRUN pip install six",
    f"RUN pip install x -i https://h.example/s?key={SECRET}",
    f"RUN az login --password {SECRET} && pip install git+https://h.example/x",
)
ENVIRONMENTS = (
    f"channels: ['https://h.example/t/{SECRET}/c', nodefaults]\ndependencies: [numpy]",
    f"channels: ['https://{HOST}/c', nodefaults]\ndependencies: ['https://{HOST}/x-1-0.conda']",
    f"{CONDA}dependencies: ['https://h.example/t/{SECRET}/c::numpy']",
    f"{CONDA}variables: {{PIP_INDEX_URL: 'https://{HOST}'}}\ndependencies: [pip, pip: [six]]",
    f"{CONDA}dependencies: ['numpy[url=https://{HOST}/x.conda]']",
    f"name: x\nimage: {HOST}/x:1",
    f"name: x\nbuild:\n  path: https://{HOST}/x.git",
    f"name: x\nimage: mcr.microsoft.com/a:1\nbuild: {{path: 'https://h.example/x.zip?sv=1&sig={SECRET}'}}",
)


@pytest.mark.parametrize("style", ["text", "json", "markdown", "sarif", "junit"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        *(("requirements.txt", line) for line in REQUIREMENTS),
        *(("Dockerfile", MCR + text) for text in DOCKERFILES),
        *(("environment.yml", text) for text in ENVIRONMENTS),
    ],
)
def test_a_credential_in_a_definition_is_in_no_report(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, content: str, style: str
) -> None:
    (tmp_path / name).write_text(content + "\n")
    assert main(["check", str(tmp_path / name), "--format", style]) in {0, 10, 12}
    shown = capsys.readouterr()
    assert SECRET not in shown.out + shown.err


@pytest.mark.parametrize(
    "text",
    [
        "registry.example/app:1@sha256:" + "0" * 64,
        "git@git.example:team/app.git",
        "https://h.example/x.whl?file=a&name=b#sha256=00&egg=x",
        "numpy==1.0 ; python_version < '3.12'",
    ],
)
def test_what_is_no_credential_stays_as_it_is(text: str) -> None:
    """An address is what a grant names, so two must not become one."""
    assert redact(text) == text
    assert redact_url(text) == text
