"""Lists of tags that fail, lie or never end: an error, never a shorter list."""

from __future__ import annotations

import json

import pytest
from registry.fault_world import Anybody, errors
from servers.faulty import FaultyServer, Reply

from gate.bounds import ImageBounds
from gate.errors import (
    BoundError,
    NotFoundError,
    UpstreamError,
)
from gate.http.client import HttpClient
from gate.model.image import ImageRef
from gate.registry.auth import NoCredentials
from gate.registry.remote import RemoteRegistry

TAGS = "/v2/app/tags/list"


def _page(tags: list[str], link: str = "") -> Reply:
    return Reply(body=json.dumps({"name": "app", "tags": tags}).encode(), headers={"Link": link} if link else {})


def test_tags_come_from_all_pages(remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef) -> None:
    faulty.on(
        TAGS,
        _page(["b"], '</v2/app/tags/list?last=b&n=1>; rel="next"'),
        _page(["a"], f"<{faulty.url}/v2/app/tags/list?last=a&n=1>; rel=next"),
        _page(["c"], '</v2/app/tags/list>; rel="prev"'),
    )
    assert remote.tags(app) == ("a", "b", "c")
    assert [seen.path.partition("?")[2] for seen in faulty.requests(TAGS)] == ["n=1000", "last=b&n=1", "last=a&n=1"]


def test_the_next_page_is_never_on_another_host(
    client: HttpClient, faulty: FaultyServer, elsewhere: FaultyServer, app: ImageRef
) -> None:
    faulty.on(TAGS, _page(["a"], f'<{elsewhere.url}{TAGS}>; rel="next"'))
    with pytest.raises(UpstreamError) as caught:
        RemoteRegistry(client, Anybody()).tags(app)
    assert caught.value.error_code == "page_foreign"
    assert elsewhere.seen == []


@pytest.mark.parametrize("reply", [Reply(status=500), Reply(status=429), Reply(mute=True), Reply(status=404)])
def test_pages_that_fail_half_way_are_an_error_and_no_shorter_list(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef, reply: Reply
) -> None:
    faulty.on(TAGS, _page(["a"], '</v2/app/tags/list?last=a>; rel="next"'), reply)
    with pytest.raises(UpstreamError):
        remote.tags(app)


def test_a_repository_that_goes_away_half_way_is_an_error(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef
) -> None:
    gone = Reply(status=404, body=errors("NAME_UNKNOWN"))
    faulty.on(TAGS, _page(["a"], '</v2/app/tags/list?last=a>; rel="next"'), gone)
    with pytest.raises(NotFoundError):
        remote.tags(app)


def test_pages_without_end_are_bounded(client: HttpClient, faulty: FaultyServer, app: ImageRef) -> None:
    faulty.on(TAGS, _page(["a"], '</v2/app/tags/list?last=a>; rel="next"'))
    with pytest.raises(BoundError) as caught:
        RemoteRegistry(client, NoCredentials(), ImageBounds(tags=100)).tags(app)
    assert caught.value.error_code == "too_many_tags"


@pytest.mark.parametrize("body", [b"{}", b"[]", b'{"tags": "a"}', b'{"tags": [1]}', b"<html>"])
def test_what_is_no_list_of_tags_is_an_error_and_not_none(
    remote: RemoteRegistry, faulty: FaultyServer, app: ImageRef, body: bytes
) -> None:
    faulty.on(TAGS, Reply(body=body))
    with pytest.raises(UpstreamError):
        remote.tags(app)
