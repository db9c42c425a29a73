from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.replay.book import Book, Unrecorded
from bqsim.replay.jobs import Jobs
from bqsim.replay.metadata import LISTS_KEPT, Metadata
from bqsim.replay.timing import Timing
from bqsim.sim.clock import SimulationClock

from .cassettes import TABLE, Writing

SQL = {"sql": "SELECT 1", "configuration": {"query": {"useLegacySql": False}}}


class Api:
    def __init__(self, folder: Path) -> None:
        clock = SimulationClock("2026-01-01", rate=0)
        self.book = Book.open(folder, project="p", clock=clock)
        self.jobs = Jobs(self.book, Timing(), clock)
        self.metadata = Metadata(self.book, self.jobs)

    def __call__(self, method: str, resource: str, path: dict[str, str], **query: str) -> Any:
        full = {"projectId": "p", **path}
        reply, _ = self.metadata.answer(f"bigquery.{method}", resource, full, query, None, "http://h")
        return reply


@pytest.fixture
def api(tmp_path: Path) -> Api:
    writing = Writing(tmp_path / "c")
    tables = [{"id": f"${{project}}:d.t{n}"} for n in range(5)]
    body = {"kind": "bigquery#tableList", "etag": "${etag}", "tables": tables, "totalItems": 5}
    call = {"method": "bigquery.tables.list", "resource": "projects/${project}/datasets/d/tables"}
    writing.add("metadata", call, {"status": 200, "body": body})
    absent = {"error": {"status": 404, "body": {"error": {"code": 404}}, "headers": {"Retry-After": "3"}}}
    writing.add("metadata", {"method": "bigquery.tables.get", "resource": TABLE}, absent)
    schema = {"fields": [{"name": "a", "type": "INTEGER"}]}
    writing.query("SELECT 1", {"schema": schema, "totalRows": 0})
    return Api(writing.written())


def _tables(api: Api, **query: str) -> Any:
    return api("tables.list", "projects/p/datasets/d/tables", {"datasetId": "d"}, **query).body


def test_lists_in_pages_of_any_size(api: Api) -> None:
    assert [t["id"] for t in _tables(api)["tables"]] == [f"p:d.t{n}" for n in range(5)]
    for size in (1, 2, 5):
        seen, token = [], ""
        while True:
            query = {"maxResults": str(size)} | ({"pageToken": token} if token else {})
            body = _tables(api, **query)
            assert len(body["tables"]) <= size and body["totalItems"] == 5
            seen += [t["id"] for t in body["tables"]]
            token = body.get("nextPageToken", "")
            if not token:
                break
        assert seen == [f"p:d.t{n}" for n in range(5)]
    assert LISTS_KEPT >= 100


def test_a_refused_call(api: Api) -> None:
    reply = api("tables.get", TABLE.replace("${project}", "p"), {"datasetId": "d", "tableId": "t"})
    assert (reply.status, reply.body, reply.headers) == (404, {"error": {"code": 404}}, {"Retry-After": "3"})
    with pytest.raises(Unrecorded):
        api("tables.get", "projects/p/datasets/d/tables/other", {"datasetId": "d", "tableId": "other"})


def test_jobs_and_the_tables_that_they_write(api: Api) -> None:
    jobs = [api.jobs.begin("query", SQL, project="p") for _ in range(3)]
    listed = api("jobs.list", "projects/p/jobs", {}, projection="full", maxResults="2").body
    assert [j["jobReference"]["jobId"] for j in listed["jobs"]] == [j.job_id for j in jobs[:0:-1]]
    assert listed["jobs"][0]["configuration"]["jobType"] == "QUERY"
    rest = api("jobs.list", "projects/p/jobs", {}, pageToken=listed["nextPageToken"]).body
    assert [j["jobReference"]["jobId"] for j in rest["jobs"]] == [jobs[0].job_id]
    assert api("jobs.list", "projects/p/jobs", {}, stateFilter="pending").body["jobs"] == []
    place = jobs[1].destination()
    assert place is not None
    path = {"datasetId": place[1], "tableId": place[2]}
    table = api("tables.get", "projects/{}/datasets/{}/tables/{}".format(*place), path).body
    assert table["schema"] == {"fields": [{"name": "a", "type": "INTEGER"}]}
    assert table["selfLink"].startswith("http://h/bigquery/v2/projects/p/datasets/_")


def test_tokens_of_others_are_refused(api: Api) -> None:
    token = _tables(api, maxResults="1")["nextPageToken"]
    with pytest.raises(BigQueryError, match="Invalid page token"):
        _tables(api, maxResults="1", pageToken=token[:-2] + "xx")
    api.book.open_ended = True
    with pytest.raises(Unrecorded):
        _tables(api, maxResults="1", pageToken="theirs")
