"""Engine expressions, built fast: sqlglot nodes made directly, and templates cut into pieces once.

A template (``"starts_with({0}, {1})"``) becomes one node whose children are its pieces of text and its
arguments. Arguments are always closed expressions (columns, literals, calls, casts or parenthesised), so
a template never needs to think about precedence; a template that is not a call must bring its own
parentheses.
"""

from __future__ import annotations

import re
import threading
from functools import lru_cache
from typing import Any

from sqlglot import expressions as exp
from sqlglot.dialects.duckdb import DuckDB

Node = Any

_PIECE = re.compile(r"\{(\d+)\}")
_generators = threading.local()


@lru_cache(maxsize=8192)
def _pieces(template: str) -> tuple[str | int, ...]:
    """The texts and argument numbers of a template, in order."""
    parts = _PIECE.split(template)
    return tuple(int(p) if i % 2 else p for i, p in enumerate(parts) if i % 2 or p)


def template(text: str, *args: Node) -> exp.Expression:
    """An instance of a template."""
    return exp.Block(expressions=[p if p.__class__ is str else args[p] for p in _pieces(text)])  # type: ignore[index]


def guarded(value: Node, within_lambda: bool = False) -> exp.Expression:
    """``value``, NULL where computing it fails.

    The engine computes expressions that occur twice in a select list once and before it, outside of a TRY
    around them; it does not look into the bodies of lambdas.
    """
    return template("TRY({0})" if within_lambda else "list_transform([0], lambda unused: TRY({0}))[1]", value)


def call(name: str, *args: Node) -> exp.Expression:
    """A call of an engine function."""
    return exp.Anonymous(this=name, expressions=list(args))


def column(table: str, name: str) -> exp.Expression:
    return exp.Column(
        this=exp.Identifier(this=name, quoted=False), table=exp.Identifier(this=table, quoted=False)
    )


def name(text: str) -> exp.Expression:
    """An identifier that needs no quotes."""
    return exp.Identifier(this=text, quoted=False)


def raw(text: str) -> exp.Expression:
    """A piece of engine SQL that is closed in itself: a literal, a keyword."""
    return exp.Block(expressions=[text])


def binary(left: Node, operator: str, right: Node) -> exp.Expression:
    return exp.Block(expressions=["(", left, f" {operator} ", right, ")"])


def joined(opening: str, separator: str, items: list[Node], closing: str) -> exp.Expression:
    """``opening item separator item … closing``."""
    parts: list[Any] = [opening]
    for i, item in enumerate(items):
        if i:
            parts.append(separator)
        parts.append(item)
    parts.append(closing)
    return exp.Block(expressions=parts)


def conjunction(items: list[Node]) -> exp.Expression:
    """All of the (one or more) items."""
    return items[0] if len(items) == 1 else joined("(", " AND ", items, ")")


def cast(value: Node, engine_type: str) -> exp.Expression:
    return exp.Block(expressions=["CAST(", value, f" AS {engine_type})"])


def case(whens: list[tuple[Node, Node]], default: Node) -> exp.Expression:
    parts: list[Any] = ["CASE"]
    for condition, value in whens:
        parts += [" WHEN ", condition, " THEN ", value]
    parts += [" ELSE ", default, " END"]
    return exp.Block(expressions=parts)


def text(value: str) -> exp.Expression:
    """A VARCHAR literal."""
    return exp.Block(expressions=[quote(value)])


def quote(value: str) -> str:
    """A VARCHAR literal as text. NUL cannot stand in the engine's SQL text, so it is written as a call."""
    quoted = "'" + value.replace("'", "''") + "'"
    return quoted if "\0" not in quoted else "(" + quoted.replace("\0", "' || chr(0) || '") + ")"


def error(message: str, engine_type: str | None = None) -> exp.Expression:
    """Fails with a BigQuery message when it is evaluated."""
    failing = f"bq_error({quote(message)})"
    return raw(f"CAST({failing} AS {engine_type})" if engine_type else failing)


NULL = "NULL"


def null() -> exp.Expression:
    return exp.Block(expressions=[NULL])


def select(projections: list[Node], source: Node | None = None) -> exp.Select:
    query = exp.Select(expressions=projections)
    if source is not None:
        query.set("from_", exp.From(this=source))
    return query


def alias(value: Node, label: str) -> exp.Expression:
    return exp.Alias(this=value, alias=name(label))


def derived(query: Node, label: str) -> exp.Expression:
    """``(query) AS label``."""
    return exp.Subquery(this=query, alias=exp.TableAlias(this=name(label)))


def table(label: str, source: str) -> exp.Expression:
    """``source AS label``."""
    return exp.Table(this=exp.Identifier(this=source, quoted=True), alias=exp.TableAlias(this=name(label)))


def scalar(query: Node) -> exp.Expression:
    """``(query)`` as a value."""
    return exp.Block(expressions=["(", query, ")"])


def _block(generator: Any, node: exp.Expression) -> str:
    sql = generator.sql
    return "".join([p if p.__class__ is str else sql(p) for p in node.args["expressions"]])


def render(tree: exp.Expression) -> str:
    """The engine's SQL text of a tree."""
    generator = getattr(_generators, "duckdb", None)
    if generator is None:
        generator = DuckDB().generator(normalize_functions=False, comments=False)
        generator._dispatch = {**generator._dispatch, exp.Block: _block}
        _generators.duckdb = generator
    return str(generator.generate(tree, copy=False))
