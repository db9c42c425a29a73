"""Rows of every type as Arrow and as messages, and requests that are cut to size."""

from __future__ import annotations

from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqclient import BigQueryClient
from bqclient import errors as e
from bqclient.models.schema import Field, Schema
from bqclient.storage_api.append_items import Room
from bqclient.storage_api.arrow_layout import Layout, plain_type
from bqclient.storage_api.batches import ArrowCutter
from bqclient.storage_api.payloads import Missing, Payload, encode, varint
from bqclient.storage_api.proto_rows import Encoder, ProtoRows
from bqclient.storage_api.write_streams import WriteStream, split_name
from bqclient.values.types import Interval
from bqclient.wire import stream_pb2, write_pb2

from .writes import TABLE, clean, table

# By type: a value, and the SQL that is true of it, ``@`` being the column.
VALUES: dict[str, tuple[Any, str]] = {
    "INT64": (-(2**63), "@ = -9223372036854775808"),
    "FLOAT64": (float("inf"), "@ = CAST('inf' AS FLOAT64)"),
    "BOOL": (True, "@"),
    "STRING": ("ä\n'", r"@ = 'ä\n\''"),
    "BYTES": (b"\x00\xff", "@ = b'\\x00\\xff'"),
    "DATE": (date(1, 1, 1), "@ = DATE '0001-01-01'"),
    "TIME": (time(23, 59, 59, 999999), "@ = TIME '23:59:59.999999'"),
    "DATETIME": (datetime(9999, 12, 31, 23, 59, 59, 999999), "@ = DATETIME '9999-12-31 23:59:59.999999'"),
    "TIMESTAMP": (datetime(1969, 12, 31, 23, 59, 59, 1, UTC), "@ = TIMESTAMP '1969-12-31 23:59:59.000001Z'"),
    "NUMERIC": (Decimal("-1.000000001"), "@ = NUMERIC '-1.000000001'"),
    "BIGNUMERIC": (Decimal("1e-38"), "@ = BIGNUMERIC '0.00000000000000000000000000000000000001'"),
    "JSON": ({"a": [1, None]}, "TO_JSON_STRING(@) = '{\"a\":[1,null]}'"),
    "GEOGRAPHY": ("POINT(1 2)", "ST_ASTEXT(@) = 'POINT(1 2)'"),
    "INTERVAL": (Interval(-14, 3, 1_500_000_000), "CAST(@ AS STRING) = '-1-2 3 0:0:1.500'"),
    "RANGE<DATE>": (
        {"start": date(2020, 1, 1), "end": None},
        "@ = RANGE<DATE> '[2020-01-01, UNBOUNDED)'",
    ),
    "STRUCT<a INT64, b ARRAY<STRING>>": (
        {"a": 1, "b": ["x", "y"]},
        "@.a = 1 AND ARRAY_TO_STRING(@.b, '') = 'xy'",
    ),
    "ARRAY<INT64>": ([1, 2, 3], "ARRAY_LENGTH(@) = 3"),
    "ARRAY<STRUCT<a DATE>>": ([{"a": date(2020, 1, 1)}], "@[0].a = DATE '2020-01-01'"),
}


@pytest.mark.parametrize("format", ["arrow", "proto"])
def test_values_of_every_type_arrive(bqsim: Any, format: str) -> None:
    names = {f"x{i}": (kind, *VALUES[kind]) for i, kind in enumerate(VALUES)}
    table(bqsim, ", ".join(f"{name} {kind}" for name, (kind, _, _) in names.items()))
    full = {name: value for name, (_, value, _) in names.items()}

    async def work(client: BigQueryClient) -> None:
        await client.storage_write.append(TABLE, [full, {"x0": 7}], format=format)

    clean(bqsim, work)
    checks = [f"LOGICAL_AND({condition.replace('@', name)})" for name, (_, _, condition) in names.items()]
    [found] = bqsim.client().query_and_wait(f"SELECT {', '.join(checks)} FROM {TABLE} WHERE x0 < 0")
    assert dict(zip(VALUES, found, strict=True)) == dict.fromkeys(VALUES, True)
    [empty] = bqsim.client().query_and_wait(f"SELECT x1, x17 FROM {TABLE} WHERE x0 = 7")
    assert tuple(empty) == (None, [])


