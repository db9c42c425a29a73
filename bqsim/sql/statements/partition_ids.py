"""Partitions of stored tables: their ids, their bounds, and the engine's conditions for the rows in them.

A partition is known by its id (page *Introduction to partitioned tables*): ``YYYY``, ``YYYYMM``, ``YYYYMMDD``
or ``YYYYMMDDHH`` in UTC, the start of an integer range, ``__NULL__`` or ``__UNPARTITIONED__``. The engine
groups rows by a number in its place, the *key*: the start in epoch microseconds, or the start of the range.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bqsim.catalog.resources import Table
from bqsim.errors import BigQueryError, invalid
from bqsim.types import TypeKind

NULL_PARTITION = "__NULL__"
UNPARTITIONED = "__UNPARTITIONED__"
NULL_KEY = -(2**63)
UNPARTITIONED_KEY = NULL_KEY + 1
# Page "Introduction to partitioned tables": other dates are in no partition.
FIRST, LAST = datetime(1960, 1, 1), datetime(2160, 1, 1)
_EPOCH = datetime(1970, 1, 1)
_FORMATS = {"HOUR": "%Y%m%d%H", "DAY": "%Y%m%d", "MONTH": "%Y%m", "YEAR": "%Y"}
_WRITTEN = {"HOUR": "YYYYMMDDHH", "DAY": "YYYYMMDD", "MONTH": "YYYYMM", "YEAR": "YYYY"}
_WIDTHS = {"HOUR": 3_600_000_000, "DAY": 86_400_000_000}
_LENGTHS = {"HOUR": 10, "DAY": 8, "MONTH": 6, "YEAR": 4}


@dataclass(frozen=True, slots=True)
class Bounds:
    """One partition: its ``id`` and key. Its values are from ``low`` to before ``high``: both None for
    ``__NULL__`` and ``__UNPARTITIONED__``, naive datetimes in UTC, or integers of a range."""

    id: str
    key: int
    low: datetime | int | None = None
    high: datetime | int | None = None


@dataclass(frozen=True, slots=True)
class Partitions:
    """How a stored table is partitioned, in the engine's words.

    ``column`` is the engine column with the values, of the kind ``kind``; for ingestion time the one that
    holds the start of the partition. ``unit`` is HOUR, DAY, MONTH or YEAR, None for integer ranges.
    """

    column: str
    kind: TypeKind
    unit: str | None
    ingestion: bool = False
    start: int = 0
    end: int = 0
    step: int = 1

    @property
    def key(self) -> str:
        """The engine expression of the key of a row's partition (BIGINT)."""
        column = self.column
        if self.unit is None:
            return (
                f"CASE WHEN {column} IS NULL THEN {NULL_KEY}"
                f" WHEN {column} < {self.start} OR {column} >= {self.end} THEN {UNPARTITIONED_KEY}"
                f" ELSE {self.start} + (({column} - {self.start}) // {self.step}) * {self.step} END"
            )
        if self.ingestion:
            return f"COALESCE(epoch_us({column}), {UNPARTITIONED_KEY})"
        moment = self._moment
        start = moment
        if self.kind is not TypeKind.DATE or self.unit != "DAY":
            start = f"CAST(date_trunc('{self.unit}', {column}) AS TIMESTAMP)"
        return (
            f"CASE WHEN {column} IS NULL THEN {NULL_KEY}"
            f" WHEN {moment} < TIMESTAMP '{FIRST}' OR {moment} >= TIMESTAMP '{LAST}'"
            f" THEN {UNPARTITIONED_KEY}"
            f" ELSE epoch_us({start}) END"
        )

    @property
    def _moment(self) -> str:
        return f"CAST({self.column} AS TIMESTAMP)" if self.kind is TypeKind.DATE else self.column

    @property
    def id(self) -> str:
        """The engine expression of the id of a row's partition (VARCHAR)."""
        key = self.key
        named = f"WHEN {NULL_KEY} THEN '{NULL_PARTITION}' WHEN {UNPARTITIONED_KEY} THEN '{UNPARTITIONED}'"
        shown = f"CAST({key} AS VARCHAR)"
        if self.unit is not None:
            shown = f"strftime(make_timestamp({key}), '{_FORMATS[self.unit]}')"
        return f"CASE {key} {named} ELSE {shown} END"

    def id_of(self, key: int) -> str:
        """The id of the partition of a key."""
        if key == NULL_KEY:
            return NULL_PARTITION
        if key == UNPARTITIONED_KEY:
            return UNPARTITIONED
        if self.unit is None:
            return str(key)
        return f"{_EPOCH + timedelta(microseconds=key):{_FORMATS[self.unit]}}".rjust(_LENGTHS[self.unit], "0")

    def bounds(self, key: int) -> Bounds:
        """The partition of a key."""
        id_ = self.id_of(key)
        if key in (NULL_KEY, UNPARTITIONED_KEY):
            return Bounds(id_, key)
        if self.unit is None:
            return Bounds(id_, key, key, min(key + self.step, self.end))
        low = _EPOCH + timedelta(microseconds=key)
        return Bounds(id_, key, low, _next(low, self.unit))

    def ends(self, key: int) -> tuple[int, int] | None:
        """The first and the last value of a partition, as epoch microseconds or integers; None of NULLs."""
        if key == NULL_KEY:
            return None
        if self.unit is None:
            return key, min(key + self.step, self.end) - 1
        if self.ingestion:
            return key, key
        if self.unit in _WIDTHS:
            return key, key + _WIDTHS[self.unit] - 1
        return key, _key(_next(_EPOCH + timedelta(microseconds=key), self.unit)) - 1

    def condition(self, partition: Bounds) -> str:
        """The engine condition that a row is in a partition."""
        column = self.column
        if partition.key == NULL_KEY:
            return f"{column} IS NULL"
        if partition.key == UNPARTITIONED_KEY:
            return f"{column} IS NULL" if self.ingestion else f"{self.key} = {UNPARTITIONED_KEY}"
        if self.unit is None:
            return f"({column} >= {partition.low} AND {column} < {partition.high})"
        if self.ingestion:
            return f"{column} = TIMESTAMP '{partition.low}'"
        word = "DATE" if self.kind is TypeKind.DATE else "TIMESTAMP"
        return f"({column} >= {word} '{partition.low}' AND {column} < {word} '{partition.high}')"


