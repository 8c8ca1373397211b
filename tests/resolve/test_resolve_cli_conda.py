"""conda environments through the command: solved from policy's channels alone, and refused by the same rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from resolve.resolve_channel import CondaChannel, CondaRecipe
from resolve.resolve_cli import Caller, publish

from gate.cli import main

if TYPE_CHECKING:
    from index.index_server import IndexServer

HEAD = "name: x\nchannels: [conda-forge, nodefaults]\ndependencies:\n"


def put(
    channel: CondaChannel, name: str, version: str = "1.0", *, age: float = 300, depends: tuple[str, ...] = ()
) -> None:
    """Put a package on the channel, built so many days ago."""
    built = round((datetime.now(UTC) - timedelta(days=age)).timestamp() * 1000)
    channel.publish(CondaRecipe(name=name, version=version, depends=depends, timestamp=built))


def at(caller: Caller, channel: CondaChannel) -> None:
    caller.monkeypatch.setenv("GATE_CHANNEL_ADDRESSES", f"conda-forge={channel.url}")


def test_an_environment_is_solved_with_its_pip_section(
    caller: Caller, index: IndexServer, channel: CondaChannel
) -> None:
    at(caller, channel)
    put(channel, "python", "3.10.4")
    put(channel, "numlib", "2.1", depends=("python",))
    publish(index, "one")
    caller.write(HEAD + "- python=3.10\n- numlib==2.1\n- pip:\n  - one==1.0\n", "environment.yml")
    said = caller.check("environment.yml")
    assert said.code == 0, said.out + said.err
    assert said.only["python"] == "3.10", "the environment's own pin"
    assert said.pins == ["numlib==2.1", "python==3.10.4", "one==1.0"]
    assert {one["kind"] for one in said.only["packages"]} == {"conda", "pypi"}
    assert all(one["files"][0]["sha256"] for one in said.only["packages"])
    assert set(said.only["tools"]) == {"rattler", "uv"}


def test_a_young_conda_package_is_refused(caller: Caller, channel: CondaChannel) -> None:
    at(caller, channel)
    put(channel, "numlib", age=1)
    caller.write(HEAD + "- numlib=1.0=0\n", "environment.yml")
    said = caller.check("environment.yml")
    assert (said.code, said.green) == (10, set())
    assert said.refusals == [("cooling-off", "too_young")]


def test_another_python_than_the_one_that_was_stated_is_told(caller: Caller, channel: CondaChannel) -> None:
    at(caller, channel)
    put(channel, "python", "3.10.4")
    caller.write(HEAD + "- python=3.10\n", "environment.yml")
    said = caller.check("environment.yml", "--python", "3.12")
    assert (said.code, said.green) == (10, set())
    assert said.refusals == [("set-closed", "python_differs")]
    assert "--python" in said.out


def test_a_channel_without_an_address_is_refused_with_the_next_step(caller: Caller, index: IndexServer) -> None:
    publish(index, "one")
    caller.write(HEAD + "- numlib\n- pip:\n  - one==1.0\n", "environment.yml")
    said = caller.check("environment.yml")
    assert (said.code, said.green) == (12, set())
    assert said.only["verdict"] == "unresolved"
    assert ("set-closed", "channel_address_unknown") in said.refusals
    assert "set `GATE_CHANNEL_ADDRESSES` to `<channel>=https://…`" in said.out
    assert "Traceback" not in said.err


def test_no_channel_but_policys_is_asked(caller: Caller, channel: CondaChannel, other_channel: CondaChannel) -> None:
    at(caller, channel)
    put(channel, "numlib")
    put(other_channel, "numlib", "9.9")
    caller.write(
        f"name: x\nchannels: ['{other_channel.url}', conda-forge, nodefaults]\ndependencies: [numlib]\n", "e.yml"
    )
    said = caller.check("e.yml")
    assert (said.code, said.green) == (10, set())
    assert said.pins == []
    assert other_channel.asked == []


def test_an_address_that_is_none_is_wrong_usage_and_shows_no_secret(caller: Caller) -> None:
    caller.monkeypatch.setenv("GATE_CHANNEL_ADDRESSES", "conda-forge=ftp://u:hunter2@channel.example")
    caller.write(HEAD + "- numlib\n", "environment.yml")
    assert main(["check", "environment.yml", "--resolve"]) == 2
    err = caller.capture.readouterr().err
    assert "GATE_CHANNEL_ADDRESSES" in err
    assert "hunter2" not in err
