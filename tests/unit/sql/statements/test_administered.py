from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bqsim.catalog.administration import Described, Reservation
from bqsim.catalog.change import Change
from bqsim.sim.control.slots import capacity_of
from bqsim.sim.scenario import capacity as c
from bqsim.sql.in_force import InForce, named
from tests.unit.sql.warehouse import Warehouse, new_warehouse

FIRST = c.Capacity({"etl": c.Reservation(100)}, (c.Commitment(100),), (c.Assignment("etl", project="p"),))
ALTERED = "ALTER RESERVATION `p.region-us.etl` SET OPTIONS (slot_capacity = 200)"


class Shared:
    """A capacity that somebody else may change while a statement looks at it."""

    def __init__(self, w: Warehouse, capacity: c.Capacity = FIRST) -> None:
        self.capacity = capacity
        self.meanwhile: list[c.Capacity] = []
        w.executor.sources.capacity = self.found

    def found(self) -> InForce:
        return InForce(self.capacity, "p", "US", 5, dict, self.exchange, FIRST)

    def exchange(self, former: c.Capacity, capacity: c.Capacity) -> bool:
        if self.meanwhile:
            self.capacity = self.meanwhile.pop()
        if former is not self.capacity:
            return False
        self.capacity = capacity
        return True


@pytest.fixture
def w() -> Warehouse:
    return new_warehouse()


@pytest.fixture
def shared(w: Warehouse) -> Shared:
    return Shared(w)


def test_what_somebody_else_changed_meanwhile_stays(w: Warehouse, shared: Shared) -> None:
    shared.meanwhile = [replace(FIRST, slots_per_query=5.0)]
    w.run(ALTERED)
    assert shared.capacity.slots_per_query == 5.0
    assert shared.capacity.reservations["etl"].slot_capacity == 200
    assert [one.action for one in w.catalog.administration.changes("reservation")] == ["UPDATE"]


def test_what_cannot_be_kept_is_not_in_force(
    w: Warehouse, shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*given: Any, **more: Any) -> None:
        raise RuntimeError("the disk is full")

    monkeypatch.setattr(Change, "administer", failing)
    with pytest.raises(RuntimeError):
        w.run(ALTERED)
    assert shared.capacity is FIRST


def test_what_a_restart_needs_is_kept(w: Warehouse, shared: Shared) -> None:
    w.run(ALTERED)
    w.run("CREATE CAPACITY `p.region-us.c` OPTIONS (slot_count = 50, plan = 'THREE_YEAR')")
    (kept,) = w.catalog.administration.all(Described)
    assert capacity_of(kept.given) == FIRST
    assert capacity_of(kept.now) == shared.capacity
    assert [(one.name, one.slots) for one in shared.capacity.commitments] == [
        ("commitment-1", 100),
        ("c", 50),
    ]


def test_words_that_statements_do_not_have_stay(w: Warehouse) -> None:
    etl = c.Reservation(100, fluid_scaling=True, projects={"p": c.ProjectCap(10)}, location="US")
    shared = Shared(w, c.Capacity({"etl": etl}))
    w.run(ALTERED)
    assert shared.capacity.reservations["etl"] == replace(etl, slot_capacity=200)


def test_who_administers_is_named_as_in_the_capacity(w: Warehouse) -> None:
    shared = Shared(w, c.Capacity({"etl": c.Reservation(100, admin_project="p")}))
    w.run("CREATE RESERVATION `p.region-us.bi`")
    w.run("CREATE RESERVATION `q.region-us.other`")
    assert [one.admin_project for one in shared.capacity.reservations.values()] == ["p", "p", "q"]


def test_a_commitment_that_baselines_rest_on_stays(w: Warehouse) -> None:
    shared = Shared(w, c.Capacity({"etl": c.Reservation(130)}, (c.Commitment(150),)))
    assert w.error("DROP CAPACITY `p.region-us.commitment-1`").startswith(
        "Baseline slots can only be configured in multiples of 50, except when covered by excess commitments"
    )
    assert len(shared.capacity.commitments) == 1


def test_folders_principals_and_everybody(w: Warehouse, shared: Shared) -> None:
    shared.capacity = replace(FIRST, folders={"7": ("a-*",)})
    for name, options in {
        "f": "assignee = 'folders/7', job_type = 'QUERY'",
        "o": "assignee = 'organizations/9', job_type = 'QUERY'",
        "a": "assignee = 'projects/p', job_type = 'QUERY', principal = 'ann@example.com'",
    }.items():
        w.run(f"CREATE ASSIGNMENT `p.region-us.etl.{name}` OPTIONS ({options})")
    assert shared.capacity.assignments[1:] == (
        c.Assignment("etl", folder="7", name="f"),
        c.Assignment("etl", name="o"),
        c.Assignment("etl", project="p", principal="ann@example.com", name="a"),
    )
    sql = "SELECT assignment_id, assignee_id FROM `region-us`.INFORMATION_SCHEMA.ASSIGNMENTS ORDER BY 1"
    assert w.rows(sql) == [["a", "p"], ["assignment-1", "p"], ["f", "7"], ["o", "9"]]


def test_records_of_another_time_lend_nothing(w: Warehouse, shared: Shared) -> None:
    found = shared.found
    w.executor.sources.capacity = lambda: None
    w.run("CREATE RESERVATION `p.region-us.etl` OPTIONS (slot_capacity = 700, labels = [('a', 'b')])")
    w.executor.sources.capacity = found
    sql = "SELECT slot_capacity, ARRAY_LENGTH(labels) FROM `region-us`.INFORMATION_SCHEMA.RESERVATIONS"
    assert w.rows(sql) == [[100, 0]]
    w.executor.sources.capacity = lambda: None
    assert w.rows(sql) == [[700, 1]]
    assert [one.slot_capacity for one in w.catalog.administration.all(Reservation)] == [700]


def test_numbers_keep_clear_of_names() -> None:
    given = c.Capacity(
        {"r": c.Reservation()},
        assignments=(c.Assignment("r"), c.Assignment("r", "p", name="assignment-1"), c.Assignment("r", "q")),
    )
    names = [one.name for one in named(given).assignments]
    assert names == ["assignment-2", "assignment-1", "assignment-3"]
    assert named(named(given)) == named(given)
