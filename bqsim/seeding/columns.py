"""Columns as seeds, DDL and INFORMATION_SCHEMA write them → fields of the API."""

from __future__ import annotations

import re
from typing import Any

from bqsim.types import Mode, TypeKind, field_of
from bqsim.types.api_schema import fields_to_api
from bqsim.types.spelled import spelled

_PARAMETERS = re.compile(r"\(\s*([0-9]+|MAX)\s*(?:,\s*(-?[0-9]+)\s*)?\)", re.IGNORECASE)
_MODES = (
    (re.compile(r"\s+(?:NOT\s+NULL|REQUIRED)\Z", re.IGNORECASE), "REQUIRED"),
    (re.compile(r"\s+REPEATED\Z", re.IGNORECASE), "REPEATED"),
    (re.compile(r"\s+(?:NULL|NULLABLE)\Z", re.IGNORECASE), "NULLABLE"),
)
_RECORD = re.compile(r"\bRECORD\s*<", re.IGNORECASE)
_LENGTHS = frozenset({TypeKind.STRING, TypeKind.BYTES})


def api_field(name: str, text: str) -> dict[str, Any]:
    """The API's field for a column ``name`` of a type as GoogleSQL writes it, ``STRING(10) NOT NULL``.

    Raises ``ValueError`` for what is no type.
    """
    bare, mode = text.strip(), ""
    for pattern, named in _MODES:
        if pattern.search(bare):
            bare, mode = pattern.sub("", bare), named
            break
    parameters = _PARAMETERS.findall(bare)
    type_ = spelled(_RECORD.sub("STRUCT<", _PARAMETERS.sub("", bare)))
    field = field_of(name, type_)
    (made,) = fields_to_api((field,))
    body: dict[str, Any] = dict(made)
    if mode and field.mode is not Mode.REPEATED:
        body["mode"] = mode
    if parameters and field.kind is not TypeKind.STRUCT:
        first, second = parameters[0]
        if field.kind in _LENGTHS:
            body["maxLength"] = first
        else:
            body["precision"] = first
            if second:
                body["scale"] = second
    return body
