"""Who signs in, which Azure is asked, what is kept between images: each refusal by its own code."""

from __future__ import annotations

import builtins
import threading
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from azure_world import sim_rows
from azure_world.sim_gate import (
    DIGEST,
    NOW,
    OTHER,
    QUICK,
    ask,
    connection,
    inventory,
    policy,
    settings,
    signed_artifact,
)
from azure_world.sim_registry import SimRegistry
from azure_world.sim_rows import FOLDER, PROVENANCES
from azure_world.sim_signer import Signer
from azure_world.sim_state import REGISTRY_ID, SUBSCRIPTION, AzureWorld

from gate.bounds import DefenderBounds, HttpBounds
from gate.cloud import CLOUDS, GROUPED_KEYS, Cloud, DefenderModel, load_azure
from gate.config import Config, load_config
from gate.errors import BoundError, NotFoundError, UnauthorizedUpstreamError, UpstreamError, UsageError
from gate.findings.defender.arm import Arm
from gate.findings.defender.collect import Collected
from gate.findings.defender.identity import AzureIdentity
from gate.findings.defender.model import RowError
from gate.findings.defender.preflight import Check, CheckStatus, Preflight, Preflights
from gate.findings.defender.sdk import SecurityCenterPages
from gate.findings.defender.waiting import Waiting
from gate.http.client import HttpClient
from gate.model.finding import ScanState
from gate.model.image import ImageFacts, ImageRef, Inventory
from gate.policy.scanners import ScanSigner
from gate.policy.schema import DefenderPolicy
from gate.wiring_azure import connect_defender, defender_source, revisits_of

TENANT = "72f988bf-0000-4000-8000-2d7cd011db47"
REGISTRY = (
    "/subscriptions/0A1B2C3D-0000-4000-8000-000000000001/resourceGroups/rg"
    "/providers/Microsoft.ContainerRegistry/registries/Acme01"
)
CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"


# Settings


def test_a_registry_names_its_subscription_and_the_model_is_the_one_that_is_served() -> None:
    config = load_azure({"GATE_DEFENDER_REGISTRIES": f"{REGISTRY}/", "GATE_AZURE_TENANT": TENANT.upper()})
    assert config is not None
    assert config.subscriptions == ("0a1b2c3d-0000-4000-8000-000000000001",)
    assert (config.tenant, config.model, config.cloud) == (TENANT, DefenderModel.INDIVIDUAL, CLOUDS["public"])
    assert (config.grouped_keys, config.preflight, config.canary) == (GROUPED_KEYS, timedelta(minutes=10), "")


def test_every_cloud_has_its_own_addresses_and_scope() -> None:
    for name, cloud in CLOUDS.items():
        config = load_azure(
            {"GATE_DEFENDER_REGISTRIES": REGISTRY, "GATE_AZURE_TENANT": TENANT, "GATE_AZURE_CLOUD": name}
        )
        assert config is not None
        assert config.cloud == cloud
        assert cloud.scope == f"{cloud.arm}/.default"
    assert len({cloud.arm for cloud in CLOUDS.values()}) == 3


REFUSED = {
    "registry": {"GATE_DEFENDER_REGISTRIES": "acme.example"},
    "subscription": {"GATE_DEFENDER_REGISTRIES": REGISTRY.replace("0A1B2C3D", "--------")},
    "two paths": {"GATE_DEFENDER_REGISTRIES": f"{REGISTRY}/x"},
    "no tenant": {"GATE_AZURE_TENANT": ""},
    "tenant": {"GATE_AZURE_TENANT": "acme"},
    "cloud": {"GATE_AZURE_CLOUD": "germany"},
    "plain": {"GATE_AZURE_ARM": "http://arm.example"},
    "path": {"GATE_AZURE_ARM": "https://arm.example/x"},
    "user": {"GATE_AZURE_AUTHORITY": "https://a:b@arm.example"},
    "port": {"GATE_AZURE_AUTHORITY": "https://arm.example:port"},
    "model": {"GATE_DEFENDER_MODEL": "new"},
    "keys": {"GATE_DEFENDER_ASSESSMENTS": f"{GROUPED_KEYS[0]} all"},
    "canary": {"GATE_DEFENDER_CANARY": "latest"},
    "preflight": {"GATE_DEFENDER_PREFLIGHT_SECONDS": "0"},
    "preflight too long": {"GATE_DEFENDER_PREFLIGHT_SECONDS": "86400"},
}


