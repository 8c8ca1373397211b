"""What is sent as a token: each way of being none that counts has a code, and nobody is let in by any of them."""

from __future__ import annotations

import base64
import json
from typing import Any

import jwt
import pytest
from azure_world.sim_state import OTHER_TENANT, TENANT
from azure_world.sim_tokens import ALICE, AUDIENCE, PIPELINE, Entra, entry_of, private_key, unsigned
from callers.callers_world import ask, check_of, now, refused
from cryptography.hazmat.primitives import serialization

from gate.callers.roles import ROLES, Permission
from gate.cloud import CLOUDS
from gate.errors import ForbiddenError, UnauthorizedError
from gate.model.principal import Principal, PrincipalKind

CLIENT_ID = "9a7e0000-0000-4000-8000-000000000abc"


@pytest.mark.parametrize("version", [1, 2])
def test_a_persons_token_proves_tenant_and_object_id_and_nothing_else(entra: Entra, version: int) -> None:
    token = entra.token(ALICE.upper(), "Gate.Request", "Other.Role", version=version, tid=TENANT.upper())
    caller = ask(check_of(entra), token)
    assert caller.principal == Principal(tenant=TENANT, object_id=ALICE, kind=PrincipalKind.USER, claimed=False)
    assert caller.permissions == {Permission.READ, Permission.REQUEST}


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("marks", [{}, {"idtyp": None}], ids=["idtyp", "sub"])
def test_a_services_token_is_a_services(entra: Entra, version: int, marks: dict[str, Any]) -> None:
    caller = ask(check_of(entra), entra.token(PIPELINE, "Gate.Evaluate", version=version, app=True, **marks))
    assert (caller.principal.kind, caller.principal.claimed) == (PrincipalKind.SERVICE, False)


def test_a_service_with_every_role_is_still_a_service(entra: Entra) -> None:
    caller = ask(check_of(entra), entra.token(PIPELINE, *ROLES, app=True))
    assert (caller.principal.kind, caller.permissions) == (PrincipalKind.SERVICE, frozenset(Permission))


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"aud": "api://another"}, "token_audience"),
        ({"aud": f"{AUDIENCE}/"}, "token_audience"),
        ({"aud": AUDIENCE.upper()}, "token_audience"),
        ({"aud": [AUDIENCE]}, "token_audience"),
        ({"aud": None}, "token_audience"),
        ({"aud": "https://management.azure.com"}, "token_audience"),
        ({"iss": f"https://login.microsoftonline.com/{TENANT}/v2.0"}, "token_issuer"),
        ({"iss": f"https://sts.windows.net/{TENANT}/"}, "token_issuer"),
        ({"iss": None}, "token_issuer"),
        ({"iss": f"https://127.0.0.1/{TENANT}/v2.0"}, "token_issuer"),
        ({"ver": "1.0", "appid": "x"}, "token_issuer"),
        ({"ver": "3.0"}, "token_version"),
        ({"ver": None}, "token_version"),
        ({"ver": 2}, "token_version"),
        ({"tid": OTHER_TENANT}, "token_tenant"),
        ({"tid": None}, "token_tenant"),
        ({"tid": "common"}, "token_tenant"),
        ({"tid": [TENANT]}, "token_tenant"),
        ({"exp": 1_000_000_000}, "token_expired"),
        ({"nbf": 2**35}, "token_not_yet_valid"),
        ({"iat": 2**35}, "token_not_yet_valid"),
        ({"exp": None}, "token_malformed"),
        ({"nbf": None}, "token_malformed"),
        ({"iat": None}, "token_malformed"),
        ({"exp": "2099-01-01"}, "token_malformed"),
        ({"exp": True}, "token_malformed"),
        ({"exp": 2**62}, "token_malformed"),
        ({"exp": 1e300}, "token_malformed"),
        ({"oid": None}, "token_malformed"),
        ({"oid": "alice@contoso.example"}, "token_malformed"),
        ({"oid": f"{ALICE}/x"}, "token_malformed"),
        ({"oid": 1}, "token_malformed"),
    ],
    ids=str,
)
def test_a_claim_that_is_wrong_lets_nobody_in(entra: Entra, claims: dict[str, Any], code: str) -> None:
    assert refused(check_of(entra), entra.token(ALICE, "Gate.Approve", **claims)) == code


@pytest.mark.parametrize(
    "claims",
    [
        {"scp": None, "azp": None, "nonce": "n-0S6", "sub": "pairwise"},  # an ID token of the service's own sign-in
        {"scp": None, "azp": None},
        {"azp": None},
        {"azp": ""},
        {"nonce": "n-0S6"},
        {"scp": None},
        {"scp": ""},
        {"scp": " "},
        {"scp": ["access_as_user"]},
        {"idtyp": "app"},
        {"idtyp": "device"},
        {"scp": None, "idtyp": "user", "sub": ALICE},
        {"appid": "x", "azp": None},
    ],
    ids=str,
)
def test_a_token_that_is_no_access_token_is_refused(entra: Entra, claims: dict[str, Any]) -> None:
    assert refused(check_of(entra), entra.token(ALICE, "Gate.Approve", **claims)) == "token_kind"


