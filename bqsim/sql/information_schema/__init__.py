"""INFORMATION_SCHEMA and ``__TABLES__``: tables whose rows come from the catalog when they are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import Dataset, Table, TableKind
from bqsim.errors import not_found, unsupported
from bqsim.sim.stale import StaleView, seen, seen_through
from bqsim.sql.plan import Context

from . import routines, storage, tables
from .view import Row, Scope, View

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session
    from bqsim.sql.statements.sizes import ColumnSizes

SCHEMA = "INFORMATION_SCHEMA"
VIEWS: dict[str, View] = {v.name: v for v in (*tables.VIEWS, *storage.VIEWS, *routines.VIEWS)}
META: dict[str, View] = {v.name: v for v in storage.META_TABLES}
# What reading a view is charged at least (page *INFORMATION_SCHEMA*, pricing).
BYTES = 10 * 1024 * 1024
_REGION = "region-"
# Views that BigQuery has and bqsim does not answer; each with all that begins so.
_UNSUPPORTED = (
    "JOBS",
    "SESSIONS",
    "RESERVATION",
    "ASSIGNMENT",
    "CAPACITY",
    "STREAMING_TIMELINE",
    "WRITE_API_TIMELINE",
    "SEARCH_INDEX",
    "VECTOR_INDEX",
    "OBJECT_PRIVILEGES",
    "INSIGHTS",
    "RECOMMENDATIONS",
    "BI_CAPACIT",
    "SCHEMATA_LINKS",
    "SCHEMATA_REPLICAS",
    "SHARED_DATASET_USAGE",
    "PROPERTY_GRAPHS",
    "TABLE_STORAGE_",
)


@dataclass(frozen=True, slots=True)
class VirtualRows:
    """The rows of one use of a view, made in the session that reads them."""

    find: VirtualTables
    view: View
    project: str
    dataset: str | None
    region: str | None
    bytes_processed: ClassVar[int] = BYTES

    def __call__(self, session: Session) -> pa.Table:
        from bqsim.types.arrow import arrow_schema

        view = seen()
        lag = view.information_schema if view is not None else 0
        with seen_through(StaleView(metadata=lag, table=lag) if lag else view):
            rows = list(self.view.rows(self.find.scope(session, self.project, self.dataset, self.region)))
        return _table(rows, arrow_schema(self.view.fields))


def _table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    import pyarrow as pa

    columns = list(zip(*rows, strict=True)) or [()] * len(schema)
    arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)


class VirtualTables:
    """Finds virtual tables by path: what ``GoogleSql.virtual_tables`` is to be."""

    def __init__(self, catalog: Catalog, sizes: ColumnSizes) -> None:
        self._catalog = catalog
        self._sizes = sizes

    def __call__(self, path: tuple[str, ...], context: Context) -> Table | None:
        """The table of ``[project.][dataset|region-x.]INFORMATION_SCHEMA.VIEW`` or
        ``[project.]dataset.__TABLES__``.

        None for other paths; ``notFound`` when the view or what qualifies it does not exist.
        """
        folded = [p.upper() for p in path]
        if SCHEMA in folded:
            at = folded.index(SCHEMA)
            return self._information_schema(path[:at], path[at + 1 :], context)
        if folded[-1] in META and len(path) > 1:
            project, dataset = (context.project, path[0]) if len(path) == 2 else (path[0], path[1])
            self._known(DatasetRef(project, dataset), context)
            return self._virtual(META[folded[-1]], project, dataset, None, f"{dataset}")
        return None

    def _information_schema(
        self, qualifier: Sequence[str], rest: Sequence[str], context: Context
    ) -> Table | None:
        if len(rest) != 1:
            return None
        name = rest[0]
        project, dataset, region = self._qualified(qualifier, context)
        view = VIEWS.get(name)
        shown = ".".join((*qualifier, SCHEMA, name))
        if view is None:
            if name.startswith(_UNSUPPORTED):
                raise unsupported(f"INFORMATION_SCHEMA.{name}")
            raise not_found("Table", f"{context.project}:{shown}", context.location)
        if region is not None and region.casefold() != context.location.casefold():
            raise not_found("Table", f"{project}:{_REGION}{region}.{SCHEMA}.{name}", context.location)
        if dataset is not None and not view.per_project:
            self._known(DatasetRef(project, dataset), context)
        elif view.per_project:
            dataset = None
        return self._virtual(view, project, dataset, region, ".".join((*qualifier[-1:], SCHEMA)))

    def _qualified(self, qualifier: Sequence[str], context: Context) -> tuple[str, str | None, str | None]:
        """(project, dataset, region) of what stands before INFORMATION_SCHEMA."""
        if not qualifier:
            default = context.default_dataset
            return (default.project, default.dataset, None) if default else (context.project, None, None)
        project = qualifier[0] if len(qualifier) > 1 else context.project
        last = qualifier[-1]
        if last.casefold().startswith(_REGION):
            return project, None, last[len(_REGION) :]
        if len(qualifier) == 1 and last == context.project and not self._exists(DatasetRef(project, last)):
            return last, None, None
        return project, last, None

    def _exists(self, ref: DatasetRef) -> bool:
        return self._catalog.find_dataset(ref) is not None

    def _known(self, ref: DatasetRef, context: Context) -> None:
        if not self._exists(ref):
            raise not_found("Dataset", ref.api_name, context.location)

    def _virtual(
        self, view: View, project: str, dataset: str | None, region: str | None, schema: str
    ) -> Table:
        rows = VirtualRows(self, view, project, dataset, region)
        return Table(
            ref=TableRef(project, schema, view.name),
            kind=TableKind.VIEW,
            fields=view.fields,
            created_ms=0,
            modified_ms=0,
            etag="",
            location="",
            metadata={"virtual": rows},
        )

    def scope(self, session: Session, project: str, dataset: str | None, region: str | None) -> Scope:
        """What a view qualified so is about."""
        catalog = self._catalog
        if dataset is not None:
            found = catalog.find_dataset(DatasetRef(project, dataset))
            datasets: list[Dataset] = [found] if found else []
        else:
            datasets = [
                d
                for d in catalog.datasets(project)
                if not d.ref.dataset.startswith("_")
                and (region is None or d.location.casefold() == region.casefold())
            ]
        return Scope(catalog, self._sizes, session, datasets)


__all__ = ["VIEWS", "VirtualRows", "VirtualTables"]
