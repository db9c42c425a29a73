"""What reading a file gives."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bqsim.errors import BigQueryError, invalid
from bqsim.types import Field, TypeKind

if TYPE_CHECKING:
    import pyarrow as pa

READING = "Error while reading data, error message: "


@dataclass(slots=True)
class Parsed:
    """Canonical rows by position of ``fields``, and one message for each record that was left out."""

    fields: tuple[Field, ...]
    rows: pa.Table
    bad: list[str] = field(default_factory=list)


@contextmanager
def reading(message: str) -> Iterator[None]:
    """Tells with ``message`` what a library stumbles over in a damaged file: it raises anything."""
    try:
        yield
    except BigQueryError:
        raise
    except Exception as error:
        raise invalid(message) from error


@dataclass(frozen=True, slots=True)
class ArrowOptions:
    """How files that say what their columns are become Arrow, as ``FileOptions`` says."""

    decimal_types: tuple[str, ...] = ()
    enum_as_string: bool = False
    names: str = "STRICT"


def together(fields: Sequence[Field], parts: Sequence[Parsed]) -> Parsed:
    """Parts of a file as one."""
    import pyarrow as pa

    from bqsim.types.arrow import empty_table

    if len(parts) == 1:
        return parts[0]
    rows = pa.concat_tables([p.rows for p in parts]) if parts else empty_table(fields)
    return Parsed(tuple(fields), rows, [text for p in parts for text in p.bad])


def decimal_kind(precision: int, scale: int, targets: Sequence[str] = ()) -> TypeKind:
    """The type of a decimal: the first in the order NUMERIC, BIGNUMERIC, STRING that holds all its values, of
    those among ``targets`` when some are given (page *DecimalTargetType*); else the widest of them."""
    whole = precision - scale
    holds = {"NUMERIC": scale <= 9 and whole <= 29, "BIGNUMERIC": scale <= 38 and whole <= 38, "STRING": True}
    wanted = [t for t in holds if t in targets] or ["NUMERIC", "BIGNUMERIC"]
    return TypeKind(next((t for t in wanted if holds[t]), wanted[-1]))


# What column names may not hold, by the map that replaces it (page *columnNameCharacterMap*).
_REPLACED = {"V1": re.compile(r"[^A-Za-z0-9_]"), "V2": re.compile(r'[!"$()*,./;?@\[\]\\^`{}~]')}


def mapped_names(names: Sequence[str], character_map: str) -> list[str]:
    """Column names by a column name character map: characters that it does not take become ``_``."""
    replaced = [_REPLACED[character_map].sub("_", name) for name in names]
    return [f"_{name}" if character_map == "V1" and name[:1].isdigit() else name for name in replaced]
