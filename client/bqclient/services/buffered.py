"""Rows gathered into streaming inserts: by number, size and time, with back-pressure."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self

from bqclient.errors import BigQueryError, LimitError, PartialInsertError, UsageError
from bqclient.models.references import TableReference
from bqclient.models.schema import Schema

from .streaming import MAX_BYTES, MAX_ROWS, FailedRow, InsertIds, prepare

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient

OnFailed = Callable[[Sequence[FailedRow]], Awaitable[None] | None]


class BufferedInserter:
    """Gathers rows and inserts them: ``max_rows`` or ``max_bytes`` at a time, or after ``max_wait_s``.

    ``add`` waits while ``in_flight`` requests are on their way: so a table that takes rows slowly slows
    those who bring them, and memory is bounded. Rows that are refused, and rows whose request failed for
    good, are given to ``on_failed``; without it they are kept, and :meth:`close` raises PartialInsertError
    with them: no row is lost unseen. Use it as ``async with``, or call :meth:`close`, which inserts what is
    left.
    """

    def __init__(
        self,
        client: BigQueryClient,
        table: TableReference | str,
        *,
        max_rows: int = 500,
        max_bytes: int = 1_000_000,
        max_wait_s: float = 1.0,
        in_flight: int = 4,
        schema: Schema | None = None,
        insert_ids: InsertIds = "random",
        skip_invalid_rows: bool = True,
        ignore_unknown_values: bool = False,
        on_failed: OnFailed | None = None,
        timeout: float | None = None,
    ) -> None:
        if not 1 <= max_rows <= MAX_ROWS:
            raise UsageError(f"max_rows lies between 1 and {MAX_ROWS}, not {max_rows}.")
        if not 1 <= max_bytes <= MAX_BYTES:
            raise UsageError(f"max_bytes lies between 1 and {MAX_BYTES}, not {max_bytes}.")
        if insert_ids is not None and not isinstance(insert_ids, str):
            raise UsageError("A BufferedInserter makes its insert ids: 'random', 'content' or None.")
        self._streaming = client.streaming
        self._runtime = client.core.runtime
        self.table = table
        self._max_rows, self._max_bytes, self._max_wait_s = max_rows, max_bytes, max_wait_s
        self._schema, self._insert_ids = schema, insert_ids
        self._options: dict[str, Any] = {
            "known_again": insert_ids is not None,
            "skip_invalid_rows": skip_invalid_rows,
            "ignore_unknown_values": ignore_unknown_values,
            "timeout": timeout,
        }
        self._on_failed = on_failed
        self._rows: list[tuple[Mapping[str, Any], bytes]] = []
        self._bytes = 0
        self._first = 0
        self._places = asyncio.Semaphore(in_flight)
        self._sending: set[asyncio.Task[None]] = set()
        self._timer: asyncio.Task[None] | None = None
        self._broken: BaseException | None = None
        self._closed = False
        self.inserted = 0
        self.failed: list[FailedRow] = []

    async def add(self, row: Mapping[str, Any]) -> None:
        """Take a row. Raises UsageError for a row that cannot be written, LimitError for one above 10 MB."""
        if self._closed:
            raise UsageError("The BufferedInserter is closed.")
        self._raise_broken()
        (prepared,) = prepare([row], self._schema, self._insert_ids, self._runtime.unique)
        size = len(prepared) + 1
        if size > MAX_BYTES:
            raise LimitError(f"A row of {size} bytes is above {MAX_BYTES}.", limit=MAX_BYTES, found=size)
        if self._rows and self._bytes + size > self._max_bytes:
            await self._send()
        self._rows.append((row, prepared))
        self._bytes += size
        if len(self._rows) >= self._max_rows or self._bytes >= self._max_bytes:
            await self._send()
        elif self._timer is None:
            self._timer = asyncio.create_task(self._after_a_while())

    async def add_all(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take rows."""
        for row in rows:
            await self.add(row)

    async def flush(self) -> None:
        """Insert what was gathered, and wait until all of it is answered."""
        await self._send()
        while self._sending:
            await asyncio.wait(set(self._sending))
        self._raise_broken()

    async def close(self) -> None:
        """Insert what is left. Raises PartialInsertError with rows that failed and nobody was told of."""
        self._closed = True
        await self.flush()
        self._stop_timer()
        if self.failed:
            raise PartialInsertError(
                f"{len(self.failed)} of {self.inserted + len(self.failed)} rows were refused; "
                f"row {self.failed[0].index}: {self.failed[0].message}.",
                failed=self.failed,
            )

    def __repr__(self) -> str:
        state = "closed" if self._closed else f"{len(self._rows)} gathered"
        return f"BufferedInserter({self.table}, {self.inserted} inserted, {len(self.failed)} failed, {state})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is None:
            await self.close()
            return
        # The failure of the block is the one to be seen; rows given before it are inserted all the same.
        try:
            await self.close()
        except BigQueryError as other:
            error.add_note(f"While the BufferedInserter was closed: {other}")

    async def _after_a_while(self) -> None:
        await self._runtime.sleep(self._max_wait_s)
        self._timer = None
        await self._send()

    def _stop_timer(self) -> None:
        timer, self._timer = self._timer, None
        if timer is not None and timer is not asyncio.current_task():
            timer.cancel()

    async def _send(self) -> None:
        """Hand the gathered rows to a request, once there is a place for it."""
        self._stop_timer()
        if not self._rows:
            return
        rows, first = self._rows, self._first
        self._rows, self._bytes, self._first = [], 0, first + len(rows)
        try:
            await self._places.acquire()
        except BaseException:
            # Cancelled while it waited: the rows are not lost.
            self._rows = rows + self._rows
            self._first = first
            raise
        task = asyncio.create_task(self._insert(rows, first))
        self._sending.add(task)
        task.add_done_callback(self._sending.discard)

    async def _insert(self, gathered: list[tuple[Mapping[str, Any], bytes]], first: int) -> None:
        rows = [row for row, _ in gathered]
        try:
            result = await self._streaming.insert_prepared(
                self.table, rows, [prepared for _, prepared in gathered], **self._options
            )
            self.inserted += result.inserted
            failed = [FailedRow(first + f.index, f.row, f.errors) for f in result.failed]
        except BigQueryError as error:
            reason = {"reason": error.reason or type(error).__name__, "message": error.message}
            failed = [FailedRow(first + i, row, (reason,)) for i, row in enumerate(rows)]
        finally:
            self._places.release()
        if not failed:
            return
        if self._on_failed is None:
            self.failed.extend(failed)
            return
        try:
            told = self._on_failed(failed)
            if told is not None:
                await told
        except Exception as error:
            # Whoever takes failed rows could not: the rows stay here, and the next call says why.
            self.failed.extend(failed)
            self._broken = error

    def _raise_broken(self) -> None:
        broken, self._broken = self._broken, None
        if broken is not None:
            raise broken
