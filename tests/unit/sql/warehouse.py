"""A whole SQL stack in memory, without server and jobs."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import Table
from bqsim.catalog.store import Catalog
from bqsim.engine.duckdb import DuckDBEngine, DuckDBSession
from bqsim.engine.older import brought_up
from bqsim.errors import BigQueryError
from bqsim.settings import Settings
from bqsim.sim.clock import RealClock
from bqsim.sim.draws import Draws
from bqsim.sql.executor import Executor
from bqsim.sql.googlesql import GoogleSql
from bqsim.sql.plan import Context, StatementResult, TypedValue
from bqsim.sql.planner import Planner
from bqsim.sql.reference import ReferenceRoute
from bqsim.sql.script import ChildStatement, ScriptRunner
from bqsim.sql.values import python_value


@dataclass(slots=True)
class Warehouse:
    """Runs SQL in project ``p`` with the default dataset ``d``, which exists."""

    catalog: Catalog
    engine: DuckDBEngine
    googlesql: GoogleSql
    executor: Executor
    scripts: ScriptRunner
    session: DuckDBSession
    children: list[ChildStatement] = field(default_factory=list)

    def context(self, **more: Any) -> Context:
        more.setdefault("default_dataset", DatasetRef("p", "d"))
        return Context("p", caller="user@example.com", **more)

    def run(self, sql: str, **more: Any) -> StatementResult:
        """Run one statement."""
        return self.executor.run(sql, self.context(**more), self.session)

    def rows(self, sql: str, **more: Any) -> list[list[Any]]:
        """The rows of a query, STRUCTs as lists."""
        return values_of(self.run(sql, **more))

    def error(self, sql: str, **more: Any) -> str:
        """The message with which a statement fails."""
        with pytest.raises(BigQueryError) as caught:
            self.run(sql, **more)
        return caught.value.message

    def table(self, name: str) -> Table:
        return self.catalog.table(TableRef("p", "d", name))

    def script(self, sql: str, ctx: Context | None = None) -> list[StatementResult]:
        """Run a script; its child statements are in ``children``."""
        self.children.clear()
        ctx = ctx or self.context(temp_dataset=DatasetRef("p", "_script"))
        return self.scripts.run(sql, ctx, self.session, self.children.append)

    def script_rows(self, sql: str, ctx: Context | None = None) -> list[list[Any]]:
        """The rows of a script's last statement."""
        return values_of(self.script(sql, ctx)[-1])

    def script_error(self, sql: str) -> str:
        with pytest.raises(BigQueryError) as caught:
            self.script(sql)
        return caught.value.message


def values_of(result: StatementResult) -> list[list[Any]]:
    assert result.rows is not None
    columns = [
        [python_value(v, f.type) for v in column.to_pylist()]
        for f, column in zip(result.schema, result.rows.columns, strict=True)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def typed(type_: Any, value: Any) -> TypedValue:
    return TypedValue(type_, value)


def new_warehouse(folder: Path | None = None, *, older: bool = False) -> Warehouse:
    """One with the dataset ``d``; its tables are durable in a ``folder``, which may be an ``older`` one."""
    clock, draws = RealClock(), Draws(1)
    catalog = Catalog(clock, draws, projects=["p"])
    engine = DuckDBEngine(folder, threads=1)
    if older:
        catalog.load(brought_up(engine, engine.metadata()))
    googlesql = GoogleSql(catalog, Settings(project="p", analyzers=1))
    reference = ReferenceRoute(googlesql)
    planner = Planner(catalog, googlesql, clock, reference)
    executor = Executor(catalog, planner, googlesql, reference, clock, draws)
    warehouse = Warehouse(
        catalog, engine, googlesql, executor, ScriptRunner(executor, googlesql), engine.session()
    )
    if not older:
        warehouse.run("CREATE SCHEMA d")
    return warehouse


def clear(warehouse: Warehouse) -> None:
    """Drop all that a test made."""
    for dataset in warehouse.catalog.datasets("p"):
        warehouse.run(f"DROP SCHEMA {dataset.ref.dataset} CASCADE")
    warehouse.run("CREATE SCHEMA d")
    warehouse.children.clear()
