"""Quotas and limits as Google's clients meet them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import reader as storage_reader
from google.cloud.bigquery_storage_v1 import types
from google.rpc import error_details_pb2

import bqsim
from bqsim.simulator import Simulator
from tests.waiting import until

from .job_help import settled

pytestmark = [
    pytest.mark.fidelity("job:queues", "exact", tests="test_queries_wait* test_more_places*"),
    pytest.mark.fidelity("time:daily quotas", "exact", tests="test_a_daily_quota*"),
    pytest.mark.fidelity("effect:quota", "exact", tests="test_a_limit_is_taken*"),
]

UNCACHED = bigquery.QueryJobConfig(use_query_cache=False)


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with bqsim.start(seed=5, extra_projects=("gold-1", "bronze-1")) as running:
        client = running.client()
        client.create_dataset("d")
        client.query_and_wait("CREATE TABLE d.t AS SELECT n FROM UNNEST([1, 2]) AS n")
        yield running


@pytest.fixture
def sim(server: Simulator) -> Iterator[Simulator]:
    server.clock.freeze()
    yield server
    server.limits.off()
    server.jobs.clear()
    server.clock.advance("1d")
    server.limits.reset()
    server.clock.resume()


@pytest.fixture
def client(sim: Simulator) -> Iterator[Any]:
    found = sim.client()
    yield found
    found.close()


def test_jobs_are_inserted_at_a_rate(sim: Simulator, client: Any) -> None:
    sim.limits.use(values={"api_requests_per_user_method": 3})

    def insert() -> Any:
        return client.query("SELECT 1", retry=None, job_retry=None)

    jobs = [insert() for _ in range(3)]
    with pytest.raises(exceptions.Forbidden, match="Exceeded rate limits: too many api requests") as refusal:
        insert()
    assert refusal.value.errors[0]["reason"] == "rateLimitExceeded"
    assert "Retry-After" not in refusal.value.response.headers
    sim.clock.advance("1s")
    insert()
    assert len({job.job_id for job in jobs}) == 3


def test_a_client_that_tries_again_gets_through(sim: Simulator, client: Any) -> None:
    sim.limits.use(values={"api_requests_per_user_method": 1})
    table = f"{sim.project}.d.t"
    client.get_table(table)
    waits = []

    def tell(error: Exception) -> None:
        waits.append(error)
        sim.clock.advance("1s")

    quick = bigquery.DEFAULT_RETRY.with_delay(initial=0.001, maximum=0.001).with_timeout(20)
    assert client.get_table(table, retry=_telling(quick, tell)).num_rows == 2
    assert len(waits) == 1


def _telling(retry: Any, tell: Any) -> Any:
    from google.api_core.retry import Retry

    return Retry(predicate=retry._predicate, initial=0.001, maximum=0.001, timeout=20, on_error=tell)


def test_queries_wait_for_a_place_and_run(sim: Simulator, client: Any) -> None:
    sim.jobs.plan("{timed: {running: 10s}}")
    sim.limits.use(values={"concurrent_queries": 1, "queued_interactive_queries": 2})
    jobs = [client.query("SELECT 1", job_config=UNCACHED) for _ in range(2)]
    settled(client, *jobs, states=["RUNNING", "PENDING"])
    client.query("SELECT 1", job_config=UNCACHED)
    with pytest.raises(exceptions.Forbidden, match="max number of jobs that can be queued per project"):
        client.query("SELECT 1", job_config=UNCACHED, retry=None, job_retry=None)
    for _ in range(3):
        sim.clock.advance("11s")
        until(lambda: client.get_job(jobs[0].job_id).state == "DONE")
    sim.clock.resume()
    sim.clock.scale(1000)
    assert [next(iter(job.result()))[0] for job in jobs] == [1, 1]


def test_more_places_let_waiting_queries_run(sim: Simulator, client: Any) -> None:
    sim.jobs.plan("{timed: {running: 1h}}")
    sim.limits.use(values={"concurrent_queries": 1})
    jobs = [client.query("SELECT 1", job_config=UNCACHED) for _ in range(3)]
    until(lambda: client.get_job(jobs[0].job_id).state == "RUNNING")
    assert {client.get_job(job.job_id).state for job in jobs[1:]} == {"PENDING"}
    assert all("quotaDeferments" in client.get_job(job.job_id)._properties["statistics"] for job in jobs[1:])
    sim.limits.off()
    until(lambda: {client.get_job(job.job_id).state for job in jobs} == {"RUNNING"})


def test_a_waiting_query_can_be_cancelled(sim: Simulator, client: Any) -> None:
    sim.jobs.plan("{timed: {running: 1h}}")
    sim.limits.use(values={"concurrent_queries": 1})
    first, second, third = (client.query("SELECT 1", job_config=UNCACHED) for _ in range(3))
    until(lambda: client.get_job(first.job_id).state == "RUNNING")
    client.cancel_job(second.job_id)
    until(lambda: client.get_job(second.job_id).state == "DONE")
    client.cancel_job(first.job_id)
    until(lambda: client.get_job(third.job_id).state == "RUNNING")
    assert [row["used"] for row in sim.limits.usage("concurrent_queries")] == [1]


def test_a_daily_quota_is_there_again_after_a_day(sim: Simulator, client: Any) -> None:
    sim.limits.use(values={"query_bytes_per_day": 20})

    def run() -> Any:
        return client.query_and_wait("SELECT n FROM d.t", job_config=UNCACHED, retry=None, job_retry=None)

    assert run().total_rows == 2
    with pytest.raises(exceptions.Forbidden, match="Custom quota exceeded") as refusal:
        run()
    assert refusal.value.errors[0]["reason"] == "quotaExceeded"
    assert sim.limits.refusals() == {"query_bytes_per_day": 1}
    sim.clock.advance("1d")
    assert run().total_rows == 2


def test_streamed_bytes_per_second(sim: Simulator, client: Any) -> None:
    sim.limits.use(values={"insert_bytes": 100})
    table, rows = f"{sim.project}.d.t", [{"n": 3}] * 5

    def insert() -> Any:
        return client.insert_rows_json(table, rows, row_ids=bigquery.AutoRowIDs.DISABLED, retry=None)

    assert insert() == []
    with pytest.raises(exceptions.Forbidden, match="exceeded quota for insert bytes per second"):
        insert()
    sim.clock.advance("5s")
    assert insert() == []


def test_read_sessions_tell_how_long_to_wait(sim: Simulator) -> None:
    sim.limits.use(values={"read_control_requests": 1})
    reader = sim.read_client()
    request = {
        "parent": f"projects/{sim.project}",
        "read_session": {"table": f"projects/{sim.project}/datasets/d/tables/t", "data_format": "ARROW"},
    }
    reader.create_read_session(request)
    with pytest.raises(exceptions.ResourceExhausted) as refusal:
        reader.create_read_session(request, retry=None)
    info = next(d for d in refusal.value.details if isinstance(d, error_details_pb2.RetryInfo))
    assert 59 <= info.retry_delay.seconds <= 60


def test_the_read_client_waits_as_told(sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = sim.read_client()
    session = reader.create_read_session(
        parent=f"projects/{sim.project}",
        read_session=types.ReadSession(
            table=f"projects/{sim.project}/datasets/d/tables/t", data_format="ARROW"
        ),
    )
    sim.limits.use(values={"read_rows_requests": 1})
    monkeypatch.setattr(storage_reader.time, "sleep", lambda seconds: sim.clock.advance(seconds))
    told: list[float] = []
    stream = session.streams[0].name
    counts = [
        sum(m.row_count for m in reader.read_rows(stream, retry_delay_callback=told.append)) for _ in range(2)
    ]
    assert counts[0] == counts[1] >= 2
    assert len(told) == 1
    assert told[0] == pytest.approx(60, abs=1)


def test_two_tenants_have_two_tiers(sim: Simulator) -> None:
    sim.limits.use(
        tenants={"gold-*": {"queued_interactive_queries": None}, "*": {"dataset_metadata_updates": 1}}
    )

    def patch(project: str) -> None:
        client = sim.client(project)
        dataset = client.create_dataset(f"{project}.mine", exists_ok=True)
        for text in ("a", "b"):
            dataset.description = text
            dataset = client.update_dataset(dataset, ["description"], retry=None)

    patch("gold-1")
    with pytest.raises(exceptions.Forbidden, match="too many dataset metadata update operations"):
        patch("bronze-1")
    assert sim.limits.refusals() == {"dataset_metadata_updates": 1}


def test_a_limit_is_taken_as_used_up_by_a_rule(sim: Simulator, client: Any) -> None:
    with (
        sim.faults.add("quota: tables_insert_requests", method="bigquery.tables.insert"),
        pytest.raises(exceptions.Forbidden, match=r"too many tables\.insert requests per user for this user"),
    ):
        client.create_table(f"{sim.project}.d.never", retry=None)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"profile": "bigqeury"}, "no limits profile named bigqeury"),
        ({"values": {"concurrent_query": 1}}, "did you mean concurrent_queries?"),
        ({"scale": 0}, "must be above zero"),
        ({"only": ("nothing*",)}, "no limit named"),
    ],
)
def test_a_wrong_setup_is_refused(sim: Simulator, wrong: dict[str, Any], text: str) -> None:
    with pytest.raises(ValueError, match="limit") as refusal:
        sim.limits.use(**wrong)
    assert text in str(refusal.value)
    assert sim.limits.profile == "off"


def test_a_hundredth_of_all_limits(sim: Simulator) -> None:
    sim.limits.use(scale=0.01)
    amounts = {row["limit"]: row["amount"] for row in sim.limits.describe()}
    assert amounts["jobs_get_requests"] == 10
    assert amounts["read_control_requests"] == 50


def test_the_journal_tells_the_quota(sim: Simulator, client: Any) -> None:
    sim.limits.use(values={"tables_insert_requests": 1})
    client.create_table(f"{sim.project}.d.told1", retry=None)
    with pytest.raises(exceptions.Forbidden):
        client.create_table(f"{sim.project}.d.told2", retry=None)
    quotas = [[d.quota for d in e.decisions] for e in sim.journal.calls("bigquery.tables.insert")]
    assert quotas[-2:] == [[], ["tables_insert_requests"]]
