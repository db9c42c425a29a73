"""Generic plans: texts that differ only in literals that filters compare share one plan.

A literal is open when GoogleSQL kept it as it is written (an INT64 or a STRING, not coerced) and every
place that it has in the resolved tree is an argument of a comparison in a filter: there its value can
change neither types nor names. The lowering sees an open literal as a value that is not known, and the
engine SQL has a gap where it stands. All other literals of a text belong to the plan's key. Comments and
the width of white space do not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bqsim.types import INT64, STRING, Type

from .googlesql import resolved
from .googlesql.prepass import COMMENT, QUOTED, STRING_LITERAL
from .googlesql.types import type_from_proto
from .lower.literals import literal_sql
from .plan import QueryPlan, Scan

if TYPE_CHECKING:
    from .googlesql import Analyzed

MAX_CHARS = 16 * 1024
MAX_INT64 = (1 << 63) - 1

_TOKEN = re.compile(
    rf"((?:{COMMENT}|\s++)++)|({STRING_LITERAL})|{QUOTED}|((?<![\w.@$`])\d++(?![\w.]))", re.DOTALL
)
_GAP = re.compile("\x02(\\d+)\x02")
_COMPARISONS = frozenset(
    f"ZetaSQL:${name}"
    for name in (
        "equal",
        "not_equal",
        "less",
        "less_or_equal",
        "greater",
        "greater_or_equal",
        "between",
        "in",
    )
)
_CONNECTIVES = frozenset({"ZetaSQL:$and", "ZetaSQL:$or", "ZetaSQL:$not"})

Location = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Shape:
    """A text without its literals. ``literals`` are their texts, ``at`` where they stand."""

    key: str
    literals: tuple[str, ...]
    at: tuple[Location, ...]


def shape_of(sql: str) -> Shape | None:
    """The shape of a text; None when it is too long to look at."""
    if len(sql) > MAX_CHARS or not sql.isascii():
        return None
    texts: list[str] = []
    places: list[Location] = []

    def blank(match: re.Match[str]) -> str:
        group = match.lastindex
        if group is None:
            return match[0]
        if group == 1:
            return " "
        texts.append(match[0])
        places.append(match.span())
        return "\x01s" if group == 2 else "\x01n"

    key = _TOKEN.sub(blank, sql)
    # The mark keeps a shape apart from a text that is its own shape.
    return Shape(f"\x03{key}", tuple(texts), tuple(places))


@dataclass(frozen=True, slots=True)
class Generic:
    """A plan with gaps. ``fixed[i]`` is the text that literal i must have, None where it is open.

    The engine SQL is ``pieces`` with the literals ``gaps`` between them.
    """

    plan: QueryPlan
    fixed: tuple[str | None, ...]
    types: tuple[Type | None, ...]
    pieces: tuple[str, ...]
    gaps: tuple[int, ...]

    def filled(self, shape: Shape) -> QueryPlan | None:
        """The plan for a text of the same shape; None when its other literals differ."""
        values: list[str] = []
        for text, fixed, type_ in zip(shape.literals, self.fixed, self.types, strict=True):
            if type_ is None:
                if text != fixed:
                    return None
                values.append("")
                continue
            value = _value(text, type_)
            if value is None:
                return None
            values.append(literal_sql(type_, value))
        parts = [self.pieces[0]]
        for literal, piece in zip(self.gaps, self.pieces[1:], strict=True):
            parts += (values[literal], piece)
        plan = replace(self.plan, engine_sql="".join(parts))
        if not plan.scans:
            return plan
        scans = {ref: tuple(_filled(scan, values) for scan in found) for ref, found in plan.scans.items()}
        return replace(plan, scans=scans)


def _filled(scan: Scan, values: list[str]) -> Scan:
    """A scan whose conditions have the literals in their gaps."""
    if scan.condition is None and scan.blocks is None:
        return scan
    filled = [c and _GAP.sub(lambda gap: values[int(gap[1])], c) for c in (scan.condition, scan.blocks)]
    return replace(scan, condition=filled[0], blocks=filled[1])


def _value(text: str, type_: Type) -> Any:
    """The value of a literal as it is written; None for those that need more than reading off."""
    if type_ == INT64:
        return int(text) if text.isdigit() and len(text) < 20 and int(text) <= MAX_INT64 else None
    plain = len(text) >= 2 and text[0] == text[-1] in "'\"" and "\\" not in text and "\n" not in text
    if not plain or text[:3] in ("'''", '"""'):
        return None
    return text[1:-1]


def generic_of(
    analyzed: Analyzed, shape: Shape, plan: QueryPlan, plan_with: Callable[[dict[Location, str]], QueryPlan]
) -> Generic:
    """The generic form of a statement's plan.

    ``plan_with`` plans the statement with the literals at some locations standing as the given engine texts.
    """
    open_types: dict[Location, Type] = {}
    for where, literal in _open_literals(analyzed.statement).items():
        if where in shape.at and _value(shape.literals[shape.at.index(where)], literal[0]) == literal[1]:
            open_types[where] = literal[0]
    if open_types:
        plan = plan_with({where: f"\x02{shape.at.index(where)}\x02" for where in open_types})
    parts = _GAP.split(plan.engine_sql or "")
    types = tuple(open_types.get(where) for where in shape.at)
    return Generic(
        plan,
        tuple(None if t else text for t, text in zip(types, shape.literals, strict=True)),
        types,
        tuple(parts[::2]),
        tuple(int(n) for n in parts[1::2]),
    )


def _open_literals(statement: Any) -> dict[Location, tuple[Type, Any]]:
    """The literals whose every occurrence is compared in a filter: location -> type and value."""
    compared: dict[Location, list[tuple[Type, Any]]] = {}
    for node in resolved.walk(statement):
        if node.DESCRIPTOR.name == "ResolvedFilterScanProto":
            for literal in _compared(resolved.unwrap(node.filter_expr)):
                written = _written(literal)
                if written is not None:
                    compared.setdefault(_location(literal), []).append(written)
    if not compared:
        return {}
    counts: dict[Location, int] = {}
    for node in resolved.walk(statement):
        if node.DESCRIPTOR.name == "ResolvedLiteralProto":
            counts[_location(node)] = counts.get(_location(node), 0) + 1
    return {where: found[0] for where, found in compared.items() if counts[where] == len(found)}


def _compared(node: Any) -> Iterator[Any]:
    """The literals that a condition compares directly."""
    if node.DESCRIPTOR.name != "ResolvedFunctionCallProto":
        return
    base = node.parent
    arguments = [resolved.unwrap(a) for a in base.argument_list]
    if base.function.name in _CONNECTIVES:
        for argument in arguments:
            yield from _compared(argument)
    elif base.function.name in _COMPARISONS:
        literals = [a for a in arguments if a.DESCRIPTOR.name == "ResolvedLiteralProto"]
        if len(literals) < len(arguments):
            yield from literals


def _written(literal: Any) -> tuple[Type, Any] | None:
    """Type and value of an INT64 or STRING that is not NULL."""
    type_, value = type_from_proto(literal.value.type), literal.value.value
    if type_ == INT64 and value.HasField("int64_value"):
        return INT64, value.int64_value
    if type_ == STRING and value.HasField("string_value"):
        return STRING, value.string_value
    return None


def _location(literal: Any) -> Location:
    where = resolved.get(literal, "parse_location_range")
    return where.start, where.end
