"""Parameters of queries by type and value, whatever way they are written in."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import math
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

_ALIASES = {
    "INTEGER": "INT64",
    "INT": "INT64",
    "SMALLINT": "INT64",
    "BIGINT": "INT64",
    "TINYINT": "INT64",
    "BYTEINT": "INT64",
    "FLOAT": "FLOAT64",
    "BOOLEAN": "BOOL",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
    "RECORD": "STRUCT",
}
_TIME = re.compile(r"(\d{1,2}):(\d{1,2}):(\d{1,2})(?:\.(\d{1,9}))?$")
_MOMENT = re.compile(
    r"(\d{1,4})-(\d{1,2})-(\d{1,2})(?:[ Tt]+(\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?"
    r"\s*(?:([Zz]|UTC)|([+-]\d{1,2})(?::?(\d{2}))?)?$"
)


def parameters_form(parameters: Iterable[Any]) -> list[Any]:
    """``queryParameters`` of a request as ``[type, value]`` or ``[type, value, name]``: named ones by name,
    others in their order. What is no parameter stands as it is."""
    formed = [_parameter(given) for given in parameters]
    if all(isinstance(p, list) and len(p) == 3 for p in formed):
        formed.sort(key=lambda p: str(p[2]))
    return formed


def _parameter(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    kind = given.get("parameterType") or {}
    formed = [type_form(kind), value_form(kind, given.get("parameterValue"))]
    # Names of parameters do not tell case apart.
    return [*formed, str(given["name"]).lower()] if given.get("name") else formed


def type_form(kind: Any) -> Any:
    """A ``QueryParameterType``: a name, ``["ARRAY", type]`` or ``["STRUCT", [[name, type], …]]``."""
    if not isinstance(kind, Mapping):
        return str(kind)
    name = _name(kind)
    if name == "ARRAY":
        return [name, type_form(kind.get("arrayType") or {})]
    if name == "RANGE":
        return [name, type_form(kind.get("rangeElementType") or {})]
    if name == "STRUCT":
        members = kind.get("structTypes") or []
        return [name, [[str(m.get("name", "")).lower(), type_form(m.get("type") or {})] for m in members]]
    return name


def value_form(kind: Any, value: Any) -> Any:
    """A ``QueryParameterValue`` of a type; None is NULL."""
    if not isinstance(value, Mapping) or not isinstance(kind, Mapping):
        return value if isinstance(value, str) else None
    name = _name(kind)
    if name == "ARRAY":
        items = value.get("arrayValues")
        return None if items is None else [value_form(kind.get("arrayType") or {}, item) for item in items]
    if name == "STRUCT":
        members = value.get("structValues")
        if members is None:
            return None
        types = {str(m.get("name", "")).lower(): m.get("type") or {} for m in kind.get("structTypes") or []}
        formed = {str(n).lower(): value_form(types.get(str(n).lower(), {}), v) for n, v in members.items()}
        return dict(sorted(formed.items()))
    if name == "RANGE":
        ends, element = value.get("rangeValue") or {}, kind.get("rangeElementType") or {}
        return [value_form(element, ends.get(end)) for end in ("start", "end")]
    plain = value.get("value")
    if plain is None:
        return None
    text = ("true" if plain else "false") if isinstance(plain, bool) else str(plain)
    form = _FORMS.get(name)
    if form is None:
        return text
    try:
        return form(text)
    except (ValueError, ArithmeticError, InvalidOperation, binascii.Error):
        return text


def _name(kind: Mapping[str, Any]) -> str:
    name = str(kind.get("type") or "").upper()
    return _ALIASES.get(name, name)


def _integer(text: str) -> str:
    try:
        return str(int(text))
    except ValueError:
        number = Decimal(text)
        return str(int(number)) if number == int(number) else text


def _float(text: str) -> str:
    number = float(text)
    return "NaN" if math.isnan(number) else repr(number + 0.0)


def _decimal(text: str) -> str:
    number = Decimal(text.strip())
    return format(number.normalize(), "f") if number else "0"


def _bool(text: str) -> str:
    return text.strip().lower()


def _bytes(text: str) -> str:
    padded = text.strip().translate(str.maketrans("-_", "+/"))
    data = base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True)
    return base64.b64encode(data).decode()


def _fraction(digits: str | None) -> str:
    kept = (digits or "").rstrip("0")
    return f".{kept}" if kept else ""


def _time(text: str) -> str:
    found = _TIME.match(text.strip())
    if found is None:
        return text
    return f"{int(found[1]):02}:{int(found[2]):02}:{int(found[3]):02}{_fraction(found[4])}"


def _moment(text: str, zoned: bool, day_only: bool = False) -> str:
    found = _MOMENT.match(text.strip())
    if found is None:
        return text
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    hour, minute, second = (int(found[i] or 0) for i in (4, 5, 6))
    when = dt.datetime(year, month, day, hour, minute, second)
    if zoned and found[9]:
        sign = -1 if found[9][0] == "-" else 1
        when -= sign * dt.timedelta(hours=abs(int(found[9])), minutes=int(found[10] or 0))
    if day_only:
        return when.date().isoformat()
    return when.isoformat(timespec="seconds") + _fraction(found[7])


def _timestamp(text: str) -> str:
    return _moment(text, zoned=True)


def _datetime(text: str) -> str:
    return _moment(text, zoned=False)


def _date(text: str) -> str:
    return _moment(text, zoned=False, day_only=True)


def _json(text: str) -> str:
    return json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))


_FORMS: Mapping[str, Callable[[str], str]] = {
    "INT64": _integer,
    "FLOAT64": _float,
    "NUMERIC": _decimal,
    "BIGNUMERIC": _decimal,
    "BOOL": _bool,
    "BYTES": _bytes,
    "TIMESTAMP": _timestamp,
    "DATETIME": _datetime,
    "DATE": _date,
    "TIME": _time,
    "JSON": _json,
}
