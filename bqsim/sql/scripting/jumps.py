"""Checks of labels, BREAK and CONTINUE, before a script runs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bqsim.errors import BigQueryError, invalid_query
from bqsim.sql.googlesql.script_tree import ScriptKind, ScriptNode

_LOOPS = frozenset({ScriptKind.LOOP, ScriptKind.WHILE, ScriptKind.REPEAT, ScriptKind.FOR})


def check_jumps(
    nodes: Iterable[ScriptNode], labels: Mapping[str, ScriptKind] | None = None, in_loop: bool = False
) -> None:
    """Raise ``invalidQuery`` for a BREAK or CONTINUE that has nowhere to go, and for a label inside its like.

    ``labels`` are those around the nodes in lower case, with the kind of what they name.
    """
    around = labels or {}
    for node in nodes:
        if node.kind in (ScriptKind.BREAK, ScriptKind.CONTINUE):
            _check_jump(node, around, in_loop)
            continue
        inner, label = around, node.label.casefold()
        if label:
            if label in around:
                raise _at(node, f"Label {node.label} already exists")
            inner = {**around, label: node.kind}
        inside = in_loop or node.kind in _LOOPS
        check_jumps(node.body, inner, inside)
        check_jumps(node.handler or (), inner, inside)
        for branch in node.branches:
            check_jumps(branch.body, inner, inside)


def _check_jump(node: ScriptNode, labels: Mapping[str, ScriptKind], in_loop: bool) -> None:
    # LEAVE and ITERATE are other words for the same.
    word = node.span.text.split(None, 1)[0].upper()
    if not node.label:
        if not in_loop:
            condition = " without label" if node.kind is ScriptKind.BREAK else ""
            raise _at(node, f"{word}{condition} is only allowed inside of a loop body")
        return
    target = labels.get(node.label.casefold())
    if target is None:
        raise _at(node, f"Label {node.label} does not exist or is out of scope")
    if node.kind is ScriptKind.CONTINUE and target not in _LOOPS:
        raise _at(node, f"{word} with label must refer to a loop")


def _at(node: ScriptNode, message: str) -> BigQueryError:
    return invalid_query(f"{message} at [{node.span.line}:{node.span.column}]")
