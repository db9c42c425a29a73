"""The exact route: GoogleSQL's own evaluator, for what the engine has no exact form of.

It holds all rows in the analyzer's memory and is slow, so it takes bounded inputs only. Whether it takes a
statement is decided before it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from bqsim.codecs.messages import parse_deep
from bqsim.errors import BigQueryError, invalid_query, unsupported
from bqsim.sql.googlesql import Analyzed, GoogleSql, resolved
from bqsim.sql.googlesql.catalog import Source, Visible, add_table, catalog_proto
from bqsim.sql.googlesql.errors import CASE_INSENSITIVE, bad_collation, run_time_error
from bqsim.sql.googlesql.host import SqlError, Trapped
from bqsim.sql.googlesql.options import SYSTEM_VARIABLES, evaluation_options, language_options
from bqsim.sql.googlesql.pool import Instance
from bqsim.sql.googlesql.reference_text import CALLER, POSITIONAL, SYSTEM, NotEvaluable, Rewritten, rewrite
from bqsim.sql.googlesql.types import type_to_proto
from bqsim.sql.googlesql.values import decode, encode, literal_value
from bqsim.sql.plan import Context, TypedValue
from bqsim.types import STRING, Field, Type, TypeKind
from bqsim.types.arrow import column_names
from bqsim.types.values import array_of_values

if TYPE_CHECKING:
    from bqsim.sql.googlesql.prepass import Prepared

MAX_ROWS = 20_000
MAX_WINDOW_ROWS = 2_000

# What GoogleSQL's evaluator accepts and then cannot run: the module lacks the file of public suffixes.
NEVER = frozenset({"ZetaSQL:net.reg_domain", "ZetaSQL:net.public_suffix"})
# Nodes that the evaluator would run without what they depend on.
_REFUSED_NODES = {
    "ResolvedSampleScanProto": "TABLESAMPLE",
    "ResolvedModelProto": "a model",
    "ResolvedExecuteAsRoleScanProto": "a definer's rights",
}
_UNIMPLEMENTED = 12


class ReferenceRoute:
    """Runs queries in GoogleSQL's evaluator."""

    def __init__(self, googlesql: GoogleSql) -> None:
        self._googlesql = googlesql

    def eligible(self, analyzed: Analyzed, ctx: Context, row_counts: Mapping[str, int]) -> str | None:
        """None when the evaluator can run the query, else why not. ``row_counts`` are by full table name."""
        reason = _refusal(analyzed, sum(row_counts.values()))
        if reason is not None:
            return reason
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

        try:
            with self._googlesql.pool.instance() as instance:
                rewritten, visible = self._rewritten(instance, analyzed, ctx)
                request = service.PrepareQueryRequest(sql=rewritten.sql, options=_options(rewritten, ctx))
                _fill_catalog(request.simple_catalog, rewritten, visible, ctx)
                answer = instance.call(
                    "PrepareQuery", request.SerializeToString(), self._googlesql.deadline_s
                )
                prepared = parse_deep(service.PrepareQueryResponse, answer).prepared
                release = service.UnprepareQueryRequest(prepared_query_id=prepared.prepared_query_id)
                instance.call("UnprepareQuery", release.SerializeToString(), self._googlesql.deadline_s)
        except NotEvaluable as missing:
            return str(missing)
        except SqlError as error:
            return error.message
        except Trapped:
            return "the query is too complex"
        return None

    def run(self, analyzed: Analyzed, ctx: Context, rows: Mapping[str, pa.Table]) -> pa.Table:
        """The query's rows in canonical form.

        ``rows`` are the tables' live rows by full name, columns by position.
        """
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

        googlesql = self._googlesql
        try:
            with googlesql.pool.instance() as instance:
                rewritten, visible = self._rewritten(instance, analyzed, ctx)
                request = service.EvaluateQueryRequest(sql=rewritten.sql, options=_options(rewritten, ctx))
                _fill_catalog(request.simple_catalog, rewritten, visible, ctx)
                for name, value in _parameters(rewritten, ctx).items():
                    encode(value.value, value.type, request.params.add(name=name).value)
                for name, source in rewritten.tables.items():
                    _add_rows(request.table_content[name], source, rows[name])
                instance.host.now_us = ctx.now_us
                answer = instance.call("EvaluateQuery", request.SerializeToString(), googlesql.deadline_s)
                instance.host.now_us = 0
        except NotEvaluable as missing:
            raise unsupported(str(missing)) from None
        except SqlError as error:
            raise run_time_error(error) from None
        except Trapped as trap:
            raise _exhausted(trap) from None
        response = parse_deep(service.EvaluateQueryResponse, answer)
        return _table(response.content.table_data.row, [c[2] for c in analyzed.output_columns()])

    def _rewritten(self, instance: Instance, analyzed: Analyzed, ctx: Context) -> tuple[Rewritten, Visible]:
        from zetasql.wasi._pb2.zetasql.local_service import local_service_pb2 as service

        prepared: Prepared = self._googlesql.prepare(analyzed.original_sql)
        request = service.ParseRequest(sql_statement=prepared.sql, options=language_options())
        answer = instance.call("Parse", request.SerializeToString(), self._googlesql.deadline_s)
        parsed = parse_deep(service.ParseResponse, answer).parsed_statement
        visible = self._googlesql.visible(instance, prepared, ctx)
        return rewrite(parsed, prepared, visible.sources), visible


