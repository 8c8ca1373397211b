"""Redirects: few, never out of TLS, and never with credentials to another origin."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from servers.faulty import FaultyServer, Reply, faulty_server

from gate.bounds import HttpBounds
from gate.errors import UpstreamError
from gate.http.address import is_loopback, origin_of, redirected, show, strip_credentials
from gate.http.client import HttpClient

SECRET = {"Authorization": "Bearer abcdefgh"}


@pytest.fixture
def client() -> Iterator[HttpClient]:
    made = HttpClient(HttpBounds(redirects=3), sleep=lambda _: None)
    yield made
    made.close()


@pytest.fixture
def elsewhere() -> Iterator[FaultyServer]:
    with faulty_server() as server:
        yield server


def _to(location: str, status: int = 302) -> Reply:
    return Reply(status=status, headers={"Location": location})


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_within_the_origin_keeps_the_credentials(
    client: HttpClient, faulty: FaultyServer, status: int
) -> None:
    faulty.on("/new", Reply(body=b"here"))
    answer = client.get_bytes(faulty.on("/old", _to("/new", status)), headers=SECRET)
    assert (answer.body, answer.url) == (b"here", f"{faulty.url}/new")
    [seen] = faulty.requests("/new")
    assert seen.headers["authorization"] == SECRET["Authorization"]


def test_credentials_never_travel_to_another_origin(
    client: HttpClient, faulty: FaultyServer, elsewhere: FaultyServer
) -> None:
    target = elsewhere.on("/blob", Reply(body=b"blob"))
    url = faulty.on("/blob", _to(target))
    assert client.get_bytes(url, headers={**SECRET, "Cookie": "a=b", "X-Kept": "1"}).body == b"blob"
    [seen] = elsewhere.requests("/blob")
    assert "authorization" not in seen.headers
    assert "cookie" not in seen.headers
    assert seen.headers["x-kept"] == "1"


def test_credentials_do_not_come_back_after_a_detour(
    client: HttpClient, faulty: FaultyServer, elsewhere: FaultyServer
) -> None:
    back = faulty.on("/back", Reply(body=b"done"))
    detour = elsewhere.on("/detour", _to(back))
    assert client.get_bytes(faulty.on("/start", _to(detour)), headers=SECRET).body == b"done"
    [seen] = faulty.requests("/back")
    assert "authorization" not in seen.headers


def test_user_info_in_a_redirect_is_not_taken_for_credentials(
    client: HttpClient, faulty: FaultyServer, elsewhere: FaultyServer
) -> None:
    elsewhere.on("/blob", Reply(body=b"blob"))
    assert client.get_bytes(faulty.on("/x", _to(f"http://me:pw@{elsewhere.host}/blob"))).body == b"blob"
    [seen] = elsewhere.requests("/blob")
    assert "authorization" not in seen.headers


def test_redirects_are_bounded(client: HttpClient, faulty: FaultyServer) -> None:
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(faulty.on("/loop", _to("/loop")))
    assert caught.value.error_code == "too_many_redirects"
    assert len(faulty.requests("/loop")) == 4


def test_the_body_of_a_redirect_is_not_read(client: HttpClient, faulty: FaultyServer) -> None:
    faulty.on("/new", Reply(body=b"here"))
    url = faulty.on("/old", Reply(status=302, headers={"Location": "/new"}, body=b"x" * 1000, endless=True))
    assert client.get_bytes(url).body == b"here"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_what_changes_something_is_not_redirected(client: HttpClient, faulty: FaultyServer, method: str) -> None:
    url = faulty.on("/act", _to("/other", 307), method=method)
    with pytest.raises(UpstreamError) as caught:
        client.request(method, url, body=b"")
    assert caught.value.error_code == "redirect_refused"
    assert faulty.requests("/other") == []


def test_a_redirect_to_nowhere_is_refused(client: HttpClient, faulty: FaultyServer) -> None:
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(faulty.on("/nowhere", Reply(status=302)))
    assert caught.value.error_code == "redirect_refused"


@pytest.mark.parametrize("location", ["file:///etc/passwd", "ftp://example.invalid/", "http://[", "http://x:99999/"])
def test_a_redirect_to_something_else_than_http_is_refused(
    client: HttpClient, faulty: FaultyServer, location: str
) -> None:
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(faulty.on("/odd", _to(location)))
    assert caught.value.error_code == "bad_redirect"


def test_a_redirect_out_of_tls_is_refused() -> None:
    with pytest.raises(UpstreamError) as caught:
        redirected("https://example.org/a?sig=abc", "http://example.org/b")
    assert caught.value.error_code == "redirect_downgrade"
    assert "abc" not in str(caught.value)


@pytest.mark.parametrize("target", ["https://localhost/", "https://127.0.0.1:8443/admin", "https://[::1]/"])
def test_another_machine_cannot_lead_to_this_one(target: str) -> None:
    with pytest.raises(UpstreamError) as caught:
        redirected("https://example.org/a", target)
    assert caught.value.error_code == "redirect_inward"


def test_a_redirect_within_tls_or_into_it_is_followed() -> None:
    assert redirected("https://example.org/a/b", "../c") == "https://example.org/c"
    assert redirected("http://example.org/a", "https://example.net/c") == "https://example.net/c"


def test_an_accepted_redirect_is_an_answer(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/old", _to("/new"))
    assert client.get_bytes(url, accept={302}).status == 302
    assert faulty.requests("/new") == []


@pytest.mark.parametrize("headers", [SECRET, {"cookie": "a=b"}])
def test_credentials_never_travel_in_clear_to_another_machine(client: HttpClient, headers: dict[str, str]) -> None:
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes("http://example.invalid/", headers=headers)
    assert caught.value.error_code == "credentials_in_clear"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]"])
def test_this_machine_is_known_by_its_names(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize(
    "host", ["localhost.example.org", "127.0.0.1.example.org", "128.0.0.1", "10.0.0.1", "", "127.1", "localhost."]
)
def test_what_only_looks_like_this_machine_is_not(host: str) -> None:
    assert not is_loopback(host)


def test_an_address_is_shown_without_anything_that_may_be_secret() -> None:
    assert show("https://me:pw@example.org/a?sig=1#token") == "https://example.org/a"


def test_an_origin_has_its_default_port() -> None:
    assert origin_of("https://example.org/x") == origin_of("https://EXAMPLE.org:443/")
    assert origin_of("https://example.org") != origin_of("https://example.org:8443")
    assert origin_of("http://example.org:443") != origin_of("https://example.org")


def test_user_info_without_a_password_has_an_empty_one() -> None:
    assert strip_credentials("https://token@example.org/x") == ("https://example.org/x", "Basic dG9rZW46")
