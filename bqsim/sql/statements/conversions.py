"""Stored columns moved to a wider type."""

from __future__ import annotations

from bqsim.errors import unsupported
from bqsim.sql.lower.casts import cast_template
from bqsim.sql.lower.types import engine_type
from bqsim.types import Field, Mode, TypeKind


def converted(value: str, old: Field, new: Field, depth: int = 0) -> str:
    """The engine expression of a value of ``old`` as one of ``new``: a wider type, or a STRUCT with
    further fields.
    """
    if old.type == new.type:
        return value
    if old.mode is not Mode.REPEATED:
        return _single(value, old, new, depth)
    element = f"e{depth}"
    return f"list_transform({value}, lambda {element}: {_single(element, old, new, depth + 1)})"


def _single(value: str, old: Field, new: Field, depth: int) -> str:
    if new.kind is TypeKind.STRUCT:
        parts = []
        for i, field in enumerate(new.fields):
            if i < len(old.fields):
                part = converted(f'({value})."_{i + 1}"', old.fields[i], field, depth)
            else:
                empty = "[]" if field.mode is Mode.REPEATED else "NULL"
                part = f"CAST({empty} AS {engine_type(field.type)})"
            parts.append(f'"_{i + 1}" := {part}')
        return f"CASE WHEN {value} IS NULL THEN NULL ELSE struct_pack({', '.join(parts)}) END"
    if old.kind is new.kind:
        return value
    template = cast_template(old.value_type, new.value_type)
    if template is None:
        raise unsupported(f"Changing a column from {old.kind} to {new.kind}")
    return template.format(value)
