"""The CREATE statement that a ``Routine`` resource describes."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from bqsim.catalog.refs import RoutineRef
from bqsim.errors import BigQueryError, invalid
from bqsim.types import TypeKind

_NAME = re.compile(r"\w+\Z")
_PROJECT = re.compile(r"[\w.:-]+\Z")
_MODES = frozenset({"", "IN", "OUT", "INOUT"})
_LANGUAGES = {"JAVASCRIPT": "js"}
_DETERMINISM = {"DETERMINISTIC": "DETERMINISTIC", "NOT_DETERMINISTIC": "NOT DETERMINISTIC"}
_CONNECTION = re.compile(
    r"(?:projects/([^/`]+)/locations/([^/`]+)/connections/([^/`]+)|([^.`/]+)\.([^.`/]+)\.([^.`/]+))\Z"
)
_KEYWORDS = {
    "SCALAR_FUNCTION": "FUNCTION",
    "AGGREGATE_FUNCTION": "AGGREGATE FUNCTION",
    "TABLE_VALUED_FUNCTION": "TABLE FUNCTION",
    "PROCEDURE": "PROCEDURE",
}


def create_statement(ref: RoutineRef, body: Mapping[str, Any], *, replace: bool) -> str:
    """GoogleSQL that creates (or with ``replace`` replaces) the routine; 400 for a bad description of it."""
    kind = body.get("routineType") or "SCALAR_FUNCTION"
    keyword = _KEYWORDS.get(kind)
    if keyword is None:
        raise invalid(f"Invalid value for routineType: {kind[:60]}", "routineType")
    code = str(body.get("definitionBody") or "")
    remote = body.get("remoteFunctionOptions")
    if not code and not remote:
        raise BigQueryError("required", "Required parameter is missing: definitionBody")
    if not _PROJECT.match(ref.project):
        raise invalid(f"Invalid project ID {ref.project[:100]}")
    language = (body.get("language") or "SQL").upper()
    arguments = ", ".join(_argument(a, kind) for a in body.get("arguments") or ())
    create = "CREATE OR REPLACE" if replace else "CREATE"
    head = f"{create} {keyword} `{ref.project}`.`{ref.dataset}`.`{ref.routine}`({arguments})"
    if kind == "PROCEDURE":
        return f"{head}\n{_block(code, language)}"
    parts = [head]
    if body.get("returnType"):
        parts.append(f"RETURNS {type_text(body['returnType'])}")
    if body.get("returnTableType"):
        columns = body["returnTableType"].get("columns") or ()
        parts.append("RETURNS TABLE<" + ", ".join(_column(c) for c in columns) + ">")
    if remote:
        return "\n".join([*parts, _remote(remote)])
    if language == "SQL":
        quoted = code if kind == "TABLE_VALUED_FUNCTION" else f"(\n{code}\n)"
        return "\n".join([*parts, f"AS {quoted}"])
    determinism = _DETERMINISM.get(body.get("determinismLevel") or "")
    if determinism:
        parts.append(determinism)
    parts.append(f"LANGUAGE {_LANGUAGES.get(language, language.lower())}")
    if not _NAME.match(parts[-1].rpartition(" ")[2]):
        raise invalid(f"Invalid value for language: {language[:60]}", "language")
    if body.get("importedLibraries"):
        libraries = ", ".join(map(_text, body["importedLibraries"]))
        parts.append(f"OPTIONS (library = [{libraries}])")
    return "\n".join([*parts, f"AS {_text(code)}"])


def _remote(options: Mapping[str, Any]) -> str:
    """REMOTE WITH CONNECTION … of ``remoteFunctionOptions``."""
    connection = _CONNECTION.match(str(options.get("connection") or ""))
    if connection is None:
        raise invalid("Invalid value for remoteFunctionOptions.connection", "remoteFunctionOptions")
    path = ".".join(f"`{part}`" for part in connection.groups() if part)
    given = [f"endpoint = {_text(str(options.get('endpoint') or ''))}"]
    rows = str(options.get("maxBatchingRows") or "0")
    if not rows.isdecimal():
        raise invalid(f"Invalid value for maxBatchingRows: {rows[:60]}", "remoteFunctionOptions")
    if int(rows):
        given.append(f"max_batching_rows = {int(rows)}")
    context = options.get("userDefinedContext") or {}
    if context:
        pairs = ", ".join(f"({_text(str(k))}, {_text(str(v))})" for k, v in context.items())
        given.append(f"user_defined_context = [{pairs}]")
    return f"REMOTE WITH CONNECTION {path} OPTIONS ({', '.join(given)})"


def _block(code: str, language: str) -> str:
    if language != "SQL":
        raise BigQueryError("notImplemented", f"Procedures in {language[:60]} are not implemented by bqsim")
    return code if code.lstrip()[:5].upper() == "BEGIN" else f"BEGIN\n{code}\nEND"


def _argument(argument: Mapping[str, Any], kind: str) -> str:
    name, mode = argument.get("name") or "", argument.get("mode") or ""
    if not _NAME.match(name) or mode not in _MODES:
        raise invalid(f"Invalid argument of the routine: {name[:60]} {mode[:20]}", "arguments")
    any_type = argument.get("argumentKind") == "ANY_TYPE"
    type_ = "ANY TYPE" if any_type else type_text(argument.get("dataType") or {})
    text = f"`{name}` {type_}"
    if argument.get("isAggregate") is False and kind == "AGGREGATE_FUNCTION":
        text += " NOT AGGREGATE"
    return f"{mode} {text}" if mode and kind == "PROCEDURE" else text


def _column(column: Any) -> str:
    name = column.get("name") if isinstance(column, Mapping) else None
    if not isinstance(name, str) or not _NAME.match(name) or not isinstance(column.get("type"), Mapping):
        raise invalid("Invalid column of returnTableType", "returnTableType")
    return f"`{name}` {type_text(column['type'])}"


def type_text(body: Mapping[str, Any]) -> str:
    """GoogleSQL's spelling of a ``StandardSqlDataType``."""
    kind = body.get("typeKind")
    if kind not in TypeKind.__members__:
        raise invalid(f"Invalid value for typeKind: {str(kind)[:60]}", "typeKind")
    if kind in ("ARRAY", "RANGE"):
        element = body.get("arrayElementType" if kind == "ARRAY" else "rangeElementType")
        if not isinstance(element, Mapping):
            raise invalid(f"An element type is required for {kind}", "typeKind")
        return f"{kind}<{type_text(element)}>"
    if kind == "STRUCT":
        fields = (body.get("structType") or {}).get("fields") or ()
        return "STRUCT<" + ", ".join(map(_field, fields)) + ">"
    return str(kind)


def _field(field: Mapping[str, Any]) -> str:
    name, type_ = field.get("name"), type_text(field.get("type") or {})
    if not name:
        return type_
    if not _NAME.match(name):
        raise invalid(f"Invalid field name: {name[:60]}", "structType")
    return f"`{name}` {type_}"


def _text(value: str) -> str:
    """A string literal: JSON's escapes are GoogleSQL's too."""
    return json.dumps(value, ensure_ascii=False)
