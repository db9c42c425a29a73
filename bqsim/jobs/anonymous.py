"""Anonymous tables: query results that SQL can read by name."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import Table
from bqsim.sql.statements.writes import created, finish_creation

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Engine
    from bqsim.jobs.results import ResultSet, ResultStore


class AnonymousTables:
    """Gives a result engine storage when a statement first names its table; most results never get any."""

    def __init__(self, catalog: Catalog, engine: Engine, results: ResultStore) -> None:
        self._catalog = catalog
        self._engine = engine
        self._results = results
        self._stored: dict[TableRef, Table] = {}
        self._lock = threading.Lock()

    def find(self, ref: TableRef) -> Table | None:
        """The stored table of the result kept as ``ref``, None when there is none; called by the catalog."""
        result = self._results.find(ref, self._catalog.clock.now_us())
        if result is None:
            return None
        with self._lock:
            table = self._stored.get(ref)
            if table is None or self._catalog.history.current(ref) is None:
                table = self._stored[ref] = self._store(result)
            return table

    def _store(self, result: ResultSet) -> Table:
        table = result.as_table()
        session = self._engine.session()
        try:
            with self._catalog.change(session) as change:
                dataset = self._results.dataset(table.ref.dataset_ref)
                if dataset is not None and self._catalog.find_dataset(dataset.ref) is None:
                    change.put_dataset(dataset)
                writer = created(self._catalog, session, change, table)
                writer.append(result.rows, table.fields)
                return finish_creation(change, writer)
        finally:
            session.close()
