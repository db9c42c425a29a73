"""What GoogleSQL may see of the catalog: the tables and routines that one statement names."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NoReturn

from bqsim.catalog.models import ModelRef
from bqsim.catalog.refs import DatasetRef, RoutineRef, TableRef
from bqsim.catalog.resources import Routine, Table, TableKind
from bqsim.errors import invalid, invalid_query, not_found, unsupported
from bqsim.sim.answers import Answers
from bqsim.sql.plan import Context
from bqsim.types import INT64, Field, Mode, Type, TypeKind

from .builtins import add_functions
from .options import set_builtins
from .prepass import Path, fold
from .types import type_to_proto
from .values import encode

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog

VirtualTables = Callable[[Path, Context], Table | None]

SUFFIX = Field("_TABLE_SUFFIX", TypeKind.STRING)
# The dataset of pinned tables that a query names without one.
DEFINED = ""
FILE_NAME = Field("_FILE_NAME", TypeKind.STRING)
PARTITION_TIME = Field("_PARTITIONTIME", TypeKind.TIMESTAMP)
PARTITION_DATE = Field("_PARTITIONDATE", TypeKind.DATE)
# Other names of INT64 (page "Data types", "Integer type"); GoogleSQL knows those of the other types.
INTEGER_NAMES = ("INT", "SMALLINT", "INTEGER", "BIGINT", "TINYINT", "BYTEINT")
MAX_SIBLINGS = 50
# GoogleSQL's id of the annotation that holds a column's collation.
_COLLATION = 1
_VIRTUAL = ("information_schema", "__tables__", "__tables_summary__")
_SESSION = "_session"
_DATASET_ID = re.compile(r"[\w-]{1,1024}")


@dataclass(frozen=True, slots=True)
class Source:
    """A table as a statement names it.

    ``pseudo`` are the columns after ``table.fields`` that ``*`` leaves out; ``matches`` are the tables
    behind a wildcard, sorted by name.
    """

    path: Path
    table: Table
    pseudo: tuple[Field, ...] = ()
    matches: tuple[Table, ...] = ()

    @property
    def columns(self) -> tuple[Field, ...]:
        """What the column indexes of a table scan count: the fields, then the pseudo columns."""
        return self.table.fields + self.pseudo

    def same_shape(self, other: Source) -> bool:
        """Whether a statement analysed with one reads the same with the other; rows may differ."""
        return (
            self.path == other.path
            and self.table.fields is other.table.fields
            and self.table.ref == other.table.ref
            and self.table.kind is other.table.kind
            and self.table.view_query == other.table.view_query
            and len(self.pseudo) == len(other.pseudo)
        )


@dataclass(frozen=True, slots=True)
class Definition:
    """A function, table function or procedure as GoogleSQL reads it. ``names`` are the paths in its body.

    ``uses`` are definitions that only its body knows: of its calls of builtin table functions, each with
    what it was ``made`` of.
    """

    kind: str
    proto: Any
    names: frozenset[Path]
    calls: frozenset[Path]
    uses: Mapping[Path, RoutineSource] = dataclasses.field(default_factory=dict)
    made: Any = None


@dataclass(frozen=True, slots=True)
class RoutineSource:
    """A routine as a statement names it; ``routine`` is None for a temporary function."""

    path: Path
    definition: Definition
    routine: Routine | None = None


@dataclass(frozen=True, slots=True)
class Visible:
    """Everything that a catalog must hold for a statement.

    It may hold more, but nothing else whose path is among those ``mentioned`` (folded, as GoogleSQL looks
    names up): that would be found where BigQuery finds nothing.
    """

    sources: dict[Path, Source]
    routines: dict[Path, RoutineSource]
    variables: tuple[tuple[str, Type], ...] = ()
    mentioned: frozenset[Path] = frozenset()


class Resolver:
    """Finds the tables and routines that paths mean."""

    def __init__(self, catalog: Catalog, virtual_tables: VirtualTables | None = None) -> None:
        self._catalog = catalog
        self.virtual_tables = virtual_tables
        # Gives external tables their rows.
        self.external: Callable[[Table], Table] | None = None

    def find(self, path: Path, context: Context) -> Source | None:
        """The table at the beginning of a path (what follows may be columns); None without one."""
        if len(path) == 1:
            return self._find_unqualified(path[0], context)
        if any(name.casefold() in _VIRTUAL for name in path):
            virtual = self.virtual_tables(path, context) if self.virtual_tables else None
            return Source(path, virtual) if virtual else None
        if path[0].casefold() == _SESSION and context.temp_dataset is not None:
            return self._find(path[:2], context.temp_dataset.table(path[1]), context)
        if len(path) > 2:
            found = self._find(path[:3], TableRef(*path[:3]), context)
            if found is not None:
                return found
        return self._find(path[:2], TableRef(context.project, path[0], path[1]), context)

    def _find_unqualified(self, name: str, context: Context) -> Source | None:
        defined = TableRef(context.project, DEFINED, name)
        if defined in context.pinned:
            return self._find((name,), defined, context)
        for dataset in (context.temp_dataset, context.default_dataset):
            found = self._find((name,), dataset.table(name), context) if dataset else None
            if found is not None:
                return found
        return None

    def _find(self, path: Path, ref: TableRef, context: Context) -> Source | None:
        table = context.pinned.get(ref) or self._catalog.find_table(ref)
        if table is None:
            return self._wildcard(path, ref) if ref.table.endswith("*") else None
        if table.kind is TableKind.EXTERNAL and self.external is not None:
            return Source(path, self.external(table), (FILE_NAME,))
        return Source(path, table, _partition_columns(table))

    def _wildcard(self, path: Path, ref: TableRef) -> Source | None:
        prefix = ref.table[:-1]
        if self._catalog.find_dataset(ref.dataset_ref) is None:
            return None
        kinds = (TableKind.TABLE, TableKind.EXTERNAL)
        tables = self._catalog.tables(ref.dataset_ref, after=prefix[:-1])
        found = [t for t in tables if t.ref.table.startswith(prefix)]
        views = [t.ref.api_name for t in found if t.view_query is not None]
        if views:
            raise invalid_query(
                f"Views cannot be queried through prefix. Matched views are: {', '.join(views)}"
            )
        matches = tuple(t for t in found if t.kind in kinds)
        if not matches:
            return None
        newest = max(matches, key=lambda t: (t.created_ms, t.ref.table))
        table = replace(newest, ref=ref, storage=None, num_rows=sum(t.num_rows for t in matches))
        return Source(path, table, (SUFFIX, *_partition_columns(newest)), matches)

    def siblings(self, source: Source, context: Context) -> Iterator[Source]:
        """Tables of the same dataset, under paths of the same form."""
        ref = source.table.ref
        if ref in context.pinned or source.path[-1] != ref.table or self._catalog.find_table(ref) is None:
            return
        for table in self._catalog.tables(ref.dataset_ref, limit=MAX_SIBLINGS):
            found = self.find((*source.path[:-1], table.ref.table), context)
            if found is not None and found.table is table:
                yield found

    def missing(self, path: Path, context: Context) -> NoReturn:
        """Raise BigQuery's error for a path that names no table."""
        if len(path) == 1:
            if context.default_dataset is None:
                raise invalid(f'Table "{path[0]}" must be qualified with a dataset (e.g. dataset.table).')
            ref = context.default_dataset.table(path[0])
        elif len(path) == 2:
            ref = TableRef(context.project, path[0], path[1])
        else:
            ref = TableRef(path[0], path[1], ".".join(path[2:]))
        if not _DATASET_ID.fullmatch(ref.dataset):
            raise invalid(
                f'Invalid dataset ID "{ref.dataset}". Dataset IDs must be alphanumeric (plus underscores and'
                " dashes) and must be at most 1024 characters long."
            )
        dataset = self._catalog.find_dataset(ref.dataset_ref)
        if dataset is None:
            raise not_found("Dataset", ref.dataset_ref.api_name, context.location)
        if ref.table.endswith("*"):
            raise invalid_query(f"{ref.api_name} does not match any table.")
        if "$" in ref.table or "@" in ref.table:
            raise invalid(f'Table "{".".join(path)}" cannot include decorator')
        raise not_found("Table", ref.api_name, dataset.location)

    def model(self, path: Path, context: Context, answers: Answers) -> str:
        """The full name of the model of a path; ``notFound`` for one that is not there and has no answers."""
        parts = [part for name in path for part in name.split(".")]
        if len(parts) == 1 and context.default_dataset is not None:
            parts = [context.default_dataset.project, context.default_dataset.dataset, *parts]
        elif len(parts) == 2:
            parts = [context.project, *parts]
        if len(parts) != 3:
            raise invalid(f'Model "{".".join(path)}" must be qualified with a dataset (e.g. dataset.model).')
        ref = ModelRef(*parts)
        supplied = any(a.subject.casefold() == ref.sql_name.casefold() for a in answers.all())
        if not supplied and self._catalog.models.find(ref) is None:
            raise not_found("Model", ref.api_name)
        return ref.sql_name

    def find_routine(self, path: Path, context: Context) -> Routine | None:
        """The routine of a path; None without one."""
        if len(path) == 1:
            dataset: DatasetRef | None = context.default_dataset
            ref = RoutineRef(dataset.project, dataset.dataset, path[0]) if dataset else None
        elif len(path) == 2:
            ref = RoutineRef(context.project, *path)
        elif len(path) == 3:
            ref = RoutineRef(*path)
        else:
            ref = None
        return self._catalog.find_routine(ref) if ref else None


