"""The rows of tables through the REST API: ``tabledata.list`` and ``tabledata.insertAll``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.catalog.shadow import is_empty_shadow
from bqsim.errors import BigQueryError, invalid, not_found
from bqsim.jobs.results import (
    PAGE_BYTES,
    ResultPage,
    ResultSet,
    ResultStore,
    Window,
    count_rows,
    read_rows,
    row_json_bytes,
)
from bqsim.jobs.select import select_columns, select_fields
from bqsim.sim.gate import current, note
from bqsim.sim.stale import seen
from bqsim.sql.statements.buffered import buffered
from bqsim.sql.statements.time_travel import as_of

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.catalog.store import Catalog
    from bqsim.engine.pool import EnginePool
    from bqsim.engine.protocol import Session
    from bqsim.jobs.streaming.held import HeldRows, Store
    from bqsim.jobs.streaming.repeats import InsertIds
    from bqsim.sim.clock import Clock
    from bqsim.sql.executor import Executor

# Page "Quotas and limits": rows of one tabledata.list reply.
MAX_PAGE_ROWS = 100_000
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")


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
        self._held_rows: HeldRows | None = None

    async def list(
        self,
        ref: TableRef,
        *,
        start_index: int | None = None,
        max_results: int | None = None,
        page_token: str | None = None,
        selected_fields: str | None = None,
        max_bytes: int = PAGE_BYTES,
        caller: str = "",
        groups: tuple[str, ...] = (),
    ) -> ResultPage:
        """A page of the table's rows in stored order.

        ``selected_fields`` is the API's comma-separated list of paths. 404 for unknown tables, 400 for views,
        403 for tables of which row access policies hide rows from the caller.
        """
        wanted = MAX_PAGE_ROWS if max_results is None else min(max_results, MAX_PAGE_ROWS)
        window = Window(ref.api_name, start_index, wanted, page_token, max_bytes)
        result = self._results.find(ref, self._clock.now_us()) if ref.dataset.startswith("_") else None
        if result is not None:
            result.check_reader(caller)
            return _result_page(result, window, selected_fields)
        if "$" in ref.table or "@" in ref.table:
            return await self._list_part(ref, window, selected_fields, caller, groups)
        table = self._listed(ref)
        self._executor.require_full_access(table, caller, groups)
        if is_empty_shadow(table):
            await self._pool.run(lambda session: self._executor.require_rows(session, ref))
            table = self._listed(ref)
        fields, chosen = select_fields(table.fields, selected_fields)
        columns = sorted({index for index, _ in chosen})
        start = window.start
        if (view := seen()) is not None and view.rows:
            table = as_of(self._catalog, table, self._clock.now_us() - view.rows)
            count = await self._pool.run(lambda session: count_rows(session, table))
            table = replace(table, num_rows=count)
        rows, total = await self._pool.run(lambda session: self._read(session, table, columns, start, wanted))
        fitting = max(1, int(max_bytes / max(row_json_bytes(rows.nbytes, rows.num_rows, len(fields)), 1.0)))
        if rows.num_rows > fitting:
            rows = rows.slice(0, fitting)
        end = start + rows.num_rows
        more = rows.num_rows > 0 and end < total
        return ResultPage(
            fields,
            select_columns(rows, [(columns.index(index), path) for index, path in chosen], fields),
            total,
            window.token(end) if more else None,
            table.etag,
        )

    async def _list_part(
        self, ref: TableRef, window: Window, selected_fields: str | None, caller: str, groups: tuple[str, ...]
    ) -> ResultPage:
        """A page of the rows that a table id with decorators names."""
        from bqsim.jobs.decorated import SUMMARY, decorated, named_rows, summary_rows

        source = decorated(ref)
        assert source is not None
        self._executor.require_full_access(self._listed(source.table), caller, groups)
        if source.partition == SUMMARY:
            from bqsim.jobs.decorated import SUMMARY_FIELDS

            summed = self._listed(source.table)
            rows = await self._pool.run(lambda session: summary_rows(self._executor, session, summed))
            result = ResultSet(SUMMARY_FIELDS, rows, ref, self._clock.now_us())
            return _result_page(result, window, selected_fields)
        part = named_rows(self._executor, source)
        fields, chosen = select_fields(part.table.fields, selected_fields)
        columns = sorted({index for index, _ in chosen})

        def read(session: Session) -> tuple[pa.Table, int, int]:
            total, size = part.size(session, self._executor)
            start, count, _ = window.of(total, size / max(total, 1))
            names = ", ".join(part.storage.columns[i] for i in columns)
            sql = (
                f"SELECT {names} FROM {part.storage.engine_table} WHERE {part.condition}"
                f" LIMIT {count} OFFSET {start}"
            )
            return session.query(sql, [part.table.fields[i] for i in columns]), total, start

        rows, total, start = await self._pool.run(read)
        end = start + rows.num_rows
        return ResultPage(
            fields,
            select_columns(rows, [(columns.index(index), path) for index, path in chosen], fields),
            total,
            window.token(end) if rows.num_rows and end < total else None,
            part.table.etag,
        )

    def _read(
        self, session: Session, table: Table, columns: Sequence[int], start: int, count: int
    ) -> tuple[pa.Table, int]:
        """Rows of a table, and how many there are: those in its streaming buffer are not."""
        buffers = self._catalog.buffers
        held = buffered(session, buffers, table)
        if held is None:
            return read_rows(session, table, columns, start, count), table.num_rows
        rows = read_rows(session, table, columns, start, count, held.others)
        return rows, table.num_rows - held.closed

    def _listed(self, ref: TableRef) -> Table:
        table = self._catalog.table(ref)
        if table.kind in (TableKind.VIEW, TableKind.MATERIALIZED_VIEW, TableKind.EXTERNAL):
            raise invalid(f"Cannot list a table of type {table.kind.value}.")
        if table.storage is None:
            raise not_found("Table", ref.api_name)
        return table

    async def insert_all(self, ref: TableRef, body: Mapping[str, Any]) -> Sequence[dict[str, Any]]:
        """Stream rows into a table; the reply's ``insertErrors``, empty when every row went in.

        The call that is being served is told how many ``rows`` went in, how many were ``repeats``, and
        whether all were (``deduplicated``). A simulation may have noted there ``insert_errors``, errors of
        rows, and ``visible_after_s``, how much of the clock's time passes before the rows are seen.
        """
        # What reads rows is imported when the first come.
        from bqsim.jobs.streaming.insert import insert_rows
        from bqsim.jobs.streaming.request import parse_insert

        request = parse_insert(body)
        call = current()
        notes: Mapping[str, Any] = {} if call is None else call.notes
        delay_s = notes.get("visible_after_s") or 0.0
        insert_ids = self._insert_ids
        count, streamed = len(request.bodies), self._catalog.streamed
        target = replace(ref, table=ref.table.partition("$")[0] + (request.suffix or ""))
        try:
            outcome = await self._pool.run(
                lambda session: insert_rows(
                    self._executor,
                    session,
                    ref,
                    request,
                    insert_ids,
                    asked=notes.get("insert_errors"),
                    hold=delay_s > 0,
                )
            )
        except BigQueryError as error:
            streamed.add(target, _code(error.error_proto()["reason"]), rows=count, size=0)
            raise
        code = _code(outcome.errors[0]["errors"][0]["reason"]) if outcome.errors else None
        streamed.add(target, code, rows=count, size=outcome.size)
        if outcome.later is not None:
            self._hold(delay_s, outcome.later)
        all_repeats = outcome.repeats == len(request.bodies)
        note(rows=outcome.stored, deduplicated=all_repeats, repeats=outcome.repeats)
        return outcome.errors

    @cached_property
    def _insert_ids(self) -> InsertIds:
        from bqsim.jobs.streaming.repeats import InsertIds

        return InsertIds(self._clock)

    def _hold(self, seconds: float, store: Store) -> None:
        from bqsim.jobs.streaming.held import HeldRows

        if self._held_rows is None:
            self._held_rows = HeldRows(self._clock, self._pool)
        self._held_rows.hold(seconds, store)

    def forget_since(self, time_us: int) -> None:
        """Forget what was streamed after ``time_us``: its ids, and its rows that are still to be seen."""
        self._insert_ids.forget_since(time_us)
        self._catalog.streamed.forget_since(time_us)
        if self._held_rows is not None:
            self._held_rows.forget_since(time_us)

    async def close(self) -> None:
        """Store the rows that are still to be seen later."""
        if self._held_rows is not None:
            await self._held_rows.close()


def _code(reason: str) -> str:
    """An error's reason as the timeline of streaming spells it: ``notFound`` is NOT_FOUND."""
    return _HUMP.sub("_", reason).upper()


def _result_page(result: ResultSet, window: Window, selected_fields: str | None) -> ResultPage:
    fields, chosen = select_fields(result.schema, selected_fields)
    start, count, token = window.of(result.num_rows, result.row_bytes)
    rows = select_columns(result.slice(start, count), chosen, fields)
    return ResultPage(fields, rows, result.num_rows, token, result.ref.table)
