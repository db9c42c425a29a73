"""What the text of a query is made of, as far as cost goes: stars, joins, limits, reads of tables,
filters."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any


@dataclass(frozen=True, slots=True)
class JoinShape:
    """A join: what is joined (a table or what a subquery is called), and whether nothing ties it to the
    rest."""

    what: str
    kind: str
    untied: bool


@dataclass(frozen=True, slots=True)
class Structure:
    """The shape of a query. ``columns`` has the conditions on each column by its name; ``reads`` how often
    each table is named; ``rereads`` how often common table expressions are read that read tables;
    ``branches`` how often each table is read by branches of one UNION ALL."""

    stars: int = 0
    joins: tuple[JoinShape, ...] = ()
    order: tuple[str, ...] = ()
    limits: int = 0
    outer_limit: int | None = None
    reads: dict[str, int] = field(default_factory=dict)
    rereads: dict[str, int] = field(default_factory=dict)
    branches: dict[str, int] = field(default_factory=dict)
    columns: dict[str, tuple[str, ...]] = field(default_factory=dict)
    wrapped: frozenset[str] = frozenset()
    by_query: frozenset[str] = frozenset()
    apart: frozenset[str] = frozenset()
    wildcards: tuple[str, ...] = ()
    sampled: bool = False
    merge_on: str = ""
    selected: tuple[str, ...] = ()


@lru_cache(maxsize=2048)
def structure_of(sql: str) -> Structure | None:
    """The structure of the last query or DML statement of a text; None when the text cannot be parsed
    here."""
    trees = parsed(sql)
    return _Reader(trees).structure() if trees else None


def parsed(sql: str) -> list[Any]:
    """The trees of a text's statements; none when it cannot be parsed here."""
    import logging

    import sqlglot
    from sqlglot import expressions as exp
    from sqlglot.errors import SqlglotError

    # What it cannot parse it takes for a command, and says so.
    logging.getLogger("sqlglot").setLevel(logging.ERROR)
    try:
        trees = [one for one in sqlglot.parse(sql, dialect="bigquery") if one is not None]
    except (SqlglotError, RecursionError):
        return []
    return [] if any(isinstance(one, exp.Command) for one in trees) else trees