def _refusal(analyzed: Analyzed, row_count: int) -> str | None:
    if analyzed.kind != "resolved_query_stmt":
        return "a statement that is no query"
    if row_count > MAX_ROWS:
        return f"an input of more than {MAX_ROWS} rows"
    if any(source.matches for source in analyzed.sources.values()):
        return "a wildcard table"
    for node in resolved.walk(analyzed.statement):
        name = node.DESCRIPTOR.name
        if name in _REFUSED_NODES:
            return _REFUSED_NODES[name]
        if name == "ResolvedAnalyticScanProto" and row_count > MAX_WINDOW_ROWS:
            return f"a window over an input of more than {MAX_WINDOW_ROWS} rows"
        if name == "ResolvedFunctionCallProto":
            _check_collation(node.parent)
        if name == "ResolvedTableScanProto":
            reason = _scan_refusal(node, analyzed)
            if reason is not None:
                return reason
    for function in analyzed.functions():
        if function in NEVER:
            return f"function {function.partition(':')[2].upper()}"
        if not function.startswith("ZetaSQL:"):
            return f"function {function.partition(':')[2]}"
    return None


def _scan_refusal(scan: Any, analyzed: Analyzed) -> str | None:
    if resolved.has(scan, "for_system_time_expr"):
        return "FOR SYSTEM_TIME AS OF"
    source = analyzed.sources.get(scan.table.full_name)
    if source is None:
        return f"table {scan.table.full_name}"
    for index in scan.column_index_list:
        if _holds_geography(source.columns[index].type):
            return "a column of GEOGRAPHY"
    return None


def _holds_geography(type_: Type) -> bool:
    if type_.kind is TypeKind.GEOGRAPHY:
        return True
    if type_.element is not None:
        return _holds_geography(type_.element)
    return any(_holds_geography(f.type) for f in type_.fields)


def _fill_catalog(catalog: Any, rewritten: Rewritten, visible: Visible, ctx: Context) -> None:
    catalog.CopyFrom(catalog_proto((), visible.routines.values(), ()))
    for name, source in rewritten.tables.items():
        add_table(catalog, name, source)
    for name, type_ in visible.variables:
        constant = catalog.constant.add(name_path=[name])
        type_to_proto(type_, constant.type)
        constant.value.SetInParent()
        encode(ctx.variables[name].value, type_, constant.value)


def _options(rewritten: Rewritten, ctx: Context) -> Any:
    options = evaluation_options(ctx.time_zone)
    for name, value in _parameters(rewritten, ctx).items():
        type_to_proto(value.type, options.query_parameters.add(name=name).type)
    return options


def _parameters(rewritten: Rewritten, ctx: Context) -> dict[str, TypedValue]:
    parameters = dict(ctx.parameters)
    for at, value in enumerate(ctx.positional[: rewritten.positional], 1):
        parameters[f"{POSITIONAL}{at}"] = value
    for name in rewritten.system_variables:
        known = ctx.system_variables.get(name) or _system_variable(name, ctx)
        parameters[SYSTEM + name.replace(".", "_")] = known
    if rewritten.caller:
        parameters[CALLER] = TypedValue(STRING, ctx.caller)
    return parameters


def _system_variable(name: str, ctx: Context) -> TypedValue:
    values = {"time_zone": ctx.time_zone, "project_id": ctx.project, "location": ctx.location}
    if ctx.default_dataset is not None:
        values["dataset_id"] = ctx.default_dataset.dataset
        values["dataset_project_id"] = ctx.default_dataset.project
    return TypedValue(SYSTEM_VARIABLES[name], values.get(name))


def _add_rows(content: Any, source: Source, rows: pa.Table) -> None:
    """Fill a ``TableContent``; each row has exactly the table's columns, as the evaluator does not check."""
    fields: tuple[Field, ...] = source.columns
    types = [field.type for field in fields]
    given = [rows.column(i).to_pylist() for i in range(min(rows.num_columns, len(fields)))]
    columns = given + [[None] * rows.num_rows] * (len(fields) - len(given))
    blank = [_holds_geography(type_) for type_ in types]
    content.table_data.SetInParent()
    for values in zip(*columns, strict=True):
        row = content.table_data.row.add()
        for value, type_, no_value in zip(values, types, blank, strict=True):
            cell = row.cell.add()
            if not no_value:
                encode(value, type_, cell)


def _table(rows: Any, types: list[Type]) -> pa.Table:
    arrays = []
    for index, type_ in enumerate(types):
        try:
            arrays.append(array_of_values(type_, [decode(row.cell[index], type_) for row in rows]))
        except OverflowError:
            # Some functions of the evaluator leave the range of the type, where BigQuery refuses to.
            raise invalid_query(f"{type_} value is out of range") from None
    return pa.Table.from_arrays(arrays, names=column_names(len(types)))


def _check_collation(call: Any) -> None:
    """Fail for a collation that GoogleSQL has and BigQuery has not."""
    if call.function.name == "ZetaSQL:collate":
        name = literal_value(resolved.unwrap(call.argument_list[1]).value)
        if name and name != CASE_INSENSITIVE:
            raise bad_collation(name)


def _exhausted(trap: Trapped) -> BigQueryError:
    if trap.timed_out:
        return BigQueryError(
            "resourcesExceeded",
            "Resources exceeded during query execution: The query takes too long in GoogleSQL's evaluator.",
            location="query",
        )
    return invalid_query("Resources exceeded during query execution: The query could not be executed.")
