"""What a file gives does not depend on the way it is read: in bulk or row by row, in one block or in many."""

from __future__ import annotations

import io
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.engine.formats import csv, csv_bulk, files, ndjson
from bqsim.engine.formats.csv import CsvOptions
from bqsim.engine.formats.files import FileOptions
from bqsim.engine.formats.parsed import Parsed, together
from bqsim.engine.formats.time_formats import TimeFormats
from bqsim.types import INT64, Field, Mode, TypeKind, array_of, field_of, struct_of

KINDS = (
    TypeKind.INT64,
    TypeKind.FLOAT64,
    TypeKind.NUMERIC,
    TypeKind.BIGNUMERIC,
    TypeKind.BOOL,
    TypeKind.DATE,
    TypeKind.TIME,
    TypeKind.DATETIME,
    TypeKind.TIMESTAMP,
    TypeKind.STRING,
    TypeKind.BYTES,
)
TEXTS = st.sampled_from(
    [
        *("0", "1", "-5", "+1", " 7 ", "0x10", "0xFFFFFFFFFFFFFFFF", "9223372036854775808", "1_0", "٣", "1."),
        *(
            "1.5",
            "-0",
            ".5",
            "1e3",
            "1e400",
            "nan",
            "-inf",
            "Infinity",
            "1.0000000005",
            "1e-12",
            "9" * 40,
            "1e",
        ),
        *("true", "F", "yes", " no", "2", "2026-01-02", "2026-1-2", "0000-01-01", "0001-01-01", "9999-12-31"),
        *("10:00:00", "10:00", "10", "24:00:00", "10:00:00.1234567", "10:00:60"),
        *("2026-01-02 10:00:00", "2026-01-02T10:00", "2026-01-02 10", "2026-01-02 10:00:00.123456 UTC"),
        *("2026-01-02 10:00:00+02:00", "2026-01-02 10:00:00+02", "2026-01-02 10:00:00Z", "1700000000"),
        *(
            "2026-01-02 10:00:00 America/New_York",
            "2026/01/02 10:00:00",
            "0000-01-01 00:00:00",
            "1700000000.5",
        ),
        *("2026-01-02 10:00:00.1234567", "2026-02-30", "", " ", "a", "é", "YWI=", "NULL"),
    ]
)


def same(found: Parsed, expected: Parsed) -> None:
    # BIGNUMERIC has values of 77 digits, which Arrow keeps but does not take for valid.
    found.rows.validate(full=not any(map(pa.types.is_decimal256, found.rows.schema.types)))
    assert found.bad == expected.bad
    assert found.rows.schema == expected.rows.schema
    assert repr(found.rows.to_pylist()) == repr(expected.rows.to_pylist())


def read(
    format_: str, data: bytes, fields: tuple[Field, ...], options: CsvOptions, size: int | None = None
) -> Parsed:
    how = FileOptions(format_, csv=options, ignore_unknown=options.ignore_unknown, max_bad_records=len(data))
    return together(fields, list(files.batches(io.BytesIO(data), fields, how, size=size)))


def csv_by_row(data: bytes, fields: tuple[Field, ...], options: CsvOptions) -> Parsed:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(csv, "columns_of", lambda *_: None)
        return read("CSV", data, fields, options)


@settings(deadline=None)
@given(st.sampled_from(KINDS), st.lists(TEXTS, min_size=1, max_size=4), st.sampled_from(["", "NULL"]))
def test_csv_values(kind: TypeKind, texts: list[str], null: str) -> None:
    fields = (Field("v", kind), Field("w", TypeKind.STRING))
    options = CsvOptions(null_marker=null)
    data = "".join(f"{text},x\n" for text in texts).encode()
    by_value = []
    for text in texts:
        by_value.append(csv_by_row(f"{text},x\n".encode(), fields, options))
    found = read("CSV", data, fields, options)
    assert found.rows.to_pylist() == [row for one in by_value for row in one.rows.to_pylist()] or kind in (
        TypeKind.FLOAT64,
    )
    assert len(found.bad) == sum(len(one.bad) for one in by_value)
    same(read("CSV", data, fields, options, size=3), found)
    same(csv_by_row(data, fields, options), found)


CSV_TEXT = st.text(st.sampled_from('ab1,"\n\r|;é\x00'), max_size=40)


@settings(deadline=None, max_examples=300)
@given(
    CSV_TEXT,
    st.sampled_from([",", "|", "é"]),
    st.sampled_from(['"', "", "|"]),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2),
    st.integers(1, 20),
    st.sampled_from(["utf-8", "iso-8859-1", "utf-16-le"]),
)
def test_csv_rows(
    text: str,
    delimiter: str,
    quote: str,
    newlines: bool,
    jagged: bool,
    unknown: bool,
    control: bool,
    skip: int,
    size: int,
    encoding: str,
) -> None:
    options = CsvOptions(
        delimiter=delimiter,
        quote=quote,
        allow_quoted_newlines=newlines,
        allow_jagged_rows=jagged,
        ignore_unknown=unknown,
        control_characters=control,
        skip_leading_rows=skip,
        encoding=encoding,
    )
    fields = (Field("v", TypeKind.STRING), Field("w", TypeKind.STRING, Mode.REQUIRED))
    data = text.encode(encoding)
    expected = csv_by_row(data, fields, options)
    same(read("CSV", data, fields, options), expected)
    if not newlines or text.count(quote or "\0") == 0:
        same(read("CSV", data, fields, options, size=size), expected)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.lists(CSV_TEXT, min_size=2, max_size=2), max_size=6), st.integers(1, 20))
