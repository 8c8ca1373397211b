"""Images that nobody read: named, with a reason and a way out, and none of them is ever passed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from evaluation.index_world import CONFIG, LAYER, base_layer, blob, image, policy_over, put, world_over
from evaluation.worlds import NOW, submission

from gate.account import reasons
from gate.demo.images import Layer
from gate.errors import InputError, IntegrityError, NotFoundError
from gate.evaluation import Submission
from gate.model.base import sha256_of
from gate.model.decision import Outcome, Status
from gate.model.image import ImageRef, Transport
from gate.policy.decide import decide
from gate.policy.schema import DecisionPolicy
from gate.promotion.receipt import DiscardReceipt
from gate.registry.content import OCI_INDEX, OCI_MANIFEST
from gate.registry.layout import OciLayout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from gate.model.decision import Decision
    from gate.model.evidence import Evidence

FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
WINDOWS = {"os": "windows", "architecture": "amd64", "os.version": "10.0.20348"}


class House:
    """A staging folder into which images and one index of them are pushed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = OciLayout()
        self.target = ImageRef(transport=Transport.OCI_LAYOUT, repository=str(folder / "staging"), tag="1")

    def linux(self, architecture: str, *above: Layer) -> dict[str, Any]:
        return image(self.store, self.target, architecture, [base_layer(architecture), *above])

    def windows(self, platform: Mapping[str, str] | None = None, *, tag: str = "") -> dict[str, Any]:
        """Push an image as Windows builds have it: the base's layers are kept elsewhere."""
        config = {"os": "windows", "architecture": "amd64", "rootfs": {"type": "layers", "diff_ids": [sha256_of(b"w")]}}
        foreign = {"mediaType": FOREIGN, "digest": sha256_of(b"w"), "size": 9, "urls": ["https://example.org/w"]}
        return self.odd(config, [foreign], platform or WINDOWS, tag=tag)

    def odd(
        self,
        config: object,
        layers: list[dict[str, Any]],
        platform: Mapping[str, str] | None,
        *,
        media_type: str = CONFIG,
        tag: str = "",
    ) -> dict[str, Any]:
        body = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": blob(self.store, self.target, json.dumps(config).encode(), media_type),
            "layers": layers,
        }
        entry = put(self.store, self.target.model_copy(update={"tag": tag}), body)
        return entry | ({"platform": dict(platform)} if platform is not None else {})

    def unpackable(self, architecture: str = "arm64") -> dict[str, Any]:
        """Push an image for Linux with a layer of a kind that nobody reads."""
        config = {
            "os": "linux",
            "architecture": architecture,
            "rootfs": {"type": "layers", "diff_ids": [sha256_of(b"z")]},
        }
        layer = blob(self.store, self.target, b"z", LAYER.replace("gzip", "brotli"))
        return self.odd(config, [layer], {"os": "linux", "architecture": architecture})

    def artifact(self) -> dict[str, Any]:
        """Push something that is no image, listed as if it were one."""
        return self.odd({}, [blob(self.store, self.target, b"x", "text/plain")], None, media_type="application/x.chart")

    def index(self, *entries: dict[str, Any]) -> ImageRef:
        document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
        return self.target.at(put(self.store, self.target, document)["digest"])

    def judge(self, ref: ImageRef, *platforms: str) -> tuple[Submission, Evidence, Decision]:
        policy = policy_over(self.folder)
        if platforms:
            decision = policy.decision.model_copy(update={"platforms": platforms})
            policy = policy.model_copy(update={"decision": decision})
        given = Submission(ref=ref, environment=submission().environment, policy=policy)
        evidence = world_over(self.folder).gather(given, (), submitted_at=NOW, now=NOW)
        return given, evidence, decide(evidence, policy, NOW)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def told(decision: Decision) -> set[tuple[str, str]]:
    bad = {Status.FAIL, Status.UNKNOWN}
    for one in reasons(decision.results):
        assert one.status not in bad or one.way_out
    return {(one.rule, one.code) for one in decision.results if one.status in bad}


def test_an_index_with_a_windows_image_is_refused_by_a_rule_and_discarded_whole(house: House) -> None:
    entry = house.windows()
    given, evidence, decision = house.judge(house.index(house.linux("amd64"), entry))
    assert (decision.outcome, told(decision)) == (Outcome.DISCARD, {("image-platform", "platform_not_allowed")})
    assert evidence.index is not None
    assert [(one.digest, one.platform) for one in evidence.index.unread] == [(entry["digest"], "windows/amd64")]
    assert [view.image.image.platform for view in evidence.views()] == ["linux/amd64"]
    (reason,) = [one for one in reasons(decision.results) if one.status is Status.FAIL]
    assert "windows/amd64" in reason.reason
    assert "`linux`" in reason.reason
    world = world_over(house.folder)
    receipt = world.act(given, decision, world.plan(given, decision).canonical())
    assert isinstance(receipt, DiscardReceipt)
    assert entry["digest"] in receipt.deleted
    with pytest.raises(NotFoundError):
        house.store.manifest(given.ref)
    assert not (house.folder / "release").exists()


def test_what_the_index_does_not_say_the_image_itself_does(house: House) -> None:
    entry = house.windows()
    del entry["platform"]
    _, evidence, decision = house.judge(house.index(house.linux("amd64"), entry))
    assert told(decision) == {("image-platform", "platform_not_allowed")}
    assert evidence.index is not None
    assert [one.failure.code for one in evidence.index.unread] == ["platform_unsupported"]


