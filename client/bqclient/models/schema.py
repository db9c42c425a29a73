"""Schemas of tables and results."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from dataclasses import Field as DataclassField
from typing import Any

from bqclient.errors import UsageError

# Names of types that mean the same.
ALIASES: Mapping[str, str] = {
    "BOOLEAN": "BOOL",
    "FLOAT": "FLOAT64",
    "INTEGER": "INT64",
    "RECORD": "STRUCT",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
    "INT": "INT64",
    "SMALLINT": "INT64",
    "BIGINT": "INT64",
    "TINYINT": "INT64",
    "BYTEINT": "INT64",
}
TYPES = frozenset(
    {
        *("BIGNUMERIC", "BOOL", "BYTES", "DATE", "DATETIME", "FLOAT64", "GEOGRAPHY", "INT64", "INTERVAL"),
        *("JSON", "NUMERIC", "RANGE", "STRING", "STRUCT", "TIME", "TIMESTAMP"),
    }
)
MODES = ("NULLABLE", "REQUIRED", "REPEATED")


@dataclass(frozen=True, slots=True, repr=False)
class Field:
    """A column or a field of a STRUCT. ``type`` is GoogleSQL's name (INT64, STRUCT, …)."""

    name: str
    type: str
    mode: str = "NULLABLE"
    fields: tuple[Field, ...] = ()
    description: str | None = None
    precision: int | None = None
    scale: int | None = None
    max_length: int | None = None
    default: str | None = None
    # DATE, DATETIME or TIMESTAMP: of a RANGE.
    element: str | None = None
    # Whatever else the API has: policyTags, collation, roundingMode, …
    more: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        plain = self.type.upper()
        object.__setattr__(self, "type", ALIASES.get(plain, plain))
        object.__setattr__(self, "mode", (self.mode or "NULLABLE").upper())
        if self.type not in TYPES:
            raise UsageError(f"Field {self.name} has the unknown type {self.type}.")
        if self.mode not in MODES:
            raise UsageError(f"Field {self.name} has the unknown mode {self.mode}.")

    def __repr__(self) -> str:
        """What is not as usual: ``Field('id', 'INT64', mode='REQUIRED')``."""
        told = [f"{f.name}={v!r}" for f in fields(self)[2:] if (v := getattr(self, f.name)) != _usual(f)]
        return f"Field({', '.join([repr(self.name), repr(self.type), *told])})"

    @property
    def repeated(self) -> bool:
        """Whether it is an ARRAY."""
        return self.mode == "REPEATED"

    @property
    def required(self) -> bool:
        """Whether it may not be NULL."""
        return self.mode == "REQUIRED"

    @classmethod
    def from_api(cls, data: Mapping[str, Any]) -> Field:
        """From the API's ``TableFieldSchema``."""
        known = {_API.get(key, ""): value for key, value in data.items()}
        known.pop("", None)
        for name in ("precision", "scale", "max_length"):
            if known.get(name) is not None:
                known[name] = int(known[name])
        known["fields"] = tuple(cls.from_api(f) for f in data.get("fields") or ())
        if "rangeElementType" in data:
            known["element"] = data["rangeElementType"]["type"]
        rest = {key: value for key, value in data.items() if key not in _TAKEN}
        return cls(**known, more=rest)

    def to_api(self) -> dict[str, Any]:
        """As the API has it."""
        found: dict[str, Any] = {"name": self.name, "type": self.type, "mode": self.mode, **self.more}
        for key, name in _API.items():
            value = getattr(self, name)
            if key not in found and value is not None:
                found[key] = str(value) if isinstance(value, int) else value
        if self.fields:
            found["fields"] = [f.to_api() for f in self.fields]
        if self.element:
            found["rangeElementType"] = {"type": self.element}
        return found


def _usual(of: DataclassField[Any]) -> Any:
    return of.default if of.default_factory is MISSING else of.default_factory()


_API = {
    "name": "name",
    "type": "type",
    "mode": "mode",
    "description": "description",
    "precision": "precision",
    "scale": "scale",
    "maxLength": "max_length",
    "defaultValueExpression": "default",
}
_TAKEN = frozenset(_API) | {"fields", "rangeElementType"}


@dataclass(frozen=True, slots=True)
class Schema(Sequence[Field]):
    """Fields in order."""

    fields: tuple[Field, ...] = ()

    @classmethod
    def of(cls, given: Schema | Iterable[Field | Mapping[str, Any]]) -> Schema:
        """From fields, or from dictionaries of the API's form."""
        if isinstance(given, Schema):
            return given
        return cls(tuple(f if isinstance(f, Field) else Field.from_api(f) for f in given))

    @classmethod
    def from_api(cls, data: Mapping[str, Any] | None) -> Schema:
        """From the API's ``TableSchema``."""
        return cls.of((data or {}).get("fields") or ())

    def to_api(self) -> dict[str, Any]:
        """As the API has it."""
        return {"fields": [f.to_api() for f in self.fields]}

    @property
    def names(self) -> tuple[str, ...]:
        """The names in order."""
        return tuple(f.name for f in self.fields)

    def __iter__(self) -> Iterator[Field]:
        return iter(self.fields)

    def __len__(self) -> int:
        return len(self.fields)

    def __getitem__(self, index: Any) -> Any:
        return self.fields[index]
