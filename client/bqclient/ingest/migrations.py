"""Tables changed to what their files say, as far as that is safe."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqclient.errors import PreconditionFailedError
from bqclient.models.references import DatasetReference, TableReference
from bqclient.models.table import table_body
from bqclient.services.resources import change

from .drift import Difference, compare, drift_of, schema_after, type_of
from .merge_sql import quoted

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient

    from .schema_files import SchemaFiles, TableFile

# Kinds of differences by what mends them.
_SCHEMA = frozenset({"missing_column", "mode", "description", "default"})
_ATTEMPTS = 3


@dataclass(frozen=True, slots=True)
class MigrationReport:
    """``done`` (with ``dry_run``: what would be), and ``refused`` with reasons."""

    done: tuple[Difference, ...] = ()
    refused: tuple[Difference, ...] = ()
    dry_run: bool = False

    def __str__(self) -> str:
        verb = "would be done" if self.dry_run else "done"
        lines = [f"{verb}: {d}" for d in self.done] + [f"refused: {d}" for d in self.refused]
        return "\n".join(lines) or "Nothing to do."


async def migrate(
    client: BigQueryClient, files: SchemaFiles, dataset: DatasetReference, *, dry_run: bool
) -> MigrationReport:
    """Carry out what can be done in place."""
    tables = files.load()
    report = await drift_of(client, tables, dataset)
    refused = tuple(d for d in report.differences if d.remedy != "in_place")
    todo = report.of("in_place")
    if dry_run:
        return MigrationReport(todo, refused, True)
    for table in tables:
        mine = [d for d in todo if d.table == table.name]
        if any(d.kind == "missing_table" for d in mine):
            await files.make(dataset, table)
        elif mine:
            await _change(client, dataset.table(table.name), table, mine)
    return MigrationReport(todo, refused)


async def _change(
    client: BigQueryClient, reference: TableReference, file: TableFile, todo: Sequence[Difference]
) -> None:
    """Change one table: its metadata by one call, types by a statement each."""
    for _ in range(_ATTEMPTS - 1):
        try:
            await _patch(client, reference, file, todo)
            break
        except PreconditionFailedError:
            # Somebody else changed it meanwhile: what is left to do is seen anew.
            now = compare(file, await client.tables.get(reference))
            todo = [d for d in now if d.remedy == "in_place"]
    else:
        await _patch(client, reference, file, todo)
    # ALTER COLUMN does no more when it is done again.
    wanted = {f.name.casefold(): f for f in file.schema}
    for difference in todo:
        if difference.kind == "type":
            field = wanted[difference.place.casefold()]
            sql = (
                f"ALTER TABLE {reference.sql} ALTER COLUMN {quoted(field.name)} "
                f"SET DATA TYPE {type_of(field, elements=False)}"
            )
            await client.queries.execute(sql, job_id_prefix=f"{client.config.job_prefix}_migrate")


async def _patch(
    client: BigQueryClient, reference: TableReference, file: TableFile, todo: Sequence[Difference]
) -> None:
    table = await client.tables.get(reference)
    changes: dict[str, Any] = {}
    whole = {d.kind for d in todo if not d.place}
    if any(d.place and d.kind in _SCHEMA for d in todo):
        changes["schema"] = schema_after(file.schema, table.schema)
    if "clustering" in whole:
        changes["clustering"] = file.clustering or None
    if "partition_expiration" in whole:
        changes["time_partitioning"] = file.time_partitioning
    if "require_partition_filter" in whole:
        changes["require_partition_filter"] = file.require_partition_filter
    if "description" in whole:
        changes["description"] = file.description
    if "labels" in whole:
        # A label goes when it is set to nothing.
        gone = dict.fromkeys(set(table.labels) - set(file.labels or {}))
        changes["labels"] = {**gone, **(file.labels or {})}
    if not changes:
        return
    body = table_body(changes)
    if file.time_partitioning is not None and "timePartitioning" in body:
        # A patch leaves alone what it does not name.
        body["timePartitioning"].setdefault("expirationMs", None)
    await change(client.core.rest, "tables.patch", "tables.get", reference.to_api(), body, table.etag)
