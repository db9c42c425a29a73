"""The functions and operators of legacy SQL that have an exact counterpart in GoogleSQL.

A row says which types a function takes, what it gives and how that is written; what is on no row is
refused by name. Types are those of legacy SQL. Behaviour: page *Legacy SQL functions and operators*.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .tokens import refused

INTEGER, FLOAT, STRING, BOOLEAN, TIMESTAMP = "INTEGER", "FLOAT", "STRING", "BOOLEAN", "TIMESTAMP"
BYTES, DATE, TIME, DATETIME, NULL = "BYTES", "DATE", "TIME", "DATETIME", "NULL"
NUMBERS = frozenset({INTEGER, FLOAT})
# Patterns beside the types: any type, any that has an order, a number.
ANY, ORDERED, NUMBER = "any", "ordered", "number"
# Results beside the types: the type of the first argument, that common to the arguments after the first n.
FIRST, COMMON, COMMON_AFTER_1 = "first", "common", "common after 1"

_PATTERNS = {
    ANY: frozenset({INTEGER, FLOAT, STRING, BOOLEAN, TIMESTAMP, BYTES, DATE, TIME, DATETIME}),
    ORDERED: frozenset({INTEGER, FLOAT, STRING, TIMESTAMP}),
    NUMBER: NUMBERS,
}


@dataclass(frozen=True, slots=True)
class Value:
    """A translated expression. ``literal`` is the value of a literal, as text."""

    sql: str
    type: str
    literal: str | None = None


@dataclass(frozen=True, slots=True)
class Fn:
    """A signature: ``{0}`` … in ``sql`` are the arguments, ``{*}`` all of them.

    ``repeated`` is whether the last argument may be repeated. ``check`` may refuse a call, or change its
    arguments.
    """

    arguments: tuple[str, ...]
    result: str
    sql: str
    repeated: bool = False
    check: Callable[[Sequence[Value]], Sequence[Value]] | None = None

    def takes(self, values: Sequence[Value]) -> bool:
        wanted = self.arguments
        if self.repeated and len(values) > len(wanted):
            wanted += wanted[-1:] * (len(values) - len(wanted))
        return len(values) == len(wanted) and all(
            v.type in _PATTERNS.get(w, (w,)) for v, w in zip(values, wanted, strict=True)
        )

    def apply(self, values: Sequence[Value]) -> Value:
        if self.check is not None:
            values = self.check(values)
        texts = [v.sql for v in values]
        shared = values[1:] if self.result == COMMON_AFTER_1 else values
        result = {FIRST: lambda: values[0].type}.get(self.result)
        if result is not None:
            type_ = result()
        else:
            type_ = common(shared) if self.result in (COMMON, COMMON_AFTER_1) else self.result
        return Value(self.sql.replace("{*}", ", ".join(texts)).format(*texts), type_)


def common(values: Sequence[Value]) -> str:
    """The type that values share; NULL fits every type, INTEGER fits FLOAT."""
    types = {v.type for v in values} - {NULL}
    if not types:
        return NULL
    if types <= NUMBERS:
        return FLOAT if FLOAT in types else INTEGER
    if len(types) > 1:
        raise refused(f"An expression of types {' and '.join(sorted(types))}")
    return types.pop()


def text(value: str) -> str:
    """A GoogleSQL string literal."""
    shown = value.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\r", "\\r")
    return f"'{shown}'"


def fails(message: str) -> str:
    """GoogleSQL that fails with the refusal of ``message``."""
    return f"ERROR({text(refused(message).message)})"


# What is known only when it runs.
_DIVISOR = f"IF({{1}} = 0, {fails('Division by zero')}, {{1}})"
# Texts that the two dialects may not read alike: spaces, signs, other bases, exponents, NaN and infinities.
_UNCERTAIN = "r'''(?i)^\\s|\\s$|^[+]|^-?0x|^-?[0-9.]+e|^-?(?:inf|infinity|nan)$'''"


def _parsed(kind: str, pattern: str) -> str:
    refusal = fails("A conversion of this text to a number")
    return (
        f"IF(REGEXP_CONTAINS({{0}}, {_UNCERTAIN}), {refusal}, "
        f"IF(REGEXP_CONTAINS({{0}}, r'{pattern}'), SAFE_CAST({{0}} AS {kind}), NULL))"
    )


def _literal_from(first: int, lowest: int = 0) -> Callable[[Sequence[Value]], Sequence[Value]]:
    """Arguments from the position on must be integer literals of at least ``lowest``."""

    def check(values: Sequence[Value]) -> Sequence[Value]:
        for value in values[first:]:
            if value.literal is None or int(value.literal) < lowest:
                raise refused(f"A length or position that is no literal of at least {lowest}")
        return values

    return check


def _substring(values: Sequence[Value]) -> Sequence[Value]:
    if values[1].literal in (None, "0"):
        raise refused("SUBSTR from a position that is no literal, or from 0")
    _literal_from(2)(values)
    return values


def _one_group(values: Sequence[Value]) -> Sequence[Value]:
    import re

    pattern = values[1].literal
    try:
        groups = re.compile(pattern).groups if pattern is not None else 0
    except re.error:
        groups = 0
    if groups != 1:
        raise refused("REGEXP_EXTRACT with a pattern that is no literal with one group")
    return values


def _pattern(values: Sequence[Value]) -> Sequence[Value]:
    if any(v.literal is None for v in values[1:]):
        raise refused("A regular expression that is no literal")
    return values


def _moment(values: Sequence[Value]) -> Sequence[Value]:
    import re

    given = values[0].literal
    if given is None or not re.fullmatch(
        r"\d{4}-\d\d-\d\d(?: \d\d:\d\d:\d\d(?:\.\d{1,6})?(?: UTC)?)?", given
    ):
        raise refused("TIMESTAMP of a text that is no literal YYYY-MM-DD [HH:MM:SS]")
    return values


_FORMATS = frozenset("YmdHMSFTyjeBbAap%")


def _time_format(values: Sequence[Value]) -> Sequence[Value]:
    given = values[1].literal
    codes = given.replace("%%", "").split("%")[1:] if given is not None else [""]
    if any(code[:1] not in _FORMATS for code in codes):
        raise refused("STRFTIME_UTC_USEC with this format")
    return values


_UNITS = frozenset({"DAY", "HOUR", "MINUTE", "SECOND"})


def _unit(values: Sequence[Value]) -> Sequence[Value]:
    unit = (values[2].literal or "").upper()
    if values[1].literal is None or unit not in _UNITS:
        raise refused("DATE_ADD other than of a literal number of DAY, HOUR, MINUTE or SECOND")
    return (*values[:2], Value(unit, STRING, unit))


def _not_negative(values: Sequence[Value]) -> Sequence[Value]:
    for value in values:
        if value.literal is not None and value.literal.startswith("-"):
            raise refused("A logarithm or root of a negative number")
    return values


def _overloads(*pairs: tuple[str, str], result: str) -> tuple[Fn, ...]:
    return tuple(Fn((type_,), result, sql) for type_, sql in pairs)


_S1, _S2 = (STRING,), (STRING, STRING)
_COMPARED = {"=": "=", "!=": "!=", "<": "<", ">": ">", "<=": "<=", ">=": ">="}
_COMPARABLE = (*((t, t) for t in (STRING, BOOLEAN, TIMESTAMP, BYTES, DATE, TIME, DATETIME)), (NUMBER, NUMBER))

_TO_INTEGER = (
    *_overloads((INTEGER, "{0}"), (TIMESTAMP, "UNIX_MICROS({0})"), result=INTEGER),
    Fn(_S1, INTEGER, _parsed("INT64", "^-?[0-9]+$")),
)
_TO_FLOAT = (
    *_overloads((INTEGER, "CAST({0} AS FLOAT64)"), (FLOAT, "{0}"), result=FLOAT),
    Fn(_S1, FLOAT, _parsed("FLOAT64", "^-?([0-9]+[.]?[0-9]*|[.][0-9]+)$")),
)
_TO_STRING = _overloads(
    (STRING, "{0}"), (INTEGER, "CAST({0} AS STRING)"), (BOOLEAN, "CAST({0} AS STRING)"), result=STRING
)
_TO_BOOLEAN = _overloads((BOOLEAN, "{0}"), (INTEGER, "({0} != 0)"), result=BOOLEAN)
_TO_TIMESTAMP = (
    Fn((TIMESTAMP,), TIMESTAMP, "{0}"),
    Fn(_S1, TIMESTAMP, "TIMESTAMP({0})", check=_moment),
)

SCALARS: dict[str, tuple[Fn, ...]] = {
    # Operators
    "+": (Fn((NUMBER, NUMBER), COMMON, "({0} + {1})"),),
    "-": (Fn((NUMBER, NUMBER), COMMON, "({0} - {1})"),),
    "*": (Fn((NUMBER, NUMBER), COMMON, "({0} * {1})"),),
    "/": (Fn((NUMBER, NUMBER), FLOAT, f"({{0}} / {_DIVISOR})"),),
    "%": (Fn((INTEGER, INTEGER), INTEGER, f"MOD({{0}}, {_DIVISOR})"),),
    "negative": (Fn((NUMBER,), FIRST, "(- {0})"),),
    "AND": (Fn((BOOLEAN, BOOLEAN), BOOLEAN, "({0} AND {1})"),),
    "OR": (Fn((BOOLEAN, BOOLEAN), BOOLEAN, "({0} OR {1})"),),
    "NOT": (Fn((BOOLEAN,), BOOLEAN, "(NOT {0})"),),
    "IS NULL": (Fn((ANY,), BOOLEAN, "({0} IS NULL)"), Fn((NULL,), BOOLEAN, "({0} IS NULL)")),
    "IS NOT NULL": (Fn((ANY,), BOOLEAN, "({0} IS NOT NULL)"), Fn((NULL,), BOOLEAN, "({0} IS NOT NULL)")),
    "CONTAINS": (Fn(_S2, BOOLEAN, "(STRPOS({0}, {1}) > 0)"),),
    **{
        name: tuple(Fn(types, BOOLEAN, f"({{0}} {operator} {{1}})") for types in _COMPARABLE)
        for name, operator in _COMPARED.items()
    },
    "BETWEEN": (
        Fn((NUMBER,) * 3, BOOLEAN, "({0} BETWEEN {1} AND {2})"),
        Fn((STRING,) * 3, BOOLEAN, "({0} BETWEEN {1} AND {2})"),
        Fn((TIMESTAMP,) * 3, BOOLEAN, "({0} BETWEEN {1} AND {2})"),
    ),
    # Conversions
    "INTEGER": _TO_INTEGER,
    "FLOAT": _TO_FLOAT,
    "STRING": _TO_STRING,
    "BOOLEAN": _TO_BOOLEAN,
    "TIMESTAMP": _TO_TIMESTAMP,
    "CAST AS INTEGER": _TO_INTEGER,
    "CAST AS FLOAT": _TO_FLOAT,
    "CAST AS STRING": _TO_STRING,
    "CAST AS BOOLEAN": _TO_BOOLEAN,
    "CAST AS TIMESTAMP": _TO_TIMESTAMP,
    # Conditions
    "IFNULL": (Fn((ANY, ANY), COMMON, "IFNULL({*})"),),
    "COALESCE": (Fn((ANY,), COMMON, "COALESCE({*})", repeated=True),),
    "GREATEST": (Fn((NUMBER,), COMMON, "GREATEST({*})", repeated=True),),
    "LEAST": (Fn((NUMBER,), COMMON, "LEAST({*})", repeated=True),),
    "IS_NAN": (Fn((FLOAT,), BOOLEAN, "IS_NAN({0})"),),
    "IS_INF": (Fn((FLOAT,), BOOLEAN, "IS_INF({0})"),),
    # Strings
    "CONCAT": (Fn(_S2, STRING, "CONCAT({*})", repeated=True),),
    "LENGTH": (Fn(_S1, INTEGER, "CHAR_LENGTH({0})"),),
    "LOWER": (Fn(_S1, STRING, "LOWER({0})"),),
    "UPPER": (Fn(_S1, STRING, "UPPER({0})"),),
    "LEFT": (Fn((STRING, INTEGER), STRING, "LEFT({*})", check=_literal_from(1)),),
    "RIGHT": (Fn((STRING, INTEGER), STRING, "RIGHT({*})", check=_literal_from(1)),),
    "SUBSTR": (
        Fn((STRING, INTEGER), STRING, "SUBSTR({*})", check=_substring),
        Fn((STRING, INTEGER, INTEGER), STRING, "SUBSTR({*})", check=_substring),
    ),
    "INSTR": (Fn(_S2, INTEGER, "STRPOS({*})"),),
    "REPLACE": (Fn((STRING,) * 3, STRING, "REPLACE({*})"),),
    "REGEXP_MATCH": (Fn(_S2, BOOLEAN, "REGEXP_CONTAINS({*})", check=_pattern),),
    "REGEXP_EXTRACT": (Fn(_S2, STRING, "REGEXP_EXTRACT({*})", check=_one_group),),
    "REGEXP_REPLACE": (Fn((STRING,) * 3, STRING, "REGEXP_REPLACE({*})", check=_pattern),),
    # Numbers
    "ABS": (Fn((NUMBER,), FIRST, "ABS({0})"),),
    "CEIL": (Fn((FLOAT,), FLOAT, "CEIL({0})"),),
    "FLOOR": (Fn((FLOAT,), FLOAT, "FLOOR({0})"),),
    "ROUND": (
        Fn((FLOAT,), FLOAT, "ROUND({0})"),
        Fn((FLOAT, INTEGER), FLOAT, "ROUND({*})", check=_literal_from(1)),
    ),
    "SQRT": (Fn((NUMBER,), FLOAT, "SQRT({0})", check=_not_negative),),
    "EXP": (Fn((NUMBER,), FLOAT, "EXP({0})"),),
    "LN": (Fn((NUMBER,), FLOAT, "LN({0})", check=_not_negative),),
    "LOG": (Fn((NUMBER,), FLOAT, "LN({0})", check=_not_negative),),
    "LOG2": (Fn((NUMBER,), FLOAT, "LOG({0}, 2)", check=_not_negative),),
    "LOG10": (Fn((NUMBER,), FLOAT, "LOG10({0})", check=_not_negative),),
    "POW": (Fn((NUMBER, NUMBER), FLOAT, "POW({*})"),),
    "PI": (Fn((), FLOAT, "ACOS(-1)"),),
    **{name: (Fn((NUMBER,), FLOAT, f"{name}({{0}})"),) for name in ("SIN", "COS", "TAN", "ATAN")},
    # Dates and times; what is shown as text is so in legacy SQL.
    "NOW": (Fn((), INTEGER, "UNIX_MICROS(CURRENT_TIMESTAMP())"),),
    "CURRENT_TIMESTAMP": (Fn((), TIMESTAMP, "CURRENT_TIMESTAMP()"),),
    "CURRENT_DATE": (Fn((), STRING, "FORMAT_TIMESTAMP('%Y-%m-%d', CURRENT_TIMESTAMP())"),),
    "CURRENT_TIME": (Fn((), STRING, "FORMAT_TIMESTAMP('%H:%M:%S', CURRENT_TIMESTAMP())"),),
    "DATE": (Fn((TIMESTAMP,), STRING, "FORMAT_TIMESTAMP('%Y-%m-%d', {0})"),),
    "TIME": (Fn((TIMESTAMP,), STRING, "FORMAT_TIMESTAMP('%H:%M:%S', {0})"),),
    **{
        name: (Fn((TIMESTAMP,), INTEGER, f"EXTRACT({name} FROM {{0}})"),)
        for name in ("YEAR", "QUARTER", "MONTH", "DAY", "HOUR", "MINUTE", "SECOND", "DAYOFWEEK", "DAYOFYEAR")
    },
    "DATE_ADD": (
        Fn((TIMESTAMP, INTEGER, STRING), TIMESTAMP, "TIMESTAMP_ADD({0}, INTERVAL {1} {2})", check=_unit),
    ),
    "DATEDIFF": (Fn((TIMESTAMP, TIMESTAMP), INTEGER, "DATE_DIFF(DATE({0}), DATE({1}), DAY)"),),
    "TIMESTAMP_TO_SEC": (Fn((TIMESTAMP,), INTEGER, "UNIX_SECONDS({0})"),),
    "TIMESTAMP_TO_MSEC": (Fn((TIMESTAMP,), INTEGER, "UNIX_MILLIS({0})"),),
    "TIMESTAMP_TO_USEC": (Fn((TIMESTAMP,), INTEGER, "UNIX_MICROS({0})"),),
    "SEC_TO_TIMESTAMP": (Fn((INTEGER,), TIMESTAMP, "TIMESTAMP_SECONDS({0})"),),
    "MSEC_TO_TIMESTAMP": (Fn((INTEGER,), TIMESTAMP, "TIMESTAMP_MILLIS({0})"),),
    "USEC_TO_TIMESTAMP": (Fn((INTEGER,), TIMESTAMP, "TIMESTAMP_MICROS({0})"),),
    "FORMAT_UTC_USEC": (
        Fn((INTEGER,), STRING, "FORMAT_TIMESTAMP('%Y-%m-%d %H:%M:%E6S', TIMESTAMP_MICROS({0}))"),
    ),
    "STRFTIME_UTC_USEC": (
        Fn((INTEGER, STRING), STRING, "FORMAT_TIMESTAMP({1}, TIMESTAMP_MICROS({0}))", check=_time_format),
    ),
    **{
        f"UTC_USEC_TO_{part}": (
            Fn((INTEGER,), INTEGER, f"UNIX_MICROS(TIMESTAMP_TRUNC(TIMESTAMP_MICROS({{0}}), {part}))"),
        )
        for part in ("DAY", "HOUR", "MONTH", "YEAR")
    },
}

# Values that legacy SQL would put into quotation marks.
_QUOTED = f"IF(STRPOS({{0}}, '\"') > 0, {fails('GROUP_CONCAT of a value with a quotation mark')}, {{0}})"

AGGREGATES: dict[str, tuple[Fn, ...]] = {
    "COUNT": (Fn((ANY,), INTEGER, "COUNT({0})"),),
    "EXACT_COUNT_DISTINCT": (Fn((ANY,), INTEGER, "COUNT(DISTINCT {0})"),),
    "SUM": (Fn((NUMBER,), FIRST, "SUM({0})"),),
    "AVG": (Fn((NUMBER,), FLOAT, "AVG({0})"),),
    "MIN": (Fn((ORDERED,), FIRST, "MIN({0})"),),
    "MAX": (Fn((ORDERED,), FIRST, "MAX({0})"),),
    "STDDEV_POP": (Fn((NUMBER,), FLOAT, "STDDEV_POP({0})"),),
    "VAR_POP": (Fn((NUMBER,), FLOAT, "VAR_POP({0})"),),
    "BIT_AND": (Fn((INTEGER,), INTEGER, "BIT_AND({0})"),),
    "BIT_OR": (Fn((INTEGER,), INTEGER, "BIT_OR({0})"),),
    "BIT_XOR": (Fn((INTEGER,), INTEGER, "BIT_XOR({0})"),),
    "GROUP_CONCAT": (
        Fn(_S1, STRING, f"STRING_AGG({_QUOTED})"),
        Fn(_S2, STRING, f"STRING_AGG({_QUOTED}, {{1}})", check=_pattern),
    ),
    "GROUP_CONCAT_UNQUOTED": (
        Fn(_S1, STRING, "STRING_AGG({0})"),
        Fn(_S2, STRING, "STRING_AGG({*})", check=_pattern),
    ),
}

# Window functions; the aggregates among them without ORDER BY. The flag says whether they need one.
WINDOWS: dict[str, tuple[bool, tuple[Fn, ...]]] = {
    "ROW_NUMBER": (False, (Fn((), INTEGER, "ROW_NUMBER()"),)),
    "RANK": (True, (Fn((), INTEGER, "RANK()"),)),
    "DENSE_RANK": (True, (Fn((), INTEGER, "DENSE_RANK()"),)),
    **{
        name: (
            True,
            (
                Fn((ANY,), FIRST, f"{name}({{0}})"),
                Fn((ANY, INTEGER), FIRST, f"{name}({{*}})", check=_literal_from(1)),
            ),
        )
        for name in ("LAG", "LEAD")
    },
}
WINDOW_AGGREGATES = frozenset({"COUNT", "SUM", "AVG", "MIN", "MAX"})

# COUNT(DISTINCT x[, n]) is exact up to n values.
EXACT_DISTINCT = 1000


def count_distinct(values: Sequence[Value]) -> Value:
    """COUNT(DISTINCT x[, n]): exact up to ``n`` (1,000) values; fails above."""
    limit = str(EXACT_DISTINCT)
    if len(values) == 2 and values[1].literal is not None and values[1].type == INTEGER:
        limit = values[1].literal
    elif len(values) != 1:
        raise refused("COUNT(DISTINCT) of several fields")
    count = f"COUNT(DISTINCT {values[0].sql})"
    inexact = fails(
        f"COUNT(DISTINCT) of more than {limit} values (it is an estimate; use EXACT_COUNT_DISTINCT)"
    )
    return Value(f"IF({count} > {limit}, {inexact}, {count})", INTEGER)
