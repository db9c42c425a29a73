"""The table of functions that the engine computes exactly.

A family module of ``functions/`` registers rows::

    FUNCTIONS = [
        fn("starts_with", (STRING, STRING), sql="starts_with({0}, {1})"),
        fn("$add", (INT64, INT64), build=lambda call: exp.Add(this=call.args[0], expression=call.args[1])),
    ]

Names are those of the resolved AST without the ``ZetaSQL:`` group (``$add``, ``$equal``, ``concat``,
``format_date`` ...). A call whose (name, argument types) is on no row raises :class:`Unsupported`, and the
statement takes the reference route.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bqsim.types import Type, TypeKind

if TYPE_CHECKING:
    from sqlglot import expressions as exp


class Unsupported(Exception):
    """The engine has no exact form of a node or function: the message names it for the route's reason."""


@dataclass(slots=True)
class FunctionCall:
    """One scalar call to lower: engine expressions of the arguments, with their GoogleSQL types.

    ``literals[i]`` is the Python value of argument i when it is a literal or parameter, else ``NOT_LITERAL``.
    ``context`` is the lowering context (time zone, now, volatile marks); ``safe`` is the SAFE. prefix,
    which the caller applies with the engine's TRY, so builders need not. ``node`` is the
    ResolvedFunctionCallBase proto.
    """

    name: str
    args: list[exp.Expression]
    types: tuple[Type, ...]
    result: Type
    literals: tuple[Any, ...]
    context: Any
    node: Any = None
    safe: bool = False


class _NotLiteral:
    def __repr__(self) -> str:
        return "NOT_LITERAL"


NOT_LITERAL = _NotLiteral()

# An argument pattern: an exact type, a kind (any ARRAY, any STRUCT ...), a tuple of kinds, or ANY.
ANY = None
Pattern = Type | TypeKind | tuple[TypeKind, ...] | None


@dataclass(frozen=True, slots=True)
class Function:
    """One row: ``sql`` is an engine expression template with ``{0}`` … for arguments; or ``build`` makes it.

    ``optional`` trailing argument patterns may be left out; ``repeated`` matches any further arguments.
    """

    name: str
    args: tuple[Pattern, ...]
    sql: str | None = None
    build: Callable[[FunctionCall], exp.Expression] | None = None
    optional: int = 0
    repeated: Pattern | bool = False
    notes: str = field(default="", compare=False)

    def lower(self, call: FunctionCall) -> exp.Expression:
        """The engine expression of a call."""
        if self.build is not None:
            return self.build(call)
        from . import nodes

        return nodes.template(self.sql or "", *call.args)

    def matches(self, types: Sequence[Type]) -> bool:
        required = len(self.args) - self.optional
        if len(types) < required:
            return False
        if len(types) > len(self.args) and self.repeated is False:
            return False
        for i, t in enumerate(types):
            if i < len(self.args):
                pattern: Pattern | bool = self.args[i]
            else:
                pattern = ANY if self.repeated is True else self.repeated
            if not _matches(pattern, t):
                return False
        return True


def _matches(pattern: Pattern | bool, t: Type) -> bool:
    if pattern is None or pattern is True:
        return True
    if isinstance(pattern, Type):
        return pattern == t
    if isinstance(pattern, tuple):
        return t.kind in pattern
    return t.kind is pattern


def fn(
    name: str,
    args: tuple[Pattern, ...] = (),
    *,
    sql: str | None = None,
    build: Callable[[FunctionCall], exp.Expression] | None = None,
    optional: int = 0,
    repeated: Pattern | bool = False,
) -> Function:
    """One row of a family's table; exactly one of ``sql`` and ``build``."""
    if (sql is None) == (build is None):
        raise ValueError(f"{name}: give one of sql and build")
    return Function(name, args, sql, build, optional, repeated)


@dataclass(slots=True)
class AggregateCall:
    """One aggregate call to lower, of a group (``over`` None) or of a window.

    ``order`` are the engine's ORDER BY items, ``where`` the condition of FILTER, ``limit`` the LIMIT
    modifier. ``nulls`` is ``"IGNORE"``, ``"RESPECT"`` or ``""`` as written.
    """

    name: str
    args: list[exp.Expression]
    types: tuple[Type, ...]
    result: Type
    literals: tuple[Any, ...]
    context: Any
    distinct: bool = False
    order: list[Any] = field(default_factory=list)
    where: list[Any] = field(default_factory=list)
    limit: int | None = None
    nulls: str = ""
    over: Any = None
    node: Any = None
    # How many rows (or values) the partition has, for the window functions that ask for it.
    count: Any = None

    def apply(self, function: str, *args: Any, where: Any = None, plain: bool = False) -> exp.Expression:
        """The engine's aggregate ``function`` of ``args`` with the call's DISTINCT, ORDER BY, filter and
        window.

        ``where`` is a further condition; ``plain`` leaves DISTINCT and ORDER BY out, which cannot matter
        to it.
        """
        from sqlglot import expressions as exp

        parts: list[Any] = [f"{function}(DISTINCT " if self.distinct and not plain else f"{function}("]
        for i, arg in enumerate(args):
            if i:
                parts.append(", ")
            parts.append(arg)
        if self.order and not plain:
            for i, item in enumerate(self.order):
                parts.append(", " if i else " ORDER BY ")
                parts.append(item)
        parts.append(")")
        conditions = [*self.where, where] if where is not None else self.where
        for i, condition in enumerate(conditions):
            parts += [" AND " if i else " FILTER (WHERE ", condition]
        if conditions:
            parts.append(")")
        if self.over is not None:
            parts += [" OVER (", self.over, ")"]
        return exp.Block(expressions=parts)


@dataclass(frozen=True, slots=True)
class Aggregate:
    """One aggregate row: ``function`` is the engine's aggregate of the same arguments and ``wrap`` a
    template around its value; or ``build`` makes the whole. ``ordered`` says that ORDER BY matters,
    ``limited`` that the builder applies LIMIT; ``window`` that it may be used over a window."""

    name: str
    args: tuple[Pattern, ...]
    function: str | None = None
    wrap: str | None = None
    build: Callable[[AggregateCall], exp.Expression] | None = None
    optional: int = 0
    ordered: bool = False
    limited: bool = False
    window: bool = True

    def matches(self, types: Sequence[Type]) -> bool:
        return Function.matches(self, types)  # type: ignore[arg-type]

    @property
    def repeated(self) -> bool:
        return False


def aggregate(
    name: str,
    args: tuple[Pattern, ...] = (),
    function: str | None = None,
    *,
    wrap: str | None = None,
    build: Callable[[AggregateCall], exp.Expression] | None = None,
    optional: int = 0,
    ordered: bool = False,
    limited: bool = False,
    window: bool = True,
) -> Aggregate:
    """One row of a family's ``AGGREGATES``; exactly one of ``function`` and ``build``."""
    if (function is None) == (build is None):
        raise ValueError(f"{name}: give one of function and build")
    return Aggregate(name, args, function, wrap, build, optional, ordered, limited, window)


@dataclass(frozen=True, slots=True)
class Window:
    """One window function that is not an aggregate. ``build`` gets the call with ``over`` set; ``frame``
    says whether the window's frame belongs to it (ranking functions have none)."""

    name: str
    args: tuple[Pattern, ...]
    build: Callable[[AggregateCall], exp.Expression]
    optional: int = 0
    frame: bool = True

    def matches(self, types: Sequence[Type]) -> bool:
        return Function.matches(self, types)  # type: ignore[arg-type]

    @property
    def repeated(self) -> bool:
        return False
