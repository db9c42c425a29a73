"""A relation under construction: one SELECT that grows while scans are lowered into it."""

from __future__ import annotations

from enum import IntEnum
from typing import Any

from sqlglot import expressions as exp

from . import nodes

# Where a column's value is: (relation, name) of a plain column, or an expression to select.
Place = Any


# The position in the array that rows come from, kept when their order matters.
POSITION = "_n"
# How many steps of a recursion led to a row.
DEPTH = "_d"


class Stage(IntEnum):
    """How far a SELECT is: what is added next must come no earlier in SQL's order of evaluation."""

    ROWS = 0  # FROM and WHERE only
    GROUPED = 1
    ORDERED = 2
    LIMITED = 3


def place_node(place: Place) -> exp.Expression:
    """The expression that reads a place."""
    return nodes.column(*place) if place.__class__ is tuple else place


class Relation:
    """One SELECT: ``columns`` maps column ids to their places; ``computed`` says that some are expressions.

    ``hidden`` are columns that no column id names, by their label: :data:`POSITION` and :data:`DEPTH`.
    """

    __slots__ = (
        "columns",
        "computed",
        "ctes",
        "group",
        "grouped",
        "having",
        "hidden",
        "joins",
        "limit",
        "offset",
        "order",
        "recursive",
        "source",
        "stage",
        "where",
    )

    def __init__(self, source: Any, columns: dict[int, Place], computed: bool = False) -> None:
        self.source = source
        self.joins: list[Any] = []
        self.where: list[Any] = []
        self.group: Any = None
        self.having: Any = None
        self.order: list[Any] = []
        self.limit: Any = None
        self.offset: Any = None
        self.columns = columns
        self.computed = computed
        self.stage = Stage.ROWS
        self.ctes: list[Any] = []
        self.recursive = False
        self.grouped = False
        self.hidden: dict[str, Place] = {}

    @property
    def plain(self) -> bool:
        """One source with plain columns and nothing else: it can stand in a FROM clause as it is."""
        return (
            self.stage == Stage.ROWS
            and not self.computed
            and not self.joins
            and not self.where
            and not self.ctes
            and self.source is not None
        )

    def select(self, outputs: list[tuple[int, str]]) -> exp.Select:
        """The finished SELECT of columns (id, label)."""
        columns = self.columns
        return self.finish([nodes.alias(place_node(columns[i]), label) for i, label in outputs])

    def finish(self, projections: list[Any]) -> exp.Select:
        # A group of all rows needs an aggregate, even when none of its values is read.
        count = self.stage >= Stage.GROUPED and self.grouped and self.group is None
        filler = nodes.raw("count(*)" if count else "1")
        query = nodes.select(projections or [nodes.alias(filler, "k0")], self.source)
        if self.ctes:
            query.set("with_", exp.With(expressions=self.ctes, recursive=self.recursive))
        if self.joins:
            query.set("joins", self.joins)
        if self.where:
            query.set("where", exp.Where(this=nodes.conjunction(self.where)))
        if self.group is not None:
            query.set("group", self.group)
        if self.having is not None:
            query.set("having", exp.Having(this=self.having))
        if self.order:
            query.set("order", exp.Order(expressions=self.order))
        if self.limit is not None:
            query.set("limit", exp.Limit(expression=self.limit))
        if self.offset is not None:
            query.set("offset", exp.Offset(expression=self.offset))
        return query
