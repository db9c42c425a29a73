"""Rows given as JSON objects: checked value by value, with the service's message for each bad one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from json import loads
from typing import Any, NoReturn

from bqsim.errors import BigQueryError
from bqsim.types import Field, Mode, TypeKind
from bqsim.types.values import parse_cell

# Takes (path, message) of a problem.
Report = Callable[[str, str], None]
# Gives the canonical value of a JSON value for a field; raises ``invalid``.
Parse = Callable[[Any, Field], Any]
_POSITION = re.compile(r"\[\d+\]")
# How the message about a REQUIRED field without a value begins.
MISSING = "Missing required field: "


def decode(line: bytes | str) -> Any:
    """The JSON value of a text. ``ValueError`` or ``RecursionError`` for what is none, as is NaN."""
    return loads(line, parse_constant=_no_constant)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def parse_row(
    fields: Sequence[Field],
    body: Mapping[str, Any],
    ignore_unknown: bool,
    report: Report,
    parse: Parse = parse_cell,
) -> list[Any]:
    """Canonical values of ``body`` by field; problems go to ``report`` and give NULL."""
    return _record(fields, body, "", ignore_unknown, report, parse)


def _record(
    fields: Sequence[Field],
    body: Mapping[str, Any],
    prefix: str,
    ignore_unknown: bool,
    report: Report,
    parse: Parse,
) -> list[Any]:
    given = {str(name).casefold(): (name, value) for name, value in body.items()}
    values: list[Any] = []
    for f in fields:
        _, value = given.pop(f.name.casefold(), ("", None))
        values.append(_value(f, value, f"{prefix}{f.name}", ignore_unknown, report, parse))
    if not ignore_unknown:
        for name, _ in given.values():
            report(f"{prefix}{name}", f"no such field: {_names(prefix)}{name}.")
    return values


def _value(f: Field, value: Any, path: str, ignore_unknown: bool, report: Report, parse: Parse) -> Any:
    if f.mode is Mode.REPEATED:
        return _repeated(f, value, path, ignore_unknown, report, parse)
    if value is None:
        if f.mode is Mode.REQUIRED and f.default is None:
            report(path, f"{MISSING}{_names(path)}.")
        return None
    if isinstance(value, list) and f.kind is not TypeKind.JSON:
        # The service names the innermost field alone here.
        report(path, f"Array specified for non-repeated field: {f.name}.")
        return None
    if f.kind is TypeKind.STRUCT:
        if not isinstance(value, Mapping):
            report(path, f"This field: {_names(path)} is not a record.")
            return None
        return _record(f.fields, value, f"{path}.", ignore_unknown, report, parse)
    if isinstance(value, Mapping) and f.kind not in (TypeKind.JSON, TypeKind.RANGE):
        report(path, f"This field: {_names(path)} is not a record.")
        return None
    return _scalar(f, value, path, report, parse)


def _repeated(
    f: Field, value: Any, path: str, ignore_unknown: bool, report: Report, parse: Parse
) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        report(
            path, f"Value has type mismatch: field {_names(path)} is repeated, but the value is not an array."
        )
        return []
    element = replace(f, mode=Mode.NULLABLE)
    parsed = []
    for position, item in enumerate(value):
        place = f"{path}[{position}]"
        if item is None and f.kind is not TypeKind.JSON:
            report(place, f"Only optional fields can be set to NULL. Field: {_names(path)}; Value: NULL")
            continue
        parsed.append(_value(element, item, place, ignore_unknown, report, parse))
    return parsed


def _names(path: str) -> str:
    """A path as messages have it: without the positions in arrays that locations tell."""
    return _POSITION.sub("", path) if "[" in path else path


def _scalar(f: Field, value: Any, path: str, report: Report, parse: Parse) -> Any:
    try:
        parsed = parse(value, f)
        return _whole(parsed) if isinstance(parsed, str) and not parsed.isascii() else parsed
    except BigQueryError as error:
        report(path, error.message)
    except (ValueError, OverflowError):
        # A number beyond the range of FLOAT64, which has no text.
        report(path, f"Value of field {_names(path)} is out of range")
    return None


def _whole(text: str) -> str:
    """``text`` with U+FFFD for halves of surrogate pairs, which JSON can hold but UTF-8 cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
