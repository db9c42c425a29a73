"""PARSE_DATE and its like for all texts of a batch at once, for the usual elements.

A format becomes one regular expression that takes a text only as the steps of :mod:`parsing` do: each number
has all its digits, or ends at what is no digit. Texts that it does not take, and values out of range, are
left to those steps.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from .parsing import COMPOSITES, EXCLUDED, MONTHS, SUPPORTED, WEEKDAYS, elements, letter_of

_SPACES = r"[ \t\n\v\f\r]*"


def _names(names: tuple[str, ...]) -> str:
    return "(?i:" + "|".join(f"{name}|{name[:3]}" for name in names) + ")"


# Elements with the group that they fill; a number as (digits at least, digits at most).
_NUMBERS = {
    "Y": ("year", 4, 4),
    "E4Y": ("year", 4, 4),
    "y": ("short", 2, 2),
    "m": ("month", 1, 2),
    "d": ("day", 1, 2),
    "e": ("day", 1, 2),
    "H": ("hour", 1, 2),
    "I": ("half", 1, 2),
    "M": ("minute", 1, 2),
    "S": ("second", 1, 2),
    "j": ("doy", 1, 3),
}
_NAMED = {
    "b": ("name", MONTHS),
    "B": ("name", MONTHS),
    "h": ("name", MONTHS),
    "a": ("weekday", WEEKDAYS),
    "A": ("weekday", WEEKDAYS),
}
_OTHERS = {
    "p": ("noon", "(?P<noon>(?i:am|pm))"),
    "P": ("noon", "(?P<noon>(?i:am|pm))"),
    "z": ("offset", r"(?P<offset>[+-])(?P<oh>[0-9][0-9])(?P<om>[0-9][0-9])?"),
    "Ez": ("offset", r"(?:(?P<offset>[+-])(?P<oh>[0-9][0-9]):?(?P<om>[0-9][0-9])|[Zz])"),
}
# Groups of which a format may have one.
_RIVALS = ({"year", "short"}, {"hour", "half"}, {"month", "name", "doy"}, {"day", "doy"})
_NO_DIGIT, _NO_LETTER, _NO_POINT = re.compile(r"[^0-9]"), re.compile(r"[^A-Za-z]"), re.compile(r"[^.]")


@dataclass(frozen=True, slots=True)
class Pattern:
    """The expression of a format, and the groups that it fills."""

    regex: str
    groups: frozenset[str]


def _flat(form: str) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    for element, special in elements(form):
        found += _flat(COMPOSITES[element]) if special and element in COMPOSITES else [(element, special)]
    return found


@lru_cache(maxsize=1024)
def pattern(form: str, kind: str) -> Pattern | None:
    """The pattern of a format, None when it has elements or an order of them that need the steps."""
    if any(
        special and (letter_of(e) in EXCLUDED[kind] or e not in SUPPORTED) for e, special in elements(form)
    ):
        return None
    pieces = _flat(form)
    parts, groups = [_SPACES], []
    for at, (element, special) in enumerate(pieces):
        follows = pieces[at + 1] if at + 1 < len(pieces) else None
        if not special or element == "%":
            parts.append(_SPACES if element in " \t\n\v\f\r" else re.escape(element))
            continue
        made = _element(element, follows)
        if made is None:
            return None
        groups.append(made[0])
        parts.append(made[1])
    unique = set(groups)
    if len(unique) != len(groups) or any(len(unique & rivals) > 1 for rivals in _RIVALS):
        return None
    return Pattern(f"^{''.join(parts)}{_SPACES}$", frozenset(unique)) if unique else None


def _element(element: str, follows: tuple[str, bool] | None) -> tuple[str, str] | None:
    """The group and expression of an element before another piece (None: the end)."""

    def ends_at(form: re.Pattern[str]) -> bool:
        return follows is None or (
            not follows[1] and follows[0] not in " \t\n\v\f\r" and bool(form.match(follows[0]))
        )

    if element in _NUMBERS:
        group, least, most = _NUMBERS[element]
        if not ends_at(_NO_DIGIT):
            least = most
        return group, f"(?P<{group}>[0-9]{{{least},{most}}})"
    if element in _NAMED and (ends_at(_NO_LETTER) or (follows is not None and follows[0] in " \t")):
        group, names = _NAMED[element]
        return group, f"(?P<{group}>{_names(names)})"
    if element in _OTHERS and (element.endswith("p") or element == "P" or ends_at(_NO_DIGIT)):
        return _OTHERS[element]
    fraction = re.fullmatch(r"E([1-9]|\*)S", element)
    if fraction and ends_at(_NO_DIGIT) and ends_at(_NO_POINT):
        digits = "" if fraction[1] == "*" else fraction[1]
        return "second", rf"(?P<second>[0-9][0-9])(?:\.(?P<fraction>[0-9]{{1,{digits}}}))?"
    return None


class _Fields:
    """The numbers of a batch's fields; ``good`` are the rows whose text the pattern takes."""

    def __init__(self, texts: Any, found: Pattern) -> None:
        import pyarrow.compute as pc

        # Where a year may be 10000 the steps read five digits.
        plain = pc.and_(pc.string_is_ascii(texts), pc.invert(pc.match_substring(texts, "10000")))
        parts = pc.extract_regex(texts, found.regex)
        self.good = pc.and_(plain, parts.is_valid()).to_numpy(zero_copy_only=False).copy()
        self.parts = {parts.type.field(i).name: parts.field(i) for i in range(parts.type.num_fields)}
        self.count = len(texts)

    def text(self, group: str) -> Any:
        """The texts of a group, None when the format has not got it."""
        return self.parts.get(group)

    def number(self, group: str, default: int, least: int = 0, most: int = 9999) -> Any:
        """The numbers of a group in a range; others are not good."""
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        texts = self.text(group)
        if texts is None:
            return np.full(self.count, default, np.int64)
        given = pc.and_(texts.is_valid(), pc.not_equal(texts, ""))
        numbers = pc.cast(pc.if_else(given, texts, pa.scalar("0")), pa.int64())
        values = pc.if_else(given, numbers, default).fill_null(default).to_numpy(zero_copy_only=False)
        self.good &= (values >= least) & (values <= most)
        return values

    def month(self) -> Any:
        import numpy as np
        import pyarrow as pa
        import pyarrow.compute as pc

        names = self.text("name")
        if names is None:
            return self.number("month", 1, 1, 12)
        short = pc.utf8_slice_codeunits(pc.utf8_lower(names), 0, 3)
        at = pc.index_in(short, value_set=pa.array([name[:3].lower() for name in MONTHS]))
        return at.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64) + 1

    def days(self) -> Any:
        """Days since the epoch; dates that do not exist are not good."""
        import numpy as np

        year = self.number("year", 1970, 1)
        if self.text("short") is not None:
            short = self.number("short", 70)
            year = np.where(short >= 69, 1900, 2000) + short
        year = np.maximum(year, 1)
        month = np.clip(self.month(), 1, 12)
        first = (year - 1970).astype("datetime64[Y]").astype("datetime64[M]") + (month - 1)
        start = first.astype("datetime64[D]").astype(np.int64)
        if self.text("doy") is not None:
            length = (year - 1969).astype("datetime64[Y]").astype("datetime64[D]").astype(np.int64) - start
            doy = self.number("doy", 1, 1, 366)
            self.good &= doy <= length
            return start + doy - 1
        following = (first + 1).astype("datetime64[D]").astype(np.int64)
        day = self.number("day", 1, 1, 31)
        self.good &= day <= following - start
        return start + day - 1

    def micros(self) -> Any:
        """Microseconds of the day."""
        import numpy as np
        import pyarrow.compute as pc

        hour = self.number("hour", 0, 0, 23)
        if self.text("half") is not None:
            hour = self.number("half", 12, 1, 12) % 12
            noon = self.text("noon")
            if noon is not None:
                after = pc.equal(pc.utf8_lower(noon), "pm").fill_null(False)
                hour = hour + 12 * after.to_numpy(zero_copy_only=False)
        second = self.number("second", 0, 0, 60)
        total = hour * 3600 + self.number("minute", 0, 0, 59) * 60 + second
        fraction = self.text("fraction")
        if fraction is None:
            return total * 1_000_000
        digits = pc.utf8_rpad(pc.utf8_slice_codeunits(fraction.fill_null(""), 0, 6), 6, "0")
        parts = digits.cast("int64").to_numpy(zero_copy_only=False)
        return total * 1_000_000 + np.where(second == 60, 0, parts)

    def offset(self) -> Any:
        """Seconds east of UTC, None without an element that tells."""
        import numpy as np
        import pyarrow.compute as pc

        sign = self.text("offset")
        if sign is None:
            return None
        minutes = self.number("oh", 0, 0, 99) * 60 + self.number("om", 0, 0, 59)
        self.good &= minutes <= 14 * 60
        negative = pc.equal(sign, "-").fill_null(False).to_numpy(zero_copy_only=False)
        return np.where(negative, -minutes, minutes) * 60


