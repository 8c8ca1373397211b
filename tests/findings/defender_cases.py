"""The table of docs/defender.md as data: what Azure and the registry answer, and what the gate makes of it.

Each row arranges the simulator, and is asked through the real libraries. `about` is a state, a trap's number or a
forged proof; `wire` is what the documentation says is answered.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from azure_world import sim_rows as rows
from azure_world.sim_gate import DIGEST, OTHER, policy, signed_artifact
from azure_world.sim_registry import SimRegistry
from azure_world.sim_signer import (
    Signer,
    attach_signature,
    findings_artifact,
    jws,
    make_signer,
    payload_of,
    statement,
)
from azure_world.sim_state import OTHER_TENANT, AzureWorld, plan
from findings.defender_scans import REQUESTER, SCANNER, KeptScans, filed, sarif

from gate.cloud import GROUPED_KEYS
from gate.findings.proof.chain import names_of
from gate.model.decision import Outcome
from gate.model.finding import ScanState
from gate.policy.schema import DefenderPolicy

HOLD, DISCARD, PROMOTE = Outcome.HOLD, Outcome.DISCARD, Outcome.PROMOTE
GROUPED = {"GATE_DEFENDER_MODEL": "grouped"}
BOTH = {"GATE_DEFENDER_MODEL": "both"}
OLD, NEW = "2026-10-01T00:00:00Z", "2026-11-01T09:00:00Z"


@dataclass(slots=True, kw_only=True)
class Stage:
    """What a row may arrange. `signer` is the one whom policy lists; `rules` is that policy."""

    world: AzureWorld
    registry: SimRegistry
    signer: Signer
    rules: DefenderPolicy = field(default_factory=DefenderPolicy)
    scans: KeptScans | None = None
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row: `decides` is the rule and code that must stand in the decision."""

    id: str
    about: str
    wire: str
    state: ScanState
    outcome: Outcome
    decides: str
    arrange: Callable[[Stage], object]


def _case(id_: str, about: str, wire: str, state: str, arrange: Callable[[Stage], object], **more: Any) -> Case:
    known = ScanState(state)
    return Case(
        id=id_,
        about=about,
        wire=wire,
        state=known,
        outcome=more.get("outcome", HOLD),
        decides=more.get("decides", f"scan-proof[{known.value}]"),
        arrange=arrange,
    )


def _row(**changes: Any) -> Callable[[Stage], object]:
    return lambda stage: stage.world.assessments.append(rows.individual(DIGEST, **changes))


def _rows(count: int, **faults: Any) -> Callable[[Stage], object]:
    def arrange(stage: Stage) -> None:
        stage.world.assessments.extend(rows.individual(DIGEST, number, severity="Low") for number in range(count))
        stage.world.page_rows = 10
        for name, value in faults.items():
            setattr(stage.world.faults, name, value)

    return arrange


def _faults(**faults: Any) -> Callable[[Stage], object]:
    def arrange(stage: Stage) -> None:
        for name, value in faults.items():
            setattr(stage.world.faults, name, value)

    return arrange


def _world(**changes: Any) -> Callable[[Stage], object]:
    def arrange(stage: Stage) -> None:
        signed_artifact(stage.registry, stage.signer)
        for name, value in changes.items():
            setattr(stage.world, name, value)

    return arrange


def _image(**status: str) -> Callable[[Stage], object]:
    made = {"properties__status": status}
    return lambda stage: stage.world.assessments.append(rows.image_assessment(DIGEST, **made))


def _registry(**changes: Any) -> Callable[[Stage], object]:
    def arrange(stage: Stage) -> None:
        signed_artifact(stage.registry, stage.signer)
        stage.world.registry.update(changes)

    return arrange


def _artifact(**made: Any) -> Callable[[Stage], object]:
    return lambda stage: signed_artifact(stage.registry, stage.signer, **made)


