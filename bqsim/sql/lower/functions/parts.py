"""Date parts: how each is counted, cut and read, as engine SQL templates by the part's name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import FunctionCall, Unsupported

MONTHS = {"YEAR": 12, "QUARTER": 3, "MONTH": 1}
DAYS = {"WEEK": 7, "DAY": 1}
MICROS = {
    "HOUR": 3_600_000_000,
    "MINUTE": 60_000_000,
    "SECOND": 1_000_000,
    "MILLISECOND": 1000,
    "MICROSECOND": 1,
}
MICROS_PER_DAY = 86_400_000_000

_WEEKDAYS = ("SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY")
# Days from Sunday to the first day of the week, by the name of the part.
WEEKS = {
    "WEEK": 0,
    "ISOWEEK": 1,
    **{f"WEEK_{day}": i for i, day in enumerate(_WEEKDAYS) if i},
}

# Of {0}, a DATE or a local DATETIME.
EXTRACT = {
    "YEAR": "year({0})",
    "QUARTER": "quarter({0})",
    "MONTH": "month({0})",
    "DAY": "day({0})",
    "DAYOFWEEK": "(weekday({0}) + 1)",
    "DAYOFYEAR": "dayofyear({0})",
    "ISOWEEK": "week({0})",
    "ISOYEAR": "isoyear({0})",
    **{part: f"bq_week_of_year({{0}}, {start})" for part, start in WEEKS.items() if part != "ISOWEEK"},
}
EXTRACT_TIME = {
    "HOUR": "hour({0})",
    "MINUTE": "minute({0})",
    "SECOND": "second({0})",
    "MILLISECOND": "(microsecond({0}) % 1000000 // 1000)",
    "MICROSECOND": "(microsecond({0}) % 1000000)",
}

# Of {0}, a DATE: the first day of its part.
FIRST_DAY = {
    "YEAR": "bq_date_trunc_part({0}, 'year')",
    "QUARTER": "bq_date_trunc_part({0}, 'quarter')",
    "MONTH": "bq_date_trunc_part({0}, 'month')",
    "DAY": "{0}",
    "ISOYEAR": "bq_date_trunc_isoyear({0})",
    **{p: f"bq_date_trunc_week({{0}}, {start}, '{{part}}')" for p, start in WEEKS.items()},
}
LAST_DAY = {
    "YEAR": "make_date(year({0}), 12, 31)",
    "QUARTER": "last_day(make_date(year({0}), quarter({0}) * 3, 1))",
    "MONTH": "last_day({0})",
    "ISOYEAR": "bq_last_day_isoyear({0})",
    **{p: f"bq_last_day_week({{0}}, {start}, '{{part}}')" for p, start in WEEKS.items()},
}

# Of {0} and {1}: boundaries of the part from {1} to {0}.
DATE_DIFF = {
    "YEAR": "(year({0}) - year({1}))",
    "QUARTER": "(year({0}) * 4 + quarter({0}) - year({1}) * 4 - quarter({1}))",
    "MONTH": "(year({0}) * 12 + month({0}) - year({1}) * 12 - month({1}))",
    "DAY": "({0} - {1})",
    "ISOYEAR": "(isoyear({0}) - isoyear({1}))",
    **{p: f"(bq_week_number({{0}}, {start}) - bq_week_number({{1}}, {start}))" for p, start in WEEKS.items()},
}


def shown(part: str) -> str:
    """A part as SQL writes it: ``WEEK(MONDAY)``."""
    head, _, day = part.partition("_")
    return f"{head}({day})" if day else part


def part_of(call: FunctionCall, index: int) -> str:
    """The name of the part that is argument ``index``."""
    part = call.literals[index]
    if not isinstance(part, str):
        raise Unsupported(f"function {call.name} with a date part that is not a literal")
    return part


def of_part(
    templates: Mapping[str, str], index: int, wrap: str = "{}"
) -> Callable[[FunctionCall], exp.Expression]:
    """A builder that takes the template of the part at ``index``; ``{part}`` in it is the part's SQL name."""

    def build(call: FunctionCall) -> exp.Expression:
        part = part_of(call, index)
        template = templates.get(part)
        if template is None:
            raise Unsupported(f"function {call.name} with part {shown(part)}")
        return nodes.template(wrap.replace("{}", template).replace("{part}", shown(part)), *call.args)

    return build


def zone_of(call: FunctionCall, index: int) -> Any:
    """The zone argument, or the statement's time zone when it is left out."""
    if len(call.args) > index:
        return call.args[index]
    return nodes.text(call.context.ctx.time_zone)
