"""The worked examples of Google's pages about slots, autoscaling, reservations and query queues, exactly.

Pages: "Understand slots", "Understand reservations", "Use query queues", and the reference of the
Reservation API (``Reservation.scalingMode``).
"""

from __future__ import annotations

import numpy as np
import pytest

from bqsim.sim.scenario.capacity import Assignment, Capacity, Commitment, OnDemand, Reservation
from bqsim.sim.slots.jobs import Jobs, Source
from bqsim.sim.slots.world import World

pytestmark = pytest.mark.fidelity("capacity:worked examples", "exact")
SECOND, MINUTE = 1_000.0, 60_000.0
# Work that takes long whatever the slots.
LONG = 1e12


def assigned(**projects: str) -> tuple[Assignment, ...]:
    return tuple(Assignment(name, project=project) for project, name in projects.items())


class Lab:
    """A world with jobs submitted by project."""

    def __init__(self, capacity: Capacity) -> None:
        self.world = World(capacity, follow=True)

    def submit(
        self, project: str, slots: float, work: float = LONG, count: int = 1, **columns: object
    ) -> list[int]:
        source = self.world.source(Source(project))
        jobs = Jobs.of(
            count,
            at_ms=self.world.now_ms,
            source=source,
            width=slots,
            slot_ms=work,
            limit_ms=np.inf,
            **columns,
        )
        rows = self.world.submit(jobs).tolist()
        self.world.run(self.world.now_ms)
        return rows

    def of(self, rows: list[int]) -> float:
        slots = self.world.slots()
        return sum(slots.get(row, 0.0) for row in rows)

    def place(self, name: str):
        return next(one for one in self.world.places() if one.name == name)

    def at(self, ms: float) -> None:
        self.world.run(ms)


# Slots and units of work


def test_units_of_work_queue_and_are_picked_up_as_slots_become_free() -> None:
    lab = Lab(Capacity(reservations={"r": Reservation(slot_capacity=1_000)}, assignments=assigned(p="r")))
    # 2,000 units of a second each.
    lab.submit("p", 2_000, work=2_000 * SECOND)
    done = []
    for ms in (0.0, 100.0, 600.0):
        lab.at(ms)
        usage = lab.world.usage()
        units = float(usage.used_ms.sum()) / SECOND
        done.append((units, min(2_000 - units, lab.place("r").used), max(0.0, 2_000 - units - 1_000)))
    # Done, picked up, queued: 100 slots finish, then 500 more.
    assert done == [(0.0, 1_000.0, 1_000.0), (100.0, 1_000.0, 900.0), (600.0, 1_000.0, 400.0)]


# Fair scheduling


def two_projects() -> Capacity:
    return Capacity(reservations={"a": Reservation(slot_capacity=1_000)}, assignments=assigned(a="a", b="a"))


def test_projects_share_evenly_however_many_queries_each_runs() -> None:
    lab = Lab(two_projects())
    a, b = lab.submit("a", 2_000), lab.submit("b", 2_000, count=20)
    assert (lab.of(a), lab.of(b)) == (500.0, 500.0)
    assert {lab.of([row]) for row in b} == {25.0}


def test_what_a_project_does_not_need_goes_to_the_other() -> None:
    lab = Lab(two_projects())
    a, b = lab.submit("a", 100), lab.submit("b", 2_000, count=20)
    assert (lab.of(a), lab.of(b)) == (100.0, 900.0)
    assert {lab.of([row]) for row in b} == {45.0}


def test_ten_busy_projects_have_a_tenth_each() -> None:
    projects = {f"p{n}": "b" for n in range(10)}
    lab = Lab(
        Capacity(reservations={"b": Reservation(slot_capacity=1_000)}, assignments=assigned(**projects))
    )
    rows = [lab.submit(project, 2_000, count=n + 1) for n, project in enumerate(projects)]
    assert [lab.of(one) for one in rows] == pytest.approx([100.0] * 10)


# Idle slots


def test_idle_slots_are_lent_and_taken_back_at_once() -> None:
    lab = Lab(
        Capacity(
            reservations={"a": Reservation(slot_capacity=500), "b": Reservation(slot_capacity=100)},
            assignments=assigned(project_a="a", project_b="b"),
        )
    )
    query_b = lab.submit("project_b", 600)
    assert lab.of(query_b) == 600.0
    query_a = lab.submit("project_a", 500)
    assert (lab.of(query_a), lab.of(query_b)) == (500.0, 100.0)
    more = lab.submit("project_b", 600)
    assert (lab.of(query_b), lab.of(more)) == (50.0, 50.0)


