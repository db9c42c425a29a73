from __future__ import annotations

import numpy as np

from bqsim.rehearse.plan.reading import parse
from bqsim.rehearse.workloads.building import build
from bqsim.rehearse.workloads.worked import Worked
from bqsim.sim.slots.jobs import Jobs

PLAN = """
days: 0.05
workload:
- name: open
  origin: {generated: {arrivals: {poisson: 500}, mix: [{slot_time: {exponential: 20}, bytes_billed: 5}]}}
- name: closed
  origin: {generated: {arrivals: {closed: {users: 3, think: 5s}}, mix: [{slot_time: 20s}]}}
"""


def test_slot_time_alone_is_other() -> None:
    workload = build(parse(PLAN).plan)
    worked = Worked(workload, 1.25)
    assert (worked.shapes, worked.sources) == (workload.shapes, workload.sources)
    assert (worked.groups, worked.duration_ms) == (workload.groups, workload.duration_ms)
    for _ in range(2):
        before = Jobs.concatenated(list(workload.chunks()))
        after = Jobs.concatenated(list(worked.chunks()))
        assert np.array_equal(after.slot_ms, before.slot_ms * 1.25) and len(after) > 0
        for name in ("at_ms", "width", "bytes", "floor_ms", "source", "shape"):
            assert np.array_equal(getattr(after, name), getattr(before, name))
    assert workload.users is not None and worked.users is not None
    assert np.array_equal(worked.users.jobs.slot_ms, workload.users.jobs.slot_ms * 1.25)
    assert np.array_equal(worked.users.think_ms, workload.users.think_ms)


def test_without_users_there_are_none() -> None:
    assert Worked(build(parse(PLAN[: PLAN.index("- name: closed")]).plan), 2.0).users is None
