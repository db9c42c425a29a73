"""Which blocks of a clustered table a query need not read.

What is noted of the clustering columns of a scan becomes one engine condition over a relation ``p`` of
blocks, true for those that may have rows that meet it: ``c1`` is the number of the block, and each clustering
column has its smallest and its largest value there (strings by what they are ordered by), NULL without any,
and how many of its values are NULL. Only comparisons of the column itself with constants say anything of
blocks, and only those on the first clustering columns, up to one without any (page *Querying clustered
tables*).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sqlglot import expressions as exp

from bqsim.catalog.resources import Table
from bqsim.errors import BigQueryError
from bqsim.sql.googlesql.resolved import node_name, unwrap, walk
from bqsim.sql.plan import Filtering
from bqsim.types import TypeKind

from . import nodes
from .partition_conditions import LABEL, VOLATILE
from .pruning import Note, function_name
from .registry import Unsupported
from .rising import names_column
from .types import column_type
from .zone_ranges import MIRRORED

if TYPE_CHECKING:
    from .lowering import Lowering

# Strings are ordered by so many characters (page *Introduction to clustered tables*).
CHARACTERS = 1024
# GEOGRAPHY values have no order, and those of RANGE are not compared by constants.
ORDERED = frozenset(
    {
        TypeKind.BIGNUMERIC, TypeKind.BOOL, TypeKind.DATE, TypeKind.DATETIME, TypeKind.INT64,
        TypeKind.NUMERIC, TypeKind.STRING, TypeKind.TIMESTAMP,
    }
)  # fmt: skip
_COMPARED = {
    "$equal": "({0} <= {2} AND {1} >= {2})",
    "$greater": "({1} > {2})",
    "$greater_or_equal": "({1} >= {2})",
    "$less": "({0} < {2})",
    "$less_or_equal": "({0} <= {2})",
    "$in_array": "(len(list_filter({2}, lambda x: x >= {0} AND x <= {1})) > 0)",
}
# The same of strings, of which the ends may be only the beginnings of longer ones.
_CUT = f"left({{2}}, {CHARACTERS})"
_CUT_COMPARED = _COMPARED | {
    "$equal": f"({{0}} <= {{2}} AND {{1}} >= {_CUT})",
    "$greater": f"({{1}} > {{2}} OR ({{1}} = {_CUT} AND length({{1}}) = {CHARACTERS}))",
    "$greater_or_equal": f"({{1}} >= {_CUT})",
    "$in_array": f"(len(list_filter({{2}}, lambda x: x >= {{0}} AND left(x, {CHARACTERS}) <= {{1}})) > 0)",
}
_BEGINS = "(left({0}, length({2})) <= {2} AND left({1}, length({2})) >= {2})"
_PREFIX = f"left({{0}}, {CHARACTERS})"
# What a pattern of LIKE begins with, up to a wildcard or an escape.
_LIKE_PREFIX = f"left(regexp_extract({{0}}, '^[^%_\\\\]*'), {CHARACTERS})"


def block_columns(position: int) -> tuple[str, str, str]:
    """What the relation of blocks calls the smallest and the largest value of a clustering column, and how
    many are NULL."""
    return (f"c{2 + 3 * position}", f"c{3 + 3 * position}", f"c{4 + 3 * position}")


def ordered_by(table: Table) -> list[int]:
    """The positions of the columns that blocks are cut by: the clustering columns up to one without order."""
    found: list[int] = []
    for name in table.clustering:
        index = table.field_index(name)
        if index is None or table.fields[index].kind not in ORDERED:
            break
        found.append(index)
    return found


def block_condition(
    low: Lowering, node: Any, table: Table
) -> tuple[str | None, tuple[tuple[str, Filtering], ...]]:
    """The condition of the blocks that a scan of a clustered table need read, None for all; and what the
    filters on each clustering column do."""
    scanned = {c.name.casefold(): c for c in node.parent.column_list}
    columns = ordered_by(table)
    conditions: list[str] = []
    filters: list[tuple[str, Filtering]] = []
    for position, name in enumerate(table.clustering):
        column = scanned.get(name.casefold())
        notes = low.notes.get(column.column_id, ()) if column is not None else ()
        if column is None or not notes:
            filters.append((name, Filtering.NO_FILTER))
        elif len(conditions) < position:
            filters.append((name, Filtering.NO_PREFIX))
        else:
            found = [part for n in notes if (part := _may_hold(n, column, position)) is not None]
            if found and position < len(columns):
                conditions.append(" AND ".join(found))
                filters.append((name, Filtering.PRUNES))
            else:
                filters.append((name, Filtering.NOT_COMPARABLE))
    return " AND ".join(conditions) or None, tuple(filters)


class _Ends:
    """A clustering column as a block has it."""

    def __init__(self, note: Note, column: Any, position: int) -> None:
        self.low = note.low
        self.column_id = note.column_id
        self.kind = column_type(column).kind
        self.first, self.last, self.nulls = (nodes.column(LABEL, c) for c in block_columns(position))

    def is_in(self, node: Any) -> bool:
        """Whether an expression is the column."""
        return node_name(node) == "ResolvedColumnRef" and node.column.column_id == self.column_id

    def compared(self, name: str, constant: Any, form: str = "{0}") -> exp.Expression | None:
        """A comparison with what ``form`` makes of a constant."""
        if names_column(constant):
            return None
        forms = _CUT_COMPARED if self.kind is TypeKind.STRING else _COMPARED
        value = nodes.template(form, self.low.expression(constant))
        return nodes.template(forms.get(name, _BEGINS), self.first, self.last, value)


def _may_hold(note: Note, column: Any, position: int) -> str | None:
    try:
        rendered = _condition(_Ends(note, column, position), note.condition)
    except (Unsupported, BigQueryError):
        # What cannot be lowered is met, or fails, when the query itself is.
        return None
    if rendered is None:
        return None
    # A block of which it fails may be read: the query itself will tell.
    held = nodes.guarded(nodes.template("COALESCE({0}, FALSE)", rendered))
    return nodes.render(nodes.template("COALESCE({0}, TRUE)", held))


def _condition(ends: _Ends, node: Any) -> exp.Expression | None:
    if ends.is_in(node):
        return nodes.template("({0})", ends.last) if ends.kind is TypeKind.BOOL else None
    if node_name(node) != "ResolvedFunctionCall" or node.parent.collation_list:
        return None
    if any(function_name(n) in VOLATILE for n in walk(node) if node_name(n) == "ResolvedFunctionCall"):
        return None
    arguments = [unwrap(a) for a in node.parent.argument_list]
    form = _FORMS.get(function_name(node))
    return form(ends, function_name(node), arguments) if form is not None else None


def _joined(ends: _Ends, name: str, arguments: Sequence[Any]) -> exp.Expression | None:
    return _all_of(name, [_condition(ends, a) for a in arguments])


def _all_of(name: str, parts: Sequence[exp.Expression | None]) -> exp.Expression | None:
    known = [part for part in parts if part is not None]
    if not known or (name == "$or" and len(known) < len(parts)):
        return None
    return nodes.joined("(", " AND " if name == "$and" else " OR ", known, ")")


def _comparison(ends: _Ends, name: str, arguments: Sequence[Any]) -> exp.Expression | None:
    left, right = arguments
    if ends.is_in(left):
        return ends.compared(name, right)
    return ends.compared(MIRRORED[name], left) if ends.is_in(right) else None


def _between(ends: _Ends, name: str, arguments: Sequence[Any]) -> exp.Expression | None:
    column, first, last = arguments
    if not ends.is_in(column):
        return None
    return _all_of("$and", [ends.compared("$greater_or_equal", first), ends.compared("$less_or_equal", last)])


def _in(ends: _Ends, name: str, arguments: Sequence[Any]) -> exp.Expression | None:
    column, *options = arguments
    if not ends.is_in(column):
        return None
    return _all_of("$or", [ends.compared("$equal", option) for option in options])


def _in_array(ends: _Ends, name: str, arguments: Sequence[Any]) -> exp.Expression | None:
    return ends.compared(name, arguments[1]) if ends.is_in(arguments[0]) else None


def _begins(form: str) -> _Form:
    def condition(ends: _Ends, name: str, arguments: Sequence[Any]) -> exp.Expression | None:
        if ends.kind is not TypeKind.STRING or not ends.is_in(arguments[0]):
            return None
        return ends.compared("starts_with", arguments[1], form)

    return condition


def _is_null(ends: _Ends, name: str, arguments: Sequence[Any]) -> exp.Expression | None:
    return nodes.template("({0} > 0)", ends.nulls) if ends.is_in(arguments[0]) else None


def _not(ends: _Ends, name: str, arguments: Sequence[Any]) -> exp.Expression | None:
    (inner,) = arguments
    if ends.is_in(inner):
        return nodes.template("(NOT {0})", ends.first) if ends.kind is TypeKind.BOOL else None
    if node_name(inner) == "ResolvedFunctionCall" and function_name(inner) == "$is_null":
        column = unwrap(inner.parent.argument_list[0])
        return nodes.template("({0} IS NOT NULL)", ends.first) if ends.is_in(column) else None
    return None


_Form = Callable[[_Ends, str, Sequence[Any]], exp.Expression | None]
_FORMS: dict[str, _Form] = {
    "$and": _joined,
    "$or": _joined,
    **dict.fromkeys(MIRRORED, _comparison),
    "$between": _between,
    "$in": _in,
    "$in_array": _in_array,
    "$like": _begins(_LIKE_PREFIX),
    "starts_with": _begins(_PREFIX),
    "$is_null": _is_null,
    "$not": _not,
}
