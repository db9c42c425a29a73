"""``row_restriction``: a condition on rows, analysed by GoogleSQL and lowered to the engine."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError
from bqsim.sim.iam.gate import calling_groups
from bqsim.sql.googlesql import resolved
from bqsim.sql.googlesql.prepass import COMMENT, QUOTED, STRING_LITERAL
from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import Unsupported
from bqsim.sql.lower.scans import pseudo_column, scan_columns
from bqsim.sql.plan import Context
from bqsim.sql.statements import partition_filter
from bqsim.storage.errors import from_bigquery, invalid_argument
from bqsim.types.arrow import column_names

from .projection import LABEL
from .sources import FAILED, ResultRows, Source, StoredRows

if TYPE_CHECKING:
    from bqsim.sql.executor import Executor
    from bqsim.sql.googlesql import Analyzed

# Page "Quotas and limits".
MAX_RESTRICTION_BYTES = 1024 * 1024

# What the structure of a text depends on; literals and quoted names are skipped.
_STRUCTURE = re.compile(
    rf"(?:{STRING_LITERAL}|{QUOTED})|(?P<comment>{COMMENT})|(?P<open>[(\[{{])|(?P<close>[)\]}}])|(?P<end>;)",
    re.DOTALL,
)
_CLOSING = {"(": ")", "[": "]", "{": "}"}
# Nodes that have no place in a condition on one row.
_REFUSED = frozenset(
    f"Resolved{name}"
    for name in (
        "SubqueryExpr",
        "AggregateFunctionCall",
        "AnalyticFunctionCall",
        "Parameter",
        "SystemVariable",
        "Constant",
    )
)
# Functions with another value each time: a stream could not be resumed.
_VOLATILE = frozenset({"rand", "generate_uuid"})


class Restrictions:
    """Makes engine conditions of row restrictions."""

    def __init__(self, executor: Executor) -> None:
        self._executor = executor

    def condition(self, source: Source, text: str, caller: str, now_us: int) -> str | None:
        """The engine condition of a restriction over the rows as relation ``t``; None for all rows.

        Raises INVALID_ARGUMENT for what is no condition, or filters no partition where it must.
        """
        if len(text.encode()) > MAX_RESTRICTION_BYTES:
            raise invalid_argument(
                "read_session.read_options.row_restriction exceeded maximum allowed length. "
                f"Maximum bytes allowed: {MAX_RESTRICTION_BYTES}"
            )
        table = source.table
        if not text.strip():
            if table.require_partition_filter:
                self._analyzed(source, "TRUE", caller, now_us)
            return None
        analyzed, context = self._analyzed(source, text, caller, now_us)
        scan = resolved.unwrap(resolved.unwrap(analyzed.statement.query).input_scan)
        condition = resolved.unwrap(scan.filter_expr)
        if analyzed.routines or any(resolved.node_name(n) in _REFUSED for n in resolved.walk(condition)):
            raise _invalid(source, text)
        if any(name.partition(":")[2] in _VOLATILE for name in analyzed.functions()):
            raise _too_complex(text)
        low = self._executor.planner.lowering(analyzed, context)
        low.places.update(places(source, resolved.unwrap(scan.input_scan)))
        try:
            sql = nodes.render(low.expression(condition))
        except (Unsupported, RecursionError):
            raise _too_complex(text) from None
        except BigQueryError as error:
            raise from_bigquery(error, f"{FAILED}Query error: ") from None
        if low.shared.inputs:
            raise _too_complex(text)
        return sql

    def _is_current(self, source: Source) -> bool:
        """Whether queries see the table as the source has it."""
        if isinstance(source, ResultRows):
            return False
        current = self._executor.catalog.find_table(source.table.ref)
        return current is not None and current.fields == source.fields

    def _analyzed(self, source: Source, text: str, caller: str, now_us: int) -> tuple[Analyzed, Context]:
        """``SELECT 1 FROM <table> WHERE (<text>)``, whose condition is the text and nothing else."""
        if not is_closed(text):
            raise _invalid(source, text)
        table = source.table
        ref = table.ref
        version = source.version if isinstance(source, StoredRows) else now_us
        pinned = {} if self._is_current(source) else {ref: table}
        context = Context(
            ref.project,
            caller=caller,
            groups=calling_groups(),
            location=table.location,
            now_us=version,
            pinned=pinned,
        )
        sql = f"SELECT 1 FROM `{ref.project}`.`{ref.dataset}`.`{ref.table}` WHERE (\n{text}\n)"
        try:
            analyzed = self._executor.googlesql.analyze(sql, context, (0, 1))
            partition_filter.check(analyzed)
        except BigQueryError as error:
            raise from_bigquery(error, f"{FAILED}Query error: ") from None
        return analyzed, context


def is_closed(text: str) -> bool:
    """Whether a text stays one expression between parentheses: every bracket in it is closed in it, and it
    has no comments."""
    opened: list[str] = []
    for match in _STRUCTURE.finditer(text):
        kind = match.lastgroup
        if kind == "open":
            opened.append(_CLOSING[match[0]])
        elif kind == "close":
            if not opened or opened.pop() != match[0]:
                return False
        elif kind is not None:
            return False
    return not opened


def places(source: Source, scan: Any) -> Iterator[tuple[int, Any]]:
    """Where the columns of a table scan are in relation ``t``."""
    fields = source.fields
    columns = column_names(len(fields)) if isinstance(source, ResultRows) else source.storage.columns
    for column, index in scan_columns(scan):
        if index < len(fields):
            yield column.column_id, (LABEL, columns[index])
        else:
            buffer = source.buffer if isinstance(source, StoredRows) else None
            yield column.column_id, pseudo_column(source.table, column, LABEL, buffer)


def _invalid(source: Source, text: str) -> Exception:
    name = source.table.ref.api_name
    return invalid_argument(f"{FAILED}Row filter for table {name} is invalid. Filter is '{text}'")


def _too_complex(text: str) -> Exception:
    return invalid_argument(
        f"{FAILED}row filter '{text}' is too complex to be processed in filtering; "
        "consider executing a query instead"
    )
