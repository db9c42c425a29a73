"""A catalog with rows in an engine, and SQL to change both."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.catalog.store import Catalog
from bqsim.engine.duckdb import DuckDBEngine
from bqsim.engine.protocol import Session
from bqsim.jobs.results import read_rows
from bqsim.settings import Settings
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sql.executor import Executor
from bqsim.sql.googlesql import GoogleSql
from bqsim.sql.plan import Context
from bqsim.sql.planner import Planner
from bqsim.sql.reference import ReferenceRoute


@dataclass
class Ground:
    """``p`` with SQL statements; what they made is compared by :meth:`seen`."""

    catalog: Catalog
    engine: DuckDBEngine
    session: Session
    executor: Executor
    clock: SimulationClock

    def run(self, sql: str) -> Any:
        found = self.executor.run(sql, Context("p", location="US"), self.session).rows
        return None if found is None else found.to_pylist()

    def seen(self) -> Any:
        """All of the world: resources with etags and times, rows in their order, past versions."""
        catalog = self.catalog
        found: dict[Any, Any] = {"projects": catalog.projects(), "locations": dict(catalog.locations)}
        for project in catalog.projects():
            for dataset in catalog.datasets(project):
                found[dataset.ref] = (dataset, catalog.history.dropped(dataset.ref))
                for table in catalog.tables(dataset.ref):
                    found[table.ref] = (shown(table), self.rows(table.ref), catalog.history.past(table.ref))
                for routine in catalog.routines(dataset.ref):
                    found[routine.ref] = routine
        return found

    def rows(self, ref: TableRef) -> Any:
        table = self.catalog.table(ref)
        if table.storage is None:
            return None
        return read_rows(self.session, table, range(len(table.fields)), 0, 1_000_000).to_pylist()

    def engine_tables(self) -> set[str]:
        sql = "SELECT list(table_name) FROM information_schema.tables WHERE table_name SIMILAR TO 't[0-9]+'"
        names: Any = self.session.scalar(sql)
        return set(names or ())


def shown(table: Any) -> Any:
    """A table without the number of its next column, which is never used twice."""
    return replace(table, storage=table.storage and replace(table.storage, next_column=0))


@pytest.fixture
def ground() -> Iterator[Ground]:
    made = build()
    made.run("CREATE SCHEMA d")
    yield made
    close(made)


def build(data_dir: Path | None = None) -> Ground:
    settings = Settings(seed=1)
    clock, draws = SimulationClock(), Draws(1)
    catalog = Catalog(clock, draws, "US", ("p",))
    sql = GoogleSql(catalog, settings)
    engine = DuckDBEngine(data_dir, threads=1)
    catalog.load(engine.metadata())
    reference = ReferenceRoute(sql)
    executor = Executor(catalog, Planner(catalog, sql, clock, reference), sql, reference, clock, draws)
    return Ground(catalog, engine, engine.session(), executor, clock)


def close(ground: Ground) -> None:
    ground.session.close()
    ground.executor.googlesql.close()
    ground.engine.close()
