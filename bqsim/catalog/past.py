"""What resources were a while ago, for reads that lag behind."""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Mapping
from typing import TypeVar

from .refs import DatasetRef, RoutineRef, TableRef
from .resources import Dataset, Routine, Table

Ref = DatasetRef | TableRef | RoutineRef
Resource = Dataset | Table | Routine
R = TypeVar("R", Dataset, Table, Routine)

# Changes that are remembered. Before the oldest of them all was as it was then.
CHANGES = 20_000


class Past:
    """The latest changes with what was there before each. Adding one is O(1); who writes takes turns."""

    def __init__(self, changes: int = CHANGES) -> None:
        self._limit = changes
        self._order: deque[Ref] = deque()
        # By reference: (time of the change, what was there before), oldest first.
        self._before: dict[Ref, deque[tuple[int, Resource | None]]] = {}

    def add(self, time_us: int, ref: Ref, before: Resource | None) -> None:
        """``ref`` changes at ``time_us`` (epoch microseconds) from ``before``; None: it did not exist."""
        known = self._before.get(ref)
        if known is None:
            known = self._before[ref] = deque()
        known.append((time_us, before))
        self._order.append(ref)
        if len(self._order) > self._limit:
            oldest = self._order.popleft()
            left = self._before[oldest]
            left.popleft()
            if not left:
                del self._before[oldest]

    def at(self, ref: Ref, time_us: int, now: R | None) -> R | None:
        """What ``ref`` was at ``time_us``, when it is ``now`` at present."""
        known = self._before.get(ref)
        if known is None:
            return now
        changes = list(known)
        at = bisect_right(changes, time_us, key=lambda change: change[0])
        return changes[at][1] if at < len(changes) else now  # type: ignore[return-value]

    def listed(
        self, time_us: int, kind: type[R], parent: str | DatasetRef, now: Mapping[str, R], after: str
    ) -> list[R]:
        """What a list showed at ``time_us``, by name and above ``after``; at present it holds ``now``.

        It lists what is of ``kind`` in a dataset, or the datasets of a project.
        """
        then: dict[str, R | None] = dict(now)
        for ref in list(self._before):
            of, name = _place(ref)
            if of == parent and ref.__class__ is _REFS[kind]:
                then[name] = self.at(ref, time_us, now.get(name))
        return [found for name, found in sorted(then.items()) if found is not None and name > after]


_REFS: Mapping[type[Resource], type[Ref]] = {Dataset: DatasetRef, Table: TableRef, Routine: RoutineRef}


def _place(ref: Ref) -> tuple[str | DatasetRef, str]:
    """What lists ``ref``, and the name it has there."""
    if isinstance(ref, DatasetRef):
        return ref.project, ref.dataset
    return ref.dataset_ref, ref.table if isinstance(ref, TableRef) else ref.routine
