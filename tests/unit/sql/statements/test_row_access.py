from __future__ import annotations

from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.sql.plan import StatementResult
from bqsim.sql.statements.row_access import (
    PolicyRef,
    check_policy_id,
    checked_grantees,
    granted_to_nobody,
)
from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity(
    "statement:CREATE ROW ACCESS POLICY, statement:DROP ROW ACCESS POLICY,"
    " statement:ALTER ROW ACCESS POLICY, statement:ALTER ALL ROW ACCESS POLICIES",
    "exact",
)

CREATE = "CREATE ROW ACCESS POLICY p ON t GRANT TO ('user:a@example.com') FILTER USING (id = 1)"


@pytest.fixture
def t(warehouse: Warehouse) -> Warehouse:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS id, 'US' AS zone, JSON '1' AS j")
    warehouse.run("CREATE TABLE u AS SELECT 1 AS id")
    warehouse.run("CREATE VIEW v AS SELECT id FROM t")
    return warehouse


def policies(warehouse: Warehouse) -> list[tuple[str, str, tuple[str, ...]]]:
    found = warehouse.table("t").row_access_policies
    return [(p.policy_id, p.filter_predicate, p.grantees) for p in found]


def operation(result: StatementResult) -> tuple[Any, ...]:
    policy = result.ddl_target_row_access_policy
    return result.statement_type, result.ddl_operation, policy and policy.policy


def test_create(t: Warehouse) -> None:
    assert operation(t.run(CREATE)) == ("CREATE_ROW_ACCESS_POLICY", "CREATE", "p")
    assert policies(t) == [("p", "id = 1", ("user:a@example.com",))]
    assert t.error(CREATE) == "Already Exists: Row access policy p on table p:d.t"
    skipped = t.run(CREATE.replace(" p ON", " IF NOT EXISTS P ON").replace("id = 1", "TRUE"))
    assert operation(skipped)[1] == "SKIP"
    assert policies(t) == [("p", "id = 1", ("user:a@example.com",))]
    before = t.table("t").row_access_policies[0]
    replaced = CREATE.replace("CREATE ", "CREATE OR REPLACE ").replace("id = 1", "zone = 'US'")
    assert operation(t.run(replaced))[1] == "REPLACE"
    assert policies(t) == [("p", "zone = 'US'", ("user:a@example.com",))]
    assert t.table("t").row_access_policies[0].created_ms == before.created_ms
    assert t.table("t").row_access_policies[0].etag != before.etag


def test_without_grantees_nobody_is_granted(t: Warehouse) -> None:
    t.run("CREATE ROW ACCESS POLICY p ON d.t FILTER USING (TRUE)")
    assert policies(t) == [("p", "TRUE", ())]
    assert t.rows("SELECT id FROM t") == []


def test_dry_runs_change_nothing(t: Warehouse) -> None:
    for sql in (CREATE, "DROP ALL ROW ACCESS POLICIES ON t"):
        t.executor.dry_run(sql, t.context(), t.session)
    assert policies(t) == []
    t.run(CREATE)
    for sql in (
        "DROP ALL ROW ACCESS POLICIES ON t",
        "ALTER ROW ACCESS POLICY p ON t RENAME TO q",
        "ALTER ALL ROW ACCESS POLICIES ON t REVOKE FROM ALL",
    ):
        t.executor.dry_run(sql, t.context(), t.session)
    assert policies(t) == [("p", "id = 1", ("user:a@example.com",))]


def test_drop(t: Warehouse) -> None:
    t.run(CREATE)
    t.run(CREATE.replace(" p ", " q "))
    assert t.error("DROP ROW ACCESS POLICY r ON t") == "Not found: Row access policy r on table p:d.t"
    assert operation(t.run("DROP ROW ACCESS POLICY IF EXISTS r ON t"))[1] == "SKIP"
    assert operation(t.run("DROP ROW ACCESS POLICY Q ON t")) == ("DROP_ROW_ACCESS_POLICY", "DROP", "Q")
    assert t.error("DROP ROW ACCESS POLICY p ON t") == (
        "Cannot drop the last row access policy on table p:d.t. Please use DROP ALL ROW ACCESS POLICIES"
        " instead."
    )
    result = t.run("DROP ALL ROW ACCESS POLICIES ON t")
    assert (result.statement_type, result.ddl_affected_row_access_policies) == (
        "DROP_ALL_ROW_ACCESS_POLICIES",
        1,
    )
    assert policies(t) == []
    assert t.run("DROP ALL ROW ACCESS POLICIES ON t").ddl_affected_row_access_policies == 0


