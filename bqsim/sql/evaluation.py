"""Expressions of scripts: their values, with the types that variables require."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError, invalid_query
from bqsim.types import INT64, Field, Type

from .lower.external import calls_external
from .lower.literals import Open, literal_sql
from .lower.registry import Unsupported
from .plan import Context, StatementResult, TypedValue
from .simple import Compiled, NotSimple, compiled
from .values import python_value, same_form

if TYPE_CHECKING:
    from .executor import Executor
    from .googlesql import Analyzed

Position = tuple[int, int]
# How many expressions of a script are kept ready.
MAX_READY = 1000
_GAP = re.compile("\x02([^\x02]+)\x02")


@dataclass(slots=True)
class _Ready:
    """An expression whose values for other values of its variables need no analysis.

    ``simple`` computes it here; else the engine SQL is ``pieces`` with the variables ``gaps`` between them.
    """

    type: Type
    target: Type
    simple: Compiled | None
    analyzed: Analyzed
    schema: tuple[Field, ...] = ()
    pieces: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    lowered: bool = False

    def engine_sql(self, ctx: Context) -> str:
        parts = [self.pieces[0]]
        for name, piece in zip(self.gaps, self.pieces[1:], strict=True):
            value = ctx.variables[name]
            parts += (literal_sql(value.type, value.value), piece)
        return "".join(parts)


def null(type_: Type | None) -> TypedValue:
    """A NULL; without a type it is INT64, as GoogleSQL has it."""
    return TypedValue(type_ or INT64, None)


class Evaluator:
    """Computes expressions in one engine session."""

    def __init__(self, executor: Executor, session: Session) -> None:
        self._executor = executor
        self._session = session
        self._ready: OrderedDict[Hashable, _Ready] = OrderedDict()

    def value(
        self, sql: str, ctx: Context, target: Type | None = None, start: Position = (1, 1)
    ) -> tuple[TypedValue, StatementResult | None]:
        """The value of an expression, coerced to ``target``, and the result of the query that computed
        it, if it read tables.
        """
        key = _key(sql, ctx, target)
        ready = self._ready.get(key)
        if ready is None:
            ready = self._analyzed(sql, ctx, target, start)
            if key is not None and not ready.analyzed.sources and not ready.analyzed.routines:
                self._ready[key] = ready
                if len(self._ready) > MAX_READY:
                    self._ready.popitem(last=False)
        if ready.simple is not None:
            try:
                return TypedValue(ready.target, ready.simple(ctx.variables)), None
            except NotSimple:
                pass
        if not ready.lowered:
            self._lower(ready, ctx)
        if ready.pieces:
            try:
                rows = self._session.query(ready.engine_sql(ctx), ready.schema)
                cell = rows.column(0)[0].as_py()
                return TypedValue(ready.target, python_value(cell, ready.type)), None
            except Unsupported:
                pass
        result = self._executor.run_analyzed(ready.analyzed, ctx, self._session)
        cell = result.rows.column(0)[0].as_py()
        return TypedValue(ready.target, python_value(cell, ready.type)), result

    def _analyzed(self, sql: str, ctx: Context, target: Type | None, start: Position) -> _Ready:
        analyzed = self._executor.analyze_expression(sql, ctx, start)
        type_ = analyzed.output_columns()[0][2]
        if target is not None and type_ != target:
            analyzed, type_ = self._coercing(sql, ctx, type_, target, start)
        try:
            simple = compiled(analyzed.statement)
        except NotSimple:
            simple = None
        return _Ready(type_, target or type_, simple, analyzed)

    def _lower(self, ready: _Ready, ctx: Context) -> None:
        """Make the engine SQL with gaps for variables, of an expression that depends on nothing else."""
        analyzed, ready.lowered = ready.analyzed, True
        if analyzed.sources or analyzed.routines or analyzed.expansion is not None or "@@" in analyzed.sql:
            return
        opened = {name: TypedValue(value.type, Open(name)) for name, value in ctx.variables.items()}
        lowering = self._executor.planner.lowering(analyzed, replace(ctx, variables=opened))
        try:
            plan = lowering.query()
        except Unsupported:
            return
        if plan.inputs or plan.tables or not plan.deterministic or calls_external(plan.sql):
            return
        parts = _GAP.split(plan.sql)
        ready.schema, ready.pieces, ready.gaps = plan.schema, tuple(parts[::2]), tuple(parts[1::2])

    def _coercing(
        self, sql: str, ctx: Context, type_: Type, target: Type, start: Position
    ) -> tuple[Any, Type]:
        """The expression as the common type of itself and ``target``, which must be ``target``."""
        line, column = start
        wider = f"IF(TRUE, (\n{sql}\n), CAST(NULL AS {target}))"
        try:
            analyzed = self._executor.analyze_expression(wider, ctx, (line - 1, column))
        except BigQueryError as error:
            if "No matching signature" not in error.message:
                raise
            raise _cannot_coerce(sql, type_, target, start) from None
        found = analyzed.output_columns()[0][2]
        if not same_form(found, target):
            raise _cannot_coerce(sql, type_, target, start)
        return analyzed, found

    def coerced(self, value: TypedValue, target: Type, ctx: Context) -> TypedValue:
        """A value as ``target``, by GoogleSQL's coercions."""
        if value.type == target or value.value is None or same_form(value.type, target):
            return TypedValue(target, value.value)
        name = "_bq_value"
        inner = Context(ctx.project, time_zone=ctx.time_zone, variables={name: value})
        return self.value(name, inner, target)[0]

    def cast(self, value: TypedValue, type_: str, ctx: Context) -> TypedValue:
        """A value as the type that a text names, with its parameters: ``STRING(10)``."""
        if value.value is None:
            return value
        name = "_bq_value"
        inner = Context(ctx.project, time_zone=ctx.time_zone, variables={name: value})
        return TypedValue(value.type, self.value(f"CAST({name} AS {type_})", inner)[0].value)

    def check_assignable(self, type_: Type, target: Type, ctx: Context) -> None:
        """Raise unless values of a type can be coerced to another."""
        if type_ != target and not same_form(type_, target):
            name = "_bq_value"
            inner = Context(ctx.project, time_zone=ctx.time_zone, variables={name: TypedValue(type_, None)})
            self._coercing(name, inner, type_, target, (1, 1))

    def type_of(self, sql: str, ctx: Context) -> Type:
        """The type that a text such as ``ARRAY<STRING(10)>`` names."""
        return self._executor.analyze_expression(f"CAST(NULL AS {sql})", ctx).output_columns()[0][2]

    def rows(self, result: StatementResult, row_type: Type, limit: int | None = None) -> Iterator[list[Any]]:
        """The rows of a result, each a list of values."""
        if result.rows is None:
            raise invalid_query("The statement does not return rows")
        table = result.rows if limit is None else result.rows.slice(0, limit)
        for batch in table.to_batches(max_chunksize=1024):
            columns = [column.to_pylist() for column in batch.columns]
            for cells in zip(*columns, strict=True):
                yield python_value(cells, row_type)


def _key(sql: str, ctx: Context, target: Type | None) -> Hashable | None:
    """What the analysis of an expression that reads no tables depends on; None when that is too much."""
    if ctx.parameters or ctx.positional:
        return None
    return (
        sql,
        target,
        ctx.time_zone,
        tuple(ctx.temp_functions.items()),
        tuple((name, value.type) for name, value in ctx.variables.items()),
    )


def _cannot_coerce(sql: str, type_: Type, target: Type, start: Position) -> BigQueryError:
    line, column = start
    return invalid_query(
        f"Cannot coerce expression {sql} of type {type_} to type {target} at [{line}:{column}]"
    )
