"""What is taken for a use of an image, and what follows from it: refusals that name the users, and never a silence."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import UpstreamError
from gate.model.exception import Grant, GrantedFile, Scope
from gate.model.origin import Kind
from gate.model.principal import Principal
from gate.policy.bases import BaseImage
from gate.policy.users import EVERY_USER, UserKind
from gate.promotion.mentions import Named, mention, mention_within, plain_host
from gate.promotion.steps import Refused
from gate.promotion.users import ImageUser, Unasked, Users, ask, naming_grants, refuse_used

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PLACE = "gatestaging.azurecr.io/staging/app"
DIGEST, OTHER = "sha256:" + "a1" * 32, "sha256:" + "b2" * 32
NAMED = Named(place=PLACE, digests=(DIGEST,), tags=("v1",))

hosts = st.sampled_from(
    [
        "gatestaging.azurecr.io",
        "gatestaging.azurecr.io:443",
        "gatestaging.privatelink.azurecr.io",
        "gatestaging.westeurope.data.azurecr.io",
        "gatestaging.westeurope.geo.azurecr.io",
        "gatestaging.azurecr.io.",
    ]
)
schemes = st.sampled_from(["", "https://", "docker://", "oci://"])
ends = st.sampled_from([":v1", f"@{DIGEST}", f":other@{DIGEST}"])


def turned(text: str, upper: int) -> str:
    return "".join(char.upper() if upper >> place % 16 & 1 else char for place, char in enumerate(text))


@given(schemes, hosts, ends, st.integers(0, 2**16))
def test_no_spelling_hides_a_use(scheme: str, host: str, end: str, upper: int) -> None:
    text = turned(f"{scheme}{host}/staging/app{end}", upper)
    assert mention(f" {text}\n", NAMED) == ("digest" if "@" in end else "tag")
    assert mention_within(f'{{"image": "{text}"}}', NAMED) is not None


@given(st.text(max_size=200))
def test_no_text_breaks_the_look_and_whoever_has_the_digest_in_it_is_heard(text: str) -> None:
    mention(text, NAMED)
    mention_within(text, NAMED)
    assert mention(f"{text}!{DIGEST}", NAMED) is not None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ubuntu",
        f"{PLACE}:v2",
        f"{PLACE}2:v1",
        f"{PLACE}/more:v1",
        f"{PLACE}:v1@{OTHER}",
        "gateprod.azurecr.io/staging/app:v1",
        f"mcr.microsoft.com/other/app@{DIGEST}",
        "gatestaging.azurecr.io.example.org/staging/app:v1",
    ],
)
def test_another_image_is_another_image(text: str) -> None:
    assert mention(text, NAMED) is None


def test_a_name_of_a_thousand_characters_is_looked_through_for_digests_alone() -> None:
    assert mention("x" * 5000, NAMED) is None
    assert mention("x" * 5000 + DIGEST, NAMED) == "unclear"


def test_a_host_has_one_spelling() -> None:
    assert plain_host("Registry.Example.ORG:5000") == "registry.example.org:5000"
    assert plain_host("NAME.azurecr.us:443") == "name.azurecr.us"


# Grants and bases


def grant(**changes: object) -> Grant:
    known = {
        "id": "GRT-1",
        "kind": Kind.IMAGE,
        "name": f"{PLACE}@{DIGEST}",
        "version": "",
        "files": (),
        "scope": Scope(repositories=("x/y",)),
        "owner": Principal(tenant="a", object_id="anna"),
        "approver": Principal(tenant="a", object_id="ben"),
        "reason": "needed",
        "not_before": NOW - timedelta(days=1),
        "expires": NOW + timedelta(days=1),
    }
    return Grant.model_validate({**known, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"name": PLACE, "version": "v1"},
        {"name": "app", "references": (f"docker://{PLACE}:v1",)},
        {"name": "app", "files": (GrantedFile(filename="manifest.json", sha256=DIGEST, size=1),)},
        {"not_before": NOW + timedelta(hours=1)},
    ],
    ids=["digest", "version", "reference", "file", "tomorrow"],
)
def test_a_grant_that_names_it_uses_it(changes: dict[str, object]) -> None:
    (user,) = naming_grants([grant(**changes)], [], NAMED, NOW).users
    assert (user.kind, user.name) == (UserKind.GRANT, "GRT-1")


@pytest.mark.parametrize(
    "changes",
    [{"expires": NOW}, {"name": f"{PLACE}@{OTHER}"}, {"name": PLACE, "version": "v2"}, {"name": "numpy"}],
    ids=["lapsed", "another", "another tag", "a package"],
)
def test_a_grant_that_has_lapsed_or_names_another_does_not(changes: dict[str, object]) -> None:
    assert naming_grants([grant(**changes)], [], NAMED, NOW) == Users()


@pytest.mark.parametrize(
    ("changes", "used"),
    [
        ({"digest": DIGEST}, True),
        ({"index": DIGEST}, True),
        ({"reference": f"{PLACE}:v1"}, True),
        ({"digest": OTHER}, False),
    ],
)
def test_a_base_of_the_catalogue_that_names_it_uses_it(changes: dict[str, str], used: bool) -> None:
    told: dict[str, object] = {"reference": "mcr.microsoft.com/base:1", "diff_ids": (OTHER,), **changes}
    found = naming_grants([], [BaseImage.model_validate(told)], NAMED, NOW).users
    assert [user.kind for user in found] == ([UserKind.BASE] if used else [])


# What follows


def user(kind: UserKind = UserKind.ENVIRONMENT, name: str = "train:1") -> ImageUser:
    return ImageUser(kind=kind, name=name, how="digest")


def lacking(*kinds: UserKind) -> Unasked:
    return Unasked(source="workspace ws", kinds=kinds, code="upstream_failed", message="it is down")


def test_nobody_is_no_refusal() -> None:
    assert refuse_used(Users(), NAMED, refusing=EVERY_USER) is None


@pytest.mark.parametrize("kind", EVERY_USER)
def test_a_user_refuses_by_name_where_policy_counts_its_kind_and_not_else(kind: UserKind) -> None:
    refused = refuse_used(Users(users=(user(kind),)), NAMED, refusing=(kind,))
    assert isinstance(refused, Refused)
    assert (refused.code, refused.facts["users"]) == ("digest_in_use", f"{kind.value} train:1")
    assert "train:1" in refused.message
    others = tuple(one for one in EVERY_USER if one is not kind)
    assert refuse_used(Users(users=(user(kind),)), NAMED, refusing=others) is None


def test_a_source_that_could_not_be_asked_refuses_where_its_kinds_count() -> None:
    found = Users(unasked=(lacking(UserKind.DEPLOYMENT),))
    with pytest.raises(UpstreamError, match="workspace ws") as caught:
        refuse_used(found, NAMED, refusing=(UserKind.DEPLOYMENT,))
    assert (caught.value.error_code, caught.value.facts["cause"]) == ("users_unasked", "upstream_failed")
    assert caught.value.hint
    assert refuse_used(found, NAMED, refusing=(UserKind.GRANT,)) is None


def test_a_user_that_is_known_is_named_though_another_source_is_silent() -> None:
    found = Users(users=(user(),), unasked=(lacking(UserKind.MODEL),))
    refused = refuse_used(found, NAMED, refusing=EVERY_USER)
    assert refused is not None
    assert refused.code == "digest_in_use"


def test_a_thousand_users_are_named_by_a_few() -> None:
    found = Users(users=tuple(user(name=f"train:{number}") for number in range(1000)))
    refused = refuse_used(found, NAMED, refusing=EVERY_USER)
    assert refused is not None
    assert "and 995 more" in refused.message
    assert len(refused.facts["users"]) < 1000


def test_each_source_is_asked_and_each_user_is_counted_once() -> None:
    class Source:
        def users(self, named: Named, kinds: object) -> Users:
            del named, kinds
            return Users(users=(user(),), unasked=(lacking(UserKind.MODEL),))

    found = ask([Source(), Source()], NAMED, EVERY_USER)
    assert (len(found.users), len(found.unasked)) == (1, 2)


def test_no_secret_of_a_source_is_repeated() -> None:
    error = UpstreamError("https://anna:secret@example.org/?sig=abc failed")
    shown = Unasked.of("workspace ws", (UserKind.MODEL,), error).model_dump_json()
    assert "secret" not in shown
    assert "abc" not in shown
