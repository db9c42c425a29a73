"""Streaming into partitioned tables: how far from today rows may belong."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import TYPE_CHECKING

from bqsim.catalog.refs import TableRef
from bqsim.errors import BigQueryError, invalid

from .rows import Errors, row_error

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.catalog.resources import Table
    from bqsim.catalog.store import Catalog

# Page "Storage Write API (REST)": days in the past and in the future, by a decorator and by a column.
DECORATOR_DAYS = (31, 16)
COLUMN_DAYS = (3650, 366)
_EPOCH = dt.datetime(1970, 1, 1)


def without_decorator(catalog: Catalog, ref: TableRef) -> tuple[TableRef, str | None]:
    """The table that ``ref`` names, which may carry a decorator of a day (``t$20260102``), and the engine
    expression of the partition of that day; None without a decorator.

    Raises the service's errors for decorators that it does not take.
    """
    name, mark, partition = ref.table.partition("$")
    if not mark:
        return ref, None
    plain = replace(ref, table=name)
    return plain, day_partition(catalog, catalog.table(plain), partition)


def day_partition(catalog: Catalog, table: Table, partition: str) -> str:
    """The engine expression of the partition of the day ``partition`` of a table.

    Raises the service's errors for tables and days that streams do not take decorators of.
    """
    plain, time = table.ref, table.time_partitioning
    name = f"{plain.api_name}${partition[:40]}"
    if time is not None and time.field is not None:
        raise invalid(
            "Streaming to metadata partition of column based partitioning table "
            f"{plain.api_name} is disallowed."
        )
    if time is None or time.type != "DAY":
        raise invalid(
            f"Cannot stream to partition {name}: only tables that are partitioned by day take decorators."
        )
    day = _day(partition)
    if day is None:
        raise invalid(f'Invalid partition decorator "{partition[:40]}", it must have the form YYYYMMDD')
    today = _today(catalog)
    if not -DECORATOR_DAYS[0] <= (day - today).days <= DECORATOR_DAYS[1]:
        raise _outside(plain.table, partition, DECORATOR_DAYS)
    return f"TIMESTAMP '{day} 00:00:00'"


def outside_rows(catalog: Catalog, table: Table, rows: pa.Table) -> Errors:
    """Errors of rows, by position, whose partitioning column is too far from today."""
    time = table.time_partitioning
    index = None if time is None or time.field is None else table.field_index(time.field)
    if time is None or index is None:
        return {}
    import pyarrow.compute as pc

    column = rows.column(index)
    extremes = pc.min_max(column).as_py()
    if extremes["min"] is None:
        return {}
    today = _today(catalog)
    low, high = (today + dt.timedelta(days) for days in (-COLUMN_DAYS[0], COLUMN_DAYS[1]))
    if low <= _date(extremes["min"]) and _date(extremes["max"]) <= high:
        return {}
    errors: Errors = {}
    for position, value in enumerate(column.to_pylist()):
        if value is not None and not low <= _date(value) <= high:
            text = (
                f"Value {_written(value)} for field {time.field} of the destination table "
                f"{table.ref.api_name} is outside the allowed bounds. You can only stream to date range "
                f"within {COLUMN_DAYS[0]} days in the past and {COLUMN_DAYS[1]} days in the future relative "
                "to the current date."
            )
            errors[position] = [row_error("invalid", time.field or "", text)]
    return errors


def _written(value: dt.date) -> int:
    """A value as the service stores it: days, or microseconds, since 1970."""
    if not isinstance(value, dt.datetime):
        return (value - _EPOCH.date()).days
    return (value.replace(tzinfo=None) - _EPOCH) // dt.timedelta(microseconds=1)


def _outside(table: str, partition: str, days: tuple[int, int]) -> BigQueryError:
    return invalid(
        f"The destination table's partition {table}${partition} is outside the allowed bounds. You can only "
        f"stream to partitions within {days[0]} days in the past and {days[1]} days in the future relative "
        "to the current date."
    )


def _day(partition: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(partition, "%Y%m%d").date() if len(partition) == 8 else None
    except ValueError:
        return None


def _date(value: dt.date) -> dt.date:
    return value.date() if isinstance(value, dt.datetime) else value


def _today(catalog: Catalog) -> dt.date:
    return dt.datetime.fromtimestamp(catalog.clock.now_us() / 1e6, dt.UTC).date()
