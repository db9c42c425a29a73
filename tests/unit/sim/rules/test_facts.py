from __future__ import annotations

from typing import Any

from bqsim.sim.gate import Call
from bqsim.sim.rules import JOB, STREAM, Facts, call_facts, job_facts, sql_fingerprint, stream_facts
from bqsim.storage.v1 import read_pb2, write_pb2

COPY = {"copy": {"sourceTable": {}}, "labels": {"team": "x"}}


def rest(method: str, resource: str, body: Any, **headers: str) -> Facts:
    return call_facts(
        Call("rest", method, resource, "me@x", body, {k.replace("_", "-"): v for k, v in headers.items()})
    )


def test_a_job_that_is_inserted() -> None:
    body = {
        "jobReference": {"projectId": "p", "jobId": "j1"},
        "configuration": {"query": {"query": "select a from d.t"}, "labels": {"team": "x"}},
    }
    facts = rest(
        "bigquery.jobs.insert", "projects/p/jobs", body, user_agent="ua", x_goog_api_client="gl-python/3"
    )
    assert (facts.transport, facts.project, facts.caller) == ("rest", "p", "me@x")
    assert (facts.job_type, facts.statement_type, facts.sql) == ("QUERY", "SELECT", "select a from d.t")
    assert facts.sql_fingerprint == sql_fingerprint("SELECT a FROM d.t")
    assert facts.labels == {"team": "x"}
    assert facts.clients == ("ua", "gl-python/3")
    assert facts.job_id == "j1"
    assert facts.try_key == "bigquery.jobs.insert p j1"


def test_a_query_request() -> None:
    body = {"query": "DELETE FROM d.t WHERE TRUE", "labels": {"a": "b"}, "requestId": "r1"}
    facts = rest("bigquery.jobs.query", "projects/p/queries", body)
    assert (facts.job_type, facts.statement_type, facts.labels) == ("QUERY", "DELETE", {"a": "b"})
    assert facts.try_key == "bigquery.jobs.query p r1"


def test_other_jobs_have_a_type_and_no_sql() -> None:
    facts = rest("bigquery.jobs.insert", "projects/p/jobs", {"configuration": COPY})
    assert (facts.job_type, facts.sql, facts.statement_type, facts.sql_fingerprint) == ("COPY", "", "", "")


def test_calls_without_a_job_have_none() -> None:
    facts = rest("bigquery.datasets.insert", "projects/p/datasets", {"labels": {"env": "dev"}})
    assert (facts.job_type, facts.sql, facts.labels, facts.state) == ("", "", {"env": "dev"}, None)
    assert facts.try_key == facts.fingerprint


def test_hostile_bodies_have_no_facts() -> None:
    for body in (
        {"configuration": 7},
        {"configuration": {"query": "x"}},
        {"labels": [1]},
        {"jobReference": "x"},
        [],
    ):
        facts = rest("bigquery.jobs.insert", "elsewhere", body)
        assert (facts.sql, facts.labels, facts.job_id, facts.project) == ("", {}, "", "")
        assert len(facts.fingerprint) == 32


def test_polls_know_their_job() -> None:
    job = job_facts(project="p", job_id="j", configuration=COPY, state="RUNNING")
    poll = call_facts(Call("rest", "bigquery.jobs.get", "projects/p/jobs/j", "me@x", {}), about=job)
    assert (poll.job_type, poll.labels, poll.state) == ("COPY", {"team": "x"}, "RUNNING")


def test_the_origin_tells_polls_of_two_jobs_apart() -> None:
    calls = [Call("rest", "bigquery.jobs.get", f"projects/p/jobs/{j}", "me@x", {}) for j in "ab"]
    assert len({call_facts(c).fingerprint for c in calls}) == 1
    assert len({call_facts(c, origin=o).fingerprint for c, o in zip(calls, "ab", strict=True)}) == 2


def test_a_job_that_is_tried_again_under_a_new_id() -> None:
    first, second = (job_facts(project="p", job_id=j, configuration=COPY, state="DONE") for j in "ab")
    assert first.event == JOB
    assert first.try_key == second.try_key
    assert first.try_key != job_facts(project="p", job_id="a", configuration=COPY, state="RUNNING").try_key


def test_what_a_job_knows_of_its_statement_wins_over_its_text() -> None:
    configuration = {"query": {"query": "nonsense"}}
    facts = job_facts(
        project="p", job_id="j", configuration=configuration, state="DONE", statement_type="MERGE"
    )
    assert facts.statement_type == "MERGE"


def test_appended_rows() -> None:
    request = write_pb2.AppendRowsRequest(trace_id="tool:1")
    request.proto_rows.rows.serialized_rows.extend([b"a", b"b"])
    request.offset.value = 5
    facts = call_facts(
        Call("grpc", "AppendRows", "projects/p/datasets/d/tables/t/streams/s", "me@x", request)
    )
    assert (facts.offset_rows, facts.rows, facts.clients, facts.project) == (5, 2, ("tool:1",), "p")
    request.ClearField("offset")
    assert call_facts(Call("grpc", "AppendRows", "", "", request)).offset_rows is None


def test_sessions_and_readers() -> None:
    session = read_pb2.CreateReadSessionRequest()
    session.read_session.trace_id = "tool:2"
    assert call_facts(Call("grpc", "CreateReadSession", "", "", session)).clients == ("tool:2",)
    reader = read_pb2.ReadRowsRequest(offset=9)
    opened = call_facts(
        Call("grpc", "ReadRows", "projects/p/locations/us/sessions/s/streams/t", "me@x", reader)
    )
    assert (opened.offset_rows, opened.rows) == (9, 0)
    more = stream_facts(opened, offset_rows=20, rows=10)
    assert (more.event, more.method, more.offset_rows, more.rows) == (STREAM, "ReadRows", 20, 10)
    assert more.fingerprint != stream_facts(opened, offset_rows=30).fingerprint
