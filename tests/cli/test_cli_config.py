"""Every setting is read, each wrong one is refused by name, and nothing is guessed."""

from __future__ import annotations

import pwd
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest

from gate.config import KEYS, Config, load_config
from gate.errors import UsageError

GROUPS = {
    "DEFINITION": "definition",
    "IMAGE": "image",
    "HTTP": "http",
    "DATA": "data",
    "WHEEL": "wheel",
    "STORAGE": "stored",
    "SERVICE": "service",
    "RESOLVE": "resolve",
    "CONDA": "conda",
    "DEFENDER": "defender",
}


def config(**environ: str) -> Config:
    return load_config({"GATE_HOME": "/srv/gate", **environ})


def test_the_defaults_need_no_setting() -> None:
    made = load_config({"HOME": "/home/x"})
    assert made.home == Path.home() / ".local/share/gate"
    assert made.database == f"sqlite:///{made.home}/gate.sqlite"
    assert made.storage == made.home / "storage"
    assert (made.policy, made.defender_recording, made.notify) == (None, None, ())
    assert (made.principal, made.server, made.lease) == ("", "", timedelta(seconds=60))


def test_every_setting_is_taken() -> None:
    made = config(
        GATE_DATABASE="postgresql://db/gate",
        GATE_STORAGE="/srv/files",
        GATE_POLICY="/etc/gate",
        GATE_DEFENDER_RECORDING="/tmp/r.json",  # noqa: S108 - a name
        GATE_NOTIFY=" json://a  mailto://b ",
        GATE_PRINCIPAL="t/o",
        GATE_SERVER="http://127.0.0.1:8080",
        GATE_LEASE_SECONDS="2.5",
        GATE_BUSY_SECONDS="3",
    )
    assert (made.database, made.storage, made.policy) == ("postgresql://db/gate", Path("/srv/files"), Path("/etc/gate"))
    assert made.defender_recording == Path("/tmp/r.json")  # noqa: S108 - as above
    assert made.notify == ("json://a", "mailto://b")
    assert (made.principal, made.server) == ("t/o", "http://127.0.0.1:8080")
    assert (made.lease, made.busy_seconds) == (timedelta(seconds=2.5), 3.0)


def test_the_data_folder_of_the_user_is_respected() -> None:
    assert load_config({"XDG_DATA_HOME": "/data"}).home == Path("/data/gate")


def test_everything_that_is_kept_moves_together() -> None:
    moved = config(GATE_DATABASE="sqlite:////old.sqlite").with_home(Path("/new"))
    assert (moved.home, moved.database, moved.storage) == (
        Path("/new"),
        "sqlite:////new/gate.sqlite",
        Path("/new/storage"),
    )


