"""Jobs that wait for slots and run by them, as Google's client meets them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery

import bqsim
from bqsim.simulator import Simulator
from tests.waiting import until

from .job_help import settled, state, uncached

pytestmark = [
    pytest.mark.fidelity(
        "job:slots",
        "approximated",
        "Work is given by labels or rules, else estimated by bytes; slots are shared as a fluid.",
    ),
]

# Two queries at a time, a hundred slots.
TWO = (
    "{reservations: {etl: {slot_capacity: 100, target_job_concurrency: 2}}, "
    "assignments: [{reservation: etl}]}"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with bqsim.start(seed=7, project="p") as running:
        client = running.client()
        client.create_dataset("d")
        client.query_and_wait(
            "CREATE TABLE d.t AS SELECT n, REPEAT('x', 1000) AS s FROM UNNEST(GENERATE_ARRAY(1, 5000)) n"
        )
        yield running


@pytest.fixture
def sim(server: Simulator) -> Iterator[Simulator]:
    yield server
    server.reset()


@pytest.fixture
def client(sim: Simulator) -> Iterator[Any]:
    with uncached(sim) as found:
        yield found


def work(slot_ms: int, units: int = 100, **options: Any) -> Any:
    """A job that says by its labels how much work it is."""
    labels = {"bqsim_slot_ms": str(slot_ms), "bqsim_units": str(units), **options.pop("labels", {})}
    return bigquery.QueryJobConfig(labels=labels, **options)


def statistics(client: Any, job: Any) -> dict[str, Any]:
    found: dict[str, Any] = client.get_job(job.job_id)._properties["statistics"]
    return found


def stand_still(sim: Simulator) -> None:
    """Let the clock stand at the begin of a millisecond. Each reading is a microsecond later than the one
    before, and times are told in whole milliseconds: a start and an end must not be of different ones."""
    sim.clock.freeze()
    sim.clock.advance((1000 - sim.clock.now_us() % 1000) / 1e6)


def ran_ms(client: Any, job: Any) -> int:
    found = statistics(client, job)
    return int(found["endTime"] - found["startTime"])


def test_jobs_run_as_long_as_their_slots_let_them(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use(TWO)
    jobs = [client.query("SELECT 1", job_config=work(100_000)) for _ in range(3)]
    settled(client, *jobs, states=["RUNNING", "RUNNING", "PENDING"])
    sim.clock.advance("1999ms")
    assert [state(client, job) for job in jobs] == ["RUNNING", "RUNNING", "PENDING"]
    sim.clock.advance("2ms")
    settled(client, *jobs, states=["DONE", "DONE", "RUNNING"])
    sim.clock.advance("1001ms")
    settled(client, *jobs, states=["DONE", "DONE", "DONE"])
    # Two share a hundred slots; the third has them alone.
    assert [ran_ms(client, job) for job in jobs] == [2000, 2000, 1000]
    assert [statistics(client, job)["totalSlotMs"] for job in jobs] == ["100000"] * 3
    assert [row[0] for row in jobs[2].result()] == [1]


def test_units_bound_the_slots_of_a_job(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use(TWO)
    narrow = client.query("SELECT 1", job_config=work(10_000, 5))
    settled(client, narrow, states=["RUNNING"])
    (place,) = sim.capacity.places()
    assert (place.name, place.demand, place.used, place.running, place.queued) == ("etl", 5.0, 5.0, 1, 0)
    sim.clock.advance("2001ms")
    settled(client, narrow, states=["DONE"])
    assert ran_ms(client, narrow) == 2000
    (stage,) = client.get_job(narrow.job_id).query_plan
    assert (stage.parallel_inputs, stage.slot_ms) == (5, 10_000)


def test_max_slots_bound_them_too(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use(TWO)
    config = work(10_000)
    config.max_slots = 10
    job = client.query("SELECT 1", job_config=config)
    settled(client, job, states=["RUNNING"])
    assert sim.capacity.places()[0].used == 10
    sim.clock.advance("1001ms")
    settled(client, job, states=["DONE"])
    assert ran_ms(client, job) == 1000


def test_time_whatever_the_slots(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use(TWO)
    job = client.query("SELECT 1", job_config=work(10_000, labels={"bqsim_floor_ms": "700"}))
    settled(client, job, states=["RUNNING"])
    sim.clock.advance("801ms")
    settled(client, job, states=["DONE"])
    assert ran_ms(client, job) == 800


@pytest.mark.parametrize("rate", [1.0, 200.0], ids=["real", "scaled"])
def test_clocks_that_run(sim: Simulator, client: Any, rate: float) -> None:
    sim.clock.scale(rate)
    sim.capacity.use(TWO)
    slots = round(20_000 * rate)
    jobs = [client.query("SELECT 1", job_config=work(slots)) for _ in range(3)]
    assert [next(iter(job.result()))[0] for job in jobs] == [1, 1, 1]
    assert all(ran_ms(client, job) >= slots / 100 - 1 for job in jobs)
    assert [statistics(client, job)["totalSlotMs"] for job in jobs] == [str(slots)] * 3


def test_reservations_and_on_demand(sim: Simulator, client: Any) -> None:
    sim.capacity.use(
        """
        reservations:
          etl: {slot_capacity: 100, admin_project: admin}
          bi: {slot_capacity: 50, edition: ENTERPRISE_PLUS}
          far: {slot_capacity: 50, location: EU}
        assignments:
        - {reservation: etl, project: p}
        - {reservation: bi, principal: bi@x}
        """
    )
    plain = client.query("SELECT 1", job_config=work(100))
    asked = client.query(
        "SELECT 1", job_config=work(100, reservation="projects/any/locations/US/reservations/bi")
    )
    without = client.query("SELECT 1", job_config=work(100, reservation="none"))
    for job in (plain, asked, without):
        job.result()
    found = [statistics(client, job) for job in (plain, asked, without)]
    assert [f.get("reservation_id") for f in found] == ["admin:US.etl", "p:US.bi", None]
    assert [f.get("edition") for f in found] == ["ENTERPRISE", "ENTERPRISE_PLUS", None]
    rows = client.query_and_wait(
        "SELECT job_id, reservation_id, total_slot_ms FROM `region-us`.INFORMATION_SCHEMA.JOBS "
        f"WHERE job_id IN ('{plain.job_id}', '{asked.job_id}', '{without.job_id}')"
    )
    seen = {row.job_id: (row.reservation_id, row.total_slot_ms) for row in rows}
    assert [seen[job.job_id] for job in (plain, asked, without)] == [
        ("admin:US.etl", 100),
        ("p:US.bi", 100),
        (None, 100),
    ]


@pytest.mark.parametrize(
    "asked",
    ["projects/p/locations/US/reservations/none-such", "projects/p/locations/EU/reservations/etl", "p:US.no"],
)
def test_a_reservation_that_there_is_not(sim: Simulator, client: Any, asked: str) -> None:
    sim.capacity.use(TWO)
    with pytest.raises(
        exceptions.Forbidden, match=r"Permission bigquery\.reservations\.use denied on reservation"
    ):
        client.query("SELECT 1", job_config=work(100, reservation=asked))
    with pytest.raises(exceptions.BadRequest, match="Invalid value for reservation"):
        client.query("SELECT 1", job_config=work(100, reservation="etl"))


def test_a_full_queue_refuses(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use({**_tree(TWO), "queues": {"interactive": 2, "batch": 1}})
    jobs = [client.query("SELECT 1", job_config=work(100_000)) for _ in range(4)]
    settled(client, *jobs, states=["RUNNING", "RUNNING", "PENDING", "PENDING"])
    until(lambda: sim.capacity.places()[0].queued == 2)
    with pytest.raises(
        exceptions.Forbidden, match="max number of jobs that can be queued per project"
    ) as refused:
        client.query("SELECT 1", job_id="refused", job_config=work(1), retry=None, job_retry=None)
    assert refused.value.errors[0]["reason"] == "quotaExceeded"
    with pytest.raises(exceptions.NotFound):
        client.get_job("refused")
    # Batch queries have a queue of their own.
    batch = client.query("SELECT 1", job_config=work(1, priority="BATCH"))
    assert batch.state == "PENDING"
    sim.clock.advance("10s")
    settled(client, *jobs, batch, states=["DONE"] * 5)
    client.query("SELECT 1", job_config=work(1)).cancel()


def _tree(text: str) -> dict[str, Any]:
    import yaml

    found: dict[str, Any] = yaml.safe_load(text)
    return found


def test_batch_queries_leave_places_to_others(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use(TWO)
    batch = [client.query("SELECT 1", job_config=work(100_000, priority="BATCH")) for _ in range(2)]
    settled(client, *batch, states=["RUNNING", "PENDING"])
    later = client.query("SELECT 1", job_config=work(100_000))
    settled(client, *batch, later, states=["RUNNING", "PENDING", "RUNNING"])


def test_a_query_that_waits_for_too_long(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use({**_tree(TWO), "queues": {"interactive_timeout": "30s"}})
    running = [client.query("SELECT 1", job_config=work(10_000_000)) for _ in range(2)]
    settled(client, *running, states=["RUNNING", "RUNNING"])
    late = client.query("SELECT 1", job_config=work(1))
    until(lambda: sim.capacity.places()[0].queued == 1)
    sim.clock.advance("31s")
    settled(client, late, states=["DONE"])
    found = client.get_job(late.job_id)
    assert (
        found.error_result["reason"] == "timeout" and "queued for 30 seconds" in found.error_result["message"]
    )
    assert statistics(client, late).get("startTime") is None


def test_queues_that_are_turned_off(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use({**_tree(TWO), "queues": {"interactive_timeout": -1}})
    running = [client.query("SELECT 1", job_config=work(10_000_000)) for _ in range(2)]
    settled(client, *running, states=["RUNNING", "RUNNING"])
    denied = client.query("SELECT 1", job_config=work(1))
    settled(client, denied, states=["DONE"])
    error = client.get_job(denied.job_id).error_result
    assert error["message"].startswith("ADMISSION_DENIED: ") and "reservation etl" in error["message"]


def test_a_cancel_frees_slots(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use(TWO)
    jobs = [client.query("SELECT 1", job_config=work(100_000)) for _ in range(4)]
    settled(client, *jobs, states=["RUNNING", "RUNNING", "PENDING", "PENDING"])
    client.cancel_job(jobs[3].job_id)
    settled(client, jobs[3], states=["DONE"])
    sim.clock.advance("500ms")
    client.cancel_job(jobs[0].job_id)
    settled(client, *jobs, states=["DONE", "RUNNING", "RUNNING", "DONE"])
    assert client.get_job(jobs[0].job_id).error_result["reason"] == "stopped"
    # It had 50 slots for half a second.
    assert int(statistics(client, jobs[0])["totalSlotMs"]) == pytest.approx(25_000, abs=500)
    assert "totalSlotMs" not in statistics(client, jobs[3])
    assert sim.capacity.places()[0].running == 2


def test_a_job_times_out(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use({**_tree(TWO), "run_limit": "60s"})
    config = work(10_000_000)
    config.job_timeout_ms = 10_000
    bounded = client.query("SELECT 1", job_config=config)
    free = client.query("SELECT 1", job_config=work(10_000_000))
    settled(client, bounded, free, states=["RUNNING", "RUNNING"])
    sim.clock.advance("10001ms")
    settled(client, bounded, free, states=["DONE", "RUNNING"])
    assert "timed out after 10 sec" in client.get_job(bounded.job_id).error_result["message"]
    sim.clock.advance("50s")
    settled(client, free, states=["DONE"])
    assert client.get_job(free.job_id).error_result["reason"] == "timeout"
    assert sim.capacity.places()[0].running == 0


def test_rules_and_bytes_give_work(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use(
        "{reservations: {etl: {slot_capacity: 1000}}, assignments: [{reservation: etl}]}",
        """
        - {match: {sql: heavy}, slot_time: 40s, units: 10}
        - {match: {sql: sized}, slot_time: {distribution: 1s, per_mib: 1s}, unit_s: 0.5}
        """,
    )
    heavy = client.query("SELECT 1 AS heavy")
    sized = client.query("SELECT COUNT(*), MAX(s) AS sized FROM d.t")
    usual = client.query("SELECT COUNT(*), MAX(s) FROM d.t")
    settled(client, heavy, sized, usual, states=["RUNNING"] * 3)
    sim.clock.advance("5s")
    settled(client, heavy, sized, usual, states=["DONE"] * 3)
    mib = client.get_job(sized.job_id).total_bytes_processed / 2**20
    used = [int(statistics(client, job)["totalSlotMs"]) for job in (heavy, sized, usual)]
    assert used == [40_000, pytest.approx(1000 * (1 + mib), abs=1), pytest.approx(15 + 10 * mib, abs=1)]
    assert [client.get_job(job.job_id).query_plan[0].parallel_inputs for job in (heavy, sized, usual)] == [
        10,
        -(-used[1] // 500),
        1,
    ]


def test_what_needs_no_slots(sim: Simulator, client: Any) -> None:
    cached = bigquery.QueryJobConfig(use_query_cache=True)
    client.query_and_wait("SELECT n FROM d.t WHERE n < 3", job_config=cached)
    stand_still(sim)
    sim.capacity.use(TWO)
    blocking = [client.query("SELECT 1", job_config=work(10_000_000)) for _ in range(2)]
    settled(client, *blocking, states=["RUNNING", "RUNNING"])
    hit = client.query("SELECT n FROM d.t WHERE n < 3", job_config=cached)
    settled(client, hit, states=["DONE"])
    assert client.get_job(hit.job_id).cache_hit
    dry = client.query("SELECT n FROM d.t", job_config=bigquery.QueryJobConfig(dry_run=True))
    assert dry.total_bytes_processed
    wrong = client.query("SELECT nothing FROM d.t")
    settled(client, wrong, states=["DONE"])
    assert client.get_job(wrong.job_id).error_result["reason"] == "invalidQuery"
    copy = client.copy_table("p.d.t", "p.d.copied")
    settled(client, copy, states=["DONE"])
    assert client.get_job(copy.job_id).error_result is None
    client.delete_table("d.copied")


def test_scripts_need_those_of_their_statements(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use(
        "{reservations: {etl: {slot_capacity: 100}}, assignments: [{reservation: etl}]}",
        "[{slot_time: 10s, units: 100}]",
    )
    script = client.query("SELECT 1; SELECT 2;")
    until(lambda: sim.capacity.places()[0].running == 1)
    sim.clock.advance("101ms")
    until(lambda: statistics(client, script).get("numChildJobs") == "2")
    until(lambda: sim.capacity.places()[0].running == 1)
    sim.clock.advance("101ms")
    settled(client, script, states=["DONE"])
    children = list(client.list_jobs(parent_job=script.job_id))
    assert [int(statistics(client, job)["totalSlotMs"]) for job in children] == [10_000, 10_000]
    found = statistics(client, script)
    assert found["totalSlotMs"] == "20000" and "reservation_id" not in found
    # One that says it for itself says it for its statements.
    whole = client.query("SELECT 1; SELECT 2;", job_config=work(10_000))
    until(lambda: sim.capacity.places()[0].running == 1)
    sim.clock.advance("101ms")
    settled(client, whole, states=["DONE"])
    assert statistics(client, whole)["totalSlotMs"] == "10000"


def test_another_capacity_while_jobs_run(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use(TWO)
    jobs = [client.query("SELECT 1", job_config=work(100_000)) for _ in range(4)]
    settled(client, *jobs, states=["RUNNING", "RUNNING", "PENDING", "PENDING"])
    sim.clock.advance("1s")
    other = TWO.replace("etl", "bi").replace("concurrency: 2", "concurrency: 1")
    sim.load(f"name: other\ncapacity: {other}")
    # Those that run go on with its slots; those that wait are queued anew, until there is room.
    settled(client, *jobs, states=["RUNNING", "RUNNING", "PENDING", "PENDING"])
    (place,) = sim.capacity.places()
    assert (place.name, place.used, place.running, place.queued) == ("bi", 100, 2, 2)
    sim.clock.advance("1001ms")
    settled(client, *jobs, states=["DONE", "DONE", "RUNNING", "PENDING"])
    assert [ran_ms(client, job) for job in jobs[:2]] == [2000, 2000]
    assert [statistics(client, job)["totalSlotMs"] for job in jobs[:2]] == ["100000"] * 2
    assert [statistics(client, job)["reservation_id"] for job in jobs[:3]] == ["p:US.bi"] * 3
    sim.clock.advance("1001ms")
    settled(client, *jobs, states=["DONE", "DONE", "DONE", "RUNNING"])
    assert ran_ms(client, jobs[2]) == 1000
    more = client.query("SELECT 1", job_config=work(100_000))
    until(lambda: sim.capacity.places()[0].queued == 1)
    sim.clear()
    settled(client, jobs[3], more, states=["RUNNING", "DONE"])
    assert sim.capacity.described is None and sim.capacity.places() == []
    sim.clock.advance("1001ms")
    settled(client, jobs[3], states=["DONE"])
    quick = client.query("SELECT 1", job_config=work(100_000))
    settled(client, quick, states=["DONE"])


def test_more_slots_for_a_job_that_runs(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use({**_tree(TWO), "run_limit": "10m"})
    job = client.query("SELECT 1", job_config=work(400_000, 400, labels={"bqsim_floor_ms": "1500"}))
    long = client.query("SELECT 1", job_config=work(100_000_000, 1))
    settled(client, job, long, states=["RUNNING", "RUNNING"])
    sim.clock.advance("1s")
    # Half a second of its own is left, and all of its work.
    more = TWO.replace("slot_capacity: 100", "slot_capacity: 500")
    sim.capacity.use({**_tree(more), "run_limit": "5m"})
    assert sim.capacity.places()[0].used == 1
    sim.clock.advance("1s")
    assert sim.capacity.places()[0].used == 401
    # Half of its work is done, and is not done again.
    sim.capacity.use({**_tree(TWO), "run_limit": "5m"})
    assert sim.capacity.places()[0].used == 100
    sim.clock.advance("3s")
    settled(client, job, long, states=["DONE", "RUNNING"])
    assert statistics(client, job)["totalSlotMs"] == "400000"
    assert ran_ms(client, job) == pytest.approx(2000 + 200_000 / 99, abs=2)
    # The time that a job may run is counted from its begin.
    sim.clock.advance("294s")
    settled(client, long, states=["RUNNING"])
    sim.clock.advance("1s")
    settled(client, long, states=["DONE"])
    found = client.get_job(long.job_id)
    assert found.error_result["reason"] == "timeout"
    assert int(statistics(client, long)["totalSlotMs"]) == pytest.approx(300_000, abs=100)


def test_a_reservation_that_goes_while_a_job_waits_for_it(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use(TWO)
    asked = [work(100_000, reservation="projects/p/locations/US/reservations/etl") for _ in range(3)]
    jobs = [client.query("SELECT 1", job_config=config) for config in asked]
    plain = client.query("SELECT 1", job_config=work(100_000))
    settled(client, *jobs, plain, states=["RUNNING", "RUNNING", "PENDING", "PENDING"])
    sim.capacity.use(TWO.replace("etl", "bi"))
    # Those that run keep what they have.
    settled(client, *jobs, plain, states=["RUNNING", "RUNNING", "DONE", "RUNNING"])
    assert client.get_job(jobs[2].job_id).error_result["reason"] == "accessDenied"
    assert statistics(client, plain)["reservation_id"] == "p:US.bi"
    sim.clock.advance("10s")
    settled(client, *jobs, plain, states=["DONE"] * 4)


def test_restored_worlds(sim: Simulator, client: Any) -> None:
    """Jobs that wait or run at a restore are stopped, and their slots are free."""
    stand_still(sim)
    sim.capacity.use(TWO)
    before = [client.query("SELECT 1", job_config=work(100_000)) for _ in range(3)]
    settled(client, *before, states=["RUNNING", "RUNNING", "PENDING"])
    taken = sim.snapshot()
    sim.clock.advance("10s")
    settled(client, *before, states=["DONE"] * 3)
    since = [client.query("SELECT 1", job_config=work(100_000)) for _ in range(4)]
    settled(client, *since, states=["RUNNING", "RUNNING", "PENDING", "PENDING"])
    sim.restore(taken)
    for job in since:
        with pytest.raises(exceptions.NotFound):
            client.get_job(job.job_id)
    assert [state(client, job) for job in before] == ["DONE"] * 3
    (place,) = sim.capacity.places()
    assert (place.running, place.queued, place.used) == (0, 0, 0)
    # Again while jobs wait that were there at the snapshot: they are stopped.
    taken = sim.snapshot()
    waiting = [client.query("SELECT 1", job_config=work(100_000)) for _ in range(3)]
    settled(client, *waiting, states=["RUNNING", "RUNNING", "PENDING"])
    with_jobs = sim.snapshot()
    # The capacity is that of the snapshot.
    kept = sim.capacity.described
    sim.capacity.use(TWO.replace("etl", "bi"))
    sim.restore(with_jobs)
    assert sim.capacity.described == kept
    for job in waiting:
        assert client.get_job(job.job_id).error_result["reason"] == "stopped"
    assert sim.capacity.places()[0].running == 0
    fresh = client.query("SELECT 1", job_config=work(100_000))
    settled(client, fresh, states=["RUNNING"])
    sim.clock.advance("1001ms")
    settled(client, fresh, states=["DONE"])
    assert ran_ms(client, fresh) == 1000 and sim.capacity.described is not None


def test_jobs_are_moved_by_hand(sim: Simulator, client: Any) -> None:
    stand_still(sim)
    sim.capacity.use(TWO)
    jobs = [client.query("SELECT 1", job_config=work(10_000_000)) for _ in range(3)]
    settled(client, *jobs, states=["RUNNING", "RUNNING", "PENDING"])
    whys = {waiting.job_id: waiting.why for waiting in sim.jobs.list()}
    assert whys[jobs[0].job_id] == "its work, with slots of the reservation etl"
    assert whys[jobs[2].job_id] == "a turn with slots of the reservation etl"
    assert "a turn with slots" in sim.explain(jobs[2])
    assert sim.jobs.step(jobs[2]) == "DONE"
    assert sim.jobs.finish(jobs[0]) == "DONE"
    until(lambda: sim.capacity.places()[0].running == 1)
    assert state(client, jobs[1]) == "RUNNING"


def test_many_jobs_wait(sim: Simulator, client: Any) -> None:
    """Hundreds at once; see tests/bench/capacity_jobs.py for ten thousand."""
    stand_still(sim)
    sim.capacity.use(TWO)
    jobs = [client.query("SELECT 1", job_config=work(10_000)) for _ in range(200)]
    until(lambda: sim.capacity.places()[0].queued == 198)
    # Two at a time share the slots: a fifth of a second for each pair.
    sim.clock.advance("20s")
    until(lambda: all(state(client, job) == "DONE" for job in jobs[-2:]))
    sim.clock.advance("1s")
    assert sim.capacity.places()[0].queued == 0
