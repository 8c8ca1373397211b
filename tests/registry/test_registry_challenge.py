"""`WWW-Authenticate`: what can be read in one way is read, and no token server is named that must not be asked."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gate.errors import UpstreamError
from gate.registry.remote_challenge import Basic, Bearer, read_challenge

REGISTRY = "https://registry.example.org/v2/app/manifests/1"
LOCAL = "http://127.0.0.1:5000/v2/app/manifests/1"
REALM = "https://auth.example.org/token"


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("", None),
        ("Negotiate", None),
        ("Negotiate abc==", None),
        ('Digest realm="x", nonce="y"', None),
        ('Basic realm="registry"', Basic()),
        ("basic", Basic()),
        (f'Bearer realm="{REALM}"', Bearer(realm=REALM, service="", scope="")),
        (
            f'Bearer realm="{REALM}",service="reg.example.org",scope="repository:a/b:pull,push"',
            Bearer(realm=REALM, service="reg.example.org", scope="repository:a/b:pull,push"),
        ),
        (
            f'bearer  scope="a b" , SERVICE=plain ,\trealm="{REALM}" ,error="invalid_token"',
            Bearer(realm=REALM, service="plain", scope="a b"),
        ),
        (f'Basic realm="x", Bearer realm="{REALM}",service="s"', Bearer(realm=REALM, service="s", scope="")),
        (f'Negotiate abc==, Bearer realm="{REALM}"', Bearer(realm=REALM, service="", scope="")),
        (f'Bearer realm="{REALM}",service="a\\"b"', Bearer(realm=REALM, service='a"b', scope="")),
        ('Bearer realm="http://auth.localhost"', UpstreamError),
    ],
)
def test_a_challenge_is_read(header: str, expected: object) -> None:
    if expected is UpstreamError:
        with pytest.raises(UpstreamError):
            read_challenge(header, REGISTRY)
    else:
        assert read_challenge(header, REGISTRY) == expected


@pytest.mark.parametrize(
    "header",
    [
        f'Bearer realm="{REALM}',
        f'Bearer realm="{REALM}",realm="https://evil.example.net/"',
        'Bearer "x"',
        "@",
        'Bearer realm="' + "a" * 9000 + '"',
    ],
)
def test_a_challenge_outside_the_grammar_is_refused(header: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        read_challenge(header, REGISTRY)
    assert caught.value.error_code in {"bad_challenge", "bad_realm"}


@pytest.mark.parametrize(
    "realm",
    [
        "",
        "token",
        "ftp://auth.example.org/",
        "http://auth.example.org/token",
        "https://me:pw@auth.example.org/token",
        "https://localhost/token",
        "http://127.0.0.1/token",
        "https://[::1]/token",
    ],
)
def test_a_token_server_that_no_credential_may_go_to_is_refused(realm: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        read_challenge(f'Bearer realm="{realm}"', REGISTRY)
    assert caught.value.error_code == "bad_realm"
    assert "pw" not in str(caught.value)


@pytest.mark.parametrize("realm", ["http://127.0.0.1:9/token", "http://localhost/token", REALM])
def test_a_registry_on_this_machine_may_name_a_token_server_on_it(realm: str) -> None:
    assert read_challenge(f'Bearer realm="{realm}"', LOCAL) == Bearer(realm=realm, service="", scope="")


@given(st.text(max_size=60))
def test_any_header_is_a_value_or_an_error_of_the_gate(header: str) -> None:
    try:
        found = read_challenge(header, REGISTRY)
    except UpstreamError:
        return
    assert found is None or isinstance(found, Basic | Bearer)