def test_a_user_without_a_home_is_told_to_name_one(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr(pwd, "getpwuid", nobody)
    with pytest.raises(UsageError) as refused:
        load_config({})
    assert (refused.value.error_code, refused.value.hint) == ("config_invalid", "set GATE_HOME")


@pytest.mark.parametrize(
    ("group", "name", "standing"),
    [
        (group, field.name, getattr(getattr(config(), attribute), field.name))
        for group, attribute in GROUPS.items()
        for field in fields(getattr(config(), attribute))
    ],
)
def test_every_bound_can_be_set_and_only_to_what_bounds(group: str, name: str, standing: float) -> None:
    key = f"GATE_BOUND_{group}_{name.upper()}"
    changed = config(**{key: "7"})
    value = getattr(getattr(changed, GROUPS[group]), name)
    assert (value, type(value)) == (7, type(standing))
    others = {attribute: getattr(changed, attribute) for attribute in GROUPS.values() if attribute != GROUPS[group]}
    assert others == {attribute: getattr(config(), attribute) for attribute in others}
    wrong = ["0", "-1", "nan", "inf", "many", "1e999"]
    for text in [*wrong, "1.5", "0.5", "1_0", "٣", "9" * 30] if isinstance(standing, int) else wrong:
        with pytest.raises(UsageError) as refused:
            config(**{key: text})
        assert refused.value.error_code == "config_invalid"
        assert key in refused.value.message
    assert getattr(getattr(config(**{key: ""}), GROUPS[group]), name) == standing


@pytest.mark.parametrize(
    "key",
    [
        "GATE_BOUND_IMAGE_LAYERZ",
        "GATE_BOUND_IMGAE_LAYERS",
        "GATE_BOUND_",
        "GATE_BOUND_HTTP",
        "GATE_BOUND_IMAGE_layers",
        "GATE_BOUND_IMAGE_",
    ],
)
def test_a_bound_that_nobody_knows_is_refused(key: str) -> None:
    with pytest.raises(UsageError) as refused:
        config(**{key: "1"})
    assert refused.value.error_code == "config_unknown"
    assert "known: " in refused.value.hint


@pytest.mark.parametrize("seconds", ["0", "-5", "0.01", "1e300", "nan", "soon", "90000"])
def test_a_lease_that_could_not_hold_is_refused(seconds: str) -> None:
    with pytest.raises(UsageError) as refused:
        config(GATE_LEASE_SECONDS=seconds)
    assert refused.value.error_code == "config_invalid"


@pytest.mark.parametrize("key", ["GATE_INDEX_ADDRESSES", "GATE_CHANNEL_ADDRESSES"])
@pytest.mark.parametrize(
    "text",
    [
        "https://u:hunter2@a.example/simple",
        "acme=",
        "acme=ftp://u:hunter2@a.example",
        "acme=/srv/hunter2",
        "acme=https://",
        "acme=https://a.example/?hunter2",
        "acme=https://a.example/#hunter2",
        "acme=https://a.example acme=https://hunter2.example",
        "ac/me=https://hunter2.example",
    ],
)
def test_an_address_that_is_none_is_refused_by_its_place_for_it_may_hold_a_secret(key: str, text: str) -> None:
    with pytest.raises(UsageError) as refused:
        config(**{key: f"fine=https://fine.example/x {text}"})
    assert refused.value.error_code == "config_invalid"
    assert f"`{key}`: entry " in refused.value.message
    assert "hunter2" not in refused.value.message + refused.value.hint


def test_addresses_and_file_hosts_are_taken() -> None:
    made = config(
        GATE_INDEX_ADDRESSES=" pypi=https://m.example/simple  acme=http://u:p@127.0.0.1:8080/x ",
        GATE_CHANNEL_ADDRESSES="conda-forge=https://c.example/cf",
        GATE_FILE_HOSTS="Files.example:443 other.example:8443",
    )
    assert made.indexes == {"pypi": "https://m.example/simple", "acme": "http://u:p@127.0.0.1:8080/x"}
    assert made.channels == {"conda-forge": "https://c.example/cf"}
    assert made.file_hosts == ("files.example:443", "other.example:8443")
    assert (config().indexes, config().channels, config().file_hosts) == ({}, {}, ())


@pytest.mark.parametrize("host", ["files.example", "https://files.example:443", "files.example:", ":443", "*:443"])
def test_a_file_host_is_a_host_and_a_port(host: str) -> None:
    with pytest.raises(UsageError):
        config(GATE_FILE_HOSTS=host)


def test_every_key_has_its_line() -> None:
    source = (Path(__file__).parents[2] / "gate" / "config.py").read_text()
    named = {f"GATE_{name}" for name in ("HOME", "DATABASE", "STORAGE", "POLICY", "NOTIFY", "PRINCIPAL", "SERVER")}
    assert named < set(KEYS)
    assert {f"GATE_BOUND_{group}_…" for group in GROUPS} == {key for key in KEYS if key.startswith("GATE_BOUND_")}
    assert all(f'environ.get("{key}"' in source or f'environ, "{key}"' in source for key in named)


def test_what_was_answered_is_kept_at_home_and_asked_for_alone_offline() -> None:
    made = load_config({"GATE_HOME": "/home/gate"})
    assert (made.facts, made.offline) == (Path("/home/gate/facts"), False)
    moved = load_config({"GATE_HOME": "/home/gate", "GATE_FACTS": "/mnt/facts", "GATE_OFFLINE": "1"})
    assert (moved.facts, moved.offline) == (Path("/mnt/facts"), True)
    assert made.with_home(Path("/other")).facts == Path("/other/facts")


@pytest.mark.parametrize("value", ["yes", "true", "2", " "])
def test_a_switch_is_on_or_off(value: str) -> None:
    with pytest.raises(UsageError):
        load_config({"GATE_HOME": "/home/gate", "GATE_OFFLINE": value})
