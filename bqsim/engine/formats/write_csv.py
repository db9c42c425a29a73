"""CSV files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from bqsim.types import Field, TypeKind
from bqsim.types.arrow import compute, constant

from .printed import printed
from .writing import Sink, converted, lines

_ROWS = 32_768
# Kinds whose texts may need quotes.
_FREE = frozenset({TypeKind.STRING, TypeKind.JSON, TypeKind.GEOGRAPHY, TypeKind.RANGE})


class CsvWriter:
    """Writes rows as lines. NULL is empty, an empty STRING is ``""``; texts are quoted where they must be."""

    def __init__(
        self, fields: Sequence[Field], out: Sink, *, header: bool = True, delimiter: str = ","
    ) -> None:
        self._fields = fields
        self._out = out
        self._delimiter = delimiter
        if header:
            names = _quoted(pa.array([f.name for f in fields], pa.string()), delimiter).to_pylist()
            out.write(f"{delimiter.join(names)}\n".encode())

    def write(self, rows: pa.Table) -> None:
        delimiter = self._delimiter

        def text(columns: Sequence[Any], count: int) -> memoryview:
            if not columns:
                return memoryview(b"\n" * count)
            cells = [_cells(c, f, delimiter) for c, f in zip(columns, self._fields, strict=True)]
            joined = compute(pc.binary_join_element_wise, *cells, delimiter) if len(cells) > 1 else cells[0]
            return lines(joined)

        for part in converted(text, rows, _ROWS):
            self._out.write(part)

    def close(self) -> None:
        return None


def _cells(array: Any, field: Field, delimiter: str) -> Any:
    text = printed(array, field.value_type)
    if field.kind in _FREE or delimiter not in ",|\t;":
        text = _quoted(text, delimiter)
    return pc.fill_null(text, constant(""))


def _quoted(text: Any, delimiter: str) -> Any:
    """Texts in quotes where they hold the delimiter, quotes or line breaks, or are empty."""
    needed = pc.match_substring_regex(text, '[\r\n"' + _class(delimiter) + "]|^$")
    if not pc.any(needed).as_py():
        return text
    inner = pc.replace_substring(text, '"', '""')
    return compute(pc.if_else, needed, compute(pc.binary_join_element_wise, '"', inner, '"', ""), text)


def _class(delimiter: str) -> str:
    """A character inside the brackets of a regular expression."""
    return f"\\x{{{ord(delimiter):X}}}"