def _unsigned(stage: Stage) -> None:
    stage.registry.pushed[DIGEST] = "2026-11-01T09:00:00Z"
    findings_artifact(stage.registry, DIGEST)


def _signed_by(forger: Callable[[Stage], Signer]) -> Callable[[Stage], object]:
    return lambda stage: signed_artifact(stage.registry, forger(stage))


def _grafted(stage: Stage) -> Signer:
    """Return a signer of the forger's own who shows the chain that policy trusts."""
    return Signer(key=make_signer().key, chain=stage.signer.chain)


def _own_root_appended(stage: Stage) -> Signer:
    own = make_signer()
    return Signer(key=own.key, chain=[own.chain[0], stage.signer.chain[-1]])


def _other_name(stage: Stage) -> None:
    somebody = make_signer(subject={"CN": "somebody"})
    stage.rules = policy(somebody)
    signed_artifact(stage.registry, somebody)


def _revoked(place: int, kind: str) -> Callable[[Stage], object]:
    """Have policy revoke the `place`-th certificate of the signer's chain, by its `kind` of name."""

    def arrange(stage: Stage) -> None:
        signed_artifact(stage.registry, stage.signer)
        named = [one for one in names_of(stage.signer.chain[place]) if one.startswith(kind)]
        (known,) = stage.rules.signers
        listed = known.model_copy(update={"revoked": tuple(named)})
        stage.rules = stage.rules.model_copy(update={"signers": (listed,)})

    return arrange


def _other_artifacts_signature(stage: Stage) -> None:
    signed_artifact(stage.registry, stage.signer, OTHER)
    stage.registry.pushed[DIGEST] = "2026-11-01T09:00:00Z"
    other = stage.registry.listed[OTHER][0]
    mine = findings_artifact(stage.registry, DIGEST)
    attach_signature(stage.registry, mine, jws(stage.signer, payload_of(stage.registry, other)))


def _replayed(stage: Stage) -> None:
    """List another digest's artifact, signature and all, as attached to this one: who pushes may write that tag."""
    stage.registry.api = False
    signed_artifact(stage.registry, stage.signer, OTHER)
    stage.registry.pushed[DIGEST] = "2026-11-01T09:00:00Z"
    stage.registry.attach(DIGEST, stage.registry.listed[OTHER][0])


def _other_body(stage: Stage) -> None:
    signed_artifact(stage.registry, stage.signer, body=json.dumps(statement(OTHER)).encode())


def _results(stage: Stage) -> None:
    listed = statement(DIGEST, {"id": "CVE-2026-1", "severity": [{"method": "cvss", "score": "9.8"}]})
    signed_artifact(stage.registry, stage.signer, body=json.dumps(listed).encode())


def _scan(report: Any, **more: Any) -> Callable[[Stage], object]:
    def arrange(stage: Stage) -> None:
        stage.scans = filed(report, **more)

    return arrange


def _grouped(*made: Any, **settings: str) -> Callable[[Stage], object]:
    def arrange(stage: Stage) -> None:
        stage.settings.update(settings or GROUPED)
        stage.world.sub_assessments = {GROUPED_KEYS[0]: list(made)}

    return arrange


def _all(*steps: Callable[[Stage], object]) -> Callable[[Stage], object]:
    return lambda stage: [step(stage) for step in steps]


def _refusing(stage: Stage) -> None:
    stage.registry.status = 401


def _index(stage: Stage) -> None:
    """Have the index of which this image is a child scanned, and not the child."""
    signed_artifact(stage.registry, stage.signer, OTHER)
    stage.world.assessments.append(rows.individual(OTHER, severity="Low"))


_EXEMPT = {"code": "NotApplicable", "cause": "Exempt", "description": "Disabled parent assessment"}
_REPR = "[{'CveId': 'CVE-1', 'Severity': 'Low'}]"
_VULNERABLE = {"outcome": DISCARD, "decides": "findings[vulnerable]"}
_CLEAN = {"outcome": PROMOTE, "decides": "scan-proof[scanned]"}
_LOW = {"outcome": PROMOTE, "decides": "findings[below_bar]"}


