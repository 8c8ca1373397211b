"""The client: bounds hold, failures end in errors of the gate, and tries are few, waited for and safe."""

from __future__ import annotations

import gzip
import io
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from servers.faulty import FaultyServer, Reply

from gate import __version__
from gate.bounds import HttpBounds
from gate.errors import (
    BoundError,
    IntegrityError,
    NotFoundError,
    ThrottledUpstreamError,
    TimeoutUpstreamError,
    UnauthorizedUpstreamError,
    UpstreamError,
    UsageError,
)
from gate.http.answer import RangeIgnored, RangePart
from gate.http.client import HttpClient

FAST = HttpBounds(connect=2.0, read=0.2, total=5.0, stream=5.0, answer_bytes=1000, redirects=3, attempts=3, wait=20.0)


class Sleeper:
    """Keeps what it was asked to sleep, and sleeps not."""

    def __init__(self) -> None:
        self.waits: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.waits.append(seconds)


@pytest.fixture
def sleeper() -> Sleeper:
    return Sleeper()


@pytest.fixture
def client(sleeper: Sleeper) -> Iterator[HttpClient]:
    made = HttpClient(FAST, sleep=sleeper)
    yield made
    made.close()


def test_an_answer_is_whole_and_the_request_says_who_asks(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(body=b"content", headers={"X-Kind": "test"}))
    answer = client.get_bytes(url)
    assert (answer.status, answer.body, answer.url) == (200, b"content", url)
    assert answer.headers["x-kind"] == "test"
    [seen] = faulty.requests("/file")
    assert seen.headers["user-agent"] == f"gate/{__version__}"
    assert seen.headers["accept-encoding"] == "identity"
    assert "authorization" not in seen.headers


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_are_told_apart(client: HttpClient, faulty: FaultyServer, status: int) -> None:
    url = faulty.on("/private", Reply(status=status, body=b"go away"))
    with pytest.raises(UnauthorizedUpstreamError) as caught:
        client.get_bytes(url)
    assert caught.value.facts["status"] == str(status)
    assert caught.value.facts["detail"] == "go away"
    assert len(faulty.requests("/private")) == 1


