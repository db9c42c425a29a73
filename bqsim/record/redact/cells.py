"""Single values of rows by the policy's actions, by type; as JSON and as Python values."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

from . import chance
from .policy import DROP, HASH

_SAME = {
    "INT64": "INTEGER",
    "FLOAT64": "FLOAT",
    "BOOL": "BOOLEAN",
    "STRUCT": "RECORD",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}
_EPOCH = dt.datetime(1970, 1, 1)
_US = dt.timedelta(microseconds=1)
_COORDINATE = re.compile(r"(?<=\.)\d+")
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}")
_DATETIME = re.compile(
    r"(?P<day>\d{4}-\d{1,2}-\d{1,2})(?P<sep>[T ])(?P<time>\d{1,2}:\d{2}(?::\d{2})?(?:\.\d{1,9})?)"
    r"(?P<zone> ?UTC|Z|[+-]\d\d:?\d\d)?",
    re.I,
)
_TIME = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?")
_ZERO: dict[str, Any] = {
    "STRING": "",
    "BYTES": "",
    "INTEGER": "0",
    "FLOAT": "0.0",
    "NUMERIC": "0",
    "BIGNUMERIC": "0",
    "BOOLEAN": "false",
    "DATE": "1970-01-01",
    "DATETIME": "1970-01-01T00:00:00",
    "TIME": "00:00:00",
    "TIMESTAMP": "0",
    "GEOGRAPHY": "POINT(0 0)",
    "JSON": "null",
    "INTERVAL": "0-0 0 0:0:0",
    "RANGE": "[UNBOUNDED, UNBOUNDED)",
}


def type_name(type_: str) -> str:
    """A type's name as the REST API writes it."""
    name = type_.upper()
    return _SAME.get(name, name)


def empty(type_: str) -> Any:
    """What stands for a dropped value of a required column."""
    return _ZERO.get(type_, "")


