"""The rows of tables through the REST API: ``tabledata.list`` and ``tabledata.insertAll``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.errors import BigQueryError, invalid, not_found
from bqsim.jobs.reading import boolean, required
from bqsim.jobs.results import (
    PAGE_BYTES,
    ResultPage,
    ResultSet,
    ResultStore,
    Window,
    read_rows,
    row_json_bytes,
)
from bqsim.jobs.select import select_columns, select_fields

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.pool import EnginePool
    from bqsim.sim.clock import Clock
    from bqsim.sql.executor import Executor

# Page "Quotas and limits": rows of one tabledata.list reply.
MAX_PAGE_ROWS = 100_000


class TableData:
    """Lists and streams rows of tables."""

    def __init__(
        self, *, catalog: Catalog, pool: EnginePool, executor: Executor, results: ResultStore, clock: Clock
    ) -> None:
        self._catalog = catalog
        self._executor = executor
        self._pool = pool
        self._results = results
        self._clock = clock

    async def list(
        self,
        ref: TableRef,
        *,
        start_index: int | None = None,
        max_results: int | None = None,
        page_token: str | None = None,
        selected_fields: str | None = None,
        max_bytes: int = PAGE_BYTES,
    ) -> ResultPage:
        """A page of the table's rows in stored order.

        ``selected_fields`` is the API's comma-separated list of paths. 404 for unknown tables, 400 for views.
        """
        wanted = MAX_PAGE_ROWS if max_results is None else min(max_results, MAX_PAGE_ROWS)
        window = Window(ref.api_name, start_index, wanted, page_token, max_bytes)
        result = self._results.find(ref, self._clock.now_us()) if ref.dataset.startswith("_") else None
        if result is not None:
            return _result_page(result, window, selected_fields)
        table = self._listed(ref)
        fields, chosen = select_fields(table.fields, selected_fields)
        columns = sorted({index for index, _ in chosen})
        start = window.start
        rows = await self._pool.run(lambda session: read_rows(session, table, columns, start, wanted))
        fitting = max(1, int(max_bytes / max(row_json_bytes(rows.nbytes, rows.num_rows, len(fields)), 1.0)))
        if rows.num_rows > fitting:
            rows = rows.slice(0, fitting)
        end = start + rows.num_rows
        more = rows.num_rows > 0 and end < table.num_rows
        return ResultPage(
            fields,
            select_columns(rows, [(columns.index(index), path) for index, path in chosen], fields),
            table.num_rows,
            window.token(end) if more else None,
            table.etag,
        )

    def _listed(self, ref: TableRef) -> Table:
        table = self._catalog.table(ref)
        if table.kind in (TableKind.VIEW, TableKind.MATERIALIZED_VIEW, TableKind.EXTERNAL):
            raise invalid(f"Cannot list a table of type {table.kind.value}.")
        if table.storage is None:
            raise not_found("Table", ref.api_name)
        return table

    async def insert_all(self, ref: TableRef, body: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        """Stream rows into a table; the reply's ``insertErrors``, empty when every row went in."""
        # What reads rows is imported when the first come.
        from bqsim.jobs.streaming import insert_rows

        rows = body.get("rows")
        if not isinstance(rows, Sequence) or isinstance(rows, str) or not rows:
            raise BigQueryError("invalid", "No rows present in the request.")
        suffix = body.get("templateSuffix")
        skip_invalid = boolean(body, "skipInvalidRows", False)
        ignore_unknown = boolean(body, "ignoreUnknownValues", False)
        for row in rows:
            if not isinstance(row, Mapping) or not isinstance(row.get("json"), Mapping):
                raise required("rows.json")
        return await self._pool.run(
            lambda session: insert_rows(
                self._executor,
                session,
                ref,
                rows,
                suffix=str(suffix) if suffix else None,
                skip_invalid=skip_invalid,
                ignore_unknown=ignore_unknown,
            )
        )


def _result_page(result: ResultSet, window: Window, selected_fields: str | None) -> ResultPage:
    fields, chosen = select_fields(result.schema, selected_fields)
    start, count, token = window.of(result.num_rows, result.row_bytes)
    rows = select_columns(result.slice(start, count), chosen, fields)
    return ResultPage(fields, rows, result.num_rows, token, result.ref.table)
