"""Marks in the order of changes, to which the catalog can be put back."""

from __future__ import annotations

from dataclasses import dataclass, field

from .administration import State as Administered
from .history import DroppedDataset, TableVersion
from .models import State as Models
from .refs import DatasetRef, RoutineRef, TableRef
from .resources import Dataset, Routine


@dataclass(frozen=True, slots=True)
class TableState:
    """All that is known of a table's name: what is there, and what was."""

    version: TableVersion | None
    past: tuple[TableVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class DatasetState:
    dataset: Dataset | None
    dropped: tuple[DroppedDataset, ...] = ()


@dataclass(frozen=True, slots=True)
class RoutineState:
    routine: Routine | None


Ref = DatasetRef | TableRef | RoutineRef
State = TableState | DatasetState | RoutineState


@dataclass(slots=True, eq=False)
class Mark:
    """A moment. ``before`` is what was there before each first change after it, up to the next mark.

    Engine tables made later have numbers from ``engine_table`` on; ``projects`` were known, and the
    administration was in the state ``administered``; ``models`` were there.
    """

    engine_table: int
    projects: tuple[str, ...]
    before: dict[Ref, State] = field(default_factory=dict)
    administered: Administered = field(default_factory=Administered)
    models: Models = field(default_factory=dict)


class Marks:
    """The marks that are kept, oldest first. A change costs O(1) while there is one, else nothing."""

    def __init__(self) -> None:
        self._marks: list[Mark] = []

    def __bool__(self) -> bool:
        return bool(self._marks)

    def __contains__(self, mark: Mark) -> bool:
        return mark in self._marks

    def add(self, mark: Mark) -> None:
        """A mark of this moment."""
        self._marks.append(mark)

    @property
    def latest(self) -> Mark:
        return self._marks[-1]

    def since(self, mark: Mark) -> dict[Ref, State]:
        """What was there at ``mark`` where it has changed since."""
        merged: dict[Ref, State] = {}
        for one in reversed(self._marks[self._marks.index(mark) :]):
            merged.update(one.before)
        return merged

    def reset(self, mark: Mark) -> None:
        """All is as it was at ``mark``: later marks are gone."""
        del self._marks[self._marks.index(mark) + 1 :]
        mark.before.clear()

    def remove(self, mark: Mark) -> None:
        """Forget ``mark``; those before it go on. Takes as long as there were changes up to the next."""
        at = self._marks.index(mark)
        del self._marks[at]
        if at:
            before = self._marks[at - 1].before
            for ref, state in mark.before.items():
                before.setdefault(ref, state)
