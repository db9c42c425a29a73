"""Folding as a whole: whatever the calls are, each is in one operation, and symbols lead somewhere."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from bqsim.record.cassette.text import operation_text
from bqsim.record.fold.folder import fold
from bqsim.record.model import Content, Exchange, Operation, Part
from bqsim.record.routes import identify
from bqsim.record.symbols import symbols_of
from bqsim.storage.v1 import read_pb2, stream_pb2, write_pb2
from tests.exchange_help import READ, SCHEMA, WRITE, Calls, job, rows
from tests.unit.record.examples import EXAMPLES

BEGAN_US = 1_795_000_000_000_000


def texts(operations: Any) -> str:
    return "".join(operation_text(operation) for operation in operations)


class TestSymbols:
    def test_identities_of_another_operation_name_it(self) -> None:
        calls = Calls()
        calls.rest("GET", "/datasets/d/tables/t", None, {"etag": "E1", "id": "p:d.t"})
        calls.rest(
            "PATCH", "/datasets/d/tables/t", {"etag": "E1"}, {"etag": "E2"}, headers={"if-match": "E1"}
        )
        read, changed = fold(calls.made)
        assert read.result["body"] == {"etag": "${etag}", "id": "${project}:d.t"}
        assert changed.request["body"] == {"etag": f"${{etag@{read.name}}}"}
        assert changed.request["headers"] == {"if-match": f"${{etag@{read.name}}}"}

    def test_names_that_a_program_makes_anew(self) -> None:
        def work(name: str) -> list[Operation]:
            calls = Calls()
            table = {"tableReference": {"projectId": "p", "datasetId": "d", "tableId": name}}
            calls.rest("POST", "/datasets/d/tables", table, {**table, "id": f"p:d.{name}"})
            calls.rest("POST", "/queries", {"query": f"SELECT * FROM d.{name}"}, {"jobComplete": True})
            return list(fold(calls.made, began_us=1_795_300_000_000_000))

        first, second = work("tmp_20261121_ab12cd"), work("tmp_20261121_9f03e1")
        assert texts(first) == texts(second)
        made = next(o for o in first if o.kind == "metadata")
        asked = next(o for o in first if o.kind == "query")
        assert made.request["body"]["tableReference"]["tableId"] == "tmp_${random}"
        assert asked.request["sql"] == f"SELECT * FROM d.tmp_${{random@{made.name}}}"

    def test_names_that_stay(self) -> None:
        calls = Calls()
        for name in ("events_20261121", "orders_v2", "a1b2c3d4_old_", "deadbeef"):
            table = {"tableReference": {"projectId": "p", "datasetId": "d", "tableId": name}}
            calls.rest("POST", "/datasets/d/tables", table, table)
        assert "random" not in texts(fold(calls.made[:2], began_us=1_795_300_000_000_000))

    def test_ids_that_are_words_are_ids_where_ids_stand(self) -> None:
        calls = Calls()
        body = {"configuration": {"query": {"query": "SELECT * FROM shop.orders"}}}
        told = job("orders", {"query": {"query": "SELECT * FROM shop.orders"}})
        calls.rest("POST", "/jobs", {**body, "jobReference": {"jobId": "orders"}}, told)
        (made,) = fold(calls.made)
        assert made.request["sql"] == "SELECT * FROM shop.orders"
        assert made.result["job"]["id"] == "${project}:US.${job}"
        assert made.result["job"]["selfLink"].endswith("/jobs/${job}?location=US")
        assert made.result["job"]["jobReference"]["jobId"] == "${job}"

    def test_given_names(self) -> None:
        calls = Calls()
        calls.rest("GET", "/datasets/orders_dev", None, {"id": "p:orders_dev"})
        calls.rest("POST", "/queries", {"query": "SELECT * FROM orders_dev.t"}, {"jobComplete": True})
        made, asked = fold(calls.made, names={"orders": "orders_dev"})
        assert asked.request["sql"] == "SELECT * FROM ${name:orders}.t"
        assert made.request["resource"] == "projects/${project}/datasets/${name:orders}"
        assert made.order == {"dataset:${project}.${name:orders}": 0}

    def test_times_are_relative_to_the_operation(self) -> None:
        calls = Calls()
        told = {"creationTime": "1795000003000", "expireTime": "2026-11-19T06:13:22.5Z", "schema": SCHEMA}
        calls.rest("GET", "/datasets/d/tables/t", None, told)
        (made,) = fold(calls.made, began_us=BEGAN_US)
        assert made.result["body"]["creationTime"] == "${time:body.creationTime.ms}"
        assert made.measures["values"]["body.creationTime.ms"] == 2.0
        assert made.measures["at"]["start_s"] == 1.0

    def test_text_that_looks_like_a_symbol(self) -> None:
        calls = Calls()
        calls.rest("POST", "/queries", {"query": "SELECT '${job}'"}, {"jobComplete": True})
        (made,) = fold(calls.made)
        assert made.request["sql"] == "SELECT '${$}{job}'"

    def test_messages_tell_no_times_and_ids(self) -> None:
        calls = Calls()
        calls.rest("POST", "/jobs", {"configuration": {"query": {"query": "x"}}}, job("job_abcd"))
        message = "Job p:US.job_abcd at 1795000003000, 2026-11-19T06:13:23Z"
        calls.rest("GET", "/jobs/job_abcd", None, {"error": {"message": message}}, 404)
        (made,) = fold(calls.made, began_us=BEGAN_US)
        text = made.result["error"]["body"]["error"]["message"]
        assert text.startswith("Job ${project}:US.${job} at ${time:")
        assert "1795" not in text and "2026" not in text


class TestOrder:
    def test_reads_know_what_was_changed_before(self) -> None:
        calls = Calls()
        table = {"tableReference": {"projectId": "p", "datasetId": "d", "tableId": "t"}}
        calls.rest("POST", "/datasets/d/tables", table, table)
        calls.rest("GET", "/datasets/d/tables/t", None, {"numRows": "0"}, took_s=0.25)
        calls.rest("GET", "/datasets/d/tables/t", None, {"numRows": "0"}, took_s=0.125)
        calls.rest("POST", "/datasets/d/tables/t/insertAll", {"rows": [{"json": {"x": 1}}]}, {})
        calls.rest("GET", "/datasets/d/tables/t", None, {"numRows": "1"})
        made = list(fold(calls.made))
        reads = [o for o in made if o.request.get("method") == "bigquery.tables.get"]
        assert [(o.occurrence, o.order) for o in reads] == [
            (1, {"table:${project}.d.t": 1}),
            (2, {"table:${project}.d.t": 2}),
        ]
        # The two reads between are one, as nothing had changed.
        assert reads[0].measures["numbers"] == [2, 3]
        assert reads[0].measures["at"]["calls"] == [0.25, 0.125]

    def test_what_was_faster_does_not_matter(self) -> None:
        """Calls of four threads, in whatever order they came."""

        def work(order: list[int]) -> str:
            calls = Calls()
            at = dict(zip(order, range(4), strict=True))
            for thread in order:
                reference = {"jobReference": {"projectId": "p", "jobId": f"job-{thread}-{random.random()}"}}
                answer = {**reference, "jobComplete": True, "schema": SCHEMA, "rows": rows(str(thread))}
                calls.rest("POST", "/queries", {"query": "SELECT x"}, answer, at_s=at[thread] * 0.1, took_s=2)
                sent = {"rows": [{"json": {"x": thread}}]}
                target = "/datasets/d/tables/t/insertAll"
                calls.rest("POST", target, sent, {}, at_s=5 + at[thread] * 0.1, took_s=2)
            calls.rest("GET", "/datasets/d/tables/t", None, {"numRows": "4"}, at_s=20)
            return texts(fold(calls.made))

        assert work([0, 1, 2, 3]) == work([3, 1, 0, 2]) == work([2, 3, 1, 0])


class TestBatches:
    def test_each_call_of_a_batch_is_an_operation(self) -> None:
        calls = Calls()
        asked = b"".join(
            b"--b\r\nContent-Type: application/http\r\nContent-ID: <%d>\r\n\r\n"
            b"GET /bigquery/v2/projects/p/datasets/d%d HTTP/1.1\r\n\r\n\r\n" % (n, n)
            for n in (1, 2)
        )
        told = b"".join(
            b"--c\r\nContent-Type: application/http\r\nContent-ID: <response-%d>\r\n\r\n"
            b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n{"id": "p:d%d"}\r\n' % (n, n)
            for n in (2, 1)
        )
        calls.rest(
            "POST",
            "/batch/bigquery/v2",
            asked + b"--b--",
            told + b"--c--",
            media="multipart/mixed; boundary=b",
            answer_media="multipart/mixed; boundary=c",
        )
        made = {o.request["resource"]: o.result["body"]["id"] for o in fold(calls.made)}
        assert made == {
            "projects/${project}/datasets/d1": "${project}:d1",
            "projects/${project}/datasets/d2": "${project}:d2",
        }


# Any calls

_IDS = st.sampled_from(["job_a", "job_b", "${job}", "", "tmp_20261122_ab12cd", "a-b/c", "é"])
_LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=9) | _IDS
_NAMES = """
    jobReference jobId projectId configuration query load copy extract destinationTable datasetId tableId
    statistics status state errorResult rows pageToken nextPageToken schema totalRows jobComplete parentJobId
    jobs etag creationTime startTime message requestId json insertId f v error errors reason sessionInfo
    sessionId items generation name referencedTables timeline labels sourceUris statementType ddlTargetTable
    totalSlotMs formatOptions insertErrors
