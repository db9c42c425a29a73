"""What GoogleSQL analyses and BigQuery refuses, told from the resolved statement.

BigQuery documents the ``SAFE.`` prefix for scalar functions only, and EXCEPT and INTERSECT with DISTINCT
only.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from . import resolved
from .host import SqlError
from .prepass import LineStarts

_SUSPECT = re.compile(r"\bsafe`?\s*\.|\b(?:except|intersect)\s+all\b", re.IGNORECASE)
_CALLS = ("ResolvedAggregateFunctionCall", "ResolvedAnalyticFunctionCall")
_SAFE_MODE = 1
_SET_OPERATIONS = {2: "INTERSECT ALL", 4: "EXCEPT ALL"}
_INVALID = 3


def check(statement: Any, sql: str) -> None:
    """Raise ``SqlError`` for the first thing in an analysed text that BigQuery refuses."""
    if _SUSPECT.search(sql) is None:
        return
    for node, message in _found(statement):
        raise SqlError(_INVALID, message + _position(node, sql))


def _found(statement: Any) -> Iterator[tuple[Any, str]]:
    for node in resolved.walk(statement):
        name = resolved.node_name(node)
        if name in _CALLS and resolved.get(node, "error_mode") == _SAFE_MODE:
            function = resolved.get(node, "function").name.rpartition(":")[2].upper()
            shown = "COUNT(*)" if function == "$COUNT_STAR" else function
            yield node, f"Function `{shown}` does not support SAFE error mode"
        elif name == "ResolvedSetOperationScan" and node.op_type in _SET_OPERATIONS:
            yield node, f"{_SET_OPERATIONS[node.op_type]} is not supported"


def _position(node: Any, sql: str) -> str:
    if not resolved.has(node, "parse_location_range"):
        return ""
    start = resolved.get(node, "parse_location_range").start
    line, column = LineStarts(sql).position(len(sql.encode()[:start].decode()))
    return f" [at {line}:{column}]"
