"""Blocks of clustered shadow tables, as they were told: what dry runs leave out by them.

A block of which not all clustering columns are told, or not as values of their types any more, is read by
every query. The bytes of a column in a partition are divided among its blocks as their own bytes are.
"""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bqsim.catalog.resources import Table
from bqsim.catalog.shadow import SHADOW, ShadowBlock, ShadowStatistics
from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError, invalid
from bqsim.sql.lower.block_conditions import CHARACTERS, ordered_by
from bqsim.types import INT64, Field, Mode, TypeKind
from bqsim.types.values import parse_cell, table_from_rows

from .cluster_blocks import Blocks, admitted_blocks
from .partition_ids import partition_key, partitions_of
from .table_statistics import WHOLE_KEY


@dataclass(frozen=True, slots=True)
class ToldBlocks:
    """The blocks of a shadow table: ``ids`` are the partitions of them, ``weights`` their bytes, ``totals``
    those of all blocks of a partition; those in ``open`` are always read."""

    blocks: Blocks
    ids: Sequence[str]
    weights: Sequence[int]
    totals: Mapping[str, int]
    open: Collection[int]

    def admitted(self, session: Session, condition: str) -> Collection[int] | None:
        """The numbers of the blocks where a condition may hold; None when it cannot be computed."""
        found = admitted_blocks(session, self.blocks, condition)
        return None if found is None else {*found, *self.open}

    def size(self, shadow: ShadowStatistics, column: str, numbers: Collection[int]) -> int:
        """The bytes of a column in some blocks."""
        weights: dict[str, int] = {}
        for number in numbers:
            id_ = self.ids[number]
            weights[id_] = weights.get(id_, 0) + self.weights[number]
        return sum(
            shadow.bytes_of([column], [id_]) * weight // self.totals[id_]
            for id_, weight in weights.items()
            if weight
        )


class ShadowBlocks:
    """The blocks of shadow tables, by what was told and by the layout of the table. Thread safe."""

    def __init__(self, capacity: int = 256) -> None:
        self._known: dict[tuple[object, ...], ToldBlocks | None] = {}
        self._capacity = capacity
        self._lock = threading.Lock()

    def of(self, table: Table, shadow: ShadowStatistics) -> ToldBlocks | None:
        """As :func:`told_blocks`."""
        key = (
            table.metadata.get(SHADOW),
            table.clustering,
            table.time_partitioning,
            table.range_partitioning,
            tuple((f.name, f.kind, f.mode) for f in table.fields),
        )
        with self._lock:
            if key in self._known:
                return self._known[key]
        found = told_blocks(table, shadow)
        with self._lock:
            if len(self._known) >= self._capacity:
                self._known.clear()
            self._known[key] = found
        return found


def told_blocks(table: Table, shadow: ShadowStatistics) -> ToldBlocks | None:
    """The blocks that were told of a table; None without any, and when it is not clustered."""
    order = ordered_by(table)
    if not order or not shadow.blocks:
        return None
    number = Field("n", INT64.kind)
    ends_of = [Field("c", table.fields[i].kind, Mode.NULLABLE) for i in order]
    fields = [number, *(f for end in ends_of for f in (end, end, number)), number]
    partitioned = partitions_of(table) is not None
    rows: list[tuple[Any, ...]] = []
    ids: list[str] = []
    weights: list[int] = []
    unknown: set[int] = set()
    for id_, blocks in sorted(shadow.blocks.items()):
        key = partition_key(table, id_) if partitioned else WHOLE_KEY
        for block in blocks:
            ends = _ends(table, order, block)
            if ends is None:
                unknown.add(len(rows))
                ends = (None, None, 0) * len(order)
            rows.append((len(rows), *ends, key))
            ids.append(id_)
            weights.append(block.bytes)
    totals: dict[str, int] = {}
    for id_, weight in zip(ids, weights, strict=True):
        totals[id_] = totals.get(id_, 0) + weight
    keys = [row[-1] for row in rows]
    relation = table_from_rows(fields, rows)
    return ToldBlocks(Blocks(0, 0, {}, relation, fields, keys, {}, {}), ids, weights, totals, unknown)


def _ends(table: Table, order: Sequence[int], block: ShadowBlock) -> tuple[Any, ...] | None:
    """What a block has of each clustering column; None when that is not known of all."""
    told = {name.casefold(): ends for name, ends in block.ends.items()}
    found: list[Any] = []
    for index in order:
        field = table.fields[index]
        ends = told.get(field.name.casefold())
        if ends is None:
            return None
        try:
            found += [*(_value(field, end) for end in ends[:2]), ends[2]]
        except BigQueryError:
            return None
    return tuple(found)


def _value(field: Field, told: Any) -> Any:
    value = parse_cell(told, Field(field.name, field.kind))
    return value[:CHARACTERS] if field.kind is TypeKind.STRING and value is not None else value


def check_blocks(table: Table, shadow: ShadowStatistics) -> None:
    """Raise 400 ``invalid`` for blocks of partitions or columns that a table does not have, and for values
    that are not of the types of the columns."""
    name = table.ref.api_name
    for id_, blocks in shadow.blocks.items():
        if id_ not in shadow.parts:
            raise invalid(f"Blocks of {name} are told of the partition {id_!r}, which has no statistics")
        for block in blocks:
            for column, ends in block.ends.items():
                index = table.field_index(column)
                if index is None or table.fields[index].mode is Mode.REPEATED:
                    raise invalid(f"Blocks of {name} are told by {column}, which cannot cluster it")
                for end in ends[:2]:
                    _value(table.fields[index], end)
