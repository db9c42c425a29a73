"""A catalog in memory for tests of the SQL front end."""

from __future__ import annotations

from typing import Any

from bqsim.catalog.refs import DatasetRef, RoutineRef, TableRef
from bqsim.catalog.resources import Dataset, Routine, Table, TableKind
from bqsim.sql.plan import Context
from bqsim.types import INT64, NUMERIC, STRING, Type, array_of, field_of

PROJECT = "p"
DATASET = DatasetRef(PROJECT, "d")
COLUMNS = (("a", INT64), ("b", STRING), ("c", array_of(INT64)), ("n", NUMERIC))


class MemoryCatalog:
    """The part of ``bqsim.catalog.store.Catalog`` that reads."""

    def __init__(self) -> None:
        self.datasets: set[DatasetRef] = {DATASET}
        self.found: dict[TableRef, Table] = {}
        self.found_routines: dict[RoutineRef, Routine] = {}

    def add(self, name: str, *columns: tuple[str, Type], **more: Any) -> Table:
        ref = DATASET.table(name)
        fields = tuple(field_of(n, t) for n, t in columns or COLUMNS)
        kind = more.pop("kind", TableKind.TABLE)
        created = more.pop("created_ms", 0)
        table = Table(ref, kind, fields, created, 0, "etag", "US", **more)
        self.found[ref] = table
        return table

    def add_routine(self, name: str, ddl: str) -> Routine:
        ref = RoutineRef(PROJECT, "d", name)
        self.found_routines[ref] = Routine(ref, 0, 0, "etag", ddl)
        return self.found_routines[ref]

    def find_dataset(self, ref: DatasetRef) -> Dataset | None:
        return Dataset(ref, "US", 0, 0, "etag") if ref in self.datasets else None

    def find_table(self, ref: TableRef) -> Table | None:
        return self.found.get(ref)

    def find_routine(self, ref: RoutineRef) -> Routine | None:
        return self.found_routines.get(ref)

    def tables(self, dataset: DatasetRef, after: str = "", limit: int | None = None) -> list[Table]:
        refs = sorted(r for r in self.found if r.dataset_ref == dataset and r.table > after)
        return [self.found[ref] for ref in refs[:limit]]


def context(**more: Any) -> Context:
    """A context of project ``p`` with the default dataset ``d``."""
    return Context(PROJECT, DATASET, **more)
