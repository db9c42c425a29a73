from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.sim.scenario.capacity import Capacity, Reservation
from bqsim.sim.slots.remembered import ERAS, MANY_PLACES, Run, SlotMemory, Steps, share_of, spent

SECOND = 1e6


def steps_of(*pairs: tuple[float, float], most: int = 100, span_s: float = 0.0) -> Steps:
    made = Steps(1, most, span_s * SECOND)
    for at_s, value in pairs:
        made.put(at_s * SECOND, value)
    return made


def run_of(
    levels: Steps, *asked: tuple[float, float], end_s: float | None = None, used_ms: float = 0.0
) -> Run:
    run = Run(levels, asked[0][0] * SECOND)
    for at_s, slots in asked:
        run.ask(at_s * SECOND, slots)
    if end_s is not None:
        run.end(end_s * SECOND, used_ms)
    return run


def seconds(*moments: float) -> list[float]:
    return [one * SECOND for one in moments]


def test_steps_hold_from_one_to_the_next() -> None:
    steps = steps_of((1, 5.0), (2, 5.0), (3, 7.0), (3, 8.0))
    assert len(steps) == 2 and steps.since_us == SECOND
    assert steps.at(seconds(0.5, 1, 2.9, 3, 9), 0) == [0, 5, 5, 8, 8]
    assert steps.sums(seconds(0, 1, 2, 4, 5), 0) == [0, 0, 5 * SECOND, 18 * SECOND, 26 * SECOND]
    assert list(steps.between(1.5 * SECOND, 3 * SECOND)) == [(SECOND, (5.0,))]
    assert Steps(1, 5).since_us == math.inf


def test_old_steps_become_means_of_stretches() -> None:
    steps = Steps(2, 40, SECOND)
    for n in range(41):
        steps.put(n * SECOND / 10, float(n), 1.0)
    assert len(steps) < 30
    # Sums over whole stretches are as they were.
    assert steps.sums(seconds(1, 2, 4), 0) == pytest.approx([45 * 1e5, 190 * 1e5, 780 * 1e5])
    assert steps.sums(seconds(4), 1) == pytest.approx([4 * SECOND])


def test_what_goes_on_beyond_a_stretch_is_not_spread_over_it() -> None:
    pairs = [(n / 40, float(n)) for n in range(20)]
    pairs += [(7.25 + n / 40, float(n)) for n in range(21)]
    exact = steps_of(*pairs)
    merged = steps_of(*pairs, most=40, span_s=1.0)
    assert len(merged) < len(exact)
    assert merged.sums(seconds(1, 2, 7, 8), 0) == pytest.approx(exact.sums(seconds(1, 2, 7, 8), 0))


