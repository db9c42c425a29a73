"""Values as several clients give them, in one form in which they can be compared.

INT64 is an int, FLOAT64 a float, NUMERIC and BIGNUMERIC a Decimal, DATE, TIME and DATETIME the values of
:mod:`datetime`, TIMESTAMP microseconds since the epoch, BYTES bytes, JSON what it says, arrays lists, STRUCTs
dicts.
"""

from __future__ import annotations

import base64
import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

Convert = Callable[[str, Any], Any]
# Columns: name, type, whether REPEATED, and those of a STRUCT.
Column = tuple[str, str, bool, tuple["Column", ...]]

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_ALIASES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}


def columns(fields: Sequence[Any]) -> tuple[Column, ...]:
    """The columns of a schema of Google's Python client."""
    return tuple(
        (
            f.name,
            _ALIASES.get(f.field_type, f.field_type),
            f.mode == "REPEATED",
            columns(f.fields),
        )
        for f in fields
    )


def row(given: Mapping[str, Any] | Sequence[Any], schema: Sequence[Column], convert: Convert) -> list[Any]:
    """All values of a row, which has them by name or in their order."""
    by_name = isinstance(given, Mapping)
    if by_name:
        assert list(given) == [column[0] for column in schema]
    assert len(given) == len(schema)
    values = given.values() if isinstance(given, Mapping) else given
    return [_value(value, column, convert) for value, column in zip(values, schema, strict=True)]


def _value(value: Any, column: Column, convert: Convert) -> Any:
    _, kind, repeated, inner = column
    if repeated:
        # Arrays are never NULL in results; Arrow of other upstreams has them empty, too.
        return [_value(item, (*column[:2], False, inner), convert) for item in value]
    if value is None:
        return None
    if kind == "STRUCT":
        found = row(convert("STRUCT", value), inner, convert)
        return dict(zip((c[0] for c in inner), found, strict=True))
    return convert(kind, value)


def of_python(kind: str, value: Any) -> Any:
    """From Python values, those of Google's client, of bqclient, or of Arrow."""
    if kind == "TIMESTAMP":
        return (value - _EPOCH) // dt.timedelta(microseconds=1)
    if kind == "JSON":
        return json.loads(value) if isinstance(value, str) else value
    wanted: dict[str, type] = {
        "INT64": int,
        "FLOAT64": float,
        "BOOL": bool,
        "STRING": str,
        "BYTES": bytes,
        "NUMERIC": Decimal,
        "BIGNUMERIC": Decimal,
        "DATE": dt.date,
        "TIME": dt.time,
        "DATETIME": dt.datetime,
        "STRUCT": dict,
    }
    assert type(value) is wanted[kind], (kind, value)
    assert not isinstance(value, dt.datetime) or value.tzinfo is None
    return value


def of_avro(kind: str, value: Any) -> Any:
    """From Avro rows, which have DATETIME as a text."""
    if kind == "DATETIME" and isinstance(value, str):
        return dt.datetime.fromisoformat(value)
    return of_python(kind, value)


def of_texts(kind: str, value: Any) -> Any:
    """From cells of the REST API, with TIMESTAMP as it is by default or in microseconds."""
    if kind == "STRUCT":
        return [cell["v"] for cell in value["f"]]
    assert isinstance(value, str), (kind, value)
    if kind == "TIMESTAMP":
        whole = Decimal(value)
        return int(whole if "." not in value and "E" not in value else whole * 1_000_000)
    return _of_text(kind, value)


def of_rows(rows: Sequence[Any], schema: Sequence[Column]) -> list[list[Any]]:
    """Rows in the f/v form of the REST API."""
    return [row([_bare(c["v"]) for c in r["f"]], schema, of_texts) for r in rows]


def _bare(value: Any) -> Any:
    if isinstance(value, list):
        return [_bare(item["v"]) for item in value]
    if isinstance(value, dict):
        return {"f": [{"v": _bare(cell["v"])} for cell in value["f"]]}
    return value


def of_printed(kind: str, value: Any) -> Any:
    """From what the programs of other languages print: texts, numbers and JSON's own values."""
    if kind == "STRUCT":
        return value
    if kind == "BOOL":
        assert isinstance(value, bool)
        return value
    if kind == "TIMESTAMP":
        return (dt.datetime.fromisoformat(_microseconds(value)) - _EPOCH) // dt.timedelta(microseconds=1)
    if kind == "JSON":
        return json.loads(value) if isinstance(value, str) else value
    return _of_text(kind, str(value))


def _microseconds(text: str) -> str:
    """A time without digits behind its microseconds, which are zeros."""
    head, point, rest = text.partition(".")
    if not point:
        return text
    digits = rest.rstrip("Z").split("+")[0]
    assert set(digits[6:]) <= {"0"}
    return f"{head}.{digits[:6]}+00:00"


def _of_text(kind: str, value: str) -> Any:
    if kind == "BOOL":
        assert value in ("true", "false")
        return value == "true"
    made: dict[str, Callable[[str], Any]] = {
        "INT64": int,
        "FLOAT64": float,
        "STRING": str,
        "BYTES": base64.b64decode,
        "NUMERIC": Decimal,
        "BIGNUMERIC": Decimal,
        "DATE": dt.date.fromisoformat,
        "TIME": dt.time.fromisoformat,
        "DATETIME": dt.datetime.fromisoformat,
        "JSON": json.loads,
    }
    return made[kind](value)
