"""Regular expressions. A literal pattern is checked and measured once, here; RE2 runs in the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sqlglot import expressions as exp

from bqsim.engine.kernels.regexp import TOO_MANY_GROUPS, groups, never_empty, problem, rewrite_problem
from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import Function, FunctionCall, Unsupported, fn
from bqsim.sql.lower.types import engine_type
from bqsim.types import BYTES, INT64, STRING


def _fails(call: FunctionCall, message: str) -> exp.Expression:
    """Fails for rows without NULL arguments; NULL for the others."""
    present = [nodes.template("{0} IS NOT NULL", a) for a in call.args]
    # Without its type the engine could not make it another one, as of a default of LEAD.
    kind = engine_type(call.result)
    failing = nodes.case([(nodes.conjunction(present), nodes.error(message, kind))], nodes.null())
    return nodes.joined("(", "", [failing], ")")


def _contains(call: FunctionCall) -> exp.Expression:
    pattern = call.literals[1]
    if not isinstance(pattern, str):
        return nodes.template("bq_regexp_contains({0}, {1})", *call.args)
    bad = problem(pattern)
    return _fails(call, bad) if bad else nodes.template("regexp_matches({0}, {1})", *call.args)


def _replace(call: FunctionCall) -> exp.Expression:
    pattern, rewrite = call.literals[1], call.literals[2]
    if not isinstance(pattern, str) or not isinstance(rewrite, str):
        return nodes.template("bq_regexp_replace({0}, {1}, {2})", *call.args)
    bad = problem(pattern) or rewrite_problem(pattern, rewrite)
    return _fails(call, bad) if bad else nodes.template("regexp_replace({0}, {1}, {2}, 'g')", *call.args)


def _extract(call: FunctionCall) -> exp.Expression:
    pattern = call.literals[1]
    if not isinstance(pattern, str):
        if len(call.args) > 2:
            raise Unsupported("REGEXP_EXTRACT of a computed pattern from a position")
        return nodes.template("bq_regexp_extract({0}, {1})", *call.args)
    bad = problem(pattern) or (TOO_MANY_GROUPS if groups(pattern) > 1 else None)
    if bad:
        return _fails(call, bad)
    if len(call.args) == 2:
        return nodes.template(f"bq_regexp_first({{0}}, {{1}}, {groups(pattern)})", *call.args)
    if not never_empty(pattern):
        raise Unsupported("REGEXP_EXTRACT from a position of a pattern that may match empty text")
    occurrence = call.args[3] if len(call.args) > 3 else nodes.raw("1")
    return nodes.template(
        f"bq_regexp_nth({{0}}, {{1}}, {groups(pattern)}, {{2}}, {{3}})", *call.args[:3], occurrence
    )


def _extract_all(call: FunctionCall) -> exp.Expression:
    pattern = call.literals[1]
    if not isinstance(pattern, str):
        raise Unsupported("REGEXP_EXTRACT_ALL of a computed pattern")
    bad = problem(pattern) or (TOO_MANY_GROUPS if groups(pattern) > 1 else None)
    if bad:
        return _fails(call, bad)
    if not never_empty(pattern):
        raise Unsupported("REGEXP_EXTRACT_ALL of a pattern that may match empty text")
    return nodes.template(f"bq_regexp_all({{0}}, {{1}}, {groups(pattern)})", *call.args)


def _instr(call: FunctionCall) -> exp.Expression:
    pattern = call.literals[1]
    after = call.literals[4] if len(call.args) > 4 else 0
    occurrence = call.literals[3] if len(call.args) > 3 else 1
    if not isinstance(pattern, str) or occurrence != 1 or after not in (0, 1):
        raise Unsupported("REGEXP_INSTR of a computed pattern, or of a later occurrence")
    bad = problem(pattern) or (TOO_MANY_GROUPS if groups(pattern) > 1 else None)
    if bad:
        return _fails(call, bad)
    if groups(pattern) or not never_empty(pattern):
        raise Unsupported("REGEXP_INSTR of a pattern with a group, or that may match empty text")
    head = rf"\A((?s:.*?))(?:{pattern})" if after == 0 else rf"\A((?s:.*?)(?:{pattern}))"
    position = call.args[2] if len(call.args) > 2 else nodes.raw("1::BIGINT")
    return nodes.template("bq_regexp_position({0}, {1}, {2})", call.args[0], nodes.text(head), position)


def _of_bytes(build: Callable[[FunctionCall], exp.Expression], result: str) -> Any:
    """A function of BYTES by that of STRING: each byte is the character with its number."""

    def lower(call: FunctionCall) -> exp.Expression:
        args = [
            nodes.call("bq_latin1", a) if t == BYTES else a
            for a, t in zip(call.args, call.types, strict=True)
        ]
        literals = tuple(v.decode("latin-1") if isinstance(v, bytes) else v for v in call.literals)
        for i, value in enumerate(literals):
            if isinstance(value, str):
                args[i] = nodes.text(value)
        return nodes.template(result, build(replace(call, args=args, literals=literals)))

    return lower


_BYTES = "bq_latin1_bytes(CAST({0} AS VARCHAR))"
_ALL_BYTES = "list_transform(CAST({0} AS VARCHAR[]), lambda r: bq_latin1_bytes(r))"

FUNCTIONS: list[Function] = [
    fn("regexp_extract", (BYTES, BYTES, INT64, INT64), build=_of_bytes(_extract, _BYTES), optional=2),
    fn("regexp_extract_all", (BYTES, BYTES), build=_of_bytes(_extract_all, _ALL_BYTES)),
    fn("regexp_instr", (BYTES, BYTES, INT64, INT64, INT64), build=_of_bytes(_instr, "{0}"), optional=3),
    fn("regexp_contains", (STRING, STRING), build=_contains),
    fn("regexp_contains", (BYTES, BYTES), sql="bq_bytes_regexp_contains({0}, {1})"),
    fn("regexp_replace", (STRING, STRING, STRING), build=_replace),
    fn("regexp_replace", (BYTES, BYTES, BYTES), sql="bq_bytes_regexp_replace({0}, {1}, {2})"),
    fn("regexp_extract", (STRING, STRING, INT64, INT64), build=_extract, optional=2),
    fn("regexp_extract_all", (STRING, STRING), build=_extract_all),
    fn("regexp_instr", (STRING, STRING, INT64, INT64, INT64), build=_instr, optional=3),
]
