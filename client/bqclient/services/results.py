"""Results of queries: rows page by page, or in one piece through the Storage API."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from functools import cached_property
from typing import TYPE_CHECKING, Any

from bqclient.errors import AccessDeniedError, NotFoundError, TransportError, UsageError
from bqclient.models.job import DmlCounts, Job
from bqclient.models.references import JobReference, TableReference
from bqclient.models.schema import Schema

from . import polling

if TYPE_CHECKING:
    import pandas
    import polars
    import pyarrow as pa

    from bqclient.client import BigQueryClient
    from bqclient.values.rows import Row

# Results with more rows come through the Storage API, which is begun slower and goes on faster.
STORAGE_ROWS = 20_000
FORMAT = {"formatOptions.useInt64Timestamp": True}
_ORDERED = re.compile(r"\border\s+by\b", re.IGNORECASE)


class QueryResult:
    """What a query gave: all of its rows, unless it was run with ``fetch_all=False``.

    ``rows``, ``to_arrow()``, ``to_pandas()``, ``to_polars()`` and ``for row in result`` need all rows: call
    ``await result.fetch()`` first where they were not fetched. ``async for row in result`` and
    :meth:`batches` bring them as they go, and keep none.

    ``job`` is ``None`` where the service ran the query without a job; ``query_id`` names it then.
    """

    def __init__(
        self,
        client: BigQueryClient,
        data: dict[str, Any],
        *,
        job: Job | None = None,
        ordered: bool = False,
        page_size: int | None = None,
    ) -> None:
        self._client, self._data = client, data
        self._ordered, self._page_size = ordered, page_size
        self._pages: list[list[Any]] = [data.pop("rows", [])]
        self._token: str | None = data.get("pageToken")
        self._table: pa.Table | None = None
        self.details = job
        found = data.get("jobReference")
        self.job: JobReference | None = (
            JobReference.from_api(found) if found else job.reference if job else None
        )

    # --- what is known of it ---

    @cached_property
    def schema(self) -> Schema:
        """The columns; none for statements that give no rows."""
        return Schema.from_api(self._data.get("schema"))

    @property
    def total_rows(self) -> int:
        """How many rows there are, fetched or not."""
        return int(self._data.get("totalRows") or 0)

    @property
    def query_id(self) -> str | None:
        """The service's id of a query that had no job."""
        return self._data.get("queryId")

    @property
    def statistics(self) -> Mapping[str, Any]:
        """The answer of the service as the API has it, without rows."""
        return self._data

    def _number(self, name: str, of_job: int) -> int:
        return int(self._data.get(name) or 0) or of_job

    @property
    def bytes_processed(self) -> int:
        """Bytes that were read."""
        return self._number("totalBytesProcessed", self.details.bytes_processed if self.details else 0)

    @property
    def bytes_billed(self) -> int:
        """Bytes that are billed."""
        return self._number("totalBytesBilled", self.details.bytes_billed if self.details else 0)

    @property
    def slot_ms(self) -> int:
        """Milliseconds of slots that it took."""
        return self._number("totalSlotMs", self.details.slot_ms if self.details else 0)

    @property
    def cache_hit(self) -> bool:
        """Whether the result came from the cache."""
        return bool(self._data.get("cacheHit"))

    @property
    def statement_type(self) -> str:
        """SELECT, INSERT, SCRIPT, …; empty where the service does not tell."""
        return self._data.get("statementType") or (self.details.statement_type if self.details else "")

    @property
    def dml(self) -> DmlCounts | None:
        """Rows that a DML statement changed."""
        return DmlCounts.from_api(self._data.get("dmlStats")) or (self.details.dml if self.details else None)

    @property
    def affected_rows(self) -> int:
        """How many rows a DML statement changed."""
        return int(self._data.get("numDmlAffectedRows") or 0)

    @property
    def session(self) -> str | None:
        """The session that it ran in."""
        found = self._data.get("sessionInfo")
        return found.get("sessionId") if found else self.details.session if self.details else None

    @property
    def complete(self) -> bool:
        """Whether all rows are here."""
        return self._token is None or self._table is not None

    # --- all rows ---

    async def fetch(self, *, storage_api: bool | None = None) -> QueryResult:
        """Bring the rows that are not here yet; this result.

        ``storage_api``: by that way or not; unless told, where there are many and it is allowed.
        """
        if self.complete:
            return self
        many = self.total_rows > STORAGE_ROWS if storage_api is None else storage_api
        if many and (table := await self._destination()):
            try:
                self._table = await self._stored(table).to_arrow()
                self._pages = []
                return self
            except (AccessDeniedError, NotFoundError, TransportError):
                if storage_api:
                    raise
        further = [page async for page in self._further()]
        self._pages += further
        self._token = None
        return self

    @cached_property
    def _rows(self) -> list[Row]:
        from bqclient.values.rows import rows_of_arrow, rows_of_json

        self._check()
        if self._table is not None:
            return rows_of_arrow(self._table, self.schema)
        return rows_of_json(self._json(), self.schema)

    @property
    def rows(self) -> list[Row]:
        """All rows."""
        return self._rows

    def to_arrow(self) -> pa.Table:
        """All rows as an Arrow table."""
        from bqclient.values.rows import arrow_of_json

        self._check()
        if self._table is None:
            self._table = arrow_of_json(self._json(), self.schema)
        return self._table

    def to_pandas(self, *, arrow_types: bool = False) -> pandas.DataFrame:
        """All rows as a DataFrame of pandas (extra ``pandas``; UsageError without).

        INT64 and BOOL have pandas' nullable types, so that NULLs change no number. ``arrow_types``: all
        columns have those of Arrow.
        """
        from bqclient.values.frames import to_pandas

        made: pandas.DataFrame = to_pandas(self.to_arrow(), self.schema, arrow_types=arrow_types)
        return made

    def to_polars(self) -> polars.DataFrame:
        """All rows as a DataFrame of Polars (extra ``polars``; UsageError without)."""
        from bqclient.values.frames import to_polars

        made: polars.DataFrame = to_polars(self.to_arrow(), self.schema)
        return made

    def to_dicts(self) -> list[dict[str, Any]]:
        """All rows as dictionaries."""
        return [row.as_dict() for row in self.rows]

    def scalar(self) -> Any:
        """The first value of the first row; ``None`` where there is no row."""
        return self.rows[0][0] if self.rows else None

    def __iter__(self) -> Iterator[Row]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __bool__(self) -> bool:
        return True

    def __repr__(self) -> str:
        named = self.job or self.query_id
        return f"QueryResult({named}, {self.statement_type or '?'}, {self.total_rows} rows)"

    def _json(self) -> list[Any]:
        return self._pages[0] if len(self._pages) == 1 else [row for page in self._pages for row in page]

    def _check(self) -> None:
        if not self.complete:
            raise UsageError(
                f"{sum(map(len, self._pages)):,} of {self.total_rows:,} rows are here: "
                "call await result.fetch() for the others, or iterate with 'async for'."
            )

    # --- rows as they come ---

    async def __aiter__(self) -> AsyncGenerator[Row]:
        from bqclient.values.rows import rows_of_arrow, rows_of_json

        if self.complete:
            for row in self.rows:
                yield row
            return
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                made = rows_of_json(piece, self.schema) if isinstance(piece, list) else None
                for row in rows_of_arrow(piece, self.schema) if made is None else made:
                    yield row

    async def batches(self) -> AsyncGenerator[pa.RecordBatch]:
        """Rows as Arrow record batches, as they come; one is brought while another is being used."""
        from bqclient.values.rows import arrow_of_json

        if self.complete:
            for batch in self.to_arrow().to_batches():
                yield batch
            return
        async with aclosing(self._pieces()) as pieces:
            async for piece in pieces:
                made = arrow_of_json(piece, self.schema).to_batches() if isinstance(piece, list) else [piece]
                for batch in made:
                    yield batch

    async def _pieces(self) -> AsyncGenerator[Any]:
        """Pages of JSON rows, or record batches of the Storage API."""
        if self.total_rows > STORAGE_ROWS and (table := await self._destination()):
            begun = False
            try:
                async with aclosing(aiter(self._stored(table))) as batches:
                    async for batch in batches:
                        begun = True
                        yield batch
                return
            except (AccessDeniedError, NotFoundError):
                if begun:
                    raise
        yield self._pages[0]
        async with aclosing(self._further()) as pages:
            async for page in pages:
                yield page

    async def _further(self) -> AsyncGenerator[list[Any]]:
        """The pages after the first; the next is on its way while one is used."""
        assert self.job is not None
        token = self._token
        coming = asyncio.ensure_future(self._page(token)) if token else None
        try:
            while coming is not None:
                data = await coming
                token = data.get("pageToken")
                coming = asyncio.ensure_future(self._page(token)) if token else None
                yield data.get("rows") or []
        finally:
            if coming is not None:
                coming.cancel()

    async def _page(self, token: str) -> dict[str, Any]:
        assert self.job is not None
        query = {
            **FORMAT,
            "location": self.job.location,
            "pageToken": token,
            "maxResults": self._page_size,
            "fields": "rows,pageToken,jobComplete",
        }
        reply = await self._client.core.rest.call(
            "jobs.getQueryResults", polling.path_of(self.job), query=query
        )
        return reply.data

    # --- the Storage API ---

    async def _destination(self) -> TableReference | None:
        if self.job is None:
            return None
        if self.details is None or self.details.destination is None:
            self.details = await polling.get(self._client.core, self.job)
        # The rows of a script are those of its last statement, which wrote them elsewhere.
        return None if self.details.statement_type == "SCRIPT" else self.details.destination

    def _stored(self, table: TableReference) -> Any:
        # One stream keeps the order that the query asked for.
        order: dict[str, Any] = {"ordered": True, "streams": 1} if self._ordered else {}
        return self._client.storage_read.read_all(table, **order)


def is_ordered(sql: str) -> bool:
    """Whether a query may ask for an order of its rows."""
    return _ORDERED.search(sql) is not None
