"""Values by a collation: keys that the engine compares in their place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.googlesql.errors import CASE_INSENSITIVE
from bqsim.sql.googlesql.resolved import get, unwrap
from bqsim.types import Type, TypeKind

from . import nodes
from .registry import Unsupported

K = TypeKind


def is_active(collation: Any) -> bool:
    """Whether a ResolvedCollation says anything."""
    return bool(collation.collation_name) or any(map(is_active, collation.child_list))


def of_list(collations: Any, position: int) -> Any:
    """A ResolvedCollation of a list that may be empty; None without one that says anything."""
    if position >= len(collations) or not is_active(collations[position]):
        return None
    return collations[position]


def collation_of(arguments: Iterable[Any]) -> Any:
    """The collation of STRING expressions where GoogleSQL gives the operation none, as for NULLIF."""
    for argument in arguments:
        for annotation in get(unwrap(argument), "type_annotation_map").annotations:
            if annotation.value.string_value:
                return Named(annotation.value.string_value)
    return None


@dataclass(frozen=True, slots=True)
class Named:
    """A collation of a STRING by its name, as a ResolvedCollation says it."""

    collation_name: str
    child_list: tuple[Any, ...] = ()


def key(value: exp.Expression, type_: Type, collation: Any, depth: int = 0) -> exp.Expression:
    """What compares in the engine as a value does by its collation."""
    if collation is None or not is_active(collation):
        return value
    if type_.kind is K.STRING:
        return named_key(value, collation.collation_name)
    if type_.kind is K.ARRAY and type_.element is not None:
        # The collation of an operation on elements is that of the element.
        inner = collation.child_list[0] if collation.child_list else collation
        item = f"c{depth}"
        body = key(nodes.raw(item), type_.element, inner, depth + 1)
        return nodes.template(f"list_transform({{0}}, lambda {item}: {{1}})", value, body)
    if type_.kind is K.STRUCT:
        parts: list[Any] = ["CASE WHEN ", value, " IS NOT NULL THEN {"]
        for i, field in enumerate(type_.fields, 1):
            part = nodes.template(f"struct_extract({{0}}, '_{i}')", value)
            inner = collation.child_list[i - 1] if i <= len(collation.child_list) else None
            parts += [f"{', ' if i > 1 else ''}_{i}: ", key(part, field.type, inner, depth)]
        parts.append("} END")
        return nodes.joined("(", "", [exp.Block(expressions=parts)], ")")
    return value


def named_key(value: exp.Expression, name: str) -> exp.Expression:
    """The key of a STRING by a collation's name; the empty one is that of every string."""
    if not name:
        return value
    if name != CASE_INSENSITIVE:
        raise Unsupported(f"Collation '{name}'")
    return nodes.call("bq_ci_key", value)


def annotated_key(value: exp.Expression, type_: Type, annotations: Any, depth: int = 0) -> exp.Expression:
    """The same by the AnnotationMapProto of a column's type."""
    if type_.kind is K.STRING:
        names = [a.value.string_value for a in annotations.annotations]
        return named_key(value, names[0]) if names else value
    if type_.kind is K.ARRAY and type_.element is not None and annotations.HasField("array_element"):
        item = f"c{depth}"
        body = annotated_key(nodes.raw(item), type_.element, annotations.array_element, depth + 1)
        return nodes.template(f"list_transform({{0}}, lambda {item}: {{1}})", value, body)
    if type_.kind is K.STRUCT and annotations.struct_fields:
        parts: list[Any] = ["CASE WHEN ", value, " IS NOT NULL THEN {"]
        for i, (field, inner) in enumerate(zip(type_.fields, annotations.struct_fields, strict=True), 1):
            part = nodes.template(f"struct_extract({{0}}, '_{i}')", value)
            parts += [f"{', ' if i > 1 else ''}_{i}: ", annotated_key(part, field.type, inner, depth)]
        parts.append("} END")
        return nodes.joined("(", "", [exp.Block(expressions=parts)], ")")
    return value
