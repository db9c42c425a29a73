"""From SQL text to GoogleSQL's resolved tree, with BigQuery's names and error texts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from bqsim.catalog.resources import Table
from bqsim.settings import Settings
from bqsim.sql.plan import Context
from bqsim.types import Type

from . import resolved
from .catalog import Path, Resolver, Source, catalog_proto
from .errors import from_sql_error, from_trap
from .host import SqlError, Trapped
from .options import analyzer_options, language_options
from .pool import Instance, Pool
from .prepass import Prepared, prepare
from .types import type_from_proto, type_to_proto
from .values import encode


@dataclass(frozen=True, slots=True)
class Analyzed:
    """One analysed statement.

    ``sql`` is the text that GoogleSQL read, ``original_sql`` the user's. ``statement`` is the resolved statement node and
    ``kind`` its name (``resolved_query_stmt``). ``sources`` are the tables named, by the ``full_name``
    (``project.dataset.table``) that table scans carry. ``parameters`` are the types of the parameters.
    """

    sql: str
    original_sql: str
    statement: Any
    kind: str
    sources: Mapping[str, Source]
    parameters: Mapping[str, Type] = field(default_factory=dict)

    @property
    def tables(self) -> dict[str, Table]:
        return {name: source.table for name, source in self.sources.items()}

    def output_columns(self) -> list[tuple[str, int, Type]]:
        """(name, column id, type) of each output column of a query, as GoogleSQL names them."""
        return [
            (c.name, c.column.column_id, type_from_proto(c.column.type))
            for c in self.statement.output_column_list
        ]


class GoogleSql:
    """Analyses statements against a catalog. Thread-safe; loads the module at first use or :meth:`start`."""

    def __init__(
        self,
        catalog: Any,
        settings: Settings,
        progress: Callable[[str], None] | None = None,
        virtual_table: Callable[[Path, Context], Table | None] | None = None,
    ) -> None:
        self._settings = settings
        self._resolver = Resolver(catalog, virtual_table)
        self._pool = Pool(settings.analyzers, settings.cache_dir, progress)
        self._deadline_s = settings.statement_timeout_s

    def start(self) -> None:
        """Load the module, compiling it when this user's cache has none. Idempotent."""
        self._pool.start()

    def close(self) -> None:
        self._pool.close()

    def analyze(self, sql: str, ctx: Context) -> Analyzed:
        """Analyse one statement. Raises BigQueryError with positions of the given text."""
        prepared = prepare(sql, self._settings.max_query_chars, self._settings.max_query_nesting)
        with self._pool.instance() as instance:
            try:
                return self._analyze(instance, prepared, ctx)
            except SqlError as error:
                raise from_sql_error(error, prepared) from None
            except Trapped as trap:
                raise from_trap(trap) from None

    def analyze_expression(self, sql: str, ctx: Context) -> Analyzed:
        """Analyse a scalar expression, as the query ``SELECT (<expression>)``."""
        return self.analyze(f"SELECT (\n{sql}\n)", ctx)

    def _analyze(self, instance: Instance, prepared: Prepared, ctx: Context) -> Analyzed:
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

        sources: dict[Path, Source] = {}
        for path in self._table_paths(instance, prepared.sql):
            source = self._resolver.resolve(path, ctx)
            if source is not None:
                sources[source.path] = source
        catalog_id = self._registered(instance, sources, ctx)
        request = service.AnalyzeRequest(sql_statement=prepared.sql, registered_catalog_id=catalog_id)
        options = request.options
        options.CopyFrom(analyzer_options(ctx.time_zone, "@@" in prepared.sql))
        if ctx.positional:
            options.parameter_mode = 2
            for value in ctx.positional:
                type_to_proto(value.type, options.positional_query_parameters.add())
        else:
            for name, value in ctx.parameters.items():
                type_to_proto(value.type, options.query_parameters.add(name=name).type)
        options.allow_undeclared_parameters = ctx.undeclared_parameters_allowed
        answer = instance.call("Analyze", request.SerializeToString(), self._deadline_s)
        response = service.AnalyzeResponse.FromString(answer)
        statement = response.resolved_statement
        return Analyzed(
            prepared.sql,
            prepared.original,
            resolved.unwrap(statement),
            resolved.kind_of(statement),
            {source.table.ref.sql_name: source for source in sources.values()},
        )

    def _table_paths(self, instance: Instance, sql: str) -> list[Path]:
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

        request = service.ExtractTableNamesFromStatementRequest(sql_statement=sql, options=language_options())
        answer = instance.call(
            "ExtractTableNamesFromStatement", request.SerializeToString(), self._deadline_s
        )
        response = service.ExtractTableNamesFromStatementResponse.FromString(answer)
        return [tuple(t.table_name_segment) for t in response.table_name]

    def _registered(self, instance: Instance, sources: Mapping[Path, Source], ctx: Context) -> int:
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

        variables = tuple((name, value.type) for name, value in sorted(ctx.variables.items()))
        key = (
            tuple(
                sorted(
                    (path, id(s.table.fields), tuple(f.name for f in s.pseudo)) for path, s in sources.items()
                )
            ),
            variables,
        )
        known = instance.catalogs.get(key)
        if known is not None:
            return known[0]

        def extras(root: Any) -> None:
            for name, type_ in variables:
                constant = root.constant.add(name_path=[name])
                type_to_proto(type_, constant.type)
                encode(None, type_, constant.value)
                constant.value.SetInParent()

        request = service.RegisterCatalogRequest(simple_catalog=catalog_proto(sources.values(), extras))
        answer = instance.call("RegisterCatalog", request.SerializeToString(), self._deadline_s)
        catalog_id = service.RegisterResponse.FromString(answer).registered_id
        # The sources are kept so that the identities in the key stay theirs.
        instance.catalogs[key] = (catalog_id, tuple(sources.values()))
        return int(catalog_id)
