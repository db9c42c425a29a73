"""Another session in place of one that is over, where the read can be seen to go on in it.

A session that was made without ``snapshot_time`` is of the moment when the service got the call, which lies
between the moments just before and just after it on this machine, as far as the clocks agree. So the new
session is asked for as of the one and, if that is not it, of the other; ``snapshot_time`` makes it certain.

The service does not promise that two sessions of one snapshot have the same streams. Therefore a new session
is taken only when it has as many rows, bytes and streams, and when in each stream that was begun the last
rows that were read stand at the very place where they stood, and streams that were done end there. Otherwise
SessionExpiredError is raised rather than that rows are given out twice or left out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from bqclient import errors as e

from .read_stream import StreamRows
from .schema_changes import Change, Compatibility, compare_schemas

if TYPE_CHECKING:
    import pyarrow as pa

    from bqclient.runtime import Deadline

    from .read_session import ReadSession
    from .window import Lane

# Rows that are kept of a stream that is done.
TAIL_ROWS = 64
# Streams that are looked into at a time.
AT_ONCE = 8
# What the service says of a row that a stream does not have, and of moments that it cannot show.
_NO_SUCH_ROW = ("FAILED_PRECONDITION", "INVALID_ARGUMENT", "OUT_OF_RANGE")

Streams = Callable[["ReadSession"], Awaitable[list[str]]]
_log = logging.getLogger("bqclient.storage_read")


def compact(rows: StreamRows | None) -> StreamRows | None:
    """The last of some rows, in memory of their own."""
    if rows is None:
        return None
    import pyarrow as pa

    batch = rows.batch
    skipped = max(0, batch.num_rows - TAIL_ROWS)
    kept = pa.ipc.read_record_batch(batch.slice(skipped).serialize(), batch.schema)
    return StreamRows(rows.offset + skipped, kept, 0)


async def refreshed(
    old: ReadSession,
    lanes: Sequence[Lane],
    streams: Streams,
    unary: Callable[[], Deadline],
    error: e.SessionExpiredError,
) -> tuple[ReadSession, tuple[Change, ...]]:
    """A session that goes on where another ended, with the lanes' streams in it, and changes of the schema.

    Raises SessionExpiredError where there is none, SchemaChangedError where the schema no longer fits.
    """
    why = ""
    for moment in _moments(old):
        selected = old.options.selected_fields or tuple(old.schema.names)
        options = old.options.but(snapshot_time=moment, selected_fields=selected)
        try:
            new = await old.service.create(options, deadline=unary())
        except e.BigQueryError as failure:
            if failure.status not in _NO_SUCH_ROW:
                raise
            why = failure.message
            continue
        new, changes = _with_schema(old, new)
        names = await streams(new)
        why = await _difference(old, new, names, lanes, unary)
        if not why:
            for lane, name in zip(lanes, names, strict=True):
                lane.name = name
            return new, changes
    raise e.SessionExpiredError(
        f"{error.message} It cannot be gone on with in another session: {why}",
        status=error.status,
        entity=error.entity,
    ) from error


def _moments(old: ReadSession) -> list[Any]:
    """Moments whose snapshot may be the session's."""
    if old.options.snapshot_time is not None:
        return [old.options.snapshot_time]
    return [old.asked_at] if old.asked_at == old.made_at else [old.asked_at, old.made_at]


def _with_schema(old: ReadSession, new: ReadSession) -> tuple[ReadSession, tuple[Change, ...]]:
    """The new session, made to give rows as the old one did, and what changed in between."""
    from bqclient.values.arrow import schema_of_arrow

    if old.schema.equals(new.schema):
        return new, ()
    found = compare_schemas(schema_of_arrow(old.schema), schema_of_arrow(new.schema))
    if found.compatibility is Compatibility.INCOMPATIBLE:
        raise e.SchemaChangedError(
            f"The schema of {old.table} changed while it was read: {'; '.join(map(str, found.breaking))}.",
            entity=old.table.path,
        )
    if not found.identical:
        _log.warning("The schema of a table changed while it was read: %s", found)
    return replace(new, shown=old.shown or old.schema), found.changes


async def _difference(
    old: ReadSession,
    new: ReadSession,
    names: Sequence[str],
    lanes: Sequence[Lane],
    unary: Callable[[], Deadline],
) -> str:
    """In what a new session differs from what was read so far; empty where it does not."""
    for what, then, now in (
        ("rows", old.estimated_rows, new.estimated_rows),
        ("bytes", old.estimated_bytes, new.estimated_bytes),
        ("streams", len(lanes), len(names)),
    ):
        if then != now:
            return f"it has {now} {what} where there were {then}."
    places = asyncio.Semaphore(AT_ONCE)

    async def same(lane: Lane, name: str) -> bool:
        async with places:
            return await _goes_on(new, lane, name, unary())

    found = await asyncio.gather(*(same(lane, name) for lane, name in zip(lanes, names, strict=True)))
    return "" if all(found) else "its rows stand in another order."


async def _goes_on(session: ReadSession, lane: Lane, name: str, deadline: Deadline) -> bool:
    """Whether a stream has the last rows that were read of a lane at their place."""
    last = lane.last
    if last is None and not lane.finished:
        return True
    start = 0 if last is None else last.offset
    wanted = 0 if last is None else last.batch.num_rows
    reader = session.read_stream(name, start, deadline=deadline, channel=lane.number)
    found: list[pa.RecordBatch] = []
    count = 0
    try:
        # A stream that was done is read one step further: there must be no more.
        while count < wanted or (lane.finished and count == wanted):
            rows = await reader.read()
            if rows is None:
                break
            found.append(rows.batch)
            count += rows.batch.num_rows
    except e.BigQueryError as error:
        if isinstance(error, e.SessionExpiredError) or error.status not in _NO_SUCH_ROW:
            raise
        return False
    finally:
        await reader.close()
    if count < wanted or (lane.finished and count > wanted):
        return False
    return last is None or _equal(found, last.batch)


def _equal(found: Sequence[pa.RecordBatch], expected: pa.RecordBatch) -> bool:
    import pyarrow as pa

    # Not by the batches' own comparison alone: to that a NaN is unlike itself.
    table = pa.Table.from_batches(found).slice(0, expected.num_rows)
    other = pa.Table.from_batches([expected])
    return bool(table.equals(other)) or all(
        a.equals(b) or repr(a.to_pylist()) == repr(b.to_pylist())
        for a, b in zip(table.columns, other.columns, strict=True)
    )
