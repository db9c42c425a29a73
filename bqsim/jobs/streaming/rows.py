"""Rows of JSON as columns, or what is wrong with each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from bqsim.engine.formats.json_rows import MISSING, parse_row
from bqsim.engine.formats.objects import columns_of
from bqsim.types import Field
from bqsim.types.values import table_from_rows

from .request import MAX_ROW_BYTES

if TYPE_CHECKING:
    import pyarrow as pa

# The service's name of a row as a message, in its error about required fields.
_MESSAGE = "Msg_0_CLOUD_QUERY_TABLE"

Errors = dict[int, list[dict[str, str]]]


@dataclass(slots=True)
class Parsed:
    """The rows that can be stored, as canonical Arrow columns, with their ``indexes`` in the request (None
    when they are all of it), and the errors of the others by index."""

    rows: pa.Table
    indexes: list[int] | None = None
    errors: Errors = field(default_factory=dict)

    def refuse(self, found: Mapping[int, list[dict[str, str]]]) -> None:
        """Take rows out for what else is wrong with them, by their index in the request."""
        if not found:
            return
        indexes = range(self.rows.num_rows) if self.indexes is None else self.indexes
        kept = [position for position, index in enumerate(indexes) if index not in found]
        self.indexes = [indexes[position] for position in kept]
        self.rows = take(self.rows, kept)
        for index, errors in found.items():
            self.errors.setdefault(index, errors)


def parse_rows(fields: Sequence[Field], bodies: Sequence[Mapping[str, Any]], ignore_unknown: bool) -> Parsed:
    """The rows of ``bodies`` for a table's fields."""
    usual = columns_of(fields, bodies)
    parsed = Parsed(usual) if usual is not None else _one_by_one(fields, bodies, ignore_unknown)
    if parsed.rows.nbytes > MAX_ROW_BYTES:
        parsed.refuse(_too_large(parsed))
    return parsed


def _one_by_one(fields: Sequence[Field], bodies: Sequence[Mapping[str, Any]], ignore_unknown: bool) -> Parsed:
    errors: Errors = {}
    rows: list[list[Any]] = []
    indexes: list[int] = []
    for index, body in enumerate(bodies):
        found: list[tuple[str, str]] = []
        values = parse_row(fields, body, ignore_unknown, lambda path, text: found.append((path, text)))  # noqa: B023
        if found:
            errors[index] = _row_errors(found)
        else:
            rows.append(values)
            indexes.append(index)
    return Parsed(table_from_rows(fields, rows), indexes if errors else None, errors)


def _row_errors(found: Sequence[tuple[str, str]]) -> list[dict[str, str]]:
    """Errors of one row; what is missing from it is told in one."""
    missing = [text[len(MISSING) : -1] for _, text in found if text.startswith(MISSING)]
    errors = [row_error("invalid", path, text) for path, text in found if not text.startswith(MISSING)]
    if missing:
        names = ", ".join(f"{_MESSAGE}.{path}" for path in missing)
        errors.append(row_error("invalid", "", f"Missing required field{'s'[: len(missing) - 1]}: {names}."))
    return errors


def _too_large(parsed: Parsed) -> Errors:
    """Rows beyond the limit of one row; only asked for requests that are that large."""
    errors: Errors = {}
    for position in range(parsed.rows.num_rows):
        size = parsed.rows.slice(position, 1).nbytes
        if size > MAX_ROW_BYTES:
            index = position if parsed.indexes is None else parsed.indexes[position]
            text = f"Maximum allowed row size exceeded. Allowed: {MAX_ROW_BYTES} Row size: {size}"
            errors[index] = [row_error("invalid", "", text)]
    return errors


def take(rows: pa.Table, positions: Sequence[int]) -> pa.Table:
    """The rows at ``positions``, which may be none."""
    return rows.take(list(positions)) if positions else rows.slice(0, 0)


def row_error(reason: str, location: str, message: str) -> dict[str, str]:
    """An ErrorProto of insertErrors."""
    return {"reason": reason, "location": location, "debugInfo": "", "message": message}


def insert_errors(errors: Errors, count: int, skip_invalid: bool) -> list[dict[str, Any]]:
    """``insertErrors`` of the reply: good rows beside bad ones are ``stopped`` unless skipped."""
    if not errors:
        return []
    stopped = [row_error("stopped", "", "")]
    return [
        {"index": i, "errors": errors.get(i, stopped)}
        for i in range(count)
        if i in errors or not skip_invalid
    ]
