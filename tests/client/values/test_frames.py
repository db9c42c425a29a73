"""Data frames of pandas and polars."""

from __future__ import annotations

import datetime as dt
import sys
from decimal import Decimal
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from bqclient.errors import UsageError
from bqclient.models.schema import Field, Schema
from bqclient.values.arrow import batch_of_dicts, dicts_of_batch
from bqclient.values.frames import arrow_of_frame, to_pandas, to_polars
from bqclient.values.types import Interval, Range

_SCHEMA = Schema(
    (
        Field("i", "INT64"),
        Field("b", "BOOL"),
        Field("f", "FLOAT64"),
        Field("s", "STRING"),
        Field("y", "BYTES"),
        Field("d", "DATE"),
        Field("t", "TIME"),
        Field("dt", "DATETIME"),
        Field("ts", "TIMESTAMP"),
        Field("n", "NUMERIC"),
        Field("bn", "BIGNUMERIC"),
        Field("v", "INTERVAL"),
        Field("j", "JSON"),
        Field("r", "RANGE", element="DATE"),
        Field("a", "INT64", "REPEATED"),
        Field("st", "STRUCT", fields=(Field("x", "BIGNUMERIC"),)),
    )
)
_ROW: dict[str, Any] = {
    "i": (1 << 63) - 1,
    "b": True,
    "f": 1.5,
    "s": "é",
    "y": b"\0",
    "d": dt.date(1, 1, 1),
    "t": dt.time(1, 2, 3, 4),
    "dt": dt.datetime(9999, 12, 31, 23, 59, 59, 999999),
    "ts": dt.datetime(1, 1, 1, tzinfo=dt.UTC),
    "n": Decimal("1.500000001"),
    "bn": Decimal("1e-38"),
    "v": Interval(1, 2, 3000),
    "j": {"a": [1]},
    "r": Range(dt.date(2026, 1, 1)),
    "a": [1, 2],
    "st": {"x": Decimal("2.5")},
}
_NULLS = {f.name: [] if f.repeated else None for f in _SCHEMA}
_ROWS = [_ROW, _NULLS]


def _table() -> pa.Table:
    return pa.Table.from_batches([batch_of_dicts(_ROWS, _SCHEMA)])


def test_pandas_keeps_values() -> None:
    frame = to_pandas(_table(), _SCHEMA)
    assert list(frame.columns) == list(_SCHEMA.names)
    assert frame["i"].tolist()[0] == (1 << 63) - 1 and frame["i"].isna().tolist() == [False, True]
    assert (str(frame["i"].dtype), str(frame["b"].dtype)) == ("Int64", "boolean")
    assert frame["v"].tolist() == [Interval(1, 2, 3000), None]
    assert frame["r"].tolist() == [Range(dt.date(2026, 1, 1)), None]
    assert frame["n"][0] == Decimal("1.500000001") and frame["d"][0] == dt.date(1, 1, 1)
    assert frame["j"][0] == '{"a":[1]}'
    assert str(frame["ts"].dtype) == "datetime64[us, UTC]"


def test_pandas_comes_back() -> None:
    frame = to_pandas(_table(), _SCHEMA)
    frame["j"] = pd.Series([{"a": [1]}, None], dtype=object)
    found = arrow_of_frame(frame, _SCHEMA)
    assert dicts_of_batch(found, _SCHEMA) == _ROWS


def test_pandas_with_arrow_types() -> None:
    frame = to_pandas(_table().select(["i", "bn"]), arrow_types=True)
    assert frame["i"].dtype == pd.ArrowDtype(pa.int64())


def test_polars_keeps_values() -> None:
    frame = to_polars(_table(), _SCHEMA)
    assert frame["i"].to_list() == [(1 << 63) - 1, None]
    assert frame["bn"].to_list() == ["0." + "0" * 37 + "1", None]
    assert frame["v"].to_list() == ["0-1 2 0:0:0.000003", None]
    assert frame["st"].to_list()[0] == {"x": "2.50000000000000000000000000000000000000"}
    assert frame["n"].to_list() == [Decimal("1.500000001"), None]
    assert frame["ts"].dtype == pl.Datetime("us", "UTC")


def test_frames_without_a_schema() -> None:
    moments = pd.to_datetime(["2026-01-01", None])
    pandas = pd.DataFrame(
        {
            "a": [1, 2],
            "b": ["x", None],
            "c": moments,
            "d": moments.tz_localize("UTC"),
            "e": pd.to_timedelta([1, 2], unit="D"),
            "f": pd.Categorical(["x", "y"]),
            "g": [[1], []],
            "h": [Decimal("1.5"), None],
        },
        index=[5, 6],
    )
    types = {
        "a": pa.int64(),
        "b": pa.string(),
        "c": pa.timestamp("us"),
        "d": pa.timestamp("us", "UTC"),
        "e": pa.month_day_nano_interval(),
        "f": pa.string(),
        "g": pa.list_(pa.field("item", pa.int64())),
        "h": pa.decimal128(2, 1),
    }
    found = arrow_of_frame(pandas)
    assert dict(zip(found.column_names, found.schema.types, strict=True)) == types
    polars = pl.from_pandas(pandas.drop(columns=["e", "h"]))
    assert arrow_of_frame(polars).schema.types == [t for n, t in types.items() if n not in "eh"]
    assert arrow_of_frame(polars.lazy()).num_rows == 2


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        (
            pd.DataFrame({"x": [1, "a"]}, dtype=object),
            "Column x of the DataFrame holds values of no one type",
        ),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "have one name"),
        (pd.DataFrame({"x": pd.to_datetime([1, 2])}), "Column x .* does not fit"),
        ([1], "no DataFrame"),
    ],
)
def test_frames_that_cannot_be_sent(frame: Any, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        arrow_of_frame(frame)


def test_frames_are_checked_against_a_schema() -> None:
    schema = Schema((Field("x", "NUMERIC"),))
    with pytest.raises(UsageError, match="Row 1: field x: the number has more than the 9 digits"):
        arrow_of_frame(pd.DataFrame({"x": [Decimal(1), Decimal("1e-10")]}), schema)


@pytest.mark.parametrize(("name", "convert"), [("pandas", to_pandas), ("polars", to_polars)])
def test_missing_extras_are_named(monkeypatch: pytest.MonkeyPatch, name: str, convert: Any) -> None:
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"bqclient\[{name}\]"):
        convert(_table())
