"""Statistics of partitioned tables that outlive the process: from time to time, and when it ends, they are
written beside the tables. Of a version that has passed only what has changed since is counted.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from bqsim.catalog.resources import Table
from bqsim.catalog.stored_bytes import COUNTED

from .partition_ids import partitions_of
from .table_statistics import Counted, TableStatistics, column_of

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session

# Statistics with more numbers are counted again.
MOST = 200_000


class KeptStatistics:
    """Writes the ``statistics`` of a catalog's tables and reads them again."""

    def __init__(self, catalog: Catalog, statistics: TableStatistics) -> None:
        self._catalog = catalog
        self._statistics = statistics
        self._written: dict[str, Counted] = {}

    def load(self, records: Iterable[tuple[str, str, str]]) -> None:
        """Know what the records of a folder tell of the tables that there are."""
        texts = {key: text for kind, key, text in records if kind == COUNTED}
        self._catalog.counted |= texts.keys()
        if not texts:
            return
        for name, table in self._tables():
            counted = _read(texts[name], table) if name in texts else None
            if counted is not None and counted.version <= table.version:
                self._written[name] = counted
                self._statistics.restore(name, counted)

    def save(self, session: Session) -> int:
        """Write what is new; how many tables it is of."""
        known = self._statistics.known()
        if all(self._written.get(name) is counted for name, counted in known.items()):
            return 0
        found = {}
        for name, table in self._tables():
            counted = known.get(name)
            if counted is None or counted is self._written.get(name) or counted.version > table.version:
                continue
            if len(counted.rows) * (1 + len(counted.columns)) <= MOST:
                found[name] = counted
        if found:
            with session.transaction():
                for name, counted in found.items():
                    session.put_metadata(COUNTED, name, _text(counted))
                session.on_commit(lambda: self._catalog.counted.update(found))
        self._written = known
        return len(found)

    def _tables(self) -> Iterator[tuple[str, Table]]:
        """The partitioned tables by their engine tables."""
        catalog = self._catalog
        for project in catalog.projects():
            for dataset in catalog.datasets(project):
                for table in catalog.tables(dataset.ref):
                    if table.storage is not None and partitions_of(table) is not None:
                        yield table.storage.engine_table, table


def _text(counted: Counted) -> str:
    rows = [[key, count, changed_us] for key, (count, changed_us) in counted.rows.items()]
    columns = {c: [sizes.get(key, 0) for key in counted.rows] for c, sizes in counted.columns.items()}
    return json.dumps([counted.version, rows, columns], separators=(",", ":"))


def _read(text: str, table: Table) -> Counted:
    """What :func:`_text` wrote of a table."""
    version, rows, columns = json.loads(text)
    assert table.storage is not None
    fields = dict(zip(table.storage.columns, table.fields, strict=True))
    keys = [key for key, _, _ in rows]
    known = {c: dict(zip(keys, sizes, strict=True)) for c, sizes in columns.items() if column_of(c) in fields}
    return Counted(
        version,
        {key: (count, changed_us) for key, count, changed_us in rows},
        known,
        {c: fields[column_of(c)] for c in known},
    )
