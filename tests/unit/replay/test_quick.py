"""Calls that come again are answered as the first was, whatever way they are answered."""

from __future__ import annotations

import gzip
import http.client
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from bqsim.replay.quick import QueryText, Quick, Text, key_of
from bqsim.replay.server import ReplayServer
from bqsim.server.http import Head

from .cassettes import TABLE, Writing

ROOT = "/bigquery/v2/projects/p"
SQL = "SELECT name FROM d.t"
HELD = {"clock": {"start": "2026-01-01", "mode": "manual"}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    writing = Writing(tmp_path / "c.cassette")
    rows = [{"f": [{"v": f"name {n} \u00e9"}]} for n in range(60)]
    schema = {"fields": [{"name": "name", "type": "STRING"}]}
    data = writing.put(json.dumps(rows).encode())
    stretch = {"start": 0, "count": 60, "format": "json", "data": data}
    writing.query(SQL, {"schema": schema, "totalRows": 60, "rows": [stretch]})
    call = {"method": "bigquery.tables.get", "resource": TABLE}
    body = {"kind": "bigquery#table", "etag": "${etag}", "id": "${project}:d.t", "description": "x" * 2000}
    writing.add("metadata", call, {"status": 200, "body": body})
    return writing.written()


@pytest.fixture
def replay(folder: Path) -> Iterator[ReplayServer]:
    with ReplayServer(folder, project="p", scenario=HELD) as server:
        yield server


@pytest.fixture
def quickly(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the calls to which there might have been a quick answer had one."""
    seen: list[bool] = []
    answer = Quick.answer

    def watched(self: Quick, http: Any, data: bytes) -> Any:
        found = answer(self, http, data)
        seen.append(found is not None)
        return found

    monkeypatch.setattr(Quick, "answer", watched)
    return seen


def ask(
    server: ReplayServer, verb: str, path: str, body: Any = None, headers: dict[str, str] | None = None
) -> tuple[int, dict[str, str], bytes]:
    """The status, the headers and the body of an answer."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    data = body if isinstance(body, bytes) else json.dumps(body).encode() if body else None
    connection.request(verb, f"{ROOT}/{path}", data, headers or {})
    answer = connection.getresponse()
    told = answer.read()
    named = {n.lower(): v for n, v in answer.getheaders()}
    connection.close()
    if named.get("content-encoding") == "gzip":
        # In one piece: some clients read no more than that.
        unpacked = zlib.decompressobj(31)
        told = unpacked.decompress(told)
        assert unpacked.eof and not unpacked.unused_data
    return answer.status, named, told


def _compared(answer: tuple[int, dict[str, str], bytes]) -> tuple[int, dict[str, str], Any]:
    status, headers, body = answer
    own = ("x-bqsim-explain", "date", "content-length")
    text = body.decode()
    told = json.loads(text)
    for value in (*(told.get("jobReference") or {}).values(), told.get("pageToken")):
        if str(value).startswith("job_") or (value == told.get("pageToken") and value):
            text = text.replace(str(value), "*")
    for name in ("creationTime", "startTime", "endTime"):
        text = text.replace(told.get(name) or "?", "*")
    return status, {n: v for n, v in headers.items() if n not in own}, text


PACKED = {"Accept-Encoding": "gzip", "User-Agent": "python (gzip)"}


@pytest.mark.parametrize("headers", ({}, PACKED), ids=("plain", "gzip"))
@pytest.mark.parametrize(
    ("verb", "path", "more"),
    (
        ("POST", "queries?prettyPrint=false", {}),
        ("POST", "queries", {"maxResults": 7}),
        ("POST", "queries?fields=rows,jobReference/jobId", {}),
        ("POST", "queries?fields=jobComplete", {}),
        ("POST", "queries", {"maxResults": 0, "labels": {"a": "b"}, "timeoutMs": 0}),
        ("GET", "datasets/d/tables/t", None),
        ("GET", "datasets/d/tables/t?fields=id", None),
    ),
)
def test_answers_are_the_same_by_both_ways(
    replay: ReplayServer, quickly: list[bool], verb: str, path: str, more: Any, headers: dict[str, str]
) -> None:
    body = None if more is None else {"query": SQL, "useLegacySql": False, **more}
    told = []
    for number in range(5):
        if body is not None and path == "queries":
            body["requestId"] = f"request-{number}"
        told.append(_compared(ask(replay, verb, path, body, headers)))
    assert sum(quickly) >= 2
    assert all(one == told[0] for one in told)
    asked = list(replay.journal.calls())
    assert len(asked) == 5
    assert {decision.recording for call in asked for decision in call.decisions} == {
        next(r.name for r in replay.book.recordings("query" if body else "metadata"))
    }


def test_every_query_is_a_job_of_its_own(replay: ReplayServer) -> None:
    body = {"query": SQL, "useLegacySql": False, "maxResults": 50, "labels": {"team": "x"}}
    told = [json.loads(ask(replay, "POST", "queries", body)[2]) for _ in range(6)]
    names = [one["jobReference"]["jobId"] for one in told]
    assert len(set(names)) == 6
    assert all(one["queryId"] == one["jobReference"]["jobId"] for one in told)
    for one, name in zip(told, names, strict=True):
        page = json.loads(ask(replay, "GET", f"queries/{name}?pageToken={one['pageToken']}")[2])
        assert page["rows"][0]["f"][0]["v"] == "name 50 é"
        assert len(page["rows"]) == 10
        job = json.loads(ask(replay, "GET", f"jobs/{name}")[2])
        assert job["configuration"]["labels"] == {"team": "x"}
        assert job["statistics"]["creationTime"] == one["creationTime"]
    listed = json.loads(ask(replay, "GET", "jobs")[2])["jobs"]
    assert [job["jobReference"]["jobId"] for job in listed] == names[::-1]
    place = job["configuration"]["query"]["destinationTable"]
    path = f"datasets/{place['datasetId']}/tables/{place['tableId']}/data"
    assert len(json.loads(ask(replay, "GET", path)[2])["rows"]) == 60
    assert replay.report().played == 6


def test_a_request_that_is_sent_again_is_the_same_job(replay: ReplayServer) -> None:
    body = {"query": SQL, "useLegacySql": False}
    told = [
        json.loads(ask(replay, "POST", "queries", {**body, "requestId": name})[2])["jobReference"]["jobId"]
        for name in ("a", "b", "c", "c", "d", "d", "a")
    ]
    assert [told.index(name) for name in told] == [0, 1, 2, 2, 4, 4, 0]


def test_what_befalls_calls_befalls_these(replay: ReplayServer, quickly: list[bool]) -> None:
    body = {"query": SQL, "useLegacySql": False}
    for _ in range(4):
        assert ask(replay, "POST", "queries", body)[0] == 200
    assert quickly[-1]
    replay.faults.add("backendError", method="bigquery.jobs.query", times=1)
    assert [ask(replay, "POST", "queries", body)[0] for _ in range(2)] == [503, 200]
    replay.faults.clear()
    assert ask(replay, "POST", "queries", body)[0] == 200 and quickly[-1]
    fault = {"X-Bqsim-Fault": '{"error": "rateLimitExceeded"}'}
    assert ask(replay, "POST", "queries", body, fault)[0] == 403
    assert not quickly[-1]


def test_a_job_that_is_deleted_has_no_pages(replay: ReplayServer, quickly: list[bool]) -> None:
    body = {"query": SQL, "useLegacySql": False}
    for _ in range(3):
        name = json.loads(ask(replay, "POST", "queries", body)[2])["jobReference"]["jobId"]
    assert [ask(replay, "GET", f"queries/{name}")[0] for _ in range(3)] == [200] * 3
    assert quickly[-1]
    assert ask(replay, "DELETE", f"jobs/{name}/delete")[0] == 200
    assert ask(replay, "GET", f"queries/{name}")[0] == 404


def test_etags_are_looked_at(replay: ReplayServer) -> None:
    etags = {ask(replay, "GET", "datasets/d/tables/t")[1]["etag"] for _ in range(4)}
    (etag,) = etags
    assert ask(replay, "GET", "datasets/d/tables/t", headers={"If-None-Match": etag})[0] == 304


def test_old_and_closing_connections(replay: ReplayServer) -> None:
    for _ in range(3):
        told = ask(replay, "GET", "datasets/d/tables/t", headers={"Connection": "close"})
    assert told[0] == 200 and told[1]["connection"] == "close" and json.loads(told[2])["id"] == "p:d.t"


def test_only_the_id_of_requests_is_left_out() -> None:
    def key(text: str) -> tuple[bytes, str]:
        (_, _, data, _), request_id = key_of(cast("Any", _Http()), text.encode())
        return data, request_id

    assert key('{"requestId": "a-1", "query": "x"}') == (b'{"requestId": "", "query": "x"}', "a-1")
    assert key('{"query": "\\"requestId\\": \\"a\\""}')[1] == ""
    assert key('{"requestId": "a\\u0062"}')[1] == ""


class _Http:
    head = Head("POST", "/", {}, 0)


@pytest.mark.parametrize("length", (0, 10, 300, 200_000))
def test_texts_with_places(length: int) -> None:
    pieces = [b"a" * length, b"<>", b"b" * 2000]
    text, packed = Text(pieces, gzip=True).told([b"one", b"t" * 70_000])
    assert packed
    assert gzip.decompress(text) == pieces[0] + b"one" + pieces[1] + b"t" * 70_000 + pieces[2]
    assert Text([b"short"], gzip=True).told(()) == (b"short", False)


def test_an_answer_with_the_marks_has_no_places() -> None:
    answer = {"jobReference": {"jobId": "j"}, "rows": [{"f": [{"v": "\ue000id\ue001"}]}]}
    with pytest.raises(ValueError, match="marks"):
        QueryText(answer, pretty=False, gzip=False, fields=None)
