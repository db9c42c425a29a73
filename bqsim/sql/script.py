"""Scripts: variables, control flow, dynamic SQL, procedures, exceptions and transactions."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from itertools import takewhile
from typing import TYPE_CHECKING

from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError, invalid_query

from .googlesql.prepass import positional_parameters
from .googlesql.script_tree import ScriptKind
from .plan import Context, StatementResult
from .scripting import (
    HANDLERS,
    TRANSACTIONS,
    ChildStatement,
    Frame,
    OnStart,
    Return,
    Run,
    check_script,
    dry_run,
)

if TYPE_CHECKING:
    from .executor import Executor
    from .googlesql import GoogleSql

# What a transaction control statement may begin with, beside comments.
_TRANSACTION = re.compile(r"\s*(?:begin|commit|rollback|#|--|/\*)", re.IGNORECASE)
_TEMPORARY_TABLE = re.compile(r"create\s+(?:or\s+replace\s+)?temp(?:orary)?\s+table\b", re.IGNORECASE)
_PROCEDURE = re.compile(r"\s*create\s+(?:or\s+replace\s+)?procedure\b", re.IGNORECASE)

__all__ = ["ChildStatement", "Frame", "ScriptRunner"]


class ScriptRunner:
    """Runs scripts. Thread-safe: the state of a run is its own."""

    def __init__(self, executor: Executor, googlesql: GoogleSql) -> None:
        self._executor = executor
        self._googlesql = googlesql
        executor.check_procedures(self._check_body)

    def _check_body(self, body: str, ctx: Context, session: Session) -> None:
        nodes = self._googlesql.parse_script(body)
        check_script(nodes, ctx.variables)
        inner = nodes[0].body if len(nodes) == 1 and nodes[0].kind is ScriptKind.BLOCK else nodes
        # What comes after a temporary table may need it.
        checked = takewhile(lambda n: not _TEMPORARY_TABLE.match(n.span.text), inner)
        dry_run(self._executor, tuple(checked), ctx, session)

    def is_script(self, sql: str) -> bool:
        """Whether a text is more than one statement or uses scripting. Raises its syntax error.

        One statement after CREATE TEMP FUNCTION statements is not a script: :meth:`Executor.run` takes
        it. CREATE
        PROCEDURE is one to BigQuery, for the script in it. A transaction control statement alone is none.
        """
        nodes = self._googlesql.parse_script(sql)
        if len(nodes) == 1 and nodes[0].kind in TRANSACTIONS:
            return False
        if any(n.kind is not ScriptKind.STATEMENT for n in nodes) or _PROCEDURE.match(sql):
            return True
        return len(nodes) > 1 and not all(self._executor.is_temp_function(n.span.text) for n in nodes[:-1])

    def is_transaction_control(self, sql: str) -> bool:
        """Whether a text is one BEGIN, COMMIT or ROLLBACK TRANSACTION."""
        if not _TRANSACTION.match(sql):
            return False
        nodes = self._googlesql.parse_script(sql)
        return len(nodes) == 1 and nodes[0].kind in TRANSACTIONS

    def dry_run(self, sql: str, ctx: Context, session: Session) -> StatementResult:
        """Check as much of a script as can be without running it, and say what that much would scan."""
        nodes = self._googlesql.parse_script(sql)
        check_script(nodes)
        return dry_run(self._executor, nodes, ctx, session, positional_parameters(sql))

    def run(
        self,
        sql: str,
        ctx: Context,
        session: Session,
        on_statement: Callable[[ChildStatement], None],
        cancelled: Callable[[], bool] = lambda: False,
        on_start: OnStart | None = None,
    ) -> list[StatementResult]:
        """Run a script; the results of its statements in the order they ran, the last one with its rows.

        ``ctx`` keeps the variables, temporary functions and settings that the script leaves, for sessions.
        ``on_statement`` is called after each statement, ``on_start`` before it; the statement fails with what
        that raises. Raises the failure that no handler caught, and
        ``Interrupted`` once ``cancelled``.
        """
        nodes = self._googlesql.parse_script(sql)
        check_script(nodes)
        marks = self._checked_parameters(sql, ctx)
        run = Run(self._executor, self._googlesql, ctx, session, on_statement, cancelled, HANDLERS, on_start)
        run.marks = marks
        succeeded = False
        try:
            with suppress(Return):
                run.block(nodes)
            succeeded = True
        except BigQueryError as error:
            raise run.located(error) from None
        finally:
            run.finish(succeeded=succeeded)
        return run.results

    def _checked_parameters(self, sql: str, ctx: Context) -> tuple[int, ...]:
        """Where the positional parameters stand; there must be a value for each."""
        marks = positional_parameters(sql)
        if marks and ctx.parameters:
            raise invalid_query("Cannot mix named and positional parameters in scripts at [1:1]")
        given = len(ctx.positional)
        if len(marks) > given:
            raise invalid_query(
                f"Script has {len(marks)} positional parameters but only {given} were supplied at [1:1]"
            )
        return marks
