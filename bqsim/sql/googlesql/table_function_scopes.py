"""What a table function's arguments see: the common table expressions around its call."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqsim.types import Type

from . import resolved
from .prepass import ByteOffsets
from .table_function_text import quoted

if TYPE_CHECKING:
    from .table_functions import Around


class Scopes:
    """The common table expressions of a statement: what their names mean at a place of its text."""

    def __init__(self, tree: Any, sql: str, offsets: ByteOffsets) -> None:
        self._sql = sql
        # Start and end of a query, whether it is recursive, starts and ends of its entries; outer ones first.
        self._queries: list[tuple[int, int, bool, list[tuple[int, int]]]] = []
        # The relations among the parameters of a table function, as common table expressions.
        self._parameters: list[str] = []
        for node in resolved.walk(tree):
            if node.DESCRIPTOR.name == "ASTFunctionParameterProto" and node.HasField("tvf_schema"):
                self._parameters.append(self._parameter(node, offsets))
            if node.DESCRIPTOR.name == "ASTQueryProto" and node.HasField("with_clause"):
                entries = [_range(entry, offsets) for entry in getattr(node.with_clause, "with")]
                self._queries.append((*_range(node, offsets), node.with_clause.recursive, entries))
        self._queries.sort(key=lambda q: (q[0], -q[1]))

    def _parameter(self, node: Any, offsets: ByteOffsets) -> str:
        columns = []
        for column in node.tvf_schema.columns:
            first, last = _range(resolved.unwrap(column.type), offsets)
            value = f"CAST(NULL AS {self._sql[first:last]})"
            columns.append(
                f"{value} AS {quoted(column.name.id_string)}" if column.HasField("name") else value
            )
        return f"{quoted(node.name.id_string)} AS (SELECT {', '.join(columns)})"

    def seen_at(self, place: int, around: Around) -> Around:
        """``around`` for a call: the tables among its arguments may be common table expressions."""
        clauses = [f"WITH {', '.join(self._parameters)} "] if self._parameters else []
        for start, end, recursive, entries in self._queries:
            seen = [self._sql[first:last] for first, last in entries if last <= place]
            if start <= place < end and seen:
                clauses.append(f"WITH {'RECURSIVE ' if recursive else ''}{', '.join(seen)} ")
        if not clauses:
            return around

        def columns(text: str) -> tuple[tuple[str, Type], ...]:
            source = text if text.startswith("(") else text.split(None, 1)[1]
            for clause in reversed(clauses):
                source = f"({clause}SELECT * FROM {source})"
            return around.columns(source)

        return replace(around, columns=columns)


def _range(node: Any, offsets: ByteOffsets) -> tuple[int, int]:
    where = resolved.get(node, "parse_location_range")
    return offsets.character(where.start), offsets.character(where.end)
