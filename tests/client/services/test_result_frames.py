"""Data frames of results and of reads: NULLs, types that frames do not have, extras that are missing."""

from __future__ import annotations

import sys
from decimal import Decimal
from typing import Any

import pytest

from bqclient import BigQueryClient, Interval, Range
from bqclient.errors import UsageError
from tests.client.running import run

LARGE = 2**53 + 1
EVERY = f"""
SELECT {LARGE} AS i, TRUE AS b, NUMERIC '1.5' AS n, BIGNUMERIC '2.5' AS w,
  INTERVAL 3 DAY AS v, RANGE<DATE> '[2026-01-01, 2026-02-01)' AS r, [1, 2] AS a, STRUCT(1 AS x) AS s
UNION ALL SELECT NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
"""


def test_nulls_change_no_value_in_pandas(bqsim: Any) -> None:
    result = run(bqsim, lambda c: c.queries.execute(EVERY))
    frame = result.to_pandas()
    assert str(frame.dtypes["i"]) == "Int64"
    row = next(r for _, r in frame.iterrows() if r["b"] is True or r["b"] == True)  # noqa: E712
    assert row["i"] == LARGE
    assert row["n"] == Decimal("1.5")
    assert row["v"] == Interval(days=3)
    assert isinstance(row["r"], Range)
    assert frame["i"].isna().sum() == 1
    assert "int64[pyarrow]" in str(result.to_pandas(arrow_types=True).dtypes["i"])


def test_every_type_goes_to_polars(bqsim: Any) -> None:
    result = run(bqsim, lambda c: c.queries.execute(EVERY))
    frame = result.to_polars()
    assert frame.columns == result.to_arrow().column_names
    assert LARGE in frame["i"].to_list()
    assert None in frame["i"].to_list()


def test_frames_of_no_rows_and_of_no_columns(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> tuple[Any, Any]:
        none = await client.queries.execute("SELECT 1 AS x FROM UNNEST([1]) WHERE FALSE")
        await client.datasets.create("d")
        await client.tables.create("d.t", [{"name": "x", "type": "INT64"}])
        made = await client.queries.execute("DROP TABLE d.t")
        return none, made

    none, made = run(bqsim, work)
    assert (none.to_pandas().shape, none.to_polars().shape) == ((0, 1), (0, 1))
    assert (made.to_pandas().shape, made.to_polars().shape) == ((0, 0), (0, 0))


def test_frames_of_reads(bqsim: Any) -> None:
    async def work(client: BigQueryClient) -> tuple[Any, Any]:
        await client.datasets.create("d")
        await client.queries.execute(
            f"CREATE TABLE d.t AS {EVERY.replace('INTERVAL 3 DAY AS v,', '1 AS v,')}"
        )
        read = client.storage_read.read_all
        return await read("d.t").to_pandas(), await read("d.t").to_polars()

    pandas, polars = run(bqsim, work)
    assert str(pandas.dtypes["i"]) == "Int64"
    assert LARGE in set(pandas["i"].dropna())
    assert LARGE in polars["i"].to_list()


@pytest.mark.parametrize("name", ["pandas", "polars"])
def test_an_extra_that_is_missing_is_named(bqsim: Any, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    result = run(bqsim, lambda c: c.queries.execute("SELECT 1 AS x"))
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"bqclient\[{name}\]"):
        getattr(result, f"to_{name}")()
