from __future__ import annotations

import pytest

from bqsim.catalog.administration import Assignment, BiCapacity, Capacity, Reservation, Settings
from tests.unit.sql.warehouse import Warehouse, new_warehouse

pytestmark = [
    pytest.mark.fidelity(
        "statement:CREATE RESERVATION, statement:ALTER RESERVATION, statement:DROP RESERVATION,"
        " statement:CREATE ASSIGNMENT, statement:ALTER ASSIGNMENT, statement:DROP ASSIGNMENT",
        "exact",
        tests="test_a_reservation_and_*",
    ),
    pytest.mark.fidelity(
        "statement:CREATE CAPACITY, statement:ALTER CAPACITY, statement:DROP CAPACITY,"
        " statement:ALTER BI_CAPACITY",
        "exact",
        tests="test_commitments_and_*",
    ),
    pytest.mark.fidelity(
        "statement:ALTER PROJECT, statement:ALTER ORGANIZATION", "exact", tests="test_options_of_a_project_*"
    ),
    pytest.mark.fidelity(
        "statement:CREATE RESERVATION, statement:DROP RESERVATION, statement:CREATE ASSIGNMENT,"
        " statement:CREATE CAPACITY, statement:ALTER PROJECT",
        "approximated",
        "Some texts of errors are bqsim's own.",
        tests="test_refusals",
    ),
]

PROD = "CREATE RESERVATION `p.region-us.prod` OPTIONS (slot_capacity = 100)"
ASSIGNED = "CREATE ASSIGNMENT `p.region-us.prod.a` OPTIONS (assignee = 'projects/p', job_type = 'query')"


@pytest.fixture
def w() -> Warehouse:
    return new_warehouse()


def test_a_reservation_and_what_is_assigned(w: Warehouse) -> None:
    administration = w.catalog.administration
    assert (w.run(PROD).ddl_operation, w.run(ASSIGNED).ddl_operation) == ("CREATE", "CREATE")
    found = administration.find(Reservation, "p:us.prod")
    assert found is not None
    assert (found.slot_capacity, found.ignore_idle_slots, found.edition) == (100, False, None)
    assert [a.job_type for a in administration.all(Assignment)] == ["QUERY"]
    w.run("ALTER ASSIGNMENT `p.region-us.prod.a` SET OPTIONS (job_type = 'PIPELINE')")
    assert [a.job_type for a in administration.all(Assignment)] == ["PIPELINE"]
    w.run("ALTER RESERVATION `p.region-us.prod` SET OPTIONS (slot_capacity = NULL, edition = 'Enterprise')")
    found = administration.find(Reservation, "p:us.prod")
    assert found is not None
    assert (found.slot_capacity, found.edition) == (0, "ENTERPRISE")
    assert w.run("DROP ASSIGNMENT `p.region-us.prod.a`").statement_type == "DROP_ASSIGNMENT"
    assert w.run("DROP RESERVATION `p.region-us.prod`").ddl_operation == "DROP"
    assert administration.all(Reservation) == []
    assert [c.action for c in administration.changes("reservation")] == ["CREATE", "UPDATE", "DELETE"]


def test_commitments_and_bi_engine(w: Warehouse) -> None:
    w.run("CREATE CAPACITY `region-us.c` OPTIONS (slot_count = 100, plan = 'annual')")
    found = w.catalog.administration.find(Capacity, "p:us.c")
    assert found is not None
    assert found.end_ms is not None
    assert (found.plan, found.end_ms - found.created_ms) == ("ANNUAL", 365 * 86_400_000)
    w.run("ALTER CAPACITY `p.region-us.c` SET OPTIONS (plan = 'FLEX')")
    assert w.catalog.administration.all(Capacity)[0].end_ms is None
    w.run("ALTER BI_CAPACITY `p.region-us.default` SET OPTIONS (size_gb = 2, preferred_tables = ['p.d.t'])")
    assert w.catalog.administration.all(BiCapacity) == [BiCapacity("p", "us", 2 << 30, ("p.d.t",))]
    w.run("DROP CAPACITY `p.region-us.c`")
    assert w.catalog.administration.all(Capacity) == []


def test_options_of_a_project_and_of_the_organization(w: Warehouse) -> None:
    w.run("ALTER PROJECT p SET OPTIONS (`region-us.default_time_zone` = 'Asia/Tokyo')")
    w.run("ALTER PROJECT p SET OPTIONS (`region-us.default_query_job_timeout_ms` = 600000)")
    w.run("ALTER PROJECT p SET OPTIONS (`region-us.default_time_zone` = NULL)")
    w.run("ALTER ORGANIZATION SET OPTIONS (`region-us.query_runtime` = 'advanced')")
    assert w.catalog.administration.all(Settings) == [
        Settings("", "us", {"query_runtime": "advanced"}),
        Settings("p", "us", {"default_query_job_timeout_ms": 600000}),
    ]
    rows = w.rows(
        "SELECT option_name, option_set_level, option_value"
        " FROM `region-us`.INFORMATION_SCHEMA.EFFECTIVE_PROJECT_OPTIONS"
        " WHERE option_set_level != 'DEFAULT' ORDER BY 1"
    )
    assert rows == [
        ["default_query_job_timeout_ms", "PROJECT", "600000"],
        ["query_runtime", "ORGANIZATION", "advanced"],
    ]