def test_a_services_token_that_says_a_person_lent_it_is_refused(entra: Entra) -> None:
    assert refused(check_of(entra), entra.token(PIPELINE, "Gate.Scan", app=True, scp="access_as_user")) == "token_kind"


@pytest.mark.parametrize("roles", [None, [], ["Gate.approve"], ["Other"], "Gate.Approve", {"Gate.Approve": 1}, [1]])
def test_without_a_role_of_this_service_nothing_is_allowed(entra: Entra, roles: object) -> None:
    check = check_of(entra)
    with pytest.raises(ForbiddenError) as error:
        ask(check, entra.token(ALICE, roles=roles))
    assert error.value.error_code == "role_missing"
    assert "Gate.Request" in error.value.hint


def test_groups_names_and_scopes_are_no_roles(entra: Entra) -> None:
    token = entra.token(ALICE, groups=["Gate.Approve"], wids=["Gate.Approve"], scp="Gate.Approve", name="Gate.Approve")
    assert refused(check_of(entra), token) == "role_missing"


@pytest.mark.parametrize("signature", ["", "AAAA"])
@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE"])
def test_a_token_that_nobody_signed_is_refused(entra: Entra, alg: str, signature: str) -> None:
    token = unsigned(entra.claims(ALICE, "Gate.Approve"), alg=alg, kid="key-1", signature=signature)
    code = refused(check_of(entra), token)
    assert code == ("token_algorithm" if signature else "token_malformed")
    assert entra.fetched == []


def public_pem() -> bytes:
    key = private_key("key-1").public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
def test_the_public_key_is_no_shared_secret(entra: Entra, alg: str) -> None:
    """PyJWT refuses to sign so; the attacker's own code does not."""
    import hashlib  # noqa: PLC0415 - for the attack alone
    import hmac  # noqa: PLC0415

    body = unsigned(entra.claims(ALICE, "Gate.Approve"), alg=alg, kid="key-1").rstrip(".")
    digest = getattr(hashlib, f"sha{alg[2:]}")
    mac = hmac.new(public_pem(), body.encode(), digest).digest()
    token = f"{body}.{base64.urlsafe_b64encode(mac).rstrip(b'=').decode()}"
    assert refused(check_of(entra), token) == "token_algorithm"
    assert entra.fetched == []


@pytest.mark.parametrize("alg", ["RS384", "RS512", "PS256", "ES256", "EdDSA", "", None, ["RS256"]])
def test_only_one_algorithm_counts(entra: Entra, alg: object) -> None:
    token = unsigned(entra.claims(ALICE, "Gate.Approve"), alg=alg, kid="key-1", signature="AAAA")
    assert refused(check_of(entra), token) == "token_algorithm"


def test_a_good_signature_by_another_hash_does_not_count(entra: Entra) -> None:
    claims = entra.claims(ALICE, "Gate.Approve")
    token = jwt.encode(claims, private_key("key-1"), algorithm="RS512", headers={"kid": "key-1"})
    assert refused(check_of(entra), token) == "token_algorithm"


def test_a_key_of_the_attackers_under_a_good_name_is_refused(entra: Entra) -> None:
    token = entra.token(ALICE, "Gate.Approve", signed_by=private_key("evil"))
    assert refused(check_of(entra), token) == "token_signature"


def test_claims_that_were_changed_after_signing_are_refused(entra: Entra) -> None:
    good = entra.token(ALICE, "Gate.Read").split(".")
    changed = entra.token(ALICE, "Gate.Approve").split(".")
    assert refused(check_of(entra), ".".join((good[0], changed[1], good[2]))) == "token_signature"


@pytest.mark.parametrize(
    "header",
    [
        {"jku": "https://evil.example/keys"},
        {"jwk": entry_of("evil")},
        {"x5u": "https://evil.example/cert"},
        {"x5c": ["MIIB"]},
        {"crit": ["exp"], "exp": 1},
        {"b64": True},
        {"zip": "DEF"},
        {"cty": "JWT"},
        {"typ": "pop"},
        {"typ": ["JWT"]},
        {"kid": "key 1"},
        {"kid": "k" * 300},
        {"kid": ""},
    ],
    ids=lambda value: next(iter(value)),
)
def test_a_header_that_brings_its_own_key_or_rules_is_refused_and_nothing_is_fetched(
    entra: Entra, header: dict[str, Any]
) -> None:
    claims = entra.claims(ALICE, "Gate.Approve")
    token = unsigned(claims, alg="RS256", signature="AAAA", **{"kid": "key-1", **header})
    assert refused(check_of(entra), token) == "token_malformed"
    assert entra.fetched == []