def test_a_query_without_slots_of_its_own_is_paused_until_there_are_idle_ones() -> None:
    lab = Lab(
        Capacity(
            reservations={"a": Reservation(slot_capacity=500), "b": Reservation()},
            assignments=assigned(project_a="a", project_b="b"),
        )
    )
    query_b = lab.submit("project_b", 600, work=1_000 * SECOND)
    assert lab.of(query_b) == 500.0
    lab.at(SECOND)
    query_a = lab.submit("project_a", 500, work=500 * 10 * SECOND)
    assert (lab.of(query_a), lab.of(query_b)) == (500.0, 0.0)
    lab.at(11 * SECOND)
    assert lab.of(query_b) == 500.0
    lab.at(12 * SECOND)
    ended = lab.world.outcomes()
    assert ended.end_ms.tolist() == [11 * SECOND, 12 * SECOND]


def test_a_reservation_that_ignores_idle_slots_lends_its_own_all_the_same() -> None:
    capacity = Capacity(
        reservations={
            "a": Reservation(slot_capacity=500, ignore_idle_slots=True),
            "b": Reservation(slot_capacity=100),
        },
        assignments=assigned(project_a="a", project_b="b"),
    )
    lab = Lab(capacity)
    assert lab.of(lab.submit("project_b", 600)) == 600.0
    lab = Lab(capacity)
    assert lab.of(lab.submit("project_a", 600)) == 500.0


@pytest.mark.parametrize(
    "one", [{"edition": "ENTERPRISE_PLUS"}, {"location": "EU"}, {"admin_project": "other"}], ids=str
)
def test_idle_slots_stay_within_edition_region_and_administration_project(one: dict[str, str]) -> None:
    lab = Lab(
        Capacity(
            reservations={"a": Reservation(slot_capacity=500, **one), "b": Reservation(slot_capacity=100)},
            assignments=assigned(project_a="a", project_b="b"),
        )
    )
    assert lab.of(lab.submit("project_b", 600)) == 100.0


def test_autoscaled_slots_are_not_lent() -> None:
    lab = Lab(
        Capacity(
            reservations={
                "a": Reservation(autoscale_max_slots=500, ignore_idle_slots=True),
                "b": Reservation(slot_capacity=100),
            },
            assignments=assigned(project_a="a", project_b="b"),
        )
    )
    lab.submit("project_a", 500, work=500 * SECOND)
    lab.at(2 * SECOND)
    assert lab.place("a").scaled == 500.0
    assert lab.of(lab.submit("project_b", 600)) == 100.0


def three_reservations(fairness: str, group: str = "") -> Capacity:
    return Capacity(
        reservations={
            "one": Reservation(reservation_group=group),
            "two": Reservation(reservation_group=group),
            "three": Reservation(),
        },
        commitments=(Commitment(1_200),),
        assignments=assigned(p1="one", p2="two", p3="three", p4="three"),
        fairness=fairness,
    )


def test_reservations_share_idle_slots_evenly() -> None:
    lab = Lab(three_reservations("reservation"))
    for project in ("p1", "p2", "p3", "p4"):
        lab.submit(project, 2_000)
    assert [lab.place(name).borrowed for name in ("one", "two", "three")] == [400.0, 400.0, 400.0]


def test_by_projects_idle_slots_are_shared_evenly_by_projects() -> None:
    lab = Lab(three_reservations("project"))
    for project in ("p1", "p2", "p3", "p4"):
        lab.submit(project, 2_000)
    assert [lab.place(name).borrowed for name in ("one", "two", "three")] == [300.0, 300.0, 600.0]


def test_a_reservation_group_counts_as_one() -> None:
    lab = Lab(three_reservations("reservation", "group"))
    for project in ("p1", "p2", "p3"):
        lab.submit(project, 2_000)
    assert [lab.place(name).borrowed for name in ("one", "two", "three")] == [300.0, 300.0, 600.0]


def test_a_group_has_its_own_idle_slots_first() -> None:
    capacity = Capacity(
        reservations={
            "lender": Reservation(slot_capacity=400, reservation_group="g"),
            "mate": Reservation(reservation_group="g"),
            "stranger": Reservation(),
        },
        assignments=assigned(p1="mate", p2="stranger"),
        fairness="reservation",
    )
    lab = Lab(capacity)
    lab.submit("p2", 1_000)
    assert lab.place("stranger").borrowed == 400.0
    lab.submit("p1", 300)
    assert (lab.place("mate").borrowed, lab.place("stranger").borrowed) == (300.0, 100.0)


# Autoscaling


def scaling(**settings: object) -> Lab:
    one = Reservation(**{"autoscale_max_slots": 1_000, **settings})
    return Lab(Capacity(reservations={"r": one}, assignments=assigned(p="r")))


