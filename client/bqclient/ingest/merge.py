"""MERGE by keys: as parameters of a statement, or by way of a staging table."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import IO, TYPE_CHECKING, Any, Literal, cast

from bqclient.errors import BigQueryError, UsageError
from bqclient.models.schema import Field, Schema

from .checking import json_row, unknown_field
from .merge_sql import MARK, ROWS, key_fields, merge_statement
from .report import RefusedRow
from .statements import add, batches, checked_key, plain, run, run_plain, spelled
from .ways import Outcome, Target, load_lines

if TYPE_CHECKING:
    from bqclient.models.references import DatasetReference, TableReference

    from .gathering import Gathered

How = Literal["auto", "unnest", "staged"]
Nulls = Literal["refuse", "match"]
# A staging table that nobody deleted ends by itself.
_STAGE_ENDS = timedelta(hours=6)


@dataclass(frozen=True, slots=True)
class Merge:
    """How rows are merged.

    ``keys``: the columns that tell which row is which. ``update``: the columns that change in rows that are
    there, all but the keys unless told, ``()`` for none: only new rows are written. ``delete_marker``: a
    column of the rows, not of the table, by which a row is deleted where it is true; it then needs only its
    keys. ``null_keys``: rows with NULL in a key are refused (``NULL = NULL`` is not true: each run would
    insert them again), or NULL matches NULL. ``how``: ``unnest`` gives rows as parameters of statements of
    500 rows at most, ``staged`` loads them into a table first and merges all of them at once; ``auto``
    takes the first for what fits one statement. ``staging_dataset``: where that table is made, the target's
    dataset unless told.
    """

    keys: tuple[str, ...]
    update: tuple[str, ...] | None = None
    delete_marker: str | None = None
    null_keys: Nulls = "refuse"
    how: How = "auto"
    staging_dataset: DatasetReference | str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.keys, str) or isinstance(self.update, str):
            raise UsageError("keys and update are sequences of names, not one text.")
        if self.how not in ("auto", "unnest", "staged"):
            raise UsageError(f"how is auto, unnest or staged, not {self.how!r}.")
        if self.null_keys not in ("refuse", "match"):
            raise UsageError(f"null_keys is refuse or match, not {self.null_keys!r}.")


@dataclass(slots=True)
class _Group:
    """Rows that have the same columns."""

    columns: tuple[Field, ...]
    rows: list[dict[str, Any]] = field(default_factory=list)


async def merge(to: Target, rows: Gathered, wanted: Merge, unnest_rows: int) -> Outcome:
    """Merge all rows; the last of those with the same keys counts. Running it again changes nothing."""
    work = _Work(to, wanted)
    async for index, row in rows.rows():
        work.take(index, row)
    return await work.run(unnest_rows)


class _Work:
    def __init__(self, to: Target, wanted: Merge) -> None:
        self._to, self._wanted = to, wanted
        self._keys = key_fields(to.schema, wanted.keys)
        self._names = {f.name.casefold(): f.name for f in to.schema}
        self._marker = wanted.delete_marker
        if self._marker and self._marker.casefold() in self._names:
            raise UsageError(f"The delete marker {self._marker} is a column of the table: name another.")
        self._update = self._columns_to_update()
        self._found: dict[tuple[Any, ...], tuple[dict[str, Any], bool]] = {}
        self._out = Outcome()

    def _columns_to_update(self) -> frozenset[str]:
        keys = {f.name for f in self._keys}
        if self._wanted.update is None:
            return frozenset(f.name for f in self._to.schema if f.name not in keys)
        unknown = [name for name in self._wanted.update if name.casefold() not in self._names]
        if unknown:
            raise UsageError(f"The column {unknown[0]}, to be updated, is no column of the table.")
        named = frozenset(self._names[name.casefold()] for name in self._wanted.update)
        if named & keys:
            raise UsageError(f"The key {min(named & keys)} cannot be updated: rows are found by it.")
        return named

    # --- rows ---

    def take(self, index: int, given: Mapping[str, Any]) -> None:
        """Check a row, and keep it in the place of an earlier one with the same keys."""
        try:
            row, deleted = self._checked(given)
            key = checked_key(row, self._keys)
            if None in key and (self._wanted.null_keys == "refuse" or self._required_null(key)):
                name = self._keys[key.index(None)].name
                raise UsageError(f"The key {name} is NULL: no row can be found by it.")
        except UsageError as wrong:
            self._out.refused.append(RefusedRow.of(index, given, wrong))
            return
        if key in self._found:
            self._out.duplicates += 1
            # The last one wins, and takes its place in the order.
            del self._found[key]
        self._found[key] = (row, deleted)

    def _required_null(self, key: tuple[Any, ...]) -> bool:
        return any(v is None and f.required for v, f in zip(key, self._keys, strict=True))

    def _checked(self, given: Mapping[str, Any]) -> tuple[dict[str, Any], bool]:
        row = spelled(given, self._to.schema)
        deleted = False
        if self._marker is not None:
            deleted = bool(row.pop(self._marker, False))
        missing = [f.name for f in self._keys if f.name not in row]
        if missing:
            raise UsageError(f"The key {missing[0]} is missing.")
        if not deleted:
            json_row(row, self._to.schema)
        elif found := unknown_field(row, self._to.schema):
            raise UsageError(f"The table has no column {found}.")
        else:
            row = {f.name: row[f.name] for f in self._keys}
        return row, deleted

    def _groups(self) -> list[_Group]:
        """Rows by the columns that they have: a column that a row lacks is left as it is."""
        fields = {f.name: f for f in self._to.schema}
        groups: dict[frozenset[str], _Group] = {}
        deleted = []
        for row, gone in self._found.values():
            if gone:
                deleted.append({**row, MARK: True})
                continue
            names = frozenset(row)
            if names not in groups:
                groups[names] = _Group(tuple(f for name, f in fields.items() if name in names))
            groups[names].rows.append({**row, MARK: False} if self._marker else row)
        if deleted:
            # They need no other columns than keys, so that any statement can take them along.
            some = next(iter(groups.values()), None)
            if some is None:
                some = groups[frozenset()] = _Group(self._keys)
            some.rows.extend(deleted)
        return list(groups.values())

    # --- statements ---

    async def run(self, unnest_rows: int) -> Outcome:
        """Merge what was taken."""
        out, count, groups = self._out, len(self._found), self._groups()
        staged = self._wanted.how == "staged" or (self._wanted.how == "auto" and count > unnest_rows)
        limit = max(1, unnest_rows)
        statements = 0
        for group in groups:
            source = [plain(f) for f in group.columns]
            if self._marker is not None:
                source.append(Field(MARK, "BOOL"))
            if staged:
                add(out, await self._staged(group, source))
                statements += 1
                continue
            for part in batches(group.rows, source, limit):
                add(out, await run(self._to, self._sql(group, ROWS), source, part))
                statements += 1
        out.written = count
        out.atomic = statements <= 1
        if out.duplicates:
            out.notes.append(f"{out.duplicates} rows had keys of later ones, which replaced them.")
        if statements:
            way = "by way of a staging table" if staged else "as parameters"
            out.notes.append(f"{statements} MERGE statement{'s' if statements > 1 else ''} {way}.")
        return out

    def _sql(self, group: _Group, source: str) -> str:
        return merge_statement(
            self._to.table,
            source,
            self._keys,
            [f.name for f in group.columns],
            update=self._update,
            marked=self._marker is not None,
            null_matches=self._wanted.null_keys == "match",
        )

    async def _staged(self, group: _Group, source: Sequence[Field]) -> Outcome:
        """Load the rows into a table of their own, merge it, and drop it whatever happens."""
        tables, runtime = self._to.client.tables, self._to.client.core.runtime
        stage = self._stage(runtime.unique())
        schema = Schema(tuple(source))
        try:
            await tables.create(stage, schema, expires=runtime.now() + _STAGE_ENDS)
            await self._fill(stage, schema, group.rows)
            return await run_plain(self._to, self._sql(group, stage.sql))
        finally:
            await _dropped(self._to, stage)

    def _stage(self, unique: str) -> TableReference:
        table = self._to.table
        name = f"bqclient_stage_{unique}"
        if self._wanted.staging_dataset is None:
            return type(table)(table.project, table.dataset, name)
        return self._to.client.datasets.reference(self._wanted.staging_dataset).table(name)

    async def _fill(self, stage: TableReference, schema: Schema, rows: Iterable[Mapping[str, Any]]) -> None:
        with tempfile.SpooledTemporaryFile(max_size=32 << 20) as file:
            for row in rows:
                line = json.dumps(json_row(row, schema, load=True), separators=(",", ":"))
                file.write(line.encode() + b"\n")
            # Truncating, so that a second job for the same rows would do no harm.
            await load_lines(
                self._to,
                cast("IO[bytes]", file),
                stage,
                schema=schema,
                write_disposition="WRITE_TRUNCATE",
            )


async def _dropped(to: Target, stage: TableReference) -> None:
    """Delete a staging table, also while the work is being cancelled; one that stays ends by itself."""
    work = asyncio.ensure_future(to.client.tables.delete(stage, missing_ok=True))
    try:
        with suppress(BigQueryError):
            await asyncio.shield(work)
    except asyncio.CancelledError:
        with suppress(BigQueryError):
            await work
        raise
