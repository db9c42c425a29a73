"""Classes for values that Python has no type for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from bqclient.errors import UsageError

_SECOND = 1_000_000_000
_PARTS = re.compile(
    r"(?P<s>[+-]?)(?P<years>\d{1,5})-(?P<months>\d{1,6}) +(?P<days>[+-]?\d{1,7}) +"
    r"(?P<t>[+-]?)(?P<hours>\d{1,8}):(?P<minutes>\d+):(?P<seconds>\d+)(?:\.(?P<fraction>\d{1,9}))?\Z",
    re.ASCII,
)
_LIMITS = (("months", 120_000), ("days", 3_660_000), ("nanos", 87_840_000 * 3600 * _SECOND))


@dataclass(frozen=True, slots=True)
class Interval:
    """An INTERVAL: months, days and nanoseconds, each with a sign of its own, none turned into another.

    ``str()`` gives the service's text: ``1-2 3 4:5:6.5``.
    """

    months: int = 0
    days: int = 0
    nanos: int = 0

    def __post_init__(self) -> None:
        for name, limit in _LIMITS:
            value = getattr(self, name)
            if not isinstance(value, int) or isinstance(value, bool):
                raise UsageError(f"The {name} of an interval must be an int, not {type(value).__name__}.")
            if abs(value) > limit:
                raise UsageError(f"An INTERVAL has at most {limit} {name}, not {value}.")

    @classmethod
    def of(
        cls,
        *,
        years: int = 0,
        months: int = 0,
        days: int = 0,
        hours: int = 0,
        minutes: int = 0,
        seconds: int = 0,
        microseconds: int = 0,
    ) -> Interval:
        """An interval of those parts."""
        whole = (hours * 60 + minutes) * 60 + seconds
        return cls(years * 12 + months, days, whole * _SECOND + microseconds * 1000)

    @classmethod
    def from_timedelta(cls, value: timedelta) -> Interval:
        """Days and nanoseconds of a timedelta, of one sign."""
        size = abs(value)
        sign = -1 if value < timedelta() else 1
        return cls(0, sign * size.days, sign * (size.seconds * _SECOND + size.microseconds * 1000))

    @classmethod
    def parse(cls, text: str) -> Interval:
        """From the service's text, ``[-]Y-M [-]D [-]H:M:S[.F]``. Raises UsageError."""
        found = _PARTS.match(text)
        if found is None:
            raise UsageError(f"{text!r} is no INTERVAL: write '[-]Y-M [-]D [-]H:M:S[.F]'.")
        months = int(found["years"]) * 12 + int(found["months"])
        seconds = (int(found["hours"]) * 60 + int(found["minutes"])) * 60 + int(found["seconds"])
        nanos = seconds * _SECOND + int((found["fraction"] or "").ljust(9, "0"))
        return cls(
            -months if found["s"] == "-" else months,
            int(found["days"]),
            -nanos if found["t"] == "-" else nanos,
        )

    def timedelta(self) -> timedelta:
        """The days and the time, rounded down to microseconds. Raises UsageError when there are months."""
        if self.months:
            raise UsageError("An interval with months has no fixed length.")
        return timedelta(days=self.days, microseconds=self.nanos // 1000)

    def __str__(self) -> str:
        years, months = divmod(abs(self.months), 12)
        seconds, nanos = divmod(abs(self.nanos), _SECOND)
        minutes, seconds = divmod(seconds, 60)
        hours, minutes = divmod(minutes, 60)
        text = f"{nanos:09d}"
        while nanos and text.endswith("000"):
            text = text[:-3]
        signs = ("-" if self.months < 0 else "", "-" if self.nanos < 0 else "")
        clock = f"{signs[1]}{hours}:{minutes}:{seconds}"
        return f"{signs[0]}{years}-{months} {self.days} {clock}{'.' + text if nanos else ''}"


def _element_of(value: Any) -> str | None:
    if isinstance(value, datetime):
        return "DATETIME" if value.tzinfo is None else "TIMESTAMP"
    return "DATE" if isinstance(value, date) else None


@dataclass(frozen=True, slots=True)
class Range:
    """A RANGE from ``start`` up to but without ``end``; ``None`` is no bound.

    ``element``: DATE, DATETIME or TIMESTAMP. It is known from the bounds, but must be given where there are
    none; ranges are equal when their bounds are.
    """

    start: date | datetime | None = None
    end: date | datetime | None = None
    element: str | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        kinds = {_element_of(v) for v in (self.start, self.end) if v is not None}
        given = {self.element.upper()} if self.element else set()
        if None in kinds or len(kinds | given) > 1:
            raise UsageError(
                "The bounds of a RANGE are both dates, naive datetimes (DATETIME) or aware ones (TIMESTAMP)"
            )
        found = next(iter(kinds | given), None)
        if found not in (None, "DATE", "DATETIME", "TIMESTAMP"):
            raise UsageError(f"A RANGE has elements of DATE, DATETIME or TIMESTAMP, not {found}.")
        object.__setattr__(self, "element", found)
        if found == "TIMESTAMP":
            for name in ("start", "end"):
                bound = getattr(self, name)
                if bound is not None:
                    object.__setattr__(self, name, in_utc(bound))
        if self.start is not None and self.end is not None and not self.start < self.end:
            raise UsageError("The start of a RANGE must be before its end.")

    def __contains__(self, value: Any) -> bool:
        return (self.start is None or self.start <= value) and (self.end is None or value < self.end)


def in_utc(value: datetime) -> datetime:
    """An aware datetime in UTC. Raises UsageError when that is before year 1 or after 9999."""
    try:
        return value.astimezone(UTC)
    except OverflowError:
        raise UsageError("A TIMESTAMP must be in the years 1 to 9999 in UTC.") from None


@dataclass(frozen=True, slots=True)
class Json:
    """A JSON value: what ``json.loads`` gives. ``Json(None)`` is JSON's null, ``None`` is no value."""

    value: Any

    @classmethod
    def parse(cls, text: str | bytes) -> Json:
        """From JSON text. Raises UsageError."""
        try:
            return cls(json.loads(text))
        except ValueError as error:
            raise UsageError(f"The text is no JSON: {error}.") from None

    def __str__(self) -> str:
        return json_text(self.value)


def json_text(value: Any) -> str:
    """JSON text of a Python value. Raises UsageError for what JSON cannot hold."""
    try:
        return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":"), default=_plain)
    except (TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"The value cannot be written as JSON: {error}.") from None


def _plain(value: Any) -> Any:
    if isinstance(value, Json):
        return value.value
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} is no type of JSON")


class Geography(str):
    """A GEOGRAPHY as text: WKT, or GeoJSON when it is sent."""

    __slots__ = ()