@pytest.mark.parametrize("kid", [None, 1, ["key-1"]])
def test_a_token_that_names_no_key_is_refused(entra: Entra, kid: object) -> None:
    token = unsigned(entra.claims(ALICE, "Gate.Approve"), alg="RS256", kid=kid, signature="AAAA")
    assert refused(check_of(entra), token) == "token_malformed"


@pytest.mark.parametrize(
    "sent",
    [
        b"Bearer",
        b"Bearer ",
        b"Bearer a.b",
        b"Bearer a.b.c.d",
        b"Bearer a.b.c, Bearer d.e.f",
        b"Basic YTpi",
        b"Bearer \xff.\xfe.\xfd",
        b"Bearer a..c",
        b"Bearer \nx.y.z",
        b"Negotiate a.b.c",
        b"Bearer " + base64.urlsafe_b64encode(b"[" * 3000).rstrip(b"=") + b".e30.AAAA",
        b"Bearer " + base64.urlsafe_b64encode(b'{"alg":"RS256","alg":"none"}').rstrip(b"=") + b".e30.AAAA",
        b"Bearer eyJ.e30.AAAA",
        b"Bearer WzFd.e30.AAAA",
        b"Bearer a.b.c",
    ],
    ids=lambda value: value[:40],
)
def test_what_is_no_signed_token_is_refused(entra: Entra, sent: bytes) -> None:
    with pytest.raises(UnauthorizedError) as error:
        check_of(entra).caller([sent], now=now())
    assert error.value.error_code in {"token_malformed", "token_algorithm"}
    assert entra.fetched == []


def test_claims_that_say_a_thing_twice_are_refused(entra: Entra) -> None:
    header = base64.urlsafe_b64encode(json.dumps({"alg": "RS256", "kid": "key-1"}).encode()).rstrip(b"=").decode()
    twice = base64.urlsafe_b64encode(f'{{"tid":"{TENANT}","tid":"{OTHER_TENANT}"}}'.encode()).rstrip(b"=").decode()
    assert refused(check_of(entra), f"{header}.{twice}.AAAA") == "token_malformed"


def test_nobody_two_and_a_giant_are_refused(entra: Entra) -> None:
    check, good = check_of(entra), entra.token(ALICE, "Gate.Read")
    with pytest.raises(UnauthorizedError) as nobody:
        check.caller([], now=now())
    with pytest.raises(UnauthorizedError) as two:
        check.caller([f"Bearer {good}".encode(), f"Bearer {good}".encode()], now=now())
    giant = refused(check, f"{good}{'A' * 2_000_000}")
    codes = (nobody.value.error_code, two.value.error_code, giant)
    assert codes == ("token_missing", "token_malformed", "token_too_large")
    assert entra.fetched == []


def test_the_clock_is_that_of_the_call_and_skew_is_five_minutes(entra: Entra) -> None:
    check, token = check_of(entra), entra.token(ALICE, "Gate.Read")
    assert ask(check, token, now(minutes=64)).principal.object_id == ALICE
    assert refused(check, token, now(minutes=66)) == "token_expired"
    assert ask(check, token, now(minutes=-5)).principal.object_id == ALICE
    assert refused(check, token, now(minutes=-7)) == "token_not_yet_valid"


def test_another_audience_or_tenant_that_is_configured_counts(entra: Entra) -> None:
    check = check_of(
        entra, GATE_TOKEN_AUDIENCES=f"{AUDIENCE} {CLIENT_ID}", GATE_TOKEN_TENANTS=f"{OTHER_TENANT} {TENANT}"
    )
    assert ask(check, entra.token(ALICE, "Gate.Read", aud=CLIENT_ID)).principal.tenant == TENANT
    issuer = f"{entra.address}/{OTHER_TENANT}/v2.0"
    other = ask(check, entra.token(ALICE, "Gate.Read", tid=OTHER_TENANT, iss=issuer))
    assert other.principal.key == f"{OTHER_TENANT}/{ALICE}"
    mixed = entra.token(ALICE, "Gate.Read", tid=OTHER_TENANT)
    assert refused(check, mixed) == "token_issuer"


def test_each_cloud_has_issuers_of_its_own() -> None:
    issuers = {(name, cloud.issuer(TENANT, version)) for name, cloud in CLOUDS.items() for version in (1, 2)}
    assert ("public", f"https://sts.windows.net/{TENANT}/") in issuers
    assert ("public", f"https://login.microsoftonline.com/{TENANT}/v2.0") in issuers
    assert ("usgovernment", f"https://login.microsoftonline.us/{TENANT}/v2.0") in issuers
    assert ("china", f"https://login.partner.microsoftonline.cn/{TENANT}/v2.0") in issuers
