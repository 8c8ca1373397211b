"""The two phases as their users meet them: the real command line, a folder of images, a policy with a grace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from evaluation.input_world import Gate
from servers.images import SmallImage, small_image

from gate.errors import NotFoundError
from gate.model.image import ImageRef, Transport
from gate.registry.graves import Grave
from gate.registry.layout import OciLayout

if TYPE_CHECKING:
    from evaluation.input_world import Said

WHO = ("--as", "t/forensics")
EMPTY = b"\0" * 10_240
SMALL, OTHER = small_image(EMPTY), small_image(EMPTY * 2)
APP = SMALL.manifest


class Place:
    """One staging folder with a denied image in it."""

    def __init__(self, gate: Gate, grace: str) -> None:
        self.gate = gate
        self.ref = ImageRef(transport=Transport.OCI_LAYOUT, repository=f"{gate.folder}/staging")
        self.store = OciLayout()
        self.push(SMALL, "1")
        gate.staging(f"oci:{gate.folder}/staging")
        file = gate.policy / "allowlist" / "policy.yaml"
        rules = yaml.safe_load(file.read_text())
        rules["discard"]["grace"] = grace or None
        file.write_text(yaml.safe_dump(rules))

    def push(self, pushed: SmallImage, tag: str) -> None:
        pushed.push(self.store, self.ref.model_copy(update={"tag": tag}))

    def evaluate(self) -> Said:
        return self.gate.evaluate(f"oci:{self.ref.repository}:1", "--format", "json")

    def discard(self, *words: str) -> Said:
        policy = ("--policy", str(self.gate.policy)) if words[0] in {"due", "restore"} else ()
        return self.gate.run("discard", *words, *policy)

    def grave(self) -> Grave:
        return self.store.grave(self.ref.at(APP.digest))

    def pulled(self) -> bool:
        try:
            self.store.manifest(self.ref.at(APP.digest))
        except NotFoundError:
            return False
        return True


def shown(said: Said) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(said.out)
    return found


def test_without_a_grace_it_is_deleted_at_once_as_ever(gate: Gate) -> None:
    place = Place(gate, "")
    said = place.evaluate()
    assert said.code == 10, said
    assert shown(said)["receipt"]["version"] == "gate.discarded/1"
    assert shown(said)["kept"]["state"] == "deleted"
    assert shown(said)["kept"]["recoverable"] == "unknown"
    assert place.grave() is Grave.ABSENT
    assert json.loads(place.discard("list", "--format", "json").out)["discards"] == []


def test_with_a_grace_it_is_hidden_held_released_and_deleted_when_due(gate: Gate) -> None:
    place = Place(gate, "PT1S")
    said = place.evaluate()
    assert said.code == 10, said
    account = shown(said)
    assert account["receipt"]["version"] == "gate.tombstone/1"
    assert account["kept"]["state"] == "tombstoned"
    assert place.grave() is Grave.BURIED
    held = place.discard("hold", APP.digest, "--reason", "incident 7", *WHO, "--format", "json")
    assert held.code == 0, held
    listed = shown(place.discard("list", "--format", "json"))
    assert listed["schema"] == "gate.discards/1"
    assert listed["discards"][0]["kept"]["state"] == "held"
    assert place.discard("due").out == "0 deleted or hidden again\n"
    assert place.grave() is Grave.BURIED
    text = place.discard("list").out
    assert "held; due" in text
    assert "held by t/forensics" in text
    released = place.discard("release", shown(held)["id"], "--reason", "closed", *WHO)
    assert "released by t/forensics" in released.out
    for _ in range(100):  # due a second after it was buried
        if place.grave() is Grave.ABSENT:
            break
        place.discard("due")
    assert place.grave() is Grave.ABSENT
    assert "deleted at" in place.discard("list", "--ended").out
    assert "recoverable: unknown" in place.discard("list", "--ended").out
    assert gate.events()[-2:] == ["deletion_intended", "deleted"]
    again = shown(gate.run("audit", "show", account["id"], "--format", "json"))
    assert "deleted" in [entry["record"]["event"] for entry in again["records"]]
    late = place.discard("hold", APP.digest, "--reason", "late", *WHO)
    assert (late.code, late.error) == (12, "digest_deleted") or "digest_deleted" in late.err


def test_what_lies_buried_is_not_judged_again_until_it_is_restored(gate: Gate) -> None:
    place = Place(gate, "P7D")
    account = shown(place.evaluate())
    place.push(SMALL, "1")
    assert place.pulled(), "a folder lets anybody write"
    again = place.evaluate()
    assert again.code == 12
    assert "digest_tombstoned" in again.err
    assert account["id"] in again.err
    assert place.discard("due").out == "1 deleted or hidden again\n"
    assert not place.pulled()
    refused = place.discard("restore", OTHER.manifest.digest, "--reason", "x", *WHO)
    assert "tombstone_unknown" in refused.err
    held = place.discard("hold", APP.digest, "--reason", "evidence", *WHO, "--format", "json")
    assert "digest_held" in place.discard("restore", APP.digest, "--reason", "x", *WHO).err
    assert not place.pulled()
    place.discard("release", shown(held)["id"], "--reason", "copied", *WHO)
    restored = place.discard("restore", APP.digest, "--reason", "the advisory was withdrawn", *WHO)
    assert restored.code == 0, restored
    assert "submit it again" in restored.out
    assert place.pulled()
    assert place.store.tags(place.ref) == ("1",)
    assert place.evaluate().code == 10, "judged again, and denied again"
    assert not place.pulled()
    states = [one["kept"]["state"] for one in shown(place.discard("list", "--ended", "--format", "json"))["discards"]]
    assert sorted(states) == ["restored", "tombstoned"]


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("hold", APP.digest, "--reason", "x"), "identity_missing"),
        (("hold", APP.digest, "--reason", "x", "--until", "tomorrow", *WHO), "usage"),
        (("hold", APP.digest, "--reason", "x", "--until", "2026-01-01T00:00:00Z", *WHO), "hold_ended"),
        (("release", "HLD-1", "--reason", "x", *WHO), "hold_unknown"),
    ],
)
def test_what_is_asked_wrongly_is_refused_with_a_way_out(gate: Gate, words: tuple[str, ...], code: str) -> None:
    place = Place(gate, "P7D")
    place.evaluate()
    said = place.discard(*words)
    assert said.code in {2, 12}
    assert f"error[{code}]" in said.err
    assert "next: " in said.err


def test_nothing_kept_is_said_and_is_no_error(gate: Gate) -> None:
    said = gate.run("discard", "list")
    assert (said.code, said.out) == (0, "")
    assert "nothing is kept" in said.err
    assert gate.run("discard", "due").code == 0


def test_reports_say_what_became_of_the_bytes(gate: Gate) -> None:
    place = Place(gate, "P7D")
    said = gate.evaluate(f"oci:{place.ref.repository}:1")
    assert "TOMBSTONED  nobody can pull it; it is deleted from 20" in said.out
    other = Place(gate, "")
    other.push(OTHER, "2")
    said = gate.evaluate(f"oci:{place.ref.repository}:2", "--format", "markdown")
    assert "whether its registry can recover it is not known" in said.out
