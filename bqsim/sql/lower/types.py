"""Types of resolved nodes, and the engine's types as SQL text."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from bqsim.engine import convert
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.types import Type, TypeKind

from .registry import Unsupported

NESTED = frozenset({TypeKind.ARRAY, TypeKind.STRUCT, TypeKind.RANGE})


@lru_cache(maxsize=4096)
def engine_type(type_: Type) -> str:
    """The engine's type for values of a GoogleSQL type, as SQL text."""
    if _has_empty_struct(type_):
        raise Unsupported("STRUCT without fields")
    return convert.engine_type(type_)


def _has_empty_struct(type_: Type) -> bool:
    if type_.element is not None:
        return _has_empty_struct(type_.element)
    if type_.kind is TypeKind.STRUCT:
        return not type_.fields or any(_has_empty_struct(f.type) for f in type_.fields)
    return False


def column_type(column: Any) -> Type:
    """The type of a ResolvedColumn."""
    return type_from_proto(column.type)


def contains(type_: Type, kinds: frozenset[TypeKind]) -> bool:
    """Whether a type of one of ``kinds`` occurs anywhere in a type."""
    if type_.kind in kinds:
        return True
    if type_.element is not None:
        return contains(type_.element, kinds)
    return any(contains(f.type, kinds) for f in type_.fields)
