"""Google's Python client is answered from a cassette: by other ways than it was recorded by, and strictly."""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import BadRequest, Conflict, GoogleAPICallError, NotFound, ServiceUnavailable
from google.cloud import bigquery

from bqsim.record.cassette.cassette import Cassette
from bqsim.replay.server import ReplayServer
from tests.record_help import recorded

ROWS_SQL = (
    "SELECT x, CONCAT('n', CAST(x AS STRING)) AS n, TIMESTAMP_SECONDS(x) AS t "
    "FROM UNNEST(GENERATE_ARRAY(1, 25)) x"
)
PROJECT = "replay-proj"
REPLAYS = int(os.environ.get("BQSIM_REPLAYS", "5"))


def work(client: Any) -> list[Any]:
    """What is recorded, and replayed."""
    told: list[Any] = []
    told.append([tuple(row) for row in client.query_and_wait(ROWS_SQL + " ORDER BY x")])
    parameters = [bigquery.ScalarQueryParameter("p", "FLOAT64", 1.5)]
    job = client.query(
        "SELECT @p AS v",
        bigquery.QueryJobConfig(query_parameters=parameters),
        job_id="job-one",
        job_retry=None,
    )
    told.append([tuple(row) for row in job.result()])
    client.create_dataset("orders")
    schema = [bigquery.SchemaField("a", "INT64")]
    table = client.create_table(bigquery.Table(f"{client.project}.orders.t", schema))
    told.append([item.table_id for item in client.list_tables("orders")])
    told.append([tuple(row) for row in client.query_and_wait("SELECT COUNT(*) FROM orders.t")])
    told.append(client.insert_rows_json(table, [{"a": 1}, {"a": 2}]))
    client.query_and_wait("INSERT INTO orders.t VALUES (5)")
    told.append([tuple(row) for row in client.query_and_wait("SELECT COUNT(*) FROM orders.t")])
    table = client.get_table("orders.t")
    table.description = "changed"
    client.update_table(table, ["description"])
    told.append(client.get_table("orders.t").description)
    client.delete_table("orders.t")
    with pytest.raises(NotFound):
        client.get_table("orders.t")
    with pytest.raises(BadRequest, match="Syntax error"):
        client.query_and_wait("SELEC 1")
    return told


@pytest.fixture(scope="module")
def answers() -> list[Any]:
    return []


@pytest.fixture(scope="module")
def cassette(bqsim_server: Any, tmp_path_factory: pytest.TempPathFactory, answers: list[Any]) -> Cassette:
    folder = tmp_path_factory.mktemp("cassettes") / "work.cassette"
    return recorded(bqsim_server, folder, lambda c: answers.extend(work(c.client())), PROJECT)


@pytest.fixture
def replay(cassette: Cassette) -> Iterator[ReplayServer]:
    with ReplayServer(cassette, project=PROJECT, strict=False) as server:
        yield server


