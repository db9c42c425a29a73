"""Finding views by path: ``[project.][dataset|region-x.]INFORMATION_SCHEMA.VIEW``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import Dataset, Table, TableKind
from bqsim.errors import invalid, not_found
from bqsim.sim.stale import StaleView, seen, seen_through
from bqsim.sql.lower.pushdown import Condition
from bqsim.sql.plan import Context

from .partitions import PartitionSizes
from .registry import META, view_named
from .sources import NoHistory, Sources
from .view import Form, Scope, View

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session
    from bqsim.sql.statements.sizes import ColumnSizes

SCHEMA = "INFORMATION_SCHEMA"
# What reading a view is charged at least (page *INFORMATION_SCHEMA*, pricing).
BYTES = 10 * 1024 * 1024
_REGION = "region-"


@dataclass(frozen=True, slots=True)
class VirtualRows:
    """The rows of one use of a view, made in the session that reads them.

    ``wanted`` are the positions of the columns that are read (None: all), ``conditions`` what is asked of
    columns by position.
    """

    find: VirtualTables
    view: View
    project: str
    dataset: str | None
    region: str | None
    caller: str = ""
    wanted: frozenset[int] | None = None
    conditions: Mapping[int, Condition] = field(default_factory=dict)
    bytes_processed: ClassVar[int] = BYTES

    def narrowed(self, wanted: frozenset[int], conditions: Mapping[int, Condition]) -> VirtualRows:
        """The rows for a scan that reads some columns, and wants only rows that meet conditions."""
        return replace(self, wanted=wanted, conditions=conditions)

    @property
    def needs(self) -> tuple[str, ...]:
        """The permissions that reading it takes."""
        return self.view.needs

    def __call__(self, session: Session) -> pa.Table:
        view = seen()
        lag = view.information_schema if view is not None else 0
        with seen_through(StaleView(metadata=lag, table=lag) if lag else view):
            return self.view.table(self._scope(session), self.wanted)

    def _scope(self, session: Session) -> Scope:
        named = {self.view.fields[at].name: condition for at, condition in self.conditions.items()}
        find = self.find
        return Scope(
            catalog=find.catalog,
            sizes=find.sizes,
            partitions=find.partitions,
            sources=find.sources,
            session=session,
            project=self.project,
            region=None if self.region is None else self.region.casefold(),
            found=find.datasets(self.project, self.dataset, self.region),
            caller=self.caller,
            conditions=named,
        )


class VirtualTables:
    """Finds virtual tables by path: what ``GoogleSql.virtual_tables`` is to be."""

    def __init__(self, catalog: Catalog, sizes: ColumnSizes) -> None:
        self.catalog = catalog
        self.sizes = sizes
        self.partitions = PartitionSizes(sizes.statistics)
        self.sources = Sources(NoHistory())

    def __call__(self, path: tuple[str, ...], context: Context) -> Table | None:
        """The table of a path with INFORMATION_SCHEMA, or of ``[project.]dataset.__TABLES__``.

        None for other paths; ``notFound`` when the view or what qualifies it does not exist.
        """
        folded = [p.upper() for p in path]
        if SCHEMA in folded:
            at = folded.index(SCHEMA)
            return self._information_schema(path[:at], path[at + 1 :], context)
        if folded[-1] in META and len(path) > 1:
            project, dataset = (context.project, path[0]) if len(path) == 2 else (path[0], path[1])
            self._known(DatasetRef(project, dataset), context)
            return self._virtual(META[folded[-1]], context, project, dataset, None, f"{dataset}")
        return None

    def _information_schema(
        self, qualifier: Sequence[str], rest: Sequence[str], context: Context
    ) -> Table | None:
        if len(rest) != 1:
            return None
        name = rest[0]
        project, dataset, region, form = self._qualified(qualifier, context)
        view = view_named(name)
        shown = ".".join((*qualifier, SCHEMA, name))
        if view is None:
            raise not_found("Table", f"{context.project}:{shown}", context.location)
        if region is not None and region.casefold() != context.location.casefold():
            raise not_found("Table", f"{project}:{_REGION}{region}.{SCHEMA}.{name}", context.location)
        if not qualifier and form not in view.form:
            # The default dataset says nothing to what is not about datasets.
            dataset, form = None, Form.PROJECT
        if form is Form.DATASET and dataset is not None:
            self._known(DatasetRef(project, dataset), context)
        if form not in view.form:
            if form is Form.PROJECT:
                raise invalid(f'Table "{shown}" must be qualified with a dataset (e.g. dataset.table).')
            raise not_found(
                "Table", f"{project}:{'.'.join((*qualifier[-1:], SCHEMA, name))}", context.location
            )
        schema = ".".join((*qualifier[-1:], SCHEMA))
        return self._virtual(view, context, project, dataset, region, schema)

    def _qualified(
        self, qualifier: Sequence[str], context: Context
    ) -> tuple[str, str | None, str | None, Form]:
        """(project, dataset, region, form) of what stands before INFORMATION_SCHEMA."""
        if not qualifier:
            default = context.default_dataset
            return (
                (default.project, default.dataset, None, Form.DATASET)
                if default
                else (context.project, None, None, Form.PROJECT)
            )
        project = qualifier[0] if len(qualifier) > 1 else context.project
        last = qualifier[-1]
        if last.casefold().startswith(_REGION):
            return project, None, last[len(_REGION) :], Form.REGION
        if len(qualifier) == 1 and self._is_project(last, context):
            return last, None, None, Form.PROJECT
        return project, last, None, Form.DATASET

    def _is_project(self, name: str, context: Context) -> bool:
        if self._exists(DatasetRef(context.project, name)):
            return False
        return name == context.project or name in self.catalog.projects()

    def _exists(self, ref: DatasetRef) -> bool:
        return self.catalog.find_dataset(ref) is not None

    def _known(self, ref: DatasetRef, context: Context) -> None:
        if not self._exists(ref):
            raise not_found("Dataset", ref.api_name, context.location)

    def _virtual(
        self,
        view: View,
        context: Context,
        project: str,
        dataset: str | None,
        region: str | None,
        schema: str,
    ) -> Table:
        if dataset is None and region is None:
            region = context.location
        rows = VirtualRows(self, view, project, dataset, region, context.caller)
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

    def datasets(self, project: str, dataset: str | None, region: str | None) -> list[Dataset]:
        """What a view qualified so is about, hidden datasets left out."""
        if dataset is not None:
            found = self.catalog.find_dataset(DatasetRef(project, dataset))
            return [found] if found else []
        return [
            d
            for d in self.catalog.datasets(project)
            if not d.ref.dataset.startswith("_")
            and (region is None or d.location.casefold() == region.casefold())
        ]