def test_slots_scale_by_fifty_and_at_once() -> None:
    lab = scaling()
    lab.submit("p", 401)
    assert lab.place("r").scaled == 450.0
    lab.submit("p", 1)
    assert lab.place("r").scaled == 450.0
    lab.submit("p", 1_000)
    assert lab.place("r").scaled == 1_000.0


def test_a_workload_that_needs_450_more_slots_has_them_in_one_step() -> None:
    lab = scaling(slot_capacity=100)
    lab.submit("p", 100)
    assert lab.place("r").scaled == 0.0
    lab.submit("p", 450)
    assert lab.place("r").scaled == 450.0


def test_the_window_of_a_minute_as_it_is_told_by_the_second() -> None:
    """12:00:00: 100 slots for a second, then 50; from 12:01:01 on 50 slots, from 12:01:02 on none."""
    lab = scaling()
    lab.submit("p", 100, work=100 * SECOND)
    seen = {0: lab.place("r").scaled}
    lab.at(SECOND)
    lab.submit("p", 50, work=50 * 61 * SECOND)
    for second in (30, 59, 61, 62, 63):
        lab.at(second * SECOND)
        seen[second] = lab.place("r").scaled
    assert seen == {0: 100.0, 30: 100.0, 59: 100.0, 61: 50.0, 62: 0.0, 63: 0.0}
    # What is charged: 100 slots for a minute, 50 for two seconds.
    assert float(lab.world.usage().scaled_ms.sum()) == pytest.approx(100 * MINUTE + 50 * 2 * SECOND)


def test_a_new_peak_begins_a_new_window() -> None:
    lab = scaling()
    lab.submit("p", 100, work=100 * 40 * SECOND)
    lab.at(30 * SECOND)
    lab.submit("p", 100, work=100 * SECOND)
    assert lab.place("r").scaled == 200.0
    for second, slots in ((60, 200.0), (89, 200.0), (90, 0.0)):
        lab.at(second * SECOND)
        assert lab.place("r").scaled == slots, second


def test_drops_after_the_window_follow_each_other_at_once() -> None:
    lab = scaling()
    for n, seconds in enumerate((70, 80, 90, 10)):
        lab.submit("p", 50 * (n + 1), work=50 * (n + 1) * seconds * SECOND)
    seen = []
    for second in (59, 60, 70, 80, 90):
        lab.at(second * SECOND)
        seen.append(lab.place("r").scaled)
    assert seen == [500.0, 300.0, 250.0, 150.0, 0.0]


def test_fluid_scaling_keeps_slots_for_a_second_and_still_scales_by_fifty() -> None:
    lab = scaling(fluid_scaling=True)
    lab.submit("p", 70, work=70 * 200.0)
    assert lab.place("r").scaled == 100.0
    lab.at(999.0)
    assert lab.place("r").scaled == 100.0
    lab.at(SECOND)
    assert lab.place("r").scaled == 0.0
    assert float(lab.world.usage().scaled_ms.sum()) == 100 * SECOND


def test_slots_are_charged_although_the_job_fails() -> None:
    lab = scaling()
    lab.submit("p", 100, work=100 * SECOND, fails_at=0.5)
    lab.at(2 * MINUTE)
    assert float(lab.world.usage().scaled_ms.sum()) == 100 * MINUTE


# Baseline, idle and autoscaled slots together


def etl_and_dashboard(**both: object) -> Lab:
    return Lab(
        Capacity(
            reservations={
                "etl": Reservation(slot_capacity=700, autoscale_max_slots=600, **both),
                "dashboard": Reservation(slot_capacity=300, autoscale_max_slots=800, **both),
            },
            assignments=assigned(etl="etl", dashboard="dashboard"),
        )
    )


@pytest.mark.parametrize(
    ("project", "alone", "most"), [("etl", 1_300.0, 1_600.0), ("dashboard", 1_100.0, 1_800.0)]
)
def test_the_most_slots_of_a_reservation(project: str, alone: float, most: float) -> None:
    lab = etl_and_dashboard(ignore_idle_slots=True)
    assert lab.of(lab.submit(project, 5_000)) == alone
    lab = etl_and_dashboard()
    rows = lab.submit(project, 5_000)
    assert lab.of(rows) == most
    other = "dashboard" if project == "etl" else "etl"
    lab.submit(other, 5_000)
    assert lab.of(rows) == alone


def test_slots_are_taken_from_the_baseline_then_idle_then_scaled_ones() -> None:
    lab = etl_and_dashboard()
    seen = []
    for more in (700, 300, 600, 100):
        lab.submit("etl", more)
        now = lab.place("etl")
        seen.append((now.used, now.borrowed, now.scaled))
    assert seen == [
        (700.0, 0.0, 0.0),
        (1_000.0, 300.0, 0.0),
        (1_600.0, 300.0, 600.0),
        (1_600.0, 300.0, 600.0),
    ]


