"""Parameters of queries."""

from __future__ import annotations

import collections
import datetime as dt
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pytest

from bqclient import BigQueryClient
from bqclient.errors import UsageError
from bqclient.models.schema import Schema
from bqclient.values.parameters import Parameter, query_parameters
from bqclient.values.rows import rows_of_json
from bqclient.values.types import Geography, Interval, Json, Range
from tests.client.running import run

_ZONE = dt.timezone(dt.timedelta(hours=2))
_Pair = collections.namedtuple("_Pair", "a b")


def _type(value: Any) -> str:
    mode, found = query_parameters([value])
    assert mode == "POSITIONAL"
    return _spelled(found[0]["parameterType"])


def _spelled(type_: dict[str, Any]) -> str:
    if type_["type"] == "ARRAY":
        return f"ARRAY<{_spelled(type_['arrayType'])}>"
    if type_["type"] == "RANGE":
        return f"RANGE<{type_['rangeElementType']['type']}>"
    if type_["type"] == "STRUCT":
        parts = [f"{f.get('name', '')} {_spelled(f['type'])}".strip() for f in type_["structTypes"]]
        return f"STRUCT<{', '.join(parts)}>"
    return str(type_["type"])


@pytest.mark.parametrize(
    ("value", "type_"),
    [
        (1, "INT64"),
        (True, "BOOL"),
        (1.5, "FLOAT64"),
        ("x", "STRING"),
        (b"x", "BYTES"),
        (bytearray(b"x"), "BYTES"),
        (Decimal("1.5"), "NUMERIC"),
        (Decimal("1e-20"), "BIGNUMERIC"),
        (dt.date(2026, 1, 1), "DATE"),
        (dt.time(1), "TIME"),
        (dt.datetime(2026, 1, 1), "DATETIME"),
        (dt.datetime(2026, 1, 1, tzinfo=_ZONE), "TIMESTAMP"),
        (dt.timedelta(1), "INTERVAL"),
        (Interval(1), "INTERVAL"),
        (Json({"a": 1}), "JSON"),
        (Geography("POINT(1 2)"), "GEOGRAPHY"),
        (Range(dt.date(2026, 1, 1)), "RANGE<DATE>"),
        (Range(None, None, "DATETIME"), "RANGE<DATETIME>"),
        ([1, None, 2], "ARRAY<INT64>"),
        ([1, 2.5], "ARRAY<FLOAT64>"),
        ([1, Decimal("2.5")], "ARRAY<NUMERIC>"),
        ({"a": 1, "b": [{"c": "x"}]}, "STRUCT<a INT64, b ARRAY<STRUCT<c STRING>>>"),
        (_Pair(1, "x"), "STRUCT<a INT64, b STRING>"),
        ({"a": Parameter(None, "DATE")}, "STRUCT<a DATE>"),
        ([{"a": 1}, {"a": 1.5}], "ARRAY<STRUCT<a FLOAT64>>"),
        (np.int64(3), "INT64"),
        (np.array([1.5]), "ARRAY<FLOAT64>"),
        (pd.Timestamp("2026-01-01T00:00:00Z"), "TIMESTAMP"),
        (range(3), "ARRAY<INT64>"),
        (Parameter(None, "numeric(10, 2)"), "NUMERIC"),
        (Parameter([], "ARRAY<STRUCT<INT64, b RANGE<DATE>>>"), "ARRAY<STRUCT<INT64, b RANGE<DATE>>>"),
    ],
)
def test_the_type_is_found(value: Any, type_: str) -> None:
    assert _type(value) == type_


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (None, "NULL has no type of its own"),
        ([], "ARRAY without values"),
        ([None], "ARRAY without values"),
        ([[1]], "no ARRAY of ARRAYs"),
        ([1, "x"], "types INT64 and STRING"),
        (object(), "object is no type"),
        (1 << 63, "beyond 64 bits"),
        (Decimal("NaN"), "no NaN"),
        (Decimal("1e40"), "beyond BIGNUMERIC"),
        (Decimal("1e-39"), "38 digits after the point"),
        ("\ud800", "surrogate"),
        (dt.time(1, tzinfo=dt.UTC), "time zone"),
        (dt.datetime(1, 1, 1, tzinfo=_ZONE), "years 1 to 9999"),
        (Range(), "RANGE without bounds"),
        (Parameter(1, "x"), "no type of GoogleSQL"),
        (Parameter(1, "ARRAY<ARRAY<INT64>>"), "no ARRAY of ARRAYs"),
        (Parameter(dt.datetime(2026, 1, 1), "TIMESTAMP"), "without a time zone"),
        (Parameter(dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "DATETIME"), "with a time zone"),
        (Parameter(dt.datetime(2026, 1, 1), "DATE"), r"value.date\(\)"),
        (Parameter(dt.date(2026, 1, 1), "DATETIME"), "add the time"),
        (Parameter(Decimal("1.123"), "NUMERIC(5, 2)"), "2 digits after the point"),
        (Parameter(Decimal("1000"), "NUMERIC(5, 2)"), "beyond NUMERIC"),
        (Parameter("abc", "STRING(2)"), "length 3"),
        (Parameter(1.5, "INT64"), "no fraction"),
        (Parameter({"z": 1}, "STRUCT<a INT64>"), "no field z"),
        (Parameter({"a": "x"}, "STRUCT<a INT64>"), "field a: the text is no int"),
        (Parameter([1, 2], "STRUCT<INT64>"), "1 fields, 2 values"),
        (Parameter(pd.Timestamp("2026-01-01T00:00:00.000000001Z"), "TIMESTAMP"), "nanoseconds"),
    ],
)
def test_what_cannot_be_a_parameter(value: Any, problem: str) -> None:
    with pytest.raises(UsageError, match=problem) as raised:
        query_parameters({"p": value})
    assert str(raised.value).startswith("Parameter p: ")


