"""Recorded plans of stages become shapes: the same ones once, rounded where they are too many."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest

from bqsim.history import Stage
from bqsim.rehearse.workloads.shapes_of import ShapeTable
from bqsim.sim.slots.jobs import Shapes

S = 1_000_000


def stage(
    id_: int, slot_ms: int, units: int = 1, *inputs: int, start_s: float = 0, end_s: float = 0
) -> Stage:
    return Stage(id_, f"S{id_:02}", inputs, slot_ms, units, start_us=int(start_s * S), end_us=int(end_s * S))


def ideal_ms(shapes: Shapes, number: int, slot_ms: float, width: float) -> float:
    """How long a job takes with all slots that it can use, units rounded up to whole ones."""
    ends: list[float] = []
    for one in shapes.plans[number]:
        begin = max((ends[at] for at in one.inputs), default=0.0)
        ends.append(begin + one.share * slot_ms / math.ceil(one.units * width))
    return max(ends)


def test_a_plan_of_stages() -> None:
    table = ShapeTable()
    stages = (stage(0, 6000, 60), stage(1, 3000, 7), stage(2, 1000, 1, 0, 1))
    made = table.add(stages, 10_000, 5_000)
    shapes, which = table.finished()
    assert (made.width, which[made.number]) == (60, 0)
    (plan,) = shapes.plans
    assert [one.share for one in plan] == [0.6, 0.3, 0.1]
    assert [math.ceil(one.units * made.width) for one in plan] == [60, 7, 1]
    assert [one.inputs for one in plan] == [(), (), (0, 1)]
    assert made.ideal_ms == pytest.approx(3000 / 7 + 1000)
    assert math.isnan(made.outside_ms)


def test_plans_of_one_form_are_one_shape() -> None:
    table = ShapeTable()
    one = table.add((stage(0, 100, 10), stage(1, 100, 5, 0)), 200, 0)
    two = table.add((stage(4, 7000, 20), stage(9, 7000, 10, 4)), 14_000, 0)
    assert (one.number, one.width, two.width) == (two.number, 10, 20)
    assert len(table.finished()[0].plans) == 1


def test_a_job_without_stages_is_as_wide_as_the_slots_that_it_had() -> None:
    table = ShapeTable()
    made = table.add((), 40_000, 2_000)
    assert (made.number, made.width, made.ideal_ms) == (0, 20, 2_000)
    assert math.isnan(made.outside_ms)
    assert table.add((), 41_000, 2_000).width == 21
    assert table.add((), 100, 2_000).width == 1
    assert table.add((), 100, 0).ideal_ms == 100
    assert table.add((stage(0, 0, 50),), 40_000, 2_000).width == 20


def test_units_are_at_least_the_slots_that_a_stage_had() -> None:
    table = ShapeTable()
    timed = table.add((stage(0, 30_000, 1, start_s=10, end_s=13),), 30_000, 3_200)
    assert (timed.width, timed.ideal_ms) == (10, 3_000)
    # No units, no times: as wide as the run asks for.
    assert table.add((stage(0, 30_000),), 30_000, 3_000).width == 10


def test_the_time_outside_of_stages() -> None:
    stages = (stage(0, 10, 1, start_s=1, end_s=2), stage(1, 10, 1, start_s=1.5, end_s=3), stage(2, 0))
    apart = (*stages, stage(3, 10, 1, 0, start_s=3.5, end_s=4))
    assert ShapeTable().add(stages, 20, 5_000).outside_ms == pytest.approx(3_000)
    assert ShapeTable().add(apart, 30, 5_000).outside_ms == pytest.approx(2_500)


@pytest.mark.parametrize(
    "stages",
    [
        (stage(2, 10, 1, 1), stage(1, 10, 1, 0), stage(0, 10)),
        (stage(0, 10), stage(1, 10, 1, 0, 77), stage(2, 10, 1, 1, 1)),
        (stage(0, 10), stage(1, 10, 1, 0), stage(5, 0, 1, 1), stage(2, 10, 1, 5)),
    ],
    ids=["the last first", "an unknown input", "through a stage without work"],
)
def test_stages_come_after_their_inputs(stages: tuple[Stage, ...]) -> None:
    table = ShapeTable()
    table.add(stages, 30, 0)
    assert [one.inputs for one in table.finished()[0].plans[0]] == [(), (0,), (1,)]


def test_stages_that_wait_for_each_other() -> None:
    table = ShapeTable()
    made = table.add((stage(0, 10, 1, 2), stage(1, 10, 1, 0), stage(2, 10, 1, 1)), 30, 0)
    assert made.ideal_ms == 30
    assert len(table.finished()[0].plans[0]) == 3


def test_a_bounded_number_of_shapes() -> None:
    draws = random.Random(4)
    table = ShapeTable(limit=200)
    made = []
    for _ in range(2_000):
        stages = tuple(
            stage(n, draws.randint(1, 10**6), draws.randint(1, 500), *range(max(0, n - 1), n))
            for n in range(draws.randint(1, 4))
        )
        total = sum(one.slot_ms for one in stages)
        made.append((total, table.add(stages, total, 0)))
    shapes, which = table.finished()
    # Those at the limit, and single stages of few widths for all others.
    assert len(shapes.plans) <= 300
    assert all(sum(one.share for one in plan) == pytest.approx(1) for plan in shapes.plans)
    took = np.array([ideal_ms(shapes, which[one.number], total, one.width) for total, one in made])
    ratio = took / np.array([one.ideal_ms for _, one in made])
    assert 0.8 < float(np.median(ratio)) < 1.25
    assert {len(plan) for plan in shapes.plans} == {1, 2, 3, 4}


def test_rounding_keeps_forms_apart_as_long_as_it_can() -> None:
    table = ShapeTable(limit=8)
    numbers = {n: table.add((stage(0, 1000 + n, 10), stage(1, 1000, 1, 0)), 2000 + n, 0) for n in range(40)}
    other = table.add((stage(0, 10, 3),), 10, 0)
    shapes, which = table.finished()
    assert len(shapes.plans) <= 8
    assert {len(shapes.plans[which[one.number]]) for one in numbers.values()} == {2}
    assert len(shapes.plans[which[other.number]]) == 1


def test_no_jobs_at_all() -> None:
    shapes, which = ShapeTable().finished()
    assert (len(shapes.plans), len(which)) == (1, 0)
