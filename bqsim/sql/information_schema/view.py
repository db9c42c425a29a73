"""What a view of INFORMATION_SCHEMA is: a name, columns, and what gives its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqsim.catalog.resources import Dataset, Routine, Table
from bqsim.types import Field, Mode, TypeKind

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session
    from bqsim.sql.statements.sizes import ColumnSizes


@dataclass(frozen=True, slots=True)
class Scope:
    """What one use of a view is about: ``datasets`` are those of its qualifier, hidden ones left out."""

    catalog: Catalog
    sizes: ColumnSizes
    session: Session
    datasets: Sequence[Dataset]

    def tables(self) -> Iterator[Table]:
        for dataset in self.datasets:
            yield from self.catalog.tables(dataset.ref)

    def routines(self) -> Iterator[Routine]:
        for dataset in self.datasets:
            yield from self.catalog.routines(dataset.ref)


Row = Sequence[Any]


@dataclass(frozen=True, slots=True)
class View:
    """A view: ``rows`` gives tuples in the order of ``fields``; ``per_project`` when a dataset cannot
    qualify it.
    """

    name: str
    fields: tuple[Field, ...]
    rows: Callable[[Scope], Iterable[Row]]
    per_project: bool = False


_KINDS = {
    "S": TypeKind.STRING,
    "I": TypeKind.INT64,
    "T": TypeKind.TIMESTAMP,
    "B": TypeKind.BOOL,
    "J": TypeKind.JSON,
}


def columns(text: str) -> tuple[Field, ...]:
    """Fields from ``name`` (a STRING) or ``name:I`` (INT64), ``:T`` (TIMESTAMP), ``:B``, ``:J``; ``[]``
    makes an ARRAY.
    """
    fields = []
    for item in text.split():
        name, _, kind = item.partition(":")
        mode = Mode.REPEATED if kind.endswith("[]") else Mode.NULLABLE
        fields.append(Field(name, _KINDS[kind.removesuffix("[]") or "S"], mode))
    return tuple(fields)