class Cells:
    """Changes values by an action (hash or synthesise) and a key."""

    def __init__(self, key: bytes) -> None:
        self.key = key

    def told(self, value: Any, type_: str, action: str) -> Any:
        """A value as JSON has it: the REST API's texts, or numbers and truth values of rows that are sent."""
        if action == DROP or value is None:
            return None
        if isinstance(value, bool):
            return self.python(value, type_, action)
        if isinstance(value, (int, float)):
            if type_ == "TIMESTAMP":
                return self._seconds(value, action)
            made = self.python(
                Decimal(str(value)) if type_ in ("NUMERIC", "BIGNUMERIC") else value, type_, action
            )
            return float(made) if isinstance(made, Decimal) else made
        if isinstance(value, (dict, list)):
            return self._json(value, action)
        return self._text(value, type_, action)

    def _text(self, text: str, type_: str, action: str) -> str:
        try:
            if type_ == "BYTES":
                data = base64.b64decode(text, validate=True)
                return base64.b64encode(self.python(data, type_, action)).decode()
            if type_ == "INTEGER":
                return str(self.python(int(text), type_, action))
            if type_ == "FLOAT":
                if text.lower().lstrip("+-") in ("nan", "inf", "infinity"):
                    return text
                if action == HASH:
                    return repr(chance.float_hash(self.key, float(text)))
                return chance.decimal_like(self.key, text)
            if type_ in ("NUMERIC", "BIGNUMERIC"):
                if action == HASH:
                    return str(chance.decimal_hash(self.key, Decimal(text)))
                return chance.decimal_like(self.key, text)
            if type_ == "BOOLEAN":
                made = self.python(text.lower() == "true", type_, action)
                return str(made).lower() if text.islower() else str(made)
            if type_ == "TIMESTAMP" and re.fullmatch(r"-?\d+", text):
                return str(chance.micros_like(self.key, int(text)))
            if type_ == "TIMESTAMP" and re.fullmatch(r"-?[\d.]+(?:[eE][-+]?\d+)?", text):
                return self._seconds_text(text)
            if type_ in ("DATE", "DATETIME", "TIMESTAMP", "TIME"):
                return self._time(text, type_)
            if type_ == "JSON":
                return json.dumps(
                    self._json(json.loads(text), action), ensure_ascii=False, separators=(",", ":")
                )
            if type_ == "GEOGRAPHY":
                return chance.in_text(_COORDINATE, text, lambda d: chance.digits_like(self.key, d))
            if type_ == "INTERVAL":
                return chance.in_text(
                    re.compile(r"(?<= )\d+(?= )"), text, lambda d: chance.digits_like(self.key, d)
                )
            if type_ == "RANGE":
                return self._range(text)
        except (ValueError, ArithmeticError, InvalidOperation, binascii.Error):
            # What is not of its column's type: as text.
            return self._string(text, action)
        return self._string(text, action)

    def _string(self, text: str, action: str) -> str:
        return chance.text_hash(self.key, text) if action == HASH else chance.text_like(self.key, text)

    def _seconds(self, value: float, action: str) -> int | float:
        """Seconds since 1970, as rows that are sent may have them."""
        us = chance.micros_like(self.key, round(Decimal(str(value)) * 1_000_000))
        return us // 1_000_000 if isinstance(value, int) else us / 1_000_000

    def _seconds_text(self, text: str) -> str:
        us = chance.micros_like(self.key, round(Decimal(text) * 1_000_000))
        made = Decimal(us) / 1_000_000
        if "E" not in text.upper():
            return f"{made:f}"
        mantissa, power = f"{made:E}".split("E")
        return f"{mantissa}E{int(power)}"

    def _time(self, text: str, type_: str) -> str:
        if type_ == "TIME":
            return self._clock(text)
        if _DATE.fullmatch(text):
            return self._day(text)
        found = _DATETIME.fullmatch(text)
        if not found:
            raise ValueError("no time")
        return f"{self._day(found['day'])}{found['sep']}{self._clock(found['time'])}{found['zone'] or ''}"

    def _day(self, text: str) -> str:
        year, month, day = map(int, text.split("-"))
        made = chance.day_like(self.key, dt.date(year, month, day).toordinal())
        return dt.date.fromordinal(made).isoformat()

    def _clock(self, text: str) -> str:
        found = _TIME.fullmatch(text)
        if not found:
            raise ValueError("no time")
        part = (found[4] or "").ljust(6, "0")[:6]
        us = ((int(found[1]) * 60 + int(found[2])) * 60 + int(found[3] or 0)) * 1_000_000 + int(part)
        us = chance.time_like(self.key, us)
        seconds, micros = divmod(us, 1_000_000)
        made = f"{seconds // 3600:02}:{seconds // 60 % 60:02}"
        if found[3] is not None:
            made += f":{seconds % 60:02}"
        if found[4]:
            made += "." + f"{micros:06}"[: max(len(found[4]), len(f"{micros:06}".rstrip("0")))]
        return made

    def _range(self, text: str) -> str:
        ends = text.strip("[)").split(", ")
        made = [end if end.upper() in ("UNBOUNDED", "NULL") else self._time(end, "TIMESTAMP") for end in ends]
        if len(made) == 2 and all(m[:1].isdigit() for m in made):
            made.sort()
        return "[" + ", ".join(made) + ")"

    def _json(self, value: Any, action: str) -> Any:
        return chance.json_like(
            value,
            lambda text: self._string(text, action),
            lambda n: self.python(n, "INTEGER" if isinstance(n, int) else "FLOAT", action),
        )

    # --- Python values, as Arrow has them

    def python(self, value: Any, type_: str, action: str) -> Any:
        """A Python value by its type."""
        if value is None or action == DROP:
            return None
        if isinstance(value, bool):
            return value if chance.permuted(self.key, 0, 2, "bool") == 0 else not value
        if isinstance(value, int):
            if action == HASH:
                return chance.int_hash(self.key, value)
            made = int(chance.digits_like(self.key, str(abs(value))))
            return -made if value < 0 else made
        if isinstance(value, float):
            if value != value or value in (float("inf"), float("-inf")):
                return value
            if action == HASH:
                return chance.float_hash(self.key, value)
            return float(chance.decimal_like(self.key, repr(value)))
        if isinstance(value, Decimal):
            if action == HASH:
                return chance.decimal_hash(self.key, value)
            return Decimal(chance.decimal_like(self.key, f"{value:f}"))
        if isinstance(value, bytes):
            return (
                chance.bytes_hash(self.key, value) if action == HASH else chance.bytes_like(self.key, value)
            )
        if isinstance(value, dt.datetime):
            naive = value.replace(tzinfo=None)
            us = chance.micros_like(self.key, (naive - _EPOCH) // _US)
            return (_EPOCH + dt.timedelta(microseconds=us)).replace(tzinfo=value.tzinfo)
        if isinstance(value, dt.date):
            return dt.date.fromordinal(chance.day_like(self.key, value.toordinal()))
        if isinstance(value, dt.time):
            us = ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
            return (_EPOCH + dt.timedelta(microseconds=chance.time_like(self.key, us))).time()
        if isinstance(value, str):
            return self._text(value, type_, action)
        return value
