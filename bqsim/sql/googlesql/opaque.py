"""Functions of which GoogleSQL knows the signatures only."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from bqsim.types import Type

from .types import type_to_proto

# The group of what bqsim adds; it stands where builtins have "ZetaSQL".
GROUP = "BigQuery"
# Stands in names between that of a function and what tells its definition for some calls.
MARK = "#"

SCALAR, AGGREGATE, ANALYTIC = 1, 2, 3
REQUIRED, OPTIONAL = 0, 2
_NO_ORDER = 0
_POSITIONAL_OR_NAMED, _NAMED_ONLY = 2, 3

# A type in a signature: a type, one that recurs (ANY_1, ANY_2, ARRAY_OF_1) or any (ARBITRARY).
ANY_1, ANY_2, ARRAY_OF_1, ARBITRARY = 1, 2, 3, 8
Pattern = Type | int


@dataclass(frozen=True, slots=True)
class Argument:
    """An argument of a signature: ``name`` if it may be given by it, ``named`` if it must be."""

    type: Pattern
    name: str = ""
    optional: bool = False
    named: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    arguments: tuple[Argument, ...]
    result: Pattern


@dataclass(frozen=True, slots=True)
class Opaque:
    """A function with its signatures, in the order in which they are tried."""

    name: str
    signatures: tuple[Signature, ...]
    mode: int = SCALAR

    def overloaded(self, other: Opaque) -> Opaque:
        """The function with the signatures of another one as well."""
        return replace(self, signatures=self.signatures + other.signatures)


def optional(type_: Pattern, name: str = "") -> Argument:
    """An argument that may be left out, and may be given by its name if it has one."""
    return Argument(type_, name, optional=True)


def opaque(
    name: str, *args: Pattern | Argument | tuple[str, Pattern], result: Pattern, mode: int = SCALAR
) -> Opaque:
    """A function of one signature: types are required, (name, type) pairs optional and named."""
    return Opaque(name, (Signature(tuple(map(_argument, args)), result),), mode)


def _argument(given: Pattern | Argument | tuple[str, Pattern]) -> Argument:
    if isinstance(given, Argument):
        return given
    if isinstance(given, tuple):
        return Argument(given[1], given[0], optional=True, named=True)
    return Argument(given)


def add_opaque(catalog: Any, rows: Iterable[Opaque], nested: Callable[[tuple[str, ...]], Any]) -> None:
    """Add functions to a ``SimpleCatalogProto``; ``nested`` gives the catalog of a path."""
    for row in rows:
        path = row.name.split(".")
        parent = nested(tuple(path[:-1])) if len(path) > 1 else catalog
        fill_function(parent.custom_function.add(name_path=path), row)


def fill_function(function: Any, row: Opaque) -> None:
    """Fill a ``FunctionProto`` but for its path."""
    function.group, function.mode = GROUP, row.mode
    if row.mode == ANALYTIC:
        function.options.supports_over_clause = True
        function.options.window_ordering_support = _NO_ORDER
    for one in row.signatures:
        signature = function.signature.add()
        signature.return_type.num_occurrences = 1
        _set_type(signature.return_type, one.result)
        for given in one.arguments:
            argument = signature.argument.add(num_occurrences=-1 if given.optional else 1)
            argument.options.cardinality = OPTIONAL if given.optional else REQUIRED
            _set_type(argument, given.type)
            if given.name:
                argument.options.argument_name = given.name
                argument.options.argument_name_is_mandatory = given.named
                argument.options.named_argument_kind = _NAMED_ONLY if given.named else _POSITIONAL_OR_NAMED


def _set_type(argument: Any, pattern: Pattern) -> None:
    if isinstance(pattern, int):
        argument.kind = pattern
    else:
        type_to_proto(pattern, argument.type)
