"""Scans of table functions that GoogleSQL does not put in place: change histories, supplied answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bqsim.catalog.history import HISTORY_US
from bqsim.catalog.resources import Table, TableKind
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END
from bqsim.errors import invalid_query
from bqsim.sql.googlesql.opaque import MARK
from bqsim.sql.googlesql.resolved import get, has, node_name, unwrap
from bqsim.sql.googlesql.table_functions import Made
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.types import Field, TypeKind, field_of

from . import nodes, policies
from .registry import Unsupported
from .relation import Relation

if TYPE_CHECKING:
    from .lowering import Lowering

# Page *Time series functions*: the most that CHANGES may span.
CHANGES_US = 24 * 3600 * 1_000_000
_LABEL = re.compile(r"\bs\d+\b")
_RUN = tuple(Field(name, TypeKind.INT64) for name in ("version", "first", "last"))


def tvf_scan(low: Lowering, node: Any) -> Relation:
    name = node.tvf.name.partition(MARK)[0]
    made = low.analyzed.made.get(node.tvf.name)
    handler = _SCANS.get(name)
    if made is not None and made.answer is not None:
        relation = _answered(low, node, made)
    elif handler is not None:
        relation = handler(low, node)
    else:
        raise Unsupported(f"table-valued function {name}")
    low.places.update(relation.columns)
    return relation


def _history(function: str) -> Callable[[Lowering, Any], Relation]:
    return lambda low, node: _change_scan(low, node, function)


def _change_scan(low: Lowering, node: Any, function: str) -> Relation:
    """The row versions that began or ended in a time, with what made them."""
    table = _table(low, node, function)
    policies.require_all(low, table)
    positions = range(len(table.fields))
    storage = table.storage
    assert storage is not None
    low.shared.deterministic = False
    first, last = _bounds(low, node, function)
    condition = {
        column: f"{column} >= {first}" + (f" AND {column} < {last}" if last is not None else "")
        for column in (VERSION_BEGIN, VERSION_END)
    }
    values = ", ".join(f"{storage.columns[i]} AS p{n}" for n, i in enumerate(positions))
    read = low.shared.columns_read.setdefault(table.ref, {})
    read.update(dict.fromkeys(table.fields[i].name for i in positions))
    comma = ", " if values else ""
    runs = low.catalog.updates.of(storage.engine_table) if low.catalog else []
    source = (
        f"(SELECT *, row_number() OVER (PARTITION BY {VERSION_BEGIN} ORDER BY rowid) AS _p FROM {{}}) AS v"
    )
    replaced = "false"
    if runs:
        name = f"_bq_updates_{len(low.shared.inputs) + 1}"
        low.shared.inputs[name] = (_RUN, _rows_of(runs))
        replaced = (
            f"EXISTS(SELECT 1 FROM {name} AS u WHERE u.c1 = v.{VERSION_BEGIN} AND v._p BETWEEN u.c2 AND u.c3)"
        )
        begun = source.format(storage.engine_table)
    else:
        begun = f"{storage.engine_table} AS v"
    kind = "'INSERT'" if function == "APPENDS" else f"CASE WHEN {replaced} THEN 'UPDATE' ELSE 'INSERT' END"
    kept = f" AND NOT {replaced}" if function == "APPENDS" else ""
    sql = (
        f"SELECT {values}{comma}{kind} AS _type, make_timestamp({VERSION_BEGIN}) AS _time FROM {begun} "
        f"WHERE {condition[VERSION_BEGIN]}{kept}"
    )
    if function == "CHANGES":
        sql += (
            f" UNION ALL SELECT {values}{comma}'DELETE', make_timestamp({VERSION_END}) "
            f"FROM {storage.engine_table} AS v WHERE {condition[VERSION_END]}"
        )
    return _labelled(low, node, sql, len(positions), ("_type", "_time"))


def _labelled(low: Lowering, node: Any, sql: str, inputs: int, appended: tuple[str, ...]) -> Relation:
    """A relation over engine SQL whose columns are ``p0`` … for the input's and then the appended ones."""
    label = low.label()
    names = [f"p{n}" for n in range(inputs)] + list(appended)
    columns: dict[int, Any] = {
        column.column_id: (label, names[index])
        for column, index in zip(get(node, "column_list"), node.column_index_list, strict=True)
    }
    return Relation(nodes.derived(nodes.raw(sql), label), columns)


def _rows_of(runs: list[tuple[int, int, int]]) -> Callable[[Any], Any]:
    def rows(session: Any) -> Any:
        import pyarrow as pa

        columns = [pa.array([run[n] for run in runs], pa.int64()) for n in range(3)]
        return pa.Table.from_arrays(columns, names=["c1", "c2", "c3"])

    return rows


