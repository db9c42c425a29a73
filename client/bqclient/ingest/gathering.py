"""Rows of any form as pieces: lists of dictionaries, or record batches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

from bqclient.errors import UsageError
from bqclient.models.schema import Schema
from bqclient.storage_api.batches import pieces_of, size_of

from .checking import check_columns

_FRAMES = ("pandas", "polars")


class Gathered:
    """Rows as far as they were looked at. ``count`` is ``None`` when there are more than were counted."""

    def __init__(self, seen: list[Any], rest: AsyncIterator[Any] | None) -> None:
        self._seen, self._rest = seen, rest
        self.looked_at = sum(map(size_of, seen))
        self.taken = 0

    @property
    def count(self) -> int | None:
        """How many rows there are, where that is known."""
        return self.looked_at if self._rest is None else None

    async def pieces(self) -> AsyncIterator[tuple[int, Any]]:
        """Each piece once, with the index of its first row."""
        while self._seen:
            yield self._next(self._seen.pop(0))
        if self._rest is not None:
            async for piece in self._rest:
                yield self._next(piece)

    def arrow(self) -> list[Any] | None:
        """The record batches, where there is nothing else and all of them are here."""
        if self._rest is not None or not self._seen or any(isinstance(p, list) for p in self._seen):
            return None
        return list(self._seen)

    def _next(self, piece: Any) -> tuple[int, Any]:
        first = self.taken
        self.taken += size_of(piece)
        return first, piece

    async def rows(self) -> AsyncIterator[tuple[int, Mapping[str, Any]]]:
        """Each row with its index; those of Arrow data as dictionaries."""
        async for first, piece in self.pieces():
            found = piece if isinstance(piece, list) else piece.to_pylist()
            for index, row in enumerate(found, first):
                yield index, row


async def gather(rows: Any, limit: int, schema: Schema) -> Gathered:
    """Look at rows until there are ``limit`` of them or no more. Raises UsageError for what is no rows."""
    source = pieces_of(_plain(rows, schema))
    seen: list[Any] = []
    count = 0
    async for piece in source:
        size = size_of(piece)
        if not size:
            continue
        seen.append(piece)
        count += size
        if count >= limit:
            if _sized(rows):
                continue
            return Gathered(seen, source)
    return Gathered(seen, None)


def _sized(rows: Any) -> bool:
    """Whether everything is there already, so that counting all of it takes no room."""
    return isinstance(rows, list | tuple | Mapping) or hasattr(rows, "num_rows") or _is_frame(rows)


def _is_frame(rows: Any) -> bool:
    return type(rows).__module__.partition(".")[0] in _FRAMES


def _plain(rows: Any, schema: Schema) -> Any:
    """Frames as Arrow data, rows of results as dictionaries."""
    if _is_frame(rows):
        return _of_frame(rows, schema)
    if isinstance(rows, Mapping) or hasattr(rows, "num_rows") or hasattr(rows, "read_next_batch"):
        return rows
    if hasattr(rows, "__aiter__"):
        return _dicts_as_they_come(rows)
    if isinstance(rows, Iterable) and not isinstance(rows, str | bytes) and not hasattr(rows, "to_batches"):
        return map(_dict, rows)
    return rows


def _of_frame(given: Any, schema: Schema) -> Any:
    """A frame as Arrow data; as rows where values do not fit, so that each is looked at.

    Raises UsageError for columns that the table does not have.
    """
    from bqclient.values.frames import arrow_of_frame

    frame = given.collect() if hasattr(given, "collect") else given
    if not hasattr(frame, "columns"):
        raise UsageError(f"{type(frame).__name__} is no DataFrame: rows have columns.")
    names = [str(name) for name in frame.columns]
    check_columns(names, schema)
    given_names = {name.casefold() for name in names}
    try:
        # Columns that the frame lacks stay missing.
        return arrow_of_frame(frame, Schema(tuple(f for f in schema if f.name.casefold() in given_names)))
    except UsageError:
        return _records(frame)


def _records(frame: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]]
    if hasattr(frame, "to_dicts"):
        found = frame.to_dicts()
    else:
        # What pandas has for nothing is NULL.
        found = frame.astype(object).where(frame.notna(), None).to_dict(orient="records")
    return found


async def _dicts_as_they_come(rows: Any) -> AsyncIterator[Any]:
    async for row in rows:
        yield _dict(row)


def _dict(row: Any) -> Any:
    return row.as_dict() if hasattr(row, "as_dict") else row
