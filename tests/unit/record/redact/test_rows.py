"""Row data by the policy's rules: dropped, hashed so that joins work, made up with the same form."""

from __future__ import annotations

import base64
import datetime as dt
import io
import json
import re
from decimal import Decimal
from typing import Any

import fastavro
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.codecs.wire import block, number
from bqsim.record.redact import chance
from bqsim.record.redact.policy import Policy, RowRule
from bqsim.record.redact.redactor import Redactor
from bqsim.storage.v1 import read_pb2, stream_pb2, write_pb2
from tests.unit.record.examples import EXAMPLES

from .canaries import canaries

KEY = b"a key"
SCHEMA = {
    "fields": [
        {"name": "s", "type": "STRING"},
        {"name": "n", "type": "INTEGER", "mode": "REQUIRED"},
        {"name": "d", "type": "DATE"},
        {"name": "r", "type": "RECORD", "fields": [{"name": "x", "type": "STRING"}]},
        {"name": "l", "type": "STRING", "mode": "REPEATED"},
    ]
}
ROW = {
    "f": [
        {"v": "Ann Smith"},
        {"v": "42"},
        {"v": "2020-02-29"},
        {"v": {"f": [{"v": "inner"}]}},
        {"v": [{"v": "a"}, {"v": "b"}]},
    ]
}
NULLS = {"f": [{"v": None}, {"v": "7"}, {"v": None}, {"v": None}, {"v": []}]}


def _redactor(action: str, *rules: RowRule) -> Redactor:
    return Redactor(Policy(rows=rules, rows_default=action), KEY)


def _values(row: dict[str, Any]) -> list[Any]:
    return [cell["v"] for cell in row["f"]]


def test_kept_rows_stay() -> None:
    assert _redactor("keep").rows([ROW, NULLS], SCHEMA) == [ROW, NULLS]


def test_dropped_rows_are_empty() -> None:
    made, _ = _redactor("drop").rows([ROW, NULLS], SCHEMA)
    # A required column has an empty value of its type, so that clients can read it.
    assert _values(made) == [None, "0", None, None, []]


def test_made_up_rows_have_their_form() -> None:
    made, nulls = _redactor("synthesise").rows([ROW, NULLS], SCHEMA)
    s, n, d, r, items = _values(made)
    assert re.fullmatch(r"[A-Z][a-z]{2} [A-Z][a-z]{4}", s) and s != "Ann Smith"
    assert re.fullmatch(r"[1-9]\d", n) and dt.date.fromisoformat(d)
    assert re.fullmatch(r"[a-z]{5}", r["f"][0]["v"]) and [len(i["v"]) for i in items] == [1, 1]
    assert [v is None for v in _values(nulls)] == [True, False, True, True, False]
    assert _redactor("synthesise").rows([ROW], SCHEMA) == [made]


def test_hashes_join() -> None:
    redactor = _redactor("hash")
    (row,) = redactor.rows([ROW], SCHEMA)
    schema = [{"name": "person", "type": "STRING"}, {"name": "id", "type": "INT64"}]
    (other,) = redactor.dicts([{"person": "Ann Smith", "id": 42}], schema)
    batch = redactor.batch(pa.record_batch({"p": ["Ann Smith"], "n": [42], "d": [dt.date(2020, 2, 29)]}))
    assert _values(row)[0] == other["person"] == batch.column(0)[0].as_py() != "Ann Smith"
    assert int(_values(row)[1]) == other["id"] == batch.column(1)[0].as_py() != 42
    assert _values(row)[2] == batch.column(2)[0].as_py().isoformat()
    again = Redactor(Policy(rows_default="hash"), b"another").rows([ROW], SCHEMA)[0]
    assert _values(again)[0] != _values(row)[0]


def test_rules_choose_columns_of_tables() -> None:
    redactor = _redactor(
        "keep", RowRule("drop", "*.crm.*", "s"), RowRule("hash", column="r.x"), RowRule("drop", type="DATE")
    )
    (crm,) = redactor.rows([ROW], SCHEMA, table="p.crm.people")
    (shop,) = redactor.rows([ROW], SCHEMA, table="p.shop.people")
    assert _values(crm)[0] is None and _values(shop)[0] == "Ann Smith"
    assert _values(crm)[2] is None and len(_values(crm)[3]["f"][0]["v"]) == 32


