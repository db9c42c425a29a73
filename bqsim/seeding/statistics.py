"""Statistics of shadow tables: what is told, and estimates of what is not.

The rule, by column: values of a fixed size take ``rows × size`` bytes, which is exact for REQUIRED columns
and an upper bound for others, since NULL takes none. What the total leaves is divided among the columns of
texts, arrays and other values without a fixed size, by the size that is typical of them: a lower bound when
there is but one such column and the others are upper bounds, unknown when there are several. Without a
total, such columns count with their typical size. The total of all columns is exact when it was told.
Partitions whose bytes were not told share what the others leave by their rows; columns divide each partition
as they divide the table, but for those of a fixed size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bqsim.catalog.shadow import WHOLE, Accuracy, ShadowBlock, ShadowStatistics, combined
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.bytes_size import FIXED

# Bytes of one value of the kinds without a fixed size, and elements of an array.
TYPICAL: Mapping[TypeKind, int] = {
    TypeKind.STRING: 22,
    TypeKind.BYTES: 34,
    TypeKind.JSON: 128,
    TypeKind.GEOGRAPHY: 40,
}
TYPICAL_ELEMENTS = 2

Part = tuple[int, int | None, int]


@dataclass(frozen=True, slots=True)
class Told:
    """What is known of a table: ``partitions`` are rows, bytes (None: not told) and times of change (epoch
    microseconds) by id; ``columns`` bytes by column, or by field in one (``s.a``); ``figures``,
    ``generate`` and ``blocks`` as of ShadowStatistics.
    """

    rows: int | None = None
    bytes: int | None = None
    columns: Mapping[str, int] = field(default_factory=dict)
    partitions: Mapping[str, Part] | None = None
    figures: Mapping[str, int] = field(default_factory=dict)
    changed_us: int = 0
    generate: int | None = None
    blocks: Mapping[str, Sequence[ShadowBlock]] = field(default_factory=dict)


def statistics_of(fields: Sequence[Field], told: Told, *, partitioned: bool = False) -> ShadowStatistics:
    """The statistics of a table with these columns, completed by estimates as the module says.

    Of a ``partitioned`` table whose partitions are not told all figures are upper bounds.
    """
    parts = told.partitions or {}
    rows = sum(p[0] for p in parts.values()) if parts else told.rows
    total = told.bytes
    if parts and all(size is not None for _, size, _ in parts.values()):
        total = sum(size or 0 for _, size, _ in parts.values())
    if rows is None:
        per_row = sum(_typical(f) for f in fields) or 1
        rows = (total or 0) // per_row
    leaves = {name: size for name, size in told.columns.items() if "." in name}
    sizes, accuracies = _columns(fields, rows, total, _whole(fields, told.columns))
    if total is None:
        total = sum(sizes.values())
        accuracies["*"] = combined(accuracies.values())
    if partitioned and not parts and total:
        for column in ("*", *sizes):
            accuracies[column] = combined([accuracies.get(column, Accuracy.PRECISE), Accuracy.UPPER_BOUND])
    accuracies = {c: a for c, a in accuracies.items() if a is not Accuracy.PRECISE}
    return ShadowStatistics(
        sizes,
        _parts(parts, rows, total) if parts else {WHOLE: (rows, total, told.changed_us)},
        leaves,
        accuracies,
        told.figures,
        told.generate,
        told.blocks,
    )


def _whole(fields: Sequence[Field], told: Mapping[str, int]) -> dict[str, int]:
    """The bytes of top-level columns: as they were told, or all fields in them were."""
    known = {name.casefold(): size for name, size in told.items()}

    def size_of(one: Field, path: str) -> int | None:
        if path in known:
            return known[path]
        parts = [size_of(f, f"{path}.{f.name.casefold()}") for f in one.fields]
        return sum(p or 0 for p in parts) if parts and None not in parts else None

    sizes = {one.name: size_of(one, one.name.casefold()) for one in fields}
    return {name: size for name, size in sizes.items() if size is not None}


def _columns(
    fields: Sequence[Field], rows: int, total: int | None, given: Mapping[str, int]
) -> tuple[dict[str, int], dict[str, Accuracy]]:
    known = {name.casefold(): size for name, size in given.items()}
    sizes: dict[str, int] = {}
    accuracies: dict[str, Accuracy] = {}
    open_: list[Field] = []
    for one in fields:
        told = known.get(one.name.casefold())
        fixed = _fixed(one)
        sizes[one.name] = 0
        if told is not None:
            sizes[one.name] = told
        elif fixed is not None:
            sizes[one.name] = rows * fixed
            if not _always(one):
                accuracies[one.name] = Accuracy.UPPER_BOUND
        else:
            open_.append(one)
    weights = {f.name: _typical(f) for f in open_}
    if total is None:
        sizes |= {name: rows * weight for name, weight in weights.items()}
        return sizes, accuracies | dict.fromkeys(weights, Accuracy.UNKNOWN)
    left = total - sum(sizes.values())
    if left < 0 or (left and not weights):
        # There are NULLs, so that what may be NULL takes less than its type says; or more than the types say.
        guessed = [f for f in fields if f.name.casefold() not in known and accuracies.get(f.name)] + open_
        sure = sum(size for name, size in sizes.items() if name not in {f.name for f in guessed})
        weights = {f.name: sizes[f.name] or rows * _typical(f) or 1 for f in guessed}
        return sizes | _shared(max(total - sure, 0), weights), dict.fromkeys(weights, Accuracy.UNKNOWN)
    if not weights:
        return sizes, {}
    sizes |= _shared(left, weights)
    if len(weights) == 1:
        bounded = any(a is Accuracy.UPPER_BOUND for a in accuracies.values())
        only = Accuracy.LOWER_BOUND if bounded else Accuracy.PRECISE
        return sizes, accuracies | dict.fromkeys(weights, only)
    return sizes, accuracies | dict.fromkeys(weights, Accuracy.UNKNOWN)


def _shared(total: int, weights: Mapping[str, int]) -> dict[str, int]:
    """``total`` divided by weights, the rest to the last."""
    found: dict[str, int] = {}
    whole = sum(weights.values()) or 1
    for name, weight in weights.items():
        found[name] = total * weight // whole
    if found:
        found[list(found)[-1]] += total - sum(found.values())
    return found


def _parts(parts: Mapping[str, Part], rows: int, total: int) -> dict[str, tuple[int, int, int]]:
    """The partitions; those whose bytes are not told share what is left by their rows."""
    told = sum(size or 0 for _, size, _ in parts.values())
    open_rows = sum(count for count, size, _ in parts.values() if size is None)
    left, seen, given_out = max(total - told, 0), 0, 0
    found: dict[str, tuple[int, int, int]] = {}
    for id_, (count, size, changed_us) in parts.items():
        if size is None:
            seen += count
            share = left * seen // open_rows - given_out if open_rows else 0
            given_out += share
            size = share
        found[id_] = (count, size, changed_us)
    return found


def _fixed(one: Field) -> int | None:
    """The bytes of every value of a column; None when they differ."""
    if one.mode is Mode.REPEATED:
        return None
    if one.kind is TypeKind.STRUCT:
        nested = [_fixed(f) for f in one.fields]
        return None if None in nested else sum(n or 0 for n in nested)
    return FIXED.get(one.kind)


def _always(one: Field) -> bool:
    return one.mode is Mode.REQUIRED and all(map(_always, one.fields))


def _typical(one: Field) -> int:
    size = sum(map(_typical, one.fields)) if one.fields else FIXED.get(one.kind) or TYPICAL.get(one.kind, 8)
    return size * TYPICAL_ELEMENTS if one.mode is Mode.REPEATED else size
