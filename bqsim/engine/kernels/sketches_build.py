"""HyperLogLog++ sketches of many groups at once: made from hashes, merged, counted."""

from __future__ import annotations

from typing import Any

from . import sketches_hll as hll

Precisions = tuple[int, int]


def finished(
    groups: Any, values: Any, registers: dict[int, Any], kinds: list[tuple[int, int]], at: Precisions
) -> list[hll.Sketch]:
    """The sketches of sparse values (int64) with their groups, and of registers that groups have already.

    ``kinds`` are the value type and the number of values of each group, all of precisions ``at``.
    """
    import numpy as np

    precision, sparse = at
    groups, values = hll.distinct(groups, values, precision, sparse)
    bounds = np.searchsorted(groups, np.arange(len(kinds) + 1))
    before = np.concatenate([[0], values[:-1]]) if len(values) else values
    firsts = bounds[:-1][bounds[:-1] < bounds[1:]]
    before[firsts] = 0
    coded, sizes = hll.varints(values - before)
    ends = np.concatenate([[0], np.cumsum(sizes)])[bounds].tolist()
    data, places = coded.tobytes(), bounds.tolist()
    most = (3 << precision) // 4
    result = []
    for group, (value_type, count) in enumerate(kinds):
        start, end = ends[group], ends[group + 1]
        filled = registers.get(group)
        if filled is None and end - start < most:
            size = places[group + 1] - places[group]
            sketch = hll.Sketch(value_type, count, precision, sparse, size, data[start:end], b"")
        else:
            own = hll.registers_of(values[places[group] : places[group + 1]], precision, sparse)
            all_of = own if filled is None else np.maximum(own, filled)
            sketch = hll.Sketch(value_type, count, precision, sparse, 0, b"", all_of.tobytes())
        result.append(sketch)
    return result


def made(hashes: Any, offsets: Any, value_type: int, precision: int) -> list[hll.Sketch]:
    """The sketches of hashes, one for each range between two offsets."""
    import numpy as np

    at = precision, hll.sparse_precision(precision)
    counts = np.diff(offsets)
    groups = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
    kinds = [(value_type, count) for count in counts.tolist()]
    return finished(groups, hll.encode(hashes, *at), {}, kinds, at)


def _values(sketches: list[hll.Sketch]) -> tuple[Any, Any]:
    """The sparse values of sketches, and how many each has."""
    import numpy as np

    differences, ends = hll.numbers(np.frombuffer(b"".join(s.sparse for s in sketches), np.uint8))
    after = np.cumsum([len(s.sparse) for s in sketches])
    last = np.searchsorted(ends, after, "right")
    if len(ends) and not np.isin(after[after > 0], ends).all():
        raise ValueError("a number is cut off")
    counts = np.diff(np.concatenate([[0], last]))
    sums = np.cumsum(differences)
    base = np.concatenate([[0], sums])[last - counts]
    return sums - np.repeat(base, counts), counts


def merged(groups: list[list[hll.Sketch]]) -> list[hll.Sketch]:
    """The merged sketch of each group, at the lowest precision in it.

    Raises ValueError for a group of different value types or of precisions that do not fit together.
    """
    import numpy as np

    kinds: list[tuple[int, int]] = []
    targets: list[Precisions] = []
    for group in groups:
        first = group[0]
        target = min(s.precision for s in group), min(s.sparse_precision for s in group)
        if any(s.value_type != first.value_type for s in group):
            raise ValueError("different types")
        exact = {(s.precision, s.sparse_precision) for s in group}
        if target not in exact:
            raise ValueError("precisions that do not fit together")
        kinds.append((first.value_type, sum(s.count for s in group)))
        targets.append(target)
    result: list[Any] = [None] * len(groups)
    for at in dict.fromkeys(targets):
        chosen = [i for i, target in enumerate(targets) if target == at]
        parts_groups, parts_values = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        registers: dict[int, Any] = {}
        members: dict[Precisions, list[tuple[int, hll.Sketch]]] = {}
        for place, i in enumerate(chosen):
            for sketch in groups[i]:
                if sketch.registers:
                    own = np.frombuffer(sketch.registers, np.uint8)
                    own = hll.lowered_registers(own, sketch.precision, at[0])
                    registers[place] = np.maximum(registers.get(place, 0), own)
                else:
                    source = sketch.precision, sketch.sparse_precision
                    members.setdefault(source, []).append((place, sketch))
        for source, found in members.items():
            values, counts = _values([sketch for _, sketch in found])
            parts_groups.append(np.repeat(np.array([place for place, _ in found], np.int64), counts))
            parts_values.append(hll.downgraded(values, source, at))
        own_kinds = [kinds[i] for i in chosen]
        done = finished(np.concatenate(parts_groups), np.concatenate(parts_values), registers, own_kinds, at)
        for i, sketch in zip(chosen, done, strict=True):
            result[i] = sketch
    return result
