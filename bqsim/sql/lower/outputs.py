"""The columns of a query's result: their names, and what their values must fulfil."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from sqlglot import expressions as exp

from bqsim.types import Field, Type, TypeKind, field_of

from . import nodes
from .types import contains

# By the kind that is tested: the test, and what is told when it holds.
_CHECKS = {
    TypeKind.ARRAY: (
        "(list_count({0}) < len({0}))",
        "Array cannot have a null element; error in writing field {}",
    ),
    # The time part of a result's interval is 64 bits of nanoseconds.
    TypeKind.INTERVAL: (
        "(abs(date_part('hour', {0})) >= 2562047)",
        "An INTERVAL of 2562047 hours or more in field {} is not supported by bqsim",
    ),
}
_CHECKED = frozenset(_CHECKS)


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
    """Whether giving out a value of the type can fail: it holds an array or an interval."""
    return contains(type_, _CHECKED)


def output_value(value: exp.Expression, field: Field) -> exp.Expression:
    """A result column's value; fails when an array in it has a NULL element, or an interval's time part is
    beyond what a result can carry. ``value`` stands there repeatedly.
    """
    type_ = field.type
    if not needs_check(type_):
        return value
    failures = [
        (_fails(value, type_, kind, test, 0), nodes.error(message.format(field.name)))
        for kind, (test, message) in _CHECKS.items()
        if contains(type_, frozenset({kind}))
    ]
    return nodes.case(failures, value)


def _fails(value: exp.Expression, type_: Type, kind: TypeKind, test: str, depth: int) -> exp.Expression:
    """Whether a value of ``kind`` in ``value``, or ``value`` itself, fulfils ``test``."""
    checks = [nodes.template(test, value)] if type_.kind is kind else []
    inside = frozenset({kind})
    if type_.element is not None and contains(type_.element, inside) and type_.kind is TypeKind.ARRAY:
        item = f"e{depth}"
        inner = _fails(nodes.raw(item), type_.element, kind, test, depth + 1)
        checks.append(nodes.template(f"(len(list_filter({{0}}, lambda {item}: {{1}})) > 0)", value, inner))
    for i, field in enumerate(type_.fields, 1):
        if contains(field.type, inside):
            part = nodes.template(f"struct_extract({{0}}, '_{i}')", value)
            checks.append(_fails(part, field.type, kind, test, depth))
    return nodes.joined("(", " OR ", checks, ")")
