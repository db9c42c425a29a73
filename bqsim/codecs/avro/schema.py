"""The Avro schema of a table's rows, as the Storage Read API words it.

Types are those of *Avro schema details* (page *Storage Read API*). Records of STRUCT columns are named
``__s_0``, ``__s_1`` … in the order in which they are met, since Avro defines a name once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from bqsim.errors import invalid
from bqsim.types import Field, Mode, TypeKind

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_RANGE_NAMESPACE = "google.sqlType"

_SCALAR: dict[TypeKind, str | dict[str, str]] = {
    TypeKind.INT64: "long",
    TypeKind.FLOAT64: "double",
    TypeKind.BOOL: "boolean",
    TypeKind.STRING: "string",
    TypeKind.BYTES: "bytes",
    TypeKind.DATE: {"type": "int", "logicalType": "date"},
    TypeKind.TIME: {"type": "long", "logicalType": "time-micros"},
    TypeKind.DATETIME: {"type": "string", "logicalType": "datetime"},
    TypeKind.TIMESTAMP: {"type": "long", "logicalType": "timestamp-micros"},
    TypeKind.INTERVAL: {"type": "string", "sqlType": "INTERVAL"},
    TypeKind.JSON: {"type": "string", "sqlType": "JSON"},
    TypeKind.GEOGRAPHY: {"type": "string", "sqlType": "GEOGRAPHY"},
}
# Precision and scale of a decimal without parameters.
_DECIMALS = {TypeKind.NUMERIC: (38, 9), TypeKind.BIGNUMERIC: (77, 38)}


def decimal_size(field: Field) -> tuple[int, int]:
    """Precision and scale of a NUMERIC or BIGNUMERIC field in Avro."""
    return _DECIMALS[field.kind] if field.precision is None else (field.precision, field.scale or 0)


def avro_schema(
    fields: Sequence[Field], record_name: str = "__root__", *, display_names: bool = False
) -> str:
    """The JSON text of the rows' schema.

    Names that Avro does not allow are replaced when ``display_names`` is set (the option
    ``enable_display_name_attribute``), which gives each field its own name as ``displayName``; otherwise they
    raise ``invalid``.
    """
    schema = _Schema(display_names).record(record_name, fields)
    return json.dumps(schema, separators=(",", ":"), ensure_ascii=False)


class _Schema:
    def __init__(self, display_names: bool) -> None:
        self._display_names = display_names
        self._structs = 0
        self._ranges: set[str] = set()

    def record(self, name: str, fields: Sequence[Field]) -> dict[str, Any]:
        body = [self._field(f, i) for i, f in enumerate(fields)]
        return {"type": "record", "name": name, "fields": body}

    def _field(self, field: Field, position: int) -> dict[str, Any]:
        # Unnamed fields of query results are called by their place, as the service does in tables.
        name = shown = field.name or f"_field_{position + 1}"
        if not _NAME.fullmatch(name):
            if not self._display_names:
                raise invalid(f"Field name is not supported by the Avro format: {name}", name)
            name = f"__f_{position}"
        own = {"displayName": shown} if self._display_names else {}
        return {"name": name, "type": self._moded(field), **own}

    def _moded(self, field: Field) -> Any:
        value = self._value(field)
        if field.mode is Mode.REPEATED:
            return {"type": "array", "items": value}
        return value if field.mode is Mode.REQUIRED else ["null", value]

    def _value(self, field: Field) -> Any:
        if field.kind is TypeKind.STRUCT:
            name = f"__s_{self._structs}"
            self._structs += 1
            return self.record(name, field.fields)
        if field.kind is TypeKind.RANGE:
            return self._range(field.range_element or TypeKind.DATE)
        if field.kind in _DECIMALS:
            precision, scale = decimal_size(field)
            return {"type": "bytes", "logicalType": "decimal", "precision": precision, "scale": scale}
        return _SCALAR[field.kind]

    def _range(self, element: TypeKind) -> Any:
        """The first RANGE of an element type defines the record that the others refer to."""
        name = f"RANGE_{element.value}"
        if name in self._ranges:
            return f"{_RANGE_NAMESPACE}.{name}"
        self._ranges.add(name)
        bounds = [{"name": side, "type": ["null", _SCALAR[element]]} for side in ("start", "end")]
        return {
            "type": "record",
            "namespace": _RANGE_NAMESPACE,
            "name": name,
            "sqlType": "RANGE",
            "fields": bounds,
        }