@pytest.mark.parametrize("how", REFUSED)
def test_a_setting_that_can_not_be_read_is_refused(how: str) -> None:
    sound = {"GATE_DEFENDER_REGISTRIES": REGISTRY, "GATE_AZURE_TENANT": TENANT}
    with pytest.raises(UsageError) as refused:
        load_azure({**sound, **REFUSED[how]})
    assert refused.value.error_code == "config_invalid"


def test_a_part_of_the_settings_without_the_registries_is_refused_and_not_overlooked() -> None:
    assert load_azure({"GATE_AZURE_CLOUD": "china"}) is None
    with pytest.raises(UsageError, match="means nothing without"):
        load_azure({"GATE_DEFENDER_CANARY": DIGEST})


def test_more_is_read(azure: AzureWorld) -> None:
    more = {"GATE_DEFENDER_ASSESSMENTS": GROUPED_KEYS[1], "GATE_DEFENDER_PREFLIGHT_SECONDS": "60"}
    config = load_azure(settings(azure, **more))
    assert config is not None
    assert (config.grouped_keys, config.preflight) == (GROUPED_KEYS[1:], timedelta(minutes=1))
    here, known = azure.address, config.cloud
    assert known == Cloud(authority=here, arm=here, private=True, vault="vault.azure.net", issuers=known.issuers)


# Policy


@pytest.mark.parametrize("text", ["", "AAAA", CERTIFICATE * 2, CERTIFICATE + "x"])
def test_a_root_is_one_certificate(text: str) -> None:
    with pytest.raises(ValueError, match="one certificate"):
        ScanSigner(name="a", roots=(text,), subject={"O": "a"})


def test_a_signer_without_a_root_or_a_subject_would_be_anybody_and_is_refused() -> None:
    assert ScanSigner(name="a", roots=(CERTIFICATE,), subject={"O": "a"}).roots == (CERTIFICATE,)
    with pytest.raises(ValueError, match="roots"):
        ScanSigner(name="a", roots=(), subject={"O": "a"})
    with pytest.raises(ValueError, match="subject"):
        ScanSigner(name="a", roots=(CERTIFICATE,), subject={})


@pytest.mark.parametrize("text", ["somebody", "/x", "t/", "t/o/x", " t/o"])
def test_a_scanner_is_an_identity(text: str) -> None:
    with pytest.raises(ValueError, match="tenant/object-id"):
        DefenderPolicy(scanners=(text,))


# Identity


def identity(world: AzureWorld, **environ: str) -> AzureIdentity:
    cloud = Cloud(authority=world.address, arm=world.address, private=True)
    return AzureIdentity(cloud, TENANT, environ, QUICK)


