"""Reviewers see what blobs hold, in a few lines."""

from __future__ import annotations

import gzip
import io

import fastavro
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.record.cassette.preview import MOST_LINES, preview
from tests.unit.record.examples import EXAMPLES

from .conftest import AVRO, rows_arrow, rows_json, rows_ndjson


def _parquet() -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table({"n": [1, 2], "s": ["a", None]}), out)
    return out.getvalue()


def _avro() -> bytes:
    out = io.BytesIO()
    fastavro.writer(out, AVRO, [{"n": 1, "s": "a"}, {"n": 2, "s": "b"}])
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "media", "lines"),
    [
        (rows_arrow(2), "", ["Arrow, 2 rows: n int64, s string", '[0, "name 0"]', '[1, "name 1"]']),
        (_parquet(), "", ["Parquet, 2 rows: n int64, s string", '[1, "a"]', "[2, null]"]),
        (_avro(), "", ["Avro, 2 rows: n, s", '[1, "a"]', '[2, "b"]']),
        (rows_json(1), "application/json", ["JSON, 1 item", '["0", "name 0"]']),
        (rows_ndjson(2), "", ["NDJSON, 2 rows", '{"n": 0}', '{"n": 1}']),
        (b'{"kind": "x", "rows": [{"f": [{"v": null}]}]}', "", ["JSON with kind; 1 rows", "[null]"]),
        (b'{"a": {"b": 1}}', "", ["JSON", 'a: {"b": 1}']),
        (b"a,b\n1,2\n", "text/csv", ["CSV, 2 lines", "a,b", "1,2"]),
        (b"hello\tyou", "", ["text, 1 line", "hello\N{REPLACEMENT CHARACTER}you"]),
        (b"", "", ["empty"]),
    ],
    ids=["arrow", "parquet", "avro", "json", "ndjson", "answer", "object", "csv", "text", "empty"],
)
def test_forms(data: bytes, media: str, lines: list[str]) -> None:
    assert preview(data, media) == lines


def test_compressed_data_is_opened() -> None:
    title, *rest = preview(gzip.compress(b'{"a": 1}', mtime=0))
    assert title.startswith("gzip, ") and title.endswith(" bytes, of 8:")
    assert rest == ["JSON", "a: 1"]


def test_many_rows_and_long_lines_are_cut() -> None:
    for data in (rows_json(500), rows_arrow(500), rows_ndjson(500), b"x,y\n" * 500):
        shown = preview(data)
        assert len(shown) == MOST_LINES and "490 more" in shown[-1]
    assert max(map(len, preview(b"x" * 10_000))) == 110


def test_bytes_are_shown_as_bytes() -> None:
    assert preview(b"\x00\x01ab")[:2] == ["4 bytes", f"0000  {'00 01 61 62':<47}  ..ab"]


@EXAMPLES
@given(
    st.binary(max_size=200),
    st.sampled_from(
        [b"", b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"Obj\x01", b"\xff\xff\xff\xff", b"ARROW1", b"{"]
    ),
)
def test_garbage_is_shown_too(data: bytes, sign: bytes) -> None:
    assert 1 <= len(preview(sign + data)) <= MOST_LINES
