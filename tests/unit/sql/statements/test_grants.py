from __future__ import annotations

import pytest

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.sql.privileges import privileges_of
from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity("statement:GRANT, statement:REVOKE", "exact")

VIEWER = "`roles/bigquery.dataViewer`"
D, T, V = DatasetRef("p", "d"), TableRef("p", "d", "t"), TableRef("p", "d", "v")


@pytest.fixture
def t(warehouse: Warehouse) -> Warehouse:
    warehouse.run("CREATE TABLE t AS SELECT 1 AS id")
    warehouse.run("CREATE VIEW v AS SELECT id FROM t")
    return warehouse


def grants(warehouse: Warehouse, ref: DatasetRef | TableRef) -> list[tuple[str, str, str]]:
    found = privileges_of(warehouse.catalog, ref)
    return [(p.object_type, p.privilege_type.rpartition(".")[2], p.grantee) for p in found]


def test_on_a_dataset(t: Warehouse) -> None:
    before = grants(t, D)
    result = t.run(f"GRANT {VIEWER} ON SCHEMA d TO 'user:a@b.cc', 'group:g@b.cc', 'specialGroup:allUsers'")
    assert (result.statement_type, result.dcl_target) == ("GRANT_ON_SCHEMA", D)
    t.run(
        f"GRANT {VIEWER}, `roles/bigquery.admin` ON SCHEMA p.d TO 'serviceAccount:A@b.cc', 'principal://x/Y'"
    )
    assert grants(t, D)[len(before) :] == [
        ("SCHEMA", "dataViewer", "user:a@b.cc"),
        ("SCHEMA", "dataViewer", "group:g@b.cc"),
        ("SCHEMA", "dataViewer", "specialGroup:allUsers"),
        ("SCHEMA", "dataViewer", "principal://x/Y"),
        ("SCHEMA", "admin", "user:A@b.cc"),
        ("SCHEMA", "admin", "principal://x/Y"),
    ]
    access = t.catalog.dataset(D).metadata["access"]
    assert {"role": "READER", "userByEmail": "a@b.cc"} in access
    assert {"role": "roles/bigquery.admin", "iamMember": "principal://x/Y"} in access
    t.run(f"REVOKE {VIEWER} ON SCHEMA d FROM 'user:A@B.cc', 'allUsers', 'group:g@b.cc', 'principal://x/Y'")
    t.run("REVOKE `roles/bigquery.admin` ON SCHEMA d FROM 'user:a@b.cc', 'principal://x/Y', 'user:none@b.cc'")
    assert grants(t, D) == before


def test_on_tables_and_views(t: Warehouse) -> None:
    result = t.run(f"GRANT {VIEWER}, `roles/bigquery.dataOwner` ON TABLE t TO 'user:a@b.cc', 'allUsers'")
    assert (result.statement_type, result.dcl_target) == ("GRANT_ON_TABLE", T)
    t.run(f"GRANT {VIEWER} ON TABLE p.d.t TO 'user:A@b.cc', 'domain:b.cc'")
    assert grants(t, T) == [
        ("TABLE", "dataViewer", "user:a@b.cc"),
        ("TABLE", "dataViewer", "allUsers"),
        ("TABLE", "dataViewer", "domain:b.cc"),
        ("TABLE", "dataOwner", "user:a@b.cc"),
        ("TABLE", "dataOwner", "allUsers"),
    ]
    t.run(f"REVOKE {VIEWER}, `roles/bigquery.dataOwner` ON TABLE t FROM 'user:A@B.cc', 'allUsers'")
    assert grants(t, T) == [("TABLE", "dataViewer", "domain:b.cc")]
    assert t.run(f"GRANT {VIEWER} ON VIEW v TO 'user:a@b.cc'").statement_type == "GRANT_ON_VIEW"
    assert grants(t, V) == [("VIEW", "dataViewer", "user:a@b.cc")]


def test_dry_runs_change_nothing(t: Warehouse) -> None:
    before = grants(t, D)
    for about in ("SCHEMA d", "TABLE t"):
        t.executor.dry_run(f"GRANT {VIEWER} ON {about} TO 'user:a@b.cc'", t.context(), t.session)
    assert (grants(t, D), grants(t, T)) == (before, [])


REFUSED: list[tuple[str, str]] = [
    ("GRANT `roles/bigquery.none` ON TABLE t TO 'user:a@b.cc'",
     "Role roles/bigquery.none does not exist in the resource's hierarchy."),
    ("GRANT SELECT ON TABLE t TO 'user:a@b.cc'", "Role SELECT does not exist in the resource's hierarchy."),
    ("GRANT ALL PRIVILEGES ON TABLE t TO 'user:a@b.cc'",
     "ALL PRIVILEGES in GRANT and REVOKE is not supported by bqsim"),
    (f"GRANT {VIEWER} ON TABLE t TO 'a@b.cc'", "Invalid grantee: a@b.cc"),
    (f"GRANT {VIEWER} ON TABLE t TO 'specialGroup:everybody'", "Invalid grantee: specialGroup:everybody"),
    (f"GRANT {VIEWER} ON TABLE v TO 'user:a@b.cc'",
     "p:d.v is not allowed for this operation because it is currently a VIEW."),
    (f"GRANT {VIEWER} ON VIEW t TO 'user:a@b.cc'",
     "p:d.t is not allowed for this operation because it is currently a TABLE."),
    (f"REVOKE {VIEWER} ON TABLE x FROM 'user:a@b.cc'", "Not found: Table p:d.x was not found in location US"),
    (f"REVOKE {VIEWER} ON SCHEMA x FROM 'user:a@b.cc'",
     "Not found: Dataset p:x was not found in location US"),
    (f"GRANT {VIEWER} ON PROJECT p TO 'user:a@b.cc'", "GRANT ON PROJECT is not supported by bqsim"),
    ("GRANT FINE_GRAINED_READ ON DATA_POLICY `p.us.x` TO 'user:a@b.cc'",
     "GRANT ON DATA_POLICY is not supported by bqsim"),
    ("CREATE DATA_POLICY `p.us.x` OPTIONS (a='b')", "CREATE DATA_POLICY is not supported by bqsim"),
    ("ALTER DATA_POLICY `p.us.x` SET OPTIONS (a='b')", "ALTER DATA_POLICY is not supported by bqsim"),
    ("DROP DATA_POLICY `p.us.x`", "DROP DATA_POLICY is not supported by bqsim"),
]  # fmt: skip


@pytest.mark.fidelity(
    "statement:GRANT, statement:REVOKE",
    "approximated",
    "On projects, routines and data policies they are refused by name, and ALL PRIVILEGES; some texts of "
    "errors are bqsim's own.",
)
@pytest.mark.parametrize(("sql", "text"), REFUSED)
def test_refused(t: Warehouse, sql: str, text: str) -> None:
    assert t.error(sql) == text
