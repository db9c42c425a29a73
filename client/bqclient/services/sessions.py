"""Sessions: temporary tables, variables and transactions that hold from query to query."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from bqclient.errors import BigQueryError, UsageError

from .query_options import Parameters
from .results import QueryResult

if TYPE_CHECKING:
    from .queries import Queries


class Session:
    """A session of the service; it runs one query at a time, and ends with ``async with``."""

    def __init__(self, queries: Queries, location: str) -> None:
        self._queries, self.location = queries, location
        self.id: str | None = None
        self._turn = asyncio.Lock()

    async def open(self) -> Self:
        """Begin it, unless it has been."""
        if self.id is None:
            begun = await self._queries.execute("SELECT 1", create_session=True, location=self.location)
            if begun.session is None:
                raise UsageError("The service began no session.")
            self.id = begun.session
        return self

    async def execute(self, sql: str, parameters: Parameters = None, **given: Any) -> QueryResult:
        """Run a query in it, after those before; options are those of ``client.queries.execute``."""
        async with self._turn:
            await self.open()
            assert self.id is not None
            return await self._queries.execute(
                sql, parameters, session_id=self.id, location=self.location, **given
            )

    async def close(self) -> None:
        """End it: temporary tables are gone, and a transaction that is open is rolled back."""
        if self.id is not None:
            with suppress(BigQueryError):
                await self.execute("CALL BQ.ABORT_SESSION()")
            self.id = None

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *failure: object) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Session({self.id or 'not begun'}, {self.location})"
