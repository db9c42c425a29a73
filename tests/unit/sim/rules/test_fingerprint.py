from __future__ import annotations

from typing import Any

import pytest

from bqsim.sim.rules.fingerprint import request_fingerprint, stable_resource
from bqsim.storage.v1 import read_pb2, write_pb2

INSERT = {"configuration": {"query": {"query": "SELECT 1"}, "labels": {"a": "b"}}}

SAME: list[tuple[str, Any, Any]] = [
    ("job ids", INSERT, {**INSERT, "jobReference": {"projectId": "p", "jobId": "x"}}),
    ("request ids", {"query": "SELECT 1"}, {"query": "SELECT 1", "requestId": "r", "timeoutMs": "10"}),
    ("the order of members", {"a": 1, "b": 2}, {"b": 2, "a": 1}),
    ("insert ids", {"rows": [{"insertId": "1", "json": {"id": 1}}]}, {"rows": [{"json": {"id": 1}}]}),
]
OTHER: list[tuple[str, Any, Any]] = [
    ("the query", {"query": "SELECT 1"}, {"query": "SELECT 2"}),
    ("columns named like members", {"rows": [{"json": {"id": 1}}]}, {"rows": [{"json": {"id": 2}}]}),
    ("types", {"a": "1"}, {"a": 1}),
    ("nesting", {"a": ["b", "c"]}, {"a": [["b"], "c"]}),
    ("text cut elsewhere", ["ab", "c"], ["a", "bc"]),
    ("nothing", None, {}),
]


def of(body: Any) -> str:
    return request_fingerprint("bigquery.jobs.insert", "projects/p", body)


@pytest.mark.parametrize(("what", "one", "two"), SAME, ids=[s[0] for s in SAME])
def test_what_is_made_anew_for_each_try_does_not_count(what: str, one: Any, two: Any) -> None:
    assert of(one) == of(two)


@pytest.mark.parametrize(("what", "one", "two"), OTHER, ids=[s[0] for s in OTHER])
def test_what_a_request_asks_for_counts(what: str, one: Any, two: Any) -> None:
    assert of(one) != of(two)


def test_method_resource_and_origin_count() -> None:
    base = ("m", "projects/p", {}, "")
    others = [("n", "projects/p", {}, ""), ("m", "projects/q", {}, ""), ("m", "projects/p", {}, "o")]
    assert len({request_fingerprint(*given) for given in [base, *others]}) == 4


@pytest.mark.parametrize(
    ("resource", "stable"),
    [
        ("projects/p/jobs/job_1", "projects/p/jobs/*"),
        ("projects/p/queries/a:cancel", "projects/p/queries/*"),
        ("projects/p/locations/us/sessions/s/streams/t", "projects/p/locations/us/sessions/*/streams/*"),
        (
            "projects/p/datasets/d/tables/t/streams/_default",
            "projects/p/datasets/d/tables/t/streams/_default",
        ),
        ("projects/p/datasets/jobs/tables/t", "projects/p/datasets/jobs/tables/t"),
        ("", ""),
    ],
)
def test_generated_ids_do_not_count(resource: str, stable: str) -> None:
    assert stable_resource(resource) == stable


def append(*rows: bytes, offset: int | None = None, **fields: Any) -> write_pb2.AppendRowsRequest:
    request = write_pb2.AppendRowsRequest(**fields)
    request.proto_rows.rows.serialized_rows.extend(rows)
    if offset is not None:
        request.offset.value = offset
    return request


def test_appends_are_told_apart_by_offset_and_rows() -> None:
    given = [append(b"a", b"b"), append(b"ab"), append(b"a", b"b", offset=0), append(b"a", b"b", offset=2)]
    assert len({of(request) for request in given}) == 4
    assert of(append(b"a", write_stream="x", trace_id="y")) == of(append(b"a"))


def test_the_schema_that_only_the_first_append_of_a_connection_brings_does_not_count() -> None:
    proto, arrow = append(b"a"), write_pb2.AppendRowsRequest()
    proto.proto_rows.writer_schema.proto_descriptor.name = "Row"
    assert of(proto) == of(append(b"a"))
    arrow.arrow_rows.rows.serialized_record_batch = b"a"
    before = of(arrow)
    arrow.arrow_rows.writer_schema.serialized_schema = b"s"
    assert of(arrow) == before != of(append(b"a"))


def test_a_reader_that_goes_on_at_another_offset_asks_for_the_same() -> None:
    first = read_pb2.ReadRowsRequest(read_stream="projects/p/locations/us/sessions/s/streams/0")
    again = read_pb2.ReadRowsRequest(read_stream=first.read_stream, offset=100)
    assert of(first) == of(again)


def test_maps_of_messages_count_whatever_their_keys_are() -> None:
    one = write_pb2.AppendRowsRequest(missing_value_interpretations={"id": 1, "b": 2})
    two = write_pb2.AppendRowsRequest(missing_value_interpretations={"id": 2, "b": 2})
    assert of(one) != of(two)


def test_fingerprints_are_those_of_every_run() -> None:
    assert of(INSERT) == "e378e7b1f0ae1bc5d58de3668f6ecd7d"
