"""Worlds: what goes in is checked, what is told, jobs that are cancelled, limits, retries."""

from __future__ import annotations

import numpy as np
import pytest

from bqsim.sim.scenario.capacity import Assignment, Capacity, Queues, Reservation
from bqsim.sim.slots.jobs import Given, Jobs, Outcomes, Retries, Shapes, Source, Stage, State, Users
from bqsim.sim.slots.world import World, simulate

ONE = Capacity(
    reservations={"r": Reservation(slot_capacity=10, target_job_concurrency=100)},
    assignments=(Assignment("r"),),
)


def ended(capacity: Capacity, workload: Given, **more: object) -> Outcomes:
    parts: list[Outcomes] = []
    simulate(capacity, workload, parts.append, **more)
    return Outcomes.concatenated(parts)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"source": 2}, "a job's source is not one of the 1 that there are"),
        ({"source": -1}, "a job's source is not one of the 1 that there are"),
        ({"shape": 1}, "a job's shape is not one of the 1 that there are"),
        ({"batch": 3}, "a job's batch is not one of the 2 that there are"),
        ({"slot_ms": -1.0}, "a job's slot time must be a number of at least 0"),
        ({"slot_ms": np.nan}, "a job's slot time must be a number of at least 0"),
        ({"width": np.inf}, "a job's width must be a number of at least 0"),
        ({"max_slots": 0.0}, "a job's bounds must be numbers above 0"),
        ({"at_ms": [2.0, 1.0]}, "the jobs of a workload must ascend by time"),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_jobs_that_cannot_be_are_refused(columns: dict[str, object], message: str) -> None:
    jobs = Jobs.of(2, **columns)
    with pytest.raises(ValueError, match=message):
        ended(Capacity(), Given(jobs))


def test_jobs_of_the_past_are_refused() -> None:
    world = World(Capacity())
    world.run(10.0)
    with pytest.raises(ValueError, match="in the past"):
        world.submit(Jobs.of(1, source=world.source(Source("p"))))


def test_users_need_jobs() -> None:
    users = Users(np.zeros(2), np.array([0, 5]), Jobs.of(1), np.zeros(1), 1.0)
    with pytest.raises(ValueError, match="each user needs a stretch"):
        World(Capacity(), (Source("p"),), users=users)


def test_a_workload_may_name_a_source_twice() -> None:
    sources = (Source("p"), Source("p"), Source("q"))
    seen = ended(ONE, Given(Jobs.of(6, source=[0, 1, 2, 0, 1, 2], slot_ms=10.0), sources=sources))
    assert sorted(seen.source.tolist()) == [0, 0, 1, 1, 2, 2]


def test_plans_that_cannot_be_are_refused() -> None:
    for plans in (((),), ((Stage(1.0, 0.0),),), ((Stage(-1.0),),), ((Stage(1.0, 1, (0,)),),)):
        with pytest.raises(ValueError):
            Shapes(plans)


def test_a_job_is_as_long_as_its_longest_way_through_its_stages() -> None:
    plan = (Stage(0.2, 2), Stage(0.5, 5, (0,)), Stage(0.1, 1, (0,)), Stage(0.2, 1, (1, 2)))
    seen = ended(ONE, Given(Jobs.of(1, slot_ms=1_000.0, floor_ms=50.0), Shapes((plan,))))
    # The floor, 200/2, the longer of 500/5 and 100/1, 200/1.
    assert seen.duration_ms.tolist() == [pytest.approx(50 + 100 + 100 + 200)]
    assert seen.used_ms.tolist() == [pytest.approx(1_000.0)]


def test_a_cap_of_slots_makes_a_job_longer() -> None:
    seen = ended(ONE, Given(Jobs.of(2, slot_ms=1_000.0, width=8.0, max_slots=[4.0, np.inf])))
    assert seen.end_ms.tolist() == pytest.approx([1_000 / 6, 250.0])


def test_a_run_ends_at_its_limit_and_keeps_what_it_used() -> None:
    seen = ended(ONE, Given(Jobs.of(1, slot_ms=10_000.0, width=10.0, limit_ms=300.0)))
    assert (seen.state[0], seen.end_ms[0], seen.used_ms[0]) == (State.TIMED_OUT, 300.0, 3_000.0)


def queued(**queues: object) -> Capacity:
    one = Reservation(slot_capacity=10, target_job_concurrency=1)
    return Capacity(reservations={"r": one}, assignments=(Assignment("r"),), queues=Queues(**queues))