def parsed(form: str, texts: Any, kind: str, zone: str | None = None) -> tuple[Any, Any] | None:
    """Days (DATE) or microseconds of texts without NULLs in a format, and the mask of the rows with them.

    None: the format needs the steps.
    """
    found = pattern(form, kind)
    if found is None:
        return None
    fields = _Fields(texts, found)
    if kind == "DATE":
        return fields.days(), fields.good
    if kind == "TIME":
        return fields.micros() % 86_400_000_000, fields.good
    from .dates import MAX_MICROS, MIN_MICROS

    micros = fields.days() * 86_400_000_000 + fields.micros()
    if kind == "TIMESTAMP":
        from .zones import zone as zone_of

        assert zone is not None
        default = zone_of(zone)
        offset = fields.offset()
        if offset is None:
            offset = default.at_local(micros // 1_000_000)
        micros = micros - offset * 1_000_000
    fields.good &= (micros >= MIN_MICROS) & (micros <= MAX_MICROS)
    return micros, fields.good


_CLOCK = r"(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{1,2}):(?P<second>[0-5]?[0-9])(?:\.(?P<fraction>[0-9]{1,6}))?"
_DAY = r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})"
_DATETIME = Pattern(f"^{_DAY}(?:[ Tt]{_CLOCK})?$", frozenset())
_TIMESTAMP = Pattern(
    f"^{_DAY}(?:[ Tt]{_CLOCK}"
    r"(?:(?P<utc>[Zz])|(?P<offset>[+-])(?P<oh>[0-9]{1,2})(?::(?P<om>[0-9][0-9]))?)?)?$",
    frozenset(),
)


def canonical_micros(texts: Any, zone: str | None, *, local: bool = False) -> tuple[Any, Any]:
    """Microseconds of DATETIME texts, or with the default ``zone`` of TIMESTAMP texts with offsets or none;
    the mask of the rows that are such texts. With ``local`` texts have no offsets."""
    import numpy as np

    from .dates import MAX_MICROS, MIN_MICROS
    from .zones import zone as zone_of

    fields = _Fields(texts, _DATETIME if zone is None or local else _TIMESTAMP)
    micros = fields.days() * 86_400_000_000 + fields.micros()
    if zone is not None and local:
        micros = micros - zone_of(zone).at_local(micros // 1_000_000) * 1_000_000
    elif zone is not None:
        given = fields.offset()
        none = np.asarray(fields.text("offset").fill_null("")) == ""
        utc = np.asarray(fields.text("utc").fill_null("")) != ""
        bare = none & ~utc
        if bare.any():
            given = np.where(bare, zone_of(zone).at_local(micros // 1_000_000), given)
        micros = micros - given * 1_000_000
    fields.good &= (micros >= MIN_MICROS) & (micros <= MAX_MICROS)
    return micros, fields.good
