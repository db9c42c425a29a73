"""One run of a script: its state, and how statements and expressions of it are run and reported."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bqsim.engine.protocol import Interrupted, Session
from bqsim.errors import BigQueryError, invalid_query
from bqsim.sql.evaluation import Evaluator
from bqsim.sql.googlesql.script_tree import ScriptKind, ScriptNode, Span
from bqsim.sql.plan import Context, StatementResult, TypedValue
from bqsim.types import BOOL, INT64, Type

from .checks import error_at

if TYPE_CHECKING:
    from bqsim.sql.executor import Executor
    from bqsim.sql.googlesql import GoogleSql

STATEMENT, EXPRESSION = "STATEMENT", "EXPRESSION"
# Page *Procedural language*: the greatest size of a variable, and of all of them.
MAX_VARIABLE_BYTES = 1024 * 1024
MAX_VARIABLES_BYTES = 10 * MAX_VARIABLE_BYTES
_SIZED = frozenset({str, bytes, list, dict})


def size_of(value: Any) -> int:
    """About the bytes that a value takes."""
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    if isinstance(value, bytes):
        return len(value)
    if isinstance(value, list):
        return sum(map(size_of, value))
    if isinstance(value, dict):
        return sum(map(size_of, value.values()))
    return 8


@dataclass(frozen=True, slots=True)
class Frame:
    """A place in a script or procedure; ``procedure`` is empty at the top level. Lines and columns count
    from 1.
    """

    line: int
    column: int
    text: str
    procedure: str = ""


@dataclass(frozen=True, slots=True)
class ChildStatement:
    """A statement of a script that ran: its text, where it stands (innermost frame first), what came of it.

    ``evaluation_kind`` is EXPRESSION for expressions of control statements, which are reported when they
    read tables. ``transaction_id`` is that of the transaction that it is part of, its beginning and end
    included. Times are epoch microseconds.
    """

    text: str
    frames: tuple[Frame, ...]
    evaluation_kind: str
    started_us: int
    ended_us: int
    result: StatementResult | None = None
    error: BigQueryError | None = None
    transaction_id: str | None = None

    @property
    def line(self) -> int:
        return self.frames[0].line

    @property
    def column(self) -> int:
        return self.frames[0].column


OnStatement = Callable[[ChildStatement], None]
# The text, frames and evaluation kind of a statement that is about to run.
OnStart = Callable[[str, tuple[Frame, ...], str], None]


class Jump(Exception):
    """BREAK or CONTINUE on its way to its loop."""

    def __init__(self, label: str) -> None:
        super().__init__(label)
        self.label = label.casefold()


class Break(Jump):
    pass


class Continue(Jump):
    pass


class Return(Exception):
    """RETURN on its way out."""


@dataclass(slots=True)
class Failure:
    """An exception being handled, as @@error shows it."""

    error: BigQueryError
    frames: tuple[Frame, ...]


Handler = Callable[["Run", ScriptNode], None]


class Run:
    """One run of a script."""

    def __init__(
        self,
        executor: Executor,
        googlesql: GoogleSql,
        ctx: Context,
        session: Session,
        on_statement: OnStatement,
        cancelled: Callable[[], bool],
        handlers: Mapping[ScriptKind, Handler],
        on_start: OnStart | None = None,
    ) -> None:
        self.executor = executor
        self.googlesql = googlesql
        self.ctx = ctx
        self.session = session
        self.on_statement = on_statement
        self.on_start = on_start
        self.cancelled = cancelled
        self.handlers = handlers
        self.results: list[StatementResult] = []
        self.evaluator = Evaluator(executor, session)
        self.calls: list[Frame] = []
        self.procedure = ""
        self.handling: list[Failure] = []
        self.failed_at: tuple[Frame, ...] = ()
        # The statement's own time; in a transaction, that of its beginning.
        self.ctx.now_us = ctx.transaction.start_us if ctx.transaction is not None else 0
        self.ctx.cancelled = cancelled
        # Where the positional parameters of the text being run stand: they are counted over all of it.
        self.marks: tuple[int, ...] = ()
        self._sizes: dict[str, int] = {}
        # The types with parameters of variables.
        self.constraints: dict[str, str] = {}

    # Statements

    def block(self, nodes: Sequence[ScriptNode]) -> None:
        """Run statements; the variables declared among them end with them, except at the top of the
        script.
        """
        for node in nodes:
            self.statement(node)

    def statement(self, node: ScriptNode) -> None:
        if self.cancelled():
            raise Interrupted
        try:
            self.handlers[node.kind](self, node)
        except BigQueryError:
            if not self.failed_at:
                self.failed_at = self.frames(node.span)
            raise

    def frames(self, span: Span) -> tuple[Frame, ...]:
        return (Frame(span.line, span.column, span.text, self.procedure), *reversed(self.calls))

    def execute(
        self, node: ScriptNode, text: str | None = None, ctx: Context | None = None
    ) -> StatementResult:
        """Run one SQL statement and report it."""
        span = node.span
        sql = span.text if text is None else text
        start = span.position if text is None else (1, 1)
        inner = ctx or self.context(span)
        return self.reported(
            sql, span, STATEMENT, lambda: self.executor.run(sql, inner, self.session, start=start)
        )

    def context(self, *spans: Span) -> Context:
        """The context of pieces of the text: with the positional parameters that stand in them."""
        if not self.marks:
            return self.ctx
        positional: tuple[TypedValue, ...] = ()
        for span in spans:
            first, last = bisect_left(self.marks, span.start), bisect_left(self.marks, span.end)
            positional += self.ctx.positional[first:last]
        return replace(self.ctx, positional=positional)

    def reported(
        self, sql: str, span: Span, evaluation_kind: str, work: Callable[[], StatementResult]
    ) -> StatementResult:
        clock = self.executor.clock
        started = clock.now_us()
        frames = self.frames(span)
        before = self.ctx.transaction

        def tell(result: StatementResult | None, error: BigQueryError | None = None) -> None:
            transaction = before or self.ctx.transaction
            part_of = transaction.id if transaction is not None else None
            times = (started, clock.now_us())
            self.on_statement(
                ChildStatement(sql, frames, evaluation_kind, *times, result, error, transaction_id=part_of)
            )

        try:
            if self.on_start is not None:
                self.on_start(sql, frames, evaluation_kind)
                started = clock.now_us()
            result = work()
        except BigQueryError as error:
            tell(None, error)
            raise
        tell(result)
        if evaluation_kind == STATEMENT:
            if self.results:
                self.results[-1] = replace(self.results[-1], rows=None)
            self.results.append(result)
            if result.dml is not None:
                self.ctx.system_variables["row_count"] = TypedValue(INT64, result.dml.total)
        return result

    def value(self, span: Span | None, target: Type | None = None, *others: Span) -> TypedValue:
        """The value of an expression, coerced to ``target``; reported when it reads tables.

        ``others`` are the pieces of the text that it is made of, when it is not one.
        """
        assert span is not None
        ctx = self.context(*(others or (span,)))
        value, result = self.evaluator.value(span.text, ctx, target, span.position)
        if result is not None and result.tables:
            self.reported(span.text, span, EXPRESSION, lambda: result)
        return value

    def holds(self, span: Span | None, *others: Span) -> bool:
        """Whether a condition is true; NULL is not."""
        return bool(self.value(span, BOOL, *others).value)

    def constrain(self, name: str, type_: str) -> None:
        """Have a variable be of a type with parameters such as ``STRING(10)``; of none for an empty text."""
        self.constraints.pop(name.casefold(), None)
        if type_:
            self.constraints[name.casefold()] = type_

    def put(self, name: str, value: TypedValue) -> None:
        """Assign to a variable. Its size is bounded, and that of all of them."""
        key = name.casefold()
        if key in self.constraints:
            value = self.evaluator.cast(value, self.constraints[key], self.ctx)
        if value.value.__class__ in _SIZED:
            self._check_size(name, key, value.value)
        self.ctx.variables[key] = value

    def _check_size(self, name: str, key: str, value: Any) -> None:
        size = size_of(value)
        if size > MAX_VARIABLE_BYTES:
            raise invalid_query(
                f"Script variable {name} exceeded the size limit of {MAX_VARIABLE_BYTES} bytes"
            )
        self._sizes[key] = size
        if sum(self._sizes.values()) > MAX_VARIABLES_BYTES:
            raise invalid_query(f"Script exceeded the memory limit of {MAX_VARIABLES_BYTES} bytes")

    # Errors

    def located(self, error: BigQueryError) -> BigQueryError:
        """The error as the script's failure shows it: with the place of the failing statement."""
        return located(error, self.failed_at)

    def finish(self, *, succeeded: bool) -> None:
        """Roll back the transaction that is open, unless it may outlive the script."""
        if self.ctx.transaction is not None and not (succeeded and self.ctx.keeps_transaction):
            self.ctx.transaction.rollback()
            self.ctx.transaction = None
        self.ctx.now_us = 0

    def take_transaction(self, ctx: Context) -> None:
        """Go on in the transaction that is open in ``ctx``, or in none."""
        transaction = self.ctx.transaction = ctx.transaction
        self.ctx.now_us = transaction.start_us if transaction is not None else 0


# A message that tells its place already.
_PLACED = re.compile(r" at \[[^\]]*\d+:\d+\]\Z")


def located(error: BigQueryError, frames: Sequence[Frame]) -> BigQueryError:
    if error.reason.name != "invalidQuery" or error.message.startswith("Query error: "):
        return error
    message = f"Query error: {error.message}"
    if frames and not _PLACED.search(message):
        message += f" at [{frames[0].line}:{frames[0].column}]"
    return BigQueryError(error.reason.name, message, location=error.location)


def variable(run: Run, name: str, place: tuple[int, int]) -> TypedValue:
    """A declared variable, named at a place. Raises when there is none."""
    value = run.ctx.variables.get(name.casefold())
    if value is None:
        raise error_at(place, f"Undeclared variable: {name}")
    return value


@contextmanager
def scope(ctx: Context) -> Iterator[None]:
    """Forget at the end the variables that the block declares."""
    before = set(ctx.variables)
    try:
        yield
    finally:
        for name in [n for n in ctx.variables if n not in before]:
            del ctx.variables[name]
