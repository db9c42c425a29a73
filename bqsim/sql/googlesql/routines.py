"""Routines as GoogleSQL sees them, from the CREATE statements that define them."""

from __future__ import annotations

from typing import Any

from bqsim.engine.external import FUNCTIONS
from bqsim.errors import invalid_query, unsupported

from .catalog import Definition
from .external import external_function
from .prepass import names_in

SQL_GROUP = "Templated_SQL_Function"
# The group of a function whose body GoogleSQL cannot read (JavaScript, remote), before its id.
EXTERNAL_GROUP = "External_function"
_TEMPLATED_SQL_TVF = 3
_SCALAR, _AGGREGATE = 1, 2


def definition_of(kind: str, statement: Any) -> Definition:
    """The definition in a resolved CREATE FUNCTION, TABLE FUNCTION or PROCEDURE statement."""
    build = _BUILDERS.get(kind)
    if build is None:
        raise invalid_query(
            "A routine is defined by a CREATE FUNCTION, TABLE FUNCTION or PROCEDURE statement"
        )
    return build(statement)


def _function(statement: Any) -> Definition:
    from zetasql.wasi._pb2.zetasql.proto import function_pb2

    sql = statement.language.upper() == "SQL"
    proto = function_pb2.FunctionProto(
        group=SQL_GROUP if sql else f"{EXTERNAL_GROUP}_{FUNCTIONS.put(external_function(statement))}",
        mode=_AGGREGATE if statement.is_aggregate else _SCALAR,
    )
    proto.signature.add().CopyFrom(statement.signature)
    proto.options.uses_upper_case_sql_name = False
    if not sql:
        return Definition("function", proto, frozenset(), frozenset())
    proto.templated_sql_function_argument_name.extend(statement.argument_name_list)
    proto.parse_resume_location.input = statement.code
    proto.parse_resume_location.byte_position = 0
    names = names_in(statement.code)
    return Definition("function", proto, names.paths, names.calls)


def _table_function(statement: Any) -> Definition:
    from zetasql.wasi._pb2.zetasql.proto import function_pb2

    if statement.language.upper() not in ("SQL", "UNDECLARED"):
        raise unsupported("A table function that is not in SQL")
    proto = function_pb2.TableValuedFunctionProto(type=_TEMPLATED_SQL_TVF)
    proto.signature.CopyFrom(statement.signature)
    proto.argument_name.extend(statement.argument_name_list)
    proto.parse_resume_location.input = statement.code
    proto.parse_resume_location.byte_position = 0
    names = names_in(statement.code)
    return Definition("table_function", proto, names.paths, names.calls)


def _procedure(statement: Any) -> Definition:
    from zetasql.wasi._pb2.zetasql.proto import function_pb2

    proto = function_pb2.ProcedureProto()
    proto.signature.CopyFrom(statement.signature)
    return Definition("procedure", proto, frozenset(), frozenset())


_BUILDERS = {
    "resolved_create_function_stmt": _function,
    "resolved_create_table_function_stmt": _table_function,
    "resolved_create_procedure_stmt": _procedure,
}
