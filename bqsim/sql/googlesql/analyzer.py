"""From SQL text to GoogleSQL's resolved tree, with BigQuery's names and error texts."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import RoutineRef, TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.codecs.messages import parse_deep
from bqsim.errors import BigQueryError
from bqsim.settings import Settings
from bqsim.sim.answers import Answers
from bqsim.sql.plan import Context
from bqsim.types import Type

from . import refusals, resolved
from .catalog import Definition, Resolver, RoutineSource, Source, VirtualTables, Visible
from .connections import connections_in
from .errors import from_sql_error, from_trap, missing_table
from .host import SqlError, Trapped
from .options import Mentions, language_options, serialised_options
from .pool import Instance, Pool
from .prepass import Names, Path, Prepared, is_single_statement, leading_keyword, prepare
from .registry import registered
from .routines import definition_of
from .scalar_functions import SHAPED
from .script_tree import ScriptKind, ScriptNode, Span, read_script
from .table_function_bodies import BY_PATH
from .table_functions import Around, Expansion, Made, constant_value, expand, mentions, not_constant
from .types import type_from_proto, type_to_proto

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog

MAX_CACHED = 512
MAX_CACHED_CHARS = 32 * 1024
_POSITIONAL = 1
_EXPRESSION = "SELECT ("


@dataclass(frozen=True, slots=True)
class Analyzed:
    """One analysed statement.

    ``sql`` is the text that GoogleSQL read, ``original_sql`` the user's. ``statement`` is the resolved
    statement node and ``kind`` its name (``resolved_query_stmt``). ``sources`` are the tables named, by the
    ``full_name`` (``project.dataset.table``) that table scans carry. ``parameters`` are the types of the
    named parameters, and of the positional ones as ``"1"``, ``"2"`` …, those that the text leaves
    undeclared included. ``expansion`` is set when it calls builtin table functions; ``answers`` are what
    users supply for functions, ``made`` what its calls of builtin table functions are made of, those in the
    bodies of its routines included.
    """

    sql: str
    original_sql: str
    statement: Any
    kind: str
    sources: Mapping[str, Source]
    routines: tuple[RoutineRef, ...] = ()
    parameters: Mapping[str, Type] | None = None
    expansion: Expansion | None = None
    answers: Answers | None = None
    made: Mapping[str, Made] = field(default_factory=dict)

    @property
    def tables(self) -> dict[str, Table]:
        """The tables named, by ``project.dataset.table``."""
        return {name: source.table for name, source in self.sources.items()}

    @property
    def views(self) -> tuple[TableRef, ...]:
        """The views among the tables named."""
        return tuple(s.table.ref for s in self.sources.values() if s.table.view_query is not None)

    def output_columns(self) -> list[tuple[str, int, Type]]:
        """(name, column id, type) of each output column of a query, as GoogleSQL names them."""
        columns = self.statement.output_column_list
        return [(c.name, c.column.column_id, type_from_proto(c.column.type)) for c in columns]

    def functions(self) -> frozenset[str]:
        """The functions called, as ``group:name``: ``ZetaSQL:sum``."""
        nodes = resolved.walk(self.statement)
        return frozenset(n.function.name for n in map(_call, nodes) if n is not None)


def _call(node: Any) -> Any:
    while "function" not in node.DESCRIPTOR.fields_by_name:
        if "parent" not in node.DESCRIPTOR.fields_by_name:
            return None
        node = node.parent
    return node if node.DESCRIPTOR.name == "ResolvedFunctionCallBaseProto" else None


class GoogleSql:
    """Analyses statements against a catalog. Thread-safe; loads the module at first use or :meth:`start`.

    ``virtual_tables`` may later be assigned what finds INFORMATION_SCHEMA views by path.
    """

    def __init__(
        self,
        catalog: Catalog,
        settings: Settings,
        progress: Callable[[str], None] | None = None,
        virtual_tables: VirtualTables | None = None,
    ) -> None:
        self._settings = settings
        self._resolver = Resolver(catalog, virtual_tables)
        self.pool = Pool(settings.analyzers, settings.cache_dir, progress)
        self.deadline_s = settings.statement_timeout_s
        self._cache: OrderedDict[Hashable, tuple[Analyzed, Visible]] = OrderedDict()
        self._definitions: OrderedDict[Hashable, Definition] = OrderedDict()
        self._lock = threading.Lock()
        # What users supply for functions that need services or models.
        self.answers = Answers()

    @property
    def virtual_tables(self) -> VirtualTables | None:
        return self._resolver.virtual_tables

    @virtual_tables.setter
    def virtual_tables(self, find: VirtualTables | None) -> None:
        self._resolver.virtual_tables = find

    def read_external(self, readable: Callable[[Table], Table]) -> None:
        """Let ``readable`` give external tables their rows."""
        self._resolver.external = readable

    def tables_named(self, sql: str, ctx: Context) -> list[TableRef]:
        """The tables that a text may name, of those that there are; for a text that cannot be analysed."""
        found = []
        for path in sorted(self.prepare(sql).names.paths):
            try:
                source = self._resolver.find(path, ctx)
            except BigQueryError:
                continue
            if source is not None and (
                source.table.kind is TableKind.EXTERNAL or "virtual" not in source.table.metadata
            ):
                found += [table.ref for table in source.matches or (source.table,)]
        return found

    def start(self) -> None:
        """Load the module, compiling it when this user's cache has none, and run a first analysis.

        Idempotent.
        """
        self.analyze("SELECT 1", Context(self._settings.project))

    def close(self) -> None:
        """Stop the deadline thread; instances go when their calls end."""
        self.pool.close()

    def prepare(self, sql: str) -> Prepared:
        """The text as GoogleSQL reads it; refuses what is too large or too deep."""
        return prepare(sql, self._settings.max_query_chars, self._settings.max_query_nesting)

    def analyze(self, sql: str, ctx: Context, start: tuple[int, int] = (1, 1)) -> Analyzed:
        """Analyse one statement. ``start`` is its line and column in the user's text, for error positions."""
        key = _key(sql, ctx)
        known = None if ctx.pinned else self._remembered(key, ctx)
        if known is not None:
            return known
        prepared = self.prepare(sql)
        try:
            with self.pool.instance() as instance:
                analyzed, visible = self._analyze(instance, prepared, ctx)
        except SqlError as error:
            raise from_sql_error(error, prepared, start) from None
        except Trapped as trap:
            raise from_trap(trap) from None
        # Constant arguments of table functions may be parameters, whose values are not in the key.
        given = ctx.parameters or ctx.positional or ctx.variables
        # What calls are answered from may be supplied anew.
        answered = any(made.answer for made in analyzed.made.values())
        if not ctx.pinned and not answered and not (analyzed.expansion and given):
            self._remember(key, analyzed, visible)
        return analyzed

    def analyze_expression(self, sql: str, ctx: Context, start: tuple[int, int] = (1, 1)) -> Analyzed:
        """Analyse a scalar expression, as the query ``SELECT (<expression>)``."""
        line, column = start
        return self.analyze(f"{_EXPRESSION}{sql}\n)", ctx, (line, column - len(_EXPRESSION)))

    def parse_script(self, sql: str) -> tuple[ScriptNode, ...]:
        """The statements of a text. One that is no scripting statement costs no parsing."""
        if is_single_statement(sql):
            prepare(sql, self._settings.max_query_chars, self._settings.max_query_nesting)
            text = sql.rstrip()
            return (ScriptNode(ScriptKind.STATEMENT, Span(text, 0, len(text), 1, 1)),)
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

        prepared = self.prepare(sql)
        request = service.ParseRequest(
            sql_statement=prepared.sql, options=language_options(), allow_script=True
        )
        try:
            with self.pool.instance() as instance:
                answer = instance.call("Parse", request.SerializeToString(), self.deadline_s)
        except SqlError as error:
            raise from_sql_error(error, prepared) from None
        except Trapped as trap:
            raise from_trap(trap) from None
        return read_script(parse_deep(service.ParseResponse, answer).parsed_script, prepared)

    def statement_kind(self, sql: str) -> str:
        """The first keyword of a text in upper case (SELECT, WITH, CREATE …), without parsing it."""
        return leading_keyword(sql)

    # Analysis

    def _analyze(
        self, instance: Instance, prepared: Prepared, ctx: Context, defining: tuple[str, ...] = ()
    ) -> tuple[Analyzed, Visible]:
        if mentions(prepared.names.calls, BY_PATH) or mentions(prepared.names.calls, SHAPED):
            expansion = self._expanded(instance, prepared, ctx)
            if expansion.names:
                try:
                    return self._resolve(instance, expansion.prepared, ctx, defining, expansion)
                except SqlError as error:
                    raise expansion.error(error) from None
        return self._resolve(instance, prepared, ctx, defining)

    def _expanded(self, instance: Instance, prepared: Prepared, ctx: Context) -> Expansion:
        """The statement with definitions for its calls of builtin table functions."""
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

        def constant(text: str) -> Any:
            try:
                analyzed, _ = self._resolve(instance, self.prepare(f"SELECT {text}"), ctx)
                return constant_value(analyzed.statement, ctx)
            except (SqlError, LookupError):
                raise not_constant(text) from None

        request = service.ParseRequest(sql_statement=prepared.sql, options=language_options())
        answer = instance.call("Parse", request.SerializeToString(), self.deadline_s)
        tree = parse_deep(service.ParseResponse, answer).parsed_statement

        def model(path: Path) -> str:
            return self._resolver.model(path, ctx, self.answers)

        def columns(text: str) -> tuple[tuple[str, Type], ...]:
            source = text if text.startswith("(") else text.split(None, 1)[1]
            analyzed, _ = self._analyze(instance, self.prepare(f"SELECT * FROM {source}"), ctx)
            return tuple((name, type_) for name, _, type_ in analyzed.output_columns())

        around = Around(constant, self._defined, self.answers.find, model, columns)
        return expand(prepared, resolved.unwrap(tree), BY_PATH, around, SHAPED)

    def _defined(self, key: Hashable, make: Callable[[], Definition]) -> Definition:
        """A definition that is kept by ``key``."""
        with self._lock:
            known = self._definitions.get(key)
            if known is None:
                known = self._definitions[key] = make()
                if len(self._definitions) > MAX_CACHED:
                    self._definitions.popitem(last=False)
            return known

    def _resolve(
        self,
        instance: Instance,
        prepared: Prepared,
        ctx: Context,
        defining: tuple[str, ...] = (),
        expansion: Expansion | None = None,
    ) -> tuple[Analyzed, Visible]:
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

        visible = self.visible(instance, prepared, ctx, defining)
        if expansion is not None:
            visible.routines.update(expansion.routines)
        catalog_id = registered(
            instance, visible, self.deadline_s, lambda source: self._resolver.siblings(source, ctx)
        )
        request = service.AnalyzeRequest(sql_statement=prepared.sql, registered_catalog_id=catalog_id)
        _set_parameters(request.options, prepared, ctx)
        options = serialised_options(ctx.time_zone, Mentions.of(prepared.sql))
        try:
            answer = instance.call("Analyze", options + request.SerializeToString(), self.deadline_s)
        except SqlError as error:
            path = missing_table(error)
            if path is not None:
                self._resolver.missing(path, ctx)
            raise
        response = parse_deep(service.AnalyzeResponse, answer)
        statement = resolved.unwrap(response.resolved_statement)
        kind = resolved.kind_of(response.resolved_statement)
        refusals.check(statement, prepared.sql)
        analyzed = Analyzed(
            prepared.sql,
            prepared.original,
            statement,
            kind,
            {source.table.ref.sql_name: source for source in visible.sources.values()},
            tuple(r.routine.ref for r in visible.routines.values() if r.routine is not None),
            _parameters(statement, ctx),
            expansion,
            self.answers,
            {path[-1]: r.definition.made for path, r in visible.routines.items() if r.definition.made},
        )
        return analyzed, visible

    def visible(
        self, instance: Instance, prepared: Prepared, ctx: Context, defining: tuple[str, ...] = ()
    ) -> Visible:
        """What a statement may name: tables, routines with what their bodies name, variables.

        ``defining`` are the CREATE statements of routines that are being read, which cannot name themselves.
        """
        sources: dict[Path, Source] = {}
        routines: dict[Path, RoutineSource] = {}
        names = prepared.names
        pending = [(names.paths, names.calls)]
        while pending:
            paths, calls = pending.pop()
            for path in paths | calls:
                source = self._resolver.find(path, ctx)
                if source is not None:
                    sources.setdefault(source.path, source)
            for path in calls:
                if path in routines:
                    continue
                found = self._routine(instance, path, ctx, defining)
                if found is not None:
                    routines[path] = found
                    routines.update(found.definition.uses)
                    pending.append((found.definition.names, found.definition.calls))
        if "connection" in prepared.sql.casefold():
            routines.update((c.path, c) for c in connections_in(prepared.sql))
        mentioned = names.mentioned()
        for routine in routines.values():
            mentioned |= Names(routine.definition.names, routine.definition.calls).mentioned()
        named = ((n, v.type) for n, v in sorted(ctx.variables.items()) if (n.casefold(),) in mentioned)
        return Visible(sources, routines, tuple(named), mentioned)

    def _routine(
        self, instance: Instance, path: Path, ctx: Context, defining: tuple[str, ...]
    ) -> RoutineSource | None:
        if len(path) == 1 and ctx.temp_functions:
            folded = path[0].casefold()
            ddl = next((ddl for name, ddl in ctx.temp_functions.items() if name.casefold() == folded), None)
            if ddl is not None and ddl not in defining:
                return RoutineSource(path, self._definition(instance, ddl, ctx, defining))
        routine = self._resolver.find_routine(path, ctx)
        if routine is None or routine.ddl in defining:
            return None
        return RoutineSource(path, self._definition(instance, routine.ddl, ctx, defining), routine)

    def _definition(
        self, instance: Instance, ddl: str, ctx: Context, defining: tuple[str, ...]
    ) -> Definition:
        key = (ddl, ctx.project, ctx.default_dataset, self.answers.version)
        known = self._definitions.get(key)
        if known is not None:
            return known
        inner = Context(ctx.project, ctx.default_dataset, temp_dataset=ctx.temp_dataset)
        inner.temp_functions = ctx.temp_functions
        analyzed, _ = self._analyze(instance, self.prepare(ddl), inner, (*defining, ddl))
        definition = definition_of(analyzed.kind, analyzed.statement)
        if analyzed.expansion is not None:
            definition = replace(definition, uses=analyzed.expansion.routines)
        with self._lock:
            self._definitions[key] = definition
            if len(self._definitions) > MAX_CACHED:
                self._definitions.popitem(last=False)
        return definition

    # The cache of analyses: by text and context, valid while what the text names keeps its shape.

    def _remembered(self, key: Hashable, ctx: Context) -> Analyzed | None:
        with self._lock:
            found = self._cache.get(key)
            if found is None:
                return None
            self._cache.move_to_end(key)
        analyzed, visible = found
        sources = {}
        for path, source in visible.sources.items():
            now = self._resolver.find(path, ctx)
            if now is None or not now.same_shape(source):
                return None
            sources[now.table.ref.sql_name] = now
        for path, routine in visible.routines.items():
            if routine.routine is not None and self._resolver.find_routine(path, ctx) is not routine.routine:
                return None
        return replace(analyzed, sources=sources)

    def _remember(self, key: Hashable, analyzed: Analyzed, visible: Visible) -> None:
        if len(analyzed.sql) > MAX_CACHED_CHARS:
            return
        with self._lock:
            self._cache[key] = (analyzed, visible)
            while len(self._cache) > MAX_CACHED:
                self._cache.popitem(last=False)