def test_columns_with_any_names_arrive_as_messages(bqsim: Any) -> None:
    table(bqsim, "`größe in cm` INT64, n INT64")

    async def work(client: BigQueryClient) -> None:
        await client.storage_write.append(TABLE, [{"größe in cm": 180, "n": 1}], format="proto")

    clean(bqsim, work)
    [row] = bqsim.client().query_and_wait(f"SELECT * FROM {TABLE}")
    assert tuple(row) == (180, 1)


def test_messages_of_the_callers_own(bqsim: Any) -> None:
    table(bqsim, "n INT64")
    encoder = Encoder(Schema((Field("n", "INT64"),)))
    made = encoder.encode([{"n": n} for n in range(5)])

    async def work(client: BigQueryClient) -> None:
        async with client.storage_write.writer(TABLE, request_bytes=10) as writer:
            result = await writer.append(ProtoRows(encoder.descriptor, made.rows))
            assert (result.rows, result.requests) == (5, 3)

    clean(bqsim, work)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Field("x", "INT64"), "one"),
        (Field("x", "INT64"), 1.5),
        (Field("x", "BOOL"), 1),
        (Field("x", "STRING"), 1),
        (Field("x", "BYTES"), "text"),
        (Field("x", "DATE"), datetime(2020, 1, 1)),
        (Field("x", "TIMESTAMP"), datetime(2020, 1, 1)),
        (Field("x", "DATETIME"), datetime(2020, 1, 1, tzinfo=UTC)),
        (Field("x", "NUMERIC"), float("nan")),
        (Field("x", "INT64", "REPEATED"), 1),
        (Field("x", "STRUCT", fields=(Field("y", "INT64"),)), 1),
        (Field("x", "STRUCT", fields=(Field("y", "INT64"),)), {"z": 1}),
    ],
    ids=lambda value: f"{value.type}-{value.mode}" if isinstance(value, Field) else type(value).__name__,
)
def test_wrong_values_are_named_and_not_shown(field: Field, value: Any) -> None:
    with pytest.raises(e.UsageError, match=r"Row 1, field x") as raised:
        Encoder(Schema((field,))).encode([{}, {"x": value}])
    if isinstance(value, str):
        assert value not in str(raised.value).replace("Row 1", "")


OTHER_LAYOUTS: list[tuple[pa.Array, pa.DataType]] = [
    (pa.array(["a", None], pa.large_string()), pa.string()),
    (pa.array(["a", None], pa.string_view()), pa.string()),
    (pa.array(["a", None]).dictionary_encode(), pa.string()),
    (pa.array([b"a", None], pa.large_binary()), pa.binary()),
    (pa.array([b"ab", None], pa.binary(2)), pa.binary()),
    (pa.array([1, None], pa.timestamp("s", "Europe/Berlin")), pa.timestamp("us", "UTC")),
    (pa.array([1000, None], pa.timestamp("ns")), pa.timestamp("us")),
    (pa.array([86_400_000, None], pa.date64()), pa.date32()),
    (pa.array([1, None], pa.time32("s")), pa.time64("us")),
    (pa.array([[1], None], pa.large_list(pa.int64())), pa.list_(pa.int64())),
    (pa.array([["a"], None], pa.list_(pa.large_string())), pa.list_(pa.string())),
    (pa.array([{"a": "x"}, None], pa.struct([("a", pa.large_string())])), pa.struct([("a", pa.string())])),
    (pa.array([1, 2], pa.int32()), pa.int32()),
]


@pytest.mark.parametrize(("array", "sent"), OTHER_LAYOUTS, ids=lambda v: str(getattr(v, "type", v))[:40])
def test_other_layouts_are_changed_to_plain_ones(array: pa.Array, sent: pa.DataType) -> None:
    given = pa.record_batch({"x": array, "nothing": pa.nulls(2)})
    made = Layout(given.schema).apply(given)
    assert made.schema.names == ["x"]
    assert made.schema.field("x").type == sent == plain_type(array.type)
    assert made.column("x").null_count == array.null_count


