"""Results of recorded queries and tables: their schema and rows, in pages of any size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError

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
            schema = self._recorded.schema
        self.schema: dict[str, Any] | None = schema
        recorded = self._recorded.end if self._recorded is not None else 0
        total = result.get("totalRows")
        self.total_rows = recorded if total is None else int(total)
        self._pages: dict[tuple[Any, ...], tuple[bytes, int]] = {}

    @property
    def rows(self) -> RecordedRows | None:
        """The recorded rows, in any form; None when there are none."""
        return self._recorded

    def page_json(
        self, start: int, count: int | None, options: WireOptions | None = None, selected: str | None = None
    ) -> tuple[bytes, int]:
        """Up to ``count`` rows from ``start`` on as the REST API's JSON array, and how many these are.

        ``count`` None is what the service puts into one page. :class:`BigQueryError` when none of them was
        recorded although the result has them.
        """
        left = max(0, self.total_rows - start)
        wanted = left if count is None else min(count, left)
        if wanted == 0:
            return b"[]", 0
        key = (start, wanted, count is None, options, selected)
        kept = self._pages.get(key)
        if kept is None:
            kept = self._page(start, wanted, options, selected)
            if len(kept[0]) <= _PAGE_KEPT_BYTES and len(self._pages) < _PAGES_KEPT:
                self._pages[key] = kept
        return kept

    def _page(
        self, start: int, wanted: int, options: WireOptions | None, selected: str | None
    ) -> tuple[bytes, int]:
        rows = self._recorded
        known = 0 if rows is None else self._known(rows, start, wanted)
        if rows is None or known == 0:
            raise BigQueryError(
                "invalid",
                f"Not recorded: rows {start} to {start + wanted - 1} of the result of "
                f"{self.operation.name}, of which {rows.recorded if rows else 0} rows were read then",
                location="replay",
            )
        parts: list[bytes] = []
        size = done = 0
        try:
            while done < known and size < PAGE_BYTES:
                step = min(_ROWS_AT_ONCE, known - done)
                text = rows.json(start + done, step, options=options, selected=selected)[1:-1]
                if parts and size + len(text) > PAGE_BYTES:
                    break
                parts.append(text)
                size += len(text)
                done += step
        except Missing as missing:
            raise BigQueryError("invalid", f"Not recorded: {missing}", location="replay") from None
        return b"[" + b",".join(parts) + b"]", done

    @staticmethod
    def _known(rows: RecordedRows, start: int, wanted: int) -> int:
        """How many of the wanted rows were recorded without a gap."""
        gaps = rows.missing(start, wanted)
        return gaps[0][0] - start if gaps else wanted

    def arrow(self, start: int, count: int) -> list[pa.RecordBatch]:
        """Rows as Arrow, of the types of the Storage API. ``rows.Missing`` for what was not recorded."""
        return [] if self._recorded is None else self._recorded.arrow(start, count)


def schema_of(value: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    """The fields of a TableSchema."""
    return list((value or {}).get("fields") or [])
