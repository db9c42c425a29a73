from __future__ import annotations

import math

import pytest

from bqsim.sim.draws import Stream
from bqsim.sim.latency import Exponential, Fixed, Load, Ramp, Trace
from bqsim.sim.latency.schedule import Periods

from .fitness import drawn, fits

ONE = Fixed(1.0)


def at(model, time_s):
    return drawn(model, 1, Load(time_s=time_s))[0]


def test_a_ramp_moves_in_straight_lines_between_its_points():
    ramp = Ramp(ONE, ((10.0, 1.0), (20.0, 5.0), (30.0, 5.0), (40.0, 0.0)))
    times = (0.0, 10.0, 15.0, 20.0, 25.0, 37.5, 40.0, 1e6)
    assert [at(ramp, t) for t in times] == pytest.approx([1, 1, 3, 5, 5, 1.25, 0, 0])


def test_a_ramp_starts_over_each_day():
    daily = Ramp(ONE, ((0.0, 1.0), (43_200.0, 3.0), (86_400.0, 1.0)), repeat_s=86_400.0)
    assert [at(daily, t) for t in (0.0, 43_200.0, 86_400.0, 64_800.0 + 5 * 86_400)] == pytest.approx(
        [1, 3, 1, 2]
    )


def test_the_distribution_is_scaled_by_the_ramp():
    ramp = Ramp(Exponential(0.5), ((0.0, 1.0), (100.0, 3.0)))
    assert fits(ramp, lambda x: 1.0 - math.exp(-x), Load(time_s=50.0))


def test_periods_multiply_while_they_hold():
    periods = Periods(ONE, ((10.0, 20.0, 3.0, None), (0.0, 1.0, 2.0, 15.0)))
    assert [at(periods, t) for t in (0.0, 5.0, 10.0, 15.5, 20.0, 30.0)] == [2.0, 1.0, 3.0, 6.0, 1.0, 2.0]


@pytest.mark.parametrize(
    ("end", "after"), [("loop", [0.1, 0.2, 0.3, 0.1]), ("hold", [0.3] * 4), ("stop", [0.0] * 4)]
)
def test_a_trace_plays_back_in_order(end, after):
    assert drawn(Trace((0.1, 0.2, 0.3), end), 7) == [0.1, 0.2, 0.3, *after]


def test_a_trace_goes_by_occurrence_whatever_the_order():
    stream = Stream(1, "r")
    trace = Trace((0.1, 0.2, 0.3))
    assert [trace.draw(stream.uniforms("", n), Load()) for n in (2, 0, 1)] == [0.3, 0.1, 0.2]


def test_traces_are_ordered_and_what_holds_them_too():
    trace = Trace((0.1,))
    assert trace.ordered
    assert Ramp(trace, ((0.0, 1.0),)).ordered
    assert Periods(trace, ()).ordered
    assert not Periods(ONE, ()).ordered
