"""Legacy SQL as GoogleSQL, where both mean exactly the same.

The plain subset: columns that are neither nested nor repeated, unions of tables, subqueries, joins on equal
columns, and the functions of :mod:`.functions`. Everything else is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from bqsim.errors import invalid_query
from bqsim.types.names import name_problem

from . import functions
from .functions import AGGREGATES, NULL, SCALARS, WINDOW_AGGREGATES, WINDOWS, Value, common, text
from .parser import parse
from .sources import Scope, SourceReader, Tables, quoted
from .tokens import refused
from .tree import Call, Column, Expression, Item, Join, Literal, Query

__all__ = ["Tables", "translate"]


def translate(sql: str, tables: Tables) -> str:
    """The GoogleSQL of a legacy SQL query; raises the error of what is wrong or has no exact translation."""
    return _Translator(tables).query(parse(sql)).sql


@dataclass(frozen=True, slots=True)
class Translated:
    """A query with the names and types of its columns."""

    sql: str
    columns: tuple[tuple[str, str], ...]


@dataclass(slots=True)
class _Output:
    """A column of the SELECT list."""

    name: str
    value: Value
    aggregated: bool
    column: Column | None
    free: Sequence[Column]


class _Names(Protocol):
    def __call__(self, column: Column) -> Value: ...


@dataclass(slots=True)
class _Expressions:
    """Translates expressions; ``names`` finds columns, ``grouping`` is whether aggregates may stand there.

    ``free`` are the columns outside of aggregates.
    """

    names: _Names
    grouping: bool = True
    aggregated: bool = False
    windowed: bool = False
    inside: bool = False
    free: list[Column] = field(default_factory=list)

    def value(self, node: Expression) -> Value:
        if isinstance(node, Literal):
            return _literal(node)
        if isinstance(node, Column):
            if not self.inside:
                self.free.append(node)
            return self.names(node)
        if node.over is not None:
            return self._window(node)
        if node.name in AGGREGATES:
            return self._aggregate(node)
        if node.star or node.distinct:
            raise refused(f"{node.name}(*)" if node.star else f"DISTINCT in {node.name}")
        values = [self.value(a) for a in node.arguments]
        special = _SPECIAL.get(node.name)
        return (
            special(values) if special is not None else _call(node.name, values, SCALARS.get(node.name, ()))
        )

    def _aggregate(self, node: Call) -> Value:
        if not self.grouping or self.inside:
            where = "another aggregate function" if self.inside else "WHERE, ON or GROUP BY"
            raise refused(f"The aggregate function {node.name} in {where}")
        self.aggregated = True
        if node.star:
            if node.name != "COUNT":
                raise refused(f"{node.name}(*)")
            return Value("COUNT(*)", functions.INTEGER)
        self.inside = True
        values = [self.value(a) for a in node.arguments]
        self.inside = False
        if node.distinct:
            if node.name != "COUNT":
                raise refused(f"DISTINCT in {node.name}")
            return functions.count_distinct(values)
        return _call(node.name, values, AGGREGATES[node.name])

    def _window(self, node: Call) -> Value:
        if not self.grouping or self.inside or node.distinct:
            raise refused(f"The window function {node.name} here")
        self.windowed = True
        over = node.over
        assert over is not None
        self.inside = True
        values = [self.value(a) for a in node.arguments]
        partition = [self.value(e).sql for e in over.partition]
        order = [self.value(e).sql + (" DESC" if descending else "") for e, descending in over.order]
        self.inside = False
        if node.name in WINDOW_AGGREGATES:
            if order:
                raise refused(f"{node.name} OVER with ORDER BY")
            call = (
                Value("COUNT(*)", functions.INTEGER)
                if node.star
                else _call(node.name, values, AGGREGATES[node.name])
            )
        else:
            needs_order, rows = WINDOWS.get(node.name, (False, ()))
            if needs_order and not order:
                raise refused(f"{node.name} without ORDER BY")
            call = _call(node.name, values, rows)
        inner = " ".join(
            f"{clause} {', '.join(keys)}"
            for clause, keys in (("PARTITION BY", partition), ("ORDER BY", order))
            if keys
        )
        return Value(f"{call.sql} OVER ({inner})", call.type)


class _Translator:
    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def query(self, query: Query) -> Translated:
        reader = SourceReader(self._tables, self._subquery)
        scope = Scope([])
        clauses: list[str] = []
        if query.sources:
            scope, source = reader.read(query.sources)
            clauses.append("FROM " + source)
        for join in query.joins:
            clauses.append(self._join(join, scope, reader))
        outputs, names = self._outputs(query, scope)
        if query.where is not None:
            clauses.append("WHERE " + _condition(query.where, scope.column, "WHERE"))
        keys = _group_keys(query, outputs, scope)
        if keys:
            clauses.append("GROUP BY " + ", ".join(keys))
        if query.having is not None:
            clauses.append("HAVING " + _having(query, outputs, scope))
        if query.order:
            clauses.append("ORDER BY " + _order(query, outputs, scope))
        if query.limit is not None:
            clauses.append(f"LIMIT {query.limit}")
        listed = ", ".join(f"{o.value.sql} AS {quoted(n)}" for o, n in zip(outputs, names, strict=True))
        columns = tuple((n, o.value.type) for o, n in zip(outputs, names, strict=True))
        return Translated(" ".join(["SELECT " + listed, *clauses]), columns)

    def _subquery(self, query: Query) -> tuple[str, tuple[tuple[str, str], ...]]:
        inner = self.query(query)
        if any(type_ == NULL for _, type_ in inner.columns):
            raise refused("A subquery with a column without a type")
        return inner.sql, inner.columns

    def _join(self, join: Join, scope: Scope, reader: SourceReader) -> str:
        added, source = reader.read([join.source])
        [relation] = added.relations
        scope.add(relation)
        if join.on is None:
            return f"{join.kind} {source}"
        terms = [_equality(e, scope, relation.alias) for e in _conjuncts(join.on)]
        return f"{join.kind} {source} ON {' AND '.join(terms)}"

    def _outputs(self, query: Query, scope: Scope) -> tuple[list[_Output], list[str]]:
        outputs: list[_Output] = []
        for item in query.items:
            outputs += [_output(i, scope) for i in _spread(item, query, scope)]
        if any(o.aggregated for o in outputs) or query.group:
            _check_grouped(query, outputs)
        names: list[str] = []
        unnamed = 0
        for output in outputs:
            name = output.name
            if not name:
                name = f"f{unnamed}_"
                unnamed += 1
            if name.casefold() in (n.casefold() for n in names):
                raise refused(f"The repeated column name {name}")
            names.append(name)
            output.name = name
        return outputs, names


def _spread(item: Item, query: Query, scope: Scope) -> list[Item]:
    """``*`` as the columns that it stands for."""
    if item.expression is not None:
        return [item]
    if query.joins:
        raise refused("SELECT * of a join")
    if not scope.relations:
        raise invalid_query("SELECT * requires a FROM clause")
    [relation] = scope.relations
    for name, problem in relation.problems.items():
        raise refused(f"SELECT * of {problem[0].lower()}{problem[1:]} {name}")
    return [Item(Column((name,))) for name in relation.names]


def _output(item: Item, scope: Scope) -> _Output:
    assert item.expression is not None
    expressions = _Expressions(scope.column)
    value = expressions.value(item.expression)
    column = item.expression if isinstance(item.expression, Column) else None
    name = item.alias or (_column_name(column, scope) if column is not None else "")
    problem = name_problem(name) if name else None
    if problem is not None:
        raise invalid_query(problem)
    if value.type == NULL:
        raise refused("A column that is NULL without a type")
    if expressions.aggregated and expressions.windowed:
        raise refused("A window function beside aggregates")
    return _Output(name, value, expressions.aggregated, column, expressions.free)


def _column_name(column: Column, scope: Scope) -> str:
    """The name of a column without an alias; those of joined tables bear their table's."""
    qualified, name = scope.resolve(column)
    if not qualified:
        return name
    if len(scope.relations) < 2:
        raise refused(f"The column {'.'.join(column.path)} without an alias")
    return f"{column.path[0]}_{name}"


