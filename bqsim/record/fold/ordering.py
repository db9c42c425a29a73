"""Causal order: what was done to each resource before an operation, and occurrences and places in the file
that do not depend on which of two calls on their way together was faster."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Touch:
    """What of an operation matters for its place. ``content`` is the same for operations that tell the same;
    ``needs`` are the places in the sequence of those that made what it names."""

    kind: str
    key: str
    content: bytes
    started_s: float
    done_s: float
    reads: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    adds: tuple[str, ...] = ()
    repeatable: bool = False
    needs: tuple[int, ...] = ()
    # What comes of it all.
    order: dict[str, int] = field(default_factory=dict)
    occurrence: int = 0
    # The operation that this one is the same as, if not itself.
    same: int = -1
    level: int = 0


def arrange(touches: Sequence[Touch]) -> list[int]:
    """Give each its ``order`` and ``occurrence``; the places of those that stay, in the order of the file.

    A change that ended before an operation began comes before it. Changes that only add (rows to a table,
    tables to a dataset) go together in any order: operations that add have no number for what they add to.
    """
    changed = _changed(touches)
    _number(touches, changed)
    _merge(touches)
    _count(touches)
    _level(touches, changed)
    left = [n for n, touch in enumerate(touches) if touch.same < 0]
    left.sort(key=lambda n: (touches[n].level, touches[n].kind, touches[n].key, touches[n].occurrence))
    return left


def _changed(touches: Sequence[Touch]) -> dict[str, tuple[list[float], list[int]]]:
    """By resource: when its changes were done, in order, and by whom."""
    found: dict[str, list[tuple[float, int]]] = defaultdict(list)
    for number, touch in enumerate(touches):
        for resource in {*touch.changes, *touch.adds}:
            found[resource].append((touch.done_s, number))
    out = {}
    for resource, pairs in found.items():
        pairs.sort()
        out[resource] = [at for at, _ in pairs], [number for _, number in pairs]
    return out


def _number(touches: Sequence[Touch], changed: dict[str, tuple[list[float], list[int]]]) -> None:
    for touch in touches:
        only_added = set(touch.adds) - set(touch.changes) - set(touch.reads)
        for resource in {*touch.reads, *touch.changes} - only_added:
            at = changed.get(resource)
            before = bisect_right(at[0], touch.started_s) if at else 0
            touch.order[resource] = before


def _merge(touches: Sequence[Touch]) -> None:
    """Operations that ask the same of the same state and are told the same are one."""
    first: dict[tuple[str, str, bytes, tuple[tuple[str, int], ...]], int] = {}
    for number, touch in enumerate(touches):
        if touch.repeatable:
            known = first.setdefault(
                (touch.kind, touch.key, touch.content, tuple(sorted(touch.order.items()))), number
            )
            if known != number:
                touch.same = known


def _count(touches: Sequence[Touch]) -> None:
    by_key: dict[str, list[int]] = defaultdict(list)
    # What tells operations apart that say the same: what was done with what they made.
    followed: dict[int, list[tuple[str, bytes]]] = defaultdict(list)
    for touch in touches:
        for maker in touch.needs:
            followed[maker].append((touch.key, touch.content))
    for number, touch in enumerate(touches):
        if touch.same < 0:
            by_key[touch.key].append(number)
    for numbers in by_key.values():
        occurrence = 0
        for cluster in _clusters(touches, numbers):
            cluster.sort(key=lambda n: _looks(touches[n], sorted(followed.get(n, ()))))
            for number in cluster:
                occurrence += 1
                touches[number].occurrence = occurrence


def _looks(touch: Touch, followed: list[tuple[str, bytes]]) -> tuple[object, ...]:
    return sorted(touch.order.items()), touch.content, followed, touch.started_s


def _clusters(touches: Sequence[Touch], numbers: list[int]) -> list[list[int]]:
    """Operations in the order in which they began; those that were on their way together as one cluster."""
    clusters: list[list[int]] = []
    end = -1.0
    for number in sorted(numbers, key=lambda n: touches[n].started_s):
        touch = touches[number]
        if not clusters or touch.started_s >= end:
            clusters.append([])
        clusters[-1].append(number)
        end = max(end, touch.done_s)
    return clusters


def _level(touches: Sequence[Touch], changed: dict[str, tuple[list[float], list[int]]]) -> None:
    """How many operations at least come before each: those that made what it names, and those that changed
    what it touches."""
    highest: dict[str, list[int]] = {}
    solid = {resource: _solid(touches, resource, at[1]) for resource, at in changed.items()}
    for touch in sorted(touches, key=lambda t: t.started_s):
        level = max((touches[maker].level + 1 for maker in touch.needs), default=0)
        for resource in {*touch.reads, *touch.changes, *touch.adds}:
            at = changed.get(resource)
            if at is None:
                continue
            before = bisect_right(at[0], touch.started_s)
            known = highest.setdefault(resource, [0])
            while len(known) <= before:
                known.append(max(known[-1], touches[at[1][len(known) - 1]].level + 1))
            if resource in touch.adds and resource not in touch.changes:
                # Others that add are no reason to come later.
                before = solid[resource][before]
            level = max(level, known[before])
        touch.level = level


def _solid(touches: Sequence[Touch], resource: str, makers: list[int]) -> list[int]:
    """Of the first n changes: how many there are up to the last that does more than add."""
    out = [0]
    for number, maker in enumerate(makers, 1):
        out.append(number if resource in touches[maker].changes else out[-1])
    return out
