"""Rows that failed, kept in a table with the reason, and written again once that is mended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bqclient.errors import UsageError
from bqclient.models.references import TableReference
from bqclient.models.schema import Field, Schema
from bqclient.models.table import TimePartitioning
from bqclient.services.streaming import FailedRow

from .letters import MAX_ERROR, MAX_ROW, cut, row_text
from .report import RefusedRow

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient

    from .redrive import RedriveReport

SCHEMA = Schema(
    (
        Field("id", "STRING", "REQUIRED"),
        Field("org", "STRING"),
        Field("source_table", "STRING", "REQUIRED"),
        Field("error", "STRING", "REQUIRED", description=f"Cut at {MAX_ERROR:,} characters."),
        Field("row", "STRING", "REQUIRED", description=f"JSON, cut at {MAX_ROW:,} characters."),
        Field("cut", "BOOL", "REQUIRED", description="Whether the row was cut: it cannot be written again."),
        Field("time", "TIMESTAMP", "REQUIRED"),
    )
)
# What became of letters; a table of its own, as rows that were just streamed in cannot be updated.
STATES = Schema(
    (
        Field("id", "STRING", "REQUIRED"),
        Field("state", "STRING", "REQUIRED", description="claimed, released or driven"),
        Field("run", "STRING", "REQUIRED"),
        Field("time", "TIMESTAMP", "REQUIRED"),
    )
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One row that failed."""

    id: str
    source_table: str
    error: str
    row: str
    cut: bool
    time: datetime
    org: str | None = None


class DeadLetters:
    """A table of rows that failed: ``org``, ``source_table``, ``error``, ``row`` as JSON, ``time``.

    It is partitioned by time and made when it is missing, with a second one, ``<name>_redriven``, which tells
    what became of them. ``org`` is written with every row. Letters are never changed or deleted.
    """

    def __init__(
        self, client: BigQueryClient, table: TableReference | str, *, org: str | None = None
    ) -> None:
        self._client = client
        self.table = client.tables.reference(table)
        self.states = TableReference(self.table.project, self.table.dataset, f"{self.table.table}_redriven")
        self.org = org
        self._made = False

    async def ensure(self) -> None:
        """Make both tables where they are missing."""
        if self._made:
            return
        await self._client.tables.create(
            self.table,
            SCHEMA,
            exists_ok=True,
            time_partitioning=TimePartitioning("DAY", "time"),
            clustering=("source_table",),
        )
        await self._client.tables.create(self.states, STATES, exists_ok=True)
        self._made = True

    async def add(
        self,
        source_table: TableReference | str,
        rows: Iterable[RefusedRow | FailedRow | tuple[Mapping[str, Any], str]],
    ) -> int:
        """Put failed rows of a table aside; how many. Pairs are (row, error)."""
        from .write_rows import write_rows

        source = str(self._client.tables.reference(source_table))
        letters = [self._letter(source, *_parts(row)) for row in rows]
        if not letters:
            return 0
        await self.ensure()
        report = await write_rows(self._client, self.table, letters, schema=SCHEMA)
        report.raise_for_refused()
        return report.written

    def on_failed(
        self, source_table: TableReference | str
    ) -> Callable[[Sequence[FailedRow]], Awaitable[None]]:
        """What a BufferedInserter of that table takes as ``on_failed``.

        It also gets rows whose request was not answered in the end: they may be in the table. Drive those
        (``error`` begins with the reason, such as backendError) with ``keys``.
        """

        async def put_aside(failed: Sequence[FailedRow]) -> None:
            await self.add(source_table, failed)

        return put_aside

    async def read(
        self,
        source_table: TableReference | str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1_000,
        driven: bool | None = False,
    ) -> list[Letter]:
        """Letters, the oldest first. ``driven``: those that were written again, those that were not (also
        claimed ones), or, with ``None``, all."""
        from .redrive import letters_of

        if limit < 1:
            raise UsageError(f"limit must be at least 1, not {limit}.")
        await self.ensure()
        source = None if source_table is None else str(self._client.tables.reference(source_table))
        return await letters_of(self._client, self, source, since, until, limit, driven)

    async def redrive(
        self,
        source_table: TableReference | str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1_000,
        transform: Callable[[dict[str, Any]], Mapping[str, Any] | None] | None = None,
        into: TableReference | str | None = None,
        again: bool = False,
        **options: Any,
    ) -> RedriveReport:
        """Write letters' rows again, each once, with :meth:`~bqclient.ingest.Ingest.write_rows`.

        Those of ``source_table`` or of all tables, from ``since`` up to ``until``, that were not driven yet.
        ``transform`` mends a row first (``None``: leave it alone); ``into``: another table for the rows.
        ``options``: those of ``write_rows``, such as ``keys``.

        A letter is claimed before its row is written and marked as driven afterwards, so that two runs at
        the same time do not write it twice. Rows that are refused again stay to be driven. Rows that were cut
        are reported, not driven. A run that was killed in between leaves letters claimed, of which nobody
        knows whether their rows were written: they are reported as ``unfinished``, and driven only with
        ``again=True``; do that with ``keys``, which make it harmless.
        """
        from .redrive import redrive

        await self.ensure()
        letters = await self.read(source_table, since=since, until=until, limit=limit)
        return await redrive(self._client, self, letters, transform, into, again, options)

    def _letter(self, source: str, row: Mapping[str, Any], error: str) -> dict[str, Any]:
        runtime = self._client.core.runtime
        text = row_text(row)
        return {
            "id": runtime.unique(),
            "org": self.org,
            "source_table": source,
            "error": cut(error, MAX_ERROR),
            "row": cut(text, MAX_ROW),
            "cut": len(text) > MAX_ROW,
            "time": runtime.now(),
        }


def _parts(given: RefusedRow | FailedRow | tuple[Mapping[str, Any], str]) -> tuple[Mapping[str, Any], str]:
    if isinstance(given, RefusedRow):
        return given.row, given.error
    if isinstance(given, FailedRow):
        return given.row, given.message
    return given