def test_modes() -> None:
    assert query_parameters(None) == (None, [])
    assert query_parameters({}) == (None, [])
    assert query_parameters(()) == (None, [])
    assert query_parameters({"a": 1})[0] == "NAMED"
    with pytest.raises(UsageError, match="Parameter 2"):
        query_parameters([1, None])
    for wrong in ("text", 3):
        with pytest.raises(UsageError, match="mapping"):
            query_parameters(wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "@a", "a b", "1a", "a;DROP", "a" * 129, 3])
def test_names_of_parameters(name: Any) -> None:
    with pytest.raises(UsageError, match="name of a parameter"):
        query_parameters({name: 1})


def test_values_are_in_no_repr() -> None:
    assert "hunter2" not in repr(Parameter("hunter2", "STRING"))


def _select(bqsim: Any, sql: str, parameters: Any) -> Any:
    mode, found = query_parameters(parameters)

    async def call(client: BigQueryClient) -> Any:
        body = {"query": sql, "useLegacySql": False, "parameterMode": mode, "queryParameters": found}
        return (await client.core.rest.call("jobs.query", {"projectId": client.project}, body=body)).data

    answer = run(bqsim, call)
    return rows_of_json(answer["rows"], Schema.from_api(answer["schema"]))


@pytest.mark.parametrize(
    "text", ["'; DROP TABLE t; --", '"', "\\", "`x`", "@p", "?", "\n", "/* */", "${x}", "'''"]
)
def test_texts_are_never_sql(bqsim: Any, text: str) -> None:
    sql = "SELECT @p, [@p], STRUCT(@p AS x), @s"
    assert _select(bqsim, sql, {"p": text, "s": {"x": text}}) == [(text, [text], {"x": text}, {"x": text})]


def test_nulls_of_every_type(bqsim: Any) -> None:
    types = ["INT64", "STRING", "RANGE<DATE>", "STRUCT<a INT64>", "TIMESTAMP", "JSON", "INTERVAL"]
    sql = "SELECT " + ", ".join(["? IS NULL"] * len(types))
    assert _select(bqsim, sql, [Parameter(None, t) for t in types]) == [(True,) * len(types)]


def test_structs_with_unnamed_fields(bqsim: Any) -> None:
    found = _select(bqsim, "SELECT ? = (1, 'x'), ?", [Parameter((1, "x"), "STRUCT<INT64, STRING>"), 1])
    assert found == [(True, 1)]


def test_arrays_of_structs(bqsim: Any) -> None:
    rows = [{"a": 1, "b": ["x", "y"]}, {"a": 2, "b": []}]
    value = Parameter(rows, "ARRAY<STRUCT<a INT64, b ARRAY<STRING>>>")
    assert [dict(r) for r in _select(bqsim, "SELECT * FROM UNNEST(@p) ORDER BY a", {"p": value})] == rows
