"""What GoogleSQL may see of the catalog: the tables that one statement names, as nested catalogs."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Dataset, Table, TableKind
from bqsim.errors import invalid_query, not_found
from bqsim.sql.plan import Context
from bqsim.types import Field, TypeKind

from .options import set_builtins
from .types import type_to_proto

Path = tuple[str, ...]
SUFFIX = Field("_TABLE_SUFFIX", TypeKind.STRING)
PARTITION_TIME = Field("_PARTITIONTIME", TypeKind.TIMESTAMP)
PARTITION_DATE = Field("_PARTITIONDATE", TypeKind.DATE)


@dataclass(frozen=True, slots=True)
class Source:
    """A table as a statement names it. ``pseudo`` are the columns after ``table.fields`` that ``*`` leaves out;
    ``matches`` are the tables behind a wildcard, sorted by name."""

    path: Path
    table: Table
    pseudo: tuple[Field, ...] = ()
    matches: tuple[Table, ...] = ()

    @property
    def columns(self) -> tuple[Field, ...]:
        """What the indexes of a table scan count: the fields, then the pseudo columns."""
        return self.table.fields + self.pseudo


class Resolver:
    """Finds the tables that paths mean."""

    def __init__(self, catalog: Any, virtual_table: Callable[[Path, Context], Table | None] | None) -> None:
        self._catalog = catalog
        self._virtual_table = virtual_table

    def resolve(self, path: Path, context: Context) -> Source | None:
        """The table of a path; None when it is none of the catalog's (an alias, an array column).

        Raises BigQuery's error when the path names a table or dataset that does not exist.
        """
        if self._virtual_table is not None:
            virtual = self._virtual_table(path, context)
            if virtual is not None:
                return Source(path, virtual)
        if len(path) == 1:
            return self._unqualified(path[0], context)
        project, dataset, name = (context.project, *path) if len(path) == 2 else path[:3]
        ref = TableRef(project, dataset, name)
        if name.endswith("*"):
            return self._wildcard(path[:3], ref, context)
        table = self._catalog.find_table(ref)
        if table is None and len(path) > 2:
            # ds.t.array_column: the project may be left out.
            shorter = self._catalog.find_table(TableRef(context.project, path[0], path[1]))
            if shorter is not None:
                return self._source(path[:2], shorter)
        if table is None:
            self._missing(ref, context)
        return self._source(path[:3], table)

    def _unqualified(self, name: str, context: Context) -> Source:
        for dataset in (context.temp_dataset, context.default_dataset):
            if dataset is not None:
                table = self._catalog.find_table(dataset.table(name))
                if table is not None:
                    return self._source((name,), table)
        if context.default_dataset is None:
            raise invalid_query(f'Table "{name}" must be qualified with a dataset (e.g. dataset.table).')
        if name.endswith("*"):
            return self._wildcard((name,), context.default_dataset.table(name), context)
        return self._missing(context.default_dataset.table(name), context)

    def _missing(self, ref: TableRef, context: Context) -> Any:
        dataset = self._catalog.find_dataset(ref.dataset_ref)
        if dataset is None:
            raise not_found("Dataset", ref.dataset_ref.api_name, context.location)
        raise not_found("Table", ref.api_name, dataset.location)

    def _source(self, path: Path, table: Table) -> Source:
        partitioning = table.time_partitioning
        if partitioning is None or partitioning.field is not None:
            return Source(path, table)
        pseudo = (PARTITION_TIME, PARTITION_DATE) if partitioning.type == "DAY" else (PARTITION_TIME,)
        return Source(path, table, pseudo)

    def _wildcard(self, path: Path, ref: TableRef, context: Context) -> Source:
        prefix = ref.table[:-1]
        dataset: Dataset | None = self._catalog.find_dataset(ref.dataset_ref)
        if dataset is None:
            raise not_found("Dataset", ref.dataset_ref.api_name, context.location)
        tables = self._catalog.tables(ref.dataset_ref)
        matches = tuple(
            t
            for t in tables
            if t.ref.table.startswith(prefix) and t.kind in (TableKind.TABLE, TableKind.EXTERNAL)
        )
        if not matches:
            raise invalid_query(f"{ref.api_name} does not match any table.")
        newest = max(matches, key=lambda t: t.created_ms)
        table = replace(newest, ref=ref, storage=None, num_rows=sum(t.num_rows for t in matches))
        return Source(path, table, (SUFFIX,), matches)


def catalog_proto(sources: Iterable[Source], extras: Callable[[Any], None] | None = None) -> Any:
    """A ``SimpleCatalogProto`` with BigQuery's builtins and the given tables under their paths."""
    from zetasql.wasi._pb2.zetasql.proto import simple_catalog_pb2

    root = simple_catalog_pb2.SimpleCatalogProto(name="bigquery")
    set_builtins(root.builtin_function_options)
    catalogs: dict[Path, Any] = {(): root}
    for source in sources:
        parent = _nested(catalogs, source.path[:-1])
        proto = parent.table.add(name=source.path[-1], full_name=source.table.ref.sql_name)
        for field in source.table.fields:
            column = proto.column.add(
                name=field.name, is_writable_column=True, has_default_value=bool(field.default)
            )
            type_to_proto(field.type, column.type)
        for field in source.pseudo:
            column = proto.column.add(name=field.name, is_pseudo_column=True, is_writable_column=False)
            type_to_proto(field.type, column.type)
    if extras is not None:
        extras(root)
    return root


def _nested(catalogs: dict[Path, Any], path: Path) -> Any:
    key = tuple(name.casefold() for name in path)
    found = catalogs.get(key)
    if found is None:
        found = catalogs[key] = _nested(catalogs, path[:-1]).catalog.add(name=path[-1])
    return found
