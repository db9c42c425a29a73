"""Which columns a statement reads, and which fields of STRUCTs: they are stored, and read, field by field.

What a query within another one has, and nobody uses, is not read. Names of what is read are paths (``s.a``,
also through arrays).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bqsim.catalog.resources import TableKind
from bqsim.sql.googlesql.resolved import children, get, node_name, unwrap
from bqsim.types import Field

from .zone_ranges import BUILTIN

if TYPE_CHECKING:
    from .lowering import Lowering

# Positions of fields, from the outermost on; elements of arrays take no place. Empty: the whole column.
Path = tuple[int, ...]
Paths = Mapping[int, frozenset[Path]]

WHOLE: frozenset[Path] = frozenset({()})
NOTHING: frozenset[Path] = frozenset()
_SELECT = re.compile("select", re.IGNORECASE)
# Scans that name columns otherwise than by expressions: what they read is not followed.
_OPAQUE = frozenset(
    {
        "ResolvedUnpivotScan",
        "ResolvedPivotScan",
        "ResolvedRecursiveScan",
        "ResolvedTVFScan",
        "ResolvedMatchRecognizeScan",
        "ResolvedGroupRowsScan",
    }
)
_ELEMENTS = frozenset(
    {"$array_at_offset", "$array_at_ordinal", "$safe_array_at_offset", "$safe_array_at_ordinal"}
)
# resolved_ast's enums: UNION ALL, the kind EXISTS of subqueries.
_UNION_ALL = 0
_EXISTS = 2


def concerns(low: Lowering) -> bool:
    """Whether a statement may read less than its scans have: of STRUCTs, of views, of queries within it."""
    if low.outer_paths is not None:
        return True
    sources = low.analyzed.sources.values()
    return bool(sources) and (
        _SELECT.search(low.analyzed.original_sql, low.analyzed.original_sql.lower().find("select") + 1)
        is not None
        or any(s.table.kind is TableKind.VIEW or any(f.fields for f in s.table.fields) for s in sources)
    )


def paths_of(low: Lowering, outer: Paths | None) -> Paths | None:
    """The paths of columns that a statement reads, by column id; None when all are read whole.

    ``outer`` are those of its outputs that whoever reads them needs; None for all.
    """
    statement = low.analyzed.statement
    uses = _Uses()
    for name in ("output_column_list", "query_output_column_list"):
        for item in _listed(statement, name):
            column = getattr(item, "column", item)
            used = WHOLE if outer is None else outer.get(column.column_id, NOTHING)
            uses.paths[column.column_id] |= used
    uses.visit(statement)
    return None if uses.lost else uses.resolved()


def names_read(low: Lowering, column_id: int, field: Field) -> Iterator[str]:
    """The names of what a statement reads of a column."""
    paths = WHOLE if low.paths is None else low.paths.get(column_id, NOTHING)
    for path in sorted(paths):
        names, inner = [field.name], field
        for at in path:
            if at >= len(inner.fields):
                # A table behind a wildcard may lack it.
                break
            inner = inner.fields[at]
            names.append(inner.name)
        yield ".".join(names)


def _listed(node: Any, name: str) -> Iterable[Any]:
    try:
        found: Iterable[Any] = get(node, name)
    except AttributeError:
        return ()
    return found


class _Uses:
    def __init__(self) -> None:
        self.paths: defaultdict[int, set[Path]] = defaultdict(set)
        # Columns that are others, or fields of them, and what columns are computed from.
        self.aliases: defaultdict[int, list[tuple[int, Path]]] = defaultdict(list)
        self.needs: defaultdict[int, set[tuple[int, Path]]] = defaultdict(set)
        # The column whose expression is being visited.
        self.owner: int | None = None
        self.entries: dict[str, list[int]] = {}
        # Arrays whose elements are counted at least: read whole when nothing else of them is.
        self.counted: list[tuple[int, Path]] = []
        self.lost = False

    def resolved(self) -> Paths:
        found: defaultdict[int, set[Path]] = defaultdict(set)
        self._follow(found, [(column, path) for column, paths in self.paths.items() for path in paths])
        for column, path in self.counted:
            if not any(other[: len(path)] == path for other in found[column]):
                self._follow(found, [(column, path)])
        return {column: _widest(paths) for column, paths in found.items()}

    def _follow(self, found: defaultdict[int, set[Path]], pending: list[tuple[int, Path]]) -> None:
        """Add uses of columns, with those of the columns behind them."""
        while pending:
            column, path = pending.pop()
            if path in found[column]:
                continue
            found[column].add(path)
            pending += ((inner, (*prefix, *path)) for inner, prefix in self.aliases.get(column, ()))
            pending += self.needs.get(column, ())

    def visit(self, node: Any, path: Path = ()) -> None:
        name = node_name(node)
        if name in _OPAQUE:
            self.lost = True
        _VISITS.get(name, _Uses.below)(self, node, path)

    def below(self, node: Any, path: Path) -> None:
        for child in children(node):
            self.visit(child)

    def column(self, node: Any, path: Path) -> None:
        self.used(node.column.column_id, path)

    def used(self, column: int, path: Path = ()) -> None:
        if self.owner is None:
            self.paths[column].add(path)
        else:
            self.needs[self.owner].add((column, path))

    def field(self, node: Any, path: Path) -> None:
        self.visit(unwrap(node.expr), (int(node.field_idx), *path))

    def call(self, node: Any, path: Path) -> None:
        name = str(node.parent.function.name).removeprefix(BUILTIN)
        first, *others = [*children(node)] or [None]
        if first is not None:
            self.visit(first, path if name in _ELEMENTS else ())
        for other in others:
            self.visit(other)

    def bound(self, column: Any, value: Any) -> None:
        """A column with the value of an expression."""
        place = _place(value)
        if place is not None:
            self.aliases[column.column_id].append(place)
            return
        outer, self.owner = self.owner, column.column_id
        self.visit(value)
        self.owner = outer

    def project(self, node: Any, path: Path) -> None:
        for item in node.expr_list:
            self.bound(item.column, unwrap(item.expr))
        self.visit(unwrap(node.input_scan))

    def aggregate(self, node: Any, path: Path) -> None:
        computed = [unwrap(item) for item in node.parent.aggregate_list]
        for item in computed:
            self.bound(item.column, unwrap(item.expr))
        for child in children(node):
            if child not in computed:
                self.visit(child)

    def array(self, node: Any, path: Path) -> None:
        arrays = [unwrap(a) for a in node.array_expr_list]
        for column, value in zip(node.element_column_list, arrays, strict=False):
            place = _place(value)
            if place is None:
                self.visit(value)
            else:
                self.aliases[column.column_id].append(place)
                self.counted.append(place)
        for child in children(node):
            if child not in arrays:
                self.visit(child)

    def union(self, node: Any, path: Path) -> None:
        for item in node.input_item_list:
            for outer, inner in zip(node.parent.column_list, item.output_column_list, strict=False):
                if node.op_type == _UNION_ALL:
                    self.aliases[outer.column_id].append((inner.column_id, ()))
                else:
                    self.used(inner.column_id)
            self.visit(unwrap(item.scan))

    def with_(self, node: Any, path: Path) -> None:
        for entry in node.with_entry_list:
            scan = unwrap(entry.with_subquery)
            self.entries[entry.with_query_name] = [c.column_id for c in get(scan, "column_list")]
            self.visit(scan)
        self.visit(unwrap(node.query))

    def reference(self, node: Any, path: Path) -> None:
        for outer, inner in zip(
            node.parent.column_list, self.entries.get(node.with_query_name, ()), strict=False
        ):
            self.aliases[outer.column_id].append((inner, ()))

    def subquery(self, node: Any, path: Path) -> None:
        if node.subquery_type != _EXISTS:
            for column in get(unwrap(node.subquery), "column_list"):
                self.used(column.column_id)
        inner = unwrap(node.in_expr)
        if inner is not None:
            self.visit(inner)
        self.visit(unwrap(node.subquery))


_VISITS: dict[str, Callable[[_Uses, Any, Path], None]] = {
    "ResolvedColumnRef": _Uses.column,
    "ResolvedGetStructField": _Uses.field,
    "ResolvedFunctionCall": _Uses.call,
    "ResolvedProjectScan": _Uses.project,
    "ResolvedAggregateScan": _Uses.aggregate,
    "ResolvedArrayScan": _Uses.array,
    "ResolvedSetOperationScan": _Uses.union,
    "ResolvedWithScan": _Uses.with_,
    "ResolvedWithRefScan": _Uses.reference,
    "ResolvedSubqueryExpr": _Uses.subquery,
}


def _place(node: Any) -> tuple[int, Path] | None:
    """The column and field that an expression is, None for others."""
    path: Path = ()
    while node_name(node) == "ResolvedGetStructField":
        path = (int(node.field_idx), *path)
        node = unwrap(node.expr)
    return (node.column.column_id, path) if node_name(node) == "ResolvedColumnRef" else None


def _widest(paths: Iterable[Path]) -> frozenset[Path]:
    """The paths that lie in no other."""
    found = set(paths)
    return frozenset(p for p in found if not any(p[:n] in found for n in range(len(p))))
