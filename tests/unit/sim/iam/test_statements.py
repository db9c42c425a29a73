from __future__ import annotations

import pytest

from bqsim.server.identity import Caller
from bqsim.sim.iam import PERMISSIONS, STATEMENT_NEEDS, Binding, Policy, authorize_statement

pytestmark = pytest.mark.fidelity("iam:permissions of statements", "exact")

ADA = Caller("ada@example.com")
T, U = "projects/p/datasets/d/tables/t", "projects/p/datasets/e/tables/u"


def policy(*bindings: tuple[str, str]) -> Policy:
    return Policy([Binding(role, ("user:ada@example.com",), resource) for role, resource in bindings])


def test_rows_name_known_permissions() -> None:
    assert {n.permission for row in STATEMENT_NEEDS.values() for n in row} <= PERMISSIONS


def test_tables_that_are_read() -> None:
    viewer = policy(("roles/bigquery.dataViewer", T))
    assert authorize_statement(viewer, ADA, "SELECT", reads=[T]) is None
    denied = authorize_statement(viewer, ADA, "SELECT", reads=[T, U])
    assert denied is not None
    assert denied.message == (
        "Access Denied: Table p:e.u: User does not have permission to query table p:e.u, "
        "or perhaps it does not exist."
    )
    denied = authorize_statement(viewer, ADA, "SELECT", reads=[U], location="US")
    assert denied is not None
    assert denied.message.endswith("or perhaps it does not exist in location US.")


@pytest.mark.parametrize(
    ("statement", "reads", "target", "permission"),
    [
        ("INSERT", [U], T, "bigquery.tables.updateData"),
        ("MERGE", [U], T, "bigquery.tables.updateData"),
        ("CREATE_TABLE", [], T, "bigquery.tables.create"),
        ("CREATE_TABLE_AS_SELECT", [U], T, "bigquery.tables.create"),
        ("DROP_TABLE", [], T, "bigquery.tables.delete"),
        ("ALTER_TABLE", [], T, "bigquery.tables.update"),
        ("CREATE_SCHEMA", [], "projects/p/datasets/new", "bigquery.datasets.create"),
        ("DROP_SCHEMA", [], "projects/p/datasets/d", "bigquery.datasets.delete"),
        ("CREATE_FUNCTION", [], "projects/p/datasets/d/routines/r", "bigquery.routines.create"),
        ("DROP_PROCEDURE", [], "projects/p/datasets/d/routines/r", "bigquery.routines.delete"),
        ("CREATE_ROW_ACCESS_POLICY", [], T, "bigquery.rowAccessPolicies.create"),
        ("GRANT", [], T, "bigquery.tables.setIamPolicy"),
        ("REVOKE", [], "projects/p/datasets/d", "bigquery.datasets.setIamPolicy"),
    ],
)
def test_statements_that_change_things(
    statement: str, reads: list[str], target: str, permission: str
) -> None:
    viewer = policy(("roles/bigquery.dataViewer", "projects/p"))
    denied = authorize_statement(viewer, ADA, statement, reads=reads, target=target)
    assert denied is not None
    assert denied.permission == permission
    admin = policy(("roles/bigquery.admin", "projects/p"))
    assert authorize_statement(admin, ADA, statement, reads=reads, target=target) is None


def test_new_tables_need_permission_on_the_dataset() -> None:
    denied = authorize_statement(Policy(), ADA, "CREATE_TABLE", target=T)
    assert denied is not None
    assert denied.message == (
        "Access Denied: Dataset p:d: Permission bigquery.tables.create denied on dataset p:d "
        "(or it may not exist)."
    )


def test_statements_without_a_row_need_nothing() -> None:
    assert authorize_statement(Policy(), ADA, "BEGIN_TRANSACTION") is None
    assert authorize_statement(Policy(), ADA, "GRANT", target="projects/p/jobs/j") is None
