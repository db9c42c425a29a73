"""Python values for the service: what each type takes, brought into one form, or told what is wrong.

A check gives back int, float, bool, str, bytes, Decimal, date, time, naive or UTC datetime, Interval, Range;
JSON as text. It raises ValueError with a text that says what to do; those who call it add where.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, timedelta
from decimal import Context, Decimal, InvalidOperation
from typing import Any

from bqclient.errors import UsageError
from bqclient.models.schema import Field

from .types import Interval, Json, Range, in_utc, json_text

Check = Callable[[Any], Any]

_INT64 = (-(1 << 63), (1 << 63) - 1)
_DIGITS: Mapping[str, tuple[int, int]] = {"NUMERIC": (29, 9), "BIGNUMERIC": (38, 38)}
# The greatest BIGNUMERIC has 39 digits before the point.
_BIGNUMERIC_MAX = (1 << 255) - 1
_WIDE = Context(prec=120)


def is_null(value: Any) -> bool:
    """Whether a value stands for NULL: None, and the markers of data frames (NaT, NA)."""
    return value is None or type(value).__name__ in ("NaTType", "NAType")


def _wrong(value: Any, wanted: str) -> ValueError:
    return ValueError(f"{type(value).__name__} is given where {wanted} is wanted")


def _int64(value: Any) -> int:
    if type(value) is int and _INT64[0] <= value <= _INT64[1]:
        return value
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        if isinstance(value, str):
            return _int64_text(value)
        if isinstance(value, float | Decimal) and value == value and not math.isinf(value):
            if value == int(value):
                return _int64(int(value))
            raise ValueError("an INT64 has no fraction: round it, or use FLOAT64 or NUMERIC")
        raise _wrong(value, "an int")
    number = value.__index__()
    if not _INT64[0] <= number <= _INT64[1]:
        raise ValueError("the int is beyond 64 bits: use NUMERIC, BIGNUMERIC or STRING")
    return int(number)


def _int64_text(text: str) -> int:
    plain = text.strip()
    if not plain.lstrip("+-").isdecimal() or len(plain) > 40:
        raise ValueError("the text is no int")
    return _int64(int(plain))


_FLOAT_TEXTS = {"nan", "inf", "+inf", "-inf", "infinity", "+infinity", "-infinity"}


def _float64(value: Any) -> float:
    if type(value) is float:
        return value
    if isinstance(value, bool | bytes):
        raise _wrong(value, "a float")
    try:
        found = float(value)
    except OverflowError:
        raise ValueError("the number is beyond FLOAT64: use BIGNUMERIC") from None
    except (TypeError, ValueError):
        raise _wrong(value, "a float") from None
    if math.isinf(found) and not isinstance(value, str) and value not in (math.inf, -math.inf):
        raise ValueError("the number is beyond FLOAT64: use BIGNUMERIC")
    return found


_BOOLS = {"true": True, "false": False}


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in _BOOLS:
        return _BOOLS[value.lower()]
    if type(value).__name__ in ("bool_", "bool"):
        return bool(value)
    raise _wrong(value, "a bool")


def _string(value: Any) -> str:
    if not isinstance(value, str):
        raise _wrong(value, "a str")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise ValueError("the text holds half of a surrogate pair, which UTF-8 has no form for") from None
    return str(value)


def _geography(value: Any) -> str:
    shape = getattr(value, "wkt", value)
    if not isinstance(shape, str):
        raise _wrong(value, "WKT or GeoJSON text")
    return _string(shape)


def _bytes(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str):
        raise ValueError("str is given where bytes are wanted: encode it")
    raise _wrong(value, "bytes")


def _date(value: Any) -> date:
    if isinstance(value, datetime):
        raise ValueError("a datetime is given where a date is wanted: write value.date()")
    if isinstance(value, date):
        return value
    return date.fromisoformat(_literal(value, "a date", 10))


def _literal(value: Any, wanted: str, longest: int = 40) -> str:
    if not isinstance(value, str):
        raise _wrong(value, wanted)
    if not value.isascii() or not 0 < len(value) <= longest:
        raise ValueError(f"the text is not {wanted} in ISO 8601")
    return value


def _moment(value: Any, wanted: str) -> datetime:
    if type(value) is datetime:
        return value
    if isinstance(value, datetime):
        if is_null(value):
            raise _wrong(value, wanted)
        if getattr(value, "nanosecond", 0):
            raise ValueError("the value has nanoseconds, BigQuery keeps microseconds: round it")
        return value.to_pydatetime() if hasattr(value, "to_pydatetime") else value
    if isinstance(value, date):
        raise ValueError(f"a date is given where {wanted} is wanted: add the time")
    if hasattr(value, "astype") and hasattr(value, "item") and not isinstance(value, str):
        return _moment(value.astype("datetime64[us]").item(), wanted)
    text = _literal(value, wanted)
    try:
        found = datetime.fromisoformat(text.removesuffix(" UTC") + ("Z" if text.endswith(" UTC") else ""))
    except ValueError:
        raise ValueError(f"the text is not {wanted} in ISO 8601") from None
    if len(text) <= 10:
        raise ValueError(f"a date is given where {wanted} is wanted: add the time")
    return found


def _datetime(value: Any) -> datetime:
    found = _moment(value, "a datetime")
    if found.tzinfo is not None:
        raise ValueError(
            "a datetime with a time zone is given for DATETIME, which has none: "
            "write value.astimezone(zone).replace(tzinfo=None), or use TIMESTAMP"
        )
    return found


def _timestamp(value: Any) -> datetime:
    found = _moment(value, "a datetime with a time zone")
    if found.tzinfo is None:
        raise ValueError(
            "a datetime without a time zone is given for TIMESTAMP: "
            "write value.replace(tzinfo=datetime.UTC) if it is UTC, or use DATETIME"
        )
    return found if found.tzinfo is UTC else in_utc(found)


def _time(value: Any) -> time:
    if isinstance(value, str):
        try:
            value = time.fromisoformat(_literal(value, "a time"))
        except ValueError:
            raise ValueError("the text is not a time in ISO 8601") from None
    if not isinstance(value, time):
        raise _wrong(value, "a time")
    if value.tzinfo is not None:
        raise ValueError("a time with a time zone is given, TIME has none: leave it out")
    return value


def _interval(value: Any) -> Interval:
    if isinstance(value, Interval):
        return value
    if isinstance(value, timedelta):
        return Interval.from_timedelta(value)
    if isinstance(value, str):
        return Interval.parse(value)
    parts = [getattr(value, name, None) for name in ("years", "months", "days", "hours", "minutes")]
    if any(part is None for part in parts):
        raise _wrong(value, "an Interval or a timedelta")
    names = ("years", "months", "days", "hours", "minutes", "seconds", "microseconds")
    return Interval.of(**{name: int(getattr(value, name)) for name in names})


def _json(value: Any) -> str:
    return _string(json_text(value.value if isinstance(value, Json) else value))


def _decimal(value: Any) -> Decimal:
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool):
        raise _wrong(value, "a Decimal")
    if isinstance(value, float):
        return Decimal(repr(float(value)))
    if isinstance(value, int | str):
        try:
            return Decimal(value)
        except InvalidOperation:
            raise ValueError("the text is no number") from None
    if hasattr(value, "__index__"):
        return Decimal(value.__index__())
    raise _wrong(value, "a Decimal")


def _numeric(name: str, precision: int | None, scale: int | None) -> Check:
    before, after = _DIGITS[name]
    if precision is not None:
        after = scale or 0
        before = precision - after
    spelled = name if precision is None else f"{name}({precision}, {after})"
    greatest = _BIGNUMERIC_MAX if name == "BIGNUMERIC" and precision is None else 10 ** (before + after) - 1
    # BIGNUMERIC has one value more below zero, as its 256 bits do.
    least = -greatest - (greatest == _BIGNUMERIC_MAX)
    wider = ": use BIGNUMERIC" if name == "NUMERIC" else ""

    def check(value: Any) -> Decimal:
        found = _decimal(value)
        if not found.is_finite():
            raise ValueError(f"{spelled} holds no {found}: use FLOAT64")
        exponent = found.as_tuple().exponent
        assert isinstance(exponent, int)
        if found and found.adjusted() > 40:
            raise ValueError(f"the number is beyond {spelled}{wider}")
        if exponent < -after:
            found = found.normalize(_WIDE) if len(found.as_tuple().digits) <= 120 else found
            exponent = found.as_tuple().exponent
            assert isinstance(exponent, int)
            if found and exponent < -after:
                raise ValueError(
                    f"the number has more than the {after} digits after the point of {spelled}: round it"
                )
            found = found if found else Decimal(0)
        if not least <= int(found.scaleb(after, _WIDE)) <= greatest:
            raise ValueError(f"the number is beyond {spelled}{wider}")
        return found

    return check


def _range(element: str) -> Check:
    bound = CHECKS[element]

    def check(value: Any) -> Range:
        if isinstance(value, str):
            value = _range_text(value)
        if isinstance(value, Range):
            start, end = value.start, value.end
        elif isinstance(value, Mapping) and value.keys() <= {"start", "end"}:
            start, end = value.get("start"), value.get("end")
        else:
            raise _wrong(value, f"a Range of {element}")
        ends = [None if is_null(v) else bound(v) for v in (start, end)]
        return Range(ends[0], ends[1], element)

    return check


def _range_text(text: str) -> Mapping[str, Any]:
    start, comma, end = text[1:-1].partition(", ")
    if not (text.startswith("[") and text.endswith(")") and comma):
        raise ValueError("the text is no RANGE: write '[start, end)'")
    free = ("UNBOUNDED", "NULL")
    return {"start": None if start in free else start, "end": None if end in free else end}


CHECKS: Mapping[str, Check] = {
    "INT64": _int64,
    "FLOAT64": _float64,
    "BOOL": _bool,
    "STRING": _string,
    "BYTES": _bytes,
    "DATE": _date,
    "DATETIME": _datetime,
    "TIME": _time,
    "TIMESTAMP": _timestamp,
    "INTERVAL": _interval,
    "JSON": _json,
    "GEOGRAPHY": _geography,
    "NUMERIC": _numeric("NUMERIC", None, None),
    "BIGNUMERIC": _numeric("BIGNUMERIC", None, None),
}


def check_of(field: Field) -> Check:
    """The check for one value of a field that is no STRUCT."""
    if field.type == "RANGE":
        return _range(field.element or "DATE")
    if field.precision is not None and field.type in _DIGITS:
        return _numeric(field.type, field.precision, field.scale)
    if field.max_length is not None and field.type in ("STRING", "BYTES"):
        return _limited(CHECKS[field.type], field.max_length, field.type)
    return CHECKS[field.type]


def _limited(check: Check, limit: int, name: str) -> Check:
    def limited(value: Any) -> Any:
        found = check(value)
        if len(found) > limit:
            raise ValueError(f"{name}({limit}) holds no value of length {len(found)}: cut it")
        return found

    return limited


def problem(error: Exception) -> str:
    """The text of what a check raised."""
    return error.message.rstrip(".") if isinstance(error, UsageError) else str(error)