class _Reader:
    def __init__(self, parsed: list[Any]) -> None:
        from sqlglot import expressions as exp

        self.exp = exp
        self.parsed = parsed
        self.ctes = {cte.alias.casefold(): cte for tree in parsed for cte in tree.find_all(exp.CTE)}

    def structure(self) -> Structure:
        exp = self.exp
        tables = [t for tree in self.parsed for t in tree.find_all(exp.Table)]
        stored = [t for t in tables if not self.is_cte(t) and t.name]
        last = self.parsed[-1]
        query = self.query_of(last)
        limit = query.args.get("limit") if query is not None else None
        columns, wrapped, by_query, apart = self.conditions()
        merge = last if isinstance(last, exp.Merge) else None
        return Structure(
            stars=sum(self.is_star(s) for tree in self.parsed for s in tree.find_all(exp.Star)),
            joins=tuple(self.joins()),
            order=tuple(self.order(query)) if query is not None else (),
            limits=sum(1 for tree in self.parsed for _ in tree.find_all(exp.Limit)),
            outer_limit=_number(limit),
            reads=dict(Counter(map(_table_name, stored))),
            rereads=self.rereads(tables),
            branches=self.branches(),
            columns=columns,
            wrapped=wrapped,
            by_query=by_query,
            apart=apart,
            wildcards=tuple(sorted({_table_name(t) for t in stored if t.name.endswith("*")})),
            sampled=any(t.args.get("sample") for t in tables)
            or any(True for tree in self.parsed for _ in tree.find_all(exp.TableSample)),
            merge_on=merge.args["on"].sql(dialect="bigquery") if merge is not None else "",
            selected=tuple(s.alias_or_name for s in query.selects) if query is not None else (),
        )

    def query_of(self, tree: Any) -> Any:
        exp = self.exp
        if isinstance(tree, exp.Query):
            return tree
        inner = tree.args.get("expression") or tree.args.get("using")
        return inner if isinstance(inner, exp.Query) else None

    def is_cte(self, table: Any) -> bool:
        return not table.db and table.name.casefold() in self.ctes

    def is_star(self, star: Any) -> bool:
        """Whether it stands for columns: COUNT(*) does not, nor does a star over a subquery that names
        them."""
        exp = self.exp
        parent = star.parent
        if isinstance(parent, exp.Column):
            parent = parent.parent
        if not isinstance(parent, exp.Select):
            return False
        sources = self.sources(parent)
        if isinstance(star.parent, exp.Column) and star.parent.table:
            sources = [
                s for s in sources if (s.alias_or_name or "").casefold() == star.parent.table.casefold()
            ]
        return any(isinstance(s, exp.Table) and not self.is_cte(s) for s in sources) or not sources

    def sources(self, select: Any) -> list[Any]:
        origin = select.args.get("from_") or select.args.get("from")
        return [
            s
            for s in [origin.this if origin else None, *(j.this for j in select.args.get("joins") or ())]
            if s
        ]

    # Joins

    def joins(self) -> Iterator[JoinShape]:
        exp = self.exp
        for tree in self.parsed:
            for select in tree.find_all(exp.Select):
                for join in select.args.get("joins") or ():
                    if (
                        isinstance(join.this, exp.Unnest)
                        or self.is_array(join.this, select)
                        or self.one_row(join.this)
                    ):
                        continue
                    kind = " ".join(filter(None, (join.side, join.kind))) or "INNER"
                    yield JoinShape(self.called(join.this), kind.upper(), self.untied(join, select))

    def is_array(self, source: Any, select: Any) -> bool:
        """Whether a joined name is an array of a table before it: ``FROM t, t.items``."""
        if not isinstance(source, self.exp.Table) or not source.db or source.catalog:
            return False
        return source.db.casefold() in {(s.alias_or_name or "").casefold() for s in self.sources(select)}

    def called(self, source: Any) -> str:
        if isinstance(source, self.exp.Table):
            return str(_table_name(source))
        inner = [_table_name(t) for t in source.find_all(self.exp.Table) if not self.is_cte(t)]
        return f"({', '.join(sorted(set(inner)))})" if inner else "()"

    def untied(self, join: Any, select: Any) -> bool:
        """Whether a join has no condition, and WHERE has none either that ties it to what is before it."""
        exp = self.exp
        on = join.args.get("on")
        if join.args.get("using") or join.method == "NATURAL":
            return False
        if on is not None:
            # ON TRUE, ON 1 = 1
            return not any(True for _ in on.find_all(exp.Column))
        where = select.args.get("where")
        name = (join.this.alias_or_name or "").casefold()
        if where is not None:
            for comparison in where.find_all(exp.Predicate):
                columns = [
                    c for c in comparison.find_all(exp.Column) if not _within_query(c, comparison, exp)
                ]
                owners = {c.table.casefold() for c in columns}
                if len(owners) > 1 and (name in owners or "" in owners):
                    return False
                if owners == {""} and len(columns) > 1:
                    return False
        return True

    def one_row(self, source: Any) -> bool:
        """Whether a joined subquery has one row: aggregates without groups, no table, LIMIT 1."""
        exp = self.exp
        query = source.this if isinstance(source, exp.Subquery) else None
        if isinstance(source, exp.Table) and self.is_cte(source):
            query = self.ctes[source.name.casefold()].this
        if not isinstance(query, exp.Select):
            return False
        if _number(query.args.get("limit")) == 1 or not self.sources(query):
            return True
        grouped = query.args.get("group")
        return not grouped and all(any(True for _ in s.find_all(exp.AggFunc)) for s in query.selects)

    def order(self, query: Any) -> Iterator[str]:
        exp = self.exp
        select = query if isinstance(query, exp.Select) else query.find(exp.Select)
        if select is None:
            return
        for source in self.sources(select):
            if not isinstance(source, exp.Unnest):
                yield self.called(source)

    # What is read more than once

    def rereads(self, tables: list[Any]) -> dict[str, int]:
        counts: Counter[str] = Counter(t.name.casefold() for t in tables if self.is_cte(t))
        return {name: n for name, n in counts.items() if n > 1 and self.reads_tables(self.ctes[name])}

    def reads_tables(self, cte: Any, seen: frozenset[str] = frozenset()) -> bool:
        for table in cte.this.find_all(self.exp.Table):
            name = table.name.casefold()
            if not self.is_cte(table):
                return True
            if name not in seen and self.reads_tables(self.ctes[name], seen | {name}):
                return True
        return False

    def branches(self) -> dict[str, int]:
        exp = self.exp
        found: dict[str, int] = {}
        for tree in self.parsed:
            for union in tree.find_all(exp.Union):
                if isinstance(union.parent, exp.Union):
                    continue
                counts: Counter[str] = Counter()
                for branch in _branches(union, exp):
                    counts.update({_table_name(t) for t in branch.find_all(exp.Table) if not self.is_cte(t)})
                for name, n in counts.items():
                    found[name] = max(found.get(name, 1), n)
        return {name: n for name, n in found.items() if n > 1}

    # Conditions

    def conditions(self) -> tuple[dict[str, tuple[str, ...]], frozenset[str], frozenset[str], frozenset[str]]:
        """The conditions on each column; the columns that stand inside functions or arithmetic there, those
        that are compared with queries, and those that stand in alternatives with other columns."""
        exp = self.exp
        found: dict[str, list[str]] = {}
        wrapped: set[str] = set()
        by_query: set[str] = set()
        apart: set[str] = set()
        for condition in self.clauses():
            for part in _conjuncts(condition, exp):
                names = [c for c in part.find_all(exp.Column) if not _within_query(c, part, exp)]
                queries = any(True for _ in part.find_all(exp.Query))
                for column in names:
                    name = column.name.casefold()
                    found.setdefault(name, []).append(part.sql(dialect="bigquery"))
                    if queries:
                        by_query.add(name)
                    if _is_wrapped(column, part, exp):
                        wrapped.add(name)
                if isinstance(part, exp.Or) and len({c.name.casefold() for c in names}) > 1:
                    apart |= {c.name.casefold() for c in names}
        columns = {name: tuple(sorted(parts)) for name, parts in found.items()}
        return columns, frozenset(wrapped), frozenset(by_query), frozenset(apart)

    def clauses(self) -> Iterator[Any]:
        exp = self.exp
        for tree in self.parsed:
            for where in tree.find_all(exp.Where, exp.Having, exp.Qualify):
                yield where.this
            for join in tree.find_all(exp.Join):
                if join.args.get("on") is not None:
                    yield join.args["on"]
            for merge in tree.find_all(exp.Merge):
                yield merge.args["on"]


