"""Failed rows as text, and back."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from typing import Any

from bqclient.models.schema import Field

MAX_ERROR = 1_000
MAX_ROW = 10_000
_MARK = "…"


def cut(text: str, limit: int) -> str:
    """The text, its end replaced by an ellipsis when it is too long; never half of a character."""
    # Half a surrogate pair cannot be stored.
    plain = text.encode("utf-8", "replace").decode()
    return plain if len(plain) <= limit else plain[: limit - 1] + _MARK


def row_text(row: Mapping[str, Any]) -> str:
    """A row as JSON, whatever it holds: it may have failed for what it holds."""
    return json.dumps({str(k): _value(v) for k, v in row.items()}, separators=(",", ":"), ensure_ascii=False)


def _value(value: Any) -> Any:
    from bqclient.values.json_rows import row_to_json

    try:
        found = row_to_json({"v": value}, None)["v"]
        json.dumps(found, allow_nan=False)
        return found
    except (ValueError, TypeError):
        pass
    if isinstance(value, Mapping):
        return {str(k): _value(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(v) for v in value]
    return str(value)


def revived(row: Mapping[str, Any], fields: Iterable[Field]) -> dict[str, Any]:
    """A row read from JSON with the values of its columns: BYTES are texts there."""
    known = {f.name.casefold(): f for f in fields}
    return {name: _revived(value, known.get(name.casefold())) for name, value in row.items()}


def _revived(value: Any, field: Field | None) -> Any:
    if field is None or value is None:
        return value
    if isinstance(value, list) and field.repeated:
        return [_one(item, field) for item in value]
    return _one(value, field)


def _one(value: Any, field: Field) -> Any:
    if field.type == "STRUCT" and isinstance(value, Mapping):
        return revived(value, field.fields)
    if field.type == "BYTES" and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return value
    return value
