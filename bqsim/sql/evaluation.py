"""Expressions of scripts: their values, with the types that variables require."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError, invalid_query
from bqsim.types import INT64, Type

from .plan import Context, StatementResult, TypedValue
from .simple import NotSimple, value_of
from .values import python_value, same_form

if TYPE_CHECKING:
    from .executor import Executor

Position = tuple[int, int]


def null(type_: Type | None) -> TypedValue:
    """A NULL; without a type it is INT64, as GoogleSQL has it."""
    return TypedValue(type_ or INT64, None)


class Evaluator:
    """Computes expressions in one engine session."""

    def __init__(self, executor: Executor, session: Session) -> None:
        self._executor = executor
        self._session = session

    def value(
        self, sql: str, ctx: Context, target: Type | None = None, start: Position = (1, 1)
    ) -> tuple[TypedValue, StatementResult | None]:
        """The value of an expression, coerced to ``target``, and the result of the query that computed
        it, if any.
        """
        analyzed = self._executor.analyze_expression(sql, ctx, start)
        type_ = analyzed.output_columns()[0][2]
        if target is not None and type_ != target:
            analyzed, type_ = self._coercing(sql, ctx, type_, target, start)
        try:
            return TypedValue(target or type_, value_of(analyzed.statement, ctx.variables)), None
        except NotSimple:
            result = self._executor.run_analyzed(analyzed, ctx, self._session)
        cell = result.rows.column(0)[0].as_py()
        return TypedValue(target or type_, python_value(cell, type_)), result

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


def _cannot_coerce(sql: str, type_: Type, target: Type, start: Position) -> BigQueryError:
    line, column = start
    return invalid_query(
        f"Cannot coerce expression {sql} of type {type_} to type {target} at [{line}:{column}]"
    )
