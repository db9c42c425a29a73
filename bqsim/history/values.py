"""Single values of exports, in the spellings of all tools: texts for numbers, times of many forms."""

from __future__ import annotations

import ast
import datetime as dt
import json
import re
from collections.abc import Hashable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
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
_NOTHING = frozenset(("", "null", "NULL", "NaT", "nan", "<NA>", "None"))
_LONGEST_NOTHING = max(map(len, _NOTHING))
# Numbers of so few digits are read as they are; what follows the seconds of a time that most tools write.
_DIGITS = 18
_REST = re.compile(r"(?:\.([0-9]{1,6})[0-9]{0,3})?(?:Z|\+00:00| ?UTC)?")
_SECOND = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}:[0-9]{2}")
# Mappings of so many members at most are remembered by their names.
_FEW_NAMES = 64


def is_empty(value: Any) -> bool:
    """Whether a cell tells nothing: NULL in its spellings."""
    if value is None:
        return True
    if isinstance(value, str):
        told = value.strip()
        return len(told) <= _LONGEST_NOTHING and told in _NOTHING
    return isinstance(value, float) and value != value


def micros(value: Any) -> int:
    """Microseconds since the epoch of a time; 0 for none.

    Numbers count seconds, milliseconds, microseconds or nanoseconds, which their size tells. Texts are those
    of ``bq``, of the console, of exports and of pandas; without a zone they are UTC. ValueError for others.
    """
    if value is None:
        return 0
    if type(value) is str and (told := _usual(value)) is not None:
        return told
    if type(value) is int and 0 <= value < 10**_DIGITS:
        return _counted_whole(value)
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


def _usual(text: str) -> int | None:
    """Microseconds of a time as most tools write it; None for other texts."""
    if len(text) <= _DIGITS and text.isdecimal():
        return _counted_whole(int(text))
    second = _second(text[:19])
    found = _REST.fullmatch(text, 19) if second is not None else None
    if second is None or found is None:
        return None
    fraction = found[1]
    return second + int(fraction.ljust(6, "0")) if fraction else second


@lru_cache(maxsize=1 << 14)
def _second(text: str) -> int | None:
    if not _SECOND.fullmatch(text):
        return None
    try:
        return (dt.datetime.fromisoformat(text + "+00:00") - _EPOCH) // _MICROSECOND
    except ValueError:
        return None


def _counted_whole(number: int) -> int:
    for largest, factor in _LARGEST:
        if number < largest:
            return number * factor
    return number // 1000


def _counted(number: Decimal) -> int:
    for largest, factor in _LARGEST:
        if abs(number) < largest:
            return int((number * factor).to_integral_value())
    return int(number / 1000)


def whole(value: Any) -> int:
    """A whole number; 0 for none. ValueError for what is no number."""
    if type(value) is int:
        return value
    if value is None:
        return 0
    if type(value) is str and len(value) <= _DIGITS and value.isdecimal():
        return int(value)
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
    if value is True or value is False:
        return bool(value)
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
    if type(value) is str:
        return value
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
    if value is None:
        return None
    if type(value) is list:
        return value
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
    if type(value) is not dict and not isinstance(value, Mapping):
        return None
    for name in names:
        if name in value:
            return value[name]
    found = spelled(value, names)
    return None if found is None else value[found]


def spelled(value: Mapping[Any, Any], names: tuple[str, ...]) -> Hashable:
    """The key of a mapping that is one of ``names``, the first that is there, as it is or however its words
    are joined; None without one."""
    keys = tuple(value)
    return _spelled(keys, names) if len(keys) <= _FEW_NAMES else _spelled.__wrapped__(keys, names)


@lru_cache(maxsize=1024)
def _spelled(keys: tuple[Hashable, ...], names: tuple[str, ...]) -> Hashable:
    for name in names:
        if name in keys:
            return name
    folded = {fold(str(key)): key for key in keys}
    return next((folded[fold(name)] for name in names if fold(name) in folded), None)


def fold(name: str) -> str:
    """A name without case and without what joins its words."""
    return name.replace("_", "").lower()


def items_of(value: Any) -> list[Any]:
    """The items of a nested list, each unwrapped; none of what is no list."""
    found = nested(value)
    if not isinstance(found, list):
        return []
    return [
        item["v"] if isinstance(item, Mapping) and len(item) == 1 and "v" in item else item for item in found
    ]
