"""DATE, TIME, DATETIME and TIMESTAMP functions."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import ANY, Function, FunctionCall, Unsupported, fn
from bqsim.types import (
    DATE,
    DATETIME,
    INT64,
    STRING,
    TIME,
    TIMESTAMP,
    Type,
)

from . import parts
from .parts import of_part, part_of, shown, zone_of

Build = Callable[[FunctionCall], exp.Expression]
_EPOCH = datetime.datetime(1970, 1, 1)


def _zoned(template: str, zone_index: int = 1) -> Build:
    """A template whose last placeholder is the zone, the statement's when it is not given."""

    def build(call: FunctionCall) -> exp.Expression:
        return nodes.template(template, *call.args[:zone_index], zone_of(call, zone_index))

    return build


# Addition: what each type's macros count in.


def _add_template(kind: str, part: str, subtract: bool) -> str:
    months, days, micros = parts.MONTHS.get(part), parts.DAYS.get(part), parts.MICROS.get(part)
    amount = "-CAST({1} AS HUGEINT)" if subtract else "{1}"
    if kind == "time":
        return f"bq_time_add_micros({{0}}, {amount}, {micros})"
    said = f"CAST({amount} AS VARCHAR)" if kind != "datetime" else "CAST({1} AS VARCHAR)"
    verb, link = ("Subtracting", "from") if subtract and kind == "datetime" else ("Adding", "to")
    text_of = {
        "date": "CAST({0} AS VARCHAR)",
        "datetime": "bq_cast_datetime_to_string({0})",
        "timestamp": "bq_timestamp_error_text({0})",
    }[kind]
    message = f"'{verb} ' || {said} || ' {part} {link} {kind} ' || {text_of} || ' causes overflow'"
    if kind == "date":
        unit, what = (months, "months") if months else (days, "days")
    else:
        unit = months or (days * parts.MICROS_PER_DAY if days else micros)
        what = "months" if months else "micros"
        kind = "datetime"
    return f"bq_{kind}_add_{what}({{0}}, {amount}, {unit}, {message})"


