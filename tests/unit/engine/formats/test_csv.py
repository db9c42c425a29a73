from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.engine.formats.csv import CsvOptions, detect, read_csv
from bqsim.errors import BigQueryError
from bqsim.types import INT64, STRING, Field, Mode, TypeKind, field_of

pytestmark = pytest.mark.fidelity("load:CSV", "exact")

FIELDS = (field_of("id", INT64), field_of("name", STRING))
OPTIONS = CsvOptions(delimiter=",")


def rows(data: str | bytes, fields: tuple[Field, ...] = FIELDS, **options: Any) -> list[tuple[Any, ...]]:
    parsed = read_csv(data if isinstance(data, bytes) else data.encode(), fields, replace(OPTIONS, **options))
    assert parsed.bad == []
    return [tuple(r.values()) for r in parsed.rows.to_pylist()]


def bad(data: str, fields: tuple[Field, ...] = FIELDS, **options: Any) -> list[str]:
    return read_csv(data.encode(), fields, replace(OPTIONS, **options)).bad


def test_values_go_to_fields_by_position() -> None:
    assert rows("1,a\n2,b\n") == [(1, "a"), (2, "b")]


def test_an_empty_value_is_null_and_a_quoted_one_is_a_text() -> None:
    assert rows('1,\n,""\n') == [(1, None), (None, "")]


def test_null_marker() -> None:
    assert rows('\\N,\\N\n1,"\\N"\n', null_marker="\\N") == [(None, None), (1, "\\N")]


def test_leading_rows_are_skipped() -> None:
    assert rows("id,name\nx,y\n1,a\n", skip_leading_rows=2) == [(1, "a")]


def test_delimiter_and_quote() -> None:
    assert rows("1|'a|b'\n", delimiter="|", quote="'") == [(1, "a|b")]
    assert rows('1,"a\n', quote="") == [(1, '"a')]


def test_doubled_quotes() -> None:
    assert rows('1,"a ""b"""\n') == [(1, 'a "b"')]


def test_newlines_in_quotes_when_allowed() -> None:
    assert rows('1,"a\nb"\n2,c\n', allow_quoted_newlines=True) == [(1, "a\nb"), (2, "c")]


def test_latin_1() -> None:
    assert rows("1,é\n".encode("iso-8859-1"), encoding="iso-8859-1") == [(1, "é")]


def test_a_bad_value_names_its_field_and_place() -> None:
    assert bad("1,a\nx,b\n") == [
        "Could not parse 'x' as INT64 for field id (position 0) starting at location 4 with message "
        "'Unable to parse'"
    ]


def test_bad_rows_are_left_out_and_the_others_kept() -> None:
    parsed = read_csv(b"1,a\nx,b\n3,c\n", FIELDS, OPTIONS)
    assert parsed.rows.column(0).to_pylist() == [1, 3]


def test_quotes_row_by_row() -> None:
    long = "x" * 200_000
    data = f'bad,row\n1,"a,""b"""\n2,""\n3,\n4,"{long}"\n6,a"b\n7,"open\n'
    parsed = read_csv(data.encode(), FIELDS, OPTIONS)
    assert parsed.bad[1:] == [
        "Error detected while parsing row starting at position: 200039. Error: Missing close quote character "
        '(").'
    ]
    assert parsed.rows.column(1).to_pylist() == ['a,"b"', "", None, long, 'a"b']


def test_missing_columns() -> None:
    assert bad("1,a\n2\n") == [
        "CSV table references column position 1, but line starting at position:4 contains only 1 columns."
    ]
    assert rows("1,a\n2\n", allow_jagged_rows=True) == [(1, "a"), (2, None)]


def test_too_many_columns() -> None:
    assert bad("1,a,x\n") == [
        "Too many values in row starting at position: 0. Found 3 column(s) while expected 2."
    ]
    assert rows("1,a,x\n2,b\n", ignore_unknown=True) == [(1, "a"), (2, "b")]


def test_a_required_column_must_have_values() -> None:
    fields = (replace(FIELDS[0], mode=Mode.REQUIRED), FIELDS[1])
    assert len(bad("1,a\n,b\n", fields)) == 1


def test_nested_fields_are_refused() -> None:
    with pytest.raises(BigQueryError, match="not supported by the CSV format"):
        read_csv(b"1\n", (Field("a", TypeKind.INT64, Mode.REPEATED),), OPTIONS)