def test_the_kind_of_identity_is_the_first_that_is_set(azure: AzureWorld, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("federated")
    known = {"AZURE_CLIENT_ID": "c"}
    assert identity(azure).kind == "managed identity"
    assert identity(azure, **known).kind == "managed identity c"
    assert identity(azure, **known).credential is not None
    secret = {**known, "AZURE_CLIENT_SECRET": "s", "AZURE_CLIENT_CERTIFICATE_PATH": "/x"}
    assert identity(azure, **secret).kind == "secret of client c"
    file = {**secret, "AZURE_FEDERATED_TOKEN_FILE": str(tmp_path / "token")}
    assert identity(azure, **file).kind == "workload identity of client c"
    assert type(identity(azure, **file).credential).__name__ == "WorkloadIdentityCredential"
    with pytest.raises(UpstreamError, match="certificate of client c"):
        identity(azure, **known, AZURE_CLIENT_CERTIFICATE_PATH=str(tmp_path / "absent.pem")).token()


def test_a_refused_secret_is_a_refusal_and_is_not_repeated(azure: AzureWorld) -> None:
    with pytest.raises(UnauthorizedUpstreamError) as refused:
        identity(azure, AZURE_CLIENT_ID="c", AZURE_CLIENT_SECRET="hush-hush").token()  # noqa: S106 - what is refused
    assert refused.value.error_code == "azure_sign_in_refused"
    assert "hush" not in f"{refused.value.message}{refused.value.facts}"


def test_an_authority_that_is_not_there_is_a_failure_and_no_refusal() -> None:
    cloud = Cloud(authority="https://127.0.0.1:1", arm="https://127.0.0.1:1", private=True)
    bounds = HttpBounds(attempts=1, connect=1.0, read=1.0, total=2.0)
    environ = {"AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
    with pytest.raises(UpstreamError) as failed:
        AzureIdentity(cloud, TENANT, environ, bounds).token()
    assert failed.value.error_code == "azure_sign_in_failed"


# The library


def pages(world: AzureWorld, **bounds: int) -> SecurityCenterPages:
    from gate.findings.defender.identity import AzureIdentity as Real  # noqa: PLC0415 - the production one, by its name

    environ = settings(world)
    config = load_azure(environ)
    assert config is not None
    return SecurityCenterPages(
        config.cloud, Real(config.cloud, TENANT, environ, QUICK), QUICK, DefenderBounds(**bounds)
    )


def test_the_librarys_refusals_are_the_gates_own(azure: AzureWorld) -> None:
    with pytest.raises(NotFoundError):
        pages(azure).pricing(SUBSCRIPTION, "Nothing")
    azure.faults.status = 403
    with pytest.raises(UnauthorizedUpstreamError):
        pages(azure).pricing(SUBSCRIPTION, "Containers")
    azure.faults.status = 500
    with pytest.raises(UpstreamError):
        pages(azure).pricing(SUBSCRIPTION, "Containers")
    azure.faults.status, azure.faults.not_json = 0, True
    with pytest.raises(UpstreamError):
        pages(azure).pricing(SUBSCRIPTION, "Containers")


def test_an_answer_of_the_library_beyond_the_bound_is_refused(azure: AzureWorld) -> None:
    with pytest.raises(BoundError):
        pages(azure, page_bytes=10).pricing(SUBSCRIPTION, "Containers")
    azure.sub_assessments = {GROUPED_KEYS[0]: [sim_rows.sub_assessment(DIGEST, n) for n in range(300)]}
    with pytest.raises(UpstreamError, match="more than 2 pages"):
        list(pages(azure, pages=2).sub_assessments(REGISTRY_ID, GROUPED_KEYS[0]))


def test_without_the_extra_a_named_registry_is_an_error_and_not_an_image_that_waits(
    azure: AzureWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *arguments: Any, **words: Any) -> Any:
        if name.startswith("gate.findings.defender.sdk"):
            raise ImportError(name)
        return real(name, *arguments, **words)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UpstreamError, match="not installed"):
        connection(azure)


def arm(world: AzureWorld, **bounds: int) -> Arm:
    environ = settings(world)
    config = load_azure(environ)
    assert config is not None
    who = AzureIdentity(config.cloud, TENANT, environ, QUICK)
    return Arm(HttpClient(QUICK), who, config.cloud, DefenderBounds(**bounds))


def test_a_list_of_resource_manager_is_read_to_its_end_or_not_at_all(azure: AzureWorld) -> None:
    path = f"{REGISTRY_ID}/providers/Microsoft.Authorization/permissions"
    azure.permissions *= 150
    assert sum(len(page) for page in arm(azure).pages(path, "1")) == 300
    with pytest.raises(UpstreamError, match="more pages than the 2"):
        list(arm(azure, pages=2).pages(path, "1"))
    with pytest.raises(UpstreamError, match="no list"):
        list(arm(azure).pages(f"subscriptions/{SUBSCRIPTION}", "1"))
    azure.faults.foreign_next = "mailto:me@acme.example"
    with pytest.raises(UpstreamError, match="another host"):
        list(arm(azure).pages(path, "1"))


def test_a_page_of_sub_assessments_that_is_none_is_an_error(azure: AzureWorld) -> None:
    azure.sub_assessments = {GROUPED_KEYS[0]: "rows"}  # type: ignore[dict-item]  # what is refused
    with pytest.raises(UpstreamError, match=r"no page|failed at an answer"):
        list(pages(azure).sub_assessments(REGISTRY_ID, GROUPED_KEYS[0]))


def test_a_library_that_finds_nobody_there_is_a_failure(azure: AzureWorld) -> None:
    environ = settings(azure)
    config = load_azure(environ)
    assert config is not None
    nobody = Cloud(authority=azure.address, arm="https://127.0.0.1:1", private=True)
    who = AzureIdentity(config.cloud, TENANT, environ, QUICK)
    with pytest.raises(UpstreamError) as failed:
        SecurityCenterPages(nobody, _Token(who), HttpBounds(attempts=1), DefenderBounds()).pricing("s", "Containers")
    assert failed.value.error_code == "upstream_unreachable"


class _Token:
    """An identity that takes its token from another cloud: the one asked here has nobody to give one."""

    kind = "test"

    def __init__(self, real: AzureIdentity) -> None:
        self._real = real

    @property
    def credential(self) -> Any:
        token = self._real.credential.get_token(self._real._cloud.scope)  # noqa: SLF001 - of the test's own making

        class Given:
            def get_token(self, *scopes: str, **words: Any) -> Any:
                del scopes, words
                return token

        return Given()

    def token(self) -> str:
        return self._real.token()


# The preflight


def preflight(now: datetime, *checks: Check) -> Preflight:
    return Preflight(checked_at=now, checks=checks)


GOOD = Check(id="plan", status=CheckStatus.OK)
BAD = Check(id="plan", status=CheckStatus.FAILED, state=ScanState.PLAN_OFF)


def test_no_checks_are_not_a_green_preflight() -> None:
    assert not preflight(NOW).green
    assert preflight(NOW, GOOD).green
    first = Check(id="sign-in", status=CheckStatus.FAILED, state=ScanState.NO_PERMISSION)
    assert preflight(NOW, GOOD, BAD, first).obstacle == first


def test_a_preflight_is_made_once_for_its_time_and_a_red_one_is_soon_made_again() -> None:
    made: list[datetime] = []
    outcome = [GOOD]

    def run(now: datetime) -> Preflight:
        made.append(now)
        return preflight(now, *outcome)

    kept = Preflights(run, fresh=timedelta(minutes=10))
    for seconds in (0, 300, 600):
        assert kept.at(NOW + timedelta(seconds=seconds)).green
    assert len(made) == 1
    outcome[:] = [BAD]
    assert not kept.at(NOW + timedelta(seconds=601)).green
    assert not kept.at(NOW + timedelta(seconds=650)).green
    assert len(made) == 2
    outcome[:] = [GOOD]
    assert kept.at(NOW + timedelta(seconds=670)).green
    assert kept.at(NOW).checked_at == NOW, "one of a later time says nothing of now"


def test_many_threads_make_one_preflight() -> None:
    made: list[datetime] = []
    kept = Preflights(lambda now: made.append(now) or preflight(now, GOOD), fresh=timedelta(minutes=1))  # type: ignore[func-returns-value]
    threads = [threading.Thread(target=kept.at, args=(NOW,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_many_images_are_asked_about_under_one_preflight(azure: AzureWorld) -> None:
    source = connection(azure).source(DefenderPolicy())
    for _ in range(3):
        assert source.report(inventory(azure), now=NOW).state is ScanState.NOT_SCANNED
    assert azure.asked.count(f"GET /subscriptions/{SUBSCRIPTION}") == 1


# The source


def test_an_image_of_another_registry_is_not_asked_about_and_says_why(azure: AzureWorld) -> None:
    facts = inventory(azure).image
    for place in ("other.example/staging/app", "oci:/srv/staging"):
        image = Inventory(image=facts.model_copy(update={"repository": place}))
        report = connection(azure).source(DefenderPolicy()).report(image, now=NOW)
        assert report.state is ScanState.SOURCE_ERROR
        assert "registry_not_asked" in report.message


def test_a_source_that_fails_as_nobody_foresaw_is_a_state(azure: AzureWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    connected = connection(azure)
    source = connected.source(DefenderPolicy())
    source.report(inventory(azure), now=NOW)
    monkeypatch.setattr(connected.graph, "rows", lambda *_: 1 / 0)
    report = source.report(inventory(azure), now=NOW)
    assert (report.state, report.message) == (ScanState.SOURCE_ERROR, "ZeroDivisionError: division by zero")
    assert source.name == "defender"


def test_what_did_not_count_is_said_beside_what_did(
    azure: AzureWorld, sim_registry: SimRegistry, signer: Signer
) -> None:
    signed_artifact(sim_registry, signer, created="2026-10-01T00:00:00Z")
    azure.assessments.append(sim_rows.individual(DIGEST))
    report = ask(azure, policy(signer))
    assert (report.state, report.proof) == (ScanState.FINDINGS, "rows")
    assert "made before the image came here" in report.message


def test_both_models_findings_stand_side_by_side(azure: AzureWorld) -> None:
    azure.assessments.append(sim_rows.individual(DIGEST))
    azure.sub_assessments = {GROUPED_KEYS[0]: [sim_rows.sub_assessment(DIGEST)]}
    report = ask(azure, GATE_DEFENDER_MODEL="both")
    assert {finding.ids[0] for finding in report.findings} == {"CVE-2026-1001", "CVE-2022-42969"}


OTHERS: dict[str, dict[str, Any]] = {
    "secret": {"properties__status": {"code": "Unhealthy"}},
    "exempted": {"properties__status": {"code": "NotApplicable", "cause": "Exempt"}},
    "a word of tomorrow": {"properties__status": {"code": "Compromised"}},
}


@pytest.mark.parametrize("how", OTHERS)
def test_an_assessment_of_another_kind_that_is_not_healthy_is_a_finding(how: str) -> None:
    collected = Collected(DIGEST)
    collected.individual([sim_rows.image_assessment(DIGEST, name="e" * 8, **OTHERS[how])])
    (finding,) = collected.findings
    assert (finding.ids, finding.severity.value, collected.proving) == (("e" * 8,), "high", 0)


def test_an_assessment_of_another_kind_that_is_healthy_proves_no_scan() -> None:
    collected = Collected(DIGEST)
    collected.individual([sim_rows.image_assessment(DIGEST)])
    assert (collected.findings, collected.proving, collected.rows) == ((), 0, 1)


@pytest.mark.parametrize(
    "changes", [{"properties__status": {}}, {"properties__resourceDetails": {"Id": OTHER}}, {"name": ""}]
)
def test_an_assessment_that_can_not_be_read_or_is_about_another_digest_is_an_error(changes: dict[str, Any]) -> None:
    with pytest.raises(RowError):
        Collected(DIGEST).individual([sim_rows.image_assessment(DIGEST, **changes)])
    with pytest.raises(RowError):
        Collected(DIGEST).individual([sim_rows.individual(OTHER)])


# The wiring


def test_live_recorded_or_nobody_by_configuration(azure: AzureWorld, tmp_path: Path) -> None:
    from gate.policy.source import load_policy  # noqa: PLC0415 - beside its one use

    rules = load_policy()
    none = load_config({"GATE_HOME": str(tmp_path)})
    assert connect_defender(none, _no_images) is None
    assert type(defender_source(none, rules, None)).__name__ == "NoDefender"
    live = load_config(settings(azure))
    connected = connect_defender(live, _no_images)
    assert connected is not None
    assert type(defender_source(live, rules, connected)).__name__ == "LiveDefender"
    both = load_config(settings(azure, GATE_DEFENDER_RECORDING="x.json"))
    with pytest.raises(UsageError, match="both set"):
        connect_defender(both, _no_images)


def _no_images() -> Any:
    return None


# The fixtures


def test_every_fixture_says_where_its_shape_is_from() -> None:
    import json  # noqa: PLC0415 - beside its one use

    files = sorted(FOLDER.glob("*.json"))
    assert len(files) >= 3
    for file in files:
        told = json.loads(file.read_text())
        assert told["provenance"] in PROVENANCES
        assert told["source"]
    assert isinstance(inventory(AzureWorld(address="https://x")).image, ImageFacts)


def test_held_images_are_asked_about_where_azure_is_asked_and_wait_for_time_alone_elsewhere(
    azure: AzureWorld, tmp_path: Path
) -> None:
    from gate.revisit import NoNews, Revisits  # noqa: PLC0415 - beside its one use
    from gate.scans import NewsOfScans  # noqa: PLC0415 - as above

    def made(config: Config) -> Revisits:
        nothing: Any = None
        return revisits_of(connect_defender(config, _no_images), nothing, nothing, lambda: NOW)

    assert isinstance(made(load_config({"GATE_HOME": str(tmp_path)}))._news, NoNews)  # noqa: SLF001 - what was chosen
    news = made(load_config(settings(azure)))._news  # noqa: SLF001 - as above
    assert isinstance(news, NewsOfScans)
    assert isinstance(news._other, Waiting)  # noqa: SLF001 - as above


def test_a_registry_of_azures_is_given_entra_tokens_and_another_is_not(azure: AzureWorld) -> None:
    host = azure.address.removeprefix("https://")
    config = load_config(settings(azure, GATE_ACR_HOSTS="acme.azurecr.io"))
    connected = connect_defender(config, _no_images)
    assert connected is not None
    refs = [ImageRef.of_place(f"{host}/staging/app", digest=DIGEST)]
    assert connected.waiting().with_artifacts(refs) == frozenset()
    assert not any("oauth2/exchange" in asked for asked in azure.asked)


def test_evaluations_and_the_look_for_news_ask_azure_over_one_connection(azure: AzureWorld, tmp_path: Path) -> None:
    from gate.policy.source import load_policy  # noqa: PLC0415 - beside its one use
    from gate.wiring import open_gate  # noqa: PLC0415 - as above

    config = load_config(settings(azure, GATE_HOME=str(tmp_path)))
    with open_gate(config, load_policy()) as gate:
        assert gate.defender is not None
        (asked, *_) = gate.world._sources(load_policy())  # noqa: SLF001 - what was chosen
        assert asked._source._graph is gate.defender.graph  # type: ignore[attr-defined]  # noqa: SLF001 - as above
        assert gate.defender.waiting()._graph is gate.defender.graph  # noqa: SLF001 - as above
    assert azure.asked == []