def _conjuncts(condition: Any, exp: Any) -> Iterator[Any]:
    inner = condition.unnest() if isinstance(condition, exp.Paren) else condition
    if isinstance(inner, exp.And):
        yield from _conjuncts(inner.this, exp)
        yield from _conjuncts(inner.expression, exp)
    else:
        yield inner


def _within_query(column: Any, part: Any, exp: Any) -> bool:
    node = column.parent
    while node is not None and node is not part:
        if isinstance(node, exp.Query):
            return True
        node = node.parent
    return False


def _is_wrapped(column: Any, part: Any, exp: Any) -> bool:
    """Whether something is computed of a column before it is compared."""
    node = column.parent
    plain = (exp.Predicate, exp.Connector, exp.Paren, exp.Not, exp.Tuple, exp.Where)
    while node is not None and node is not part.parent:
        if isinstance(node, exp.Query):
            return False
        if not isinstance(node, plain):
            return True
        node = node.parent
    return False


def _branches(union: Any, exp: Any) -> Iterator[Any]:
    for side in (union.this, union.expression):
        inner = side.unnest() if isinstance(side, exp.Subquery) else side
        if isinstance(inner, exp.Union):
            yield from _branches(inner, exp)
        else:
            yield inner


def _number(limit: Any) -> int | None:
    value = limit.expression if limit is not None else None
    text = getattr(value, "this", None)
    return int(text) if isinstance(text, str) and text.isdigit() else None


def _table_name(table: Any) -> str:
    return ".".join(part.name for part in table.parts)
