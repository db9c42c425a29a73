"""Letters written again: claimed, written, marked as driven."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from bqclient.errors import BigQueryError, IncompleteWriteError
from bqclient.models.references import TableReference

from .letters import revived
from .report import WriteReport
from .statements import execute

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient

    from .dead_letters import DeadLetters, Letter

Transform = Callable[[dict[str, Any]], Mapping[str, Any] | None]


@dataclass(frozen=True, slots=True)
class RedriveReport:
    """What became of letters, by their ids.

    ``driven``: their rows are written. ``refused`` again, with the errors. ``cut``: their rows are not whole.
    ``skipped``: ``transform`` left them alone, or another run has them. ``unfinished``: a run that did not
    end has claimed them. ``reports``: what ``write_rows`` said for each table.
    """

    driven: tuple[str, ...] = ()
    refused: Mapping[str, str] | None = None
    cut: tuple[str, ...] = ()
    skipped: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()
    reports: Mapping[str, WriteReport] | None = None


async def letters_of(
    client: BigQueryClient,
    letters: DeadLetters,
    source: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    driven: bool | None,
) -> list[Letter]:
    """Letters that fit, the oldest first; each id once."""
    from bqclient.values.parameters import Parameter

    from .dead_letters import Letter

    state = {None: "TRUE", True: "D.state = 'driven'", False: "IFNULL(D.state, '') != 'driven'"}[driven]
    sql = (
        f"SELECT L.* FROM {letters.table.sql} AS L LEFT JOIN {letters.states.sql} AS D ON D.id = L.id\n"
        f"WHERE {state} AND (@source IS NULL OR L.source_table = @source)\n"
        "AND (@since IS NULL OR L.time >= @since) AND (@until IS NULL OR L.time < @until)\n"
        # A letter that was streamed in twice is one.
        "QUALIFY ROW_NUMBER() OVER (PARTITION BY L.id ORDER BY L.time) = 1\n"
        "ORDER BY L.time, L.id LIMIT @limit"
    )
    given = {
        "source": Parameter(source, "STRING"),
        "since": Parameter(since, "TIMESTAMP"),
        "until": Parameter(until, "TIMESTAMP"),
        "limit": limit,
    }
    result = await client.queries.execute(sql, given, use_cache=False)
    return [Letter(**row.as_dict()) for row in result.rows]


async def redrive(
    client: BigQueryClient,
    letters: DeadLetters,
    found: Sequence[Letter],
    transform: Transform | None,
    into: TableReference | str | None,
    again: bool,
    options: Mapping[str, Any],
) -> RedriveReport:
    """Write the rows of letters again, table by table."""
    work = _Redrive(client, letters, client.core.runtime.unique(), options)
    cut = tuple(letter.id for letter in found if letter.cut)
    whole = [letter for letter in found if not letter.cut]
    before = await work.states([letter.id for letter in whole])
    unfinished = () if again else tuple(i for i in (x.id for x in whole) if before.get(i) == "claimed")
    by_table: dict[str, list[Letter]] = {}
    for letter in whole:
        if letter.id not in unfinished:
            by_table.setdefault(str(into) if into is not None else letter.source_table, []).append(letter)
    for table, some in by_table.items():
        await work.drive(table, some, transform, "claimed" if again else "released")
    return RedriveReport(tuple(work.driven), work.refused, cut, tuple(work.skipped), unfinished, work.reports)


class _Redrive:
    def __init__(
        self, client: BigQueryClient, letters: DeadLetters, run: str, options: Mapping[str, Any]
    ) -> None:
        self._client, self._letters, self._run, self._options = client, letters, run, options
        self.driven: list[str] = []
        self.skipped: list[str] = []
        self.refused: dict[str, str] = {}
        self.reports: dict[str, WriteReport] = {}

    async def drive(
        self, table: str, letters: Sequence[Letter], transform: Transform | None, claimable: str
    ) -> None:
        """Drive the letters of one table."""
        from .write_rows import write_rows

        schema = (await self._client.tables.get(table)).schema
        rows: dict[str, Mapping[str, Any]] = {}
        for letter in letters:
            row = revived(json.loads(letter.row), schema)
            mended = row if transform is None else transform(row)
            if mended is None:
                self.skipped.append(letter.id)
            else:
                rows[letter.id] = mended
        claimed = await self._claim(list(rows), claimable)
        self.skipped.extend(i for i in rows if i not in claimed)
        ids = [i for i in rows if i in claimed]
        if not ids:
            return
        try:
            report = await write_rows(
                self._client, table, [rows[i] for i in ids], schema=schema, **self._options
            )
        except BigQueryError as error:
            if not (error.ambiguous or isinstance(error, IncompleteWriteError)):
                # Nothing was written: they may be driven by the next run.
                await self._mark(ids, "released")
            raise
        self.reports[table] = report
        wrong = {ids[refused.index]: refused.error for refused in report.refused}
        done = [i for i in ids if i not in wrong]
        await self._mark(done, "driven")
        await self._mark(list(wrong), "released")
        self.driven.extend(done)
        self.refused.update(wrong)

    async def states(self, ids: Sequence[str]) -> dict[str, str]:
        """What became of letters so far."""
        result = await self._execute(
            f"SELECT id, state FROM {self._letters.states.sql} WHERE id IN UNNEST(@ids)", ids
        )
        return {row["id"]: row["state"] for row in result.rows}

    async def _claim(self, ids: Sequence[str], claimable: str) -> set[str]:
        """Claim letters; those that this run has now. Of two runs one gets each."""
        if not ids:
            return set()
        states = "'claimed', 'released'" if claimable == "claimed" else "'released'"
        await self._execute(
            f"MERGE {self._letters.states.sql} AS T USING (SELECT id FROM UNNEST(@ids) AS id) AS S\n"
            "ON T.id = S.id\n"
            f"WHEN MATCHED AND T.state IN ({states}) THEN\n"
            "UPDATE SET state = 'claimed', run = @run, time = @now\n"
            "WHEN NOT MATCHED THEN INSERT (id, state, run, time) VALUES (S.id, 'claimed', @run, @now)",
            ids,
            dml=True,
        )
        result = await self._execute(
            f"SELECT id FROM {self._letters.states.sql}\n"
            "WHERE id IN UNNEST(@ids) AND state = 'claimed' AND run = @run",
            ids,
        )
        return {row["id"] for row in result.rows}

    async def _mark(self, ids: Sequence[str], state: str) -> None:
        """Mark letters that this run has claimed."""
        if ids:
            await self._execute(
                f"UPDATE {self._letters.states.sql} SET state = @state, time = @now\n"
                "WHERE id IN UNNEST(@ids) AND state = 'claimed' AND run = @run",
                ids,
                dml=True,
                state=state,
            )

    async def _execute(self, sql: str, ids: Sequence[str], *, dml: bool = False, **more: Any) -> Any:
        from bqclient.values.parameters import Parameter

        given = {"ids": Parameter(list(ids), "ARRAY<STRING>"), **more}
        if "@run" in sql:
            given["run"] = self._run
        if "@now" in sql:
            given["now"] = self._client.core.runtime.now()
        if dml:
            return await execute(self._client, sql, given)
        return await self._client.queries.execute(sql, given, use_cache=False)
