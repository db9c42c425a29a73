from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from bqsim.catalog.refs import RoutineRef, TableRef
from bqsim.catalog.resources import Routine, Table, TableKind
from bqsim.jobs.cache import ENTRIES, ResultCache
from bqsim.jobs.results import RESULT_LIFE_US, ResultSet, ResultStore
from bqsim.sql.plan import QueryPlan, Route, StatementResult
from bqsim.types import INT64, field_of

REF = TableRef("p", "d", "t")
TABLE = Table(REF, TableKind.TABLE, (), 1, 1, "e1", "US", version=500)
PLAN = QueryPlan(Route.ENGINE, "", (), (REF,))
FUNCTION = Routine(RoutineRef("p", "d", "f"), 1, 0, "f1", "CREATE FUNCTION")
ROUTINES = {FUNCTION.ref: FUNCTION}
SELECT = StatementResult("SELECT", Route.ENGINE, plan=PLAN)


def _unchanged(ref: TableRef | RoutineRef) -> bool:
    return False


@pytest.fixture
def tables() -> dict[TableRef, Table]:
    return {REF: TABLE}


@pytest.fixture
def cache(tables: dict[TableRef, Table]) -> ResultCache:
    return ResultCache(tables.get, ROUTINES.get)


@pytest.fixture
def result() -> ResultSet:
    rows = pa.table({"c1": pa.array([1], pa.int64())})
    return ResultStore(1 << 20).add((field_of("n", INT64),), rows, TableRef("p", "_h", "a"), 1000)


def test_a_hit(cache: ResultCache, result: ResultSet) -> None:
    assert cache.put("q", SELECT, result, _unchanged)
    hit = cache.get("q", 2000)
    assert hit is not None
    assert (hit.result, hit.statement_type, hit.route) == (result, "SELECT", Route.ENGINE)
    assert cache.get("other", 2000) is None


def test_a_changed_table_is_a_miss(
    cache: ResultCache, result: ResultSet, tables: dict[TableRef, Table]
) -> None:
    cache.put("q", SELECT, result, _unchanged)
    tables[REF] = replace(TABLE, etag="e2")
    assert cache.get("q", 2000) is None


def test_a_dropped_table_is_a_miss(
    cache: ResultCache, result: ResultSet, tables: dict[TableRef, Table]
) -> None:
    cache.put("q", SELECT, result, _unchanged)
    del tables[REF]
    assert cache.get("q", 2000) is None


def test_a_changed_view_is_a_miss(
    cache: ResultCache, result: ResultSet, tables: dict[TableRef, Table]
) -> None:
    view = TableRef("p", "d", "v")
    tables[view] = replace(TABLE, ref=view, kind=TableKind.VIEW)
    cache.put("q", replace(SELECT, plan=replace(PLAN, views=(view,))), result, _unchanged)
    assert cache.get("q", 2000) is not None
    tables[view] = replace(tables[view], etag="e2")
    assert cache.get("q", 2000) is None


def test_a_changed_routine_is_a_miss(
    cache: ResultCache, result: ResultSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache.put("q", replace(SELECT, plan=replace(PLAN, routines=(FUNCTION.ref,))), result, _unchanged)
    assert cache.get("q", 2000) is not None
    monkeypatch.setitem(ROUTINES, FUNCTION.ref, replace(FUNCTION, etag="f2"))
    assert cache.get("q", 2000) is None


def test_it_expires_with_its_result(cache: ResultCache, result: ResultSet) -> None:
    cache.put("q", SELECT, result, _unchanged)
    assert cache.get("q", 1000 + RESULT_LIFE_US - 1) is not None
    assert cache.get("q", 1000 + RESULT_LIFE_US) is None


@pytest.mark.parametrize(
    "statement",
    [
        replace(SELECT, statement_type="INSERT"),
        replace(SELECT, plan=None),
        replace(SELECT, plan=replace(PLAN, deterministic=False)),
        replace(SELECT, plan=replace(PLAN, inputs={"information_schema": None})),
    ],
)
def test_what_is_never_kept(cache: ResultCache, result: ResultSet, statement: StatementResult) -> None:
    assert not cache.put("q", statement, result, _unchanged)
    assert cache.get("q", 2000) is None


def test_a_table_that_changed_while_the_query_ran_is_not_kept(cache: ResultCache, result: ResultSet) -> None:
    assert not cache.put("q", SELECT, result, lambda ref: ref == REF)


def test_the_least_used_entries_go(cache: ResultCache, result: ResultSet) -> None:
    for n in range(ENTRIES):
        cache.put(n, SELECT, result, _unchanged)
    assert cache.get(0, 2000) is not None
    cache.put("new", SELECT, result, _unchanged)
    assert cache.get(0, 2000) is not None
    assert cache.get(1, 2000) is None


def test_a_dropped_result_is_a_miss(cache: ResultCache, result: ResultSet) -> None:
    cache.put("q", SELECT, result, _unchanged)
    result.drop()
    assert cache.get("q", 2000) is None


def test_results_over_buffered_rows_are_not_kept(result: ResultSet) -> None:
    streamed: set[TableRef] = set()
    tables = {REF: TABLE}
    cache = ResultCache(tables.get, ROUTINES.get, lambda table: table.ref in streamed)
    assert cache.put("q", SELECT, result, _unchanged)
    streamed.add(REF)
    assert cache.get("q", 2000) is None
    assert not cache.put("q", SELECT, result, _unchanged)
