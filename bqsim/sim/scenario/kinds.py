"""How the plain values of a scenario are written: one :class:`Kind` reads, writes and describes each."""

from __future__ import annotations

import datetime
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from bqsim.errors import REASONS

from . import words
from .durations import DURATION_PATTERN, format_duration, parse_duration
from .spelling import clip, unknown

Scalar = str | int | float | bool | None


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """A kind of plain value.

    ``read`` takes what a YAML or JSON scalar holds and raises ``ValueError`` with the user's words;
    ``write`` gives it back; ``schema`` is its JSON Schema. ``suffix`` is the unit that field names of
    the model end with and that the written key leaves out.
    """

    name: str
    read: Callable[[Scalar], Any]
    schema: dict[str, Any]
    write: Callable[[Any], Scalar] = lambda value: value
    suffix: str = ""


def said(value: Scalar) -> str:
    """A value as an error message quotes it."""
    if value is None:
        return "nothing"
    return f"'{clip(value)}'" if isinstance(value, str) else clip(value).lower()


def _duration(value: Scalar) -> float:
    if isinstance(value, bool) or value is None:
        raise ValueError(f"expected a duration such as '90m' or 2.5, not {said(value)}")
    return parse_duration(value)


def _span(value: Scalar) -> float:
    seconds = _duration(value)
    if seconds < 0:
        raise ValueError(f"a duration cannot be negative: {said(value)}")
    return seconds


def _number(value: Scalar) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"expected a number, not {said(value)}")
    if not abs(value) <= _LARGEST:
        raise ValueError(f"expected a number of at most {_LARGEST:g}, not {said(value)}")
    return float(value)


_LARGEST = 1e18


def _bounded(
    what: str, low: float, high: float | None = None, *, above: bool = False
) -> Callable[[Scalar], float]:
    def read(value: Scalar) -> float:
        number = _number(value)
        if number < low or (above and number == low) or (high is not None and number > high):
            raise ValueError(f"{what}, not {value}")
        return number

    return read


def _whole(least: int, most: int | None = None) -> Callable[[Scalar], int]:
    limits = f"of at least {least}" if most is None else f"from {least} to {most}"

    def read(value: Scalar) -> int:
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(f"expected a whole number, not {said(value)}")
        if value < least or (most is not None and value > most):
            raise ValueError(f"expected a whole number {limits}, not {said(value)}")
        if most is None and value > _LARGEST:
            raise ValueError(f"expected a number of at most {_LARGEST:g}, not {said(value)}")
        return value

    return read


def _text(value: Scalar) -> str:
    if isinstance(value, str):
        return value
    hint = "" if value is None else "; put it in quotes"
    raise ValueError(f"expected text, not {said(value)}{hint}")


def _name(value: Scalar) -> str:
    if not (text := _text(value)).strip():
        raise ValueError("expected a name, not empty text")
    return text


def _flag(value: Scalar) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"expected true or false, not {said(value)}")
    return value


def _glob(value: Scalar) -> str:
    text = _name(value)
    if "[" in text and not re.fullmatch(r"(?:[^\[]|\[!?\]?[^\]]+\])*", text):
        raise ValueError(f"the pattern {said(text)} has a '[' without its ']'")
    return text


def _regex(value: Scalar) -> str:
    text = _name(value)
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{said(text)} is not a regular expression: {error}") from None
    return text


def _time(value: Scalar) -> int:
    text = _text(value)
    try:
        moment = datetime.datetime.fromisoformat(text)
    except ValueError:
        raise ValueError(f"expected a time such as '2025-01-31T12:00:00Z', not {said(text)}") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=datetime.UTC)
    return (moment - _EPOCH) // datetime.timedelta(microseconds=1)


def _short(value: float) -> Scalar:
    return int(value) if value == int(value) else value


def _show_time(value: int) -> str:
    return (_EPOCH + datetime.timedelta(microseconds=value)).isoformat().replace("+00:00", "Z")


_EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def word(what: str, choices: Sequence[str]) -> Kind:
    """One of ``choices``; ``what`` names it in messages."""

    def read(value: Scalar) -> str:
        if value not in choices:
            raise ValueError(unknown(what, value if isinstance(value, str) else said(value), choices))
        return str(value)

    return Kind(what, read, {"enum": list(choices)})


