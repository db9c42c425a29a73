"""Types from their GoogleSQL spelling: ``ARRAY<STRUCT<a INT64, b STRING>>``."""

from __future__ import annotations

import re

from .kinds import StructField, Type, TypeKind, array_of, range_of

_TOKEN = re.compile(r"\s*([A-Za-z_]\w*|[<>,]|\Z)")
_ALIASES = {
    "INT": "INT64",
    "INTEGER": "INT64",
    "FLOAT": "FLOAT64",
    "DOUBLE": "FLOAT64",
    "BOOLEAN": "BOOL",
    "DECIMAL": "NUMERIC",
    "BIGDECIMAL": "BIGNUMERIC",
}


def spelled(text: str) -> Type:
    """The type of a text. ``ValueError`` for what is none."""
    tokens: list[str] = []
    at = 0
    while at < len(text.rstrip()):
        match = _TOKEN.match(text, at)
        if match is None:
            raise ValueError(f"'{text}' is not a type")
        tokens.append(match[1])
        at = match.end()
    found, rest = _type(tokens, text)
    if rest:
        raise ValueError(f"'{text}' is not a type")
    return found


def _type(tokens: list[str], text: str) -> tuple[Type, list[str]]:
    if not tokens:
        raise ValueError(f"'{text}' is not a type")
    name = tokens[0].upper()
    try:
        kind = TypeKind(_ALIASES.get(name, name))
    except ValueError:
        raise ValueError(f"'{text}' is not a type") from None
    rest = tokens[1:]
    if kind not in (TypeKind.ARRAY, TypeKind.RANGE, TypeKind.STRUCT):
        return Type(kind), rest
    if rest[:1] != ["<"]:
        raise ValueError(f"'{text}' is not a type")
    rest = rest[1:]
    if kind is not TypeKind.STRUCT:
        element, rest = _type(rest, text)
        if rest[:1] != [">"]:
            raise ValueError(f"'{text}' is not a type")
        return (array_of if kind is TypeKind.ARRAY else range_of)(element), rest[1:]
    fields: list[StructField] = []
    while True:
        label, rest = rest[0] if rest else "", rest[1:]
        inner, rest = _type(rest, text)
        fields.append(StructField(label, inner))
        if rest[:1] == [">"]:
            return Type(kind, fields=tuple(fields)), rest[1:]
        if rest[:1] != [","]:
            raise ValueError(f"'{text}' is not a type")
        rest = rest[1:]
