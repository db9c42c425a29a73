"""Views about routines."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from bqsim.catalog.resources import Routine
from bqsim.sql.statements.routines import type_from_standard_sql

from .tables import moment
from .view import Row, Scope, View, columns

_TYPES = {
    "SCALAR_FUNCTION": "FUNCTION",
    "AGGREGATE_FUNCTION": "AGGREGATE FUNCTION",
    "TABLE_VALUED_FUNCTION": "TABLE FUNCTION",
    "PROCEDURE": "PROCEDURE",
}


def _name(routine: Routine) -> tuple[str, str, str]:
    return routine.ref.project, routine.ref.dataset, routine.ref.routine


def _type(body: Any) -> str | None:
    return str(type_from_standard_sql(body)) if body else None


def _routines(scope: Scope) -> Iterator[Row]:
    for r in scope.routines():
        body = r.body
        sql = body.get("language", "SQL") == "SQL"
        deterministic = body.get("determinismLevel")
        yield (
            *_name(r),
            *_name(r),
            _TYPES.get(body.get("routineType", ""), "FUNCTION"),
            _type(body.get("returnType")),
            "SQL" if sql else "EXTERNAL",
            body.get("definitionBody"),
            None if sql else body["language"],
            None if deterministic is None else ("YES" if deterministic == "DETERMINISTIC" else "NO"),
            None,
            moment(r.created_ms),
            moment(r.modified_ms),
            r.ddl,
        )


def _parameters(scope: Scope) -> Iterator[Row]:
    for r in scope.routines():
        procedure = r.body.get("routineType") == "PROCEDURE"
        if r.body.get("returnType"):
            yield *_name(r), 0, None, "YES", None, _type(r.body["returnType"]), None, None
        for n, argument in enumerate(r.body.get("arguments") or (), 1):
            mode = (argument.get("mode") or "IN") if procedure else None
            kind = _type(argument.get("dataType")) or "ANY TYPE"
            yield *_name(r), n, mode, "NO", argument.get("name"), kind, None, None


def _options(scope: Scope) -> Iterator[Row]:
    for r in scope.routines():
        if r.body.get("description"):
            yield *_name(r), "description", "STRING", f'"{r.body["description"]}"'


_SPECIFIC = "specific_catalog specific_schema specific_name "

VIEWS: tuple[View, ...] = (
    View(
        "ROUTINES",
        columns(
            _SPECIFIC + "routine_catalog routine_schema routine_name routine_type data_type routine_body"
            " routine_definition external_language is_deterministic security_type created:T last_altered:T"
            " ddl"
        ),
        _routines,
    ),
    View(
        "PARAMETERS",
        columns(
            _SPECIFIC
            + "ordinal_position:I parameter_mode is_result parameter_name data_type parameter_default"
            " is_aggregate"
        ),
        _parameters,
    ),
    View("ROUTINE_OPTIONS", columns(_SPECIFIC + "option_name option_type option_value"), _options),
)
