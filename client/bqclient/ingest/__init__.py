"""Rows into tables by the way that suits them, rows that fail, tenants, and tables kept as files.

Names are loaded when they are first used.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient
    from bqclient.errors import IncompleteWriteError
    from bqclient.models.references import TableReference
    from bqclient.models.schema import Schema

    from .dead_letters import DeadLetters
    from .drift import Difference, DriftReport
    from .merge import Merge
    from .migrations import MigrationReport
    from .redrive import RedriveReport
    from .report import (
        Change,
        Delete,
        Method,
        RefusedRow,
        Thresholds,
        Update,
        WriteReport,
    )
    from .schema_files import SchemaFiles, TableFile
    from .tenants import Tenant, Tenants, Tier

_PLACES = {
    "DeadLetters": "dead_letters",
    "Delete": "report",
    "Difference": "drift",
    "DriftReport": "drift",
    "IncompleteWriteError": "report",
    "Merge": "merge",
    "MigrationReport": "migrations",
    "RedriveReport": "redrive",
    "RefusedRow": "report",
    "SchemaFiles": "schema_files",
    "TableFile": "schema_files",
    "Tenant": "tenants",
    "Tenants": "tenants",
    "Thresholds": "report",
    "Tier": "tenants",
    "Update": "report",
    "WriteReport": "report",
}
__all__ = [
    "DeadLetters",
    "Delete",
    "Difference",
    "DriftReport",
    "IncompleteWriteError",
    "Ingest",
    "Merge",
    "MigrationReport",
    "RedriveReport",
    "RefusedRow",
    "SchemaFiles",
    "TableFile",
    "Tenant",
    "Tenants",
    "Thresholds",
    "Tier",
    "Update",
    "WriteReport",
]


class Ingest:
    """Rows into tables, whatever their number and form."""

    def __init__(self, client: BigQueryClient) -> None:
        self._client = client

    async def write_rows(
        self,
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
        """Write rows to a table that exists; what was done, and why so.

        ``rows``: mappings in a list, any iterable or async iterable, Arrow data, a DataFrame of pandas or
        polars. Below 100 rows they are streamed in, from 100 a job loads them, from 10,000 they go over
        ``writers`` streams of the Storage Write API and are committed together (``thresholds`` sets the
        numbers). With ``keys`` they are merged: rows that are there are updated, others inserted, and
        the same again changes nothing; ``merge`` says more than keys. ``changes``: updates and deletes by
        key instead of rows, as DML. ``method``: auto, or stream, load, storage.

        No way writes a row twice or loses one when answers get lost. Rows that do not fit the table are not
        written: they are in the report, and in the table ``dead_letters`` when one is given; the others are
        written. ``schema``: the table's, where it is known already. ``timeout``: seconds of each request,
        job or append.

        Raises NotFoundError when there is no such table; IncompleteWriteError, with the report, when some of
        several requests were carried out, or refused rows could not be put aside.
        """
        from .write_rows import write_rows

        return await write_rows(
            self._client,
            table,
            rows,
            keys=keys,
            merge=merge,
            changes=changes,
            method=method,
            thresholds=thresholds,
            writers=writers,
            schema=schema,
            dead_letters=dead_letters,
            timeout=timeout,
        )

    async def merge(
        self, table: TableReference | str, rows: Any, keys: Sequence[str], **options: Any
    ) -> WriteReport:
        """Merge rows by keys. ``options``: those of :class:`Merge` and of :meth:`write_rows`."""
        from .merge import Merge

        given = {name: options.pop(name) for name in Merge.__dataclass_fields__ if name in options}
        if given.get("update") is not None:
            given["update"] = tuple(given["update"])
        return await self.write_rows(table, rows, merge=Merge(tuple(keys), **given), **options)

    def dead_letters(self, table: TableReference | str, *, org: str | None = None) -> DeadLetters:
        """A table of rows that failed; it is made when the first one comes."""
        from .dead_letters import DeadLetters

        return DeadLetters(self._client, table, org=org)

    def tenants(self, prefix: str = "tenant", **options: Any) -> Tenants:
        """Tenants, each with a dataset ``prefix_<tenant>`` and the limits of its tier."""
        from .tenants import Tenants

        return Tenants(self._client, prefix=prefix, **options)

    def schema_files(self, folder: str | Path) -> SchemaFiles:
        """Tables as JSON files of a folder."""
        from .schema_files import SchemaFiles

        return SchemaFiles(self._client, folder)


def __getattr__(name: str) -> Any:
    place = _PLACES.get(name)
    if place is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{place}", __name__), name)
