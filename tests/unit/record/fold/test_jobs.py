"""Jobs as operations: whatever way they were started, followed and read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bqsim.record.fold.folder import fold
from bqsim.record.model import Operation
from tests.exchange_help import SCHEMA, Calls, job, rows

SQL = "SELECT x FROM d.t"
QUERY = {"query": {"query": SQL, "useLegacySql": False}}


def only(calls: Calls) -> Operation:
    """The one operation of calls."""
    (operation,) = fold(calls.made)
    return operation


def page(job_id: str, *values: Any, token: str = "", total: int = 3, **more: Any) -> dict[str, Any]:
    out = {
        "jobReference": {"projectId": "p", "jobId": job_id},
        "jobComplete": True,
        "schema": SCHEMA,
        "totalRows": str(total),
        "rows": rows(*values),
        **more,
    }
    if token:
        out["pageToken"] = token
    return out


def start(calls: Calls, job_id: str = "job_1234", state: str = "RUNNING", **statistics: Any) -> None:
    body = {"configuration": QUERY, "jobReference": {"projectId": "p", "jobId": job_id}}
    calls.rest("POST", "/jobs", body, job(job_id, QUERY, state, **statistics))


class TestQueries:
    def test_started_polled_and_read_in_pages(self) -> None:
        calls = Calls()
        start(calls, creationTime="1790000000000")
        calls.rest("GET", "/jobs/job_1234", None, job("job_1234", QUERY, "RUNNING"))
        waiting = {"jobComplete": False, "jobReference": {"jobId": "job_1234"}}
        calls.rest("GET", "/queries/job_1234?maxResults=0&timeoutMs=10", None, waiting)
        calls.rest("GET", "/queries/job_1234?maxResults=2", None, page("job_1234", "1", "2", token="tok"))
        calls.rest("GET", "/queries/job_1234?pageToken=tok&maxResults=2", None, page("job_1234", "3"))
        calls.rest("GET", "/jobs/job_1234", None, job("job_1234", QUERY, creationTime="1790000000000"))
        made = only(calls)
        assert made.kind == "query"
        assert made.request == {"sql": SQL, "configuration": {"query": {"useLegacySql": False}}}
        assert made.result["totalRows"] == 3
        assert [(r["start"], r["count"], r["format"]) for r in made.result["rows"]] == [
            (0, 2, "json"),
            (2, 1, "json"),
        ]
        assert made.result["job"]["status"]["state"] == "DONE"
        assert made.result["job"]["id"] == "${project}:US.${job}"
        assert made.result["answer"]["jobComplete"] is True
        assert made.measures["numbers"] == [1, 2, 3, 4, 5, 6]
        # Polls come as often as the moment makes them.
        assert made.exchanges == [{"method": "bigquery.jobs.insert", "status": 200}]

    def test_both_ways_to_start_ask_the_same(self) -> None:
        first, second = Calls(), Calls()
        start(first)
        body = {"query": SQL, "useLegacySql": False, "requestId": "r-1", "maxResults": 5, "timeoutMs": 9}
        second.rest("POST", "/queries", body, page("job_9", "1"))
        assert only(first).request == only(second).request
        assert only(first).key == only(second).key

    def test_jobs_query_that_is_not_complete(self) -> None:
        calls = Calls()
        waiting = {"jobComplete": False, "jobReference": {"projectId": "p", "jobId": "job_77"}}
        calls.rest("POST", "/queries", {"query": SQL, "requestId": "r"}, waiting)
        calls.rest("GET", "/queries/job_77", None, page("job_77", "1", "2", "3"))
        made = only(calls)
        assert made.result["answer"] == {"jobComplete": True}
        assert made.result["rows"][0]["count"] == 3

    def test_a_page_that_was_read_twice_in_other_sizes(self) -> None:
        calls = Calls()
        start(calls)
        calls.rest("GET", "/queries/job_1234", None, page("job_1234", "1", "2"))
        calls.rest("GET", "/queries/job_1234?startIndex=1", None, page("job_1234", "2", "3"))
        assert [(r["start"], r["count"]) for r in only(calls).result["rows"]] == [(0, 2), (2, 1)]

    def test_rows_of_the_anonymous_destination_are_the_result(self) -> None:
        calls = Calls()
        start(calls)
        told = {
            "query": {
                "query": SQL,
                "destinationTable": {"projectId": "p", "datasetId": "_abc", "tableId": "anon12"},
            }
        }
        calls.rest("GET", "/jobs/job_1234", None, job("job_1234", told))
        calls.rest("GET", "/datasets/_abc/tables/anon12/data", None, {"totalRows": "1", "rows": rows("1")})
        made = only(calls)
        assert made.result["totalRows"] == 1
        destination = made.result["job"]["configuration"]["query"]["destinationTable"]
        assert destination == {"projectId": "${project}", "datasetId": "${dataset}", "tableId": "${table}"}

    def test_dry_run(self) -> None:
        calls = Calls()
        body = {"configuration": {**QUERY, "dryRun": True}}
        answer = {**job("", QUERY), "jobReference": {"projectId": "p", "location": "US"}}
        calls.rest("POST", "/jobs", body, answer)
        calls.rest("POST", "/jobs", body, answer)
        first, second = fold(calls.made)
        assert first.request["configuration"]["dryRun"] is True
        assert (first.occurrence, second.occurrence) == (1, 2)


class TestFailures:
    def test_a_request_sent_again_with_its_id(self) -> None:
        calls = Calls()
        body = {"query": SQL, "requestId": "r-1"}
        calls.rest("POST", "/queries", body, {"error": {"code": 503}}, 503)
        calls.rest("POST", "/queries", {**body, "timeoutMs": 4}, page("job_1234", "1"))
        made = only(calls)
        assert made.result["failures"] == [
            {"method": "bigquery.jobs.query", "status": 503, "body": {"error": {"code": 503}}}
        ]
        assert "error" not in made.result

    def test_a_job_that_was_there_already(self) -> None:
        calls = Calls()
        body = {"configuration": QUERY, "jobReference": {"projectId": "p", "jobId": "job_1234"}}
        calls.rest("POST", "/jobs", body, broken="reset")
        calls.rest("POST", "/jobs", body, {"error": {"code": 409}}, 409)
        calls.rest("GET", "/jobs/job_1234", None, job("job_1234", QUERY))
        made = only(calls)
        assert [f.get("status") for f in made.result["failures"]] == [0, 409]
        assert made.result["failures"][0]["broken"] == "reset"
        assert made.result["job"]["status"] == {"state": "DONE"}

    @pytest.mark.parametrize(
        ("code", "told", "location"),
        [
            (400, {"reason": "invalidQuery", "message": "no", "location": "query"}, "q"),
            (404, {"reason": "notFound", "message": "Not found: Table p:d.t was not found"}, None),
        ],
    )
    def test_the_end_of_a_failed_job_is_told_once(
        self, code: int, told: dict[str, str], location: str | None
    ) -> None:
        polled, listed, started = Calls(), Calls(), Calls()
        first = {**told, **({"location": location} if location else {})}
        error = {"error": {"code": code, "message": told["message"], "errors": [first]}}
        start(polled, creationTime="1790000000000")
        polled.rest("GET", "/queries/job_1234", None, error, code)
        start(listed, creationTime="1790000000000")
        done = job("job_1234", QUERY, error=told, creationTime="1790000000000", totalSlotMs="9")
        done["status"]["errors"] = [told]
        listed.rest("GET", "/jobs/job_1234", None, done)
        assert only(polled).result == only(listed).result
        # It was over so soon that the call that started it told its end.
        body = {"configuration": QUERY, "jobReference": {"projectId": "p", "jobId": "job_1234"}}
        started.rest("POST", "/jobs", body, done)
        assert only(started).result == only(listed).result
        assert only(listed).measures["values"]["job.statistics.totalSlotMs"] == "9"

    def test_a_job_that_is_not_known_any_more_has_not_failed(self) -> None:
        calls = Calls()
        start(calls)
        message = "Not found: Job p:US.job_1234"
        body = {
            "error": {"code": 404, "message": message, "errors": [{"reason": "notFound", "message": message}]}
        }
        calls.rest("GET", "/queries/job_1234", None, body, 404)
        result = only(calls).result
        assert result["error"]["status"] == 404
        assert result["job"]["status"] == {"state": "RUNNING"}

    def test_refused(self) -> None:
        calls = Calls()
        body = {"error": {"code": 403, "errors": [{"reason": "accessDenied"}]}}
        calls.rest("POST", "/queries", {"query": SQL}, body, 403)
        assert only(calls).result == {"error": {"status": 403, "body": body}}

    def test_never_answered(self) -> None:
        calls = Calls()
        calls.rest("POST", "/queries", {"query": SQL}, broken="timeout")
        assert only(calls).result == {"error": {"status": 0, "broken": "timeout"}}

    def test_cancelled(self) -> None:
        calls = Calls()
        start(calls)
        calls.rest("POST", "/jobs/job_1234/cancel", None, {"job": job("job_1234", QUERY, "RUNNING")})
        stopped = {"reason": "stopped", "message": "Job was cancelled"}
        calls.rest("GET", "/jobs/job_1234", None, job("job_1234", QUERY, error=stopped))
        made = only(calls)
        assert made.result["cancelled"] == {"status": 200}
        assert made.result["job"]["status"]["errorResult"] == stopped


class TestScripts:
    def test_jobs_of_a_script_are_its_children(self) -> None:
        calls = Calls()
        start(calls)
        children = [
            job(f"child_{n}", QUERY, parentJobId="job_1234", startTime=f"179000000000{n}") for n in (2, 1)
        ]
        calls.rest("GET", "/jobs?parentJobId=job_1234", None, {"jobs": children})
        calls.rest("GET", "/queries/child_1", None, page("child_1", "7"))
        script, listed = sorted(fold(calls.made), key=lambda o: o.kind, reverse=True)
        first, second = script.result["children"]
        assert first["job"]["jobReference"]["jobId"] == "${job:2}"
        assert second["job"]["jobReference"]["jobId"] == "${job:3}"
        assert first["totalRows"] == 3
        assert listed.request["query"] == {"parentJobId": f"${{job@{script.name}}}"}
        told = listed.result["body"]["jobs"][0]["jobReference"]["jobId"]
        assert told == f"${{job:3@{script.name}}}"

    def test_sessions_of_sql(self) -> None:
        calls = Calls()
        session: Any = {"sessionInfo": {"sessionId": "Cg5zZXNzaW9uLWlk"}}
        calls.rest("POST", "/queries", {"query": "SELECT 5", "createSession": True}, page("j1xx", **session))
        properties = [{"key": "session_id", "value": "Cg5zZXNzaW9uLWlk"}]
        calls.rest(
            "POST", "/queries", {"query": "SELECT 6", "connectionProperties": properties}, page("j2xx")
        )
        first, second = fold(calls.made)
        asked = second.request["configuration"]["query"]["connectionProperties"]
        assert asked == [{"key": "session_id", "value": f"${{sqlsession@{first.name}}}"}]


LOAD = {"load": {"destinationTable": {"projectId": "p", "datasetId": "d", "tableId": "t"}}}


class TestLoads:
    def test_multipart(self) -> None:
        calls = Calls()
        body = (
            b"--b\r\nContent-Type: application/json\r\n\r\n"
            + json.dumps({"configuration": LOAD}).encode()
            + b"\r\n--b\r\nContent-Type: text/csv\r\n\r\n1,a\r\n2,b\r\n--b--"
        )
        target = "/upload/bigquery/v2/projects/p/jobs?uploadType=multipart"
        calls.rest("POST", target, body, job("job_l", LOAD), media='multipart/related; boundary="b"')
        made = only(calls)
        assert made.kind == "load"
        assert made.request["upload"]["size"] == len(b"1,a\r\n2,b")
        assert made.request["upload"]["preview"] == ["CSV, 2 lines", "1,a", "2,b"]
        assert made.changes == ("dataset:${project}.d", "table:${project}.d.t")

    def test_resumable_with_a_piece_sent_again(self) -> None:
        calls = Calls()
        target = "/upload/bigquery/v2/projects/p/jobs?uploadType=resumable"
        place = {"location": f"https://bigquery.googleapis.com{target}&upload_id=UPID1"}
        calls.rest("POST", target, {"configuration": LOAD}, None, told=place)
        piece = f"{target}&upload_id=UPID1"
        for data, start, status, broken in (
            (b"1,a\n", 0, 308, ""),
            (b"2,b\n", 4, 503, ""),
            (b"2,b\n", 4, 200, ""),
        ):
            end = start + len(data) - 1
            answer = job("job_l", LOAD) if status == 200 else None
            sent = {"content-range": f"bytes {start}-{end}/*"}
            calls.rest("PUT", piece, data, answer, status, media="text/csv", headers=sent, broken=broken)
        made = only(calls)
        assert made.request["upload"]["preview"] == ["CSV, 2 lines", "1,a", "2,b"]
        assert made.request["upload"]["size"] == 8
        assert made.result["job"]["jobReference"]["jobId"] == "${job}"

    def test_other_jobs(self) -> None:
        calls = Calls()
        table = {"projectId": "p", "datasetId": "d", "tableId": "t"}
        configurations: list[dict[str, Any]] = [
            {"extract": {"sourceTable": table, "destinationUris": ["gs://b/o.csv"]}},
            {"copy": {"sourceTables": [table], "destinationTable": {**table, "tableId": "u"}}},
            {"load": {"sourceUris": ["gs://b/o.csv"], "destinationTable": table}},
        ]
        for number, configuration in enumerate(configurations):
            calls.rest("POST", "/jobs", {"configuration": configuration}, job(f"job_{number}", configuration))
        made = {operation.kind: operation for operation in fold(calls.made)}
        assert made["extract"].changes == ("object:gs://b/o.csv",)
        assert made["copy"].changes == ("dataset:${project}.d", "table:${project}.d.u")
        assert made["load"].order == {"object:gs://b/o.csv": 1}