def _key(sql: str, ctx: Context) -> Hashable:
    return (
        sql,
        ctx.project,
        ctx.default_dataset,
        ctx.temp_dataset,
        ctx.time_zone,
        ctx.undeclared_parameters_allowed,
        tuple((name, value.type) for name, value in ctx.parameters.items()),
        tuple(value.type for value in ctx.positional),
        tuple((name, value.type) for name, value in ctx.variables.items()),
        tuple(ctx.temp_functions.items()),
    )


def _set_parameters(options: Any, prepared: Prepared, ctx: Context) -> None:
    if ctx.positional or (not ctx.parameters and "?" in prepared.sql):
        options.parameter_mode = _POSITIONAL
        for value in ctx.positional:
            type_to_proto(value.type, options.positional_query_parameters.add())
    for name, value in ctx.parameters.items():
        type_to_proto(value.type, options.query_parameters.add(name=name).type)
    # Positions are given all or none: the analyzer takes no others beside those.
    if ctx.undeclared_parameters_allowed and not ctx.positional:
        options.allow_undeclared_parameters = True


def _parameters(statement: Any, ctx: Context) -> dict[str, Type]:
    types = {name: value.type for name, value in ctx.parameters.items()}
    types.update((str(at), value.type) for at, value in enumerate(ctx.positional, 1))
    if ctx.undeclared_parameters_allowed:
        for node in resolved.walk(statement):
            if node.DESCRIPTOR.name == "ResolvedParameterProto":
                types.setdefault(node.name or str(node.position), type_from_proto(resolved.get(node, "type")))
    return types
