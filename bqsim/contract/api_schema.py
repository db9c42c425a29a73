"""Answers held to the API's own schema: a discovery document, bqsim's or any other revision's.

What is unknown to the schema, or of another type than it says, is a problem. Fields may be missing: answers
may be partial. The envelope of errors, which no discovery document has, is the one of Google's APIs.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

_INTEGER = re.compile(r"-?(0|[1-9]\d*)\Z")
_RANGES = {
    "int32": (-(1 << 31), (1 << 31) - 1),
    "uint32": (0, (1 << 32) - 1),
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint64": (0, (1 << 64) - 1),
}
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)\Z")
_DURATION = re.compile(r"-?\d+(\.\d{1,9})?s\Z")
_SHOWN = 60

# The envelope of failures, as a schema of its own.
ERRORS: Mapping[str, Any] = {
    "ErrorEnvelope": {"type": "object", "properties": {"error": {"$ref": "ErrorBody"}}},
    "ErrorBody": {
        "type": "object",
        "properties": {
            "code": {"type": "integer", "format": "int32"},
            "message": {"type": "string"},
            "status": {"type": "string"},
            "errors": {"type": "array", "items": {"$ref": "ErrorItem"}},
            "details": {
                "type": "array",
                "items": {"type": "object", "additionalProperties": {"type": "any"}},
            },
        },
    },
    "ErrorItem": {
        "type": "object",
        "properties": {
            name: {"type": "string"}
            for name in ("domain", "reason", "message", "location", "locationType", "debugInfo")
        },
    },
}
_NEEDED = {"ErrorEnvelope": ("error",), "ErrorBody": ("code", "message")}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong at ``path`` (``statistics.query.queryPlan[0].id``) of an answer."""

    path: str
    what: str

    def __str__(self) -> str:
        return f"{self.path or 'the body'}: {self.what}"


class ApiSchema:
    """The schema of ``document``, a discovery document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._symbols = False
        self.document = document
        self.revision = str(document.get("revision", ""))
        self.schemas: Mapping[str, Any] = {**document.get("schemas", {}), **ERRORS}
        self.methods = {m["id"]: m for m in methods_of(document)}

    @classmethod
    def load(cls, path: str | Path) -> ApiSchema:
        """The schema in a file. ValueError when it is no discovery document."""
        try:
            document = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path}: not JSON ({error})") from None
        if not isinstance(document, dict) or "schemas" not in document:
            raise ValueError(f"{path}: this is no discovery document; it has no schemas")
        return cls(document)

    def with_symbols(self) -> ApiSchema:
        """The same schema, for recorded answers: texts with symbols may stand for any value."""
        other = ApiSchema(self.document)
        other._symbols = True
        return other

    def response_of(self, method: str) -> str | None:
        """The name of the schema of a method's answers; None when they have no body. KeyError: no method."""
        name: str | None = self.methods[method].get("response", {}).get("$ref")
        return name

    def problems(self, method: str, body: Any, status: int = 200) -> list[Problem]:
        """What of an answer's ``body`` (JSON, None for none) the schema does not have."""
        if status >= 400:
            return [] if body is None else list(self.object_problems("ErrorEnvelope", body))
        if method not in self.methods:
            return [Problem("", f"the API has no method {method}")]
        name = self.response_of(method)
        if name is None:
            return [] if not body else [Problem("", f"{method} has no body in its answers")]
        if body is None:
            return []
        return list(self.object_problems(name, body))

    def object_problems(self, schema: str, value: Any, path: str = "") -> Iterator[Problem]:
        """What is wrong with ``value`` as a ``schema``, by name."""
        for needed in _NEEDED.get(schema, ()):
            if isinstance(value, Mapping) and needed not in value:
                yield Problem(path, f"{needed} is missing")
        yield from self._problems(self.schemas[schema], value, path)

    def _problems(self, shape: Mapping[str, Any], value: Any, path: str) -> Iterator[Problem]:
        if self._symbols and isinstance(value, str) and "${" in value:
            return
        reference = shape.get("$ref")
        if reference is not None:
            yield from self.object_problems(reference, value, path)
            return
        kind = shape.get("type", "any")
        if kind == "any":
            return
        if kind == "object":
            if not isinstance(value, Mapping):
                yield _mistyped(path, "an object", value)
                return
            known, more = shape.get("properties", {}), shape.get("additionalProperties")
            for name, item in value.items():
                inside = f"{path}.{name}" if path else str(name)
                if name in known:
                    yield from self._problems(known[name], item, inside)
                elif more is not None:
                    yield from self._problems(more, item, inside)
                else:
                    yield Problem(inside, "the schema has no such field")
        elif kind == "array":
            if not isinstance(value, list):
                yield _mistyped(path, "a list", value)
                return
            for at, item in enumerate(value):
                yield from self._problems(shape["items"], item, f"{path}[{at}]")
        else:
            expected = _scalar(kind, shape.get("format", ""), shape.get("enum"), value)
            if expected:
                yield _mistyped(path, expected, value)


def methods_of(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """All methods of a discovery document."""
    yield from node.get("methods", {}).values()
    for resource in node.get("resources", {}).values():
        yield from methods_of(resource)


@cache
def default() -> ApiSchema:
    """The schema that bqsim serves."""
    from bqsim.server.rest.discovery import document

    return ApiSchema(document("https://bigquery.googleapis.com"))


def problems(method: str, body: Any, status: int = 200) -> list[Problem]:
    """What of the answer of an API method the API's schema does not have."""
    return default().problems(method, body, status)


def _scalar(kind: str, format_: str, enum: list[str] | None, value: Any) -> str:
    """What was expected instead of ``value``; '' when it is right."""
    if kind == "boolean":
        return "" if isinstance(value, bool) else "a boolean"
    if kind == "integer":
        low, high = _RANGES.get(format_, _RANGES["int32"])
        right = isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
        return "" if right else f"an integer ({format_ or 'int32'})"
    if kind == "number":
        if isinstance(value, str):
            return "" if value in ("NaN", "Infinity", "-Infinity") else "a number"
        right = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
        return "" if right else "a number"
    if not isinstance(value, str):
        return f"a string ({format_})" if format_ else "a string"
    if enum is not None and value not in enum:
        return f"one of {', '.join(enum)}"
    return _TEXTS[format_](value) if format_ in _TEXTS else ""


def _whole(format_: str) -> Any:
    low, high = _RANGES[format_]

    def check(value: str) -> str:
        right = len(value) < 32 and _INTEGER.match(value) and low <= int(value) <= high
        return "" if right else f"an integer as a string ({format_})"

    return check


def _bytes(value: str) -> str:
    try:
        base64.b64decode(value, altchars=b"-_" if set(value) & set("-_") else None, validate=True)
    except (binascii.Error, ValueError):
        return "bytes in base64"
    return ""


def _moment(value: str) -> str:
    return "" if _MOMENT.match(value) else "a time (RFC 3339)"


_TEXTS: Mapping[str, Any] = {
    "int64": _whole("int64"),
    "uint64": _whole("uint64"),
    "byte": _bytes,
    "date-time": _moment,
    "google-datetime": _moment,
    "google-duration": lambda value: "" if _DURATION.match(value) else "a duration (3.5s)",
}


def _mistyped(path: str, expected: str, value: Any) -> Problem:
    shown = json.dumps(value, ensure_ascii=False, default=str)
    if len(shown) > _SHOWN:
        shown = shown[: _SHOWN - 1] + "…"
    return Problem(path, f"{expected} is expected, not {shown}")
