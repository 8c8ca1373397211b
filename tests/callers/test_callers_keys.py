"""The keys of a tenant: fetched rarely whatever tokens say, from one place, and never taken for what they are not."""

from __future__ import annotations

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from azure_world.sim_state import TENANT
from azure_world.sim_tokens import ALICE, Entra, entra_server, entry_of, private_key
from callers.callers_world import ask, check_of, now, refused
from cryptography.hazmat.primitives.asymmetric import rsa
from servers.certificates import Certificate

from gate.callers.keys import parse_keys
from gate.errors import UnavailableUpstreamError, UpstreamError


def test_keys_are_fetched_once_for_many_tokens(entra: Entra) -> None:
    check = check_of(entra)
    for _ in range(5):
        ask(check, entra.token(ALICE, "Gate.Read"))
    assert entra.fetched == [f"/{TENANT}/discovery/v2.0/keys"]
    ask(check, entra.token(ALICE, "Gate.Read", version=1))
    assert entra.fetched[1:] == [f"/{TENANT}/discovery/keys"]


def test_a_storm_of_keys_to_come_is_one_question_a_minute(entra: Entra) -> None:
    check = check_of(entra)
    ask(check, entra.token(ALICE, "Gate.Read"))
    for number in range(200):
        assert refused(
            check, entra.token(ALICE, "Gate.Approve", kid=f"to-come-{number}", signed_by=private_key("x"))
        ) == ("token_key_unknown")
    assert len(entra.fetched) == 1  # within a minute of the first fetch nothing is asked again
    assert refused(check, entra.token(ALICE, kid="to-come", signed_by=private_key("x")), now(seconds=61)) == (
        "token_key_unknown"
    )
    for number in range(50):
        token = entra.token(ALICE, kid=f"later-{number}", signed_by=private_key("x"))
        assert refused(check, token, now(seconds=62)) == "token_key_unknown"
    assert len(entra.fetched) == 2
    ask(check, entra.token(ALICE, "Gate.Read"))


def test_a_storm_before_the_first_key_was_fetched_is_one_question(entra: Entra) -> None:
    check = check_of(entra)
    entra.delay = 0.3
    tokens = [entra.token(ALICE, "Gate.Read", kid=f"k-{number}", signed_by=private_key("x")) for number in range(12)]
    with ThreadPoolExecutor(12) as pool:
        codes = set(pool.map(lambda token: refused(check, token), tokens))
    assert codes <= {"token_key_unknown", "keys_unreachable"}
    assert len(entra.fetched) == 1


def test_a_tenants_new_key_is_found_and_its_old_one_is_gone(entra: Entra) -> None:
    check = check_of(entra)
    old = entra.token(ALICE, "Gate.Read")
    ask(check, old)
    entra.listed = ["key-2"]
    later = now(seconds=61)
    assert ask(check, entra.token(ALICE, "Gate.Read", kid="key-2"), later).principal.object_id == ALICE
    assert refused(check, old, later) == "token_key_unknown"


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"status": 404},
        {"status": 401},
        {"body": b"<html>sign in</html>"},
        {"body": b'{"keys": []}'},
        {"body": b'{"keys": {}}'},
        {"body": b"[]"},
        {"body": b"{}"},
        {"body": b'{"keys": [{"kty": "RSA"}]}'},
        {"body": b"{" * 100_000},
        {"body": b" " * 2_000_000},
    ],
    ids=str,
)
def test_keys_that_can_not_be_had_let_nobody_in_and_say_so(entra: Entra, fault: dict[str, Any]) -> None:
    for name, value in fault.items():
        setattr(entra, name, value)
    check = check_of(entra)
    token = entra.token(ALICE, "Gate.Approve")
    for _ in range(20):
        assert refused(check, token) == "keys_unreachable"
    assert len(entra.fetched) == 1
    entra.status, entra.body = 200, None
    assert refused(check, token, now(seconds=5)) == "keys_unreachable"
    assert ask(check, token, now(seconds=11)).principal.object_id == ALICE


def test_an_authority_that_is_not_there_is_503_and_not_a_pass(entra: Entra) -> None:
    check = check_of(entra, GATE_AZURE_AUTHORITY="https://127.0.0.1:1")
    with pytest.raises(UnavailableUpstreamError) as error:
        ask(check, entra.token(ALICE, "Gate.Approve", iss=f"https://127.0.0.1:1/{TENANT}/v2.0"))
    assert (error.value.status, error.value.error_code) == (503, "keys_unreachable")


