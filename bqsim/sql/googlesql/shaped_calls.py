"""Calls of scalar functions whose results their arguments shape, under names of definitions of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn
from zlib import crc32

from . import resolved
from .catalog import Definition
from .host import SqlError
from .opaque import MARK
from .prepass import ByteOffsets, LineStarts
from .table_function_text import Renamed

if TYPE_CHECKING:
    from .table_functions import Around


@dataclass(frozen=True, slots=True)
class ShapedCall:
    """A call of a scalar function. ``text`` gives the text of a node, ``fail`` fails at the call."""

    node: Any
    text: Callable[[Any], str]
    fail: Callable[[str], NoReturn]
    around: Around


# What tells calls with equal results, and their definition; None when the function's own will do.
Shape = Callable[[ShapedCall], tuple[Any, Callable[[], Definition]] | None]


def shaped_call(
    shape: Shape, node: Any, sql: str, offsets: ByteOffsets, around: Around
) -> tuple[Renamed, Definition] | None:
    """A call of a scalar function under the name of a definition of its own; None when it needs none."""
    where = resolved.get(node.function, "parse_location_range")
    start, end = offsets.character(where.start), offsets.character(where.end)
    whole = resolved.get(node, "parse_location_range")
    lines = LineStarts(sql)

    def fail(message: str) -> NoReturn:
        line, column = lines.position(start)
        raise SqlError(3, f"{message} [at {line}:{column}]")

    def text(item: Any) -> str:
        place = resolved.get(resolved.unwrap(item), "parse_location_range")
        return sql[offsets.character(place.start) : offsets.character(place.end)]

    made = shape(ShapedCall(node, text, fail, around))
    if made is None:
        return None
    key, make = made
    path = ".".join(n.id_string.casefold() for n in node.function.names)
    name = f"{path}{MARK}{crc32(repr(key).encode()):08x}"
    definition = around.define(("scalar function", name, key), make)
    return Renamed(start, end, offsets.character(whole.end), name, []), definition
