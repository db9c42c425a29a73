from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.jobs.config import check_labels
from bqsim.sim.slots.jobs import Stage
from bqsim.sim.slots.labels import MOST_STAGES, stages_read, stages_written


@st.composite
def plans(draw: Any) -> tuple[Stage, ...]:
    count = draw(st.integers(1, 12))
    weights = draw(st.lists(st.integers(0, 1000), min_size=count, max_size=count))
    weights[0] += 1
    return tuple(
        Stage(
            weights[at] / sum(weights),
            float(draw(st.integers(1, 5000))),
            tuple(sorted(draw(st.sets(st.integers(0, at - 1), max_size=4)))) if at else (),
        )
        for at in range(count)
    )


@given(plans())
def test_plans_are_read_as_they_were_written(plan: tuple[Stage, ...]) -> None:
    written = stages_written(plan)
    assert written is not None
    check_labels(written)
    read = stages_read({"team": "x", **written})
    assert [(one.units, one.inputs) for one in read] == [(one.units, one.inputs) for one in plan]
    assert [one.share for one in read] == pytest.approx([one.share for one in plan], abs=1e-8)


def test_stages_as_people_write_them() -> None:
    labels = {"bqsim_stage_1": "1_100", "bqsim_stage_2": "2_50_0", "bqsim_stage_3": "1_1_1-2"}
    assert stages_read(labels) == (Stage(0.25, 100.0), Stage(0.5, 50.0), Stage(0.25, 1.0, (0, 1)))
    assert stages_read({**labels, "bqsim_stage_3": "1_1"})[2] == Stage(0.25, 1.0, (1,))
    assert stages_read({"bqsim_stage_1": "0_3"}) == (Stage(0.0, 3.0),)
    assert stages_read({"bqsim_stage_2": "1_100"}) == ()


@pytest.mark.parametrize(
    "text", ["", "5", "a_1", "1_0", "1_2_3_4", "1_2_2", "1_2_x", "1_2_", "-1_2", "1.5_2"]
)
def test_what_is_no_stage_tells_no_plan(text: str) -> None:
    assert stages_read({"bqsim_stage_1": "1_1", "bqsim_stage_2": text}) == ()


def test_plans_that_labels_cannot_hold() -> None:
    chain = [Stage(1 / 60, 1.0, (at - 1,) if at else ()) for at in range(60)]
    assert stages_written(chain[:MOST_STAGES]) is not None
    assert stages_written(chain[: MOST_STAGES + 1]) is None
    wide = [Stage(1 / 31) for _ in range(30)] + [Stage(1 / 31, 1.0, tuple(range(30)))]
    assert stages_written(wide) is None
    many = {f"bqsim_stage_{n}": "1_1" for n in range(1, MOST_STAGES + 2)}
    assert stages_read(many) == ()
