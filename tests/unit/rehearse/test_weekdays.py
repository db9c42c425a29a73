"""Tests of which workloads have weekdays."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bqsim.rehearse.plan.model import (
    Arrivals,
    Change,
    Diurnal,
    Generated,
    History,
    JobKind,
    Plan,
    Poisson,
    Recorded,
    WorkloadPart,
)
from bqsim.rehearse.weekdays import weekly
from bqsim.sim.scenario.latency import Fixed


def made(arrivals: Arrivals) -> WorkloadPart:
    return WorkloadPart(Generated(arrivals, (JobKind(Fixed(1.0)),)))


EVEN = made(Poisson(60))
BY_HOUR = made(Diurnal(60))
BY_DAY = made(Diurnal(60, days=(1, 1, 1, 1, 1, 0, 0)))
HISTORY = WorkloadPart(History(("jobs.json",)))
CASSETTE = WorkloadPart(Recorded("orders.cassette"))


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ((EVEN,), False),
        ((BY_HOUR, EVEN), False),
        ((BY_DAY,), True),
        ((EVEN, HISTORY), True),
        ((CASSETTE, BY_HOUR), True),
        ((), False),
    ],
)
def test_weekdays_are_of_histories_and_of_arrivals_by_the_day(
    parts: tuple[WorkloadPart, ...], found: bool
) -> None:
    assert weekly(Plan(parts)) is found


def test_a_week_that_is_compressed_is_none() -> None:
    shorter = replace(HISTORY, changes=(Change(times=2), Change(compress=2)))
    assert not weekly(Plan((shorter, BY_DAY)))
    assert weekly(Plan((replace(EVEN, changes=(Change(compress=2),)), BY_DAY)))
