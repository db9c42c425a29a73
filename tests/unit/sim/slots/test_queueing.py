"""Agreement with what queueing theory knows: exactly with recursions over the same jobs, and with closed
forms as near as chance allows.

``BQSIM_QUEUEING_JOBS=4000000`` runs long enough for 2 % of the closed forms.
"""

from __future__ import annotations

import heapq
import math
import os

import numpy as np
import pytest

from bqsim.sim.scenario.capacity import Assignment, Capacity, Queues, Reservation
from bqsim.sim.slots.compiled import is_compiled
from bqsim.sim.slots.jobs import Given, Jobs, Outcomes, Users
from bqsim.sim.slots.seeds import generator
from bqsim.sim.slots.world import simulate

pytestmark = pytest.mark.skipif(not is_compiled(), reason="long runs need numba")

JOBS = int(os.environ.get("BQSIM_QUEUEING_JOBS", "60000"))
LONG = JOBS >= 4_000_000
NEAR = 0.02 if LONG else 0.08
WARM_UP = JOBS // 20
SERVICE_MS = 1_000.0


def capacity(slots: int, concurrency: int) -> Capacity:
    never = Queues(10**9, 10**9, 1e12, 1e12)
    return Capacity(
        reservations={"r": Reservation(slot_capacity=slots, target_job_concurrency=concurrency)},
        assignments=(Assignment("r"),),
        queues=never,
        run_limit_s=1e12,
    )


def run(slots: int, concurrency: int, load: float, work: np.ndarray, seed: str) -> Outcomes:
    """Jobs that use one slot each, at ``load`` of all slots."""
    arrivals = generator(7, "queueing", seed, slots).exponential(SERVICE_MS / (load * slots), len(work))
    jobs = Jobs.of(len(work), at_ms=np.cumsum(arrivals), slot_ms=work)
    parts: list[Outcomes] = []
    simulate(capacity(slots, concurrency), Given(jobs), parts.append, bucket_ms=1e9)
    return Outcomes.concatenated(parts)


def measured(ended: Outcomes) -> Outcomes:
    keep = ended.row >= WARM_UP
    return type(ended)(**{name: getattr(ended, name)[keep] for name in ended.__slots__})


@pytest.mark.parametrize(("servers", "load"), [(1, 0.9), (4, 0.95), (20, 0.99)])
def test_waits_are_those_of_the_recursion_of_a_queue_with_servers(servers: int, load: float) -> None:
    work = generator(7, "work", servers).exponential(SERVICE_MS, 5_000)
    ended = run(servers, servers, load, work, "exact")
    free = [0.0] * servers
    expected = {}
    by_row = np.argsort(ended.row)
    for row, at in enumerate(ended.at_ms[by_row].tolist()):
        start = max(at, heapq.heappop(free))
        heapq.heappush(free, start + work[row])
        expected[row] = start - at
    assert ended.waited_ms[by_row] == pytest.approx([expected[row] for row in range(len(work))], abs=1e-4)


def test_ends_are_those_of_processor_sharing() -> None:
    work = generator(7, "work", "ps").exponential(SERVICE_MS, 2_000)
    ended = run(1, 10**6, 0.95, work, "exact")
    order = np.argsort(ended.row)
    at = ended.at_ms[order].tolist()
    left: dict[int, float] = {}
    ends: dict[int, float] = {}
    now, row = 0.0, 0
    while row < len(at) or left:
        first = min(left, key=left.__getitem__, default=None)
        ends_at = now + left[first] * len(left) if first is not None else math.inf
        comes_at = at[row] if row < len(at) else math.inf
        then = min(ends_at, comes_at)
        for one in left:
            left[one] -= (then - now) / len(left)
        now = then
        if ends_at <= comes_at and first is not None:
            del left[first]
            ends[first] = now
        else:
            left[row] = float(work[row])
            row += 1
    assert ended.end_ms[order] == pytest.approx([ends[one] for one in range(len(at))], abs=1e-3)


def erlang_c(servers: int, load: float) -> float:
    """The share of jobs that wait in M/M/c."""
    offered = servers * load
    tail = offered**servers / math.factorial(servers) / (1 - load)
    return tail / (sum(offered**n / math.factorial(n) for n in range(servers)) + tail)


@pytest.mark.parametrize(("servers", "load"), [(1, 0.5), (4, 0.7), *([(1, 0.7), (20, 0.9)] if LONG else [])])
def test_m_m_c(servers: int, load: float) -> None:
    work = generator(7, "work", servers).exponential(SERVICE_MS, JOBS)
    ended = measured(run(servers, servers, load, work, "mmc"))
    waits = erlang_c(servers, load)
    expected = waits * SERVICE_MS / (servers * (1 - load))
    waited = ended.waited_ms
    assert float((waited > 1e-6).mean()) == pytest.approx(waits, rel=NEAR)
    assert float(waited.mean()) == pytest.approx(expected, rel=NEAR)


DISTRIBUTIONS = {
    "exponential": lambda rng: rng.exponential(SERVICE_MS, JOBS),
    "constant": lambda _rng: np.full(JOBS, SERVICE_MS),
    "two kinds": lambda rng: np.where(rng.random(JOBS) < 0.9, 0.5, 5.5) * SERVICE_MS,
}


@pytest.mark.parametrize("kind", DISTRIBUTIONS)
@pytest.mark.parametrize("load", [0.5, 0.7])
def test_m_g_1_processor_sharing(kind: str, load: float) -> None:
    """The mean time in the system is x / (1 - load) for a job of length x, whatever the distribution."""
    work = DISTRIBUTIONS[kind](generator(7, "work", kind))
    ended = measured(run(1, 10**6, load, work, "ps"))
    expected = float(work.mean()) / (1 - load)
    assert float(ended.duration_ms.mean()) == pytest.approx(expected, rel=NEAR)
    for length in np.unique(work)[:2] if kind == "two kinds" else ():
        mine = np.isclose(ended.used_ms, length)
        assert float(ended.duration_ms[mine].mean()) == pytest.approx(length / (1 - load), rel=NEAR)


def test_closed_users_are_a_machine_repair_model() -> None:
    """N users who think on average Z and share one slot: throughput by the recursion of mean values."""
    users, think_ms, until = 8, 5_000.0, 1_500.0 * JOBS
    rng = generator(7, "closed")
    pool = 20_000
    ended: list[Outcomes] = []
    own = Users(
        first_ms=np.zeros(users),
        pool=np.arange(users + 1) * pool,
        jobs=Jobs.of(users * pool, slot_ms=rng.exponential(SERVICE_MS, users * pool)),
        think_ms=rng.exponential(think_ms, users * pool),
        until_ms=until,
    )
    simulate(capacity(1, 10**6), Given(Jobs.of(0), users=own), ended.append, bucket_ms=1e9)
    queue, rate = 0.0, 0.0
    for n in range(1, users + 1):
        time = SERVICE_MS * (1 + queue)
        rate = n / (think_ms + time)
        queue = rate * time
    assert sum(len(one) for one in ended) / until == pytest.approx(rate, rel=NEAR)