def _raw(replay: ReplayServer, path: str, body: Any = None, headers: dict[str, str] | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(
        f"{replay.url}/bigquery/v2/projects/{PROJECT}/{path}",
        data,
        {"Content-Type": "application/json", **(headers or {})},
    )
    with urllib.request.urlopen(request) as answer:
        return json.loads(answer.read() or b"null")


@pytest.mark.fidelity("recording:replay", "exact")
def test_the_recorded_work_is_answered_as_it_was(cassette: Cassette, answers: list[Any]) -> None:
    with ReplayServer(cassette, project=PROJECT) as server:
        assert work(server.client()) == answers
        report = server.report()
    assert report.ok, report.text
    assert report.used == report.operations == len(cassette)


@pytest.mark.fidelity("recording:replay", "exact")
def test_many_replays_have_one_hash_and_equal_bytes(cassette: Cassette) -> None:
    hashes, bodies = set(), set()
    for _ in range(REPLAYS):
        with ReplayServer(
            cassette, project=PROJECT, scenario={"clock": {"start": "2026-01-01", "mode": "manual"}}
        ) as server:
            told = [
                urllib.request.urlopen(
                    urllib.request.Request(
                        f"{server.url}/bigquery/v2/projects/{PROJECT}/queries",
                        json.dumps({"query": f"{ROWS_SQL} ORDER BY x", "useLegacySql": False}).encode(),
                        {"Host": "bigquery"},
                    )
                ).read()
                for _ in range(2)
            ]
            work(server.client())
            hashes.add(server.journal.hash())
            bodies.add(b"".join(told))
    assert len(hashes) == 1
    assert len(bodies) == 1


def test_under_another_project(cassette: Cassette, answers: list[Any]) -> None:
    with ReplayServer(cassette, project="else-where") as server:
        client = server.client()
        assert work(client) == answers
        job = client.get_job("job-one")
        assert job.project == "else-where"
        assert job.destination.project == "else-where"
        assert server.report().ok, server.report().text


@pytest.mark.fidelity("recording:replay of other calls", "exact")
@pytest.mark.parametrize("size", (1, 7, 100))
def test_pages_of_any_size(replay: ReplayServer, answers: list[Any], size: int) -> None:
    rows = replay.client().query(f"{ROWS_SQL} ORDER BY x").result(page_size=size)
    assert [tuple(row) for row in rows] == answers[0]
    rows = replay.client().query_and_wait(f"{ROWS_SQL} ORDER BY x", page_size=size, max_results=20)
    assert [tuple(row) for row in rows] == answers[0][:20]


@pytest.mark.fidelity("recording:replay of other calls", "exact")
def test_ways_of_one_query(replay: ReplayServer, answers: list[Any]) -> None:
    client = replay.client()
    query = (
        "select x, /* the name */ concat('n', CAST(x as STRING)) as n, `TIMESTAMP_SECONDS`(x) AS t\n"
        " from UNNEST(GENERATE_ARRAY(1, 25)) x ORDER BY x;"
    )
    job = client.query(query)
    assert [tuple(row) for row in job.result()] == answers[0]
    assert [tuple(row) for row in job.result(start_index=20)] == answers[0][20:]
    assert job.state == "DONE" and job.statement_type == "SELECT"
    listed = client.list_rows(client.get_table(job.destination))
    assert [tuple(row) for row in listed] == answers[0]
    assert job.to_arrow().column("x").to_pylist() == list(range(1, 26))
    assert [j.job_id for j in client.list_jobs()] == [job.job_id]


def test_parameters_by_what_they_are(replay: ReplayServer) -> None:
    body = {"query": "SELECT @P AS v", "useLegacySql": False, "parameterMode": "NAMED"}
    for written in ("1.5", "15e-1", "1.50"):
        parameter = {
            "name": "p",
            "parameterType": {"type": "FLOAT64"},
            "parameterValue": {"value": written},
        }
        told = _raw(replay, "queries", {**body, "query": "SELECT @p AS v", "queryParameters": [parameter]})
        assert told["rows"] == [{"f": [{"v": "1.5"}]}]
    other = {"name": "p", "parameterType": {"type": "FLOAT64"}, "parameterValue": {"value": "2"}}
    with pytest.raises(urllib.error.HTTPError) as failed:
        _raw(replay, "queries", {**body, "query": "SELECT @p AS v", "queryParameters": [other]})
    message = json.loads(failed.value.read())["error"]["message"]
    assert "parameters.0.1: recorded '1.5', asked '2.0'" in message


def test_timestamps_in_any_spelling(replay: ReplayServer) -> None:
    body = {"query": f"{ROWS_SQL} ORDER BY x", "useLegacySql": False, "maxResults": 1}
    spelled = [
        _raw(replay, "queries", {**body, "formatOptions": options})["rows"][0]["f"][2]["v"]
        for options in ({}, {"useInt64Timestamp": True}, {"timestampOutputFormat": "ISO8601_STRING"})
    ]
    assert spelled == ["1.0", "1000000", "1970-01-01T00:00:01Z"]


def test_partial_answers_and_etags(replay: ReplayServer) -> None:
    client = replay.client()
    job = client.query(f"{ROWS_SQL} ORDER BY x", job_id="mine", job_retry=None)
    assert job.result().total_rows == 25
    part = _raw(replay, "queries/mine?fields=totalRows,rows(f(v))&maxResults=1")
    assert set(part) == {"totalRows", "rows"}
    etag = _raw(replay, "jobs/mine")["etag"]
    with pytest.raises(urllib.error.HTTPError) as unchanged:
        _raw(replay, "jobs/mine", headers={"If-None-Match": etag})
    assert unchanged.value.code == 304


def test_a_job_id_is_taken_once_and_a_request_id_repeats(replay: ReplayServer) -> None:
    client = replay.client()
    client.query(f"{ROWS_SQL} ORDER BY x", job_id="mine", job_retry=None).result()
    with pytest.raises(Conflict, match=r"Already Exists: Job replay-proj:US\.mine"):
        client.query(f"{ROWS_SQL} ORDER BY x", job_id="mine", job_retry=None, retry=None)._begin()
    body = {"query": f"{ROWS_SQL} ORDER BY x", "useLegacySql": False, "requestId": "r1"}
    first, second = (_raw(replay, "queries", body)["jobReference"] for _ in range(2))
    assert first == second
    assert _raw(replay, "queries", {**body, "requestId": "r2"})["jobReference"] != first


@pytest.mark.fidelity(
    "recording:states and times of replays",
    "approximated",
    "Times between two recorded ones are as far apart as they were, or by a model of latencies.",
)
def test_states_over_the_time_that_was_recorded(cassette: Cassette) -> None:
    scenario = {"clock": {"start": "2026-01-01", "mode": "manual"}}
    with ReplayServer(cassette, project=PROJECT, timing="model", scenario=scenario, strict=False) as server:
        body = {"query": f"{ROWS_SQL} ORDER BY x", "useLegacySql": False, "timeoutMs": 0}
        told = _raw(server, "queries", body)
        assert told["jobComplete"] is False and "rows" not in told
        place = told["jobReference"]["jobId"]
        assert _raw(server, f"jobs/{place}")["status"]["state"] in ("PENDING", "RUNNING")
        assert _raw(server, f"queries/{place}?timeoutMs=0")["jobComplete"] is False
        server.clock.advance("1h")
        told = _raw(server, f"queries/{place}?timeoutMs=0")
        assert told["jobComplete"] is True and len(told["rows"]) == 25
        job = _raw(server, f"jobs/{place}")
        assert job["status"]["state"] == "DONE"
        assert job["statistics"]["startTime"] <= job["statistics"]["endTime"]


def test_a_job_that_is_cancelled(cassette: Cassette) -> None:
    scenario = {"clock": {"start": "2026-01-01", "mode": "manual"}}
    with ReplayServer(cassette, project=PROJECT, timing="model", scenario=scenario, strict=False) as server:
        client = server.client()
        job = client.query(f"{ROWS_SQL} ORDER BY x")
        assert client.cancel_job(job.job_id).state == "DONE"
        with pytest.raises(GoogleAPICallError, match="cancelled"):
            job.result(retry=None, job_retry=None)


@pytest.mark.fidelity("recording:what was not recorded", "exact")
def test_what_was_not_recorded_is_told_with_what_is_near(replay: ReplayServer) -> None:
    with pytest.raises(BadRequest) as refused:
        replay.client().query_and_wait("SELECT COUNT(*) FROM orders.u")
    assert "SELECT COUNT(*) FROM [-orders.t-] {+orders.u+}" in str(refused.value)
    (finding,) = replay.report().of("unexpected")
    assert finding.title == "query SELECT COUNT(*) FROM orders.u"
    assert finding.near[0].title == "SELECT COUNT(*) FROM orders.t"


def test_reports_fail_for_what_is_left_and_for_another_order(cassette: Cassette) -> None:
    with ReplayServer(cassette, project=PROJECT) as server:
        client = server.client()
        client.create_dataset("orders")
        client.delete_table("orders.t")
        report = server.report()
    assert not report.ok
    assert [f.title for f in report.of("out-of-order")] == [
        "bigquery.tables.delete projects/${project}/datasets/orders/tables/t"
    ]
    assert any("SELECT COUNT(*)" in f.title for f in report.of("unused"))
    assert json.loads(report.json)["ok"] is False
    assert "failures=" in report.junit


def test_changes_are_done_as_often_as_recorded(cassette: Cassette) -> None:
    with ReplayServer(cassette, project=PROJECT) as server:
        client = server.client()
        client.query_and_wait("INSERT INTO orders.t VALUES (5)")
        with pytest.raises(BadRequest, match="recorded 1 time, done as often already"):
            client.query_and_wait("INSERT INTO orders.t VALUES (5)")


def test_a_script_and_its_children(bqsim_server: Any, tmp_path: Path) -> None:
    script = "DECLARE x INT64 DEFAULT 2; SELECT x AS a; SELECT x + 1 AS b;"

    def run(client: Any) -> Any:
        job = client.query(script)
        told = [tuple(row) for row in job.result()]
        children = [[tuple(row) for row in child.result()] for child in client.list_jobs(parent_job=job)]
        return told, job.num_child_jobs, sorted(children)

    answers: list[Any] = []
    cassette = recorded(
        bqsim_server, tmp_path / "script.cassette", lambda c: answers.append(run(c.client())), "script-proj"
    )
    with ReplayServer(cassette, project="script-proj") as server:
        assert run(server.client()) == answers[0]
        assert run(server.client()) == answers[0]
        assert server.report().ok, server.report().text


def test_faults_on_top_of_a_replay(replay: ReplayServer, answers: list[Any]) -> None:
    replay.faults.add("backendError", method="bigquery.jobs.query", times=1)
    client = replay.client()
    with pytest.raises(ServiceUnavailable):
        client.query_and_wait(f"{ROWS_SQL} ORDER BY x", retry=None, job_retry=None)
    assert [tuple(row) for row in client.query_and_wait(f"{ROWS_SQL} ORDER BY x")] == answers[0]
    decided = [decision for call in replay.journal.calls() for decision in call.decisions]
    assert [bool(d.recording) for d in decided] == [False, True]


@pytest.mark.fidelity("recording:what was not recorded", "exact")
def test_what_is_unknown_is_asked_of_a_simulator(cassette: Cassette) -> None:
    with ReplayServer(cassette, project=PROJECT, strict=False, unknown="simulator") as server:
        client = server.client()
        assert [tuple(r) for r in client.query_and_wait("SELECT 41 + 1")] == [(42,)]
        assert [tuple(r) for r in client.query("SELECT 43").result()] == [(43,)]
        assert server.report().of("elsewhere")
        assert not server.report().of("unexpected")


def test_modes(bqsim_server: Any, tmp_path: Path) -> None:
    folder = tmp_path / "modes.cassette"
    upstream = (bqsim_server.url, bqsim_server.grpc_target)

    def asked(mode: str, *texts: str, **options: Any) -> Any:
        with ReplayServer(folder, mode=mode, upstream=upstream, project="modes-proj", **options) as server:
            client = server.client()
            for text in texts:
                assert len(list(client.query_and_wait(text))) == 1
            report = server.report()
        return report if mode in ("none", "verify-live") else server.report()

    asked("once", "SELECT 1")
    assert asked("once", "select 1").played == 1
    assert asked("new_episodes", "SELECT 1", "SELECT 2").recorded_new == 1
    assert asked("none", "SELECT 1", "SELECT 2").ok
    assert asked("verify-live", "SELECT 1", "SELECT 2").ok
    asked("all", "SELECT 2", "SELECT 3")
    assert asked("none", "SELECT 1", "SELECT 2", "SELECT 3").ok
    with (
        pytest.raises(ZeroDivisionError),
        ReplayServer(
            folder, mode="rewrite", upstream=upstream, project="modes-proj", record_on_failure=False
        ) as server,
    ):
        list(server.client().query_and_wait("SELECT 4"))
        raise ZeroDivisionError
    assert asked("none", "SELECT 1", "SELECT 2", "SELECT 3").ok
    asked("rewrite", "SELECT 4")
    assert asked("none", "SELECT 4").operations == 1