@given(st.lists(st.tuples(st.floats(0.001, 3), st.floats(0, 100)), min_size=30, max_size=200))
def test_memory_is_bounded_and_what_is_known_of_whole_stretches_is_exact(
    gaps: list[tuple[float, float]],
) -> None:
    exact, bounded = Steps(1, 10_000), Steps(1, 24, SECOND)
    now = 0.0
    for gap, value in gaps:
        now += gap * SECOND
        exact.put(now, value)
        bounded.put(now, value)
        assert len(bounded) <= 24
    since = math.ceil(bounded.since_us / SECOND) * SECOND
    ends = [at for n in range(5) if since <= (at := now // SECOND * SECOND - n * SECOND) <= now]
    for end in ends:
        left, right = (one.sums([since, end], 0) for one in (exact, bounded))
        assert right[1] - right[0] == pytest.approx(left[1] - left[0], abs=1e-3)


def test_the_oldest_are_forgotten_where_nothing_stays_of_them() -> None:
    steps = steps_of(*((n, float(n)) for n in range(9)), most=8)
    assert (len(steps), steps.since_us) == (5, 4 * SECOND)


def test_a_run_has_what_it_asks_for_up_to_what_there_is() -> None:
    levels = steps_of((0, math.inf), (2, 10.0), (4, 40.0))
    run = run_of(levels, (1, 0.0), (1.5, 30.0), (5, 50.0), end_s=6, used_ms=105_000)
    had, lacked = run.had(seconds(1, 1.5, 2, 3, 4, 5, 6, 9))
    assert had == pytest.approx([0, 0, 15_000, 25_000, 35_000, 65_000, 105_000, 105_000])
    assert lacked == pytest.approx([0, 0, 0, 20_000, 40_000, 40_000, 50_000, 50_000])


def test_a_run_that_is_forgotten_is_spread_evenly() -> None:
    levels = steps_of(*((n, float(n)) for n in range(9)), most=8)
    run = run_of(levels, (1, 5.0), end_s=5, used_ms=4_000)
    assert run.had(seconds(0, 2, 5, 8)) == ([0, 1_000, 4_000, 4_000], [0.0] * 4)


@given(
    st.lists(st.tuples(st.floats(0.01, 2), st.floats(0, 50)), min_size=1, max_size=30),
    st.lists(st.floats(0, 40), min_size=1, max_size=40),
    st.integers(1, 10_000_000),
)
def test_seconds_sum_up_to_the_slot_time(
    gaps: list[tuple[float, float]], moments: list[float], total: int
) -> None:
    levels, at = steps_of((0, 20.0), (3, 5.0), (3.5, math.inf)), 0.0
    run = Run(levels, 0.0)
    for gap, slots in gaps:
        run.ask(at, slots)
        at += gap * SECOND
    run.end(at, 1.0)
    found = spent([run], seconds(*sorted(moments), 1_000), total)
    if run.had([at])[0][0] <= 0:
        assert found is None
        return
    assert found is not None
    had, _ = found
    assert had[-1] == total and had == sorted(had) and had[0] >= 0


def test_runs_of_several_worlds_and_of_children() -> None:
    levels = steps_of((0, 10.0))
    first = run_of(levels, (0, 10.0), end_s=2)
    second = run_of(levels, (3, 5.0), end_s=5)
    assert spent([first, second], seconds(1, 2, 3, 4, 9), 30_000) == (
        [10_000, 20_000, 20_000, 25_000, 30_000],
        [0.0] * 5,
    )
    assert spent([first, run_of(levels, (3, 5.0))], seconds(1, 4), None) == ([10_000, 25_000], [0.0, 0.0])
    assert spent([], seconds(1), None) is None
    assert spent([run_of(levels, (0, 0.0), end_s=1)], seconds(1), 5) is None


def test_capacities_and_places() -> None:
    memory = SlotMemory()
    described = Capacity({"etl": Reservation(100)})
    memory.begin(0.0, described)
    memory.see(1.0, "etl", 50.0, 5.0, 0.0)
    memory.begin(2.0, None)
    assert [(era.since_us, era.capacity) for era in memory.eras] == [(0.0, described), (2.0, None)]
    assert memory.place("etl").at([1.0, 2.0], SlotMemory.SCALED) == [50, 0]
    assert memory.place("other").at([1.0], SlotMemory.LENT) == [0]
    for n in range(ERAS + 5):
        memory.begin(3.0 + n, described)
    assert len(memory.eras) == ERAS and memory.eras[0].since_us == 8.0


def test_many_share_what_is_kept_of_all() -> None:
    assert [share_of(100, 1_000, count) for count in (0, 1, 10, 12, 500)] == [100, 100, 100, 83, 64]
    steps = steps_of(*((n, float(n)) for n in range(60)))
    steps.bound(10)
    for n in range(60, 64):
        steps.put(n * SECOND, float(n))
    assert len(steps) <= 10 and steps.at(seconds(62.5), 0) == [62]


def test_reservations_that_no_remembered_capacity_has_are_forgotten() -> None:
    memory = SlotMemory()
    for n in range(MANY_PLACES + ERAS + 2):
        memory.begin(2.0 * n, Capacity({f"r{n}": Reservation(100)}))
        memory.see(2.0 * n + 1, f"r{n}", 50.0, 0.0, 0.0)
    last = 2.0 * n + 1
    assert memory.place(f"r{n}").at([last], 0) == [50]
    assert len(memory.place("r0")) == 0
    assert len(memory._places) <= MANY_PLACES + ERAS + 1
    first = memory.eras[0].since_us
    assert memory.place(f"r{round(first / 2)}").at([first + 1], 0) == [50]