def test_an_image_that_is_called_windows_is_not_read_and_not_passed_either(house: House) -> None:
    evil = house.linux("arm64", Layer({"usr/lib/python3/dist-packages/evil.py": b"print()\n"}))
    _, _, decision = house.judge(house.index(house.linux("amd64"), evil | {"platform": WINDOWS}))
    assert (decision.outcome, told(decision)) == (Outcome.DISCARD, {("image-platform", "platform_not_allowed")})


def test_a_windows_image_that_is_called_linux_is_refused_for_what_it_is(house: House) -> None:
    entry = house.windows({"os": "linux", "architecture": "arm64"})
    _, _, decision = house.judge(house.index(house.linux("amd64"), entry))
    assert told(decision) == {("image-platform", "platform_not_allowed")}


def test_a_platform_that_policy_lets_in_and_nobody_can_read_holds(house: House) -> None:
    _, _, decision = house.judge(house.index(house.linux("amd64"), house.windows()), "linux", "windows")
    assert (decision.outcome, told(decision)) == (Outcome.HOLD, {("index-children", "child_unreadable")})


def test_policy_can_narrow_the_machines(house: House) -> None:
    ref = house.index(house.linux("amd64"), house.linux("arm64"))
    _, evidence, decision = house.judge(ref, "linux/amd64")
    assert (decision.outcome, told(decision)) == (Outcome.DISCARD, {("image-platform", "platform_not_allowed")})
    assert len(evidence.views()) == 1
    assert told(house.judge(ref, "linux/amd64", "linux/arm64")[2]) == set()


@pytest.mark.parametrize("kind", ["unpackable", "artifact"])
def test_an_image_that_cannot_be_read_holds_with_its_own_code_and_the_others_are_read(house: House, kind: str) -> None:
    _, evidence, decision = house.judge(house.index(house.linux("amd64"), getattr(house, kind)()))
    assert (decision.outcome, told(decision)) == (Outcome.HOLD, {("index-children", "child_unreadable")})
    assert evidence.index is not None
    (unread,) = evidence.index.unread
    (reason,) = [one for one in reasons(decision.results) if one.code == "child_unreadable"]
    assert f"[{unread.failure.code}]" in reason.reason
    assert [view.image.image.platform for view in evidence.views()] == ["linux/amd64"]


@pytest.mark.parametrize("alone", [True, False], ids=["image", "index"])
def test_nothing_but_windows_is_refused_by_the_same_rule(house: House, *, alone: bool) -> None:
    windows = house.windows(tag="1" if alone else "")
    ref = house.target.at(windows["digest"]) if alone else house.index(windows)
    given, evidence, decision = house.judge(ref)
    assert decision.outcome is Outcome.DISCARD
    assert ("image-platform", "platform_not_allowed") in told(decision)
    assert (evidence.image.image.platform, evidence.image.components) == ("windows/amd64", ())
    world = world_over(house.folder)
    assert isinstance(world.act(given, decision, world.plan(given, decision).canonical()), DiscardReceipt)


def test_an_index_of_which_policy_lets_nothing_in_is_refused_though_it_could_be_read(house: House) -> None:
    _, evidence, decision = house.judge(house.index(house.linux("arm64")), "linux/amd64")
    assert decision.outcome is Outcome.DISCARD
    assert ("image-platform", "platform_not_allowed") in told(decision)
    assert evidence.image.components == ()


@pytest.mark.parametrize("platforms", [(), ("windows",)], ids=["unreadable", "let-in"])
def test_where_nothing_can_be_read_and_nothing_is_refused_the_run_says_why(
    house: House, platforms: tuple[str, ...]
) -> None:
    ref = house.index(house.windows() if platforms else house.unpackable())
    with pytest.raises(InputError) as caught:
        house.judge(ref, *platforms)
    assert caught.value.error_code == ("platform_unsupported" if platforms else "layer_media_type")
    assert caught.value.hint
    alone = house.target.at(house.unpackable()["digest"])
    with pytest.raises(InputError):
        house.judge(alone)


def test_bytes_that_are_not_what_they_are_called_still_end_the_run(house: House) -> None:
    entry = house.linux("arm64", Layer({"x": b"y"}))
    ref = house.index(house.linux("amd64"), entry)
    manifest = json.loads(house.store.manifest(ref.at(entry["digest"])).raw)
    digest = manifest["layers"][-1]["digest"].removeprefix("sha256:")
    path = house.folder / "staging" / "blobs" / "sha256" / digest
    path.chmod(0o644)
    path.write_bytes(b"\0" * path.stat().st_size)
    with pytest.raises(IntegrityError):
        house.judge(ref)


def test_a_policy_names_platforms_by_whole_words() -> None:
    known = DecisionPolicy(version="gate.policy/1", platforms=("linux/arm64",))
    assert known.lets_in("linux/arm64")
    assert known.lets_in("linux/arm64/v8")
    for other in ("linux/arm64v8", "linux/arm", "linux", "", "windows/linux/arm64"):
        assert not known.lets_in(other)
    assert not DecisionPolicy(version="gate.policy/1", platforms=()).lets_in("linux/amd64")
    for bad in ("", "linux/", "/amd64", "linux//v8"):
        with pytest.raises(ValueError, match="os/architecture"):
            DecisionPolicy(version="gate.policy/1", platforms=(bad,))
