"""`/v1/checks` is `gate check --format json` for the same files, and reads no more than it was sent."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from service.inprocess import ALICE, TestClient, bundle, problem
from service.live import Live

SCHEMA = Path(__file__).parents[2] / "docs" / "schemas" / "check-1.schema.json"

PROJECTS: dict[str, dict[str, str]] = {
    "safelisted": {"requirements.txt": "six==1.17.0\nidna>=3\n"},
    "needs": {"requirements.txt": "--extra-index-url https://user:pw@pypi.acme.example/simple\nacme-tool==1\n"},
    "nested": {"requirements.txt": "-r more/base.txt\n-c pins.txt\n", "more/base.txt": "six\n", "pins.txt": "six==1\n"},
    "conda": {"environment.yml": "channels: [conda-forge]\ndependencies:\n- python=3.12\n- pip:\n  - six\n"},
    "docker": {
        "Dockerfile": "FROM mcr.microsoft.com/x:1\nCOPY requirements.txt .\nRUN pip install -r requirements.txt\n",
        "requirements.txt": "six\n",
    },
    "unparseable": {"environment.yml": "dependencies: [}\n"},
    "missing": {"requirements.txt": "-r nowhere.txt\n"},
    "empty": {"requirements.txt": "\n"},
    "odd": {"requirements.txt": "grün @ git+https://token@git.example.org/x\n\x1b[31mred==1\n"},
}


def sent(files: dict[str, str], *entries: str) -> dict[str, Any]:
    content = [{"path": name, "content": base64.b64encode(text.encode()).decode()} for name, text in files.items()]
    return {"files": content, "entries": list(entries or [next(iter(files))])}


@pytest.mark.parametrize("name", PROJECTS)
def test_it_is_what_the_command_prints_for_the_same_files(
    client: TestClient, ground: Live, tmp_path: Path, name: str
) -> None:
    files = PROJECTS[name]
    for path, text in files.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text)
    command = [sys.executable, "-m", "gate", "check", "--format", "json", next(iter(files))]
    environ = {**ground.environ, "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, cwd=tmp_path, env=environ, capture_output=True, text=True, check=False)
    answer = client.post("/v1/checks", json=sent(files))
    assert answer.status_code == 200
    assert answer.json() == json.loads(done.stdout), done.stderr
    assert answer.text == done.stdout
    jsonschema.validate(answer.json(), json.loads(SCHEMA.read_text()))
    code = {"safelisted": 0, "needs_exception": 10, "unparseable": 12}[answer.json()["verdict"]]
    assert code == done.returncode
    assert "pw@" not in answer.text
    assert "token@" not in answer.text


def test_a_folder_may_be_the_entry(client: TestClient) -> None:
    files = {"app/requirements.txt": "six==1.17.0\n"}
    answer = client.post("/v1/checks", json=sent(files, "app"))
    assert answer.json()["files"] == ["app/requirements.txt"]
    assert client.post("/v1/checks", json=sent(files, ".")).json()["references"] == answer.json()["references"]


@pytest.mark.parametrize(
    ("files", "entries"),
    [
        ({"../requirements.txt": "six"}, ()),
        ({"a/../../requirements.txt": "six"}, ()),
        ({"/etc/requirements.txt": "six"}, ()),
        ({"a\\b.txt": "six"}, ()),
        ({"a\0b.txt": "six"}, ()),
        ({"a\nb.txt": "six"}, ()),
        ({"a.txt": "six", "./a.txt": "seven"}, ()),
        ({"a.txt": "six"}, ("b.txt",)),
        ({"a.txt": "six"}, ("a.txt", "./a.txt")),
        ({"a.txt": "six"}, ("../a.txt",)),
        ({"a": "six", "a/b.txt": "six"}, ()),
        ({"a/b.txt": "six", "a": "six"}, ()),
        ({".": "six"}, ()),
        ({"x" * 300 + ".txt": "six"}, ()),
        ({f"{n}.txt": "six" for n in range(201)}, ()),
        ({"large.txt": "#" * (16 * 1024 * 1024 + 1)}, ()),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_bundle_that_is_not_plain_is_refused(
    client: TestClient, files: dict[str, str], entries: tuple[str, ...]
) -> None:
    problem(client.post("/v1/checks", json=sent(files, *entries)), 422, "bundle_invalid")


@pytest.mark.parametrize("content", ["!!!!", "c2l4", "c2l4=", "c2 l4", "c2l4\n", "====", "c2l", "йцук"])
def test_content_that_is_not_base64_is_refused_and_never_read_as_empty(client: TestClient, content: str) -> None:
    body = {"files": [{"path": "requirements.txt", "content": content}], "entries": ["requirements.txt"]}
    answer = client.post("/v1/checks", json=body)
    if content == "c2l4":
        assert answer.json()["references"][0]["name"] == "six"
    else:
        problem(answer, 422, "request_invalid")


def test_nothing_of_this_machine_is_read(client: TestClient, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("six==1.0\n")
    files = {"requirements.txt": f"-r {tmp_path}/secret.txt\n-r file://{tmp_path}/secret.txt\n-r ../../../etc/passwd\n"}
    answer = client.post("/v1/checks", json=sent(files))
    assert answer.json()["verdict"] != "safelisted"
    assert answer.json()["files"] == ["requirements.txt"]
    assert "six" not in {one["name"] for one in answer.json()["references"]}


def test_a_granted_package_is_granted_here_too(client: TestClient, ground: Live) -> None:
    wheel = ground.push("granted", private=True)
    assert wheel.digest
    name = {"kind": "pypi", "name": "acme-granted-tool", "version": "1.0", "repository": f"oci:{ground.staging}"}
    filed = client.post("/v1/exceptions", json={"subject": name, "reason": "the churn model needs it"}, headers=ALICE)
    assert filed.status_code == 201
    checked = client.post("/v1/checks", json=bundle(requirements_txt="acme-granted-tool==1.0\n")).json()
    assert checked["counts"]["granted"] == 0, "a request is no grant"