def _nothing(stage: Stage) -> None:
    del stage


CASES: tuple[Case, ...] = (
    _case("nothing", "`not_scanned`", "200 and no rows; nothing attached", "not_scanned", _nothing),
    _case("scheduled", "`pending`", "the image's assessment is `Unverified`", "pending", _image(code="Unverified")),
    _case("signed", "`clean`", "no rows; a signed findings artifact without results", "clean", _artifact(), **_CLEAN),
    _case("healthy-image", "`clean`", "the image's assessment is `Healthy`", "clean",
          _image(code="Healthy", statusChangeDate="2026-11-01T09:30:00.0000000Z"), **_CLEAN),
    _case("healthy-row", "`clean`", "the digest's only row says `Healthy`", "clean",
          _row(properties__status={"code": "Healthy"}), **_CLEAN),
    _case("high", "`findings`", "a row of severity High", "findings", _row(), **_VULNERABLE),
    _case("low", "`findings`", "a row of severity Low", "findings", _row(severity="Low"), **_LOW),
    _case("old-row", "`stale`", "rows, last written a month ago", "stale",
          _row(severity="Low", properties__resourceAdditionalData={"Digest": DIGEST, "LastPushedToRegistryUTC": OLD})),
    _case("undated-row", "`findings`", "rows that tell no time at all", "findings",
          _row(severity="Low", properties__resourceAdditionalData={"Digest": DIGEST}), decides="scan-proof[no_time]"),
    _case("unsupported", "`unsupported`", "the image's assessment is `NotApplicable`", "unsupported",
          _image(code="NotApplicable", cause="OSNotSupported", description="the operating system is not supported")),
    _case("plan-free", "`plan_off`", "plan `Containers` is `Free`; a signed artifact is there", "plan_off",
          _world(plans={"Containers": plan("Free"), "CloudPosture": plan("Free")})),
    _case("extension-off", "`plan_off`", "plan `Standard`, its extension for registries `False`", "plan_off",
          _world(plans={"Containers": plan(ContainerRegistriesVulnerabilityAssessments="False"),
                        "CloudPosture": plan("Free")})),
    _case("provider-off", "`plan_off`", "provider Microsoft.Security is `NotRegistered`", "plan_off",
          _world(provider="NotRegistered")),
    _case("hidden", "`no_permission`", "200 and no rows of any image: hidden", "no_permission",
          _all(_artifact(), _faults(hidden=True))),
    _case("registry-hidden", "`no_permission`", "Resource Graph does not show the registry", "no_permission",
          _all(_artifact(), _faults(registry_hidden=True))),
    _case("forbidden", "`no_permission`", "403 from Resource Manager", "no_permission",
          _all(_artifact(), _faults(status=403))),
    _case("role-missing", "`no_permission`", "permissions without `Microsoft.Security`", "no_permission",
          _world(permissions=[])),
    _case("broken", "`source_error`", "500 from Resource Manager", "source_error",
          _all(_artifact(), _faults(status=500))),
    _case("login-page", "`source_error`", "200 and a login page", "source_error",
          _all(_artifact(), _faults(not_json=True))),
    _case("artifact-against-rows", "`disagreement`", "a signed artifact with results, and no rows", "disagreement",
          _results),
    _case("models-contradict", "`disagreement`", "one model `Healthy`, the other has findings", "disagreement",
          _all(_row(properties__status={"code": "Healthy"}), _grouped(rows.sub_assessment(DIGEST), **BOTH))),
    _case("unhealthy-without-rows", "`disagreement`", "the image is `Unhealthy`, and no row says why", "disagreement",
          _image(code="Unhealthy")),
    _case("retired", "1", "grouped model: 200 and an empty list", "not_scanned", _grouped()),
    _case("retired-gone", "1", "grouped model: 404", "not_scanned",
          lambda stage: stage.settings.update(GROUPED)),
    _case("grouped", "1", "grouped model: a row of severity High", "findings",
          _grouped(rows.sub_assessment(OTHER, 1), rows.sub_assessment(DIGEST, 2)), **_VULNERABLE),
    _case("zero-unproven", "2", "200 and no rows, plan and roles in order", "not_scanned", _nothing),
    _case("firewall", "2", "no rows; the registry's firewall keeps Defender out", "not_scanned",
          _registry(networkRuleSet={"defaultAction": "Deny"}, networkRuleBypassOptions="None")),
    _case("quarantine", "2", "no rows; the quarantine policy is on", "not_scanned",
          _registry(policies={"quarantinePolicy": {"status": "enabled"}})),
    _case("python-text", "3", "`CvesDetails` as the text that SDK models make of it", "source_error",
          _row(severity="Low", properties__additionalData__CvesDetails=_REPR)),
    _case("object-not-text", "3", "`resourceAdditionalData` as an object, not as text", "findings",
          _row(properties__resourceAdditionalData={"Digest": DIGEST, "LastPushedToRegistryUTC": NEW}), **_VULNERABLE),
    _case("digest-missing", "3", "a row by its id, without the image's data", "source_error",
          _row(properties__resourceAdditionalData=...)),
    _case("two-digests", "3", "a row by its id, whose data name another digest", "source_error",
          _row(severity="Low", properties__resourceAdditionalData={"Digest": OTHER, "LastPushedToRegistryUTC": NEW})),
    _case("exempt", "4", "`NotApplicable` with cause `Exempt`, severity High", "findings",
          _row(properties__status=_EXEMPT), **_VULNERABLE),
    _case("not-assessed", "4", "`NotApplicable` without an exemption, severity Low", "not_scanned",
          _row(severity="Low", properties__status={"code": "NotApplicable"})),
    _case("critical", "5", "severity `Critical`, which the SDK's list lacks", "findings", _row(severity="Critical"),
          **_VULNERABLE),
    _case("unknown", "5", "severity `Unknown`, CVSS null", "findings", _row(severity="Unknown"), **_VULNERABLE),
    _case("unnamed", "5", "severity empty", "findings", _row(severity=""), **_VULNERABLE),
    _case("hours", "6", "no rows yet: the scan takes hours", "not_scanned", _nothing),
    _case("same-tag", "7", "rows of this tag's former digest", "not_scanned",
          lambda stage: stage.world.assessments.append(rows.individual(OTHER, severity="Low"))),
    _case("index-scanned", "9", "artifact and rows of the index, none of its image", "not_scanned", _index),
    _case("registry-refuses", "12", "401 from the registry for what is attached", "no_permission",
          _refusing),
    _case("half-page", "13", "a page lacks half of its rows", "source_error", _rows(30, half_page=1, about=DIGEST)),
    _case("lost-page", "13", "a page is left out", "source_error", _rows(30, lost_page=1)),
    _case("repeated-page", "13", "a page comes twice in place of another", "source_error", _rows(30, repeated_page=1)),
    _case("cut", "13", "`resultTruncated` and no token", "source_error", _rows(30, cut=True, about=DIGEST)),
    _case("fails-midway", "13", "500 on the second page", "source_error", _rows(30, fail_page=1, about=DIGEST)),
    _case("throttled-midway", "13", "429 on the second page, for longer than is waited", "source_error",
          _rows(30, fail_page=1, fail_status=429, retry_after="600", about=DIGEST)),
    _case("partial-scope", "13", "not every subscription was looked at", "source_error",
          _all(_artifact(), _faults(partial_scope=True, about=DIGEST))),
    _case("partial-preflight", "13", "the same, of the question what is visible at all", "source_error",
          _all(_artifact(), _faults(partial_scope=True))),
    _case("foreign-page", "13", "`nextLink` on another host", "source_error",
          _all(_grouped(*(rows.sub_assessment(DIGEST, n) for n in range(150))),
               _faults(foreign_next="https://127.0.0.1:1"))),
    _case("abac", "14", "an attribute-based registry, the gate has AcrPull", "no_permission",
          _registry(roleAssignmentMode="AbacRepositoryPermissions")),
    _case("other-tenant", "15", "401: the token is another tenant's", "no_permission",
          _world(tokens_for=OTHER_TENANT)),
    _case("secret-refused", "15", "401 from the token endpoint", "no_permission",
          lambda stage: stage.settings.update({"AZURE_CLIENT_SECRET": "wrong"})),
    _case("unsigned", "forged", "a look-alike artifact without a signature", "not_scanned", _unsigned),
    _case("other-root", "forged", "an artifact signed below a root of the forger's own", "not_scanned",
          _signed_by(lambda _: make_signer())),
    _case("own-key", "forged", "the trusted chain, and a signature by another key", "not_scanned",
          _signed_by(_grafted)),
    _case("grafted-root", "forged", "the forger's certificate before the trusted root", "not_scanned",
          _signed_by(_own_root_appended)),
    _case("other-name", "forged", "the trusted root, a certificate of another name", "not_scanned",
          _other_name),
    _case("revoked", "forged", "a good signature by a certificate that policy revokes", "not_scanned",
          _revoked(0, "serial:")),
    _case("revoked-key", "forged", "the same by its key", "not_scanned", _revoked(0, "key:")),
    _case("revoked-root", "forged", "a good signature below a root that policy revokes", "not_scanned",
          _revoked(-1, "serial:")),
    _case("other-subject", "forged", "a good signature, over another artifact", "not_scanned",
          _other_artifacts_signature),
    _case("replayed", "forged", "another digest's artifact, listed as this one's", "not_scanned", _replayed),
    _case("other-body", "forged", "a signed artifact whose statement is about another digest", "not_scanned",
          _other_body),
    _case("before-push", "forged", "a signed artifact, made before the push", "not_scanned",
          _artifact(created="2026-10-30T00:00:00Z")),
    _case("future", "forged", "a signed artifact, dated tomorrow", "not_scanned",
          _artifact(created="2026-11-02T12:00:00Z")),
    _case("sarif", "`clean`", "a scanner's SARIF that names the digest, no results", "clean", _scan(sarif()), **_CLEAN),
    _case("sarif-results", "`findings`", "the same with a result of 7.5", "findings",
          _scan(sarif({"ruleId": "CVE-2026-1", "message": {"text": "lodash"}})), **_VULNERABLE),
    _case("sarif-no-digest", "forged", "a scanner's SARIF that names no digest", "not_scanned",
          _scan(sarif(digest=None))),
    _case("sarif-other-digest", "forged", "a scanner's SARIF about another digest", "not_scanned",
          _scan(sarif(digest=OTHER))),
    _case("sarif-stranger", "forged", "SARIF by whom policy does not name", "not_scanned",
          _scan(sarif(), by="acme/somebody")),
    _case("sarif-requester", "forged", "SARIF by a scanner who asks for the release", "not_scanned",
          _scan(sarif(), requesters=frozenset({REQUESTER, SCANNER.upper()}))),
    _case("sarif-unfinished", "forged", "SARIF of a run that did not finish", "not_scanned",
          _scan(sarif(invocations=[{"executionSuccessful": False}]))),
)  # fmt: skip
"""Every row, in the order of the documentation."""


def table() -> str:
    """Return the table as the documentation has it."""
    lines = ["| row | state or trap | what is answered | state | decision | because of |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {case.id} | {case.about} | {case.wire} | `{case.state.value}` | {case.outcome.value} | `{case.decides}` |"
        for case in CASES
    ]
    return "\n".join(lines)