def partitions_of(table: Table) -> Partitions | None:
    """How ``table`` is partitioned; None for a table without partitions or without rows of its own."""
    storage, time, by_range = table.storage, table.time_partitioning, table.range_partitioning
    if storage is None or (time is None and by_range is None):
        return None
    if by_range is not None:
        index = table.field_index(by_range.field) or 0
        column = storage.columns[index]
        step = max(by_range.interval, 1)
        return Partitions(column, TypeKind.INT64, None, start=by_range.start, end=by_range.end, step=step)
    assert time is not None
    if time.field is None:
        return Partitions(storage.partition or _ARRIVAL, TypeKind.TIMESTAMP, time.type, ingestion=True)
    index = table.field_index(time.field) or 0
    return Partitions(storage.columns[index], table.fields[index].kind, time.type)


# Of tables whose rows have no column for it.
_ARRIVAL = "CAST(NULL AS TIMESTAMP)"


def partition_id(table: Table) -> str | None:
    """The engine expression of the id of a row's partition; None for a table without partitions."""
    partitions = partitions_of(table)
    return None if partitions is None else partitions.id


def in_partition(table: Table, id_: str) -> str:
    """The engine condition that a row is in the partition of an id. Raises as :func:`parse_partition_id`."""
    partitions = partitions_of(table)
    if partitions is None:
        raise unpartitioned(table)
    return partitions.condition(parse_partition_id(table, id_))


def parse_partition_id(table: Table, id_: str) -> Bounds:
    """The partition of a decorator ``$id``. Raises ``invalid`` for an id that the table cannot have."""
    time, by_range = table.time_partitioning, table.range_partitioning
    if time is None and by_range is None:
        raise unpartitioned(table)
    if id_ == NULL_PARTITION:
        return Bounds(id_, NULL_KEY)
    if id_ == UNPARTITIONED:
        return Bounds(id_, UNPARTITIONED_KEY)
    if by_range is not None:
        if re.fullmatch(r"-?\d{1,19}", id_) is None:
            raise _bad(table, id_)
        start = int(id_)
        step = max(by_range.interval, 1)
        if not by_range.start <= start < by_range.end or (start - by_range.start) % step:
            raise _bad(table, id_)
        return Bounds(id_, start, start, min(start + step, by_range.end))
    assert time is not None
    if re.fullmatch(rf"\d{{{_LENGTHS[time.type]}}}", id_) is None:
        raise _bad(table, id_)
    # The format %Y%m%d%H takes fewer digits too: the length was checked.
    try:
        low = datetime.strptime(id_, _FORMATS[time.type])
    except ValueError:
        raise _bad(table, id_) from None
    return Bounds(id_, _key(low), low, _next(low, time.type))


def start_of(unit: str, time_us: int) -> datetime:
    """The start of the partition of a moment (epoch microseconds), as a naive datetime in UTC."""
    moment = datetime.fromtimestamp(time_us // 1_000_000, UTC).replace(tzinfo=None)
    kept = {"HOUR": 4, "DAY": 3, "MONTH": 2, "YEAR": 1}[unit]
    parts = moment.timetuple()[:kept]
    return datetime(*parts, *([1] * max(3 - kept, 0)))  # type: ignore[arg-type]


def _key(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _next(low: datetime, unit: str) -> datetime:
    if unit == "HOUR":
        return low + timedelta(hours=1)
    if unit == "DAY":
        return low + timedelta(days=1)
    if unit == "MONTH":
        return (low + timedelta(days=31)).replace(day=1)
    return low.replace(year=low.year + 1)


def unpartitioned(table: Table) -> BigQueryError:
    """The error of a decorator of a table without partitions."""
    name = table.ref.api_name
    return invalid(f"Cannot read partition information from a table that is not partitioned: {name}")


def _bad(table: Table, id_: str) -> BigQueryError:
    time, name = table.time_partitioning, table.ref.api_name
    if time is None:
        return invalid(f"Invalid partition id {id_} for table {name}, which is partitioned by range.")
    return invalid(f"Invalid date partition format: {id_}. Expected the format {_WRITTEN[time.type]}.")


def partition_key(table: Table, id_: str) -> int:
    """The key of a partition that was imported; those that the table cannot have are in none."""
    if id_ == UNPARTITIONED:
        return UNPARTITIONED_KEY
    try:
        return parse_partition_id(table, id_).key
    except BigQueryError:
        return UNPARTITIONED_KEY
