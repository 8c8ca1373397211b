"""What the rules on drift, on what an image starts and on configuration left in it make of each fact."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from evaluation.worlds import NOW, evidence, policy, submission

from gate.model.decision import Decision, Outcome, Status
from gate.model.drift import Difference, Drift, DriftAgainst, DriftKind
from gate.model.image import Component, Proof, ProofLevel
from gate.model.origin import CONDA_DEFAULTS, Kind, Origin, OriginKind
from gate.model.steering import PlaceState, Steer, Steering, ToolConfig
from gate.policy.decide import decide
from gate.policy.explain import explain
from gate.policy.rules import ALL
from gate.policy.schema import ContentPolicy, DriftPolicy, ResolutionPolicy, Treatment
from gate.policy.words import Demand

if TYPE_CHECKING:
    from gate.policy.schema import Policy

STRANGER = Origin(kind=OriginKind.PYTHON_INDEX, location="https://packages.example.org/simple")


def under(**parts: object) -> Policy:
    """Return the policy of the tests with parts of the decision's settings replaced."""
    given = policy()
    return given.model_copy(update={"decision": given.decision.model_copy(update=parts)})


def judged(known: Policy | None = None, **facts: Any) -> Decision:
    """Decide on the image of the tests with some facts replaced."""
    given = evidence(submission(), (), submitted_at=NOW, now=NOW)
    image = given.image.model_copy(update=facts)
    return decide(given.model_copy(update={"image": image}), known or policy(), NOW)


def met(decision: Decision, rule: str) -> list[tuple[Status, str]]:
    """Return status and code of one rule's results; each has words with no gap in them."""
    (codes,) = [one.codes for one in ALL if one.id == rule]
    found = [one for one in decision.results if one.rule == rule]
    for one in found:
        words = explain(codes, one.code, one.params)
        assert "unknown" not in words.reason
        assert one.status is Status.PASS or words.way_out
    return [(one.status, one.code) for one in found]


def drifted(*kinds: DriftKind, count: int = 1, total: int = 0, against: DriftAgainst = DriftAgainst.DECLARED) -> Drift:
    found = [
        Difference(
            kind=kind,
            against=against,
            component=Kind.PYPI,
            name=f"n{number}",
            wanted="1",
            found="2",
            where="r:1",
        )
        for kind in kinds
        for number in range(count)
    ]
    return Drift(declared=1, observed=1, differences=tuple(found), total=total or len(found))


def test_all_of_it_in_order_is_promoted() -> None:
    decision = judged()
    assert decision.outcome is Outcome.PROMOTE
    for rule, code in (("drift", "no_drift"), ("image-start", "start_as_proven"), ("tool-config", "no_tool_config")):
        assert met(decision, rule) == [(Status.PASS, code)]


def test_what_nobody_looked_at_holds() -> None:
    decision = judged(steering=None)
    assert decision.outcome is Outcome.HOLD
    assert met(decision, "image-start") == met(decision, "tool-config") == [(Status.UNKNOWN, "not_looked_at")]


def test_a_drift_that_nobody_compared_is_told_and_holds_where_policy_asks_for_it() -> None:
    assert met(judged(drift=None), "drift") == [(Status.WARN, "not_compared")]
    strict = under(drift=DriftPolicy(missing=Treatment.BLOCK))
    assert judged(strict, drift=None).outcome is Outcome.HOLD


@pytest.mark.parametrize("kind", list(DriftKind))
def test_each_kind_of_drift_is_told_by_default_and_refused_where_policy_says_so(kind: DriftKind) -> None:
    told = judged(drift=drifted(kind))
    expected = (Status.PASS, "no_drift") if kind is DriftKind.VENDORED else (Status.WARN, kind.value)
    assert (told.outcome, met(told, "drift")) == (Outcome.PROMOTE, [expected])
    warned = judged(under(drift=DriftPolicy(**{kind.value: Treatment.WARN})), drift=drifted(kind))
    assert met(warned, "drift") == [(Status.WARN, kind.value)]
    refused = judged(under(drift=DriftPolicy(**{kind.value: Treatment.BLOCK})), drift=drifted(*DriftKind))
    assert refused.outcome is Outcome.DISCARD
    assert [code for status, code in met(refused, "drift") if status is Status.FAIL] == [kind.value]
    allowed = judged(under(drift=DriftPolicy(**{kind.value: Treatment.ALLOW})), drift=drifted(kind))
    assert met(allowed, "drift") == [(Status.PASS, "no_drift")]


@pytest.mark.parametrize("kind", list(DriftKind))
def test_a_difference_from_the_closed_set_refuses_only_where_policy_requires_the_set(kind: DriftKind) -> None:
    strict = DriftPolicy(**{kind.value: Treatment.BLOCK})
    found = drifted(kind, against=DriftAgainst.RESOLVED)
    advised = judged(under(drift=strict), drift=found)
    assert (advised.outcome, met(advised, "drift")) == (Outcome.PROMOTE, [(Status.WARN, kind.value)])
    required = under(drift=strict, resolution=ResolutionPolicy(evaluations=Demand.REQUIRED))
    refused = judged(required, drift=found)
    assert (refused.outcome, met(refused, "drift")) == (Outcome.DISCARD, [(Status.FAIL, kind.value)])


def test_a_thousand_differences_are_counted_and_not_all_named() -> None:
    results = met(judged(drift=drifted(DriftKind.UNDECLARED, count=60, total=2000)), "drift")
    assert results == [(Status.WARN, "undeclared")] * 50 + [(Status.WARN, "more")]


