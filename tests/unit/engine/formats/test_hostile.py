"""Whatever a file holds, reading it gives rows, bad records or BigQuery's kind of error."""

from __future__ import annotations

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.engine.formats import csv, ndjson, parquet
from bqsim.engine.formats.detect import detect_json
from bqsim.engine.formats.parsed import ArrowOptions
from bqsim.engine.formats.streams import plain
from bqsim.errors import BigQueryError
from bqsim.types import INT64, STRING, TypeKind, array_of, field_of, struct_of
from bqsim.types.kinds import Field

FIELDS = (
    field_of("a", INT64),
    field_of("b", STRING),
    field_of("t", Field("t", TypeKind.TIMESTAMP).type),
)
NESTED = (
    *FIELDS,
    field_of("l", array_of(struct_of(("x", INT64)))),
    field_of("j", Field("j", TypeKind.JSON).type),
)
TEXT = st.text(st.sampled_from('a1,"\n\r\t|;{}[]:\\\x00é -.'), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abtljx"), inner, max_size=3),
    max_leaves=6,
)
# Damaged gzip is told of, see below.
ANY = (st.binary(max_size=60) | TEXT.map(str.encode)).filter(lambda data: data[:2] != b"\x1f\x8b")


@settings(deadline=None)
@given(
    ANY,
    st.sampled_from([",", "|", "\t"]),
    st.sampled_from(['"', "", "'"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, 0, 1, 3]),
    st.sampled_from(["utf-8", "iso-8859-1", "utf-16-le"]),
)
def test_csv(
    data: bytes, delimiter: str, quote: str, newlines: bool, lenient: bool, skip: int | None, encoding: str
) -> None:
    options = csv.CsvOptions(
        delimiter=delimiter,
        quote=quote,
        allow_quoted_newlines=newlines,
        allow_jagged_rows=lenient,
        ignore_unknown=lenient,
        skip_leading_rows=skip,
        encoding=encoding,
    )
    parsed = csv.read_csv(data, FIELDS, options)
    assert parsed.rows.num_columns == len(FIELDS)
    fields, found = csv.detect(io.BytesIO(data), options)
    if fields:
        csv.read_csv(data, fields, found)


@settings(deadline=None)
@given(
    ANY | st.lists(JSON, max_size=4).map(lambda rows: "\n".join(map(json.dumps, rows)).encode()),
    st.booleans(),
)
def test_ndjson(data: bytes, ignore_unknown: bool) -> None:
    parsed = ndjson.read_ndjson(data, NESTED, ignore_unknown=ignore_unknown)
    assert parsed.rows.num_columns == len(NESTED)


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from("abtl"), JSON, max_size=3), min_size=1, max_size=4))
def test_detected_json_is_read(rows: list[dict[str, object]]) -> None:
    data = "\n".join(map(json.dumps, rows)).encode()
    fields = detect_json(rows)
    if fields:
        ndjson.read_ndjson(data, fields)


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 400))
def test_damaged_parquet(noise: bytes, at: int) -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), sink)
    whole = sink.getvalue()
    data = whole[:at] + noise + whole[at + len(noise) :]
    try:
        file = parquet.ParquetFile(io.BytesIO(data), ArrowOptions())
        list(file.batches(file.detect(infer_lists=True)))
    except BigQueryError as error:
        assert error.reason.name == "invalid"


@pytest.mark.parametrize("data", [b"\x1f\x8b", b"\x1f\x8b\x08", b"\x1f\x8b" + b"x" * 50])
def test_damaged_gzip(data: bytes) -> None:
    with pytest.raises(BigQueryError):
        plain(io.BytesIO(data)).read()


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999", "[1e999]", '"\\ud800"'])
def test_numbers_and_texts_out_of_range_are_bad_records(value: str) -> None:
    parsed = ndjson.read_ndjson(b'{"a":1}\n{"b":' + value.encode() + b"}\n", NESTED)
    assert parsed.rows.num_rows + len(parsed.bad) == 2


def test_deeply_nested_json_is_a_bad_record() -> None:
    line = b'{"j":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert len(ndjson.read_ndjson(line, NESTED).bad) == 1
