"""What holds of any capacity and any jobs: no slot is lost or invented, none is idle while work waits, shares
are even, everything ends."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bqsim.sim.scenario.capacity import (
    Assignment,
    Capacity,
    Commitment,
    OnDemand,
    ProjectCap,
    Queues,
    Reservation,
)
from bqsim.sim.slots.jobs import Given, Jobs, Outcomes, Retries, Shapes, Source, Stage, State
from bqsim.sim.slots.world import World, simulate

from .plainly import Plainly

pytestmark = pytest.mark.fidelity(
    "capacity:slots",
    "approximated",
    "Shares are of whole stages, as if work could be divided at will, not of single units of work. "
    "The automatic concurrency, the share of batch queries and bursts on demand are not published and are "
    "settings. Contention in a region and excess slots are not modelled.",
)
PROJECTS = ("a", "b", "c", "d")
SHAPES = Shapes(
    (
        (Stage(1.0),),
        (Stage(0.5, 4), Stage(0.3, 2, (0,)), Stage(0.2, 1, (0, 1))),
        (Stage(0.25, 3), Stage(0.25, 5), Stage(0.5, 8, (0, 1))),
        (Stage(0.0, 2), Stage(1.0, 6, (0,))),
    )
)

slots = st.integers(0, 12).map(lambda n: 50 * n)
reservations = st.builds(
    Reservation,
    slot_capacity=slots,
    autoscale_max_slots=slots,
    ignore_idle_slots=st.booleans(),
    fluid_scaling=st.booleans(),
    edition=st.sampled_from(("ENTERPRISE", "ENTERPRISE", "ENTERPRISE_PLUS")),
    target_job_concurrency=st.sampled_from((0, 0, 1, 3, 40)),
    reservation_group=st.sampled_from(("", "", "g")),
    projects=st.sampled_from(({}, {"a": ProjectCap(max_slots=30, concurrency=2)})),
)


@st.composite
def capacities(draw: st.DrawFn) -> Capacity:
    names = ("r0", "r1", "r2")[: draw(st.integers(0, 3))]
    known = {name: draw(reservations) for name in names}
    assigned = tuple(
        Assignment(draw(st.sampled_from(names)), project=project)
        for project in PROJECTS
        if names and draw(st.booleans())
    )
    return Capacity(
        reservations=known,
        assignments=assigned,
        commitments=draw(st.sampled_from(((), (Commitment(500),)))),
        on_demand=OnDemand(
            project_slots=draw(st.sampled_from((20, 2_000))),
            organization_slots=draw(st.sampled_from((50, 20_000))),
            burst_slots=draw(st.sampled_from((0, 10))),
            burst_s=5,
            burst_every_s=20,
        ),
        fairness=draw(st.sampled_from(("project", "reservation"))),
        run_limit_s=1e9,
        queues=Queues(interactive_timeout_s=1e9, batch_timeout_s=1e9),
    )


@st.composite
def workloads(draw: st.DrawFn) -> Jobs:
    count = draw(st.integers(1, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    crowded = draw(st.sampled_from((1.0, 1_000.0, 100_000.0)))
    return Jobs.of(
        count,
        at_ms=np.sort(np.round(rng.uniform(0, crowded, count))),
        source=rng.integers(0, len(PROJECTS), count),
        shape=rng.integers(0, len(SHAPES.plans), count),
        slot_ms=np.where(rng.random(count) < 0.1, 0.0, rng.exponential(50_000.0, count)),
        width=rng.choice([1.0, 1.0, 7.0, 300.0], count),
        floor_ms=rng.choice([0.0, 0.0, 250.0], count),
        batch=rng.integers(0, 2, count),
        max_slots=rng.choice([np.inf, np.inf, 3.0], count),
    )


def can_starve(capacity: Capacity) -> bool:
    """Whether a reservation has no slots of its own: its jobs may wait for ever."""
    return any(
        not one.slot_capacity and not one.autoscale_max_slots for one in capacity.reservations.values()
    )


def world_of(capacity: Capacity, jobs: Jobs, **more: object) -> World:
    world = World(capacity, [Source(project) for project in PROJECTS], SHAPES, **more)
    world.submit(jobs)
    return world


@settings(max_examples=80, deadline=None)
@given(capacities(), workloads())
def test_no_slot_is_lost_or_invented(capacity: Capacity, jobs: Jobs) -> None:
    world = world_of(capacity, jobs)
    world.run(1e9)
    ended, usage = world.outcomes(), world.usage()
    done = ended.state == State.DONE
    work = dict(enumerate(jobs.slot_ms.tolist()))
    # Each job that is done used its work, no more and no less.
    assert ended.used_ms[done] == pytest.approx([work[row] for row in ended.row[done]], rel=1e-6, abs=1e-3)
    if not can_starve(capacity):
        assert done.all() and len(ended) == len(jobs)
        # And the places gave as much as the jobs used.
        assert float(usage.used_ms.sum()) == pytest.approx(float(jobs.slot_ms.sum()), rel=1e-6, abs=1.0)
    assert not np.any(usage.used_ms < -1e-6)
    assert np.all(usage.scaled_ms <= usage.peak_scaled * usage.bucket_ms + 1e-3)


@settings(max_examples=80, deadline=None)
@given(capacities(), workloads(), st.lists(st.floats(0, 50_000), max_size=12))
def test_at_any_moment_slots_are_bounded_and_none_is_idle_while_work_waits(
    capacity: Capacity, jobs: Jobs, moments: list[float]
) -> None:
    world = world_of(capacity, jobs)
    for moment in sorted(moments):
        world.run(moment)
        held = world.slots()
        assert all(jobs.max_slots[row] + 1e-6 >= got for row, got in held.items())
        now = {place.name: place for place in world.places()}
        assert sum(held.values()) == pytest.approx(sum(one.used for one in now.values()), abs=1e-5)
        lent: dict[object, float] = {}
        spare: dict[object, float] = {}
        for name, one in capacity.reservations.items():
            place = now[name]
            own = one.slot_capacity + place.borrowed + place.scaled
            assert place.used <= own + 1e-6
            # Work conserving: it has all that it asks for, or uses all that it has.
            assert place.used == pytest.approx(min(place.demand, own), abs=1e-5)
            assert place.scaled % 50 == 0 and place.scaled <= one.autoscale_max_slots
            if place.demand > own + 1e-6:
                assert place.scaled == one.autoscale_max_slots
            lent[one.edition] = lent.get(one.edition, 0.0) + place.borrowed
            spare[one.edition] = spare.get(one.edition, 0.0) + max(0.0, one.slot_capacity - place.demand)
        for edition, borrowed in lent.items():
            committed = sum(c.slots for c in capacity.commitments if c.edition == edition)
            baselines = sum(o.slot_capacity for o in capacity.reservations.values() if o.edition == edition)
            free = spare[edition] + max(0.0, committed - baselines)
            assert borrowed <= free + 1e-5
            wants = [
                now[name].demand > one.slot_capacity + now[name].borrowed + 1e-6
                for name, one in capacity.reservations.items()
                if one.edition == edition and not one.ignore_idle_slots
            ]
            if any(wants):
                assert borrowed == pytest.approx(free, abs=1e-4)
        on_demand = [one for name, one in now.items() if name in PROJECTS]
        setup = capacity.on_demand
        assert sum(one.used for one in on_demand) <= setup.organization_slots + 1e-6
        assert all(one.used <= setup.project_slots + setup.burst_slots + 1e-6 for one in on_demand)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 900)), min_size=1, max_size=30), st.integers(1, 900)
)
def test_shares_are_even(wanted: list[tuple[int, int]], baseline: int) -> None:
    """Nobody has less than it asks for while another of its kind has more than it."""
    capacity = Capacity(
        reservations={"r": Reservation(slot_capacity=baseline, target_job_concurrency=1_000)},
        assignments=(Assignment("r"),),
    )
    world = World(capacity, [Source(project) for project in PROJECTS])
    world.submit(
        Jobs.of(len(wanted), source=[p for p, _ in wanted], width=[float(w) for _, w in wanted], slot_ms=1e9)
    )
    world.run(0.0)
    got = world.slots()
    assert sum(got.values()) == pytest.approx(min(baseline, sum(w for _, w in wanted)))
    projects: dict[int, list[int]] = {}
    for row, (project, _) in enumerate(wanted):
        projects.setdefault(project, []).append(row)
    sums = {project: sum(got[row] for row in rows) for project, rows in projects.items()}
    for project, rows in projects.items():
        if sums[project] < sum(wanted[row][1] for row in rows) - 1e-6:
            assert sums[project] == pytest.approx(max(sums.values()))
        for row in rows:
            if got[row] < wanted[row][1] - 1e-6:
                assert got[row] == pytest.approx(max(got[other] for other in rows))


@settings(max_examples=40, deadline=None)
@given(capacities(), workloads(), st.integers(0, 5))
def test_pieces_of_time_do_not_matter(capacity: Capacity, jobs: Jobs, pieces: int) -> None:
    whole = world_of(capacity, jobs)
    whole.run(1e8)
    apart = world_of(capacity, jobs)
    parts: list[Outcomes] = []
    for n in range(pieces):
        apart.run(10_000.0 * (n + 1))
        parts.append(apart.outcomes())
    apart.run(1e8)
    parts.append(apart.outcomes())
    one, other = whole.outcomes(), Outcomes.concatenated(parts)
    assert one.end_ms == pytest.approx(other.end_ms)
    assert sorted(one.row.tolist()) == sorted(other.row.tolist())


@settings(max_examples=25, deadline=None)
@given(capacities(), workloads(), st.integers(0, 1_000))
def test_the_same_seed_gives_the_same_bytes(capacity: Capacity, jobs: Jobs, seed: int) -> None:
    if can_starve(capacity):
        return
    jobs = jobs.with_columns(fails_at=np.where(np.arange(len(jobs)) % 3 == 0, 0.5, np.inf))
    given_ = Given(jobs, SHAPES, tuple(Source(project) for project in PROJECTS))
    seen = []
    for _ in range(2):
        parts: list[Outcomes] = []
        usage = simulate(capacity, given_, parts.append, retries=Retries(3), seed=seed)
        ended = Outcomes.concatenated(parts)
        seen.append((ended.end_ms.tobytes(), ended.row.tobytes(), usage.used_ms.tobytes()))
        assert len(ended) == len(jobs)
        assert set(ended.attempts[ended.state == State.FAILED].tolist()) <= {3}
    assert seen[0] == seen[1]


@settings(max_examples=150, deadline=None)
@given(capacities(), workloads())
def test_a_plain_telling_of_the_rules_gives_the_same(capacity: Capacity, jobs: Jobs) -> None:
    on_demand = replace(capacity.on_demand, burst_slots=0)
    capacity = replace(capacity, on_demand=on_demand)
    jobs = jobs.with_columns(fails_at=np.where(np.arange(len(jobs)) % 4 == 1, 0.3, np.inf))
    sources = [Source(project) for project in PROJECTS]
    plain = Plainly(capacity, jobs, SHAPES, sources)
    plain.run(1e7)
    world = world_of(capacity, jobs)
    world.run(1e7)
    ended, usage = world.outcomes(), world.usage()
    assert {int(row): State(state).name for row, state in zip(ended.row, ended.state, strict=True)} == {
        row: job.state.name for row, job in plain.ended.items() if job.state is not None
    }
    told = {int(row): end for row, end in zip(ended.row, ended.end_ms.tolist(), strict=True)}
    assert told == pytest.approx({row: job.end for row, job in plain.ended.items()}, rel=1e-6, abs=0.01)
    began = {int(row): start for row, start in zip(ended.row, ended.start_ms.tolist(), strict=True)}
    assert began == pytest.approx({row: job.began for row, job in plain.ended.items()}, rel=1e-6, abs=0.01)
    held = {
        place.name: float(usage.scaled_ms[n].sum()) for n, place in enumerate(usage.places) if place.edition
    }
    assert held == pytest.approx(plain.scaled_ms, rel=1e-6, abs=1.0)
