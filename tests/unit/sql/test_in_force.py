from __future__ import annotations

from bqsim.sim.scenario import capacity as c
from bqsim.sql.in_force import ORGANIZATION, InForce, assignments, commitments, reservations

CAPACITY = c.Capacity(
    {
        "etl": c.Reservation(100, 50, reservation_group="g"),
        "bi": c.Reservation(
            50, location="EU", admin_project="admin", max_slots=150, scaling_mode="ALL_SLOTS"
        ),
    },
    (c.Commitment(100), c.Commitment(50, "THREE_YEAR", location="EU", admin_project="admin")),
    (
        c.Assignment("etl", project="shop"),
        c.Assignment("bi", folder="sales", job_type="PIPELINE"),
        c.Assignment("bi", principal="ann@example.com"),
        c.Assignment("etl"),
        c.Assignment("none", project="free"),
    ),
    {"sales": ("s-*",)},
)
FOUND = InForce(CAPACITY, "home", "EU", 5, dict)


def test_reservations() -> None:
    etl, bi = (one.resource for one in reservations(FOUND))
    assert (etl.key, etl.slot_capacity, etl.autoscale_max_slots, etl.created_ms) == (
        "home:us.etl",
        100,
        50,
        5,
    )
    assert (etl.reservation_group, bi.reservation_group) == ("g", None)
    assert (bi.key, bi.max_slots, bi.scaling_mode) == ("admin:eu.bi", 150, "ALL_SLOTS")


def test_commitments() -> None:
    assert [(one.key, one.slot_count, one.plan) for e in commitments(FOUND) if (one := e.resource)] == [
        ("home:us.commitment-1", 100, "ANNUAL"),
        ("admin:eu.commitment-2", 50, "THREE_YEAR"),
    ]


def test_assignments() -> None:
    assert [
        (one.key, one.assignee, one.job_type, one.principal)
        for e in assignments(FOUND)
        if (one := e.resource)
    ] == [
        ("home:us.etl.assignment-1", "projects/shop", "QUERY", None),
        ("admin:eu.bi.assignment-2", "folders/sales", "PIPELINE", None),
        ("admin:eu.bi.assignment-3", ORGANIZATION, "QUERY", "ann@example.com"),
        ("home:us.etl.assignment-4", ORGANIZATION, "QUERY", None),
        ("home:eu.none.assignment-5", "projects/free", "QUERY", None),
    ]