def _table(low: Lowering, node: Any, function: str) -> Table:
    """The stored table that is the argument."""
    if low.ctx.transaction is not None:
        raise invalid_query(f"{function} function cannot be used within a multi-statement transaction")
    scan = unwrap(node.argument_list[0].scan)
    source = None
    if node_name(scan) == "ResolvedTableScan" and not has(scan, "for_system_time_expr"):
        source = low.analyzed.sources.get(scan.table.full_name or scan.table.name)
    table = source.table if source is not None else None
    if table is None or table.kind is not TableKind.TABLE or table.storage is None:
        raise invalid_query(f"The argument of the function {function} must be a regular table")
    if function == "CHANGES":
        if not table.metadata.get("enableChangeHistory"):
            raise invalid_query(
                f"Change history is not enabled on table {table.ref.api_name}: the function CHANGES needs "
                "the option enable_change_history"
            )
        if table.storage.changes is not None:
            raise invalid_query("CHANGES function is not supported on tables with change data capture")
    return table


def _bounds(low: Lowering, node: Any, function: str) -> tuple[str, str | None]:
    """The times (engine expressions of epoch microseconds) from and up to which changes are told."""
    given: dict[int, Any] = {}
    names = [a.options.argument_name for a in node.function_call_signature.argument]
    for index, argument in enumerate(node.argument_list[1:], 1):
        position = 2 if index < len(names) and names[index] == "end_timestamp" else 1
        given[position] = argument.expr
    found: dict[int, str] = {}
    now = low.ctx.now_us
    for position, expression in given.items():
        micros = nodes.render(nodes.template("epoch_us({0})", low.expression(expression)))
        what = "start_timestamp" if position == 1 else "end_timestamp"
        wrong = f"{micros} < {now - HISTORY_US}" if position == 1 else f"{micros} > {now}"
        why = "is earlier than the time travel window allows" if position == 1 else "cannot be in the future"
        message = nodes.quote(f"The {what} of the function {function} {why}")
        found[position] = f"(CASE WHEN {wrong} THEN bq_error({message}) ELSE {micros} END)"
    first = f"coalesce({found[1]}, 0)" if 1 in found else "0"
    last = f"coalesce({found[2]}, {now + 1})" if 2 in found else None
    if function == "CHANGES" and 1 in found:
        end = last or str(now)
        message = nodes.quote("The time range of the function CHANGES must be at most one day")
        too_long = f"{first} > 0 AND {end} - {first} > {CHANGES_US}"
        first = f"(CASE WHEN {too_long} THEN bq_error({message}) ELSE {first} END)"
    return first, last


# Answers that users supply


def _answered(low: Lowering, node: Any, made: Made) -> Relation:
    """The rows that a user supplies, made when the query runs."""
    answer = made.answer
    assert answer is not None
    low.shared.deterministic = False
    values: list[tuple[str, Any, Any]] = []
    source: tuple[str, tuple[Field, ...]] | None = None
    names = [a.options.argument_name for a in node.function_call_signature.argument]
    for index, argument in enumerate(node.argument_list):
        if argument.HasField("scan") and source is None:
            scan = unwrap(argument.scan)
            relation = low.relation(scan)
            columns = list(argument.argument_column_list)
            query = relation.select([(c.column_id, f"k{n}") for n, c in enumerate(columns)])
            fields = tuple(field_of(c.name, type_from_proto(c.type)) for c in columns)
            source = (_standing_alone(low, nodes.render(query)), fields)
        elif argument.HasField("expr"):
            expression, type_ = low.typed(argument.expr)
            name = names[index] if index < len(names) else f"arg{index + 1}"
            values.append((name, _standing_alone(low, nodes.render(expression)), type_))
    fields = tuple(field_of(name, type_) for name, type_ in made.columns)
    label = low.label()
    name = f"_bq_answer_{len(low.shared.inputs) + 1}"
    low.shared.inputs[name] = (fields, _computing(made, fields, values, source))
    columns_of = zip(get(node, "column_list"), node.column_index_list, strict=True)
    return Relation(nodes.table(label, name), {c.column_id: (label, f"c{i + 1}") for c, i in columns_of})


def _standing_alone(low: Lowering, sql: str) -> str:
    """A query with the common table expressions that it names, or an expression with them as a subquery."""
    named: list[str] = []
    texts = {label: nodes.render(cte) for label, cte in low.cte_nodes.items()}
    pending = [sql]
    while pending:
        found = [label for label in _LABEL.findall(pending.pop()) if label in texts and label not in named]
        named += dict.fromkeys(found)
        pending += [texts[label] for label in dict.fromkeys(found)]
    if not named:
        return sql
    ctes = ", ".join(texts[label] for label in texts if label in named)
    body = sql if sql.startswith("SELECT") else f"SELECT {sql}"
    whole = f"WITH RECURSIVE {ctes} {body}"
    return whole if body is sql else f"({whole})"


def _computing(
    made: Made,
    fields: tuple[Field, ...],
    values: list[tuple[str, Any, Any]],
    source: tuple[str, tuple[Field, ...]] | None,
) -> Callable[[Any], Any]:
    answer = made.answer
    assert answer is not None

    def rows(session: Any) -> Any:
        from bqsim.sql.answers import rows_of_answer

        return rows_of_answer(session, answer, made.subject, fields, values, source)

    return rows


_SCANS: dict[str, Callable[[Lowering, Any], Relation]] = {
    "APPENDS": _history("APPENDS"),
    "CHANGES": _history("CHANGES"),
}
SCANS = {"ResolvedTVFScan": tvf_scan}
