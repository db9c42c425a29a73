"""Views about routines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from bqsim.catalog.resources import Routine
from bqsim.sql.statements.options import sql_literal
from bqsim.sql.statements.routines import type_from_standard_sql

from .view import Column, Scope, View, always, each, micros

_TYPES = {
    "SCALAR_FUNCTION": "FUNCTION",
    "AGGREGATE_FUNCTION": "AGGREGATE FUNCTION",
    "TABLE_VALUED_FUNCTION": "TABLE FUNCTION",
    "PROCEDURE": "PROCEDURE",
}
# Options of routines: (name, type, member of the resource).
_OPTIONS = (
    ("data_governance_type", "STRING", "dataGovernanceType"),
    ("description", "STRING", "description"),
    ("library", "ARRAY<STRING>", "importedLibraries"),
    ("strict_mode", "BOOL", "strictMode"),
)
_NEEDS = ("bigquery.routines.get", "bigquery.routines.list")


@dataclass(frozen=True, slots=True)
class _Parameter:
    routine: Routine
    position: int
    mode: str | None
    name: str | None
    type: str | None
    is_result: bool = False
    is_aggregate: str | None = None


def _type(body: Any) -> str | None:
    return str(type_from_standard_sql(body)) if body else None


def _result_type(routine: Routine) -> str | None:
    columns = (routine.body.get("returnTableType") or {}).get("columns")
    if columns is None:
        return _type(routine.body.get("returnType"))
    inner = ", ".join(f"{c.get('name', '')} {_type(c.get('type'))}" for c in columns)
    return f"TABLE<{inner}>"


def _is_sql(routine: Routine) -> bool:
    body = routine.body
    return bool(body.get("language", "SQL") == "SQL") and "remoteFunctionOptions" not in body


def _deterministic(routine: Routine) -> str | None:
    level = routine.body.get("determinismLevel")
    return None if level is None else "YES" if level == "DETERMINISTIC" else "NO"


def _routines(scope: Scope) -> Sequence[Any]:
    return scope.routines()


def _parameters(scope: Scope) -> Sequence[Any]:
    found = []
    for routine in scope.routines():
        body = routine.body
        procedure = body.get("routineType") == "PROCEDURE"
        result = _result_type(routine)
        if result is not None:
            found.append(_Parameter(routine, 0, None, None, result, is_result=True))
        aggregate = body.get("routineType") == "AGGREGATE_FUNCTION"
        for n, argument in enumerate(body.get("arguments") or (), 1):
            mode = (argument.get("mode") or "IN") if procedure else None
            kind = _type(argument.get("dataType")) or "ANY TYPE"
            of_group = None if not aggregate else "NO" if argument.get("isAggregate") is False else "YES"
            found.append(_Parameter(routine, n, mode, argument.get("name"), kind, is_aggregate=of_group))
    return found


def _options(scope: Scope) -> Sequence[Any]:
    found = [
        (routine, name, type_, sql_literal(routine.body[member]))
        for routine in scope.routines()
        for name, type_, member in _OPTIONS
        if routine.body.get(member) not in (None, [])
    ]
    return scope.only(found, option_name=lambda o: o[1])


def _name(prefix: str, at: int | None = None) -> tuple[Column, ...]:
    def ref(item: Any) -> Any:
        return item.ref if at is None else item[at].ref

    return (
        each(f"{prefix}_catalog", lambda item: ref(item).project),
        each(f"{prefix}_schema", lambda item: ref(item).dataset),
        each(f"{prefix}_name", lambda item: ref(item).routine),
    )


VIEWS: tuple[View, ...] = (
    View(
        "ROUTINES",
        (
            *_name("specific"),
            *_name("routine"),
            each("routine_type", lambda r: _TYPES.get(r.body.get("routineType", ""), "FUNCTION")),
            each("data_type", _result_type),
            each("routine_body", lambda r: "SQL" if _is_sql(r) else "EXTERNAL"),
            each("routine_definition", lambda r: r.body.get("definitionBody")),
            each("external_language", lambda r: None if _is_sql(r) else r.body.get("language")),
            each("is_deterministic", _deterministic),
            each("security_type", lambda r: r.body.get("securityMode")),
            each("created", lambda r: micros(r.created_ms), "T"),
            each("last_altered", lambda r: micros(r.modified_ms), "T"),
            each("ddl", lambda r: r.ddl),
            each(
                "connection",
                lambda r: (r.body.get("remoteFunctionOptions") or r.body.get("sparkOptions") or {}).get(
                    "connection"
                ),
            ),
        ),
        _routines,
        needs=_NEEDS,
    ),
    View(
        "PARAMETERS",
        (
            each("specific_catalog", lambda p: p.routine.ref.project),
            each("specific_schema", lambda p: p.routine.ref.dataset),
            each("specific_name", lambda p: p.routine.ref.routine),
            each("ordinal_position", lambda p: p.position, "I"),
            each("parameter_mode", lambda p: p.mode),
            each("is_result", lambda p: "YES" if p.is_result else "NO"),
            each("parameter_name", lambda p: p.name),
            each("data_type", lambda p: p.type),
            always("parameter_default"),
            each("is_aggregate", lambda p: p.is_aggregate),
        ),
        _parameters,
        needs=_NEEDS,
    ),
    View(
        "ROUTINE_OPTIONS",
        (
            *_name("specific", 0),
            each("option_name", lambda o: o[1]),
            each("option_type", lambda o: o[2]),
            each("option_value", lambda o: o[3]),
        ),
        _options,
        needs=_NEEDS,
    ),
)
