"""Column definitions of statements as schema fields, and back to SQL type names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from bqsim.errors import invalid_query
from bqsim.sql.googlesql import resolved
from bqsim.sql.googlesql.types import type_from_proto
from bqsim.types import Field, Mode, TypeKind, field_of
from bqsim.types.names import name_problem

from .options import option_value

# What evaluates the option list of a column: (option nodes) -> {name: value}.
Options = Callable[[Any], dict[str, Any]]


def field_from_definition(definition: Any, options: Options) -> Field:
    """The field that a ResolvedColumnDefinition describes, with its annotations and default."""
    check_name(definition.name)
    base = field_of(definition.name, type_from_proto(definition.type))
    if definition.HasField("annotations"):
        base = annotated(base, definition.annotations, options)
    if definition.HasField("default_value"):
        base = replace(base, default=definition.default_value.sql)
    if definition.HasField("generated_column_info"):
        raise invalid_query("Generated columns are not supported")
    return base


def check_name(name: str) -> None:
    """Raise for what no column may be called."""
    problem = name_problem(name)
    if problem is not None:
        raise invalid_query(problem)


def check_names(fields: Sequence[Field]) -> None:
    """Raise for columns, or fields in them, that no table may have."""
    for field in fields:
        # STRUCT fields without a name are no matter here.
        if field.name:
            check_name(field.name)
        check_names(field.fields)


def annotated(base: Field, annotations: Any, options: Options) -> Field:
    """``base`` with NOT NULL, type parameters, collation and options of a ResolvedColumnAnnotations tree."""
    if annotations.not_null:
        if base.mode is Mode.REPEATED:
            raise invalid_query(f"NOT NULL cannot be applied to ARRAY field `{base.name}`")
        base = replace(base, mode=Mode.REQUIRED)
    if annotations.option_list:
        base = with_column_options(base, options(annotations.option_list))
    return _parameterised(base, annotations, options)


def _parameterised(base: Field, annotations: Any, options: Options) -> Field:
    """Type parameters and collation; those of an ARRAY's element or a STRUCT's fields are in
    ``child_list``.
    """
    children: Sequence[Any] = annotations.child_list
    if base.mode is Mode.REPEATED and children:
        return _parameterised(base, children[0], options)
    if base.kind is TypeKind.STRUCT and children:
        # Fields after the last one with an annotation have none.
        nested = [annotated(f, c, options) for f, c in zip(base.fields, children, strict=False)]
        base = replace(base, fields=(*nested, *base.fields[len(nested) :]))
    if annotations.HasField("type_parameters"):
        base = with_type_parameters(base, annotations.type_parameters)
    if resolved.has(annotations, "collation_name"):
        # The empty collation is remembered until a table's default has been looked at.
        base = replace(base, collation=collation_text(annotations.collation_name) or "")
    return base


def with_type_parameters(base: Field, parameters: Any) -> Field:
    """``base`` with the parameters of a TypeParametersProto, such as STRING(10) or NUMERIC(10, 2)."""
    if base.mode is Mode.REPEATED and parameters.child_list:
        parameters = parameters.child_list[0]
    if parameters.HasField("string_type_parameters"):
        text = parameters.string_type_parameters
        return replace(base, max_length=text.max_length or None)
    if parameters.HasField("numeric_type_parameters"):
        number = parameters.numeric_type_parameters
        return replace(base, precision=number.precision or None, scale=number.scale or None)
    if base.kind is TypeKind.STRUCT and parameters.child_list:
        nested = tuple(
            with_type_parameters(f, c) for f, c in zip(base.fields, parameters.child_list, strict=True)
        )
        return replace(base, fields=nested)
    return base


def with_default_collation(base: Field, collation: str | None) -> Field:
    """``base`` where each STRING without a collation of its own, also a nested one, has a default one."""
    if base.kind is TypeKind.STRUCT:
        return replace(base, fields=tuple(with_default_collation(f, collation) for f in base.fields))
    if base.kind is not TypeKind.STRING:
        return base
    return replace(base, collation=(collation if base.collation is None else base.collation) or None)


def collation_text(expression: Any) -> str | None:
    """The collation named by a string literal; '' is none."""
    literal = resolved.unwrap(expression)
    text: str = literal.value.value.string_value
    if text not in ("", "und:ci"):
        raise invalid_query(f"Collation '{text}' is not supported")
    return text or None


def with_collations(base: Field, annotations: Any) -> Field:
    """``base`` with the collations in the AnnotationMapProto of an expression's type."""
    if base.mode is Mode.REPEATED:
        # GoogleSQL writes an array's element as the only field of a STRUCT.
        if not annotations.struct_fields:
            return base
        annotations = annotations.struct_fields[0]
    for annotation in annotations.annotations:
        base = replace(base, collation=annotation.value.string_value or None)
    if annotations.struct_fields:
        nested = zip(base.fields, annotations.struct_fields, strict=True)
        base = replace(base, fields=tuple(with_collations(f, a) for f, a in nested))
    return base


# Options of a column: API attribute and type.
_COLUMN_OPTIONS: dict[str, tuple[str, str]] = {
    "description": ("description", "STRING"),
    "rounding_mode": ("roundingMode", "STRING"),
    "policy_tags": ("policyTags", "ARRAY<STRING>"),
    "data_policies": ("dataPolicies", "ARRAY<STRING>"),
}


def with_column_options(base: Field, values: dict[str, Any]) -> Field:
    """``base`` with the values of its OPTIONS(…); NULL clears one."""
    for name, value in values.items():
        if name not in _COLUMN_OPTIONS:
            raise invalid_query(f"Unknown option: {name}")
        attribute, type_ = _COLUMN_OPTIONS[name]
        value = option_value(name, type_, value)
        if attribute == "description":
            base = replace(base, description=value)
            continue
        kept = {k: v for k, v in base.attributes.items() if k != attribute}
        if value is not None:
            kept[attribute] = {"names": value} if attribute == "policyTags" else value
        base = replace(base, attributes=kept)
    return base


def sql_type(field: Field) -> str:
    """The type of a column as INFORMATION_SCHEMA and error texts spell it: ``ARRAY<STRUCT<a INT64>>``."""
    inner = _value_type(field)
    return f"ARRAY<{inner}>" if field.mode is Mode.REPEATED else inner


def _value_type(field: Field) -> str:
    if field.kind is TypeKind.STRUCT:
        return f"STRUCT<{', '.join(f'{f.name} {sql_type(f)}' for f in field.fields)}>"
    if field.max_length is not None:
        return f"{field.kind}({field.max_length})"
    if field.precision is not None:
        scale = f", {field.scale}" if field.scale else ""
        return f"{field.kind}({field.precision}{scale})"
    return str(field.value_type)