def test_an_empty_file_has_no_rows() -> None:
    assert rows("") == []


CASES = [
    (TypeKind.FLOAT64, "1e3", 1000.0),
    (TypeKind.FLOAT64, "-inf", float("-inf")),
    (TypeKind.BOOL, "TRUE", True),
    (TypeKind.BOOL, "0", False),
    (TypeKind.NUMERIC, "1.0000000005", Decimal("1.000000001")),
    (TypeKind.BIGNUMERIC, "123.456", Decimal("123.456")),
    (TypeKind.DATE, "2026-01-02", date(2026, 1, 2)),
    (TypeKind.DATE, "2026-1-2", date(2026, 1, 2)),
    (TypeKind.BYTES, "YWI=", b"ab"),
    (TypeKind.JSON, '"{""b"": 1, ""a"": 2}"', '{"a":2,"b":1}'),
]


@pytest.mark.parametrize(("kind", "text", "value"), CASES)
def test_types(kind: TypeKind, text: str, value: object) -> None:
    assert rows(f"{text}\n", (Field("v", kind),)) == [(value,)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2026-01-02 03:04:05", "2026-01-02 03:04:05+00:00"),
        ("2026-01-02 03:04:05.5 UTC", "2026-01-02 03:04:05.500000+00:00"),
        ("2026-01-02T03:04:05Z", "2026-01-02 03:04:05+00:00"),
        ("2026-01-02 03:04:05+02:00", "2026-01-02 01:04:05+00:00"),
    ],
)
def test_timestamps(text: str, shown: str) -> None:
    assert [str(v) for (v,) in rows(f"{text}\n", (Field("v", TypeKind.TIMESTAMP),))] == [shown]


def test_mixed_forms_of_one_column() -> None:
    found = rows(
        "2026-01-02\n2026-1-3\n\n",
        (Field("v", TypeKind.DATE), Field("w", TypeKind.STRING)),
        allow_jagged_rows=True,
    )
    assert [v for v, _ in found] == [date(2026, 1, 2), date(2026, 1, 3)]


PLAIN = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\x00\ufeff", exclude_categories=["Cs"]), max_size=8
)


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), PLAIN), min_size=1, max_size=8))
def test_what_is_written_is_read(values: list[tuple[int, str]]) -> None:
    data = "".join(f'{n},"{t.replace(chr(34), chr(34) * 2)}"\n' for n, t in values)
    assert rows(data) == values


# -- detection


def detected(data: str, **options: Any) -> tuple[list[tuple[str, str]], int | None, str | None]:
    fields, found = detect(io.BytesIO(data.encode()), CsvOptions(**options))
    return [(f.name, f.kind.value) for f in fields], found.skip_leading_rows, found.delimiter


def test_a_header_is_found_when_data_is_not_all_text() -> None:
    assert detected("id,name\n1,a\n") == ([("id", "INT64"), ("name", "STRING")], 1, ",")


def test_all_text_has_no_header() -> None:
    fields, skip, _ = detected("id,name\nx,y\n")
    assert (fields, skip) == ([("string_field_0", "STRING"), ("string_field_1", "STRING")], 0)


def test_given_leading_rows_name_the_columns() -> None:
    assert detected("x\nid,name\na,b\n", skip_leading_rows=2)[:2] == (
        [("id", "STRING"), ("name", "STRING")],
        2,
    )


@pytest.mark.parametrize("delimiter", [",", "|", "\t"])
def test_delimiters_are_found(delimiter: str) -> None:
    data = f"a{delimiter}b\n1{delimiter}2\n"
    assert detected(data)[2] == delimiter


def test_kinds() -> None:
    header = "i,f,b,d,t,s,n\n"
    fields, _, _ = detected(
        header
        + "1,1.5,true,2026-01-01,2026-01-01 00:00:00,x,\n2,2,false,2026-01-02,2026-01-02 00:00:00 UTC,y,\n"
    )
    assert [k for _, k in fields] == ["INT64", "FLOAT64", "BOOL", "DATE", "TIMESTAMP", "STRING", "STRING"]


def test_header_texts_become_column_names() -> None:
    fields, _, _ = detected("my col,2nd,my_col\n1,2,3\n")
    assert [n for n, _ in fields] == ["my_col", "_2nd", "my_col_1"]
