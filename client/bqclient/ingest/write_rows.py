"""``write_rows``: rows of any form into a table, by the way that suits them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from bqclient.errors import BigQueryError, IncompleteWriteError, UsageError
from bqclient.models.references import TableReference
from bqclient.models.schema import Schema

from .gathering import gather
from .methods import Choice, choose
from .report import Change, Method, Thresholds, WriteReport
from .ways import Outcome, Target, load, stream

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient

    from .dead_letters import DeadLetters
    from .merge import Merge

# What one way or the other cannot promise.
_NOTES = {
    "stream": "The service drops rows that are sent again for about a minute.",
}


async def write_rows(
    client: BigQueryClient,
    table: TableReference | str,
    rows: Any = (),
    *,
    keys: Sequence[str] | None = None,
    merge: Merge | None = None,
    changes: Iterable[Change] | None = None,
    method: Method = "auto",
    thresholds: Thresholds | None = None,
    writers: int = 4,
    schema: Schema | None = None,
    dead_letters: DeadLetters | TableReference | str | None = None,
    timeout: float | None = None,
) -> WriteReport:
    """See :meth:`bqclient.ingest.Ingest.write_rows`."""
    if writers < 1:
        raise UsageError(f"writers must be at least 1, not {writers}.")
    if isinstance(keys, str):
        raise UsageError(f"keys are a sequence of names: keys=[{keys!r}].")
    if merge is not None and keys is not None and tuple(keys) != merge.keys:
        raise UsageError("keys and merge name different keys: give one of them.")
    limits = thresholds or Thresholds()
    reference = client.tables.reference(table)
    letters = _letters(client, dead_letters)
    known = schema if schema is not None else (await client.tables.get(reference)).schema
    to = Target(client, reference, Schema.of(known), timeout)
    if changes is not None:
        report = await _change(to, changes, rows, method, limits)
    else:
        wanted = _merge(keys, merge)
        report = await _write(to, rows, wanted, method, limits, writers)
    return await _put_aside(report, letters, reference)


async def _write(
    to: Target, rows: Any, merge: Merge | None, method: Method, limits: Thresholds, writers: int
) -> WriteReport:
    keys = merge.keys if merge else None
    # Whatever can be known before rows are taken.
    choose(0, method, limits, keys=keys)
    gathered = await gather(rows, max(1, limits.storage), to.schema)
    if gathered.count == 0:
        return WriteReport("none", "there are no rows")
    choice = choose(gathered.count, method, limits, keys=keys)
    if choice.method == "merge":
        from .merge import merge as merge_rows

        assert merge is not None
        out = await merge_rows(to, gathered, merge, limits.unnest)
    elif choice.method == "storage":
        from .storage import storage

        out = await storage(to, gathered, writers)
    else:
        out = await (stream if choice.method == "stream" else load)(to, gathered)
    return _report(choice, gathered.taken, out)


async def _change(
    to: Target, changes: Iterable[Change], rows: Any, method: Method, limits: Thresholds
) -> WriteReport:
    from .changes import change

    given = list(changes)
    if not (isinstance(rows, tuple | list) and not rows):
        raise UsageError("Give rows or changes: to write and to change are two calls.")
    choice = choose(len(given), method, limits, changes=True)
    if not given:
        return WriteReport("none", "there are no changes")
    return _report(choice, len(given), await change(to, given))


def _merge(keys: Sequence[str] | None, merge: Merge | None) -> Merge | None:
    from .merge import Merge

    if merge is not None:
        return merge
    return Merge(tuple(keys)) if keys else None


def _report(choice: Choice, rows: int, out: Outcome) -> WriteReport:
    notes = (*out.notes, *([_NOTES[choice.method]] if choice.method in _NOTES else []))
    report = WriteReport(
        choice.method,
        choice.why,
        rows,
        out.written,
        tuple(out.refused),
        tuple(out.jobs),
        tuple(out.streams),
        out.inserted,
        out.updated,
        out.deleted,
        out.duplicates,
        out.atomic,
        notes=notes,
    )
    if out.failure is not None:
        raise IncompleteWriteError(
            f"{out.written} of {rows} rows were written before this: {out.failure.message}",
            report=report,
            reason=out.failure.reason,
            code=out.failure.code,
            ambiguous=out.failure.ambiguous,
            retryable=out.failure.retryable,
        ) from out.failure
    return report


def _letters(client: BigQueryClient, given: DeadLetters | TableReference | str | None) -> DeadLetters | None:
    from .dead_letters import DeadLetters

    return given if given is None or isinstance(given, DeadLetters) else DeadLetters(client, given)


async def _put_aside(report: WriteReport, letters: DeadLetters | None, table: TableReference) -> WriteReport:
    """Put refused rows into the dead-letter table."""
    if letters is None or not report.refused:
        return report
    from dataclasses import replace

    try:
        count = await letters.add(table, report.refused)
    except BigQueryError as error:
        raise IncompleteWriteError(
            f"{report.written} rows were written; {len(report.refused)} were refused, and could not be put "
            f"into {letters.table}: {error.message}",
            report=report,
            reason=error.reason,
            code=error.code,
        ) from error
    return replace(report, dead_letters=count)