def test_rows_without_a_schema_get_the_strictest_rule() -> None:
    redactor = _redactor("keep", RowRule("drop", column="s"))
    body = json.dumps({"rows": [ROW], "totalRows": "1"}).encode()
    assert b"Ann" not in redactor.content(body, "application/json")
    with_schema = json.loads(redactor.content(json.dumps({"schema": SCHEMA, "rows": [ROW]}).encode()))
    assert _values(with_schema["rows"][0])[:2] == [None, "42"]


def test_uploaded_rows() -> None:
    redactor = _redactor("keep", RowRule("synthesise", column="s"), RowRule("drop", column="n"))
    made = redactor.content(b'{"s": "Ann", "n": 1, "o": 2}\n', "application/x-ndjson")
    assert json.loads(made)["n"] is None and json.loads(made)["o"] == 2 and b"Ann" not in made
    csv = redactor.content(b"s,n,o\nAnn,1,2\n", "text/csv").decode()
    assert re.fullmatch(r"s,n,o\n[A-Z][a-z]{2},,2\n", csv) and "Ann" not in csv
    sent = redactor.content(b'{"rows": [{"insertId": "i", "json": {"s": "Ann"}}]}')
    assert json.loads(sent)["rows"][0]["insertId"] == "i" and b"Ann" not in sent


def test_secret_columns() -> None:
    schema = {"fields": [{"name": "password", "type": "STRING"}, {"name": "otp", "type": "INTEGER"}]}
    (made,) = Redactor().rows([{"f": [{"v": "hunter2"}, {"v": "123456"}]}], schema)
    assert _values(made) == ["redacted-secret-field", "0"]
    batch = Redactor().batch(pa.record_batch({"password": ["hunter2", None], "otp": [123456, 1]}))
    assert batch.to_pydict() == {"password": ["redacted-secret-field", None], "otp": [0, 0]}


def test_arrow_columns_of_every_type() -> None:
    now = dt.datetime(2024, 5, 6, 7, 8, 9, 123456)
    batch = pa.record_batch(
        {
            "s": pa.array(["x", None]),
            "i": pa.array([5, None], pa.int64()),
            "small": pa.array([5, None], pa.int16()),
            "f": pa.array([1.5, None]),
            "b": pa.array([True, None]),
            "y": pa.array([b"abc", None]),
            "d": pa.array([now.date(), None]),
            "t": pa.array([now.time(), None], pa.time64("us")),
            "ts": pa.array([now.replace(tzinfo=dt.UTC), None], pa.timestamp("us", "UTC")),
            "dt": pa.array([now, None], pa.timestamp("us")),
            "n": pa.array([Decimal("1.50"), None], pa.decimal128(38, 9)),
            "l": pa.array([["a", "b"], []], pa.list_(pa.string())),
            "r": pa.array([{"x": "a"}, None], pa.struct([("x", pa.string())])),
        }
    )
    for action in ("hash", "synthesise"):
        made = _redactor(action).batch(batch)
        assert made.schema == batch.schema and made.num_rows == 2
        assert [c.null_count for c in made.columns] == [c.null_count for c in batch.columns]
        assert made.equals(_redactor(action).batch(batch)) and not made.equals(batch)
        assert [len(v) for v in made.column("l").to_pylist()] == [2, 0]
    dropped = _redactor("drop").batch(batch)
    assert [c.null_count for c in dropped.columns if not pa.types.is_list(c.type)] == [2] * 12
    assert _redactor("keep").batch(batch).equals(batch)


TEXTS = st.text(min_size=1, max_size=12)


@EXAMPLES
@given(st.sets(TEXTS, max_size=20))
def test_made_up_texts_are_as_many_and_as_long(texts: set[str]) -> None:
    made = {text: chance.text_like(KEY, text) for text in texts}
    assert len(set(made.values())) == len(texts)
    for text, other in made.items():
        assert len(other) == len(text)
        assert [c.isdigit() for c in text if c < "\x80"] == [c.isdigit() for c in other if c < "\x80"]


