"""Writes rows durably until it is killed: ``python -m tests.chaos.writer DIR FIRST``.

Row ``n`` goes to table ``even`` or ``odd`` by one thread each, in a transaction with the table's new row
count. After the commit the line ``n`` is printed: from then on the row must be there. Every 20th row also
creates a table ``made_<n>``.
"""

from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

from bqsim.catalog.refs import DatasetRef
from bqsim.catalog.resources import Dataset, Storage, Table, TableKind
from bqsim.catalog.store import Catalog
from bqsim.engine.duckdb import DuckDBEngine
from bqsim.sim.clock import RealClock
from bqsim.sim.draws import Draws
from bqsim.types import INT64, STRING, field_of
from bqsim.types.values import table_from_rows

DATASET = DatasetRef("p", "d")
FIELDS = (field_of("n", INT64), field_of("payload", STRING))
COLUMNS = ("c1", "c2")
ROWS_PER_WRITE = 50
PAYLOAD = "x" * 2000


def open_all(folder: Path) -> tuple[DuckDBEngine, Catalog]:
    engine = DuckDBEngine(folder, threads=2)
    catalog = Catalog(RealClock(), Draws(1))
    catalog.load(engine.metadata())
    return engine, catalog


def create(engine: DuckDBEngine, catalog: Catalog, name: str) -> None:
    session = engine.session()
    with catalog.change(session) as change:
        if catalog.find_dataset(DATASET) is None:
            change.put_dataset(Dataset(DATASET, "US", 1, 1, catalog.new_etag()))
        storage = Storage(catalog.next_engine_table(), COLUMNS, 3)
        session.create_table(storage.engine_table, list(zip(COLUMNS, FIELDS, strict=True)))
        ref = DATASET.table(name)
        table = Table(ref, TableKind.TABLE, FIELDS, 1, 1, catalog.new_etag(), "US", storage=storage)
        change.put_table(table)
    session.close()


def write(engine: DuckDBEngine, catalog: Catalog, name: str, n: int) -> None:
    session, ref = engine.session(), DATASET.table(name)
    with catalog.lock(ref), catalog.change(session) as change:
        table = catalog.table(ref)
        assert table.storage is not None
        rows = table_from_rows(FIELDS, [[n, PAYLOAD]] * ROWS_PER_WRITE)
        session.append(table.storage.engine_table, COLUMNS, FIELDS, rows, change.time_us)
        rows_now = table.num_rows + ROWS_PER_WRITE
        if n % 6 < 2:
            # Every third write of a table knows its bytes; those of others are what has changed since.
            sizes = {"c1": 8 * rows_now, "c2": (2 + len(PAYLOAD)) * rows_now}
            change.note_bytes(table.storage.engine_table, sizes, rows_now)
        change.put_table(replace(table, num_rows=rows_now, etag=catalog.new_etag(), version=change.time_us))
    session.close()


def main() -> None:
    engine, catalog = open_all(Path(sys.argv[1]))
    first = int(sys.argv[2])
    for name in ("even", "odd"):
        if catalog.find_dataset(DATASET) is None or catalog.find_table(DATASET.table(name)) is None:
            create(engine, catalog, name)

    def run(start: int, name: str) -> None:
        for n in range(start, 1_000_000_000, 2):
            write(engine, catalog, name, n)
            if n % 20 == 0:
                create(engine, catalog, f"made_{n}")
            os.write(1, f"{n}\n".encode())

    threads = [threading.Thread(target=run, args=(first + i, name)) for i, name in enumerate(("even", "odd"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main()
