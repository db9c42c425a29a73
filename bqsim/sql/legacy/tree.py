"""The parts of a legacy SQL query."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Literal:
    """``type`` is INTEGER, FLOAT, STRING, BOOLEAN or NULL; ``text`` the value as it is to be understood."""

    type: str
    text: str


@dataclass(frozen=True, slots=True)
class Column:
    """A field, with the alias of its table before it where that was written."""

    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Over:
    partition: tuple[Expression, ...]
    order: tuple[tuple[Expression, bool], ...]


@dataclass(frozen=True, slots=True)
class Call:
    """A function call; operators are calls, too (``+``, ``AND``, ``IS NULL``, ``CASE`` …).

    ``star`` is COUNT(*).
    """

    name: str
    arguments: tuple[Expression, ...]
    distinct: bool = False
    star: bool = False
    over: Over | None = None


Expression = Literal | Column | Call


@dataclass(frozen=True, slots=True)
class Item:
    """An entry of the SELECT list; ``expression`` is None for ``*``."""

    expression: Expression | None
    alias: str = ""


@dataclass(frozen=True, slots=True)
class TableName:
    """A table as it was written: ``[p:d.t]``, ``p:d.t``, ``d.t`` …."""

    text: str
    alias: str = ""


@dataclass(frozen=True, slots=True)
class DateRange:
    """TABLE_DATE_RANGE: a prefix of table names and two expressions; ``strict``: TABLE_DATE_RANGE_STRICT."""

    prefix: str
    first: Expression
    last: Expression
    alias: str = ""
    strict: bool = False

    @property
    def function(self) -> str:
        return "TABLE_DATE_RANGE_STRICT" if self.strict else "TABLE_DATE_RANGE"


@dataclass(frozen=True, slots=True)
class Subquery:
    query: Query
    alias: str = ""


Source = TableName | DateRange | Subquery


@dataclass(frozen=True, slots=True)
class Join:
    """``kind`` is the GoogleSQL spelling; ``on`` is None for CROSS JOIN."""

    kind: str
    source: Source
    on: Expression | None


@dataclass(frozen=True, slots=True)
class Query:
    items: tuple[Item, ...]
    sources: tuple[Source, ...] = ()
    joins: tuple[Join, ...] = ()
    where: Expression | None = None
    group: tuple[Expression, ...] = ()
    having: Expression | None = None
    order: tuple[tuple[Expression, bool], ...] = ()
    limit: int | None = None
