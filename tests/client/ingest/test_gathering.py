"""Rows of any form, looked at as far as needed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from bqclient import Schema
from bqclient.errors import UsageError
from bqclient.ingest.checking import Pieces, named_fields, unknown_field
from bqclient.ingest.gathering import Gathered, gather

SCHEMA = Schema.of(
    [
        {"name": "n", "type": "INT64", "mode": "REQUIRED"},
        {"name": "s", "type": "STRING"},
        {
            "name": "st",
            "type": "STRUCT",
            "mode": "REPEATED",
            "fields": [{"name": "a", "type": "STRUCT", "fields": [{"name": "b", "type": "INT64"}]}],
        },
    ]
)


def _gathered(rows: Any, limit: int = 10) -> tuple[Gathered, list[tuple[int, Any]]]:
    async def work() -> tuple[Gathered, list[tuple[int, Any]]]:
        found = await gather(rows, limit, SCHEMA)
        return found, [pair async for pair in found.rows()]

    return asyncio.run(work())


def _numbers(count: int, taken: list[int]) -> Iterator[dict[str, Any]]:
    for n in range(count):
        taken.append(n)
        yield {"n": n}


def test_no_more_rows_are_taken_than_are_needed_to_decide() -> None:
    taken: list[int] = []

    async def work() -> None:
        found = await gather(_numbers(12_000, taken), 5_000, SCHEMA)
        assert (found.count, found.looked_at, len(taken)) == (None, 5_000, 5_000)
        rows = [pair async for pair in found.rows()]
        assert [index for index, _ in rows] == [row["n"] for _, row in rows] == list(range(12_000))
        assert found.taken == 12_000

    asyncio.run(work())


def test_what_is_there_already_is_counted_whole() -> None:
    for given in ([{"n": n} for n in range(12_000)], pa.table({"n": range(12_000)})):
        found, rows = _gathered(given)
        assert (found.looked_at, len(rows)) == (12_000, 12_000)


def test_frames_are_arrow_data_and_rows_where_values_do_not_fit() -> None:
    for frame in (
        pd.DataFrame({"n": [1, 2], "s": ["a", None]}),
        pl.DataFrame({"n": [1, 2], "s": ["a", None]}),
        pl.LazyFrame({"n": [1, 2], "s": ["a", None]}),
    ):
        _, rows = _gathered(frame)
        assert [row for _, row in rows] == [{"n": 1, "s": "a"}, {"n": 2, "s": None}]
    for wrong in (
        pd.DataFrame({"n": [1, None], "s": ["a", float("nan")]}),
        pl.DataFrame({"n": [1, None], "s": ["a", None]}),
    ):
        _, rows = _gathered(wrong)
        assert [row for _, row in rows] == [{"n": 1, "s": "a"}, {"n": None, "s": None}]


@pytest.mark.parametrize(
    "given", [7, "text", b"bytes", [1], ["row"], pd.Series([1]), pd.DataFrame({"n": [1], "other": [2]})]
)
def test_what_is_no_rows_is_told(given: Any) -> None:
    with pytest.raises(UsageError):
        _gathered(given)


def test_unknown_fields_are_found_at_any_depth() -> None:
    assert unknown_field({"N": 1, "st": [{"A": {"b": 1}}, None]}, SCHEMA) is None
    assert unknown_field({"x": 1}, SCHEMA) == "x"
    assert unknown_field({"st": [{"a": None}, {"a": {"c": 1}}]}, SCHEMA) == "st.a.c"


def test_columns_that_no_row_has_are_left_out() -> None:
    assert named_fields(SCHEMA, [{"S": 1}]).names == ("n", "s")
    assert named_fields(SCHEMA, [{"n": 1}]).names == ("n",)


def test_pieces_know_which_rows_are_in_a_batch() -> None:
    pieces = Pieces(SCHEMA)
    ((batch, indices),) = pieces.batches([{"n": 1}, {"n": "x"}, {"n": 3}], 100)
    assert (batch.column(0).to_pylist(), list(indices)) == ([1, 3], [100, 102])
    assert [(r.index, r.row) for r in pieces.refused] == [(101, {"n": "x"})]
    assert pieces.batches([{"n": None}], 200) == []
    assert pieces.refused[-1].index == 200
