"""Rows and the REST API's JSON."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from typing import Any

import pytest

from bqclient.errors import BigQueryError
from bqclient.models.schema import Field, Schema
from bqclient.values.rows import arrow_of_json, rows_of_arrow, rows_of_json

_SCHEMA = Schema((Field("Id", "INT64"), Field("name", "STRING")))
_ROWS = [{"f": [{"v": "1"}, {"v": "a"}]}, {"f": [{"v": None}, {"v": "b"}]}]
_MOMENT = dt.datetime(2020, 1, 1, 0, 0, 0, 250_000, tzinfo=dt.UTC)


def test_a_row_goes_by_place_and_by_name() -> None:
    row, other = rows_of_json(_ROWS, _SCHEMA)
    assert (row[0], row["Id"], row["ID"], row.name, row[-1]) == (1, 1, 1, "a", "a")
    assert row == (1, "a") and row[:1] == (1,) and list(row) == [1, "a"]
    assert dict(row) == row.as_dict() == {"Id": 1, "name": "a"}
    assert list(row.items()) == [("Id", 1), ("name", "a")]
    assert list(row.keys()) == ["Id", "name"] and list(row.values()) == [1, "a"]
    assert (row.get("name"), row.get("x"), row.get("x", 3)) == ("a", None, 3)
    assert row != other and len({row, copy.copy(row)}) == 1
    assert repr(row) == "Row(Id=1, name='a')"
    with pytest.raises(KeyError):
        row["x"]
    with pytest.raises(AttributeError, match="no column x"):
        row.x  # noqa: B018


def test_rows_are_pickled() -> None:
    row = rows_of_json(_ROWS, _SCHEMA)[0]
    again = pickle.loads(pickle.dumps(row))
    assert again == row and again["name"] == "a"


def test_no_rows_and_no_columns() -> None:
    assert rows_of_json([], _SCHEMA) == []
    assert rows_of_json([{"f": []}, {"f": []}], Schema()) == [(), ()]
    assert arrow_of_json([], _SCHEMA).num_rows == 0
    assert arrow_of_json([{"f": []}], Schema()).num_columns == 0


@pytest.mark.parametrize(
    ("cells", "kind", "expected"),
    [
        (["1577836800250000"], "TIMESTAMP", [_MOMENT]),
        (["1.57783680025E9"], "TIMESTAMP", [_MOMENT]),
        (["2020-01-01T00:00:00.250Z", None], "TIMESTAMP", [_MOMENT, None]),
        (["2020-01-01 00:00:00.25 UTC"], "TIMESTAMP", [_MOMENT]),
        (["2020-01-01T00:00:00.250000000000Z"], "TIMESTAMP", [_MOMENT]),
        (["NaN", "Infinity", "-Infinity", "1.5E10"], "FLOAT64", None),
        (["true", "false", None], "BOOL", [True, False, None]),
        (
            ["", "AA==", "AAE=", "AAEC", None, "////"],
            "BYTES",
            [b"", b"\0", b"\0\1", b"\0\1\2", None, b"\xff" * 3],
        ),
        (["12:34:56.5", "12:34:56", None], "TIME", [dt.time(12, 34, 56, 500_000), dt.time(12, 34, 56), None]),
        (["-1-0 0 0:0:0", None, "-1-0 0 0:0:0"], "INTERVAL", None),
    ],
)
def test_forms_of_values(cells: list[Any], kind: str, expected: Any) -> None:
    schema = Schema((Field("x", kind),))
    rows = [{"f": [{"v": cell}]} for cell in cells]
    found = rows_of_json(rows, schema)
    of_arrow = rows_of_arrow(arrow_of_json(rows, schema), schema)
    assert repr(found) == repr(of_arrow)
    if expected is not None:
        assert [row[0] for row in found] == expected


def test_picoseconds_stay_text() -> None:
    text = "2020-01-01T00:00:00.123456789012Z"
    schema = Schema((Field("x", "TIMESTAMP"),))
    assert rows_of_json([{"f": [{"v": text}]}], schema)[0][0] == text
    table = arrow_of_json([{"f": [{"v": text}]}], schema)
    assert table.column(0)[0].as_py() == dt.datetime(2020, 1, 1, 0, 0, 0, 123_456, tzinfo=dt.UTC)


_WRONG = [
    ("INT64", "x1"),
    ("FLOAT64", "x1"),
    ("BOOL", "x1"),
    ("BYTES", "x1"),
    ("DATE", "x1"),
    ("TIME", "x1"),
    ("DATETIME", "x1"),
    ("TIMESTAMP", "x1"),
    ("NUMERIC", "x1"),
    ("INTERVAL", "x1"),
    ("RANGE", "x1"),
    ("RANGE", "[x1, UNBOUNDED)"),
]


@pytest.mark.parametrize(("kind", "cell"), _WRONG)
@pytest.mark.parametrize("read", [rows_of_json, arrow_of_json])
def test_an_answer_that_is_not_what_it_says(kind: str, cell: str, read: Any) -> None:
    schema = Schema((Field("secret_free", kind, element="DATE"),))
    with pytest.raises(BigQueryError) as raised:
        read([{"f": [{"v": cell}]}], schema)
    # The column is named, the value is not.
    assert "x1" not in str(raised.value)
    assert "secret_free" in str(raised.value)


def test_rows_of_other_columns() -> None:
    with pytest.raises(BigQueryError, match="columns of its schema"):
        rows_of_json([{"f": [{"v": "1"}]}], _SCHEMA)
    with pytest.raises(BigQueryError, match="columns of its schema"):
        arrow_of_json([{"f": [{"v": "1"}]}], _SCHEMA)
