"""The one model of a BigQuery type.

A :class:`Type` is a value type of GoogleSQL; a :class:`Field` is a column or nested field of a
table schema with everything the API keeps about it. The other modules of this package translate
these two to the API's JSON, Arrow and wire values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class TypeKind(StrEnum):
    """GoogleSQL's names of BigQuery's types."""

    INT64 = "INT64"
    FLOAT64 = "FLOAT64"
    NUMERIC = "NUMERIC"
    BIGNUMERIC = "BIGNUMERIC"
    BOOL = "BOOL"
    STRING = "STRING"
    BYTES = "BYTES"
    DATE = "DATE"
    TIME = "TIME"
    DATETIME = "DATETIME"
    TIMESTAMP = "TIMESTAMP"
    INTERVAL = "INTERVAL"
    JSON = "JSON"
    GEOGRAPHY = "GEOGRAPHY"
    RANGE = "RANGE"
    ARRAY = "ARRAY"
    STRUCT = "STRUCT"


@dataclass(frozen=True, slots=True)
class StructField:
    """One field of a STRUCT type; ``name`` is empty for an unnamed field."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Type:
    """A GoogleSQL type: ``element`` for ARRAY and RANGE, ``fields`` for STRUCT."""

    kind: TypeKind
    element: Type | None = None
    fields: tuple[StructField, ...] = ()

    def __str__(self) -> str:
        """GoogleSQL's spelling, for instance ``ARRAY<STRUCT<a INT64, STRING>>``."""
        if self.kind is TypeKind.STRUCT:
            inner = ", ".join(f"{f.name} {f.type}" if f.name else str(f.type) for f in self.fields)
            return f"STRUCT<{inner}>"
        return f"{self.kind}<{self.element}>" if self.element else str(self.kind.value)

    @property
    def is_array(self) -> bool:
        return self.kind is TypeKind.ARRAY

    @property
    def is_struct(self) -> bool:
        return self.kind is TypeKind.STRUCT


INT64 = Type(TypeKind.INT64)
FLOAT64 = Type(TypeKind.FLOAT64)
NUMERIC = Type(TypeKind.NUMERIC)
BIGNUMERIC = Type(TypeKind.BIGNUMERIC)
BOOL = Type(TypeKind.BOOL)
STRING = Type(TypeKind.STRING)
BYTES = Type(TypeKind.BYTES)
DATE = Type(TypeKind.DATE)
TIME = Type(TypeKind.TIME)
DATETIME = Type(TypeKind.DATETIME)
TIMESTAMP = Type(TypeKind.TIMESTAMP)
INTERVAL = Type(TypeKind.INTERVAL)
JSON = Type(TypeKind.JSON)
GEOGRAPHY = Type(TypeKind.GEOGRAPHY)


def array_of(element: Type) -> Type:
    return Type(TypeKind.ARRAY, element=element)


def range_of(element: Type) -> Type:
    """RANGE over DATE, DATETIME or TIMESTAMP."""
    return Type(TypeKind.RANGE, element=element)


def struct_of(*fields: tuple[str, Type]) -> Type:
    return Type(TypeKind.STRUCT, fields=tuple(StructField(n, t) for n, t in fields))


class Mode(StrEnum):
    """The API's field modes."""

    NULLABLE = "NULLABLE"
    REQUIRED = "REQUIRED"
    REPEATED = "REPEATED"


@dataclass(frozen=True, slots=True)
class Field:
    """A column or nested field of a schema.

    ``kind`` is the kind of one value (of one element when ``mode`` is REPEATED); ``fields`` are the
    nested fields of a STRUCT; ``range_element`` is the element kind of a RANGE; ``max_length``,
    ``precision`` and ``scale`` are the parameters of a parameterised type; ``default`` is the default
    value expression; ``attributes`` holds what the API accepts and returns unchanged (policyTags,
    roundingMode, dataPolicies, ...), with the API's names.
    """

    name: str
    kind: TypeKind
    mode: Mode = Mode.NULLABLE
    fields: tuple[Field, ...] = ()
    range_element: TypeKind | None = None
    description: str | None = None
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None
    default: str | None = None
    collation: str | None = None
    attributes: Mapping[str, Any] = field(default_factory=dict)

    @property
    def value_type(self) -> Type:
        """The type of one value, without the array of a REPEATED field."""
        if self.kind is TypeKind.STRUCT:
            return Type(self.kind, fields=tuple(StructField(f.name, f.type) for f in self.fields))
        if self.kind is TypeKind.RANGE:
            return range_of(Type(self.range_element or TypeKind.DATE))
        return Type(self.kind)

    @property
    def type(self) -> Type:
        """The column's type, an ARRAY when the mode is REPEATED."""
        return array_of(self.value_type) if self.mode is Mode.REPEATED else self.value_type


def field_of(name: str, type_: Type, mode: Mode = Mode.NULLABLE) -> Field:
    """The schema field that holds values of ``type_`` (an ARRAY becomes mode REPEATED)."""
    if type_.kind is TypeKind.ARRAY:
        assert type_.element is not None
        return field_of(name, type_.element, Mode.REPEATED)
    nested = tuple(field_of(f.name, f.type) for f in type_.fields)
    element = type_.element.kind if type_.kind is TypeKind.RANGE and type_.element else None
    return Field(name, type_.kind, mode, nested, element)
