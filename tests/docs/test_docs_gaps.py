"""What the README says is not there is not there: whoever builds it meets this test, and takes the sentence away."""

from __future__ import annotations

import pytest
from docs.consoles import ROOT

from gate.cli import main
from gate.cli.run import COMMANDS
from gate.config import load_config
from gate.errors import UsageError
from gate.findings.defender.none import NoDefender
from gate.policy.source import load_policy
from gate.policy.words import Demand

SECTION = (ROOT / "README.md").read_text().split("## What is simulated", 1)[1]


def test_the_check_of_the_service_resolves_nothing_and_evaluations_take_a_closed_set_for_advice() -> None:
    assert "and not by `POST /v1/checks`" in SECTION
    for path in sorted((ROOT / "gate" / "service").glob("*.py")):
        assert "gate.resolve" not in path.read_text(), path
    assert "they are advice until policy requires them" in SECTION
    assert load_policy().decision.resolution.evaluations is Demand.ADVISORY


def test_images_for_linux_alone_are_let_in() -> None:
    assert "**Images for Linux alone are read.**" in SECTION
    assert load_policy().decision.platforms == ("linux",)


def test_conda_forge_has_no_address_of_its_own() -> None:
    assert "**conda channels have no address of their own**" in SECTION
    assert [(one.name, one.urls) for one in load_policy().safelist.conda_channels] == [("conda-forge", ())]


def test_the_service_listens_on_loopback_only(capsys: pytest.CaptureFixture[str]) -> None:
    assert "the service listens on loopback only" in SECTION
    assert main(["serve", "--host", "0.0.0.0", "--port", "0"]) == 2  # noqa: S104 - what is refused
    assert "not_loopback" in capsys.readouterr().err


def test_the_default_policy_releases_nothing() -> None:
    assert "The default policy releases nothing" in SECTION
    policy = load_policy()
    assert (policy.safelist.base_images, policy.decision.promotion) == ((), ())


def test_the_default_policy_refuses_recordings_and_has_conda_packages_proven() -> None:
    policy = load_policy().decision
    assert "which the default policy refuses" in SECTION
    assert not policy.findings.defender.allow_recorded
    assert "**Conda packages on top of a base image are proven by their channel's repodata and files**" in SECTION
    assert policy.proof.conda.value == "proven"
    assert "the default policy warns of the others" in SECTION
    assert policy.content.stale.value == "block"
    assert policy.content.bytecode.value == "warn"


def test_defender_is_asked_where_registries_are_named_and_nowhere_else() -> None:
    assert "**Defender was never asked in a live Azure.**" in SECTION
    assert load_config({"GATE_HOME": "/nowhere"}).azure is None
    assert NoDefender().name == "defender"


def test_the_default_policy_believes_nobodys_proof_of_a_clean_scan() -> None:
    assert "The default policy believes nobody's proof of a clean scan" in SECTION
    defender = load_policy().decision.findings.defender
    assert (defender.signers, defender.scanners) == ((), ())


def test_a_vaults_key_is_used_where_it_is_named_and_nowhere_else() -> None:
    assert "**No live Key Vault was ever asked**" in SECTION
    assert load_config({"GATE_HOME": "/nowhere"}).signing_key is None
    with pytest.raises(UsageError):
        load_config(
            {"GATE_HOME": "/nowhere", "GATE_SIGNING_KEY": "https://corp.managedhsm.azure.net/keys/a/" + "0" * 32}
        )


def test_there_is_no_command_that_replays() -> None:
    assert "no command yet that replays it" in SECTION
    assert not set(COMMANDS) & {"replay", "worker"}
