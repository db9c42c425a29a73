"""Tables that scripts make and read: written out as their queries, so that the rest can be measured."""

from __future__ import annotations

from typing import Any

from .structure import parsed


class Made:
    """The tables that earlier statements of a script make by CREATE TABLE … AS, by their queries."""

    def __init__(self) -> None:
        self._queries: dict[str, Any] = {}

    def take(self, sql: str) -> str | None:
        """Note what a statement makes; the query of its table, None when it makes none."""
        from sqlglot import expressions as exp

        tree = _parsed(sql)
        if not isinstance(tree, exp.Create) or tree.kind != "TABLE":
            return None
        target, query = tree.this, tree.expression
        table = target.this if isinstance(target, exp.Schema) else target
        if isinstance(query, exp.Query) and isinstance(table, exp.Table):
            written = self._queries[_name(table)] = self._without(query)
            return str(written.sql(dialect="bigquery"))
        return None

    def forget(self, name: str) -> None:
        """A table can be read now."""
        self._queries.pop(name, None)

    def written_out(self, sql: str) -> tuple[str, list[str]] | None:
        """The statement with the queries of such tables in their places, and these queries; None when it
        reads none of them, or changes one."""
        from sqlglot import expressions as exp

        tree = _parsed(sql)
        if tree is None:
            return None
        names = [n for table in tree.find_all(exp.Table) if (n := _name(table)) in self._queries]
        changed = tree.this if isinstance(tree, exp.Merge | exp.Insert | exp.Update | exp.Delete) else None
        if not names or (isinstance(changed, exp.Table) and _name(changed) in self._queries):
            return None
        used = [self._queries[name].sql(dialect="bigquery") for name in dict.fromkeys(names)]
        return self._without(tree).sql(dialect="bigquery"), used

    def _without(self, tree: Any) -> Any:
        from sqlglot import expressions as exp

        def replaced(node: Any) -> Any:
            if not isinstance(node, exp.Table) or _name(node) not in self._queries:
                return node
            alias = node.alias or node.name
            return self._queries[_name(node)].copy().subquery(alias)

        return tree.copy().transform(replaced)


def _parsed(sql: str) -> Any:
    trees = parsed(sql)
    return trees[0] if len(trees) == 1 else None


def _name(table: Any) -> str:
    return ".".join(part.name for part in table.parts)
