"""Single values: script variables, computed from expressions and coerced as GoogleSQL coerces assignments."""

from __future__ import annotations

from typing import Any

from bqsim.types import Type, TypeKind


def python_value(value: Any, type_: Type) -> Any:
    """A cell as Arrow gives it (``as_py``) in the form of ``TypedValue.value``: a STRUCT is a list of
    its fields.
    """
    if value is None:
        return None
    if type_.kind is TypeKind.STRUCT:
        items = value.values() if isinstance(value, dict) else value
        return [python_value(v, f.type) for v, f in zip(items, type_.fields, strict=True)]
    if type_.kind is TypeKind.ARRAY and type_.element is not None:
        return [python_value(v, type_.element) for v in value]
    return value


def same_form(a: Type, b: Type) -> bool:
    """Whether two types differ at most in the names of STRUCT fields."""
    if a.kind is not b.kind or len(a.fields) != len(b.fields):
        return False
    if a.element is not None and b.element is not None:
        return same_form(a.element, b.element)
    return all(same_form(x.type, y.type) for x, y in zip(a.fields, b.fields, strict=True))