def test_a_dry_run_changes_nothing(w: Warehouse) -> None:
    assert w.executor.dry_run(PROD, w.context(), w.session).ddl_operation == "CREATE"
    assert w.catalog.administration.all(Reservation) == []


def test_if_not_exists_and_if_exists(w: Warehouse) -> None:
    w.run(PROD)
    assert w.run(PROD.replace("RESERVATION", "RESERVATION IF NOT EXISTS")).ddl_operation == "SKIP"
    assert w.run("DROP RESERVATION IF EXISTS `p.region-us.other`").ddl_operation == "SKIP"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        (PROD, "Already Exists: Reservation p:US.prod"),
        (
            "DROP RESERVATION `p.region-us.prod`",
            "Reservation p:US.prod still has assignments and cannot be deleted",
        ),
        ("DROP RESERVATION `p.region-us.x`", "Not found: Reservation p:US.x"),
        (
            "DROP RESERVATION `p.region-eu.x`",
            "Not found: Reservation p:region-eu.x was not found in location US",
        ),
        (
            "CREATE RESERVATION x",
            "Invalid reservation name `x`. Expected the form `PROJECT.region-REGION.NAME`",
        ),
        (
            "CREATE RESERVATION `p.region-us.a_b`",
            'Invalid reservation name "a_b". Names must begin with a letter and hold letters, digits and'
            " dashes, at most 64",
        ),
        ("CREATE RESERVATION `p.region-us.x` OPTIONS (foo = 1)", "Unknown option: foo"),
        (
            "CREATE RESERVATION `p.region-us.x` OPTIONS (slot_capacity = 'a')",
            "Option slot_capacity value has type STRING which cannot be coerced to expected type INT64",
        ),
        (
            "CREATE RESERVATION `p.region-us.x` OPTIONS (autoscale_max_slots = 30)",
            "Option autoscale_max_slots must be a multiple of 50, but was 30",
        ),
        (
            "CREATE RESERVATION `p.region-us.x` OPTIONS (edition = 'STANDARD', slot_capacity = 100)",
            "A reservation of the STANDARD edition cannot have baseline slots",
        ),
        (
            "CREATE RESERVATION `p.region-us.x` OPTIONS (max_slots = 100)",
            "Options max_slots and scaling_mode must be set together",
        ),
        ("CREATE CAPACITY `p.region-us.x`", "Option slot_count is required in CREATE CAPACITY"),
        (
            "CREATE ASSIGNMENT `p.region-us.x.a` OPTIONS (assignee = 'projects/p', job_type = 'QUERY')",
            "Not found: Reservation p:US.x",
        ),
        (
            "CREATE ASSIGNMENT `p.region-us.prod.b` OPTIONS (assignee = 'p', job_type = 'QUERY')",
            "Invalid value for option assignee: p. Expected projects/PROJECT, folders/FOLDER or"
            " organizations/ORGANIZATION",
        ),
        (
            "CREATE ASSIGNMENT `p.region-us.prod.b` OPTIONS (assignee = 'projects/p', job_type = 'QUERY')",
            "Already Exists: Assignment of projects/p for job type QUERY: p:us.prod.a",
        ),
        (
            "CREATE OR REPLACE RESERVATION `p.region-us.prod`",
            "CREATE OR REPLACE RESERVATION is not supported",
        ),
        (
            "ALTER PROJECT p SET OPTIONS (default_time_zone = 'UTC')",
            "Option default_time_zone must be qualified with a region (e.g. `region-us.default_time_zone`)",
        ),
        ("ALTER PROJECT p SET OPTIONS (`region-us.x` = 1)", "Unknown option: x"),
        (
            "ALTER PROJECT p SET OPTIONS (`region-us.default_time_zone` = 'Nowhere')",
            "Invalid time zone: Nowhere",
        ),
        (
            "ALTER PROJECT p SET OPTIONS (`region-us.query_runtime` = 'fast')",
            "Invalid value for option query_runtime: fast. Expected one of: basic, advanced",
        ),
    ],
)
def test_refusals(w: Warehouse, sql: str, message: str) -> None:
    w.run(PROD)
    w.run(ASSIGNED)
    assert w.error(sql) == message
