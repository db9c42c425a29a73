"""CREATE and DROP of functions, table functions and procedures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bqsim.catalog.names import check_routine_id
from bqsim.catalog.resources import Routine
from bqsim.errors import already_exists, invalid_query, not_found, unsupported
from bqsim.sql.googlesql import resolved
from bqsim.sql.googlesql.connections import connections_in
from bqsim.sql.googlesql.external import external_function
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.sql.plan import StatementResult, TypedValue
from bqsim.types import StructField, Type, TypeKind

from . import names, results
from .base import Statement, enum_name
from .views import query_text

_DETERMINISM = {
    "DETERMINISM_DETERMINISTIC": "DETERMINISTIC",
    "DETERMINISM_NOT_DETERMINISTIC": "NOT_DETERMINISTIC",
}
_LANGUAGES = {"": "SQL", "sql": "SQL", "js": "JAVASCRIPT", "javascript": "JAVASCRIPT"}
# Options by the kind of routine, with the API's names.
_ANY = {"description": "description"}
_FUNCTION = _ANY | {"data_governance_type": "dataGovernanceType"}
_OPTIONS: dict[str, dict[str, str]] = {
    "SQL": _FUNCTION,
    "JAVASCRIPT": _FUNCTION | {"library": "importedLibraries"},
    "REMOTE": _ANY
    | {
        "endpoint": "endpoint",
        "max_batching_rows": "maxBatchingRows",
        "user_defined_context": "userDefinedContext",
    },
    "PROCEDURE": _ANY | {"strict_mode": "strictMode"},
}
_REMOTE = ("endpoint", "maxBatchingRows", "userDefinedContext")


def create_function(statement: Statement) -> StatementResult:
    node = statement.node
    body: dict[str, Any] = {
        "routineType": "AGGREGATE_FUNCTION" if node.is_aggregate else "SCALAR_FUNCTION",
        "arguments": _arguments(node),
    }
    if node.language.casefold() in ("", "sql") and not node.is_remote:
        kind = "SQL"
        body |= {"language": "SQL", "definitionBody": query_text(statement, node.code)}
    else:
        external_function(node)
        kind = "REMOTE" if node.is_remote else _LANGUAGES[node.language.casefold()]
        if not node.is_remote:
            body |= {"language": kind, "definitionBody": node.code}
    if node.has_explicit_return_type:
        body["returnType"] = standard_sql_type(type_from_proto(node.return_type))
    determinism = _DETERMINISM.get(enum_name(node, "determinism_level"))
    if determinism:
        body["determinismLevel"] = determinism
    return _create(statement, "CREATE_FUNCTION", body, kind)


def create_table_function(statement: Statement) -> StatementResult:
    node = statement.node
    body: dict[str, Any] = {
        "routineType": "TABLE_VALUED_FUNCTION",
        "language": "SQL",
        "arguments": _arguments(node),
        "definitionBody": query_text(statement, node.code),
    }
    if node.has_explicit_return_schema:
        schema = node.signature.return_type.options.relation_input_schema
        columns = [
            {"name": c.name, "type": standard_sql_type(type_from_proto(c.type))} for c in schema.column
        ]
        body["returnTableType"] = {"columns": columns}
    return _create(statement, "CREATE_TABLE_FUNCTION", body, "SQL")


def create_procedure(statement: Statement) -> StatementResult:
    node = statement.node
    if node.language:
        raise unsupported(f"A procedure in the language {node.language}")
    if enum_name(node, "create_scope") == "CREATE_TEMP":
        raise unsupported("CREATE TEMP PROCEDURE")
    body: dict[str, Any] = {
        "routineType": "PROCEDURE",
        "language": "SQL",
        "arguments": _arguments(node, modes=True),
        "definitionBody": query_text(statement, node.procedure_body),
    }
    if statement.options(node.option_list).get("strict_mode") is not False:
        _check_body(statement, str(body["definitionBody"]))
    return _create(statement, "CREATE_PROCEDURE", body, "PROCEDURE")


def _check_body(statement: Statement, body: str) -> None:
    """Raise what is wrong with a procedure's body in strict mode: tables and columns that are not there."""
    check, node = statement.services.check_body, statement.node
    types = [a.type if a.HasField("type") else None for a in node.signature.argument]
    if check is None or None in types:
        return
    names_and_types = zip(node.argument_name_list, types, strict=True)
    variables = {name.casefold(): TypedValue(type_from_proto(t), None) for name, t in names_and_types}
    # Errors show places in the statement.
    before = statement.analyzed.original_sql.partition(body)[0].split("\n")
    placed = "\n" * (len(before) - 1) + " " * len(before[-1]) + body
    ctx = replace(statement.ctx, variables=variables, parameters={}, positional=())
    check(placed, ctx, statement.session)


def _arguments(node: Any, *, modes: bool = False) -> list[dict[str, Any]]:
    arguments = []
    for name, argument in zip(node.argument_name_list, node.signature.argument, strict=True):
        shown: dict[str, Any] = {"name": name}
        if argument.HasField("type"):
            shown["argumentKind"] = "FIXED_TYPE"
            shown["dataType"] = standard_sql_type(type_from_proto(argument.type))
        else:
            shown["argumentKind"] = "ANY_TYPE"
        if modes:
            shown["mode"] = enum_name(argument.options, "procedure_argument_mode").replace("NOT_SET", "IN")
        if argument.options.is_not_aggregate:
            shown["isAggregate"] = False
        arguments.append(shown)
    return arguments