@EXAMPLES
@given(st.sets(st.integers(-(2**63), 2**63 - 1), max_size=20))
def test_numbers_stay_different(numbers: set[int]) -> None:
    hashed = [chance.int_hash(KEY, n) for n in numbers]
    assert len(set(hashed)) == len(numbers) and all(-(2**63) <= n < 2**63 for n in hashed)
    digits = {str(abs(n)) for n in numbers if n != -(2**63)}
    made = {text: chance.digits_like(KEY, text) for text in digits}
    assert len(set(made.values())) == len(digits)
    assert all(len(a) == len(b) and int(b) < 2**63 for a, b in made.items())


@EXAMPLES
@given(st.dates(), st.integers(0, 86_400_000_000 - 1))
def test_times_stay_in_their_span(day: dt.date, us: int) -> None:
    made = dt.date.fromordinal(chance.day_like(KEY, day.toordinal()))
    assert (1900 <= made.year < 2100) == (1900 <= day.year < 2100)
    assert 0 <= chance.time_like(KEY, us) < 86_400_000_000
    assert chance.time_like(KEY, us // 1_000_000 * 1_000_000) % 1_000_000 == 0


@EXAMPLES
@given(st.integers(1, 300), st.data())
def test_permutations_are_permutations(size: int, data: st.DataObject) -> None:
    assert sorted(chance.permuted(KEY, n, size, "x") for n in range(size)) == list(range(size))


@pytest.mark.parametrize(
    ("type_", "value"),
    [
        ("STRING", "x"),
        ("BYTES", base64.b64encode(b"abcdef").decode()),
        ("INTEGER", "-17"),
        ("FLOAT", "1.25"),
        ("NUMERIC", "12.50"),
        ("BOOLEAN", "true"),
        ("DATE", "2020-02-29"),
        ("TIME", "12:34:56.789"),
        ("DATETIME", "2020-02-29T12:34:56"),
        ("TIMESTAMP", "1.582979696E9"),
        ("TIMESTAMP", "1582979696000000"),
        ("TIMESTAMP", "2020-02-29 12:34:56 UTC"),
        ("GEOGRAPHY", "POINT(1.25 -2.5)"),
        ("JSON", '{"a":[1,"b",null]}'),
        ("RANGE", "[2020-01-01, 2020-02-01)"),
        ("INTERVAL", "1-2 3 4:5:6"),
    ],
)
@pytest.mark.parametrize("action", ["hash", "synthesise"])
def test_values_keep_their_type(type_: str, value: str, action: str) -> None:
    redactor = _redactor(action)
    schema = [{"name": "c", "type": type_}]
    (made,) = redactor.rows([{"f": [{"v": value}]}], schema)
    text = made["f"][0]["v"]
    assert isinstance(text, str)
    assert redactor.rows([{"f": [{"v": value}]}], schema) == [made]
    if type_ in ("DATE", "DATETIME", "RANGE") or (type_ == "TIMESTAMP" and "UTC" in value):
        assert re.sub(r"\d", "0", text) == re.sub(r"\d", "0", value)
    elif type_ in ("INTEGER", "FLOAT", "NUMERIC", "TIMESTAMP"):
        float(text)
    elif type_ == "JSON":
        assert list(json.loads(text)) == ["a"]


# --- the Storage API


def _session(redactor: Redactor, name: str, **schema: bytes | str) -> None:
    session = stream_pb2.ReadSession(name=name, table="projects/p/datasets/crm/tables/people")
    if "arrow" in schema:
        session.arrow_schema.serialized_schema = schema["arrow"]  # type: ignore[assignment]
    else:
        session.avro_schema.schema = schema["avro"]  # type: ignore[assignment]
    call = redactor.grpc("google.cloud.bigquery.storage.v1.BigQueryRead.CreateReadSession")
    data = session.SerializeToString()
    assert call.received(data) == data


def _read(redactor: Redactor, name: str, answer: read_pb2.ReadRowsResponse) -> read_pb2.ReadRowsResponse:
    call = redactor.grpc("google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows")
    call.sent(read_pb2.ReadRowsRequest(read_stream=f"{name}/streams/0").SerializeToString())
    return read_pb2.ReadRowsResponse.FromString(call.received(answer.SerializeToString()))


@pytest.mark.parametrize("packed", [False, True])
def test_rows_that_are_read_as_arrow(packed: bool) -> None:
    token = canaries()["github token"][1]
    redactor = _redactor("keep", RowRule("drop", "*.crm.*", "n"))
    batch = pa.record_batch({"s": [token, "plain"], "n": [1, 2]})
    _session(redactor, "s1", arrow=batch.schema.serialize().to_pybytes())
    data = batch.serialize().to_pybytes()
    answer = read_pb2.ReadRowsResponse(row_count=2)
    answer.arrow_record_batch.serialized_record_batch = data
    if packed:
        answer.arrow_record_batch.serialized_record_batch = pa.Codec("lz4_raw").compress(data, asbytes=True)
        answer.uncompressed_byte_size = len(data)
    made = _read(redactor, "s1", answer)
    rows = made.arrow_record_batch.serialized_record_batch
    if packed:
        rows = pa.Codec("lz4_raw").decompress(rows, made.uncompressed_byte_size, asbytes=True)
    told = pa.ipc.read_record_batch(pa.py_buffer(rows), batch.schema)
    assert told.to_pydict() == {"s": ["redacted-github-token", "plain"], "n": [None, None]}


def test_rows_that_are_read_as_avro() -> None:
    schema = {"type": "record", "name": "r", "fields": [{"name": "s", "type": ["null", "string"]}]}
    out = io.BytesIO()
    for text in (canaries()["e-mail"][1], "plain"):
        fastavro.schemaless_writer(out, fastavro.parse_schema(schema), {"s": text})
    redactor = Redactor()
    _session(redactor, "s2", avro=json.dumps(schema))
    answer = read_pb2.ReadRowsResponse(row_count=2)
    answer.avro_rows.serialized_binary_rows = out.getvalue()
    source = io.BytesIO(_read(redactor, "s2", answer).avro_rows.serialized_binary_rows)
    rows = [fastavro.schemaless_reader(source, fastavro.parse_schema(schema), None)["s"] for _ in range(2)]
    assert rows[0].endswith("@redacted.example") and rows[1] == "plain"


def test_rows_that_are_appended() -> None:
    redactor = _redactor("keep", RowRule("drop", "*.crm.*", "n"), RowRule("synthesise", column="r.x"))
    request = write_pb2.AppendRowsRequest(
        write_stream="projects/p/datasets/crm/tables/people/streams/_default", trace_id="x"
    )
    descriptor = request.proto_rows.writer_schema.proto_descriptor
    descriptor.name = "Row"
    descriptor.field.add(name="s", number=1, type=9, label=1)
    descriptor.field.add(name="n", number=2, type=3, label=1)
    inner = descriptor.nested_type.add(name="R")
    inner.field.add(name="x", number=1, type=9, label=1)
    descriptor.field.add(name="r", number=3, type=11, label=1, type_name="R")
    token = canaries()["aws key"][1].encode()
    row = block(1, token) + number(2, 5) + block(3, block(1, b"Ann"))
    request.proto_rows.rows.serialized_rows.append(row)
    call = redactor.grpc("google.cloud.bigquery.storage.v1.BigQueryWrite.AppendRows")
    first = write_pb2.AppendRowsRequest.FromString(call.sent(request.SerializeToString()))
    (made,) = first.proto_rows.rows.serialized_rows
    assert token not in made and b"redacted-aws-access-key" in made and b"Ann" not in made
    assert number(2, 5) not in made
    # Later messages tell neither schema nor stream again.
    later = write_pb2.AppendRowsRequest()
    later.proto_rows.rows.serialized_rows.append(row)
    again = write_pb2.AppendRowsRequest.FromString(call.sent(later.SerializeToString()))
    assert list(again.proto_rows.rows.serialized_rows) == [made]


def test_messages_without_secrets_stay_byte_for_byte() -> None:
    data = write_pb2.CreateWriteStreamRequest(parent="projects/p/datasets/d/tables/t").SerializeToString()
    call = Redactor().grpc("google.cloud.bigquery.storage.v1.BigQueryWrite.CreateWriteStream")
    assert call.sent(data) == data
    assert Redactor().grpc("some.other.Method").sent(b"\xff\x00garbage") == b"\xff\x00garbage"
