from __future__ import annotations

import csv
import gzip
import io
import json
import random
from typing import Any

import pyarrow as pa
import pytest

from bqsim.engine.formats.writing import WRITERS, WriteOptions, check_writable, write_file
from bqsim.errors import BigQueryError
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.values import table_from_rows

FIELDS = (Field("i", TypeKind.INT64), Field("s", TypeKind.STRING), Field("f", TypeKind.FLOAT64))


def _rows(count: int) -> list[list[Any]]:
    draw = random.Random(7)
    texts = ["", "a", 'q"uote', "c,omma", "l\nine", "<&>", "ü", None]
    return [[draw.randrange(100) or None, draw.choice(texts), draw.random()] for _ in range(count)]


def _written(format_: str, fields: tuple[Field, ...], rows: pa.Table, **options: Any) -> bytes:
    sink = io.BytesIO()
    write_file(format_, fields, rows, sink, WriteOptions(**options))
    return sink.getvalue()


@pytest.mark.parametrize("count", [0, 1, 70_000])
def test_csv_is_what_others_read(count: int) -> None:
    rows = _rows(count)
    data = _written("CSV", FIELDS, table_from_rows(FIELDS, rows)).decode()
    read = list(csv.reader(io.StringIO(data, newline="")))
    assert read[0] == ["i", "s", "f"]
    assert [[r[0], r[1]] for r in read[1:]] == [["" if v is None else str(v) for v in r[:2]] for r in rows]


@pytest.mark.parametrize("count", [0, 1, 70_000])
def test_json_is_what_others_read(count: int) -> None:
    rows = _rows(count)
    data = _written("JSON", FIELDS, table_from_rows(FIELDS, rows)).decode()
    read = [json.loads(line) for line in data.splitlines()]
    named = [dict(zip("isf", r, strict=True)) for r in rows]
    assert read == [{k: str(v) if k == "i" else v for k, v in row.items() if v is not None} for row in named]


def test_json_of_rows_that_are_null() -> None:
    inner = (Field("a", TypeKind.INT64), Field("b", TypeKind.STRING))
    fields = (Field("r", TypeKind.STRUCT, fields=inner), Field("l", TypeKind.INT64, Mode.REPEATED))
    rows = table_from_rows(fields, [[None, []], [[None, None], [1]], [[1, "x"], []]])
    assert _written("JSON", fields, rows).decode().splitlines() == [
        '{"l":[]}',
        '{"r":{},"l":["1"]}',
        '{"r":{"a":"1","b":"x"},"l":[]}',
    ]


@pytest.mark.parametrize("format_", ["CSV", "JSON"])
def test_gzip(format_: str) -> None:
    rows = table_from_rows(FIELDS, _rows(10))
    packed = _written(format_, FIELDS, rows, compression="GZIP")
    assert gzip.decompress(packed) == _written(format_, FIELDS, rows)


@pytest.mark.parametrize(
    ("format_", "compression"),
    [(f, c) for f, (_, kinds) in sorted(WRITERS.items()) for c in ("NONE", *sorted(kinds))],
)
def test_every_compression_can_be_read(format_: str, compression: str) -> None:
    from bqsim.engine.formats.files import FileOptions, batches

    rows = table_from_rows(FIELDS, [[1, "x", 1.5], [2, None, None]])
    data = _written(format_, FIELDS, rows, compression=compression, header=False)
    source = {"JSON": "NEWLINE_DELIMITED_JSON"}.get(format_, format_)
    (read,) = batches(io.BytesIO(data), FIELDS, FileOptions(source))
    assert read.rows.to_pylist() == rows.to_pylist()


def test_what_csv_cannot_hold() -> None:
    for field in (Field("a", TypeKind.INT64, Mode.REPEATED), Field("a", TypeKind.STRUCT)):
        with pytest.raises(BigQueryError):
            check_writable("CSV", [field])
        check_writable("JSON", [field])