DURATION_SCHEMA: dict[str, Any] = {
    "anyOf": [{"type": "number", "minimum": 0}, {"type": "string", "pattern": DURATION_PATTERN}]
}
SPAN = Kind("duration", _span, DURATION_SCHEMA, format_duration, suffix="_s")
SHIFT = Kind(
    "signed duration",
    _duration,
    {"anyOf": [{"type": "number"}, {"type": "string", "pattern": DURATION_PATTERN.replace("^", "^-?", 1)}]},
    format_duration,
    suffix="_s",
)
TIME = Kind("time", _time, {"type": "string"}, _show_time, suffix="_us")
SHARE = Kind(
    "share",
    _bounded("expected a share between 0 and 1", 0, 1),
    {"type": "number", "minimum": 0, "maximum": 1},
    _short,
)
PERCENT = Kind(
    "percentage",
    _bounded("expected a percentage between 0 and 100", 0, 100),
    {"type": "number", "minimum": 0, "maximum": 100},
    _short,
)
POSITIVE = Kind(
    "positive number",
    _bounded("expected a number above 0", 0, above=True),
    {"type": "number", "exclusiveMinimum": 0},
    _short,
)
AMOUNT = Kind(
    "amount", _bounded("expected a number of at least 0", 0), {"type": "number", "minimum": 0}, _short
)
COUNT = Kind("count", _whole(0), {"type": "integer", "minimum": 0})
ORDINAL = Kind("ordinal", _whole(1), {"type": "integer", "minimum": 1})
SEED = Kind("seed", _whole(0, 2**63 - 1), {"type": "integer", "minimum": 0, "maximum": 2**63 - 1})
HTTP_CODE = Kind("HTTP status", _whole(200, 599), {"type": "integer", "minimum": 200, "maximum": 599})
TEXT = Kind("text", _text, {"type": "string"})
NAME = Kind("name", _name, {"type": "string", "minLength": 1})
FLAG = Kind("flag", _flag, {"type": "boolean"})
GLOB = Kind("pattern", _glob, {"type": "string", "minLength": 1})
REGEX = Kind("regular expression", _regex, {"type": "string", "minLength": 1, "format": "regex"})


def _sql_type(value: Scalar) -> str:
    from bqsim.types.spelled import spelled

    text = _name(value)
    spelled(text)
    return text


def _json_rows(value: Scalar) -> str:
    text = _text(value)
    try:
        rows = json.loads(text)
    except ValueError:
        rows = None
    if not isinstance(rows, list) or not all(isinstance(row, list | dict) for row in rows):
        raise ValueError("expected rows as a JSON list of lists or objects")
    return text


def _json_value(value: Scalar) -> str:
    text = _text(value)
    try:
        json.loads(text)
    except ValueError:
        raise ValueError("expected a JSON value") from None
    return text


SQL_TYPE = Kind("type", _sql_type, {"type": "string", "minLength": 1})
JSON_ROWS = Kind("rows", _json_rows, {"type": "string"})
JSON_VALUE = Kind("JSON", _json_value, {"type": "string"})
REASON = word("error reason", tuple(REASONS))
GRPC_STATUS = word("gRPC status", words.GRPC_STATUSES)
STORAGE_CODE = word("storage error code", words.STORAGE_CODES)
TRANSPORT = word("transport", words.TRANSPORTS)
JOB_TYPE = word("job type", words.JOB_TYPES)
STATEMENT_TYPE = word("statement type", words.STATEMENT_TYPES)
JOB_STATE = word("job state", words.JOB_STATES)
CLOCK_MODE = word("clock mode", words.CLOCK_MODES)
LEVEL = word("level", words.LEVELS)
PHASE = word("phase", words.PHASES)
NETWORK_FAULT = word("network fault", words.NETWORK_FAULTS)
NETWORK_POINT = word("point", words.NETWORK_POINTS)
JOB_OUTCOME = word("job outcome", words.JOB_OUTCOMES)
STALE_VIEW = word("view", words.STALE_VIEWS)
LATENCY_PRESET = word("latency preset", words.LATENCY_PRESETS)
LIMIT_PROFILE = word("limits profile", words.LIMIT_PROFILES)