def _partition_columns(table: Table) -> tuple[Field, ...]:
    """The pseudo columns of a table that is partitioned by ingestion time."""
    time = table.time_partitioning
    if time is None or time.field is not None:
        return ()
    return (PARTITION_TIME, PARTITION_DATE) if time.type == "DAY" else (PARTITION_TIME,)


def catalog_proto(
    sources: Iterable[Source], routines: Iterable[RoutineSource], variables: Iterable[tuple[str, Type]]
) -> Any:
    """A ``SimpleCatalogProto`` with BigQuery's builtins and the given things under their paths.

    A variable becomes a constant of its type without a value: values are put in when the statement is
    lowered.
    """
    from zetasql.wasi._pb2.zetasql.proto import simple_catalog_pb2

    root = simple_catalog_pb2.SimpleCatalogProto(name="bigquery")
    set_builtins(root.builtin_function_options)
    for name in INTEGER_NAMES:
        type_to_proto(INT64, root.named_type.add(name=name).type)
    catalogs: dict[Path, Any] = {(): root}
    add_functions(root, lambda path: _nested(catalogs, path))
    names: set[Path] = set()
    for source in sources:
        key = fold(source.path)
        if key in names:
            raise unsupported("A query of two tables whose names differ only in case")
        names.add(key)
        add_table(_nested(catalogs, source.path[:-1]), source.path[-1], source)
    for routine in routines:
        parent = _nested(catalogs, routine.path[:-1])
        repeated = {"function": "custom_function", "table_function": "custom_tvf", "procedure": "procedure"}
        if routine.definition.kind == "connection":
            parent.connection.add(name=routine.path[-1])
            continue
        proto = getattr(parent, repeated[routine.definition.kind]).add()
        proto.CopyFrom(routine.definition.proto)
        proto.name_path[:] = routine.path
    for name, type_ in variables:
        constant = root.constant.add(name_path=[name])
        type_to_proto(type_, constant.type)
        constant.value.SetInParent()
        encode(None, type_, constant.value)
    return root