def test_an_authority_that_nobody_vouches_for_is_not_believed(entra: Entra, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("REQUESTS_CA_BUNDLE")
    assert refused(check_of(entra), entra.token(ALICE, "Gate.Approve")) == "keys_unreachable"
    assert entra.fetched == []


def test_keys_go_on_counting_while_the_authority_fails_and_not_for_ever(entra: Entra) -> None:
    check = check_of(entra)
    ask(check, entra.token(ALICE, "Gate.Read"))
    entra.status = 500
    for hours, code in ((13, ""), (23, ""), (25, "keys_unreachable")):
        at = now(hours=hours)
        token = entra.token(ALICE, "Gate.Read", exp=int(at.timestamp()) + 60)
        if code:
            assert refused(check, token, at) == code
        else:
            assert ask(check, token, at).principal.object_id == ALICE
    unknown = entra.token(ALICE, kid="new", signed_by=private_key("x"))
    assert refused(check, unknown) == "keys_unreachable"  # whether there is such a key can't be told now


def test_half_a_day_on_the_keys_are_fetched_anew(entra: Entra) -> None:
    check = check_of(entra)
    ask(check, entra.token(ALICE, "Gate.Read"))
    at = now(hours=13)
    token = entra.token(ALICE, "Gate.Read", exp=int(at.timestamp()) + 60)
    for _ in range(3):
        ask(check, token, at)
    assert len(entra.fetched) == 2


def test_who_waits_for_the_authority_keeps_nobody_else_waiting(entra: Entra) -> None:
    check = check_of(entra)
    good = entra.token(ALICE, "Gate.Read")
    ask(check, good)
    entra.delay = 1.0
    unknown = entra.token(ALICE, kid="new", signed_by=private_key("x"))
    waiting = threading.Thread(target=refused, args=(check, unknown, now(seconds=61)))
    waiting.start()
    while len(entra.fetched) < 2:
        time.sleep(0.01)
    assert ask(check, good, now(seconds=61)).principal.object_id == ALICE
    assert (
        refused(check, entra.token(ALICE, kid="n", signed_by=private_key("x")), now(seconds=61)) == "keys_unreachable"
    )
    assert waiting.is_alive()
    waiting.join()


def test_a_redirect_to_another_server_brings_no_keys(entra: Entra, tls_certificate: Certificate) -> None:
    with entra_server(tls_certificate) as other:
        entra.elsewhere = other.address
        assert refused(check_of(entra), entra.token(ALICE, "Gate.Approve")) == "keys_unreachable"
        assert len(other.fetched) == 1  # it was followed, to a trusted server, and what it brought was not believed


@pytest.mark.parametrize(
    ("issuer", "code"),
    [
        ("{address}/{{tenantid}}/v2.0", ""),
        ("{address}/" + TENANT + "/v2.0", ""),
        ("{address}/9188040d-6c67-4c5b-b112-36a304b66dad/v2.0", "token_issuer"),
        ("https://evil.example/{{tenantid}}/v2.0", "token_issuer"),
    ],
)
def test_a_key_that_signs_for_another_issuer_does_not_sign_for_this_one(entra: Entra, issuer: str, code: str) -> None:
    entry = entry_of("key-1", issuer=issuer.format(address=entra.address))
    entra.body = json.dumps({"keys": [entry]}).encode()
    check, token = check_of(entra), entra.token(ALICE, "Gate.Read")
    if code:
        assert refused(check, token) == code
    else:
        assert ask(check, token).principal.object_id == ALICE


def weak() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=1024)  # noqa: S505 - what must not count


@pytest.mark.parametrize(
    "change",
    [
        {"n": "short"},
        {"use": "enc"},
        {"alg": "RS512"},
        {"kty": "oct", "k": "c2VjcmV0"},
        {"kty": "EC"},
        {"kid": 7},
        {"n": 7},
        {"n": "AA"},
        {"e": ""},
        {"issuer": 7},
        {"n": None},
    ],
    ids=str,
)
def test_a_key_that_is_weak_or_for_something_else_is_left_out(change: dict[str, Any]) -> None:
    entry = entry_of("bad", weak()) if change == {"n": "short"} else entry_of("bad") | change
    found = parse_keys(json.dumps({"keys": [entry, "bad", None, {"kid": "bad"}, entry_of("good")]}).encode(), most=10)
    assert set(found) == {"good"}


def test_two_keys_of_one_name_or_too_many_are_no_set() -> None:
    for keys in ([entry_of("a"), entry_of("a", private_key("b"))], [entry_of("a"), entry_of("b"), entry_of("c")]):
        with pytest.raises(UpstreamError) as error:
            parse_keys(json.dumps({"keys": keys}).encode(), most=2)
        assert error.value.error_code == "keys_unreadable"
