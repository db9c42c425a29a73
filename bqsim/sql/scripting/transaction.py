"""BEGIN, COMMIT and ROLLBACK TRANSACTION."""

from __future__ import annotations

from bqsim.errors import invalid_query
from bqsim.sql.googlesql.script_tree import ScriptKind, ScriptNode
from bqsim.sql.plan import StatementResult

from .run import STATEMENT, Handler, Run


def _begin(run: Run, node: ScriptNode) -> None:
    if run.ctx.transaction is not None:
        raise invalid_query(
            "Transaction control statements are not supported inside a transaction: BEGIN TRANSACTION"
        )
    run.reported(node.span.text, node.span, STATEMENT, lambda: _begun(run))


def _begun(run: Run) -> StatementResult:
    run.ctx.transaction = run.executor.begin_transaction(run.session)
    run.ctx.now_us = run.ctx.transaction.start_us
    return StatementResult("BEGIN_TRANSACTION")


def _commit(run: Run, node: ScriptNode) -> None:
    run.reported(node.span.text, node.span, STATEMENT, lambda: _ended(run, "COMMIT_TRANSACTION"))


def _rollback(run: Run, node: ScriptNode) -> None:
    run.reported(node.span.text, node.span, STATEMENT, lambda: _ended(run, "ROLLBACK_TRANSACTION"))


def _ended(run: Run, statement_type: str) -> StatementResult:
    transaction = run.ctx.transaction
    if transaction is None:
        what = statement_type.partition("_")[0]
        raise invalid_query(f"There is no active transaction to {what} at this point")
    run.ctx.transaction, run.ctx.now_us = None, 0
    if statement_type == "COMMIT_TRANSACTION":
        transaction.commit()
    else:
        transaction.rollback()
    return StatementResult(statement_type)


TRANSACTIONS: dict[ScriptKind, Handler] = {
    ScriptKind.BEGIN_TRANSACTION: _begin,
    ScriptKind.COMMIT_TRANSACTION: _commit,
    ScriptKind.ROLLBACK_TRANSACTION: _rollback,
}