def test_finer_instants_are_not_cut() -> None:
    given = pa.record_batch({"x": pa.array([1], pa.timestamp("ns"))})
    with pytest.raises(e.UsageError, match="Column x"):
        Layout(given.schema).apply(given)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    sizes=st.lists(st.integers(0, 3000), max_size=60),
    target=st.integers(200, 5000),
    gone=st.sets(st.integers(0, 59)),
    proto=st.booleans(),
)
def test_rows_are_cut_in_order_and_within_the_target(
    sizes: list[int], target: int, gone: set[int], proto: bool
) -> None:
    texts = [f"{i}:" + "x" * size for i, size in enumerate(sizes)]
    if proto:
        encoder = Encoder(Schema((Field("s", "STRING"),)))
        payloads = list(encoder.encode([{"s": t} for t in texts]).payloads(target, keep=True))
    else:
        batch = pa.record_batch({"s": pa.array(texts, pa.string())})
        payloads = list(ArrowCutter(batch.schema, target, keep=True).cut(batch))
    assert [p.index(i) for p in payloads for i in range(p.rows)] == list(range(len(sizes)))
    assert all(p.size <= target + 64 or p.rows == 1 for p in payloads)
    # Without some of its rows a payload is the others.
    left: list[int] = []
    for payload in payloads:
        assert payload.without is not None
        refused = frozenset(i for i in range(payload.rows) if payload.index(i) in gone)
        for smaller in payload.without(refused):
            left += [smaller.index(i) for i in range(smaller.rows)]
    assert left == [i for i in range(len(sizes)) if i not in gone]


@given(st.integers(0, 2**63 - 1))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_numbers_are_those_of_protocol_buffers(number: int) -> None:
    made = write_pb2.FlushRowsResponse.FromString(b"\x08" + varint(number))
    assert made.offset == number


def test_requests_are_the_messages_of_the_service() -> None:
    batch = pa.record_batch({"n": [1, 2]})
    [payload] = ArrowCutter(batch.schema).cut(batch)
    raw = encode(
        payload,
        stream="s",
        offset=0,
        schema=True,
        missing=Missing.of({"a": True, "b": False}),
        first=True,
    )
    request = write_pb2.AppendRowsRequest.FromString(raw)
    assert (request.write_stream, request.offset.value, request.trace_id) == ("s", 0, "bqclient")
    assert request.HasField("offset")
    assert dict(request.missing_value_interpretations) == {"a": 2, "b": 1}
    assert request.arrow_rows.rows.serialized_record_batch == batch.serialize().to_pybytes()
    assert (
        pa.ipc.read_schema(pa.py_buffer(request.arrow_rows.writer_schema.serialized_schema)) == batch.schema
    )
    later = encode(payload, stream=None, offset=2, schema=False, missing=Missing(), first=False)
    request = write_pb2.AppendRowsRequest.FromString(later)
    assert (request.write_stream, request.trace_id) == ("", "")
    assert not request.arrow_rows.HasField("writer_schema")


def test_names_of_streams() -> None:
    table_, name = split_name("projects/p/datasets/d/tables/t/streams/_default")
    assert (str(table_), name) == ("p.d.t", "_default")
    assert split_name("projects/p/datasets/d/tables/t/_default")[1] == "_default"
    with pytest.raises(e.UsageError):
        split_name("p.d.t")
    made = WriteStream.from_api(
        stream_pb2.WriteStream(name="projects/p/datasets/d/tables/t/streams/x", type=2)
    )
    assert (made.type, made.offsets, made.schema) == ("PENDING", True, None)


def test_room_never_holds_more_than_it_has() -> None:
    import asyncio

    async def work() -> None:
        room = Room(2, 100)
        await room.enter(500)
        others = [asyncio.create_task(room.enter(60)) for _ in range(3)]
        await asyncio.sleep(0)
        others[0].cancel()
        await asyncio.sleep(0)
        room.leave(500)
        await asyncio.sleep(0)
        assert [t.done() for t in others] == [True, True, False]
        room.leave(60)
        await others[2]
        room.leave(60)
        assert (room.used_requests, room.used_size) == (0, 0)

    asyncio.run(work())


def test_a_payload_knows_its_rows() -> None:
    batch = pa.record_batch({"n": [1, 2, 3]})
    [payload] = ArrowCutter(batch.schema, keep=True).cut(batch, 10)
    assert isinstance(payload, Payload)
    assert payload.without is not None
    [smaller] = payload.without(frozenset({1}))
    assert [smaller.index(i) for i in range(smaller.rows)] == [10, 12]
    assert list(payload.without(frozenset({0, 1, 2}))) == []
