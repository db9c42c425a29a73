"""Window functions that are not aggregates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlglot import expressions as exp

from bqsim.errors import invalid_query
from bqsim.sql.lower import nodes
from bqsim.sql.lower.aggregate import only_outer, relation_labels
from bqsim.sql.lower.registry import NOT_LITERAL, AggregateCall, Unsupported, Window
from bqsim.types import INT64

Build = Callable[[AggregateCall], exp.Expression]


def _over(call: AggregateCall, function: str, *args: Any, ignore_nulls: bool = False) -> exp.Expression:
    opening = f"{function}("
    value = nodes.joined(opening, ", ", list(args), " IGNORE NULLS)" if ignore_nulls else ")")
    return nodes.template("{0} OVER ({1})", value, call.over)


def _ranking(function: str) -> Build:
    return lambda call: _over(call, function)


def _value(function: str) -> Build:
    return lambda call: _over(call, function, *call.args, ignore_nulls=call.nulls == "IGNORE")


def _check(number: int | None, what: str, null: str, least: int) -> None:
    """Fail when a number is NULL, which the message writes as ``null``, or is under ``least`` (0 or 1)."""
    if number is None:
        raise invalid_query(f"{what} must not be {null}")
    if number < least:
        raise invalid_query(f"{what} must {'be positive' if least else 'not be negative'}")


def _ntile(call: AggregateCall) -> exp.Expression:
    number = call.literals[0]
    if number is NOT_LITERAL:
        raise Unsupported("NTILE with a number that is not constant")
    _check(number, "The N value (number of buckets) for the NTILE function", "NULL", 1)
    return _over(call, "ntile", *call.args)


def _nth_value(call: AggregateCall) -> exp.Expression:
    number = call.literals[1]
    if number is NOT_LITERAL:
        raise Unsupported("NTH_VALUE with a number that is not constant")
    _check(number, "The N value for the NthValue function", "NULL", 1)
    return _value("nth_value")(call)


def _reads_rows(call: AggregateCall, value: exp.Expression) -> bool:
    """Whether an expression reads columns of the rows that the window is over."""
    return bool(relation_labels(value)) and not only_outer(call.context, value)


def _offset(function: str) -> Build:
    """LAG and LEAD."""

    name = function.upper()

    def build(call: AggregateCall) -> exp.Expression:
        if len(call.args) > 1:
            offset = call.literals[1]
            if offset is NOT_LITERAL:
                raise Unsupported(f"{name} with an offset that is not constant")
            _check(offset, f"The offset to the function {name}", "null", 0)
        if len(call.args) > 2 and _reads_rows(call, call.args[2]):
            raise invalid_query(f"The third argument (the default expression) to {name} must be constant")
        return _over(call, function, *call.args, ignore_nulls=call.nulls == "IGNORE")

    return build


WINDOWS = [
    *(
        Window(name, (), _ranking(name), frame=False)
        for name in ("row_number", "rank", "dense_rank", "percent_rank", "cume_dist")
    ),
    Window("ntile", (INT64,), _ntile, frame=False),
    Window("lag", (None, INT64, None), _offset("lag"), optional=2, frame=False),
    Window("lead", (None, INT64, None), _offset("lead"), optional=2, frame=False),
    Window("first_value", (None,), _value("first_value")),
    Window("last_value", (None,), _value("last_value")),
    Window("nth_value", (None, INT64), _nth_value),
]
