"""A judged set says what refuses it and what to do, to people and to programs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

from index.wheel_maker import WheelRecipe
from resolve.resolve_world import NOW, config, declared, policy, python_reference

from gate.policy.schema import ResolutionPolicy
from gate.reports import closed_set_json, closed_set_text
from gate.resolve.judged import JudgedSet, judge_closed_set

if TYPE_CHECKING:
    from index.index_server import IndexServer


def judged(index: IndexServer, name: str = "one", demands: ResolutionPolicy | None = None) -> JudgedSet:
    recipe = WheelRecipe(name="one")
    index.publish("one", recipe.filename, recipe.build_bytes())
    return judge_closed_set(
        declared(python_reference(name, "==1.0")),
        policy(),
        definition="requirements.txt",
        platform="linux-x86_64",
        python="3.11",
        now=NOW,
        config=config(pypi=index.url),
        demands=demands,
    )


def test_a_sound_set_is_said_to_be_sound(index: IndexServer) -> None:
    found = judged(index)
    assert found.verdict == "sound"
    text = closed_set_text.render(found)
    assert text == "closed set of requirements.txt: sound: 1 packages for linux-x86_64, Python 3.11\n"


def test_what_refuses_a_set_is_told_with_its_way_out(index: IndexServer) -> None:
    index.behaviour.page_fields = {"project-status": {"status": "quarantined", "reason": "\x1b[2J##vso[task] evil"}}
    found = judged(index, demands=ResolutionPolicy(cooling_off=timedelta(days=400)))
    text = closed_set_text.render(found)
    assert found.verdict == "refused"
    assert "fail[project-status]" in text
    assert "fail[cooling-off]" in text
    assert "from: requirements.txt:1" in text
    assert text.count("next: ") == 2
    assert "\x1b" not in text


def test_a_set_that_cannot_be_resolved_is_refused(index: IndexServer) -> None:
    found = judged(index, name="absent")
    assert found.verdict == "held"
    assert not found.resolution.closed
    assert "unknown[set-closed]" in closed_set_text.render(found)


def test_the_data_holds_the_whole_set_and_every_result(index: IndexServer) -> None:
    found = judged(index)
    data = json.loads(json.dumps(closed_set_json.as_object(found)))
    assert (data["definition"], data["verdict"], data["closed"]) == ("requirements.txt", "sound", True)
    assert [package["name"] for package in data["packages"]] == ["one"]
    assert len(data["results"]) == len(found.results)
    assert all(one["reason"] and one["way_out"] for one in data["results"])


def test_a_judged_set_is_read_back_as_it_was(index: IndexServer) -> None:
    found = judged(index)
    assert JudgedSet.parse(found.canonical()) == found
