"""Quantile sketches: samples of what was aggregated, on levels whose items stand for 2 ** level values.

A sketch keeps all values while they are few, so its quantiles are exact then. When there are too many, every
second item of the lowest level that has two moves one level up.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bqsim.codecs import wire

MINIMUM, MAXIMUM, DEFAULT = 1, 100_000, 1000
INT64, FLOAT64 = 4, 10
_TYPE, _VERSION = 113, 2
_DTYPES = {INT64: "<i8", FLOAT64: "<f8"}
# Items that a sketch may keep for each unit of its precision, and at least.
_KEPT, _FEWEST = 4, 128
_LEVELS = 63


@dataclass(slots=True)
class Sketch:
    """``levels`` are sorted arrays of values; ``count`` is the total of their weights."""

    value_type: int
    count: int
    precision: int
    least: Any
    greatest: Any
    levels: list[Any]


def ordered(values: Any) -> Any:
    """Values sorted; NaN is the least."""
    import numpy as np

    values = np.sort(values)
    nans = int(np.count_nonzero(values != values))
    return np.roll(values, nans) if nans else values


def _precedes(left: Any, right: Any) -> bool:
    return bool(left != left or left < right)


def parse(data: bytes) -> Sketch:
    """Raises ValueError for bytes that are not a sketch."""
    import numpy as np

    state: Any = {1: 0, 2: 0, 3: 1, 4: 0, _TYPE: b""}
    for field, value in wire.fields(data):
        state[field] = value
    if (state[1], state[3]) != (_TYPE, _VERSION) or state[4] not in _DTYPES:
        raise ValueError("not a quantile sketch")
    dtype = _DTYPES[state[4]]
    precision = 0
    ends: list[Any] = []
    levels: list[Any] = []
    for field, value in wire.fields(state[_TYPE]):
        if field == 1 and isinstance(value, int):
            precision = value
        elif isinstance(value, bytes) and len(value) % 8 == 0 and field in (2, 3):
            (ends if field == 2 else levels).append(np.frombuffer(value, dtype))
        else:
            raise ValueError("not a quantile sketch")
    known = MINIMUM <= precision <= MAXIMUM and len(levels) <= _LEVELS
    total: int = sum(len(items) << level for level, items in enumerate(levels))
    if not known or [len(e) for e in ends] != [2] or not total or total != state[2]:
        raise ValueError("not a quantile sketch")
    return Sketch(state[4], total, precision, ends[0][0], ends[0][1], levels)


def serialized(sketch: Sketch) -> bytes:
    """The bytes of a sketch."""
    import numpy as np

    dtype = _DTYPES[sketch.value_type]
    inner = wire.number(1, sketch.precision)
    inner += wire.block(2, np.array([sketch.least, sketch.greatest], dtype).tobytes())
    inner += b"".join(wire.block(3, items.astype(dtype, copy=False).tobytes()) for items in sketch.levels)
    head = wire.number(1, _TYPE) + wire.number(2, sketch.count) + wire.number(3, _VERSION)
    return head + wire.number(4, sketch.value_type) + wire.block(_TYPE, inner)


def _compacted(levels: list[Any], precision: int) -> list[Any]:
    kept, most = sum(map(len, levels)), max(_KEPT * precision, _FEWEST)
    place = 0
    while kept > most and place < len(levels):
        items = levels[place]
        pairs = len(items) // 2
        if not pairs:
            place += 1
            continue
        if place + 1 == len(levels):
            levels.append(items[:0])
        # Which one of a pair moves up alternates between the levels, so that errors do not add up.
        moved = items[place % 2 : 2 * pairs : 2]
        levels[place] = items[2 * pairs :]
        levels[place + 1] = ordered(_joined([levels[place + 1], moved]))
        kept -= pairs
        place += 1
    return levels


def _joined(parts: list[Any]) -> Any:
    import numpy as np

    return np.concatenate(parts)


def made(values: Any, weights: Any, offsets: Any, value_type: int, precision: int) -> list[Any]:
    """The sketches of values with positive weights (None: 1 each), one for each range between two offsets."""
    import numpy as np

    counts = np.diff(offsets)
    groups = np.repeat(np.arange(len(counts)), counts)
    order = np.lexsort((values, values == values, groups))
    values = values[order]
    weights = None if weights is None else weights[order]
    result = []
    for start, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        items = values[start:end]
        if weights is None:
            total, levels = end - start, [items]
        else:
            own = weights[start:end]
            total = sum(own.tolist())
            if total >= 1 << 63:
                raise OverflowError("the weights are too great")
            bits = int(own.max()).bit_length()
            levels = [items[own >> level & 1 == 1] for level in range(bits)]
        levels = _compacted(levels, precision)
        result.append(Sketch(value_type, total, precision, items[0], items[-1], levels))
    return result


def merged(sketches: list[Sketch]) -> Sketch:
    """One sketch of the lowest precision. Raises ValueError for sketches of different types."""
    first = sketches[0]
    if any(s.value_type != first.value_type for s in sketches):
        raise ValueError("different types")
    precision = min(s.precision for s in sketches)
    least, greatest = first.least, first.greatest
    for sketch in sketches[1:]:
        least = sketch.least if _precedes(sketch.least, least) else least
        greatest = sketch.greatest if _precedes(greatest, sketch.greatest) else greatest
    depth = max(len(s.levels) for s in sketches)
    levels = [
        ordered(_joined([s.levels[level] for s in sketches if level < len(s.levels)]))
        for level in range(depth)
    ]
    total = sum(s.count for s in sketches)
    return Sketch(first.value_type, total, precision, least, greatest, _compacted(levels, precision))


def quantiles(sketch: Sketch, ranks: list[int]) -> Any:
    """The values at ranks from 1 to the sketch's count."""
    import numpy as np

    values = _joined(sketch.levels)
    weights = np.repeat([1 << level for level in range(len(sketch.levels))], [len(x) for x in sketch.levels])
    order = np.lexsort((values, values == values))
    upto = np.cumsum(weights[order])
    places = np.searchsorted(upto, np.minimum(ranks, int(upto[-1])))
    return values[order][places]


def boundaries(sketch: Sketch, number: int) -> list[Any]:
    """The least value, the quantiles between ``number`` parts of one size, and the greatest value."""
    ranks = [-(-i * sketch.count // number) for i in range(1, number)]
    inner = quantiles(sketch, ranks).tolist() if ranks else []
    return [sketch.least.item(), *inner, sketch.greatest.item()]


def point(sketch: Sketch, phi: float) -> Any:
    """The value that a share ``phi`` of the values does not exceed."""
    from math import ceil

    if phi <= 0:
        return sketch.least.item()
    if phi >= 1:
        return sketch.greatest.item()
    # A share such as 0.07 of 100 values is meant, which is a little more than 7 in binary.
    exact = phi * sketch.count
    rank = round(exact) if abs(exact - round(exact)) <= exact * 1e-14 else ceil(exact)
    return quantiles(sketch, [max(rank, 1)])[0].item()
