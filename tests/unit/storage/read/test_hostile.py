"""Requests that no client would send end with a status, never otherwise."""

from __future__ import annotations

import random
from functools import partial
from typing import Any

import pytest

from bqsim.errors import REASONS
from bqsim.storage.errors import StorageFailure
from bqsim.storage.v1 import read_pb2

from .conftest import Reader

STATUSES = {reason.grpc for reason in REASONS.values()}
ENGINE_WORDS = (
    "duckdb",
    "binder",
    "catalog error",
    "line 1:",
    "arrowinvalid",
    "keyerror",
    "traceback",
    "t1 ",
)
TEXTS = [
    "",
    "x",
    "x = 1",
    "(" * 400,
    "x" + "+1" * 3000 + " > 0",
    "\0",
    "'",
    "`",
    "x.y.z",
    "é" * 300,
    "NULL",
    "1e999 = x",
    "CAST(x AS STRING) LIKE '%\\\\'",
    "x IN UNNEST([])",
    "x = 99999999999999999999",
    "-- x",
    "_PARTITIONTIME = 1",
    "SAFE.PARSE_DATE('%Q', 'x') IS NULL",
    "REGEXP_CONTAINS('a', '(')",
    "x << 70 = 0",
    "(x, x) = (1, 1)",
]
NAMES = [
    "projects/p/datasets/d/tables/t",
    "projects/p/datasets/d/tables/",
    "t",
    "",
    "projects//datasets/d/tables/t",
    "projects/p/datasets/d/tables/t$20240101",
    "projects/p/datasets/d/tables/t@0",
    "projects/p/datasets/d/tables/*",
    "projects/p/datasets/INFORMATION_SCHEMA/tables/TABLES",
    "projects/p/datasets/d/tables/" + "t" * 5000,
]


def _drain(reader: Reader, request: read_pb2.ReadRowsRequest) -> None:
    for _ in reader.service.read_rows(request, lambda: False):
        pass


def _read_all(reader: Reader, request: read_pb2.CreateReadSessionRequest) -> None:
    for stream in reader.service.create_session(request, "me").streams:
        _drain(reader, read_pb2.ReadRowsRequest(read_stream=stream.name))


def ended(work: Any) -> str:
    """The status with which a call ends; OK when it does not fail."""
    try:
        work()
    except StorageFailure as failure:
        assert failure.status in STATUSES
        assert not any(word in failure.message.lower() for word in ENGINE_WORDS), failure.message
        return str(failure.status)
    return "OK"


@pytest.fixture
def stream(reader: Reader) -> str:
    reader.warehouse.run("CREATE TABLE d.t AS SELECT x, [x] AS l FROM UNNEST(GENERATE_ARRAY(1, 100)) AS x")
    return str(reader.session("t").streams[0].name)


def test_odd_sessions(reader: Reader, stream: str) -> None:
    draw = random.Random(7)
    found: dict[str, int] = {}
    for _ in range(300):
        request = read_pb2.CreateReadSessionRequest(
            parent=draw.choice(["projects/p"] * 9 + ["projects/é", "p", "projects/p/x"]),
            max_stream_count=draw.choice([0] * 6 + [1, 2**31 - 1, -1]),
            preferred_min_stream_count=draw.choice([0] * 9 + [5, -(2**31)]),
        )
        asked = request.read_session
        asked.table = draw.choice(NAMES[:1] * 30 + NAMES)
        form: Any = draw.choice([1, 2, 2, 2, 2, 99])
        asked.data_format = form
        if draw.random() < 0.2:
            asked.table_modifiers.snapshot_time.seconds = draw.choice([0, -(2**62), 2**62, 1_700_000_000])
        options = asked.read_options
        options.row_restriction = draw.choice([""] * 20 + TEXTS)
        options.selected_fields.extend(
            draw.sample(["x", "l", "l.x", "", "x.", "é"], draw.choice([0, 0, 0, 0, 1, 2]))
        )
        if draw.random() < 0.2:
            options.sample_percentage = draw.choice([0.0, 50.0, -1.0, float("nan"), float("inf"), 1e-300])
        if draw.random() < 0.2:
            codec: Any = draw.choice([0, 1, 2, 77])
            options.response_compression_codec = codec
        if draw.random() < 0.2:
            codec = draw.choice([0, 1, 2, 77])
            options.arrow_serialization_options.buffer_compression = codec

        status = ended(partial(_read_all, reader, request))
        found[status] = found.get(status, 0) + 1
    assert found["OK"] > 10
    assert found["INVALID_ARGUMENT"] > 100


@pytest.mark.parametrize("text", TEXTS)
def test_odd_restrictions(reader: Reader, stream: str, text: str) -> None:
    status = ended(lambda: reader.all(reader.session("t", row_restriction=text)))
    assert status in {"OK", "INVALID_ARGUMENT", "RESOURCE_EXHAUSTED"}


def test_odd_streams(reader: Reader, stream: str) -> None:
    draw = random.Random(3)
    for _ in range(300):
        characters = list(stream)
        for _ in range(draw.choice([0, 1, 2])):
            characters[draw.randrange(len(characters))] = draw.choice("Aa0/-_é\n")
        name = "".join(characters)
        offset = draw.choice([0, 1, 99, 100, 101, -1, 2**63 - 1, -(2**63)])
        request = read_pb2.ReadRowsRequest(read_stream=name, offset=offset)
        if draw.random() < 0.2:
            codec: Any = draw.choice([0, 1, 77])
            request.arrow_serialization_options.buffer_compression = codec
        ended(partial(_drain, reader, request))
        split = read_pb2.SplitReadStreamRequest(
            name=name, fraction=draw.choice([0.5, 0.0, -1.0, 1e-300, float("nan")])
        )
        ended(partial(reader.service.split_stream, split))