def states(seen: Outcomes) -> dict[int, str]:
    return {int(row): State(state).name for row, state in zip(seen.row, seen.state, strict=True)}


def test_queues_are_full_by_priority() -> None:
    jobs = Jobs.of(6, slot_ms=1_000.0, batch=[0, 0, 0, 1, 1, 1])
    seen = ended(queued(interactive=1, batch=2), Given(jobs))
    assert states(seen) == {0: "DONE", 1: "DONE", 2: "QUEUE_FULL", 3: "DONE", 4: "DONE", 5: "QUEUE_FULL"}


def test_a_queue_without_timeout_refuses_at_once() -> None:
    seen = ended(queued(interactive_timeout_s=-1.0), Given(Jobs.of(2, slot_ms=1_000.0)))
    assert states(seen) == {0: "DONE", 1: "ADMISSION_DENIED"}


def test_jobs_that_wait_too_long_fail() -> None:
    jobs = Jobs.of(4, at_ms=[0.0, 10.0, 20.0, 30.0], slot_ms=500.0, batch=[0, 0, 1, 0])
    seen = ended(queued(interactive_timeout_s=0.6, batch_timeout_s=0.1), Given(jobs))
    assert states(seen) == {0: "DONE", 1: "DONE", 2: "QUEUE_TIMEOUT", 3: "QUEUE_TIMEOUT"}
    assert dict(zip(seen.row.tolist(), seen.end_ms.tolist(), strict=True))[3] == 630.0


def test_clients_try_again_with_longer_and_longer_waits() -> None:
    retries = Retries(attempts=5, first_ms=100.0, factor=2.0, longest_ms=300.0, jitter=0.0)
    jobs = Jobs.of(1, slot_ms=1_000.0, fails_at=0.5, bytes=7.0)
    seen = ended(ONE, Given(jobs), retries=retries)
    assert (seen.state[0], seen.attempts[0]) == (State.FAILED, 5)
    # Five runs of half the work, and waits of 100, 200, 300, 300.
    assert seen.end_ms[0] == pytest.approx(5 * 500 + 900)
    assert (seen.used_ms[0], seen.bytes[0]) == (pytest.approx(2_500.0), 7.0)


def test_jitter_is_drawn_by_seed() -> None:
    jobs = Jobs.of(50, slot_ms=1_000.0, fails_at=0.5)
    ends = [
        ended(ONE, Given(jobs), retries=Retries(2, jitter=0.5), seed=seed).end_ms.tobytes()
        for seed in (1, 1, 2)
    ]
    assert ends[0] == ends[1] != ends[2]


def test_cancelled_jobs_stop_and_free_their_slots() -> None:
    world = World(queued())
    source = world.source(Source("p"))
    first, second, third = world.submit(Jobs.of(3, source=source, slot_ms=1_000.0)).tolist()
    world.run(100.0)
    assert world.cancel(first) and world.cancel(third)
    assert not world.cancel(first)
    world.run(5_000.0)
    seen = world.outcomes()
    assert states(seen) == {first: "STOPPED", third: "STOPPED", second: "DONE"}
    assert dict(zip(seen.row.tolist(), seen.end_ms.tolist(), strict=True))[second] == 1_100.0


def test_many_places_and_projects_grow_as_they_come() -> None:
    world = World(Capacity())
    rows = [
        int(world.submit(Jobs.of(1, at_ms=float(n), source=world.source(Source(f"p{n}")), slot_ms=5.0))[0])
        for n in range(100)
    ]
    world.run(1_000.0)
    seen = world.outcomes()
    assert sorted(seen.row.tolist()) == rows and set(seen.state.tolist()) == {State.DONE}
    usage = world.usage()
    assert len(usage.places) == 100 and not usage.borrowed_ms.any()


def test_buckets_of_time_add_up() -> None:
    parts: list[Outcomes] = []
    jobs = Jobs.of(3, at_ms=[0.0, 90_000.0, 400_000.0], slot_ms=1_000_000.0, width=10.0)
    usage = simulate(ONE, Given(jobs), parts.append, bucket_ms=60_000.0)
    assert usage.used_ms.sum() == pytest.approx(3_000_000.0)
    assert usage.used_ms[0, :4].tolist() == pytest.approx([600_000.0, 600_000.0, 600_000.0, 200_000.0])
    assert usage.peak_queued.max() == 0.0
    assert usage.end_ms == pytest.approx(500_000.0)
