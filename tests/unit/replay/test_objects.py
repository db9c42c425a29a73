"""Objects of Cloud Storage from cassettes."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bqsim.replay.server import ReplayServer

from .cassettes import Writing

NAMES = [f"n{i}" for i in range(5)]
DATA = bytes(range(100))


@pytest.fixture
def replay(tmp_path: Path) -> Iterator[ReplayServer]:
    """A bucket with lists, uploads and downloads."""
    writing = Writing(tmp_path / "c.cassette")
    items = [{"kind": "storage#object", "name": name, "bucket": "b"} for name in NAMES]
    listed = {"kind": "storage#objects", "items": items, "prefixes": ["p/", "q/"]}
    writing.add(
        "object", {"method": "storage.objects.list", "resource": "b/b/o"}, {"status": 200, "body": listed}
    )
    body = {"kind": "storage#object", "name": "up", "bucket": "b", "size": "100"}
    insert = {"method": "storage.objects.insert", "resource": "b/b/o", "body": {"name": "up"}}
    writing.add("object", {**insert, "content": writing.put(DATA)}, {"status": 200, "body": body})
    get = {"method": "storage.objects.get", "resource": "b/b/o/down"}
    media = {
        "status": 200,
        "headers": {"content-type": "text/plain", "etag": "e"},
        "content": writing.put(DATA),
    }
    writing.add("object", get, media)
    writing.add("object", get, {"status": 200, "body": {"name": "down", "etag": "e"}})
    huge = {"method": "storage.objects.get", "resource": "b/b/o/huge"}
    writing.add(
        "object", huge, {"status": 200, "headers": {}, "content": {"size": 10**12, "digest": "0" * 64}}
    )
    xml = {"method": "storage.xml.get", "resource": "b/files/x"}
    writing.add("object", xml, {"status": 200, "headers": {"x-goog-hash": "h"}, "content": writing.put(DATA)})
    gone = {"method": "storage.objects.get", "resource": "b/b/o/gone"}
    error = {"error": {"code": 404, "message": "No such object: b/gone"}}
    writing.add("object", gone, {"status": 404, "body": error})
    with ReplayServer(writing.written(), project="p") as server:
        yield server


@pytest.fixture
def call(replay: ReplayServer) -> Iterator[Any]:
    connection = http.client.HTTPConnection(replay.url.removeprefix("http://"), timeout=20)

    def call(verb: str, path: str, data: bytes = b"", **headers: str) -> tuple[int, Any, bytes]:
        connection.request(verb, path, data or None, {k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read()

    yield call
    connection.close()


@pytest.mark.parametrize("size", [1, 2, 6, 7, 50])
def test_lists_in_pages(call: Any, size: int) -> None:
    names, prefixes, token, pages = [], [], "", 0
    while True:
        _, _, data = call("GET", f"/storage/v1/b/b/o?maxResults={size}&pageToken={token}")
        page = json.loads(data)
        names += [item["name"] for item in page.get("items", [])]
        prefixes += page.get("prefixes", [])
        token, pages = page.get("nextPageToken", ""), pages + 1
        if not token:
            break
    assert (names, prefixes) == (NAMES, ["p/", "q/"])
    assert pages == -(-7 // size)


def test_what_is_said_of_an_object_and_what_it_holds(call: Any) -> None:
    assert json.loads(call("GET", "/storage/v1/b/b/o/down")[2])["name"] == "down"
    status, headers, data = call("GET", "/storage/v1/b/b/o/down?alt=media")
    assert (status, headers["content-type"], data) == (200, "text/plain", DATA)
    assert json.loads(call("GET", "/storage/v1/b/b/o/down")[2])["name"] == "down"


@pytest.mark.parametrize(
    ("asked", "first", "stop"), [("bytes=10-19", 10, 20), ("bytes=90-", 90, 100), ("bytes=-5", 95, 100)]
)
def test_ranges(call: Any, asked: str, first: int, stop: int) -> None:
    status, headers, data = call("GET", "/download/storage/v1/b/b/o/down?alt=media", Range=asked)
    assert (status, data) == (206, DATA[first:stop])
    assert headers["content-range"] == f"bytes {first}-{stop - 1}/100"
    status, _, data = call("GET", "/files/x", Range=asked)
    assert (status, data) == (206, DATA[first:stop])


def test_content_that_was_not_kept(call: Any) -> None:
    status, _, data = call("GET", "/storage/v1/b/b/o/huge?alt=media")
    assert status == 400
    assert "1000000000000 bytes were too many to keep" in json.loads(data)["error"]["message"]


def test_refusals(call: Any) -> None:
    status, _, data = call("GET", "/storage/v1/b/b/o/gone")
    assert (status, json.loads(data)["error"]["message"]) == (404, "No such object: b/gone")
    status, _, data = call("GET", "/storage/v1/b/b/o/never")
    assert status == 400
    assert "Not recorded" in json.loads(data)["error"]["message"]


def test_uploads_by_other_ways(call: Any) -> None:
    """The name in the URL, whatever the content: what is other than recorded is a finding."""
    _, _, data = call("POST", "/upload/storage/v1/b/b/o?uploadType=media&name=up", DATA)
    assert json.loads(data)["size"] == "100"
    # What was uploaded can be read.
    assert call("GET", "/storage/v1/b/b/o/up?alt=media")[2] == DATA


def test_resumable_uploads(call: Any, replay: ReplayServer) -> None:
    begun = "/upload/storage/v1/b/b/o?uploadType=resumable"
    _, headers, _ = call("POST", begun, b'{"name": "up"}')
    place = headers["location"].removeprefix(replay.url)
    assert call("PUT", place, Content_Range="bytes */100")[0] == 308
    status, _, data = call("PUT", place, DATA, Content_Range="bytes 0-99/100")
    assert (status, json.loads(data)["name"]) == (200, "up")
    assert not replay.report().of("content")


def test_other_content_is_a_finding(call: Any, replay: ReplayServer) -> None:
    assert call("POST", "/upload/storage/v1/b/b/o?uploadType=media&name=up", b"other")[0] == 200
    assert replay.report().of("content")