def _check_grouped(query: Query, outputs: Sequence[_Output]) -> None:
    keys = {k.path[-1].casefold() for k in query.group if isinstance(k, Column)}
    positions = {k.text for k in query.group if isinstance(k, Literal)}
    for at, output in enumerate(outputs, 1):
        if output.name.casefold() not in keys and str(at) not in positions:
            _check_free(output.free, keys)


def _check_free(free: Sequence[Column], keys: Collection[str]) -> None:
    for column in free:
        if column.path[-1].casefold() not in keys:
            raise invalid_query(f"Expression '{'.'.join(column.path)}' is not present in the GROUP BY list")


def _group_keys(query: Query, outputs: Sequence[_Output], scope: Scope) -> list[str]:
    keys: list[str] = []
    for key in query.group:
        if isinstance(key, Literal) and key.type == "INTEGER" and 1 <= int(key.text) <= len(outputs):
            keys.append(key.text)
            continue
        if not isinstance(key, Column):
            raise refused("GROUP BY an expression")
        at = _named(key, outputs, scope)
        keys.append(str(at) if at else scope.column(key).sql)
    return keys


def _named(column: Column, outputs: Sequence[_Output], scope: Scope) -> int:
    """The position (from 1) of the output that a name means; 0 for none."""
    if len(column.path) > 1:
        return 0
    for at, output in enumerate(outputs, 1):
        if output.name.casefold() == column.path[0].casefold():
            if output.column is None and scope.has(column):
                raise refused(f"The name {column.path[0]} of both a column and an expression")
            return at
    return 0