def _additions(
    kind: str, type_: Type, counted: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[Function]:
    for subtract, suffix in ((False, "_add"), (True, "_sub")):
        templates = {part: _add_template(kind, part, subtract) for part in counted}
        for name in names:
            yield fn(name + suffix, (type_, INT64, ANY), build=of_part(templates, 2))


_ALL = (*parts.MONTHS, *parts.DAYS, *parts.MICROS)
_CIVIL = ("date", "datetime", "timestamp")

_ADDITIONS = [
    *_additions("date", DATE, (*parts.MONTHS, *parts.DAYS), _CIVIL),
    *_additions("datetime", DATETIME, _ALL, _CIVIL),
    *_additions("timestamp", TIMESTAMP, ("DAY", *parts.MICROS), _CIVIL),
    *_additions("time", TIME, tuple(parts.MICROS), ("time",)),
]

# Differences.

_DATETIME_DIFF = {
    **{
        part: text.replace("{0}", "CAST({0} AS DATE)").replace("{1}", "CAST({1} AS DATE)")
        for part, text in parts.DATE_DIFF.items()
    },
    **{
        part: f"(bq_part_count({{0}}, {unit}) - bq_part_count({{1}}, {unit}))"
        for part, unit in parts.MICROS.items()
    },
}
_TIME_DIFF = {part: f"(epoch_us({{0}}) // {u} - epoch_us({{1}}) // {u})" for part, u in parts.MICROS.items()}
_TIMESTAMP_DIFF = {
    part: f"((epoch_us({{0}}) - epoch_us({{1}})) // {unit})"
    for part, unit in {**parts.MICROS, "DAY": parts.MICROS_PER_DAY}.items()
}

_DIFFERENCES = [
    *(fn(f"{n}_diff", (DATE, DATE, ANY), build=of_part(parts.DATE_DIFF, 2)) for n in _CIVIL),
    *(fn(f"{n}_diff", (DATETIME, DATETIME, ANY), build=of_part(_DATETIME_DIFF, 2)) for n in _CIVIL),
    *(fn(f"{n}_diff", (TIMESTAMP, TIMESTAMP, ANY), build=of_part(_TIMESTAMP_DIFF, 2)) for n in _CIVIL),
    fn("time_diff", (TIME, TIME, ANY), build=of_part(_TIME_DIFF, 2)),
]

# Truncation.

_DATETIME_TRUNC = {
    **{
        part: f"CAST({text.replace('{0}', 'CAST({0} AS DATE)')} AS TIMESTAMP)"
        for part, text in parts.FIRST_DAY.items()
    },
    **{part: f"bq_datetime_trunc_micros({{0}}, {unit})" for part, unit in parts.MICROS.items()},
}
_TIME_TRUNC = {part: f"bq_time_trunc_micros({{0}}, {unit})" for part, unit in parts.MICROS.items()}
_LOCAL = "bq_zone_local({0}, {2})"
_TIMESTAMP_TRUNC = {
    **{
        part: f"bq_timestamp_truncated({text.replace('{0}', f'CAST({_LOCAL} AS DATE)')}, {_LOCAL}, "
        f"'{{part}}', {{2}})"
        for part, text in parts.FIRST_DAY.items()
        if part not in parts.WEEKS
    },
    **{p: f"bq_timestamp_trunc_week({{0}}, {_LOCAL}, {start}, {{2}})" for p, start in parts.WEEKS.items()},
    **{part: f"bq_timestamp_trunc_local({{0}}, {unit}, {{2}})" for part, unit in parts.MICROS.items()},
}


def _timestamp_trunc(call: FunctionCall) -> exp.Expression:
    part = part_of(call, 1)
    template = _TIMESTAMP_TRUNC.get(part)
    if template is None:
        raise Unsupported(f"function {call.name} with part {shown(part)}")
    return nodes.template(template.replace("{part}", shown(part)), *call.args[:2], zone_of(call, 2))


_TRUNCATIONS = [
    *(fn(f"{n}_trunc", (DATE, ANY), build=of_part(parts.FIRST_DAY, 1)) for n in _CIVIL),
    *(fn(f"{n}_trunc", (DATETIME, ANY), build=of_part(_DATETIME_TRUNC, 1)) for n in _CIVIL),
    *(fn(f"{n}_trunc", (TIMESTAMP, ANY, STRING), optional=1, build=_timestamp_trunc) for n in _CIVIL),
    fn("time_trunc", (TIME, ANY), build=of_part(_TIME_TRUNC, 1)),
]


def _last_day(call: FunctionCall) -> exp.Expression:
    part = part_of(call, 1) if len(call.args) > 1 else "MONTH"
    template = parts.LAST_DAY.get(part)
    if template is None:
        raise Unsupported(f"function last_day with part {shown(part)}")
    day = call.args[0] if call.types[0] == DATE else nodes.cast(call.args[0], "DATE")
    return nodes.template(template.replace("{part}", shown(part)), day)


# Parts.

_EXTRACT_DATETIME = {**parts.EXTRACT, **parts.EXTRACT_TIME}


def _extract_timestamp(call: FunctionCall) -> exp.Expression:
    template = _EXTRACT_DATETIME.get(part_of(call, 1))
    if template is None:
        raise Unsupported(f"function $extract with part {shown(part_of(call, 1))}")
    local = nodes.template("bq_zone_local({0}, {1})", call.args[0], zone_of(call, 2))
    return nodes.template(template, local)


_PARTS = [
    fn("$extract", (DATE, ANY), build=of_part(parts.EXTRACT, 1)),
    fn("$extract", (DATETIME, ANY), build=of_part(_EXTRACT_DATETIME, 1)),
    fn("$extract", (TIME, ANY), build=of_part(parts.EXTRACT_TIME, 1)),
    fn("$extract", (TIMESTAMP, ANY, STRING), optional=1, build=_extract_timestamp),
    fn("$extract_date", (DATETIME,), sql="bq_cast_datetime_to_date({0})"),
    fn("$extract_time", (DATETIME,), sql="bq_cast_datetime_to_time({0})"),
    *(
        fn(
            f"$extract_{kind}",
            (TIMESTAMP, STRING),
            optional=1,
            build=_zoned(f"bq_cast_timestamp_to_{kind}({{0}}, {{1}})"),
        )
        for kind in ("date", "time", "datetime")
    ),
    fn("last_day", (DATE, ANY), optional=1, build=_last_day),
    fn("last_day", (DATETIME, ANY), optional=1, build=_last_day),
]

# Construction and conversion.


def _timestamp_of_string(call: FunctionCall) -> exp.Expression:
    if len(call.args) == 1:
        return nodes.template("bq_cast_string_to_timestamp({0}, {1})", call.args[0], zone_of(call, 1))
    return nodes.template("bq_local_string_to_timestamp({0}, {1})", *call.args)


def _date_of_string(call: FunctionCall) -> exp.Expression:
    """The date of a timestamp's text: DATE has no form of its own for texts."""
    zone = zone_of(call, 1)
    moment = nodes.template("bq_cast_string_to_timestamp({0}, {1})", call.args[0], zone)
    return nodes.template("bq_cast_timestamp_to_date({0}, {1})", moment, zone)


_CONSTRUCTORS = [
    fn("date", (INT64, INT64, INT64), sql="bq_date({0}, {1}, {2})"),
    fn("date", (DATE,), sql="{0}"),
    fn("date", (DATETIME,), sql="bq_cast_datetime_to_date({0})"),
    fn("date", (STRING,), build=_date_of_string),
    fn("date", (TIMESTAMP, STRING), optional=1, build=_zoned("bq_cast_timestamp_to_date({0}, {1})")),
    fn("time", (INT64, INT64, INT64), sql="bq_time({0}, {1}, {2})"),
    fn("time", (TIME,), sql="{0}"),
    fn("time", (DATETIME,), sql="bq_cast_datetime_to_time({0})"),
    fn("time", (TIMESTAMP, STRING), optional=1, build=_zoned("bq_cast_timestamp_to_time({0}, {1})")),
    fn("datetime", (INT64,) * 6, sql="bq_datetime({0}, {1}, {2}, {3}, {4}, {5})"),
    fn("datetime", (DATE,), sql="CAST({0} AS TIMESTAMP)"),
    fn("datetime", (DATE, TIME), sql="({0} + {1})"),
    fn("datetime", (DATETIME,), sql="{0}"),
    fn("datetime", (STRING,), sql="bq_cast_string_to_datetime({0})"),
    fn("datetime", (TIMESTAMP, STRING), optional=1, build=_zoned("bq_cast_timestamp_to_datetime({0}, {1})")),
    fn("timestamp", (TIMESTAMP,), sql="{0}"),
    fn("timestamp", (STRING, STRING), optional=1, build=_timestamp_of_string),
    fn("timestamp", (DATE, STRING), optional=1, build=_zoned("bq_cast_date_to_timestamp({0}, {1})")),
    fn("timestamp", (DATETIME, STRING), optional=1, build=_zoned("bq_cast_datetime_to_timestamp({0}, {1})")),
    fn("string", (DATE,), sql="bq_cast_date_to_string({0})"),
    fn("string", (TIME,), sql="bq_cast_time_to_string({0})"),
    fn("string", (DATETIME,), sql="bq_cast_datetime_to_string({0})"),
    fn("string", (TIMESTAMP, STRING), optional=1, build=_zoned("bq_cast_timestamp_to_string({0}, {1})")),
    fn("unix_date", (DATE,), sql="bq_days({0})"),
    fn("unix_seconds", (TIMESTAMP,), sql="bq_floor_divide(epoch_us({0}), 1000000)"),
    fn("unix_millis", (TIMESTAMP,), sql="bq_floor_divide(epoch_us({0}), 1000)"),
    fn("unix_micros", (TIMESTAMP,), sql="epoch_us({0})"),
    fn("date_from_unix_date", (INT64,), sql="bq_date_from_unix_date({0})"),
    *(
        fn(name, (INT64,), sql=f"bq_timestamp_of({{0}}, {unit})")
        for name, unit in (
            ("timestamp_seconds", 1_000_000),
            ("timestamp_millis", 1000),
            ("timestamp_micros", 1),
        )
    ),
]

# Operators with whole days; those with INTERVAL are in ``intervals``.

_ADD_DAYS, _SUBTRACT_DAYS = (_add_template("date", "DAY", subtract) for subtract in (False, True))
_OPERATORS = [
    fn("$add", (DATE, INT64), sql=_ADD_DAYS),
    fn(
        "$add", (INT64, DATE), sql=_ADD_DAYS.replace("{0}", "{x}").replace("{1}", "{0}").replace("{x}", "{1}")
    ),
    fn("$subtract", (DATE, INT64), sql=_SUBTRACT_DAYS),
]

# The statement's time.


def _now(template: str) -> Build:
    def build(call: FunctionCall) -> exp.Expression:
        low = call.context
        low.shared.deterministic = False
        now = _EPOCH + datetime.timedelta(microseconds=low.ctx.now_us)
        return nodes.template(template, nodes.raw(f"TIMESTAMP '{now.isoformat(sep=' ')}'"), zone_of(call, 0))

    return build


_NOW = [
    fn("current_timestamp", (), build=_now("{0}")),
    *(
        fn(f"current_{kind}", (STRING,), optional=1, build=_now(f"bq_cast_timestamp_to_{kind}({{0}}, {{1}})"))
        for kind in ("date", "time", "datetime")
    ),
]

FUNCTIONS = [
    *_ADDITIONS,
    *_DIFFERENCES,
    *_TRUNCATIONS,
    *_PARTS,
    *_CONSTRUCTORS,
    *_OPERATORS,
    *_NOW,
]
