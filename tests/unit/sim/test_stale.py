"""What a call sees of the past: by method, and on whatever thread works for it."""

from __future__ import annotations

import asyncio
import contextvars
from concurrent.futures import ThreadPoolExecutor

import pytest

from bqsim.sim.scenario.words import STALE_VIEWS
from bqsim.sim.stale import METHODS, StaleView, look_through, seen, seen_through, view_of


def test_every_view_has_methods() -> None:
    assert tuple(METHODS) == STALE_VIEWS
    assert set(StaleView.__slots__) == set(STALE_VIEWS)


@pytest.mark.parametrize(
    ("lags", "method", "view"),
    [
        ({"metadata": 2.5}, "bigquery.datasets.get", StaleView(metadata=2_500_000, table=2_500_000)),
        ({"metadata": 1, "table": 3}, "bigquery.tables.get", StaleView(metadata=1_000_000, table=3_000_000)),
        ({"table": 1}, "bigquery.tabledata.insertAll", StaleView(table=1_000_000)),
        ({"metadata": 1}, "bigquery.tabledata.insertAll", None),
        ({"metadata": 1}, "bigquery.tables.insert", None),
        (
            {"rows": 1, "information_schema": 2},
            "bigquery.jobs.query",
            StaleView(0, 0, 1_000_000, 0, 2_000_000),
        ),
        ({"jobs": 1}, "bigquery.jobs.get", StaleView(jobs=1_000_000)),
        ({"jobs": 0}, "bigquery.jobs.get", None),
        ({}, "bigquery.jobs.get", None),
    ],
)
def test_a_view_is_of_the_methods_that_read_it(
    lags: dict[str, float], method: str, view: StaleView | None
) -> None:
    assert view_of(lags, method) == view


def test_a_view_is_seen_within_and_may_be_lifted() -> None:
    view = StaleView(rows=1)
    assert seen() is None
    with seen_through(view):
        with seen_through(None):
            assert seen() is None
        assert seen() is view
    assert seen() is None


def test_tasks_and_threads_of_a_call_see_what_it_sees() -> None:
    view = StaleView(rows=1)

    async def call() -> list[StaleView | None]:
        with seen_through(view):
            task = asyncio.create_task(look())
        with ThreadPoolExecutor(1) as pool:
            return [await task, pool.submit(contextvars.Context().run, seen).result()]

    async def look() -> StaleView | None:
        return seen()

    assert asyncio.run(call()) == [view, None]


def test_a_thread_may_look_through_a_view_from_then_on() -> None:
    def work() -> list[StaleView | None]:
        look_through(StaleView(table=1))
        found = [seen()]
        look_through(None)
        return [*found, seen()]

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(work).result() == [StaleView(table=1), None]
