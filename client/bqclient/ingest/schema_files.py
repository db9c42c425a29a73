"""Tables as JSON files: ``table_name``, ``schema``, ``clustering``, ``partitioning``."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqclient.errors import FileError
from bqclient.models.references import DatasetReference
from bqclient.models.schema import Schema
from bqclient.models.table import RangePartitioning, TimePartitioning

from .schema_checks import read_table

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient

    from .drift import DriftReport
    from .migrations import MigrationReport

__all__ = ["FileError", "SchemaFiles", "TableFile"]


@dataclass(frozen=True, slots=True)
class TableFile:
    """One table as its file has it. What a file does not mention, a table is to be without; only labels and
    descriptions that it does not mention are left as they are."""

    name: str
    schema: Schema
    clustering: tuple[str, ...] = ()
    time_partitioning: TimePartitioning | None = None
    range_partitioning: RangePartitioning | None = None
    require_partition_filter: bool = False
    description: str | None = None
    labels: Mapping[str, str] | None = None
    path: Path | None = field(default=None, compare=False)

    def attributes(self) -> dict[str, Any]:
        """The keywords of ``client.tables.create``."""
        given = {
            "clustering": self.clustering or None,
            "time_partitioning": self.time_partitioning,
            "range_partitioning": self.range_partitioning,
            "require_partition_filter": self.require_partition_filter or None,
            "description": self.description,
            "labels": self.labels,
        }
        return {name: value for name, value in given.items() if value is not None}


class SchemaFiles:
    """The tables that JSON files of a folder, and of folders in it, describe.

    A file holds one table, or a list of them::

        {"table_name": "orders",
         "schema": [{"name": "id", "type": "INT64", "mode": "REQUIRED"}, {"name": "at", "type": "TIMESTAMP"}],
         "clustering": ["id"],
         "partitioning": {"field": "at", "type": "DAY", "expiration_days": 90, "require_filter": true}}

    ``partitioning`` may be the name of a column (by day), or ``{"field": "n", "range": {"start": 0, "end":
    100, "interval": 10}}``; without a ``field`` it goes by when rows came. ``description`` and ``labels`` may
    be given.
    """

    def __init__(self, client: BigQueryClient, folder: str | Path) -> None:
        self._client = client
        self.folder = Path(folder)

    def load(self) -> tuple[TableFile, ...]:
        """Read and check all files. Raises FileError (a UsageError) naming each mistake with its file and
        path."""
        if not self.folder.is_dir():
            raise FileError([f"{self.folder}: there is no such folder"])
        problems: list[str] = []
        found: list[TableFile] = []
        for path in sorted(self.folder.rglob("*.json")):
            found.extend(self._file(path, problems))
        seen: dict[str, TableFile] = {}
        for table in found:
            other = seen.setdefault(table.name, table)
            if other is not table:
                problems.append(
                    f"{self._shown(table.path)}: table {table.name} is also in {self._shown(other.path)}"
                )
        if problems:
            raise FileError(problems)
        return tuple(found)

    def _file(self, path: Path, problems: list[str]) -> list[TableFile]:
        shown = self._shown(path)
        try:
            data = json.loads(path.read_text("utf-8"), object_pairs_hook=_without_doubles)
        except json.JSONDecodeError as error:
            problems.append(f"{shown}:{error.lineno}:{error.colno}: no JSON: {error.msg}")
            return []
        except (ValueError, RecursionError) as error:
            problems.append(f"{shown}: no JSON: {error}")
            return []
        tables = data if isinstance(data, list) else [data]
        found = []
        for index, item in enumerate(tables):
            where = f"{shown}: [{index}]." if isinstance(data, list) else f"{shown}: "
            made = read_table(item, where, problems)
            if made is not None:
                found.append(TableFile(**made, path=path))
        return found

    def _shown(self, path: Path | None) -> str:
        return str(path.relative_to(self.folder)) if path is not None else "?"

    # --- the service ---

    def dataset(self, dataset: DatasetReference | str) -> DatasetReference:
        """The dataset of that name."""
        return self._client.datasets.reference(dataset)

    async def bootstrap(
        self, dataset: DatasetReference | str, *, make_dataset: bool = True
    ) -> tuple[str, ...]:
        """Make the tables that are missing, and the dataset; the names of those that were made."""
        tables, target = self.load(), self.dataset(dataset)
        if make_dataset:
            await self._client.datasets.create(target, exists_ok=True)
        there = {t.reference.table async for t in self._client.tables.list(target)}
        made = []
        for table in tables:
            if table.name not in there:
                await self.make(target, table)
                made.append(table.name)
        return tuple(made)

    async def make(self, dataset: DatasetReference, table: TableFile) -> None:
        """Make one table, unless somebody else just did."""
        await self._client.tables.create(
            dataset.table(table.name), table.schema, exists_ok=True, **table.attributes()
        )

    async def drift(self, dataset: DatasetReference | str) -> DriftReport:
        """How the tables of a dataset differ from the files."""
        from .drift import drift_of

        return await drift_of(self._client, self.load(), self.dataset(dataset))

    async def migrate(self, dataset: DatasetReference | str, *, dry_run: bool = False) -> MigrationReport:
        """Make and change tables so far as that is safe; the rest is refused with its reasons.

        Missing tables are made; columns are added, REQUIRED ones relaxed, types widened, descriptions,
        defaults, clustering, labels and expiration set. No data is lost or rewritten. ``dry_run``: only say
        what would be done. Doing it again does nothing.
        """
        from .migrations import migrate

        return await migrate(self._client, self, self.dataset(dataset), dry_run=dry_run)


def _without_doubles(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)!r} is given twice in one object")
    return found
