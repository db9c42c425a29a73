"""Whole tables: many streams at a time, with bounded memory, over broken calls and expired sessions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING

from bqclient.errors import SessionExpiredError, UsageError
from bqclient.runtime import Deadline

from .read_session import MAX_STREAMS, ReadSession, SessionOptions
from .refresh import compact, refreshed
from .schema_changes import Change
from .splitting import split_streams
from .window import Lane, Window

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow as pa

    from bqclient.models.schema import Schema
    from bqclient.values.rows import Row

    from .read import StorageRead


class ReadAll:
    """A table's rows as Arrow record batches; iterate over it once.

    ``async with aclosing(aiter(...))`` ends all streams at once where an iteration is given up; without it
    they end when the iterator is collected. ``session``, ``schema``, ``progress`` and ``throttle_percent``
    tell how far it is.
    """

    def __init__(
        self,
        service: StorageRead,
        options: SessionOptions,
        *,
        ordered: bool,
        streams: int,
        window_bytes: int,
        split_bytes: int,
        timeout: float | None,
    ) -> None:
        self._service, self._options = service, options
        self._ordered, self._parallel = ordered, streams
        self._window_bytes, self._split_bytes = window_bytes, split_bytes
        self._deadline = Deadline.after(service.core.runtime, timeout)
        self._session: ReadSession | None = None
        self._lanes: list[Lane] = []
        self._todo: Iterator[Lane] = iter(())
        self._window: Window | None = None
        self._generation = 0
        self._lock = asyncio.Lock()
        self._wanted = streams
        self._begun = False
        self.refreshes = 0
        self.schema_changes: tuple[Change, ...] = ()
        self.rows_given = 0

    def __repr__(self) -> str:
        return f"ReadAll({self._options.table}, {self.rows_given} rows given, {self.progress:.0%} read)"

    # What it tells

    @property
    def session(self) -> ReadSession | None:
        """The read session, once there is one; after a refresh the newest."""
        return self._session

    @property
    def schema(self) -> pa.Schema | None:
        """The Arrow schema, once there is a session."""
        session = self._session
        return None if session is None else session.shown or session.schema

    @property
    def progress(self) -> float:
        """How much of all streams has been read, from 0 to 1."""
        if not self._lanes:
            return 1.0 if self._session is not None else 0.0
        return sum(1.0 if lane.finished else lane.progress for lane in self._lanes) / len(self._lanes)

    @property
    def throttle_percent(self) -> int:
        """How much the service throttles the stream that it throttles most, in percent."""
        return max((lane.throttle_percent for lane in self._lanes if not lane.finished), default=0)

    @property
    def streams(self) -> int:
        """How many streams the table is read as, in all; splits count."""
        return len(self._lanes)

    @property
    def waiting_bytes(self) -> int:
        """What has been read and waits for the consumer."""
        return 0 if self._window is None else self._window.used

    # All at once

    async def to_arrow(self) -> pa.Table:
        """All rows as one table, in the order of the streams."""
        import pyarrow as pa

        by_lane: dict[int, list[pa.RecordBatch]] = {}
        async with aclosing(self._run()) as found:
            async for lane, batch in found:
                by_lane.setdefault(lane.number, []).append(batch)
        batches = [batch for number in sorted(by_lane) for batch in by_lane[number]]
        return pa.Table.from_batches(batches, self.schema)

    async def to_pandas(self, *, arrow_types: bool = False) -> pandas.DataFrame:
        """All rows as a DataFrame of pandas (extra ``pandas``; UsageError without).

        INT64 and BOOL have pandas' nullable types, so that NULLs change no number. ``arrow_types``: all
        columns have those of Arrow.
        """
        from bqclient.values.frames import to_pandas

        made: pandas.DataFrame = to_pandas(await self.to_arrow(), arrow_types=arrow_types)
        return made

    async def to_polars(self) -> polars.DataFrame:
        """All rows as a DataFrame of Polars (extra ``polars``; UsageError without)."""
        from bqclient.values.frames import to_polars

        made: polars.DataFrame = to_polars(await self.to_arrow())
        return made

    async def rows(self) -> AsyncGenerator[Row, None]:
        """All rows as typed Python values, one after another."""
        from bqclient.values.arrow import schema_of_arrow
        from bqclient.values.rows import rows_of_arrow

        schema: Schema | None = None
        async with aclosing(self._run()) as found:
            async for _, batch in found:
                if schema is None:
                    schema = schema_of_arrow(batch.schema)
                for row in rows_of_arrow(batch, schema):
                    yield row

    # Batches

    async def __aiter__(self) -> AsyncGenerator[pa.RecordBatch, None]:
        async with aclosing(self._run()) as found:
            async for _, batch in found:
                yield batch

    async def _run(self) -> AsyncGenerator[tuple[Lane, pa.RecordBatch], None]:
        if self._begun:
            raise UsageError("A read can be iterated over once: call read_all again.")
        self._begun = True
        await self._open()
        window = self._window = Window(self._lanes, self._window_bytes, ordered=self._ordered)
        self._todo = iter(self._lanes)
        tasks = [
            asyncio.create_task(self._work(window), name=f"bqclient read {number}")
            for number in range(min(self._parallel, len(self._lanes)))
        ]
        try:
            while (found := await window.take()) is not None:
                lane, rows = found
                self.rows_given += rows.batch.num_rows
                yield lane, rows.batch
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _open(self) -> None:
        options, service = self._options, self._service
        session = await service.create(options, deadline=self._unary())
        if self._ordered and session.estimated_bytes > self._window_bytes and session.streams:
            # In order, streams are read beside the one whose turn it is only as far as the window reaches: so
            # there are more of them, each small enough for its share of it.
            share = max(1, self._window_bytes // self._parallel)
            self._wanted = min(MAX_STREAMS, -(-session.estimated_bytes // share))
            options = options.but(max_streams=self._wanted)
            session = await service.create(options, deadline=self._unary())
        self._session = session
        self._lanes = [Lane(number, name) for number, name in enumerate(await self._streams(session))]

    def _unary(self) -> Deadline:
        return self._deadline.sooner(self._service.core.config.timeout)

    async def _streams(self, session: ReadSession) -> list[str]:
        return await split_streams(
            session, self._wanted, split_bytes=self._split_bytes, deadline=self._unary()
        )

    # Streams

    async def _work(self, window: Window) -> None:
        """Read one lane after another."""
        try:
            for lane in self._todo:
                while not lane.finished:
                    await self._read(window, lane)
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            window.fail(error)

    async def _read(self, window: Window, lane: Lane) -> None:
        """Read a lane to its end, or until the session has been replaced."""
        async with self._lock:
            session, generation = self._session, self._generation
        assert session is not None
        reader = session.read_stream(lane.name, lane.read, deadline=self._deadline, channel=lane.number)
        try:
            with reader.observed():
                while True:
                    reserved = await window.reserve(lane)
                    try:
                        rows = await reader.read()
                        if generation != self._generation:
                            # Of the session before: read again in the new one.
                            return
                        lane.progress, lane.throttle_percent = reader.progress, reader.throttle_percent
                        if rows is None:
                            lane.last = compact(lane.last)
                            window.finish(lane)
                            return
                        window.put(lane, rows)
                    finally:
                        window.release(reserved)
        except SessionExpiredError as error:
            await self._refresh(generation, error)
        finally:
            await reader.close()

    async def _refresh(self, generation: int, error: SessionExpiredError) -> None:
        """Another session in place of one that is over."""
        async with self._lock:
            if generation != self._generation:
                return
            assert self._session is not None
            self._generation += 1
            self._session, changes = await refreshed(
                self._session, self._lanes, self._streams, self._unary, error
            )
            self.schema_changes += changes
            self.refreshes += 1
