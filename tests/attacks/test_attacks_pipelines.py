"""What a judged file says to a pipeline's agent, or to a terminal, is shown and not obeyed."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from attacks.attack_world import DEMO
from image.image_world import World, layer, wheel, write_layout

from gate.cli.run import main
from gate.model.quiet import quiet, quiet_json

if TYPE_CHECKING:
    from pathlib import Path

    from attacks.attack_world import Attack

OBEYED = re.compile(r"##(?:vso)?\[|^\s*::|\x1b", re.IGNORECASE | re.MULTILINE)
"""What Azure Pipelines, GitHub Actions and terminals take for a command."""

COMMANDS = (
    "##vso[task.setvariable variable=PATH]/tmp/evil",
    "##VSO[task.complete result=Succeeded]done",
    "##[error]forged",
    "::set-output name=verdict::promote",
    "\x1b]0;title\x07\x1b[2Jpromoted",
)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("style", ["text", "markdown", "json", "sarif", "junit"])
def test_a_declared_name_gives_no_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], style: str, command: str
) -> None:
    words = [
        f"evil @ https://x.example/{command}",
        f"./{command}",
        command,
        f"-r {command}.txt",
        f"-i https://{command}",
    ]
    spelt = json.dumps([f"a=1\n{command}", f"{command}::b", *words])
    (tmp_path / "conda.yml").write_text(f"channels: {spelt}\ndependencies:\n  - pip: {spelt}\n")
    (tmp_path / "requirements.txt").write_text("\n".join(words))
    (tmp_path / "Dockerfile").write_text(f'FROM "{command}"\nRUN pip install "{command}" && curl "https://{command}"\n')
    assert main(["check", str(tmp_path), "--format", style]) in {10, 12}
    shown = capsys.readouterr()
    assert not OBEYED.search(shown.out), OBEYED.search(shown.out)
    assert not OBEYED.search(shown.err)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_s_name_gives_no_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str) -> None:
    file = tmp_path / f"{command.replace('/', '_')}.txt"
    file.write_text("./evil\n")
    assert main(["check", str(file)]) == 10
    assert main(["check", str(tmp_path / f"{command.replace('/', '_')}-gone.txt")]) == 12
    shown = capsys.readouterr()
    assert not OBEYED.search(shown.out + shown.err)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("style", ["text", "json"])
def test_what_lies_in_an_image_gives_no_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], style: str, command: str
) -> None:
    world = World()
    told = {"url": f"https://x.example/{command}", "archive_info": {}}
    hostile = wheel(direct_url=told) | {f"opt/{command}/evil-1.dist-info/METADATA": b"no header"}
    write_layout(world, tmp_path / "images", one=world.image(layer(hostile)))
    assert main(["inspect", f"oci:{tmp_path / 'images'}:one", "--format", style]) == 12
    shown = capsys.readouterr()
    assert not OBEYED.search(shown.out + shown.err)


def test_a_decision_about_hostile_names_is_shown_without_commands(attack: Attack) -> None:
    files = attack.install(DEMO)
    decision = attack.judge(files, {f"usr/lib/python3/dist-packages/{command}.py": b"" for command in COMMANDS})
    assert "importable" in {one.code for one in decision.results}
    assert not OBEYED.search(quiet(" ".join(one.params.get("examples", "") for one in decision.results)))


def test_json_says_the_same_with_and_without_commands() -> None:
    said = {command: [command] for command in COMMANDS}
    assert json.loads(quiet_json(json.dumps(said))) == said
