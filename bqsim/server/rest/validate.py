"""The check of request bodies against :mod:`.schemas`, with the service's wording.

What passes has the types that the table promises, so that no later code meets a list where it expects an
object. Values in another accepted spelling are replaced by the API's own: INT64 as text, numbers and flags as
JSON values.
"""

from __future__ import annotations

import re
from typing import Any

from bqsim.errors import BigQueryError, invalid

from .request import snake
from .schemas import message

_INTEGER = re.compile(r"-?[0-9]{1,19}\Z")
_RANGES = {
    "int64": (-(1 << 63), (1 << 63) - 1),
    "uint64": (0, (1 << 64) - 1),
    "int32": (-(1 << 31), (1 << 31) - 1),
    "uint32": (0, (1 << 32) - 1),
}
_MAX_DEPTH = 64


def validate(body: dict[str, Any], message_name: str) -> dict[str, Any]:
    """Check and normalise a request body in place; 400 ``invalid`` names the first bad field."""
    _object(body, message_name, snake(message_name[0].lower() + message_name[1:]), 0)
    return body


def _object(body: dict[str, Any], message_name: str, path: str, depth: int) -> None:
    if depth > _MAX_DEPTH:
        raise _bad("Message too deep. Max recursion depth reached for key", path)
    fields = message(message_name)
    for name, value in body.items():
        field = fields.get(name)
        if field is None or value is None:
            continue
        where = f"{path}.{snake(name)}"
        if field.shape == "[]":
            if not isinstance(value, list):
                raise _bad(f"Invalid value at '{where}': a list is expected", name)
            for i, item in enumerate(value):
                value[i] = _value(item, field.type, f"{where}[{i}]", depth)
        elif field.shape == "{}":
            if not isinstance(value, dict):
                raise _bad(f"Invalid value at '{where}': an object is expected", name)
            for key, item in value.items():
                # A null in a map deletes the key in a patch.
                if item is not None:
                    value[key] = _value(item, field.type, f"{where}[{key[:60]}]", depth)
        else:
            body[name] = _value(value, field.type, where, depth)


def _value(value: Any, type_: str, where: str, depth: int) -> Any:
    check = _SCALARS.get(type_)
    if check is not None:
        return check(value, where)
    if type_ == "any":
        return value
    if not isinstance(value, dict):
        raise _invalid(where, f"type.googleapis.com/google.cloud.bigquery.v2.{type_}", value)
    _object(value, type_, where, depth + 1)
    return value


def _string(value: Any, where: str) -> str:
    if isinstance(value, str):
        return value
    raise _invalid(where, "TYPE_STRING", value)


def _text(value: Any, where: str) -> Any:
    """A parameter's value: text, though clients also send JSON numbers and booleans."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return _string(value, where)


def _integer(kind: str) -> Any:
    low, high = _RANGES[kind]
    as_text = kind.endswith("64")

    def check(value: Any, where: str) -> Any:
        whole = isinstance(value, float) and value.is_integer() and abs(value) < 1 << 63
        text = isinstance(value, str) and _INTEGER.match(value)
        if not (whole or text or isinstance(value, int)) or isinstance(value, bool):
            raise _invalid(where, f"TYPE_{kind.upper()}", value)
        number = int(value)
        if not low <= number <= high:
            raise _invalid(where, f"TYPE_{kind.upper()}", value)
        return str(number) if as_text else number

    return check


def _double(value: Any, where: str) -> float:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    raise _invalid(where, "TYPE_DOUBLE", value)


def _bool(value: Any, where: str) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _invalid(where, "TYPE_BOOL", value)


_SCALARS = {
    "string": _string,
    "text": _text,
    "bool": _bool,
    "double": _double,
    **{kind: _integer(kind) for kind in _RANGES},
}


def _show(value: Any) -> str:
    if isinstance(value, str):
        return f'"{value[:60]}"'
    if isinstance(value, (dict, list)):
        return "an object" if isinstance(value, dict) else "a list"
    return str(value)[:60] if not isinstance(value, bool) else str(value).lower()


def _invalid(where: str, type_: str, value: Any) -> BigQueryError:
    return invalid(f"Invalid value at '{where}' ({type_}), {_show(value)}")


def _bad(message_text: str, name: str) -> BigQueryError:
    return invalid(f"{message_text}: {name}" if message_text.endswith("key") else message_text)