def _having(query: Query, outputs: Sequence[_Output], scope: Scope) -> str:
    keys = {k.path[-1].casefold() for k in query.group if isinstance(k, Column)}

    def names(column: Column) -> Value:
        at = _named(column, outputs, scope)
        return outputs[at - 1].value if at else scope.column(column)

    assert query.having is not None
    expressions = _Expressions(names)
    value = expressions.value(query.having)
    _check_free([c for c in expressions.free if not _named(c, outputs, scope)], keys)
    return _truth(value, "HAVING")


def _order(query: Query, outputs: Sequence[_Output], scope: Scope) -> str:
    grouped = bool(query.group) or any(o.aggregated for o in outputs)
    keys: list[str] = []
    for node, descending in query.order:
        position = node.text if isinstance(node, Literal) and node.type == "INTEGER" else ""
        at = int(position) if position else _named(node, outputs, scope) if isinstance(node, Column) else 0
        if not 1 <= at <= len(outputs) and (grouped or position or not isinstance(node, Column)):
            raise refused("ORDER BY what is no column of the result")
        key = str(at) if at else scope.column(node).sql  # type: ignore[arg-type]
        keys.append(key + (" DESC" if descending else ""))
    return ", ".join(keys)


def _condition(node: Expression, names: _Names, clause: str) -> str:
    return _truth(_Expressions(names, grouping=False).value(node), clause)


def _truth(value: Value, clause: str) -> str:
    if value.type not in (functions.BOOLEAN, NULL):
        raise refused(f"{clause} of type {value.type}")
    return value.sql


def _conjuncts(node: Expression) -> list[Expression]:
    if isinstance(node, Call) and node.name == "AND":
        return [part for argument in node.arguments for part in _conjuncts(argument)]
    return [node]


def _equality(node: Expression, scope: Scope, joined: str) -> str:
    """A term of ON: columns of two tables, one of them the table that is joined."""
    if not isinstance(node, Call) or node.name != "=":
        raise refused("ON other than fields that are equal")
    left, right = node.arguments
    if not isinstance(left, Column) or not isinstance(right, Column):
        raise refused("ON other than fields that are equal")
    if (scope.relation_of(left) == joined) == (scope.relation_of(right) == joined):
        raise refused("ON fields of the same side")
    return _call("=", [scope.column(left), scope.column(right)], SCALARS["="]).sql


def _literal(node: Literal) -> Value:
    if node.type == "STRING":
        return Value(text(node.text), functions.STRING, node.text)
    if node.type == "INTEGER" and not -(2**63) <= int(node.text) < 2**63:
        raise refused(f"The integer {node.text}")
    return Value(node.text, node.type, node.text)


def _call(name: str, values: Sequence[Value], rows: Sequence[functions.Fn]) -> Value:
    if not rows:
        raise refused(f"The function {name}")
    # NULL is taken for a value of whatever type the other arguments ask for.
    known = [v for v in values if v.type != NULL]
    for row in rows:
        if row.takes(values):
            if name in ("/", "%"):
                row = _unguarded(row, values)
            return row.apply(values)
    if len(known) < len(values):
        raise refused(f"NULL as an argument of {name}")
    shown = ", ".join(v.type for v in values)
    raise refused(f"{name}({shown})")


def _unguarded(row: functions.Fn, values: Sequence[Value]) -> functions.Fn:
    """A division whose divisor is known not to be zero needs no test of it."""
    divisor = values[1].literal
    if divisor is None or float(divisor) == 0:
        return row
    return replace(row, sql="({0} / {1})" if row.sql.startswith("(") else "MOD({0}, {1})")


def _if(values: Sequence[Value]) -> Value:
    if len(values) != 3 or values[0].type not in (functions.BOOLEAN, NULL):
        raise refused(f"IF({', '.join(v.type for v in values)})")
    return Value(f"IF({', '.join(v.sql for v in values)})", common(values[1:]))


def _case(values: Sequence[Value]) -> Value:
    pairs, rest = values[: len(values) // 2 * 2], values[len(values) // 2 * 2 :]
    conditions, results = pairs[::2], [*pairs[1::2], *rest]
    if any(c.type not in (functions.BOOLEAN, NULL) for c in conditions):
        raise refused("CASE with a condition that is no BOOLEAN")
    whens = " ".join(f"WHEN {c.sql} THEN {r.sql}" for c, r in zip(conditions, pairs[1::2], strict=True))
    otherwise = f" ELSE {rest[0].sql}" if rest else ""
    return Value(f"(CASE {whens}{otherwise} END)", common(results))


def _in(values: Sequence[Value]) -> Value:
    if any(v.literal is None or v.type == NULL for v in values[1:]):
        raise refused("IN with members that are no literals")
    common(values)
    return Value(f"({values[0].sql} IN ({', '.join(v.sql for v in values[1:])}))", functions.BOOLEAN)


_SPECIAL: Mapping[str, Callable[[Sequence[Value]], Value]] = {"IF": _if, "CASE": _case, "IN": _in}