def test_alter(t: Warehouse) -> None:
    t.run(CREATE)
    t.run(
        "ALTER ROW ACCESS POLICY p ON t RENAME TO q, GRANT TO ('domain:b.com', 'user:A@example.com'),"
        " FILTER USING (zone = 'EU')"
    )
    assert policies(t) == [("q", "zone = 'EU'", ("user:a@example.com", "domain:b.com"))]
    t.run(
        "ALTER ROW ACCESS POLICY q ON t REVOKE FROM ('USER:x@b.com', 'user:A@example.com')".replace(
            "USER", "user"
        )
    )
    assert policies(t)[0][2] == ("domain:b.com",)
    assert operation(t.run("ALTER ROW ACCESS POLICY IF EXISTS p ON t RENAME TO z"))[1] == "SKIP"
    assert (
        t.error("ALTER ROW ACCESS POLICY p ON t RENAME TO z")
        == "Not found: Row access policy p on table p:d.t"
    )
    t.run(CREATE)
    assert t.error("ALTER ROW ACCESS POLICY p ON t RENAME TO q").startswith(
        "Already Exists: Row access policy q"
    )
    result = t.run("ALTER ALL ROW ACCESS POLICIES ON t REVOKE FROM ALL")
    assert result.ddl_affected_row_access_policies == 2
    assert [p[2] for p in policies(t)] == [(), ()]


REFUSED: list[tuple[str, str]] = [
    (CREATE.replace("ON t", "ON v"),
     "p:d.v is not allowed for this operation because it is currently a VIEW."),
    (CREATE.replace("ON t", "ON nope"), "Not found: Table p:d.nope was not found in location US"),
    (CREATE.replace("user:a@example.com", "bob"), "Invalid grantee in row access policy: bob"),
    (CREATE.replace("user:a@example.com", "user:bob"), "Invalid grantee in row access policy: user:bob"),
    (CREATE.replace(" p ", " `a-b` "),
     'Invalid row access policy ID "a-b". Row access policy IDs must be alphanumeric (plus underscores) and'
     " must be at most 256 characters long."),
    (CREATE.replace("id = 1", "id"), "USING clause should return type BOOL, but returns INT64 at [1:79]"),
    (CREATE.replace("id = 1", "other = 1"), "Unrecognized name: other at [1:79]"),
    (CREATE.replace("id = 1", "JSON_VALUE(j) = '1'"),
     "Row access policies cannot be applied on column j of type JSON."),
    (CREATE.replace("id = 1", "id IN (SELECT id FROM t)"),
     "Row access policy on table p:d.t cannot reference table p:d.t, which has row access policies."),
    (CREATE.replace("id = 1", "id IN (SELECT id FROM v)"),
     "Subqueries of row access policies only support tables: p:d.v"),
    (CREATE.replace("id = 1", "EXISTS (SELECT 1 FROM d.INFORMATION_SCHEMA.TABLES)"),
     "Subqueries of row access policies only support tables: p:d.INFORMATION_SCHEMA.TABLES"),
    ("DROP ALL ROW ACCESS POLICIES ON nope", "Not found: Table p:d.nope was not found in location US"),
    ("DROP ALL ROW ACCESS POLICIES ON x.nope", "Not found: Dataset p:x was not found in location US"),
]  # fmt: skip


@pytest.mark.fidelity(
    "statement:CREATE ROW ACCESS POLICY, statement:DROP ROW ACCESS POLICY, statement:ALTER ROW ACCESS POLICY",
    "approximated",
    "Some texts of errors are bqsim's own.",
)
@pytest.mark.parametrize(("sql", "text"), REFUSED)
def test_refused(t: Warehouse, sql: str, text: str) -> None:
    assert t.error(sql) == text
    assert policies(t) == []


def test_a_lookup_with_policies_is_refused(t: Warehouse) -> None:
    t.run(CREATE)
    sql = CREATE.replace("ON t", "ON u").replace("id = 1", "id IN (SELECT id FROM t)")
    assert t.error(sql) == (
        "Row access policy on table p:d.u cannot reference table p:d.t, which has row access policies."
    )


def test_temporary_tables_have_none(t: Warehouse) -> None:
    error = t.script_error(f"CREATE TEMP TABLE tt AS SELECT 1 AS id; {CREATE.replace('ON t', 'ON tt')}")
    assert "Row access policies cannot be applied to temporary tables." in error


def test_names() -> None:
    check_policy_id("A_1" * 80)
    for bad in ("", "a b", "é", "x" * 257):
        with pytest.raises(BigQueryError):
            check_policy_id(bad)
    assert checked_grantees(["user:a@b.cc", "user:A@B.cc", "allUsers"]) == ("user:a@b.cc", "allUsers")


def test_references_as_the_api_has_them(t: Warehouse) -> None:
    ref = PolicyRef(t.table("t").ref, "p")
    assert ref.to_json() == {"projectId": "p", "datasetId": "d", "tableId": "t", "policyId": "p"}


def test_only_what_lacks_grantees_is_read_again() -> None:
    missing = BigQueryError("invalidQuery", "Missing TO <grantee_list> clause at [1:1]")
    sql = "create or replace row access policy p on t filter using (x)"
    assert granted_to_nobody(sql, missing) == (
        "create or replace row access policy p on t GRANT TO ('bqsim-nobody') filter using (x)"
    )
    assert granted_to_nobody(sql, BigQueryError("invalidQuery", "Syntax error")) is None
    assert granted_to_nobody("SELECT 1", missing) is None
