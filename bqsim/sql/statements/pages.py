"""Rows of stored tables a page at a time, so that however many they are they take little memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from bqsim.engine.protocol import Session
from bqsim.types import Field

if TYPE_CHECKING:
    import pyarrow as pa

# Logical bytes of a page, and its rows at most and at least.
PAGE_BYTES = 16 * 1024**2
MOST_ROWS = 131_072
LEAST_ROWS = 16


def page_rows(rows: int, size: int) -> int:
    """How many rows a page has of a table with so many rows and logical bytes."""
    wanted = PAGE_BYTES * rows // size if size > 0 else MOST_ROWS
    return max(LEAST_ROWS, min(MOST_ROWS, wanted))


def pages(
    session: Session,
    engine_table: str,
    columns: Sequence[str],
    fields: Sequence[Field],
    which: str,
    rows: int,
) -> Iterator[pa.Table]:
    """The canonical rows of engine columns for which the condition ``which`` holds, in stored order, of
    ``rows`` stored ones at a time. In a transaction all pages are of one moment."""
    # Rows of a table that is not committed yet have high numbers.
    bounds = session.scalar(f"SELECT [min(rowid), max(rowid)] FROM {engine_table}")
    assert isinstance(bounds, list)
    if bounds[0] is None:
        return
    selected = ", ".join(columns) or "1"
    for start in range(bounds[0], bounds[1] + 1, rows):
        page = session.query(
            f"SELECT {selected} FROM {engine_table}"
            f" WHERE rowid >= {start} AND rowid < {start + rows} AND ({which})",
            fields,
        )
        if page.num_rows:
            yield page