"""
_MEMBERS = _NAMES.split()
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_MEMBERS), inner, max_size=6),
    max_leaves=12,
)
_JOBS = st.builds(
    lambda name, kind, state, work: {
        "jobReference": {"projectId": "p", "jobId": name},
        "configuration": {kind: work},
        "status": {"state": state},
        "statistics": {"parentJobId": name},
    },
    _IDS,
    st.sampled_from(["query", "load", "copy", "extract"]),
    st.sampled_from(["DONE", "RUNNING"]),
    _JSON,
)
_PAGES = st.builds(
    lambda n, token, name: {
        "rows": rows(*map(str, range(n))),
        "pageToken": token,
        "jobComplete": True,
        "jobReference": {"projectId": "p", "jobId": name},
        "totalRows": "9",
    },
    st.integers(0, 5),
    _IDS,
    _IDS,
)
_P = "/bigquery/v2/projects/p"
_TARGETS = st.sampled_from(
    [
        ("POST", f"{_P}/jobs"),
        ("POST", f"{_P}/queries"),
        ("GET", f"{_P}/jobs/job_a"),
        ("GET", f"{_P}/jobs/job_b"),
        ("GET", f"{_P}/queries/job_a?maxResults=2"),
        ("GET", f"{_P}/queries/job_a?pageToken=job_a"),
        ("GET", f"{_P}/queries/job_b?startIndex=3"),
        ("POST", f"{_P}/jobs/job_a/cancel"),
        ("DELETE", f"{_P}/jobs/job_b/delete"),
        ("GET", f"{_P}/jobs?parentJobId=job_a"),
        ("GET", f"{_P}/datasets"),
        ("POST", f"{_P}/datasets"),
        ("POST", f"{_P}/datasets/d/tables"),
        ("GET", f"{_P}/datasets/d/tables/t"),
        ("PATCH", f"{_P}/datasets/d/tables/t"),
        ("GET", f"{_P}/datasets/d/tables/t/data?pageToken=x"),
        ("GET", f"{_P}/datasets/_h/tables/anon1/data"),
        ("POST", f"{_P}/datasets/d/tables/t/insertAll"),
        ("GET", f"{_P}/nothing"),
        ("POST", "/upload/bigquery/v2/projects/p/jobs?uploadType=multipart"),
        ("POST", "/upload/bigquery/v2/projects/p/jobs?uploadType=resumable"),
        ("PUT", "/upload/bigquery/v2/projects/p/jobs?uploadType=resumable&upload_id=u1"),
        ("GET", "/storage/v1/b/bk/o/x?alt=media"),
        ("POST", "/upload/storage/v1/b/bk/o?name=x&uploadType=media"),
        ("GET", "/storage/v1/b/bk/o"),
        ("POST", "/batch/bigquery/v2"),
        ("GET", "/x/y"),
    ]
)
_PART = b"--b\r\nContent-Type: application/json\r\nContent-ID: <1>\r\n\r\n"
_BATCH = (
    _PART + b"GET /bigquery/v2/projects/p/jobs/job_a HTTP/1.1\r\nx: y\r\n\r\n\r\n--b\r\n\r\n"
    b"POST /bigquery/v2/projects/p/queries\r\n\r\n{}\r\n--b--"
)


def _raw(value: Any) -> bytes:
    return json.dumps(value).encode("utf-8", "surrogatepass")


def _two(value: Any) -> bytes:
    return _PART + _raw(value) + b"\r\n--b\r\n\r\nA,B\r\n--b--"


@st.composite
def rest_calls(draw: Callable[..., Any]) -> Exchange:
    verb, target = draw(_TARGETS)
    odd = st.binary(max_size=20)
    asked = draw(st.one_of(_JSON.map(_raw), _JOBS.map(_raw), odd, _JOBS.map(_two), st.just(_BATCH)))
    told = draw(st.one_of(_JSON.map(_raw), _JOBS.map(_raw), _PAGES.map(_raw), odd))
    medias = ["application/json", "multipart/related; boundary=b", "multipart/mixed; boundary=b", ""]
    media = draw(st.sampled_from(medias))
    kept = draw(st.booleans() | st.just(True))
    place = "http://h/upload/bigquery/v2/projects/p/jobs?upload_id=u1"
    answers: list[tuple[tuple[str, str], ...]] = [(), (("location", place),), (("etag", "e1"),)]
    ranges: list[tuple[tuple[str, str], ...]] = [(), (("content-range", "bytes 0-3/*"),)]
    method, resource = identify("rest", verb, target)
    return Exchange(
        0,
        "rest",
        method,
        resource,
        verb,
        target,
        draw(st.sampled_from(ranges)),
        Content((Part(asked),) if asked and kept else (), len(asked), "d", media),
        draw(st.sampled_from([200, 200, 200, 308, 400, 404, 409, 429, 503])),
        response_headers=draw(st.sampled_from(answers)),
        response=Content((Part(told),) if told and kept else (), len(told), "d", "application/json"),
        broken=draw(st.sampled_from(["", "", "", "reset"])),
    )


_STREAMS = [
    "projects/p/locations/us/sessions/s1/streams/t1",
    "projects/p/datasets/d/tables/t/streams/w1",
    "projects/p/datasets/d/tables/t/streams/_default",
    "",
]


def _messages(name: str, offset: int, rows_: int) -> tuple[list[Any], list[Any]]:
    append = write_pb2.AppendRowsRequest(write_stream=name)
    append.proto_rows.rows.serialized_rows.append(b"\x08\x01")
    append.proto_rows.writer_schema.proto_descriptor.name = "Row"
    create = read_pb2.CreateReadSessionRequest(parent="p")
    create.read_session.table = "projects/p/datasets/_h/tables/anon1"
    arrow = read_pb2.ReadRowsResponse(row_count=rows_)
    arrow.arrow_record_batch.serialized_record_batch = b"zz"
    arrow.arrow_schema.serialized_schema = b"q"
    avro = read_pb2.ReadRowsResponse(row_count=2)
    avro.avro_rows.serialized_binary_rows = b"ab"
    session = stream_pb2.ReadSession(name=name.partition("/streams")[0])
    session.streams.add(name=name)
    asked = [
        read_pb2.ReadRowsRequest(read_stream=name, offset=offset),
        append,
        write_pb2.FlushRowsRequest(write_stream=name),
        write_pb2.BatchCommitWriteStreamsRequest(parent="p", write_streams=[name, "x/streams/y"]),
        create,
    ]
    told = [
        arrow,
        avro,
        session,
        stream_pb2.WriteStream(name=name),
        write_pb2.AppendRowsResponse(),
        write_pb2.BatchCommitWriteStreamsResponse(),
    ]
    return asked, told


@st.composite
def grpc_calls(draw: Callable[..., Any]) -> Exchange:
    reads = ("CreateReadSession", "ReadRows", "SplitReadStream", "Nothing")
    writes = ("CreateWriteStream", "AppendRows", "GetWriteStream", "FinalizeWriteStream", "FlushRows")
    paths = [READ + n for n in reads] + [WRITE + n for n in (*writes, "BatchCommitWriteStreams")]
    path = draw(st.sampled_from(paths))
    asked, told = _messages(
        draw(st.sampled_from(_STREAMS)), draw(st.integers(-2, 9)), draw(st.integers(-1, 3))
    )

    def content(messages: list[Any]) -> Content:
        chosen = [m.SerializeToString() for m in draw(st.lists(st.sampled_from(messages), max_size=3))]
        chosen += draw(st.lists(st.binary(max_size=9), max_size=1))
        return Content(tuple(map(Part, chosen)), sum(map(len, chosen)))

    method, _ = identify("grpc", "", path)
    code = draw(st.sampled_from(["OK", "OK", "UNAVAILABLE", "NOT_FOUND", ""]))
    broken = draw(st.sampled_from(["", "reset"]))
    return Exchange(
        0, "grpc", method, "", "", path, (), content(asked), 200, code, response=content(told), broken=broken
    )


@settings(EXAMPLES, suppress_health_check=list(HealthCheck))
@given(st.lists(rest_calls() | grpc_calls(), max_size=8), st.lists(st.floats(0, 2), min_size=8, max_size=8))
def test_any_calls(drawn: list[Exchange], took: list[float]) -> None:
    """Nothing fails, every call is in one operation, and all symbols have something that they stand for."""
    calls = [
        replace(call, number=n, started_s=n * 0.5, first_byte_s=n * 0.5, ended_s=n * 0.5 + took[n - 1])
        for n, call in enumerate(drawn, 1)
    ]
    operations = list(fold(calls, began_us=BEGAN_US))
    names = {operation.name for operation in operations}
    assert len(names) == len(operations)
    seen = [number for operation in operations for number in operation.measures["numbers"]]
    batches = {call.number for call in calls if call.method == "batch"}
    assert set(seen) == {call.number for call in calls}
    assert len([n for n in seen if n not in batches]) == len(calls) - len(batches)
    for operation in operations:
        told = [operation.request, operation.result, operation.exchanges, operation.order]
        for symbol in symbols_of(told):
            assert not symbol.of or symbol.of in names
            if symbol.kind in ("time", "measure"):
                assert symbol.which in operation.measures["values"]
    assert texts(fold(calls, began_us=BEGAN_US)) == texts(operations)
