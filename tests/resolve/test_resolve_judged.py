"""A judged set says what refuses it and what to do, to people and to programs."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from index.wheel_maker import WheelRecipe
from resolve.resolve_world import NOW, config, declared, policy, python_reference

from gate.errors import UsageError
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


def test_a_rule_that_raises_has_not_passed_and_nothing_is_decided(index: IndexServer) -> None:
    found = judged(index, demands=ResolutionPolicy(cooling_off=timedelta.max))
    assert (found.verdict, found.results) == ("unresolved", ())
    assert found.failure is not None
    assert (found.failure.code, found.failure.exit_code) == ("unforeseen", 12)
    assert [package.name for package in found.resolution.packages] == ["one"], "what was resolved is still told"
    assert "unresolved[unforeseen]" in closed_set_text.render(found)


def test_a_platform_that_nobody_knows_is_wrong_usage_and_no_verdict(index: IndexServer) -> None:
    for platform, python in (("amiga", "3.11"), ("linux-x86_64", "2.7")):
        with pytest.raises(UsageError):
            judge_closed_set(
                declared(python_reference("one")),
                policy(),
                definition="requirements.txt",
                platform=platform,
                python=python,
                now=NOW,
                config=config(pypi=index.url),
            )
    assert index.asked == []


def test_what_policy_demands_holds_where_nobody_says_otherwise(index: IndexServer) -> None:
    base = policy()
    long = base.decision.model_copy(update={"resolution": ResolutionPolicy(cooling_off=timedelta(days=400))})
    recipe = WheelRecipe(name="one")
    index.publish("one", recipe.filename, recipe.build_bytes())
    found = judge_closed_set(
        declared(python_reference("one", "==1.0")),
        base.model_copy(update={"decision": long}),
        definition="requirements.txt",
        platform="linux-x86_64",
        python="3.11",
        now=NOW,
        config=config(pypi=index.url),
    )
    assert found.verdict == "refused"
