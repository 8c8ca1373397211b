"""Code that comes into an image as bare files: none of it is promoted, whatever the packages beside it prove."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from attacks.attack_world import DEMO, EVIL, SITE, STDLIB
from image.image_world import record_row
from index.wheel_maker import WheelRecipe

from gate.model.decision import Outcome, Status
from gate.model.image import LooseKind, ProofLevel
from gate.policy.schema import Treatment

if TYPE_CHECKING:
    from attacks.attack_world import Attack
    from image.image_world import Node

ELF = b"\x7fELF"


def test_without_an_attack_the_image_is_promoted(attack: Attack) -> None:
    decision = attack.judge(attack.install(DEMO))
    assert decision.outcome is Outcome.PROMOTE
    assert decision.requests == ()


def test_a_base_image_as_it_came_is_promoted(attack: Attack) -> None:
    assert attack.codes({"app/run.py": b"print('the application')\n"}) == set()


@pytest.mark.parametrize(
    ("files", "code"),
    [
        pytest.param({f"{SITE}/evil.py": EVIL}, "importable", id="orphan-module"),
        pytest.param({f"{SITE}/evil/__init__.py": EVIL}, "importable", id="orphan-package"),
        pytest.param({f"{SITE}/_x.cpython-312-x86_64-linux-gnu.so": ELF}, "importable", id="orphan-extension"),
        pytest.param({f"{SITE}/evil.pyc": EVIL}, "importable", id="byte-code-without-source"),
        pytest.param({f"{SITE}/evil-1.0-py3.12.egg": b"PK"}, "legacy_install", id="zipped-egg"),
        pytest.param({f"{SITE}/evil": "-> /opt/evil", "opt/evil/__init__.py": EVIL}, "importable", id="linked-package"),
        pytest.param({f"{SITE}/evil.py": "-> /opt/evil.py", "opt/evil.py": EVIL}, "importable", id="linked-module"),
        pytest.param({f"{SITE}/evil.py": "= etc/profile"}, "importable", id="hard-linked-module"),
        pytest.param({f"{SITE}/evil.pth": b"import os\n"}, "startup", id="pth"),
        pytest.param({f"{SITE}/sitecustomize.py": EVIL}, "startup", id="sitecustomize"),
        pytest.param({f"{SITE}/usercustomize.py": EVIL}, "startup", id="usercustomize"),
        pytest.param({"etc/python3.12/sitecustomize.py": EVIL}, "startup", id="sitecustomize-as-configuration"),
        pytest.param({"usr/local/lib/python312.zip": b"PK"}, "startup", id="zipped-standard-library"),
        pytest.param({"usr/local/pyvenv.cfg": b"home = /opt/evil\n"}, "startup", id="base-made-an-environment"),
        pytest.param({"usr/local/bin/pyvenv.cfg": b"home = /opt/evil\n"}, "startup", id="environment-in-bin"),
        pytest.param({"etc/ld.so.preload": b"/opt/e.so\n"}, "startup", id="preload"),
        pytest.param({"etc/ld.so.conf.d/0.conf": b"/opt\n"}, "startup", id="loader-configuration"),
        pytest.param({f"{STDLIB}/os.py": EVIL}, "base_changed", id="standard-library-changed"),
        pytest.param({f"{STDLIB}/evil.py": EVIL}, "importable", id="standard-library-added-to"),
        pytest.param({f"{STDLIB}/__pycache__/os.cpython-312.pyc": EVIL}, "base_changed", id="base-byte-code-replaced"),
        pytest.param({"usr/local/bin/python3.12": EVIL}, "interpreter", id="interpreter-replaced"),
        pytest.param(
            {"usr/local/bin/python": "-> /opt/python", "opt/python": EVIL}, "interpreter", id="interpreter-relinked"
        ),
        pytest.param({"opt/bin/python3.13": ELF}, "interpreter", id="second-interpreter"),
        pytest.param({"usr/lib/x86_64-linux-gnu/libz.so.1": ELF}, "library", id="shared-library"),
        pytest.param({"usr/bin/tool": EVIL}, "base_changed", id="program-changed"),
        pytest.param({"usr/bin/tool": "-> /opt/tool", "opt/tool": EVIL}, "base_changed", id="program-relinked"),
        pytest.param(
            {"usr/lib/python3/dist-packages/debtool/evil.py": EVIL}, "importable", id="added-to-a-package-of-the-base"
        ),
        pytest.param(
            {"usr/lib/python3/dist-packages/debtool-1.0.egg-info/entry_points.txt": b"[pytest11]\nx = app\n"},
            "importable",
            id="plugin-declared-for-a-package-of-the-base",
        ),
        pytest.param({"opt/py/lib/python3.11/site-packages/evil.py": EVIL}, "importable", id="second-prefix"),
        pytest.param({"root/.local/lib/python3.12/site-packages/evil.py": EVIL}, "importable", id="user-site"),
        pytest.param({"app/node_modules/evil/package.json": b"{}"}, "other_kind", id="npm"),
        pytest.param({"app/node_modules/@evil/x/package.json": b"{}"}, "other_kind", id="npm-scoped"),
        pytest.param({"app/evil.jar": b"PK"}, "other_kind", id="jar"),
        pytest.param({"usr/lib/R/site-library/evil/DESCRIPTION": b"Package: evil\n"}, "other_kind", id="r"),
        pytest.param({"lib/apk/db/installed": b"P:evil\nV:1\n"}, "other_kind", id="apk"),
        pytest.param({"usr/lib/sysimage/rpm/rpmdb.sqlite": b"SQLite"}, "image_unreadable", id="rpm"),
        pytest.param({"usr/lib/sysimage/rpm/Packages.db": b"ndb"}, "image_unreadable", id="rpm-unread"),
    ],
)
def test_a_bare_file_that_a_program_would_load_is_not_promoted(
    attack: Attack, files: dict[str, Node], code: str
) -> None:
    assert code in attack.codes(attack.install(DEMO), files)


def test_a_namespace_that_a_proven_package_opened_owns_nothing_else(attack: Attack) -> None:
    shared = WheelRecipe(name="ns_a", files={"ns/a/__init__.py": b""})
    assert attack.codes(attack.install(DEMO, shared)) == set()
    assert attack.codes(attack.install(DEMO, shared), {f"{SITE}/ns/evil/__init__.py": EVIL}) == {"importable"}


def test_a_record_that_was_taken_away_leaves_its_files_without_an_owner(attack: Attack) -> None:
    files = attack.install(DEMO)
    del files[f"{SITE}/{DEMO.dist_info}/RECORD"]
    assert "importable" in attack.codes(files)


def test_a_file_that_a_lying_record_claims_is_not_promoted(attack: Attack) -> None:
    """Whoever names a file in a RECORD of their own has a package to prove with it."""
    liar = WheelRecipe(name="liar", files={"evil.py": EVIL})
    assert attack.codes(attack.install(DEMO), attack.install(liar, publish=False)) == {"no_such_project"}


def test_a_package_list_of_the_base_that_a_layer_adds_to_gives_nothing_an_owner(attack: Attack) -> None:
    line = f"/{SITE}/evil.py\n".encode()
    told = {"var/lib/dpkg/info/debtool:all.list": line, f"{SITE}/evil.py": EVIL}
    assert {"importable", "os_package"} <= attack.codes(attack.install(DEMO), told)


def test_an_environment_that_runs_the_interpreter_of_the_base_is_promoted(attack: Attack) -> None:
    files = {path.replace("usr/local", "opt/venv", 1): data for path, data in attack.install(DEMO).items()}
    linked: dict[str, Node] = {
        "opt/venv/bin/python": "-> /usr/local/bin/python3.12",
        "opt/venv/pyvenv.cfg": b"home = /usr/local/bin\n",
    }
    assert attack.codes(files, linked) == set()
    copied = {**linked, "opt/venv/bin/python": attack.base["usr/local/bin/python3.12"]}
    assert attack.codes(files, copied) == set()


def test_what_the_application_brings_elsewhere_is_its_own(attack: Attack) -> None:
    app: dict[str, Node] = {
        "app/main.py": b"import demo_pkg\n",
        "app/model.pkl": b"1",
        "usr/local/bin/start.sh": b"#!\n",
    }
    assert attack.codes(attack.install(DEMO), app) == set()


def test_code_of_the_base_outside_of_the_usual_places_is_the_base_s_too(attack: Attack) -> None:
    attack.base |= {"var/serving/entry.py": b"VALUE = 1\n", "etc/motd": b"a"}
    assert attack.codes(attack.install(DEMO), {"var/serving/entry.py": EVIL}) == {"base_changed"}
    assert attack.codes(attack.install(DEMO), {"etc/motd": b"b", "var/log/dpkg.log": b"c"}) == set()


def test_a_program_of_the_base_that_was_only_taken_away_brings_nothing_in(attack: Attack) -> None:
    attack.base["usr/bin/loose"] = ELF
    assert attack.codes(attack.install(DEMO), {"usr/bin/.wh.loose": b""}) == set()


def test_a_wheel_left_behind_is_named(attack: Attack) -> None:
    decision = attack.judge(attack.install(DEMO), {"opt/evil-1.0-py3-none-any.whl": b"PK"})
    assert [(one.status, one.subject) for one in decision.results if one.code == "other_kind"] == [
        (Status.WARN, "wheel_file")
    ]


@pytest.mark.parametrize("told", [False, True], ids=["unrecorded", "recorded"])
def test_byte_code_that_nobody_compared_is_named_and_never_called_proven(attack: Attack, *, told: bool) -> None:
    """A cache with other code than its source runs in its place: policy decides, and the decision says so."""
    files, cache = attack.install(DEMO), "demo_pkg/__pycache__/__init__.cpython-312.pyc"
    record = files[f"{SITE}/{DEMO.dist_info}/RECORD"]
    assert isinstance(record, bytes)
    files[f"{SITE}/{DEMO.dist_info}/RECORD"] = record + (f"{cache},,\n".encode() if told else b"")
    files[f"{SITE}/{cache}"] = EVIL
    decision = attack.judge(files)
    (shown,) = [one for one in decision.results if one.code == LooseKind.BYTECODE.value]
    assert (shown.status, shown.params["count"]) == (Status.WARN, "1")
    assert attack.judge(files, content={"bytecode": Treatment.BLOCK}).outcome is Outcome.DISCARD


@pytest.mark.parametrize(
    ("setting", "files"),
    [
        ("unowned", {f"{SITE}/evil.py": EVIL}),
        ("other", {"app/evil.jar": b"PK"}),
        ("archives", {"app/evil-1.0-py3-none-any.whl": b"PK"}),
        ("bytecode", {f"{SITE}/__pycache__/demo.cpython-312.pyc": EVIL}),
    ],
)
def test_policy_says_what_each_kind_of_content_comes_to(attack: Attack, setting: str, files: dict[str, Node]) -> None:
    layers = (attack.install(DEMO), files)
    outcomes = {one: attack.judge(*layers, content={setting: one}) for one in Treatment}
    assert outcomes[Treatment.BLOCK].outcome is Outcome.DISCARD
    assert outcomes[Treatment.WARN].outcome is Outcome.PROMOTE
    assert outcomes[Treatment.ALLOW].outcome is Outcome.PROMOTE
    told = {one: [r.status for r in d.results if r.rule == "other-content"] for one, d in outcomes.items()}
    assert told[Treatment.WARN] == [Status.WARN, Status.PASS]
    (passed,) = [r for r in outcomes[Treatment.ALLOW].results if r.rule == "other-content"]
    assert passed.params["allowed"] == "1"


def test_an_image_in_which_nobody_looked_for_bare_files_is_held(attack: Attack) -> None:
    blind = attack.judge(attack.install(DEMO), looked=False)
    assert blind.outcome is Outcome.HOLD
    assert "not_looked_at" in {one.code for one in blind.results if one.status is Status.UNKNOWN}


@pytest.mark.parametrize("told", [False, True], ids=["row-taken-out", "row-rewritten"])
def test_a_command_of_a_package_that_somebody_rewrote_is_not_proven(attack: Attack, *, told: bool) -> None:
    files = attack.install(DEMO)
    if told:
        record = files[f"{SITE}/{DEMO.dist_info}/RECORD"]
        assert isinstance(record, bytes)
        files[f"{SITE}/{DEMO.dist_info}/RECORD"] = record + record_row("../../../bin/demo", EVIL).encode()
    inventory, _ = attack.read({**files, "usr/local/bin/demo": EVIL})
    (proof,) = [one.proof for one in inventory.components if one.name == "demo-pkg"]
    assert proof is not None
    assert (proof.level, proof.evidence["record"]) == (ProofLevel.CONSISTENT, "unknown_scripts")


@pytest.mark.parametrize(
    ("files", "code", "setting"),
    [
        pytest.param({"app/bin/py": ELF}, "program", "programs", id="interpreter-renamed"),
        pytest.param({"usr/local/bin/tool": ELF}, "program", "programs", id="program-of-a-name-of-its-own"),
        pytest.param({"etc/profile.d/evil.sh": EVIL}, "shell", "shells", id="start-file-of-shells"),
    ],
)
def test_what_may_be_an_applications_own_is_told_and_refused_where_policy_says_so(
    attack: Attack, files: dict[str, Node], code: str, setting: str
) -> None:
    told = attack.judge(attack.install(DEMO), files)
    assert (Status.WARN, code) in {(one.status, one.code) for one in told.results}
    refused = attack.judge(attack.install(DEMO), files, content={setting: Treatment.BLOCK})
    assert refused.outcome is Outcome.DISCARD
    assert {one.code for one in refused.results if one.status is Status.FAIL} == {code}


def test_a_module_of_perl_that_nobody_brought_is_refused_as_other_languages_are(attack: Attack) -> None:
    assert "other_kind" in attack.codes(attack.install(DEMO), {"usr/share/perl5/Evil.pm": EVIL})


@pytest.mark.xfail(reason="a folder of the application's own can't be told from a package that was copied into it")
def test_limits_that_are_known(attack: Attack) -> None:
    """The day that a package without metadata is told from an application's own folder, this test says so."""
    assert attack.codes(attack.install(DEMO), {"app/libs/requests/__init__.py": EVIL})