def test_committed_slots_beyond_the_baseline_are_idle_slots() -> None:
    capacity = Capacity(
        reservations={"etl": Reservation(slot_capacity=1_000, autoscale_max_slots=500)},
        commitments=(Commitment(1_600),),
        assignments=assigned(etl="etl"),
    )
    lab = Lab(capacity)
    assert lab.of(lab.submit("etl", 5_000)) == 2_100.0
    now = lab.place("etl")
    assert (now.borrowed, now.scaled) == (600.0, 500.0)


@pytest.mark.parametrize(
    ("mode", "idle", "slots", "borrowed", "scaled"),
    [
        ("AUTOSCALE_ONLY", 800, 1_000.0, 0.0, 800.0),
        ("IDLE_SLOTS_ONLY", 800, 1_000.0, 800.0, 0.0),
        ("IDLE_SLOTS_ONLY", 500, 700.0, 500.0, 0.0),
        ("ALL_SLOTS", 800, 1_000.0, 800.0, 0.0),
        ("ALL_SLOTS", 500, 1_000.0, 500.0, 300.0),
        ("ALL_SLOTS", 0, 1_000.0, 0.0, 800.0),
    ],
)
def test_scaling_modes(mode: str, idle: int, slots: float, borrowed: float, scaled: float) -> None:
    one = Reservation(
        slot_capacity=200, max_slots=1_000, scaling_mode=mode, ignore_idle_slots=mode == "AUTOSCALE_ONLY"
    )
    lab = Lab(
        Capacity(
            reservations={"r": one, "other": Reservation(slot_capacity=idle)},
            assignments=assigned(p="r"),
            fairness="reservation",
        )
    )
    assert lab.of(lab.submit("p", 5_000)) == slots
    now = lab.place("r")
    assert (now.borrowed, now.scaled) == (borrowed, scaled)


# On demand


def test_a_project_on_demand_has_2000_slots_and_the_organization_20000() -> None:
    lab = Lab(Capacity())
    first = lab.submit("p0", 5_000)
    assert lab.of(first) == 2_000.0
    for n in range(1, 20):
        lab.submit(f"p{n}", 5_000)
    assert lab.of(first) == 1_000.0
    assert sum(lab.world.slots().values()) == 20_000.0


def test_a_burst_on_demand_is_over_after_a_while() -> None:
    lab = Lab(Capacity(on_demand=OnDemand(burst_slots=500, burst_s=10, burst_every_s=60)))
    rows = lab.submit("p", 5_000)
    seen = []
    for second in (0, 9, 10, 69, 70, 80):
        lab.at(second * SECOND)
        seen.append(lab.of(rows))
    assert seen == [2_500.0, 2_500.0, 2_000.0, 2_000.0, 2_500.0, 2_000.0]


# Query queues


def queueing(**settings: object) -> Lab:
    return Lab(
        Capacity(
            reservations={"r": Reservation(slot_capacity=1_000, target_job_concurrency=5)},
            assignments=assigned(a="r", b="r"),
            **settings,
        )
    )


def test_the_project_with_the_smallest_share_of_concurrency_comes_first() -> None:
    lab = queueing()
    running = lab.submit("a", 10, count=4)
    lab.submit("b", 10)
    queued_a, queued_b = lab.submit("a", 10), lab.submit("b", 10)
    lab.world.started()
    assert lab.world.cancel(running[0])
    # A ran four and B one; now three and one, and B's began although it was submitted later.
    assert [row for row, _ in lab.world.started()] == queued_b
    assert lab.place("r").queued == 1
    lab.world.cancel(running[1])
    lab.world.cancel(running[2])
    assert [row for row, _ in lab.world.started()] == queued_a


def test_batch_queries_yield_when_they_are_at_their_most() -> None:
    lab = queueing(batch_share=0.4)
    first = lab.submit("a", 10, count=2, batch=1)
    waiting = lab.submit("a", 10, batch=1)
    assert lab.place("r").queued == 1
    interactive = lab.submit("a", 10, count=3)
    assert {row for row, _ in lab.world.started()} == {*first, *interactive}
    later = lab.submit("a", 10)
    lab.world.cancel(interactive[0])
    assert [row for row, _ in lab.world.started()] == later
    lab.world.cancel(first[0])
    assert [row for row, _ in lab.world.started()] == waiting


def test_on_demand_concurrency_is_about_what_the_documentation_shows() -> None:
    """The page's example of an on-demand project computes 202."""
    lab = Lab(Capacity())
    lab.submit("p", 10, count=300)
    assert lab.place("p").running == 200
