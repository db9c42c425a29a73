"""A statement's text as GoogleSQL's evaluator can run it.

Table contents attach to plain names only, system variables and positional parameters have no values there,
and it knows no caller. So each table path becomes one flat name, and the others become named parameters.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import resolved
from .catalog import Source
from .prepass import Path, Prepared

SYSTEM = "bqsim_system_"
POSITIONAL = "bqsim_positional_"
CALLER = "bqsim_caller"


class NotEvaluable(Exception):
    """The evaluator cannot run a statement: the message says what of it."""


@dataclass(slots=True)
class Rewritten:
    """The text for the evaluator. ``tables`` maps flat names to what they stand for, ``system_variables``
    are the names used, ``positional`` counts the ``?``."""

    sql: str
    tables: dict[str, Source] = field(default_factory=dict)
    system_variables: set[str] = field(default_factory=set)
    positional: int = 0
    caller: bool = False


def rewrite(parsed: Any, prepared: Prepared, sources: dict[Path, Source]) -> Rewritten:
    """Rewrite a parsed statement whose table paths are keys of ``sources``.

    Raises NotEvaluable when a name could be a table or something else.
    """
    text = prepared.sql.encode()
    nodes = list(resolved.walk(resolved.unwrap(parsed)))
    ctes = {n.alias.id_string.casefold() for n in nodes if n.DESCRIPTOR.name == "ASTAliasedQueryProto"}
    aliases = ctes.union(_aliases(nodes))
    result = Rewritten("")
    edits: list[tuple[int, int, str]] = []
    for node in nodes:
        name = node.DESCRIPTOR.name
        if name == "ASTTablePathExpressionProto" and resolved.has(node, "path_expr"):
            edits += _table(node, sources, ctes, aliases, result)
        elif name == "ASTTableClauseProto" and resolved.has(node, "table_path"):
            raise NotEvaluable("TABLE as an argument")
        elif name == "ASTParameterExprProto" and node.position:
            result.positional = max(result.positional, node.position)
            edits.append((*_range(node), f"@{POSITIONAL}{node.position}"))
        elif name == "ASTSystemVariableExprProto":
            variable = ".".join(i.id_string for i in node.path.names).casefold()
            result.system_variables.add(variable)
            edits.append((*_range(node), f"@{SYSTEM}{variable.replace('.', '_')}"))
        elif name == "ASTFunctionCallProto" and _is_session_user(node):
            result.caller = True
            edits.append((*_range(node), f"@{CALLER}"))
    pieces: list[bytes] = []
    done = 0
    for start, end, new in sorted(edits):
        pieces += (text[done:start], new.encode())
        done = end
    pieces.append(text[done:])
    result.sql = b"".join(pieces).decode()
    return result


def _table(
    node: Any, sources: dict[Path, Source], ctes: set[str], aliases: set[str], result: Rewritten
) -> Iterator[tuple[int, int, str]]:
    path = tuple(i.id_string for i in node.path_expr.names)
    others = ctes if len(path) == 1 else aliases
    named = path[0].casefold() in others
    source = sources.get(path)
    if source is None:
        if not named:
            raise NotEvaluable(f"{'.'.join(path)} in FROM")
        return
    if named:
        raise NotEvaluable(f"{path[0]}, which is both a table and an alias")
    flat = source.table.ref.sql_name
    result.tables[flat] = source
    start, end = _range(node.path_expr)
    alias = "" if resolved.has(node, "alias") else f" AS `{path[-1]}`"
    yield start, end, f"`{flat}`{alias}"


def _aliases(nodes: list[Any]) -> Iterator[str]:
    """Every name, folded, that the statement itself gives to a table."""
    for node in nodes:
        name = node.DESCRIPTOR.name
        if name == "ASTAliasProto":
            yield node.identifier.id_string.casefold()
        elif name == "ASTTablePathExpressionProto" and not resolved.has(node, "alias"):
            names = node.path_expr.names
            if names:
                yield names[-1].id_string.casefold()


def _is_session_user(node: Any) -> bool:
    return [i.id_string.casefold() for i in node.function.names] == ["session_user"]


def _range(node: Any) -> tuple[int, int]:
    where = resolved.get(node, "parse_location_range")
    return where.start, where.end
