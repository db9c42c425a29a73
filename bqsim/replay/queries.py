"""Results of recorded queries and tables: their schema and rows, in pages of any size."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError
from bqsim.server.rest.reply import Raw

from .rows import Missing, RecordedRows

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.record.cassette.cassette import Cassette
    from bqsim.record.model import Operation
    from bqsim.types.wire import WireOptions

# The service cuts pages of results at about this size (page "Paging through results"), which pages of so many
# rows are unlikely to reach.
PAGE_BYTES = 10 * 1024 * 1024
_ROWS_AT_ONCE = 10_000
# Rendered pages that a result keeps, and how large they may be.
_PAGES_KEPT, _PAGE_KEPT_BYTES = 64, 1024 * 1024


class RecordedResult:
    """The result of a recorded query, or the rows of a table that were read.

    ``schema`` is the API's TableSchema, None for a statement without result; ``total_rows`` of it.
    """

    def __init__(self, cassette: Cassette, operation: Operation) -> None:
        result = operation.result
        self.operation = operation
        stretches = result.get("rows") or []
        self._recorded = RecordedRows(cassette, stretches, result.get("schema")) if stretches else None
        schema = result.get("schema")
        if schema is None and self._recorded is not None:
            # Pages of tables do not tell it; Arrow and Avro do.
            with suppress(ValueError):
                schema = self._recorded.schema
        self.schema: dict[str, Any] | None = schema
        recorded = self._recorded.end if self._recorded is not None else 0
        total = result.get("totalRows")
        self.total_rows = recorded if total is None else int(total)
        self._pages: dict[tuple[Any, ...], tuple[Raw, int]] = {}

    @property
    def rows(self) -> RecordedRows | None:
        """The recorded rows, in any form; None when there are none."""
        return self._recorded

    def page_json(
        self, start: int, count: int | None, options: WireOptions | None = None, selected: str | None = None
    ) -> tuple[Raw, int]:
        """Up to ``count`` rows from ``start`` on as the REST API's JSON array, and how many these are.

        ``count`` None is what the service puts into one page. :class:`BigQueryError` when none of them was
        recorded although the result has them.
        """
        left = max(0, self.total_rows - start)
        wanted = left if count is None else min(count, left)
        if wanted == 0:
            return Raw(b"[]"), 0
        key = (start, wanted, count is None, options, selected)
        kept = self._pages.get(key)
        if kept is None:
            text, shown = self._page(start, wanted, options, selected)
            kept = Raw(text), shown
            if len(kept[0]) <= _PAGE_KEPT_BYTES and len(self._pages) < _PAGES_KEPT:
                self._pages[key] = kept
        return kept

    def _page(
        self, start: int, wanted: int, options: WireOptions | None, selected: str | None
    ) -> tuple[bytes, int]:
        rows = self._recorded
        if rows is None:
            raise unread(self.operation.name, start, start + wanted, 0)
        try:
            return rows_page(rows, start, wanted, options, selected)
        except Missing as missing:
            raise unread(self.operation.name, missing.start, missing.stop, rows.recorded) from None

    def arrow(self, start: int, count: int) -> list[pa.RecordBatch]:
        """Rows as Arrow, of the types of the Storage API. ``rows.Missing`` for what was not recorded."""
        return [] if self._recorded is None else self._recorded.arrow(start, count)


def unread(name: str, start: int, stop: int, recorded: int) -> BigQueryError:
    """The failure of who asks for rows that nobody read when it was recorded."""
    text = f"Not recorded: rows {start} to {stop - 1} of {name}, of which {recorded} rows were read then"
    return BigQueryError("invalid", text, location="replay")


def rows_page(
    rows: RecordedRows, start: int, wanted: int, options: WireOptions | None, selected: str | None
) -> tuple[bytes, int]:
    """Up to ``wanted`` rows from ``start`` on as JSON, as many as were recorded and as fit into a page, and
    how many these are. :class:`Missing` when not even the first was recorded."""
    gaps = rows.missing(start, wanted)
    known = gaps[0][0] - start if gaps else wanted
    if known == 0:
        raise Missing(start, gaps[0][1])
    try:
        _ = rows.fields
    except ValueError:
        # Nothing tells what the columns are: rows are told as they were.
        options = selected = None
    parts: list[bytes] = []
    size = done = 0
    while done < known and size < PAGE_BYTES:
        step = min(_ROWS_AT_ONCE, known - done)
        text = rows.json(start + done, step, options=options, selected=selected)[1:-1]
        if parts and size + len(text) > PAGE_BYTES:
            break
        parts.append(text)
        size += len(text)
        done += step
    return b"[" + b",".join(parts) + b"]", done
