"""What a replay does beside answering: it takes the time that was recorded, fails as the service did, asks
the service what was not recorded or what it answers now, and writes what is recorded when all went well."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from google.api_core.exceptions import ServiceUnavailable

from bqsim.record.cassette.cassette import Cassette
from bqsim.replay.server import ReplayServer
from bqsim.simulator import Simulator
from tests.unit.replay.cassettes import Writing

PROJECT = "replay-modes"
HELD = {"clock": {"start": "2026-01-01", "mode": "manual"}}
SQL = "SELECT 1 AS a"


def cassette(folder: Path, value: str = "1", result: dict[str, Any] | None = None, **measures: Any) -> Path:
    """A query for one value."""
    writing = Writing(folder)
    data = writing.put(json.dumps([{"f": [{"v": value}]}]).encode())
    schema = {"fields": [{"name": "a", "type": "INTEGER", "mode": "NULLABLE"}]}
    rows = [{"start": 0, "count": 1, "format": "json", "data": data}]
    told = {"schema": schema, "totalRows": 1, "rows": rows, **(result or {})}
    writing.query(SQL, told).measures = measures
    return writing.written()


def upstream(simulator: Simulator) -> tuple[str, str]:
    return simulator.url, simulator.grpc_target


def post(server: ReplayServer, path: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    url = f"{server.url}/bigquery/v2/projects/{PROJECT}/{path}"
    with urllib.request.urlopen(urllib.request.Request(url, data)) as answer:
        return json.load(answer)


@pytest.mark.fidelity("recording:what was not recorded", "exact")
def test_drift_is_found(tmp_path: Path, bqsim_server: Simulator) -> None:
    for value, found in (("1", False), ("2", True)):
        place = cassette(tmp_path / value, value)
        with ReplayServer(
            place, mode="verify-live", project=PROJECT, upstream=upstream(bqsim_server)
        ) as server:
            job = server.client().query(SQL)
            assert [tuple(row) for row in job.result()] == [(int(value),)]
            drifted = server.report().of("drift")
        told = [f for f in drifted if "rows[0]" in f.detail]
        assert bool(told) is found
        if found:
            assert told[0].operation == Cassette.open(place).entries[0].name
            assert told[0].detail.endswith("recorded '2', now '1'")
            assert told[0].title.startswith("GET /bigquery/v2/projects/replay-modes/queries/")
            assert not server.report().ok


def test_the_service_answers_what_is_unknown(tmp_path: Path, bqsim_server: Simulator) -> None:
    place = cassette(tmp_path / "c")
    with ReplayServer(place, unknown="upstream", project=PROJECT, upstream=upstream(bqsim_server)) as server:
        client = server.client()
        assert [tuple(r) for r in client.query_and_wait(SQL)] == [(1,)]
        assert [tuple(r) for r in client.query("SELECT 40 + 2").result()] == [(42,)]
        report = server.report()
    titles = {f.title for f in report.of("elsewhere")}
    assert f"POST /bigquery/v2/projects/{PROJECT}/jobs" in titles
    assert report.ok, report.text
    assert len(Cassette.open(place)) == 1


def test_a_service_that_does_not_answer(tmp_path: Path) -> None:
    place = cassette(tmp_path / "c")
    asked = {"query": "SELECT 2", "useLegacySql": False}
    with (
        ReplayServer(place, unknown="upstream", project=PROJECT, upstream="http://127.0.0.1:1") as server,
        pytest.raises(urllib.error.HTTPError) as failed,
    ):
        post(server, "queries", asked)
    assert failed.value.code == 502
    assert "http://127.0.0.1:1" in json.load(failed.value)["error"]["message"]


def _operations(place: Path) -> bytes:
    file = place / "operations.txt"
    return file.read_bytes() if file.exists() else b""


@pytest.mark.parametrize("mode", ("rewrite", "all", "new_episodes", "once"))
def test_what_is_recorded_is_written_when_all_went_well(
    tmp_path: Path, bqsim_server: Simulator, mode: str
) -> None:
    place = tmp_path / "c.cassette"
    if mode != "once":
        cassette(place)
    before = sorted(tmp_path.rglob("*")), _operations(place)

    def run(fails: bool) -> None:
        with ReplayServer(
            place, mode=mode, project=PROJECT, upstream=upstream(bqsim_server), record_on_failure=False
        ) as server:
            assert [tuple(r) for r in server.client().query_and_wait("SELECT 5")] == [(5,)]
            assert not fails or 1 / 0

    with pytest.raises(ZeroDivisionError):
        run(True)
    assert sorted(tmp_path.rglob("*")) == before[0]
    assert _operations(place) == before[1]
    run(False)
    asked = {o.request["sql"] for o in Cassette.open(place).operations()}
    assert asked == ({"SELECT 5"} if mode in ("rewrite", "once") else {SQL, "SELECT 5"})
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["c.cassette", "c.measures.jsonl"]


@pytest.mark.parametrize(("timing", "factor"), (("recorded", 1.0), (0.5, 0.5), ("3", 3.0)))
def test_jobs_take_the_time_that_was_recorded(tmp_path: Path, timing: Any, factor: float) -> None:
    place = cassette(tmp_path / "c", at={"start_s": 0.0, "queue_s": 10.0, "run_s": 60.0, "end_s": 70.0})
    with ReplayServer(place, project=PROJECT, timing=timing, scenario=HELD) as server:
        told = post(server, "queries", {"query": SQL, "useLegacySql": False, "timeoutMs": 0})
        assert told["jobComplete"] is False
        job = f"jobs/{told['jobReference']['jobId']}"

        def state() -> str:
            return str(post(server, job)["status"]["state"])

        states = [state()]
        for seconds in (10 * factor - 1, 2, 60 * factor - 3, 3):
            server.clock.advance(f"{seconds}s")
            states.append(state())
        assert states == ["PENDING", "PENDING", "RUNNING", "RUNNING", "DONE"]
        statistics = post(server, job)["statistics"]
        created, started, ended = (int(statistics[name]) for name in ("creationTime", "startTime", "endTime"))
        assert (started - created, ended - started) == (10_000 * factor, 60_000 * factor)
        # Again, it takes as long again.
        told = post(server, "queries", {"query": SQL, "useLegacySql": False, "timeoutMs": 0})
        assert told["jobComplete"] is False


def test_failures_are_played_as_recorded(tmp_path: Path) -> None:
    error = {"code": 503, "message": "Try later.", "errors": [{"reason": "backendError"}]}
    failures = [
        {"method": "bigquery.jobs.query", "status": 503, "body": {"error": error}},
        {"method": "bigquery.jobs.query", "broken": "reset"},
        {"method": "bigquery.jobs.getQueryResults", "status": 503, "body": {"error": error}},
    ]
    place = cassette(tmp_path / "c", result={"failures": failures})
    body = {"query": SQL, "useLegacySql": False}
    with ReplayServer(place, project=PROJECT, failures="recorded") as server:
        with pytest.raises(urllib.error.HTTPError) as failed:
            post(server, "queries", body)
        assert json.load(failed.value)["error"]["message"] == "Try later."
        with pytest.raises(ConnectionResetError):
            post(server, "queries", body)
        job = post(server, "queries", body)["jobReference"]["jobId"]
        with pytest.raises(urllib.error.HTTPError):
            post(server, f"queries/{job}")
        assert [post(server, f"queries/{job}")["totalRows"] for _ in range(2)] == ["1", "1"]
        assert server.report().ok, server.report().text
    with ReplayServer(place, project=PROJECT) as server:
        assert post(server, "queries", body)["totalRows"] == "1"


def test_the_gate_and_the_journal_see_calls_of_the_storage_api(tmp_path: Path) -> None:
    with ReplayServer(cassette(tmp_path / "c"), project=PROJECT) as server:
        job = server.client().query(SQL)
        job.result()
        table = job.destination
        name = f"projects/{table.project}/datasets/{table.dataset_id}/tables/{table.table_id}"
        session = {"table": name, "data_format": "ARROW"}
        ask = {"parent": f"projects/{PROJECT}", "read_session": session, "max_stream_count": 1}
        server.faults.add("backendError", method="*.CreateReadSession", times=1)
        client = server.read_client()
        with pytest.raises(ServiceUnavailable):
            client.create_read_session(ask, retry=None)
        made = client.create_read_session(ask)
        assert client.read_rows(made.streams[0].name).to_arrow(made).to_pylist() == [{"a": 1}]
        calls = [call for call in server.journal.calls() if call.transport == "grpc"]
    methods = [call.method.rpartition(".")[2] for call in calls]
    assert methods == ["CreateReadSession", "CreateReadSession", "ReadRows"]
    assert [call.outcome.ok for call in calls] == [False, True, True]
    recorded = [[d.recording for d in call.decisions if d.recording] for call in calls]
    key = server.book.recordings("query")[0].name
    # Rows are those of the session, whose operation was used for it.
    assert recorded == [[], [key], []]
