"""Single values of exports, in the spellings of all tools: texts for numbers, times of many forms."""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d*)?(?:[eE][+-]?\d+)?")
_TIME = re.compile(
    r"(\d{4})-(\d\d?)-(\d\d?)(?:[ T](\d\d?):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?)?"
    r"\s*(?:(Z|UTC|GMT)|([+-])(\d\d?)(?::?(\d\d))?)?"
)
# Largest numbers that count seconds, milliseconds and microseconds: until the year 5138 each.
_LARGEST = ((100_000_000_000, 1_000_000), (100_000_000_000_000, 1_000), (100_000_000_000_000_000, 1))


def is_empty(value: Any) -> bool:
    """Whether a cell tells nothing: NULL in its spellings."""
    if value is None or (isinstance(value, float) and value != value):
        return True
    return isinstance(value, str) and value.strip() in ("", "null", "NULL", "NaT", "nan", "<NA>", "None")


def micros(value: Any) -> int:
    """Microseconds since the epoch of a time; 0 for none.

    Numbers count seconds, milliseconds, microseconds or nanoseconds, which their size tells. Texts are those
    of ``bq``, of the console, of exports and of pandas; without a zone they are UTC. ValueError for others.
    """
    if is_empty(value):
        return 0
    if isinstance(value, dt.datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=dt.UTC)
        return (aware - _EPOCH) // _MICROSECOND
    if isinstance(value, Mapping) and "value" in value:
        return micros(value["value"])
    if isinstance(value, bool):
        raise ValueError(f"{value} is no time")
    text = str(value).strip()
    if _NUMBER.fullmatch(text):
        return _counted(Decimal(text))
    found = _TIME.fullmatch(text)
    if not found:
        raise ValueError(f"{text[:60]!r} is no time")
    year, month, day, hour, minute, second, fraction, _, sign, off_h, off_m = found.groups()
    try:
        moment = dt.datetime(
            int(year),
            int(month),
            int(day),
            int(hour or 0),
            int(minute or 0),
            int(second or 0),
            int((fraction or "0").ljust(6, "0")[:6]),
            tzinfo=dt.UTC,
        )
    except ValueError:
        raise ValueError(f"{text[:60]!r} is no time") from None
    off = dt.timedelta(hours=int(off_h or 0), minutes=int(off_m or 0))
    return (moment - _EPOCH - (off if sign != "-" else -off)) // _MICROSECOND


def _counted(number: Decimal) -> int:
    for largest, factor in _LARGEST:
        if abs(number) < largest:
            return int((number * factor).to_integral_value())
    return int(number / 1000)


def whole(value: Any) -> int:
    """A whole number; 0 for none. ValueError for what is no number."""
    if is_empty(value):
        return 0
    if isinstance(value, int):
        return int(value)
    try:
        return int(Decimal(str(value).strip()))
    except (InvalidOperation, ValueError, OverflowError):
        raise ValueError(f"{str(value)[:60]!r} is no number") from None


def truth(value: Any) -> bool:
    """A truth value; False for none. ValueError for what is none."""
    if is_empty(value):
        return False
    word = str(value).strip().lower()
    if word in ("true", "1", "1.0", "t", "yes"):
        return True
    if word in ("false", "0", "0.0", "f", "no"):
        return False
    raise ValueError(f"{word[:60]!r} is neither true nor false")


def text(value: Any) -> str:
    """A text; '' for none. Other values are written as JSON."""
    if value is None or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, Mapping | list):
        return json.dumps(value, default=str)
    return str(value)


def nested(value: Any) -> Any:
    """A nested value as lists and mappings: also from the texts that CSV files have for it (JSON, or what
    Python prints), from the lists of Parquet files written by the service, and from wrapped values.

    ValueError for a text that is neither.
    """
    if is_empty(value):
        return None
    if isinstance(value, str):
        return nested(_parsed(value.strip()))
    if isinstance(value, Mapping):
        if len(value) == 1:
            (name, inner), *_ = value.items()
            if name == "list" and isinstance(inner, Sequence) and not isinstance(inner, str):
                return [nested(_element(item)) for item in inner]
        return value
    if isinstance(value, tuple | list):
        return list(value)
    return list(value) if hasattr(value, "tolist") else value


def _element(item: Any) -> Any:
    if isinstance(item, Mapping) and len(item) == 1:
        (name, inner), *_ = item.items()
        if name in ("element", "item", "array", "array_element"):
            return inner
    return item


def _parsed(cell: str) -> Any:
    try:
        return json.loads(cell)
    except ValueError:
        pass
    # What pandas writes of cells that hold lists of numpy.
    python = re.sub(r"\barray\((\[.*?\])(?:,\s*dtype=\w+)?\)", r"\1", cell, flags=re.DOTALL)
    try:
        return ast.literal_eval(python)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        raise ValueError(f"{cell[:60]!r} is neither JSON nor a value of Python") from None


def members(value: Any, *names: str) -> Any:
    """The member of a mapping that has the first of ``names`` that is there, however its words are joined
    (``project_id``, ``projectId``, ``projectid``); None without one."""
    if not isinstance(value, Mapping):
        return None
    for name in names:
        if name in value:
            return value[name]
    folded = {fold(str(key)): item for key, item in value.items()}
    for name in names:
        if fold(name) in folded:
            return folded[fold(name)]
    return None


def fold(name: str) -> str:
    """A name without case and without what joins its words."""
    return name.replace("_", "").lower()


def items_of(value: Any) -> Iterator[Any]:
    """The items of a nested list, each unwrapped; none of what is no list."""
    found = nested(value)
    if isinstance(found, list):
        for item in found:
            yield item["v"] if isinstance(item, Mapping) and set(item) == {"v"} else item
