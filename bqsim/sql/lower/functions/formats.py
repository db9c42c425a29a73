"""FORMAT_* and PARSE_*: a literal format becomes typed engine expressions, any other one a kernel."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache

from sqlglot import expressions as exp

from bqsim.engine.kernels.parsing import COMPOSITES, EXCLUDED, SUPPORTED, elements, letter_of
from bqsim.errors import BigQueryError
from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import FunctionCall, Unsupported, fn
from bqsim.types import DATE, DATETIME, STRING, TIME, TIMESTAMP

from .parts import zone_of

Build = Callable[[FunctionCall], exp.Expression]

# Of {0}, the local time; {1} is the offset in seconds and {2} the instant in UTC.
_SQL = {
    "a": "left(dayname({0}), 3)",
    "A": "dayname({0})",
    "b": "left(monthname({0}), 3)",
    "B": "monthname({0})",
    "h": "left(monthname({0}), 3)",
    "C": "lpad(CAST(year({0}) // 100 AS VARCHAR), 2, '0')",
    "d": "strftime({0}, '%d')",
    "e": "lpad(CAST(day({0}) AS VARCHAR), 2, ' ')",
    "G": "lpad(CAST(isoyear({0}) AS VARCHAR), 4, '0')",
    "g": "lpad(CAST(isoyear({0}) % 100 AS VARCHAR), 2, '0')",
    "H": "strftime({0}, '%H')",
    "I": "strftime({0}, '%I')",
    "j": "strftime({0}, '%j')",
    "k": "lpad(CAST(hour({0}) AS VARCHAR), 2, ' ')",
    "l": "lpad(CAST((hour({0}) + 11) % 12 + 1 AS VARCHAR), 2, ' ')",
    "M": "strftime({0}, '%M')",
    "m": "strftime({0}, '%m')",
    "P": "lower(strftime({0}, '%p'))",
    "p": "strftime({0}, '%p')",
    "Q": "CAST(quarter({0}) AS VARCHAR)",
    "S": "strftime({0}, '%S')",
    "s": "CAST(bq_floor_divide(epoch_us({2}), 1000000) AS VARCHAR)",
    "U": "lpad(CAST(bq_week_of_year({0}, 0) AS VARCHAR), 2, '0')",
    "u": "CAST(isodow({0}) AS VARCHAR)",
    "V": "lpad(CAST(week({0}) AS VARCHAR), 2, '0')",
    "W": "lpad(CAST(bq_week_of_year({0}, 1) AS VARCHAR), 2, '0')",
    "w": "CAST(weekday({0}) AS VARCHAR)",
    "Y": "CAST(year({0}) AS VARCHAR)",
    "E4Y": "bq_pad(year({0}), 4)",
    "y": "lpad(CAST(year({0}) % 100 AS VARCHAR), 2, '0')",
    "Z": "bq_zone_shown({1})",
    "z": "bq_offset_digits({1}, '')",
    "Ez": "bq_offset_digits({1}, ':')",
    "E*S": "strftime({0}, '%S') || bq_short_fraction({0})",
    "E0S": "strftime({0}, '%S')",
    **{f"E{n}S": f"left(strftime({{0}}, '%S.%f') || '000', {n + 3})" for n in range(1, 10)},
}
# strftime's own elements that mean the same and are as wide.
_JOINABLE = frozenset("dHIjMmpS")
_FIXED = {"n": "\n", "t": "\t", "%": "%"}
_FORMAT_COMPOSITES = {**COMPOSITES, "F": "%E4Y-%m-%d", "c": "%a %b %e %H:%M:%S %E4Y"}
_ALTERNATIVES = frozenset({"Ec", "EC", "Ex", "EX", "Ey", "EY", "ES"})
_SAME_WITH_O = frozenset("deHImMSuUVwWy")
# What FORMAT_DATE and FORMAT_TIME leave as it stands.
_KEPT = {**EXCLUDED, "TIME": EXCLUDED["TIME"] | {"Q"}}


@lru_cache(maxsize=1024)
def _pieces(form: str, kind: str) -> tuple[tuple[str, str], ...]:
    """A format as (``sql`` | ``strftime`` | ``text``, value) pieces."""
    found: list[tuple[str, str]] = []
    for element, special in _split(form):
        if not special:
            found.append(("text", element))
            continue
        if letter_of(element) in _KEPT[kind]:
            found.append(("text", f"%{element}"))
            continue
        plain = _plain(element)
        if plain in _FORMAT_COMPOSITES:
            found += _pieces(_FORMAT_COMPOSITES[plain], kind)
        elif plain in _FIXED:
            found.append(("text", _FIXED[plain]))
        elif plain in _JOINABLE:
            found.append(("strftime", f"%{plain}"))
        elif plain in _SQL:
            found.append(("sql", _SQL[plain]))
        else:
            raise Unsupported(f"format element %{element}")
    return tuple(found)


def _split(form: str) -> list[tuple[str, bool]]:
    """The elements of a format; a last % stands for itself."""
    ends_alone = (len(form) - len(form.rstrip("%"))) % 2 == 1
    try:
        found = list(elements(form[:-1] if ends_alone else form))
    except BigQueryError as error:
        raise Unsupported(error.message) from None
    return [*found, ("%", False)] if ends_alone else found


def _plain(element: str) -> str:
    """An element without an E or O that changes nothing."""
    if element == "EY":
        return "E4Y"
    if element in _ALTERNATIVES or (element[0] == "O" and element[1:] in _SAME_WITH_O):
        return element[1:]
    return element


def _joined(pieces: tuple[tuple[str, str], ...]) -> tuple[str, list[exp.Expression]]:
    """One expression template and its texts ({3} …); neighbouring strftime elements and texts share a
    call."""
    parts: list[str] = []
    texts: list[exp.Expression] = []
    run = ""
    in_strftime = False

    def flush() -> None:
        nonlocal run, in_strftime
        if run:
            place = f"{{{len(texts) + 3}}}"
            parts.append(f"strftime({{0}}, {place})" if in_strftime else place)
            texts.append(nodes.text(run))
        run, in_strftime = "", False

    for kind, value in pieces:
        if kind == "sql":
            flush()
            parts.append(value)
        elif kind == "strftime":
            if not in_strftime:
                run, in_strftime = run.replace("%", "%%"), True
            run += value
        else:
            run += value.replace("%", "%%") if in_strftime else value
    flush()
    return (f"({' || '.join(parts)})" if parts else "''"), texts


def _format(kind: str) -> Build:
    def build(call: FunctionCall) -> exp.Expression:
        form, value = call.literals[0], call.args[1]
        if not isinstance(form, str):
            raise Unsupported(f"function {call.name} with a format that is not a literal")
        template, texts = _joined(_pieces(form, kind))
        if kind == "TIMESTAMP":
            offset = nodes.template("bq_zone_offset({0}, {1})", value, zone_of(call, 2))
            local = nodes.template("bq_whole_minutes({0}, {1})", value, offset)
            shown = nodes.template(template, local, offset, value, *texts)
        else:
            local = nodes.template(_LOCAL[kind], value)
            shown = nodes.template(template, local, nodes.raw("0"), local, *texts)
        return nodes.template("CASE WHEN {0} IS NOT NULL THEN {1} END", _given(call), shown)

    return build


def _given(call: FunctionCall) -> exp.Expression:
    """Something that is NULL when the value, or the zone, is."""
    if len(call.args) < 3:
        return call.args[1]
    return nodes.template("(CASE WHEN {0} IS NOT NULL THEN {1} END)", *call.args[1:3])


_LOCAL = {
    "DATE": "CAST({0} AS TIMESTAMP)",
    "DATETIME": "{0}",
    "TIME": "(DATE '1970-01-01' + {0})",
}

# Parsing.

_WIDTHS = {"Y": r"\d{4}", "m": r"\d\d", "d": r"\d\d", "H": r"\d\d", "M": r"\d\d", "S": r"[0-5]\d"}


@lru_cache(maxsize=1024)
def _fixed_width(form: str) -> tuple[str, str] | None:
    """The pattern and strptime format of texts with all fields at full width, for formats made of such
    fields only."""
    pattern, plain = "", ""
    for element, special in elements(form):
        if special and element in COMPOSITES:
            inner = _fixed_width(COMPOSITES[element])
            if inner is None:
                return None
            pattern, plain = pattern + inner[0], plain + inner[1]
        elif special and element in _WIDTHS:
            pattern, plain = pattern + _WIDTHS[element], plain + f"%{element}"
        elif not special and (element.isalnum() or element in "-/:. ,_") and element.isascii():
            pattern, plain = pattern + re.escape(element), plain + element
        else:
            return None
    fields = [e for e, special in elements(form) if special]
    return (pattern, plain) if len(fields) == len(set(fields)) else None


def _parse(kind: str) -> Build:
    def build(call: FunctionCall) -> exp.Expression:
        # TRY is slow where many rows fail.
        kernel = f"bq_{'safe_' if call.safe else ''}parse_{kind.lower()}"
        form = call.literals[0]
        args = list(call.args)
        if kind == "TIMESTAMP":
            args = [*args[:2], zone_of(call, 2)]
        parsed = nodes.call(kernel, *args)
        if not isinstance(form, str):
            return parsed
        try:
            unknown = [e for e, special in elements(form) if special and e not in SUPPORTED]
            fast = _fixed_width(form)
        except BigQueryError as error:
            if error.message.startswith("Format string"):
                return parsed
            raise Unsupported(error.message) from None
        if unknown:
            raise Unsupported(f"function {call.name} with format element %{unknown[0]}")
        if (
            fast is None
            or "%Y" not in fast[1]
            or kind == "TIME"
            or any(special and letter_of(e) in EXCLUDED[kind] for e, special in elements(form))
        ):
            return parsed
        return _fast(kind, fast, args, parsed)

    return build


def _fast(
    kind: str, fast: tuple[str, str], args: list[exp.Expression], parsed: exp.Expression
) -> exp.Expression:
    read = "try_strptime({0}, {4})"
    value = {
        "DATE": f"CAST({read} AS DATE)",
        "DATETIME": read,
        "TIMESTAMP": f"bq_cast_datetime_to_timestamp({read}, {{2}})",
    }[kind]
    base = "{2} = 'UTC' AND " if kind == "TIMESTAMP" else ""
    zone = args[2] if kind == "TIMESTAMP" else nodes.raw("''")
    return nodes.template(
        f"CASE WHEN {base}regexp_full_match({{0}}, {{3}}) AND {read} >= TIMESTAMP '1900-01-01' "
        f"THEN {value} ELSE {{1}} END",
        args[1],
        parsed,
        zone,
        nodes.text(fast[0]),
        nodes.text(fast[1]),
    )


FUNCTIONS = [
    fn("format_date", (STRING, DATE), build=_format("DATE")),
    fn("format_date", (STRING, DATETIME), build=_format("DATETIME")),
    fn("format_datetime", (STRING, DATETIME), build=_format("DATETIME")),
    fn("format_time", (STRING, TIME), build=_format("TIME")),
    fn("format_timestamp", (STRING, TIMESTAMP, STRING), optional=1, build=_format("TIMESTAMP")),
    fn("parse_date", (STRING, STRING), build=_parse("DATE")),
    fn("parse_time", (STRING, STRING), build=_parse("TIME")),
    fn("parse_datetime", (STRING, STRING), build=_parse("DATETIME")),
    fn("parse_timestamp", (STRING, STRING, STRING), optional=1, build=_parse("TIMESTAMP")),
]
