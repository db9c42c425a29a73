"""Streaming inserts and load jobs of gathered rows: what does not fit is split out, the rest is written."""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, cast

from bqclient.errors import BigQueryError, UsageError
from bqclient.models.references import JobReference, TableReference
from bqclient.models.schema import Schema
from bqclient.services.streaming import MAX_BYTES, prepare

from .checking import check_columns, check_known, json_row
from .gathering import Gathered
from .report import RefusedRow

if TYPE_CHECKING:
    import pyarrow as pa

    from bqclient.client import BigQueryClient

# A request of streamed rows: what the service recommends, and well below its 10 MB.
STREAM_ROWS = 500
STREAM_BYTES = 5_000_000
# Files of loads are kept in memory up to that size.
_IN_MEMORY = 32 << 20
# Types that Parquet has a form for which loads take back as the same type.
_PARQUET = frozenset(
    {"BOOL", "BYTES", "DATE", "DATETIME", "FLOAT64", "INT64", "NUMERIC", "STRING", "TIME", "TIMESTAMP"}
)


@dataclass(slots=True)
class Outcome:
    """What a way did so far."""

    written: int = 0
    refused: list[RefusedRow] = field(default_factory=list)
    jobs: list[JobReference] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    duplicates: int = 0
    atomic: bool = True
    notes: list[str] = field(default_factory=list)
    # What ended it before all rows were written.
    failure: BigQueryError | None = None


@dataclass(slots=True)
class Target:
    """The table that rows go to."""

    client: BigQueryClient
    table: TableReference
    schema: Schema
    timeout: float | None = None


# --- streaming ---


async def stream(to: Target, rows: Gathered) -> Outcome:
    """Stream rows in, 500 a request. Each has an insert id, so that a lost answer repeats none."""
    out = Outcome()
    waiting: list[tuple[int, Mapping[str, Any], bytes]] = []
    size = requests = 0

    async def send() -> None:
        nonlocal size, requests
        if not waiting:
            return
        requests += 1
        result = await to.client.streaming.insert_prepared(
            to.table,
            [row for _, row, _ in waiting],
            [prepared for _, _, prepared in waiting],
            known_again=True,
            skip_invalid_rows=True,
            timeout=to.timeout,
        )
        out.written += result.inserted
        for failed in result.failed:
            out.refused.append(RefusedRow.of(waiting[failed.index][0], failed.row, failed.message))
        waiting.clear()
        size = 0

    try:
        async for index, row in rows.rows():
            try:
                check_known(row, to.schema)
                (prepared,) = prepare([row], to.schema, "random", to.client.core.runtime.unique)
                if len(prepared) >= MAX_BYTES:
                    raise UsageError(f"The row takes {len(prepared)} bytes, {MAX_BYTES} are allowed.")
            except UsageError as wrong:
                out.refused.append(RefusedRow.of(index, row, _plain(wrong)))
                continue
            if len(waiting) >= STREAM_ROWS or size + len(prepared) > STREAM_BYTES:
                await send()
            waiting.append((index, row, prepared))
            size += len(prepared) + 1
        await send()
    except BigQueryError as error:
        if not out.written:
            raise
        out.failure = error
    out.atomic = requests <= 1
    return out


def _plain(wrong: UsageError) -> str:
    """Without the place in a request, which is always the first."""
    return wrong.message.removeprefix("Row 0 cannot be written as JSON: ")


# --- load jobs ---


async def load(to: Target, rows: Gathered) -> Outcome:
    """Load rows with one job, which writes all of those that fit, or none."""
    out = Outcome()
    table = _whole_table(rows, to.schema)
    if table is not None:
        job = await to.client.loading.from_arrow(table, to.table, timeout=to.timeout)
        out.written, out.jobs = table.num_rows, [job.reference]
        return out
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
        named: Counter[str] = Counter()
        written = await write_lines(cast("IO[bytes]", file), rows, to.schema, out.refused, named)
        if written:
            options = _left_to_defaults(to.schema, named, written, out.notes)
            job = await load_lines(to, cast("IO[bytes]", file), to.table, **options)
            out.written, out.jobs = written, [job.reference]
    return out


def _left_to_defaults(
    schema: Schema, named: Counter[str], written: int, notes: list[str]
) -> dict[str, Schema]:
    """The schema of a file whose rows lack columns with defaults: a load fills in only columns that the file
    is said not to have."""
    lacking = [f.name for f in schema if f.default is not None and named[f.name] < written]
    if not lacking:
        return {}
    if mixed := [name for name in lacking if named[name]]:
        notes.append(
            f"Some rows lack {', '.join(mixed)}, which others have: a load job stores NULL there, not the "
            "default."
        )
    left = {name for name in lacking if not named[name]}
    return {"schema": Schema(tuple(f for f in schema if f.name not in left))}


async def write_lines(
    file: IO[bytes],
    rows: Gathered,
    schema: Schema,
    refused: list[RefusedRow],
    named: Counter[str],
) -> int:
    """Write rows as newline-delimited JSON; the number of those that fit. ``named`` counts their columns."""
    written = 0
    async for index, row in rows.rows():
        try:
            made = json_row(row, schema, load=True)
        except UsageError as wrong:
            refused.append(RefusedRow.of(index, row, wrong))
            continue
        named.update(made.keys())
        file.write(json.dumps(made, separators=(",", ":")).encode() + b"\n")
        written += 1
    return written


async def load_lines(to: Target, file: IO[bytes], table: TableReference, **options: Any) -> Any:
    """Load a file of newline-delimited JSON that was just written."""
    file.seek(0)
    return await to.client.loading.from_stream(
        file, table, format="NEWLINE_DELIMITED_JSON", timeout=to.timeout, **options
    )


def _whole_table(rows: Gathered, schema: Schema) -> pa.Table | None:
    """Arrow data in one piece, where a Parquet file of it is loaded as the same types; else ``None``."""
    found = rows.arrow()
    if found is None:
        return None
    import pyarrow as pa

    from bqclient.values.conform import conform

    names = found[0].schema.names
    check_columns(names, schema)
    given = {name.casefold() for name in names}
    known = Schema(tuple(f for f in schema if f.name.casefold() in given or f.required))
    if not all(f.type in _PARQUET and not f.fields for f in known):
        return None
    try:
        return conform(pa.Table.from_batches(found), known)
    except UsageError:
        # Row by row tells which ones do not fit.
        return None