def test_csv_with_line_ends_in_quotes(rows: list[list[str]], size: int) -> None:
    quoted = [['"' + text.replace('"', '""') + '"' for text in row] for row in rows]
    data = "".join(",".join(row) + "\n" for row in quoted).encode()
    fields = (Field("v", TypeKind.STRING), Field("w", TypeKind.STRING))
    options = CsvOptions(allow_quoted_newlines=True)
    found = read("CSV", data, fields, options, size=size)
    same(found, csv_by_row(data, fields, options))
    assert [list(row.values()) for row in found.rows.to_pylist()] == rows
    assert not data or csv_bulk.columns_of(data, 2, options) is not None


JSON_FIELDS = (
    *(Field(kind.value, kind) for kind in KINDS),
    Field("len", TypeKind.STRING, max_length=2),
    Field("num", TypeKind.NUMERIC, precision=5, scale=2),
    Field("j", TypeKind.JSON),
    field_of("l", array_of(struct_of(("x", INT64)))),
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | TEXTS


def json_by_line(data: bytes, fields: tuple[Field, ...], options: CsvOptions) -> Parsed:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ndjson, "_read_in_bulk", lambda *_: None)
        return read("NEWLINE_DELIMITED_JSON", data, fields, options)


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(JSON_FIELDS), st.lists(SCALARS, min_size=1, max_size=4), st.integers(1, 40))
def test_json_values(field: Field, values: list[Any], size: int) -> None:
    data = "".join(json.dumps({field.name: value}) + "\n" for value in values).encode()
    expected = json_by_line(data, (field,), CsvOptions())
    same(read("NEWLINE_DELIMITED_JSON", data, (field,), CsvOptions()), expected)
    same(read("NEWLINE_DELIMITED_JSON", data, (field,), CsvOptions(), size=size), expected)


TOKENS = st.lists(
    st.sampled_from(
        [
            *(
                '{"a":1}',
                '{"A":2}',
                '{"a":1,"a":2}',
                '{"b":{"x":1}}',
                '{"b":{"X":1,"y":2}}',
                '{"l":[1,null]}',
            ),
            *("{}", "null", "[1]", "1", "\n", "\r\n", " ", "{", "}", ",", '{"l":[1,\n2]}', '{"c":"\\u0000"}'),
            *('{"c":"\\ud800"}', "\x00", '{"c":"é"}', '{"c":5}', '{"u":{"a":1}}', '{"b":{}}', '{"b":null}'),
            *('{"l":null}', "\n\n", "\ufeff", '{"c":"} null"}'),
        ]
    ),
    max_size=12,
)


@settings(deadline=None, max_examples=400)
@given(TOKENS, st.booleans(), st.booleans(), st.integers(1, 60))
def test_json_rows(tokens: list[str], each: bool, unknown: bool, size: int) -> None:
    data = ("\n" if each else "").join(tokens).encode()
    fields = (
        Field("a", TypeKind.INT64),
        field_of("b", struct_of(("x", Field("x", TypeKind.INT64).type))),
        field_of("l", array_of(Field("l", TypeKind.INT64).type)),
        Field("c", TypeKind.STRING),
    )
    options = CsvOptions(ignore_unknown=unknown)
    expected = json_by_line(data, fields, options)
    same(read("NEWLINE_DELIMITED_JSON", data, fields, options), expected)
    same(read("NEWLINE_DELIMITED_JSON", data, fields, options, size=size), expected)


@pytest.mark.parametrize("format_", ["CSV", "NEWLINE_DELIMITED_JSON"])
def test_bad_rows_deep_in_a_file_are_told_where_they_are(format_: str) -> None:
    line = b"%d,text\n" if format_ == "CSV" else b'{"a":%d,"b":"text"}\n'
    bad = b"x,text\n" if format_ == "CSV" else b'{"a":"x","b":"text"}\n'
    lines = [bad if i in (1_000, 29_999) else line % i for i in range(30_000)]
    places = [len(b"".join(lines[:i])) for i in (1_000, 29_999)]
    fields = (Field("a", TypeKind.INT64), Field("b", TypeKind.STRING))
    found = read(format_, b"".join(lines), fields, CsvOptions(formats=TimeFormats()))
    assert found.rows.num_rows == 29_998
    for message, place in zip(found.bad, places, strict=True):
        assert f"location {place} " in message or f"position {place}:" in message