def standard_sql_type(type_: Type) -> dict[str, Any]:
    """The API's ``StandardSqlDataType``."""
    shown: dict[str, Any] = {"typeKind": str(type_.kind.value)}
    if type_.is_array and type_.element is not None:
        shown["arrayElementType"] = standard_sql_type(type_.element)
    elif type_.is_struct:
        shown["structType"] = {
            "fields": [{"name": f.name, "type": standard_sql_type(f.type)} for f in type_.fields]
        }
    elif type_.element is not None:
        shown["rangeElementType"] = standard_sql_type(type_.element)
    return shown


def type_from_standard_sql(body: Mapping[str, Any]) -> Type:
    """The type of the API's ``StandardSqlDataType``."""
    kind = TypeKind(body["typeKind"])
    if kind is TypeKind.ARRAY:
        return Type(kind, element=type_from_standard_sql(body["arrayElementType"]))
    if kind is TypeKind.RANGE:
        return Type(kind, element=type_from_standard_sql(body["rangeElementType"]))
    fields = (body.get("structType") or {}).get("fields") or ()
    return Type(
        kind, fields=tuple(StructField(f.get("name", ""), type_from_standard_sql(f["type"])) for f in fields)
    )


def _create(statement: Statement, statement_type: str, body: dict[str, Any], kind: str) -> StatementResult:
    node, catalog, ctx = statement.node, statement.catalog, statement.ctx
    path = resolved.get(node, "name_path")
    if enum_name(node, "create_scope") == "CREATE_TEMP":
        return _create_temporary(statement, statement_type, path[-1])
    ref = names.routine_ref(path, ctx)
    check_routine_id(ref.routine)
    _put_options(statement, body, kind)
    if catalog.find_dataset(ref.dataset_ref) is None:
        raise not_found("Dataset", ref.dataset_ref.api_name, ctx.location)
    with catalog.lock(ref):
        existing = catalog.find_routine(ref)
        mode = enum_name(node, "create_mode")
        if existing is not None and mode == "CREATE_IF_NOT_EXISTS":
            return results.on_routine(statement_type, results.SKIP, ref)
        if existing is not None and mode != "CREATE_OR_REPLACE":
            raise already_exists("Routine", ref.api_name)
        if not statement.dry_run:
            with catalog.change(statement.session) as change:
                now_ms = change.time_us // 1000
                created_ms = existing.created_ms if existing else now_ms
                ddl = statement.analyzed.original_sql.strip()
                change.put_routine(Routine(ref, created_ms, now_ms, statement.etag(), ddl, body))
    operation = results.CREATE if existing is None else results.REPLACE
    return results.on_routine(statement_type, operation, ref)


def _put_options(statement: Statement, body: dict[str, Any], kind: str) -> None:
    for name, value in statement.options(statement.node.option_list).items():
        attribute = _OPTIONS[kind].get(name)
        if attribute is None:
            raise invalid_query(f"Unknown option: {name}")
        body[attribute] = value
    if kind == "REMOTE":
        options = {name: body.pop(name) for name in _REMOTE if name in body}
        if "maxBatchingRows" in options:
            options["maxBatchingRows"] = str(options["maxBatchingRows"])
        if "userDefinedContext" in options:
            options["userDefinedContext"] = dict(options["userDefinedContext"])
        path = next(connections_in(statement.analyzed.sql)).path
        project = path[0] if len(path) > 2 else statement.ctx.project
        location, connection = path[-2:] if len(path) > 1 else (statement.ctx.location, path[-1])
        options["connection"] = f"projects/{project}/locations/{location}/connections/{connection}"
        body["remoteFunctionOptions"] = options


def _create_temporary(statement: Statement, statement_type: str, name: str) -> StatementResult:
    if not statement.dry_run:
        statement.ctx.temp_functions[name.casefold()] = statement.analyzed.original_sql
    return StatementResult(statement_type, ddl_operation=results.CREATE)


_TYPES = {
    "DROP_FUNCTION": frozenset({"SCALAR_FUNCTION", "AGGREGATE_FUNCTION"}),
    "DROP_TABLE_FUNCTION": frozenset({"TABLE_VALUED_FUNCTION"}),
    "DROP_PROCEDURE": frozenset({"PROCEDURE"}),
}


def dropping(statement_type: str) -> Callable[[Statement], StatementResult]:
    """The handler of DROP FUNCTION, DROP TABLE FUNCTION or DROP PROCEDURE."""

    def drop(statement: Statement) -> StatementResult:
        node, catalog, ctx = statement.node, statement.catalog, statement.ctx
        if len(node.name_path) == 1 and node.name_path[0].casefold() in ctx.temp_functions:
            del ctx.temp_functions[node.name_path[0].casefold()]
            return StatementResult(statement_type, ddl_operation=results.DROP)
        ref = names.routine_ref(node.name_path, ctx)
        with catalog.lock(ref):
            routine = catalog.find_routine(ref)
            if routine is None or routine.body.get("routineType") not in _TYPES[statement_type]:
                if node.is_if_exists:
                    return results.on_routine(statement_type, results.SKIP, ref)
                raise not_found("Routine", ref.api_name)
            if not statement.dry_run:
                with catalog.change(statement.session) as change:
                    change.drop_routine(ref)
        return results.on_routine(statement_type, results.DROP, ref)

    return drop