def test_404_is_absence_only_where_the_caller_says_what_is_absent(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/gone", Reply(status=404))
    with pytest.raises(NotFoundError, match="project `x` does not exist"):
        client.get_bytes(url, missing="project `x`")
    with pytest.raises(UpstreamError, match="answered 404"):
        client.get_bytes(url)
    assert client.get_bytes(url, accept={404}).status == 404


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_failing_server_is_asked_again_with_growing_pauses_and_then_given_up(
    client: HttpClient, faulty: FaultyServer, sleeper: Sleeper, status: int
) -> None:
    url = faulty.on("/broken", Reply(status=status, body=b"oops"))
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(url)
    assert caught.value.error_code == "upstream_failed"
    assert len(faulty.requests("/broken")) == 3
    assert sleeper.waits == [0.5, 1.0]
    assert all(first < second for first, second in pairwise(sleeper.waits))


def test_what_failed_once_may_succeed(client: HttpClient, faulty: FaultyServer, sleeper: Sleeper) -> None:
    url = faulty.on("/shaky", Reply(status=503), Reply(drop=True), Reply(body=b"there"))
    assert client.get_bytes(url).body == b"there"
    assert len(sleeper.waits) == 2


def test_a_body_that_was_cut_is_fetched_again_and_never_handed_out(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/cut", Reply(body=b"0123456789", cut=4), Reply(body=b"0123456789"))
    assert client.get_bytes(url).body == b"0123456789"
    always = faulty.on("/always", Reply(body=b"0123456789", cut=4))
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(always)
    assert caught.value.error_code == "upstream_unreachable"


def test_retry_after_is_waited_for(client: HttpClient, faulty: FaultyServer, sleeper: Sleeper) -> None:
    url = faulty.on("/busy", Reply(status=429, headers={"Retry-After": "3"}), Reply(body=b"now"))
    assert client.get_bytes(url).body == b"now"
    assert sleeper.waits == [3.0]


def test_retry_after_as_a_date_is_held_against_the_servers_own_clock(
    client: HttpClient, faulty: FaultyServer, sleeper: Sleeper
) -> None:
    date, until = "Mon, 01 Jan 2001 00:00:00 GMT", "Mon, 01 Jan 2001 00:00:04 GMT"
    url = faulty.on("/busy", Reply(status=429, headers={"Retry-After": until, "Date": date}), Reply(body=b"now"))
    assert client.get_bytes(url).body == b"now"
    assert sleeper.waits == [4.0]


@pytest.mark.parametrize("after", ["soon", "-5", "Mon, 32 Jan 2001 00:00:00 GMT", "\u00b2"])
def test_a_retry_after_that_says_nothing_is_a_usual_pause(
    client: HttpClient, faulty: FaultyServer, sleeper: Sleeper, after: str
) -> None:
    url = faulty.on("/busy", Reply(status=503, headers={"Retry-After": after}), Reply(body=b"now"))
    assert client.get_bytes(url).body == b"now"
    assert sleeper.waits == [0.5]


def test_a_server_that_asks_for_too_long_a_wait_is_not_waited_for(
    client: HttpClient, faulty: FaultyServer, sleeper: Sleeper
) -> None:
    url = faulty.on("/busy", Reply(status=429, headers={"Retry-After": "3600"}))
    with pytest.raises(ThrottledUpstreamError) as caught:
        client.get_bytes(url)
    assert caught.value.facts["retry_after"] == "3600"
    assert sleeper.waits == []
    assert len(faulty.requests("/busy")) == 1


def test_a_server_that_keeps_throttling_ends_in_its_own_error(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/busy", Reply(status=429, headers={"Retry-After": "0"}))
    with pytest.raises(ThrottledUpstreamError):
        client.get_bytes(url)
    assert len(faulty.requests("/busy")) == 3


def test_no_wait_goes_beyond_the_total(faulty: FaultyServer, sleeper: Sleeper) -> None:
    url = faulty.on("/busy", Reply(status=503, headers={"Retry-After": "10"}))
    with pytest.raises(UpstreamError):
        HttpClient(HttpBounds(total=5.0), sleep=sleeper).get_bytes(url)
    assert sleeper.waits == []


@pytest.mark.parametrize("reply", [Reply(mute=True), Reply(body=b"0123456789", hang=4)])
def test_a_silent_server_is_a_timeout(client: HttpClient, faulty: FaultyServer, reply: Reply) -> None:
    url = faulty.on("/silent", reply)
    with pytest.raises(TimeoutUpstreamError) as caught:
        client.get_bytes(url)
    assert caught.value.error_code == "upstream_timeout"


def test_a_server_that_drips_is_cut_off_at_the_deadline(faulty: FaultyServer) -> None:
    ticks = iter(range(100))
    client = HttpClient(HttpBounds(total=5.0), clock=lambda: float(next(ticks)), sleep=lambda _: None)
    url = faulty.on("/endless", Reply(body=b"x", endless=True))
    with pytest.raises(TimeoutUpstreamError, match="body in time"):
        client.get_bytes(url)


def test_nothing_is_sent_after_the_deadline(faulty: FaultyServer) -> None:
    ticks = iter([0.0, 100.0, 100.0])
    client = HttpClient(HttpBounds(total=5.0), clock=lambda: next(ticks))
    url = faulty.on("/file", Reply())
    with pytest.raises(TimeoutUpstreamError):
        client.get_bytes(url)
    assert faulty.requests("/file") == []


@pytest.mark.parametrize("reply", [Reply(body=b"x" * 1001), Reply(body=b"x" * 500, endless=True)])
def test_an_answer_beyond_the_bound_is_refused_and_not_cut_off_silently(
    client: HttpClient, faulty: FaultyServer, reply: Reply
) -> None:
    url = faulty.on("/big", reply)
    with pytest.raises(BoundError) as caught:
        client.get_bytes(url)
    assert caught.value.error_code == "answer_too_large"
    assert len(faulty.requests("/big")) == 1


def test_the_caller_can_bound_less_but_not_more(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/big", Reply(body=b"x" * 1000))
    assert len(client.get_bytes(url, limit=5000).body) == 1000
    with pytest.raises(BoundError):
        client.get_bytes(url, limit=999)


def test_a_compressed_bomb_is_bounded_by_what_it_unpacks_to(client: HttpClient, faulty: FaultyServer) -> None:
    bomb = gzip.compress(bytes(10_000_000))
    url = faulty.on("/bomb", Reply(body=bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(BoundError):
        client.get_bytes(url, limit=100_000)


def test_a_body_that_is_not_in_its_coding_is_an_error(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/odd", Reply(body=b"no gzip", headers={"Content-Encoding": "gzip"}))
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(url)
    assert caught.value.error_code == "upstream_undecodable"


def test_json_is_asked_for_compressed_and_parsed(client: HttpClient, faulty: FaultyServer) -> None:
    body = gzip.compress(b'{"a": [1]}')
    url = faulty.on("/json", Reply(body=body, headers={"Content-Encoding": "gzip"}))
    assert client.get_json(url) == {"a": [1]}
    [seen] = faulty.requests("/json")
    assert (seen.headers["accept"], seen.headers["accept-encoding"]) == ("application/json", "gzip")


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff", b"[" * 900])
def test_what_is_not_json_is_an_error(client: HttpClient, faulty: FaultyServer, body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        client.get_json(faulty.on("/json", Reply(body=body)))
    assert caught.value.error_code == "upstream_not_json"


def test_deep_json_is_an_error_and_no_crash(faulty: FaultyServer) -> None:
    with pytest.raises(UpstreamError) as caught:
        HttpClient().get_json(faulty.on("/json", Reply(body=b"[" * 200_000)))
    assert caught.value.error_code == "upstream_not_json"


def test_a_post_is_not_repeated_unless_the_caller_says_that_it_may(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/act", Reply(status=503), Reply(status=201), method="POST")
    with pytest.raises(UpstreamError):
        client.request("POST", url, body=b"x")
    assert len(faulty.requests("/act")) == 1
    again = faulty.on("/again", Reply(status=503), Reply(status=201), method="POST")
    assert client.request("POST", again, body=b"x", retried=True).status == 201


def test_a_put_is_repeated_with_the_same_bytes(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/put", Reply(status=500), Reply(status=201), method="PUT")
    assert client.request("PUT", url, body=b"bytes").status == 201
    assert [seen.body for seen in faulty.requests("/put")] == [b"bytes", b"bytes"]


class _File(io.BytesIO):
    """A file that knows its size."""

    def __len__(self) -> int:
        return len(self.getvalue())


def test_a_file_is_sent_whole_and_never_again(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(status=500), method="PUT")
    with pytest.raises(UpstreamError):
        client.request("PUT", url, body=_File(b"x" * 9000))
    [seen] = faulty.requests("/file")
    assert len(seen.body) == 9000


def test_a_file_that_turns_out_false_while_it_is_sent_keeps_its_own_error(
    client: HttpClient, faulty: FaultyServer
) -> None:
    class Untrue(_File):
        def read(self, size: int | None = -1, /) -> bytes:
            message = f"other bytes than the {size} that were asked for"
            raise IntegrityError(message)

    url = faulty.on("/file", Reply(status=201), method="PUT")
    with pytest.raises(IntegrityError, match="other bytes"):
        client.request("PUT", url, body=Untrue(b"x" * 9000))


def test_nobody_listening_is_unreachable_after_all_tries(client: HttpClient, sleeper: Sleeper) -> None:
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(f"http://127.0.0.1:{port}/?token=hunter2")
    assert caught.value.error_code == "upstream_unreachable"
    assert "refused" in str(caught.value)
    assert "hunter2" not in str(caught.value) + str(caught.value.facts)
    assert len(sleeper.waits) == 2


def test_a_name_that_nobody_knows_is_unreachable(client: HttpClient) -> None:
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes("http://gate.invalid/")
    assert caught.value.error_code == "upstream_unreachable"


def test_a_server_that_speaks_no_http_is_an_error(client: HttpClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.01)
        with pytest.raises(UpstreamError):
            client.get_bytes(f"http://127.0.0.1:{server.getsockname()[1]}/")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "host/path",
        "ftp://host/x",
        "file:///etc/passwd",
        "http://",
        "http://host:99999/",
        "http://a b/",
        "http://[x/",
    ],
)
def test_what_is_no_address_is_the_callers_fault(client: HttpClient, url: str) -> None:
    with pytest.raises(UsageError) as caught:
        client.get_bytes(url)
    assert caught.value.error_code == "bad_address"


@pytest.mark.parametrize("url", ["http://.example.invalid/", "http://" + "a" * 70 + ".invalid/"])
def test_a_host_that_no_name_server_can_be_asked_for_is_an_error(client: HttpClient, url: str) -> None:
    with pytest.raises(UpstreamError):
        client.get_bytes(url)


def test_a_header_that_would_split_the_request_is_refused(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply())
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(url, headers={"X-A": "1\r\nX-B: 2"})
    assert caught.value.error_code == "bad_address"
    assert faulty.requests("/file") == []


def test_user_info_becomes_basic_credentials_and_is_never_shown(client: HttpClient, faulty: FaultyServer) -> None:
    faulty.on("/private", Reply(body=b"yes"), Reply(status=403))
    url = f"http://me:hunter%402@{faulty.host}/private"
    answer = client.get_bytes(url)
    assert "hunter" not in answer.url
    with pytest.raises(UnauthorizedUpstreamError) as caught:
        client.get_bytes(url)
    assert "hunter" not in str(caught.value) + caught.value.hint + str(caught.value.facts)
    assert {seen.headers["authorization"] for seen in faulty.requests("/private")} == {"Basic bWU6aHVudGVyQDI="}


def test_given_credentials_win_over_user_info(client: HttpClient, faulty: FaultyServer) -> None:
    faulty.on("/private", Reply())
    client.get_bytes(f"http://me@{faulty.host}/private", headers={"authorization": "Bearer abc"})
    [seen] = faulty.requests("/private")
    assert seen.headers["authorization"] == "Bearer abc"


def test_the_users_netrc_has_no_say(
    client: HttpClient, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password hunter2\n")
    monkeypatch.setenv("NETRC", str(netrc))
    client.get_bytes(faulty.on("/file", Reply()))
    [seen] = faulty.requests("/file")
    assert "authorization" not in seen.headers


def test_no_cookie_is_kept(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(headers={"Set-Cookie": "session=1; Path=/"}))
    client.get_bytes(url)
    client.get_bytes(url)
    assert all("cookie" not in seen.headers for seen in faulty.requests("/file"))


def test_a_proxy_of_the_environment_is_used(
    client: HttpClient, faulty: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", faulty.url)
    monkeypatch.setenv("no_proxy", "")
    faulty.on("http://gate.invalid/file", Reply(body=b"by proxy"))
    assert client.get_bytes("http://gate.invalid/file").body == b"by proxy"


def test_a_range_is_the_bytes_that_were_asked_for(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(status=206, body=b"2345", headers={"Content-Range": "bytes 2-5/10"}))
    assert client.get_range(url, start=2, end=5) == RangePart(body=b"2345", start=2, total=10)
    [seen] = faulty.requests("/file")
    assert seen.headers["range"] == "bytes=2-5"


@pytest.mark.parametrize("size", [4, 400])
def test_a_suffix_is_the_end_or_all_of_a_smaller_file(client: HttpClient, faulty: FaultyServer, size: int) -> None:
    body = b"0123456789"[-size:]
    start = 10 - len(body)
    url = faulty.on("/file", Reply(status=206, body=body, headers={"Content-Range": f"bytes {start}-9/10"}))
    assert client.get_range(url, suffix=size) == RangePart(body=body, start=start, total=10)


def test_a_size_that_the_server_will_not_say_is_none(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(status=206, body=b"2345", headers={"Content-Range": "bytes 2-5/*"}))
    assert client.get_range(url, start=2, end=5) == RangePart(body=b"2345", start=2, total=None)


@pytest.mark.parametrize(
    ("reply", "total"),
    [(Reply(body=b"x" * 5000), 5000), (Reply(body=b"x" * 5000, endless=True), None)],
)
def test_a_server_that_ignores_ranges_is_told_apart_and_its_file_not_read(
    client: HttpClient, faulty: FaultyServer, reply: Reply, total: int | None
) -> None:
    assert client.get_range(faulty.on("/file", reply), start=0, end=9) == RangeIgnored(total=total)


@pytest.mark.parametrize(
    ("body", "content_range"),
    [
        (b"2345", "bytes 3-6/10"),
        (b"234", "bytes 2-5/10"),
        (b"2345", "bytes 2-5/4"),
        (b"2345", "bytes 2-5"),
        (b"2345", "bytes \u0662-\u0665/10"),
        (b"2345", None),
    ],
)
def test_other_bytes_than_were_asked_for_are_refused(
    client: HttpClient, faulty: FaultyServer, body: bytes, content_range: str | None
) -> None:
    headers = {"Content-Range": content_range.encode().decode("latin-1")} if content_range else {}
    url = faulty.on("/file", Reply(status=206, body=body, headers=headers))
    with pytest.raises(UpstreamError) as caught:
        client.get_range(url, start=2, end=5)
    assert caught.value.error_code == "range_wrong"


def test_a_suffix_that_is_not_the_end_is_refused(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(status=206, body=b"2345", headers={"Content-Range": "bytes 2-5/10"}))
    with pytest.raises(UpstreamError) as caught:
        client.get_range(url, suffix=4)
    assert caught.value.error_code == "range_wrong"


def test_a_range_with_more_bytes_than_asked_for_is_not_read_on(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(status=206, body=b"x" * 900, headers={"Content-Range": "bytes 2-5/1000"}))
    with pytest.raises(BoundError):
        client.get_range(url, start=2, end=5)


def test_a_range_outside_the_file_is_an_error_of_its_own(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/file", Reply(status=416, headers={"Content-Range": "bytes */3"}))
    with pytest.raises(UpstreamError) as caught:
        client.get_range(url, start=5, end=9)
    assert caught.value.error_code == "range_unsatisfiable"


@pytest.mark.parametrize(
    ("start", "end", "suffix"),
    [(None, None, None), (1, 0, None), (-1, 3, None), (0, 1, 1), (None, None, 0), (1, None, None)],
)
def test_a_range_that_names_no_bytes_is_a_mistake_of_the_code(
    client: HttpClient, start: int | None, end: int | None, suffix: int | None
) -> None:
    with pytest.raises(ValueError, match="a range is either"):
        client.get_range("http://127.0.0.1:1/", start=start, end=end, suffix=suffix)


def test_a_stream_comes_raw_and_may_be_larger_than_an_answer(client: HttpClient, faulty: FaultyServer) -> None:
    body = gzip.compress(b"x" * 100) + bytes(5000)
    url = faulty.on("/blob", Reply(body=body, headers={"Content-Encoding": "gzip"}))
    with client.stream(url) as opened:
        assert opened.status == 200
        assert opened.body.read() == body
        assert opened.body.read(10) == b""
        assert opened.body.read(0) == b""
        assert opened.body.readable()


def test_a_stream_fills_buffers(client: HttpClient, faulty: FaultyServer) -> None:
    with client.stream(faulty.on("/blob", Reply(body=b"abc"))) as opened:
        buffer = bytearray(10)
        assert opened.body.readinto(buffer) == 3
        assert buffer[:3] == b"abc"


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(body=b"x" * 5000, cut=3000), UpstreamError),
        (Reply(body=b"x" * 5000, hang=3000), TimeoutUpstreamError),
        (Reply(body=b"7d0\r\nxxx", headers={"Transfer-Encoding": "chunked"}, cut=8), UpstreamError),
        (Reply(body=b"zz\r\nxxx", headers={"Transfer-Encoding": "chunked"}, cut=7), UpstreamError),
    ],
)
def test_what_fails_while_a_stream_is_read_is_translated_too(
    client: HttpClient, faulty: FaultyServer, reply: Reply, error: type[UpstreamError]
) -> None:
    url = faulty.on("/blob", reply)
    with client.stream(url) as opened, pytest.raises(error):
        opened.body.read()
    assert len(faulty.requests("/blob")) == 1


def test_a_stream_ends_at_its_own_deadline(faulty: FaultyServer) -> None:
    now = [0.0]
    client = HttpClient(HttpBounds(stream=10.0), clock=lambda: now[0])
    with client.stream(faulty.on("/blob", Reply(body=b"x", endless=True))) as opened:
        assert opened.body.read(10)
        now[0] = 11.0
        with pytest.raises(TimeoutUpstreamError):
            opened.body.read(10)


def test_the_opening_of_a_stream_is_tried_again(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/blob", Reply(status=503), Reply(body=b"x"))
    with client.stream(url) as opened:
        assert opened.body.read() == b"x"


def test_a_refused_stream_never_opens(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/blob", Reply(status=403, body=b"no", hang=1))
    with pytest.raises(UnauthorizedUpstreamError), client.stream(url):
        pytest.fail("the block must not be entered")


def test_a_refusal_whose_body_is_silent_is_still_that_refusal(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/private", Reply(status=401, body=b"no", hang=0))
    with pytest.raises(UnauthorizedUpstreamError) as caught:
        client.get_bytes(url)
    assert caught.value.facts["detail"] == ""


def test_secrets_in_a_servers_words_are_hidden(client: HttpClient, faulty: FaultyServer) -> None:
    url = faulty.on("/private", Reply(status=400, body=b"token=abcdef0123456789 is bad"))
    with pytest.raises(UpstreamError) as caught:
        client.get_bytes(url)
    assert "abcdef" not in caught.value.facts["detail"]
