"""Hours pass in milliseconds: what depends on time follows the simulator's clock."""

from __future__ import annotations

import datetime as dt
import http.client
from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types

import bqsim
from bqsim.simulator import Simulator

pytestmark = [
    pytest.mark.fidelity("time:cached results", "exact", tests="test_a_cached_*"),
    pytest.mark.fidelity("time:read sessions", "exact", tests="test_a_read_session*"),
]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with bqsim.start() as running:
        yield running


def now(client: Any) -> dt.datetime:
    found = client.query_and_wait("SELECT CURRENT_TIMESTAMP()")
    return next(iter(found))[0]  # type: ignore[no-any-return]


def test_statements_and_jobs_see_the_clock(simulator: Simulator) -> None:
    client, clock = simulator.client(), simulator.clock
    clock.freeze()
    first = now(client)
    assert now(client) - first < dt.timedelta(milliseconds=50)
    clock.advance("7d")
    job = client.query("SELECT 1")
    job.result()
    # The API gives milliseconds.
    assert abs(job.created - first - dt.timedelta(days=7)) < dt.timedelta(milliseconds=50)
    client.close()


def test_a_cached_result_is_kept_for_a_day(simulator: Simulator) -> None:
    client, clock = simulator.client(), simulator.clock

    def is_cached() -> bool:
        job = client.query("SELECT 1 + 1", job_config=bigquery.QueryJobConfig(use_query_cache=True))
        job.result()
        return bool(job.cache_hit)

    assert [is_cached(), is_cached()] == [False, True]
    clock.advance("25h")
    assert not is_cached()
    client.close()


def test_a_read_session_lives_for_six_hours(simulator: Simulator) -> None:
    client, reader = simulator.client(), simulator.read_client()
    client.create_dataset("d")
    client.query_and_wait("CREATE TABLE d.t AS SELECT 1 AS n")
    session = reader.create_read_session(
        parent=f"projects/{simulator.project}",
        read_session=types.ReadSession(
            table=f"projects/{simulator.project}/datasets/d/tables/t", data_format="ARROW"
        ),
    )
    stream = session.streams[0].name
    simulator.clock.advance("5h")
    assert sum(m.row_count for m in reader.read_rows(stream)) == 1
    simulator.clock.advance("61m")
    with pytest.raises(exceptions.FailedPrecondition, match="session expired"):
        list(reader.read_rows(stream))
    client.close()


def test_answers_are_dated_by_the_clock(simulator: Simulator) -> None:
    simulator.clock.set_time("2031-02-03T04:05:06Z")
    simulator.clock.freeze()
    for path in ("/bigquery/v2/projects", "/nowhere"):
        connection = http.client.HTTPConnection("127.0.0.1", simulator.port, timeout=20)
        connection.request("GET", path)
        assert connection.getresponse().getheader("Date") == "Mon, 03 Feb 2031 04:05:06 GMT"
        connection.close()


def test_there_is_no_clock_without_a_simulator() -> None:
    with pytest.raises(RuntimeError, match="does not run"):
        _ = Simulator().clock