def add_table(catalog: Any, name: str, source: Source) -> None:
    """Add a table under ``name`` to a ``SimpleCatalogProto``."""
    proto = catalog.table.add(name=name, full_name=source.table.ref.sql_name)
    for field in source.table.fields:
        column = proto.column.add(
            name=field.name, is_writable_column=True, has_default_value=field.default is not None
        )
        type_to_proto(field.type, column.type)
        if _is_collated(field):
            _annotate(field, column.annotation_map)
    for field in source.pseudo:
        # DML may say in which partition rows are, by the first of the two columns only.
        writable = field is PARTITION_TIME and source.table.kind is TableKind.TABLE and not source.matches
        column = proto.column.add(name=field.name, is_pseudo_column=True, is_writable_column=writable)
        type_to_proto(field.type, column.type)


def _nested(catalogs: dict[Path, Any], path: Path) -> Any:
    key = fold(path)
    found = catalogs.get(key)
    if found is None:
        found = catalogs[key] = _nested(catalogs, path[:-1]).catalog.add(name=path[-1])
    return found


def _is_collated(field: Field) -> bool:
    return bool(field.collation) or any(_is_collated(f) for f in field.fields)


def _annotate(field: Field, proto: Any) -> None:
    """Fill an ``AnnotationMapProto`` with the collations in a field."""
    if field.mode is Mode.REPEATED:
        proto = proto.array_element
    if field.collation:
        proto.annotations.add(id=_COLLATION).value.string_value = field.collation
    for inner in field.fields:
        part = proto.struct_fields.add()
        if _is_collated(inner):
            _annotate(inner, part)
        else:
            part.is_null = True
