"""The columns of a query's result: their names, and what their values must fulfil."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import expressions as exp

from bqsim.types import Field, Type, TypeKind, field_of

from . import nodes
from .types import contains

_ARRAYS = frozenset({TypeKind.ARRAY})


def output_names(names: Sequence[str]) -> list[str]:
    """The names of result columns: unnamed ones become ``f0_``, ``f1_`` …, repeated ones ``x_1``,
    ``x_2`` ….
    """
    out: list[str] = []
    taken = {n.casefold() for n in names}
    seen: set[str] = set()
    unnamed = 0
    for given in names:
        label = given
        if not label or label.startswith("$"):
            label = f"f{unnamed}_"
            unnamed += 1
        if label.casefold() in seen:
            number = 1
            while f"{label}_{number}".casefold() in taken | seen:
                number += 1
            label = f"{label}_{number}"
        seen.add(label.casefold())
        out.append(label)
    return out


def fields_of(names: Sequence[str], types: Sequence[Type]) -> tuple[Field, ...]:
    """The schema of a result with columns of GoogleSQL's names and types."""
    return tuple(_named(field_of(n, t)) for n, t in zip(output_names(names), types, strict=True))


def _named(field: Field) -> Field:
    """Unnamed fields of a STRUCT are shown as ``_field_1``, ``_field_2`` …."""
    if not field.fields:
        return field
    inner = (_named(f if f.name else replace(f, name=f"_field_{i}")) for i, f in enumerate(field.fields, 1))
    return replace(field, fields=tuple(inner))


def needs_check(type_: Type) -> bool:
    """Whether writing a value of the type can fail: it holds an array."""
    return contains(type_, _ARRAYS)


def output_value(value: exp.Expression, field: Field) -> exp.Expression:
    """A result column's value; fails when an array in it has a NULL element. ``value`` stands there
    repeatedly.
    """
    type_ = field.type
    if not needs_check(type_):
        return value
    message = f"Array cannot have a null element; error in writing field {field.name}"
    return nodes.case([(_has_null_element(value, type_, 0), nodes.error(message))], value)


def _has_null_element(value: exp.Expression, type_: Type, depth: int) -> exp.Expression:
    if type_.kind is TypeKind.ARRAY:
        assert type_.element is not None
        missing = nodes.template("(list_count({0}) < len({0}))", value)
        if not needs_check(type_.element):
            return missing
        item = f"e{depth}"
        inner = _has_null_element(nodes.raw(item), type_.element, depth + 1)
        nested = nodes.template(f"(len(list_filter({{0}}, lambda {item}: {{1}})) > 0)", value, inner)
        return nodes.joined("(", " OR ", [missing, nested], ")")
    checks = [
        _has_null_element(nodes.template(f"struct_extract({{0}}, '_{i}')", value), f.type, depth)
        for i, f in enumerate(type_.fields, 1)
        if needs_check(f.type)
    ]
    return nodes.joined("(", " OR ", checks, ")")
