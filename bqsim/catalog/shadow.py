"""Shadow tables: a schema and statistics without rows, so that dry runs tell the figures of production.

What was imported about a table is a text in ``Table.metadata[SHADOW]``, durable with the table. While it is
there the sizes of the table are these, whatever rows it has: those of a sample that was loaded, generated
ones, or none.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import accumulate
from typing import Any

from .resources import Table

SHADOW = "_shadow"
# The id of the one partition that holds all rows: of a table without partitions, or whose partitions nobody
# told. It is never pruned.
WHOLE = ""


class Accuracy(StrEnum):
    """What an estimate is: ``totalBytesProcessedAccuracy`` of the API."""

    UNKNOWN = "UNKNOWN"
    PRECISE = "PRECISE"
    LOWER_BOUND = "LOWER_BOUND"
    UPPER_BOUND = "UPPER_BOUND"


def combined(accuracies: Iterable[Accuracy]) -> Accuracy:
    """The accuracy of a sum: bounds of both sides leave nothing known."""
    found = set(accuracies) - {Accuracy.PRECISE}
    if not found:
        return Accuracy.PRECISE
    return found.pop() if len(found) == 1 else Accuracy.UNKNOWN


@dataclass(frozen=True, slots=True)
class Division:
    """How columns divide the bytes of partitions: ``fixed`` have so many bytes for each row, what is left is
    divided by weights; ``shares`` are where each column's begins and ends, of how much.
    """

    columns: tuple[str, ...]
    fixed: Mapping[str, int]
    shares: Mapping[str, tuple[int, int, int]]
    all_shares: Mapping[str, tuple[int, int, int]]


class Shares(Mapping[str, int]):
    """``total`` bytes of so many rows by column; the parts are whole and add up to it."""

    __slots__ = ("_division", "_fixed", "_left", "_rows", "_shares")

    def __init__(self, total: int, rows: int, division: Division) -> None:
        taken = rows * sum(division.fixed.values())
        fits = taken == total or (taken < total and bool(division.shares))
        self._rows = rows
        self._division = division
        self._fixed = division.fixed if fits else {}
        self._shares = division.shares if fits else division.all_shares
        self._left = total - taken if fits else total

    def __getitem__(self, column: str) -> int:
        if column in self._fixed:
            return self._rows * self._fixed[column]
        start, end, weight = self._shares[column]
        return self._left * end // weight - self._left * start // weight

    def __iter__(self) -> Iterator[str]:
        return iter(self._division.columns)

    def __len__(self) -> int:
        return len(self._division.columns)


@dataclass(frozen=True, slots=True)
class PartitionStatistics:
    """One partition: ``bytes`` by top-level column; ``changed_us`` are epoch microseconds."""

    rows: int
    bytes: Mapping[str, int]
    changed_us: int = 0

    @property
    def total_bytes(self) -> int:
        return sum(self.bytes.values())


@dataclass(frozen=True, slots=True)
class ShadowBlock:
    """A block of a clustered table: its logical bytes and, by clustering column, its smallest and its largest
    value (JSON values as rows have them; None: NULL alone) and how many are NULL."""

    bytes: int
    ends: Mapping[str, tuple[Any, Any, int]]

    def to_json(self) -> list[Any]:
        return [self.bytes, {column: list(ends) for column, ends in self.ends.items()}]


def _block(told: Any) -> ShadowBlock:
    size, ends = told
    found = {str(column): (low, high, nulls) for column, (low, high, nulls) in ends.items()}
    counts = [size, *(nulls for _, _, nulls in found.values())]
    if not all(isinstance(n, int) and n >= 0 for n in counts):
        raise ValueError(told)
    return ShadowBlock(size, found)


@dataclass(frozen=True)
class ShadowStatistics:
    """The statistics of a shadow table.

    ``columns`` are the logical bytes of top-level columns; their proportion divides the bytes of partitions.
    ``leaves`` are those of the fields of structs by path (``s.a``), as far as they are known.
    ``parts`` has by partition id (``20260102``, ``__NULL__``, :data:`WHOLE`) rows, bytes and when they
    changed. ``accuracies`` names columns whose bytes are no more than estimates. ``figures`` are those that
    tables.get and TABLE_STORAGE give beside, as the latter calls them (``long_term_logical_bytes``,
    ``active_physical_bytes``, ``total_partitions``, …).
    ``generate`` is how many rows are made when they are first asked for; None: asking is an error.
    ``blocks`` are those of a clustered table by partition id, as far as they are told.
    """

    columns: Mapping[str, int]
    parts: Mapping[str, tuple[int, int, int]]
    leaves: Mapping[str, int] = field(default_factory=dict)
    accuracies: Mapping[str, Accuracy] = field(default_factory=dict)
    figures: Mapping[str, int] = field(default_factory=dict)
    generate: int | None = None
    blocks: Mapping[str, Sequence[ShadowBlock]] = field(default_factory=dict)

    @cached_property
    def rows(self) -> int:
        return sum(rows for rows, _, _ in self.parts.values())

    @cached_property
    def bytes(self) -> int:
        """The logical bytes of all columns of all partitions."""
        return sum(size for _, size, _ in self.parts.values())

    @property
    def accuracy(self) -> Accuracy:
        """That of any one column; see :meth:`accuracy_of`."""
        return combined(self.accuracies.values())

    @property
    def partitions(self) -> Mapping[str, PartitionStatistics]:
        """By partition id."""
        return self._partitions

    @cached_property
    def _partitions(self) -> dict[str, PartitionStatistics]:
        return {
            id_: PartitionStatistics(rows, Shares(size, rows, self._division), changed_us)
            for id_, (rows, size, changed_us) in self.parts.items()
        }

    @cached_property
    def _division(self) -> Division:
        rows = self.rows
        exact = {
            column: size // rows
            for column, size in self.columns.items()
            if rows and column not in self.accuracies and size % rows == 0
        }
        rest = {column: size for column, size in self.columns.items() if column not in exact}
        return Division(tuple(self.columns), exact, _ends(rest), _ends(self.columns))

    def bytes_of(self, columns: Iterable[str], partitions: Iterable[str] | None = None) -> int:
        """The bytes of some columns, or of fields in them (``s.a``), in some partitions or in all; what is
        not known counts nothing, but a field of which it is not known as much as its column.
        """
        spelled = {c.casefold(): c for c in self.columns}
        wanted = {c.casefold() for c in columns}
        ids = self.parts if partitions is None else [p for p in partitions if p in self.parts]
        total = 0
        for name in wanted:
            column = spelled.get(name.partition(".")[0])
            if column is None:
                continue
            size = sum(self._partitions[p].bytes[column] for p in ids)
            share = self._share(name, self.columns[column])
            total += size if share is None else size * share // self.columns[column]
        return total

    def _share(self, name: str, whole: int) -> int | None:
        """The bytes of a field of a column of ``whole`` bytes; None when they are not known."""
        if "." not in name or not whole:
            return None
        below = f"{name}."
        known = [n for p, n in self.leaves.items() if p.casefold() == name or p.casefold().startswith(below)]
        return min(sum(known), whole) if known else None

    def accuracy_of(self, columns: Iterable[str]) -> Accuracy:
        """The accuracy of the sum of some columns; that of all columns together is known from storage."""
        names = {c.casefold() for c in columns}
        if names >= {c.casefold() for c in self.columns}:
            return self.accuracies.get("*", Accuracy.PRECISE)
        wanted = {name.partition(".")[0] for name in names}
        whole = {c.casefold(): size for c, size in self.columns.items()}
        guessed = any(
            "." in name and self._share(name, whole.get(name.partition(".")[0], 0)) is None for name in names
        )
        known = [a for c, a in self.accuracies.items() if c.casefold() in wanted]
        return combined([*known, *([Accuracy.UPPER_BOUND] if guessed else [])])

    def to_text(self) -> str:
        """What ``Table.metadata[SHADOW]`` holds."""
        told: dict[str, Any] = {
            "columns": dict(self.columns),
            "parts": {k: list(v) for k, v in self.parts.items()},
        }
        optional: dict[str, Any] = {
            "leaves": dict(self.leaves),
            "accuracies": dict(self.accuracies),
            "figures": dict(self.figures),
            "generate": self.generate,
            "blocks": {id_: [b.to_json() for b in blocks] for id_, blocks in self.blocks.items()},
        }
        told |= {name: value for name, value in optional.items() if value not in ({}, None)}
        return json.dumps(told, separators=(",", ":"), ensure_ascii=False)


def _ends(sizes: Mapping[str, int]) -> dict[str, tuple[int, int, int]]:
    """By column where its share begins and ends, of how much."""
    weights = [max(size, 0) for size in sizes.values()]
    if not any(weights):
        weights = [1] * len(weights)
    ends = list(accumulate(weights, initial=0))
    return {c: (ends[n], ends[n + 1], ends[-1]) for n, c in enumerate(sizes)}


@lru_cache(maxsize=1024)
def statistics_from(text: str) -> ShadowStatistics:
    """What :meth:`ShadowStatistics.to_text` wrote; ``ValueError``, ``KeyError`` or ``TypeError`` for other
    texts.
    """
    told = json.loads(text)
    return ShadowStatistics(
        told["columns"],
        {id_: (rows, size, changed_us) for id_, (rows, size, changed_us) in told["parts"].items()},
        told.get("leaves", {}),
        {column: Accuracy(name) for column, name in told.get("accuracies", {}).items()},
        told.get("figures", {}),
        told.get("generate"),
        {id_: tuple(map(_block, blocks)) for id_, blocks in told.get("blocks", {}).items()},
    )


def shadow_of(table: Table) -> ShadowStatistics | None:
    """The imported statistics of a table; None for one that is no shadow table."""
    text = table.metadata.get(SHADOW)
    return None if text is None else statistics_from(text)


def as_shadow(table: Table, statistics: ShadowStatistics | None) -> Table:
    """``table`` with these statistics, or without any."""
    kept = {name: value for name, value in table.metadata.items() if name != SHADOW}
    if statistics is not None:
        kept[SHADOW] = statistics.to_text()
    return replace(table, metadata=kept)


def is_empty_shadow(table: Table) -> bool:
    """Whether a table has statistics that tell of rows, and none of its own."""
    statistics = shadow_of(table)
    return statistics is not None and not table.num_rows and statistics.rows > 0


def rows_shown(table: Table) -> int:
    """How many rows a table is said to have: as its statistics say, or its own."""
    statistics = shadow_of(table)
    return table.num_rows if statistics is None else statistics.rows
