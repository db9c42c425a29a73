"""What is checked of a script before it runs (GoogleSQL's rules for declarations, nesting and RAISE)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bqsim.errors import BigQueryError, invalid_query
from bqsim.sql.googlesql.script_tree import ScriptKind, ScriptNode

from .jumps import check_jumps

MAX_NESTING = 50
Place = tuple[int, int]


def check_script(nodes: Sequence[ScriptNode], arguments: Iterable[str] = ()) -> None:
    """Raise ``invalidQuery`` for a script that cannot run. ``arguments`` are those of the procedure that it
    is the body of.
    """
    _Checks(frozenset(a.casefold() for a in arguments)).statements(nodes, declaring=True, depth=1)
    check_jumps(nodes)


def error_at(place: Place, message: str) -> BigQueryError:
    """The error of a place in a script."""
    return invalid_query(f"{message} at [{place[0]}:{place[1]}]")


class _Checks:
    def __init__(self, arguments: frozenset[str]) -> None:
        self._arguments = arguments
        # Where the variables in scope were declared.
        self._declared: dict[str, Place] = {}
        self._handlers = 0

    def statements(self, nodes: Sequence[ScriptNode], *, declaring: bool, depth: int) -> None:
        """Check statements; ``declaring`` says that they may begin with DECLARE."""
        own: list[str] = []
        for node in nodes:
            if node.kind is not ScriptKind.DECLARE:
                declaring = False
                continue
            if not declaring:
                raise error_at(
                    node.span.position,
                    "Variable declarations are allowed only at the start of a block or script",
                )
            own += [self._declare(n, p) for n, p in zip(node.names, node.places, strict=True)]
        for node in nodes:
            self._node(node, depth)
        for name in own:
            del self._declared[name]

    def _declare(self, name: str, place: Place) -> str:
        key = name.casefold()
        before = self._declared.get(key)
        if before is not None:
            line, column = before
            message = f"Variable '{name}' redeclaration at [{place[0]}:{place[1]}]"
            raise invalid_query(f"{message}; {name} previously declared here at [{line}:{column}]")
        if key in self._arguments:
            raise error_at(place, f"Variable '{name}' previously declared as an argument")
        self._declared[key] = place
        return key

    def _node(self, node: ScriptNode, depth: int) -> None:
        if node.kind is ScriptKind.STATEMENT:
            return
        if depth > MAX_NESTING:
            raise error_at(
                node.span.position,
                f"Script statement nesting level exceeds maximum supported limit of {MAX_NESTING}",
            )
        if node.kind is ScriptKind.RAISE and node.expression is None and not self._handlers:
            raise error_at(
                node.span.position, "Cannot re-raise an existing exception outside of an exception handler"
            )
        block = node.kind is ScriptKind.BLOCK
        row = [self._declare(node.names[0], node.places[0])] if node.kind is ScriptKind.FOR else []
        self.statements(node.body, declaring=block, depth=depth + 1)
        for branch in node.branches:
            self.statements(branch.body, declaring=False, depth=depth + 1)
        if node.handler is not None:
            self._handlers += 1
            self.statements(node.handler, declaring=False, depth=depth + 1)
            self._handlers -= 1
        for name in row:
            del self._declared[name]
