"""PARSE_DATE, PARSE_TIME, PARSE_DATETIME and PARSE_TIMESTAMP."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from bqsim.errors import BigQueryError, invalid_query, unsupported

from .dates import MAX_MICROS, MIN_MICROS
from .hashing_rows import flat
from .kernel import Kernel

# One element: an optional E or O with its digits or star, then a letter.
_ELEMENT = re.compile(r"%(E\d*[A-Za-z]|E\*S|O?[A-Za-z]|%)", re.ASCII)
COMPOSITES = {
    "c": "%a %b %e %H:%M:%S %Y",
    "D": "%m/%d/%y",
    "F": "%Y-%m-%d",
    "R": "%H:%M",
    "r": "%I:%M:%S %p",
    "T": "%H:%M:%S",
    "x": "%m/%d/%y",
    "X": "%H:%M:%S",
}
_CLOCK = frozenset("cHIklMpPrRSsTXZz")
_CALENDAR = frozenset("aAbBhCcDdeFGgjJmsUuVWwxYyZz")
# The elements that a type has no use for.
EXCLUDED = {"DATE": _CLOCK, "TIME": _CALENDAR, "DATETIME": frozenset("zZ"), "TIMESTAMP": frozenset[str]()}
MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
    "November", "December",
)  # fmt: skip
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_MAX_SECONDS = 253_402_300_799
_SPACE = " \t\n\v\f\r"


@dataclass(slots=True)
class State:
    """What the elements read so far say."""

    year: int = 1970
    month: int = 1
    day: int = 1
    hour: int = 0
    minute: int = 0
    second: int = 0
    micros: int = 0
    century: int | None = None
    short_year: int | None = None
    day_of_year: int | None = None
    month_after: bool = False
    day_after: bool = False
    quarter: int | None = None
    month_given: bool = False
    twelve_hours: bool = False
    afternoon: bool = False
    epoch_seconds: int | None = None
    offset_minutes: int | None = None
    zone: str | None = None


class Mismatch(Exception):
    """The text is not as the format says."""


def elements(text: str) -> Iterator[tuple[str, bool]]:
    """The pieces of a format: (letter with its modifiers, True) or (literal character, False)."""
    at = 0
    while at < len(text):
        if text[at] != "%":
            yield text[at], False
            at += 1
            continue
        match = _ELEMENT.match(text, at)
        if match is None:
            if at + 1 == len(text):
                raise invalid_query("Format string cannot end with a single '%'")
            raise unsupported(f"Format element {text[at : at + 2]}")
        yield match[1], True
        at = match.end()


def letter_of(element: str) -> str:
    """The letter of an element, without modifiers."""
    return element[-1]


def _number(text: str, at: int, width: int, least: int, most: int) -> tuple[int, int]:
    end = at
    while end < len(text) and end - at < width and "0" <= text[end] <= "9":
        end += 1
    if end == at or not least <= int(text[at:end]) <= most:
        raise Mismatch
    return int(text[at:end]), end


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


Step = Callable[[str, int, State], int]


def _into(field: str, width: int, least: int, most: int) -> Step:
    def step(text: str, at: int, state: State) -> int:
        value, at = _number(text, at, width, least, most)
        setattr(state, field, value)
        return at

    return step


def _spaced(step: Step) -> Step:
    return lambda text, at, state: step(text, _skip(text, at), state)


def _year(text: str, at: int, state: State) -> int:
    state.year, at = _number(text, at, 5 if text.startswith("10000", at) else 4, 0, 10000)
    state.century = state.short_year = None
    return at


def _year4(text: str, at: int, state: State) -> int:
    end = _year(text, at, state)
    if end - at != 4:
        raise Mismatch
    return end


def _short_year(text: str, at: int, state: State) -> int:
    state.short_year, at = _number(text, at, 2, 0, 99)
    return at


def _century(text: str, at: int, state: State) -> int:
    state.century, at = _number(text, at, 2, 0, 99)
    return at


def _month(text: str, at: int, state: State) -> int:
    state.month, at = _number(text, at, 2, 1, 12)
    state.month_after = state.month_given = True
    return at


def _day(text: str, at: int, state: State) -> int:
    state.day, at = _number(text, at, 2, 1, 31)
    state.day_after = True
    return at


def _day_of_year(text: str, at: int, state: State) -> int:
    state.day_of_year, at = _number(text, at, 3, 1, 366)
    state.month_after = state.day_after = False
    return at


def _hour(text: str, at: int, state: State) -> int:
    state.hour, at = _number(text, at, 2, 0, 23)
    state.twelve_hours = False
    return at


def _hour12(text: str, at: int, state: State) -> int:
    hour, at = _number(text, at, 2, 1, 12)
    state.hour = hour % 12
    state.twelve_hours = True
    return at


def _named(names: tuple[str, ...]) -> Callable[[str, int], tuple[int, int]]:
    def find(text: str, at: int) -> tuple[int, int]:
        for i, name in enumerate(names):
            for form in (name, name[:3]):
                if text[at : at + len(form)].lower() == form.lower():
                    return i, at + len(form)
        raise Mismatch

    return find


_find_month, _find_weekday = _named(MONTHS), _named(WEEKDAYS)


def _month_name(text: str, at: int, state: State) -> int:
    month, at = _find_month(text, at)
    state.month = month + 1
    state.month_after = state.month_given = True
    return at


def _weekday_name(text: str, at: int, state: State) -> int:
    return _find_weekday(text, at)[1]


def _half_day(text: str, at: int, state: State) -> int:
    half = text[at : at + 2].upper()
    if half not in ("AM", "PM"):
        raise Mismatch
    state.afternoon = half == "PM"
    return at + 2


def _seconds(digits: int | None) -> Step:
    def step(text: str, at: int, state: State) -> int:
        state.second, at = _number(text, at, 2, 0, 60)
        if digits != 0 and at < len(text) and text[at] == ".":
            end = at + 1
            while end < len(text) and "0" <= text[end] <= "9" and (digits is None or end - at <= digits):
                end += 1
            if end == at + 1:
                raise Mismatch
            state.micros = int(text[at + 1 : end][:6].ljust(6, "0"))
            at = end
        return at

    return step


def _epoch(text: str, at: int, state: State) -> int:
    negative = text.startswith("-", at)
    value, at = _number(text, at + negative, 20, 0, 1 << 62)
    if value > _MAX_SECONDS and not negative:
        raise Mismatch
    state.epoch_seconds = -value if negative else value
    return at


_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)?", re.ASCII)
_COLON_OFFSET = re.compile(r"([+-])(\d\d):?(\d\d)|[Zz]", re.ASCII)


def _offset(form: re.Pattern[str]) -> Step:
    def step(text: str, at: int, state: State) -> int:
        match = form.match(text, at)
        if match is None or int(match[3] or 0) > 59:
            raise Mismatch
        minutes = int(match[2] or 0) * 60 + int(match[3] or 0)
        if minutes > 14 * 60:
            shown = f"{match[1]}{minutes // 60:02d}:{minutes % 60:02d}"
            raise invalid_query(f"Timezone offset out of valid range -14:00 to +14:00: {shown}")
        state.offset_minutes = -minutes if match[1] == "-" else minutes
        state.zone = None
        return match.end()

    return step


def _zone_name(text: str, at: int, state: State) -> int:
    end = at
    while end < len(text) and text[end] not in _SPACE:
        end += 1
    state.zone, state.offset_minutes = text[at:end], None
    return end


def _space(text: str, at: int, state: State) -> int:
    return _skip(text, at)


_STEPS: dict[str, Step] = {
    "A": _weekday_name,
    "a": _weekday_name,
    "B": _month_name,
    "b": _month_name,
    "h": _month_name,
    "C": _century,
    "d": _day,
    "e": _day,
    "H": _hour,
    "k": _spaced(_hour),
    "I": _hour12,
    "l": _spaced(_hour12),
    "j": _day_of_year,
    "M": _into("minute", 2, 0, 59),
    "m": _month,
    "n": _space,
    "t": _space,
    "P": _half_day,
    "p": _half_day,
    "Q": _into("quarter", 1, 1, 4),
    "S": _seconds(0),
    "s": _epoch,
    "Y": _year,
    "y": _short_year,
    "Ey": _short_year,
    "EY": _year,
    "EC": _century,
    "E4Y": _year4,
    "Z": _zone_name,
    "z": _offset(_OFFSET),
    "Ez": _offset(_COLON_OFFSET),
    "E*S": _seconds(None),
    **{f"E{n}S": _seconds(n) for n in range(10)},
}
SUPPORTED = frozenset(_STEPS) | frozenset(COMPOSITES) | {"%"}


def _literal(character: str, shown: str) -> Step:
    def step(text: str, at: int, state: State) -> int:
        if at == len(text):
            raise Mismatch
        if text[at] != character:
            raise invalid_query(
                f"Mismatch between format character '{character}' and string character '{text[at]}' at "
                f"string index: {at} with format: '{shown}'"
            )
        return at + 1

    return step


@lru_cache(maxsize=1024)
def _compile(form: str, kind: str) -> tuple[Step, ...]:
    """The steps that read a text; fails on elements that the type cannot take."""
    excluded = EXCLUDED[kind]
    for element, special in elements(form):
        if special and letter_of(element) in excluded:
            raise invalid_query(f"Invalid format: %{element} is not allowed for the {kind} type.")
    return tuple(_steps(form, form))


def _steps(form: str, shown: str) -> Iterator[Step]:
    for element, special in elements(form):
        if not special:
            yield _space if element in _SPACE else _literal(element, shown)
        elif element == "%":
            yield _literal("%", shown)
        elif element in COMPOSITES:
            yield from _steps(COMPOSITES[element], shown)
        elif element in _STEPS:
            yield _STEPS[element]
        else:
            raise unsupported(f"Format element %{element} when parsing")


def _read(form: str, text: str, kind: str) -> State:
    steps = _compile(form, kind)
    state = State()
    try:
        at = _skip(text, 0)
        for step in steps:
            at = step(text, at, state)
        if _skip(text, at) != len(text):
            raise Mismatch
    except Mismatch:
        raise invalid_query(f'Failed to parse input string "{text}"') from None
    return state


def _date(state: State) -> int:
    """Days since the epoch; out-of-range years give days out of range."""
    import datetime

    year = state.year
    if state.short_year is not None:
        century = state.century if state.century is not None else (19 if state.short_year >= 69 else 20)
        year = century * 100 + state.short_year
    elif state.century is not None:
        year = state.century * 100
    if not 1 <= year <= 9999:
        raise invalid_query("Invalid result from parsing function")
    month, day = state.month, state.day
    if state.quarter is not None and not state.month_given:
        month = state.quarter * 3 - 2
    if state.day_of_year is not None:
        found = datetime.date(year, 1, 1).toordinal() + state.day_of_year - 1
        if found > datetime.date(year, 12, 31).toordinal():
            raise invalid_query(
                f"Year {year} has 365 days, but the specified day of year was {state.day_of_year}"
            )
        of_year = datetime.date.fromordinal(found)
        month = state.month if state.month_after else of_year.month
        day = state.day if state.day_after else of_year.day
    try:
        return datetime.date(year, month, day).toordinal() - 719163
    except ValueError:
        raise invalid_query("Out-of-range datetime field in parsing function") from None


def _time(state: State) -> int:
    """Microseconds of the day; second 60 may reach the next day."""
    hour = state.hour + 12 if state.twelve_hours and state.afternoon else state.hour
    micros = 0 if state.second == 60 else state.micros
    return (hour * 3600 + state.minute * 60 + state.second) * 1_000_000 + micros


def parse_date(form: str, text: str) -> int:
    return _date(_read(form, text, "DATE"))


def parse_time(form: str, text: str) -> int:
    return _time(_read(form, text, "TIME")) % 86_400_000_000


def _in_range(micros: int) -> int:
    if not MIN_MICROS <= micros <= MAX_MICROS:
        raise invalid_query("Invalid result from parsing function")
    return micros


def parse_datetime(form: str, text: str) -> int:
    state = _read(form, text, "DATETIME")
    if state.epoch_seconds is not None:
        return _in_range(state.epoch_seconds * 1_000_000)
    return _in_range(_date(state) * 86_400_000_000 + _time(state))


def parse_timestamp(form: str, text: str, default_zone: str) -> int:
    import numpy as np

    from .zones import zone

    default = zone(default_zone)
    state = _read(form, text, "TIMESTAMP")
    if state.epoch_seconds is not None:
        return _in_range(state.epoch_seconds * 1_000_000)
    micros = _date(state) * 86_400_000_000 + _time(state)
    if state.offset_minutes is not None:
        return _in_range(micros - state.offset_minutes * 60_000_000)
    found = zone(state.zone) if state.zone is not None else default
    offset = int(found.at_local(np.array([micros // 1_000_000]))[0])
    return _in_range(micros - offset * 1_000_000)


def _each(kind: str, function: Callable[..., int], arrow: str, *, safe: bool = False) -> Callable[..., Any]:
    """A kernel (format, text, …): the batch at once where one format is usual, else row by row.

    With ``safe`` a row that fails, or has a NULL argument, is NULL.
    """

    def quiet(*row: Any) -> int | None:
        try:
            return None if None in row else function(*row)
        except BigQueryError:
            return None

    def kernel(*columns: Any) -> Any:
        import numpy as np
        import pyarrow as pa

        types = {
            "date": (pa.int32(), pa.date32()),
            "time": (pa.int64(), pa.time64("us")),
            "timestamp": (pa.int64(), pa.timestamp("us")),
        }
        integer, type_ = types[arrow]
        call = quiet if safe else function
        made = _at_once(kind, columns)
        if made is None:
            rows = zip(*(c.to_pylist() for c in columns), strict=True)
            return pa.array([call(*row) for row in rows], type=integer).cast(type_)
        values, good = made
        slow = np.flatnonzero(~good)
        missing = np.zeros(len(values), bool)
        if len(slow):
            taken = [flat(column).take(pa.array(slow)).to_pylist() for column in columns]
            one_by_one = [call(*row) for row in zip(*taken, strict=True)]
            values = values.copy()
            values[slow] = [value or 0 for value in one_by_one]
            missing[slow] = [value is None for value in one_by_one]
        return pa.array(values, type=pa.int64(), mask=missing).cast(integer).cast(type_)

    return kernel


def _at_once(kind: str, columns: tuple[Any, ...]) -> tuple[Any, Any] | None:
    """Values and the mask of those that are right, when one format (and zone) is the same for all rows."""
    from .parsing_batches import parsed

    texts = flat(columns[1])
    others = [flat(column).unique() for column in (columns[0], *columns[2:])]
    if any(len(one) != 1 or one[0].as_py() is None for one in others):
        return None
    constants = [one[0].as_py() for one in others]
    try:
        found = parsed(constants[0], texts.fill_null(""), kind, *constants[1:])
    except BigQueryError:
        return None
    if found is not None and texts.null_count:
        return found[0], found[1] & texts.is_valid().to_numpy(zero_copy_only=False)
    return found


V = "VARCHAR"
_KINDS: tuple[tuple[str, str, Callable[..., int], str], ...] = (
    ("DATE", "DATE", parse_date, "date"),
    ("TIME", "TIME", parse_time, "time"),
    ("DATETIME", "TIMESTAMP", parse_datetime, "timestamp"),
    ("TIMESTAMP", "TIMESTAMP", parse_timestamp, "timestamp"),
)
KERNELS = tuple(
    Kernel(
        f"bq_{'safe_' if safe else ''}parse_{kind.lower()}",
        (V, V, V) if kind == "TIMESTAMP" else (V, V),
        returns,
        _each(kind, function, arrow, safe=safe),
        null_in_null_out=not safe,
    )
    for kind, returns, function, arrow in _KINDS
    for safe in (False, True)
)