@pytest.mark.parametrize(
    ("steer", "code", "status"),
    [
        (Steer(name="LD_PRELOAD", place="/opt/x.so", state=PlaceState.OWN), "preloaded", Status.FAIL),
        (Steer(name="LD_PRELOAD", place="/x.so", state=PlaceState.ABSENT), "preloaded", Status.FAIL),
        (Steer(name="PYTHONSTARTUP", place="x.py", state=PlaceState.RELATIVE), "preloaded", Status.FAIL),
        (Steer(name="WorkingDir", place="/app", state=PlaceState.SHADOWS, names=("six",)), "shadowed", Status.FAIL),
        (Steer(name="PATH", place="bin", state=PlaceState.RELATIVE), "relative", Status.WARN),
    ],
)
def test_what_comes_before_what_was_proven_is_refused(steer: Steer, code: str, status: Status) -> None:
    decision = judged(steering=Steering(steers=(steer,)))
    assert (status, code) in met(decision, "image-start")
    assert (decision.outcome is Outcome.DISCARD) == (status is Status.FAIL)
    allowed = judged(under(content=ContentPolicy(start=Treatment.ALLOW)), steering=Steering(steers=(steer,)))
    assert met(allowed, "image-start") == [(Status.PASS, "start_as_proven")]
    warned = judged(under(content=ContentPolicy(start=Treatment.WARN)), steering=Steering(steers=(steer,)))
    assert met(warned, "image-start") == [(Status.WARN, code), (Status.PASS, "start_as_proven")]


@pytest.mark.parametrize(
    "steer",
    [
        Steer(name="LD_PRELOAD", place="/usr/lib/x.so", state=PlaceState.BASE),
        Steer(name="LD_AUDIT", place="/usr/lib/x.so", state=PlaceState.OWNED),
        Steer(name="PYTHONPATH", place="/app", state=PlaceState.OWN),
        Steer(name="PATH", place="/nowhere", state=PlaceState.ABSENT),
        Steer(name="command", place="run.sh", state=PlaceState.OWN),
        Steer(name="command", place="run.sh", state=PlaceState.RELATIVE),
    ],
)
def test_what_is_somebodys_or_the_applications_own_passes(steer: Steer) -> None:
    assert met(judged(steering=Steering(steers=(steer,))), "image-start") == [(Status.PASS, "start_as_proven")]


def test_a_container_that_installs_at_its_start_is_refused() -> None:
    decision = judged(steering=Steering(installs=("sh -c pip install x",)))
    assert met(decision, "image-start") == [(Status.FAIL, "installs_at_start")]


def tool(**facts: Any) -> ToolConfig:
    return ToolConfig(**{"path": "etc/pip.conf", "tool": "pip", "layer": 1, **facts})


@pytest.mark.parametrize(
    ("left", "codes"),
    [
        (tool(origins=(STRANGER,)), ["tool_origin"]),
        (tool(origins=(STRANGER,), secret=True), ["tool_origin", "tool_secret"]),
        (tool(unread="toml_invalid"), ["tool_unread"]),
    ],
)
def test_configuration_left_behind_is_told_and_refused_where_policy_says_so(left: ToolConfig, codes: list[str]) -> None:
    steering = Steering(tools=(left,))
    told = judged(steering=steering)
    assert told.outcome is Outcome.PROMOTE
    assert met(told, "tool-config") == [*((Status.WARN, code) for code in codes), (Status.PASS, "no_tool_config")]
    refused = judged(under(content=ContentPolicy(tools=Treatment.BLOCK)), steering=steering)
    assert met(refused, "tool-config") == [(Status.FAIL, code) for code in codes]
    allowed = judged(under(content=ContentPolicy(tools=Treatment.ALLOW)), steering=steering)
    assert met(allowed, "tool-config") == [(Status.PASS, "no_tool_config")]


def test_configuration_of_the_base_and_of_safelisted_places_passes() -> None:
    listed = Origin(kind=OriginKind.PYTHON_INDEX, location="pypi")
    tools = (tool(origins=(STRANGER,), secret=True, in_base=True), tool(origins=(listed,)))
    assert met(judged(steering=Steering(tools=tools)), "tool-config") == [(Status.PASS, "no_tool_config")]


@pytest.mark.parametrize(
    ("code", "location", "disposed"),
    [
        ("other_channel", "https://conda.example.org/private", "other_channel"),
        ("other_channel", CONDA_DEFAULTS, "channel_licence"),
        ("conda_files_differ", "conda-forge", "conda_files_differ"),
    ],
)
def test_a_contradicted_conda_package_is_blocked_with_its_reason(code: str, location: str, disposed: str) -> None:
    origin = Origin(kind=OriginKind.CONDA_CHANNEL, location=location)
    component = Component(
        kind=Kind.CONDA,
        name="demo",
        version="1",
        path="opt/conda/conda-meta/demo-1-0.json",
        layer=1,
        proof=Proof(level=ProofLevel.CONTRADICTED, code=code, origin=origin),
    )
    decision = judged(components=(component,))
    assert met(decision, "component-origin") == [(Status.FAIL, disposed)]


def test_a_proven_conda_package_is_safelisted_by_the_default() -> None:
    """`proof.conda` asks for `proven`, which an image can have since files are compared."""
    origin = Origin(kind=OriginKind.CONDA_CHANNEL, location="conda-forge")
    for level, outcome in ((ProofLevel.PROVEN, Outcome.PROMOTE), (ProofLevel.CONSISTENT, Outcome.DISCARD)):
        component = Component(
            kind=Kind.CONDA,
            name="demo",
            version="1",
            path="opt/conda/conda-meta/demo-1-0.json",
            layer=1,
            proof=Proof(level=level, code="conda_files_equal", origin=origin),
        )
        assert judged(components=(component,)).outcome is outcome
