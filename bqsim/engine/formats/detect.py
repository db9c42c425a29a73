"""Schema auto-detection for CSV and JSON (page *Using schema auto-detection*)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from bqsim.errors import BigQueryError
from bqsim.types import Field, Mode, TypeKind

from .time_formats import TimeFormats

KindOf = Callable[[str], TypeKind]

# How many rows the service looks at.
SAMPLE_ROWS = 500
MAX_NAME = 300

_INTEGER = re.compile(r"[+-]?\d{1,19}\Z")
_FLOAT = re.compile(r"[+-]?(\d+\.?\d*([eE][+-]?\d+)?|\.\d+([eE][+-]?\d+)?|nan|inf(inity)?)\Z", re.IGNORECASE)
_BOOLEAN = re.compile(r"(true|false)\Z", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d{1,2}-\d{1,2}\Z")
_TIMESTAMP = re.compile(
    r"\d{4}-\d{1,2}-\d{1,2}[ T]\d{1,2}:\d{1,2}(:\d{1,2}(\.\d{1,6})?)? ?(UTC|[Zz]|[+-]\d{1,2}(:?\d{2})?)?\Z"
)
_TIME = re.compile(r"\d{1,2}:\d{1,2}:\d{1,2}(\.\d{1,6})?\Z")

# The kind of a text is that of the first pattern that it matches.
TEXT_KINDS: tuple[tuple[re.Pattern[str], TypeKind], ...] = (
    (_INTEGER, TypeKind.INT64),
    (_FLOAT, TypeKind.FLOAT64),
    (_BOOLEAN, TypeKind.BOOL),
    (_DATE, TypeKind.DATE),
    (_TIMESTAMP, TypeKind.TIMESTAMP),
    (_TIME, TypeKind.TIME),
)
# Kinds that may have formats, the narrowest first.
_FORMATTED = (TypeKind.DATE, TypeKind.TIME, TypeKind.TIMESTAMP, TypeKind.DATETIME)
# What two kinds in one column become; other pairs become STRING.
_JOINED: dict[frozenset[TypeKind], TypeKind] = {
    frozenset({TypeKind.INT64, TypeKind.FLOAT64}): TypeKind.FLOAT64,
    frozenset({TypeKind.DATE, TypeKind.TIMESTAMP}): TypeKind.TIMESTAMP,
}


def text_kind(text: str) -> TypeKind:
    """The kind that a text looks like."""
    text = text.strip()
    kind = next((kind for pattern, kind in TEXT_KINDS if pattern.match(text)), TypeKind.STRING)
    if kind is TypeKind.INT64 and not -(2**63) <= int(text) < 2**63:
        return TypeKind.FLOAT64
    return kind


def joined(a: TypeKind | None, b: TypeKind | None) -> TypeKind | None:
    """The kind of a column with values of both kinds; None is a column without values."""
    if a is None or b is None or a is b:
        return a or b
    return _JOINED.get(frozenset({a, b}), TypeKind.STRING)


def column_name(text: str, used: set[str]) -> str:
    """A column name made from a header text; unique among ``used``, to which it is added."""
    name = re.sub(r"[^\w]", "_", text.strip())[:MAX_NAME] or "_"
    if name[0].isdigit():
        name = f"_{name}"
    unique, n = name, 1
    while unique.casefold() in used:
        unique = f"{name}_{n}"
        n += 1
    used.add(unique.casefold())
    return unique


# -- CSV


def kind_reader(formats: TimeFormats) -> KindOf:
    """How the kinds of texts are told where some dates and times are written otherwise than usual."""
    given = [Field("", kind) for kind in _FORMATTED if formats.format_of(kind)]
    if not given:
        return text_kind

    def kind_of(text: str) -> TypeKind:
        for field in given:
            try:
                formats.parse(text, field)
            except BigQueryError:
                continue
            return field.kind
        return text_kind(text)

    return kind_of


def detect_csv(
    rows: Sequence[Sequence[str | None]], skip_leading_rows: int | None, formats: TimeFormats | None = None
) -> tuple[tuple[Field, ...], int]:
    """The fields of a CSV file from its first rows, and how many rows are not data.

    ``skip_leading_rows`` None or N > 0 let the last skipped row (row 1 when None) name the columns; 0 means
    no header.
    """
    kind_of = text_kind if formats is None else kind_reader(formats)
    names_row = None if skip_leading_rows == 0 else max(0, (skip_leading_rows or 1) - 1)
    first_data = skip_leading_rows or 0
    header: Sequence[str | None] | None = None
    if names_row is not None and names_row < len(rows):
        candidate = rows[names_row]
        if skip_leading_rows or _looks_like_header(candidate, rows[names_row + 1 :], kind_of):
            header, first_data = candidate, names_row + 1
    data = rows[first_data:]
    width = max((len(r) for r in data), default=len(header or ()))
    kinds = _column_kinds(data, width, kind_of)
    used: set[str] = set()
    fields = [
        Field(_csv_name(header, i, kind, used), kind)
        for i, kind in enumerate(kinds[: max(width, len(header or ()))])
    ]
    return tuple(fields), first_data


def _column_kinds(rows: Sequence[Sequence[str | None]], width: int, kind_of: KindOf) -> list[TypeKind]:
    kinds: list[TypeKind | None] = [None] * width
    for row in rows[:SAMPLE_ROWS]:
        for i, text in enumerate(row):
            if text is not None and text.strip():
                kinds[i] = joined(kinds[i], kind_of(text))
    return [kind or TypeKind.STRING for kind in kinds]


def _looks_like_header(
    row: Sequence[str | None], rest: Sequence[Sequence[str | None]], kind_of: KindOf
) -> bool:
    """Row 1 is a header when it is all strings and some column below it is not."""
    if not all(t and kind_of(t) is TypeKind.STRING for t in row):
        return False
    kinds = _column_kinds(rest, max(map(len, rest), default=0), kind_of)
    return any(kind is not TypeKind.STRING for kind in kinds)


def _csv_name(header: Sequence[str | None] | None, index: int, kind: TypeKind, used: set[str]) -> str:
    text = header[index] if header is not None and index < len(header) else None
    if text:
        return column_name(text, used)
    return column_name(f"{GENERIC_NAMES.get(kind, kind.value.lower())}_field_{index}", used)


GENERIC_NAMES = {TypeKind.INT64: "int64", TypeKind.FLOAT64: "double"}


# -- JSON


class _Seen:
    """What was seen of one JSON field."""

    __slots__ = ("kind", "nested", "repeated")

    def __init__(self) -> None:
        self.kind: TypeKind | None = None
        self.repeated = False
        self.nested: dict[str, _Seen] = {}

    def add(self, value: Any, kind_of: KindOf = text_kind) -> None:
        if value is None:
            return
        if isinstance(value, list):
            self.repeated = True
            for item in value:
                self.add(item, kind_of)
        elif isinstance(value, Mapping):
            self.kind = TypeKind.STRUCT
            for name, inner in value.items():
                self.nested.setdefault(str(name), _Seen()).add(inner, kind_of)
        else:
            self.kind = joined(self.kind, _json_kind(value, kind_of))

    def field(self, name: str) -> Field:
        mode = Mode.REPEATED if self.repeated else Mode.NULLABLE
        nested = _fields(self.nested) if self.kind is TypeKind.STRUCT else ()
        return Field(name, self.kind or TypeKind.STRING, mode, nested)


def _json_kind(value: object, kind_of: KindOf) -> TypeKind:
    if isinstance(value, bool):
        return TypeKind.BOOL
    if isinstance(value, int):
        return TypeKind.INT64 if -(2**63) <= value < 2**63 else TypeKind.FLOAT64
    if isinstance(value, float):
        return TypeKind.FLOAT64
    return kind_of(str(value))


def detect_json(rows: Iterable[Mapping[str, Any]], formats: TimeFormats | None = None) -> tuple[Field, ...]:
    """The fields of JSON objects. The service lists them in the reverse of the order they appear in."""
    top: dict[str, _Seen] = {}
    kind_of = text_kind if formats is None else kind_reader(formats)
    for row in rows:
        for name, value in row.items():
            top.setdefault(str(name), _Seen()).add(value, kind_of)
    return _fields(top)


def _fields(seen: Mapping[str, _Seen]) -> tuple[Field, ...]:
    known = [(name, s) for name, s in seen.items() if s.kind is not TypeKind.STRUCT or s.nested]
    return tuple(s.field(name) for name, s in reversed(known))
