"""Dates and times in files that are written otherwise than usual: by format elements, or in a time zone."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from bqsim.errors import invalid, invalid_query
from bqsim.types import Field, TypeKind
from bqsim.types.values import parse_cell

_MONTHS = "January February March April May June July August September October November December".split()  # noqa: SIM905
_ZONED = re.compile(r"(?:[Zz]|UTC|[+-]\d{1,2}(?::?\d\d)?| [A-Za-z]+(?:/[\w/+-]+)+)$")
# Format elements, the longest first: (element, pattern, what it sets).
_ELEMENTS: tuple[tuple[str, str, str], ...] = (
    ("MONTH", "|".join(_MONTHS), "month_name"),
    ("YYYY", r"\d{4}", "year"),
    ("RRRR", r"\d{4}", "year"),
    ("HH24", r"\d{1,2}", "hour"),
    ("HH12", r"\d{1,2}", "hour12"),
    ("A.M.", r"[AaPp]\.[Mm]\.", "half"),
    ("P.M.", r"[AaPp]\.[Mm]\.", "half"),
    ("MON", "|".join(m[:3] for m in _MONTHS), "month_name"),
    ("TZH", r"[+-]\d{1,2}", "zone_hour"),
    ("TZM", r"\d{1,2}", "zone_minute"),
    ("FF", r"\d{1,9}", "fraction"),
    ("YY", r"\d{2}", "short_year"),
    ("MM", r"\d{1,2}", "month"),
    ("DD", r"\d{1,2}", "day"),
    ("HH", r"\d{1,2}", "hour12"),
    ("MI", r"\d{1,2}", "minute"),
    ("SS", r"\d{1,2}", "second"),
    ("AM", r"[AaPp][Mm]", "half"),
    ("PM", r"[AaPp][Mm]", "half"),
)
_FRACTION = re.compile(r"FF([1-9])", re.IGNORECASE)
_LITERALS = frozenset("-./,';: TZ")


@dataclass(frozen=True, slots=True)
class TimeFormats:
    """The format elements by kind, and the zone of timestamps without one."""

    date: str = ""
    datetime: str = ""
    time: str = ""
    timestamp: str = ""
    zone: str = "UTC"

    def format_of(self, kind: TypeKind) -> str:
        return str(getattr(self, kind.value.lower(), "")) if kind in _KINDS else ""

    def concerns(self, kind: TypeKind) -> bool:
        """Whether values of a kind are written otherwise than usual."""
        return bool(self.format_of(kind)) or (kind is TypeKind.TIMESTAMP and self.zone != "UTC")

    def check(self) -> None:
        """Raises ``invalidQuery`` for formats and zones that there are not."""
        for kind in _KINDS:
            if self.format_of(kind):
                _pattern(self.format_of(kind))
        _zone(self.zone)

    def parse(self, text: str, field: Field) -> Any:
        """The canonical value of a text. Raises ``invalid`` for what does not fit."""
        form = self.format_of(field.kind)
        if form:
            return _parsed(text, form, field, self.zone)
        if _ZONED.search(text.strip()) or field.kind is not TypeKind.TIMESTAMP:
            return parse_cell(text, field)
        value: dt.datetime = parse_cell(text, field)
        return value.replace(tzinfo=_zone(self.zone)).astimezone(dt.UTC)


_KINDS = (TypeKind.DATE, TypeKind.DATETIME, TypeKind.TIME, TypeKind.TIMESTAMP)


@cache
def _zone(name: str) -> dt.tzinfo:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise invalid_query(f"Invalid time zone: {name}") from None


@cache
def _pattern(form: str) -> tuple[re.Pattern[str], tuple[str, ...]]:
    at, parts, sets = 0, [], []
    while at < len(form):
        fraction = _FRACTION.match(form, at)
        found = next((e for e in _ELEMENTS if form[at : at + len(e[0])].upper() == e[0]), None)
        if fraction is not None:
            parts.append(rf"(\d{{1,{fraction[1]}}})")
            sets.append("fraction")
            at += 3
        elif found is not None:
            parts.append(f"({found[1]})")
            sets.append(found[2])
            at += len(found[0])
        elif form[at] == '"' and '"' in form[at + 1 :]:
            end = form.index('"', at + 1)
            parts.append(re.escape(form[at + 1 : end]))
            at = end + 1
        elif form[at] in _LITERALS:
            parts.append(r"\s+" if form[at] == " " else re.escape(form[at]))
            at += 1
        else:
            raise invalid_query(f"Cannot find matched format element at {at}")
    return re.compile("".join(parts), re.IGNORECASE), tuple(sets)


def _parsed(text: str, form: str, field: Field, zone: str) -> Any:
    pattern, sets = _pattern(form)
    found = pattern.fullmatch(text.strip())
    if found is None:
        raise invalid(f'Failed to parse input string "{text}" with format "{form}"')
    parts = dict(zip(sets, found.groups(), strict=True))
    try:
        return _value(parts, field.kind, zone)
    except ValueError:
        raise invalid(f'Failed to parse input string "{text}"') from None


def _value(parts: dict[str, str], kind: TypeKind, zone: str) -> Any:
    year = int(parts.get("year") or 1970)
    if "short_year" in parts:
        year = 2000 + int(parts["short_year"])
    month = int(parts.get("month") or 1)
    if "month_name" in parts:
        month = [m[:3].lower() for m in _MONTHS].index(parts["month_name"][:3].lower()) + 1
    date = dt.date(year, month, int(parts.get("day") or 1))
    if kind is TypeKind.DATE:
        return date
    hour = int(parts.get("hour") or 0)
    if "hour12" in parts:
        hour = int(parts["hour12"])
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if parts.get("half", "a")[0] in "Pp" else 0)
    micros = int((parts.get("fraction") or "0")[:6].ljust(6, "0"))
    time = dt.time(hour, int(parts.get("minute") or 0), int(parts.get("second") or 0), micros)
    if kind is TypeKind.TIME:
        return time
    value = dt.datetime.combine(date, time)
    if kind is TypeKind.DATETIME:
        return value
    if "zone_hour" not in parts:
        return value.replace(tzinfo=_zone(zone)).astimezone(dt.UTC)
    hours, minutes = int(parts["zone_hour"]), int(parts.get("zone_minute") or 0)
    offset = dt.timedelta(hours=hours, minutes=-minutes if parts["zone_hour"][0] == "-" else minutes)
    return (value - offset).replace(tzinfo=dt.UTC)
