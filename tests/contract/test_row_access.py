"""Row access policies and grants, seen through Google's clients by several callers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from google.api_core import exceptions
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types

import bqsim
from tests.contract.test_iam import Who
from tests.storage import Clients

pytestmark = [
    pytest.mark.fidelity(
        "rest:bigquery.rowAccessPolicies.insert, rest:bigquery.rowAccessPolicies.get,"
        " rest:bigquery.rowAccessPolicies.list, rest:bigquery.rowAccessPolicies.update,"
        " rest:bigquery.rowAccessPolicies.delete, rest:bigquery.rowAccessPolicies.batchDelete,"
        " rest:bigquery.rowAccessPolicies.getIamPolicy, rest:bigquery.rowAccessPolicies.testIamPermissions",
        "exact",
        tests="test_policies_by_rest",
    ),
    pytest.mark.fidelity(
        "rest:bigquery.rowAccessPolicies.insert, rest:bigquery.rowAccessPolicies.get,"
        " rest:bigquery.rowAccessPolicies.update, rest:bigquery.rowAccessPolicies.delete,"
        " rest:bigquery.rowAccessPolicies.batchDelete",
        "approximated",
        "Some texts of errors are bqsim's own.",
        tests="test_policies_by_rest_refused",
    ),
    pytest.mark.fidelity("statement:GRANT, statement:REVOKE", "exact", tests="test_grants_*"),
]

People = Callable[[str], Who]

P = "bqsim-project"
T = f"projects/{P}/datasets/d/tables/t"
POLICIES = f"/projects/{P}/datasets/d/tables/t/rowAccessPolicies"
SETUP = """\
CREATE SCHEMA d;
CREATE TABLE d.t AS SELECT n, IF(n < 3, 'us', 'eu') AS zone FROM UNNEST(GENERATE_ARRAY(1, 10)) AS n;
CREATE ROW ACCESS POLICY everything ON d.t GRANT TO ('user:owner@example.com') FILTER USING (TRUE);
CREATE ROW ACCESS POLICY us ON d.t GRANT TO ('user:eve@example.com') FILTER USING (zone = 'us');
"""
FULL = "User does not have full access for table bqsim-project:d.t due to row access policies."


@pytest.fixture(scope="module")
def people() -> Iterator[People]:
    with bqsim.start() as simulator:
        storage = Clients(simulator.grpc_target)
        known: dict[str, Who] = {}

        def person(name: str) -> Who:
            if name not in known:
                known[name] = Who(simulator, storage, f"user:{name}@example.com")
            return known[name]

        yield person
        for who in known.values():
            who.rest.close()
        storage.close()


@pytest.fixture
def callers(people: People) -> Iterator[People]:
    people("owner").rest.query_and_wait(SETUP)
    yield people
    people("owner").rest.delete_dataset("d", delete_contents=True, not_found_ok=True)


def call(who: Who, method: str, path: str, body: Any = None, **query: Any) -> Any:
    return who.rest._connection.api_request(method, path, data=body, query_params=query)


def test_rows_of_each_caller(callers: People) -> None:
    sql = "SELECT COUNT(*) FROM d.t"
    for _ in range(3):
        # In turns: what is kept of one caller's query is not another's.
        assert callers("owner").rows(sql) == [(10,)]
        assert callers("eve").rows(sql) == [(2,)]
        assert callers("mallory").rows(sql) == [(0,)]
    assert Who.rows(callers("eve"), "SELECT n FROM d.t ORDER BY n DESC LIMIT 1") == [(2,)]


def test_jobs_hide_their_figures(callers: People) -> None:
    for name in ("owner", "eve"):
        job = callers(name).rest.query("SELECT * FROM d.t")
        job.result()
        assert (job.total_bytes_processed, job.total_bytes_billed) == (0, 0)
        assert not job.cache_hit
        statistics = job._properties["statistics"]
        assert statistics["rowLevelSecurityStatistics"] == {"rowLevelSecurityApplied": True}
        assert "queryPlan" not in statistics["query"]
        known = list(
            callers("owner").rest.query_and_wait(
                "SELECT total_bytes_processed, total_bytes_billed, job_stages"
                f" FROM `region-us`.INFORMATION_SCHEMA.JOBS WHERE job_id = '{job.job_id}'"
            )
        )
        assert [tuple(row.values()) for row in known] == [(None, None, [])]
    config = bigquery.QueryJobConfig(dry_run=True)
    assert callers("eve").rest.query("SELECT * FROM d.t", config).total_bytes_processed == 0


def test_exports_hold_the_rows_that_their_caller_sees(callers: People) -> None:
    sql = "EXPORT DATA OPTIONS (uri='gs://exports/{}-*', format='CSV', overwrite=true) AS SELECT n FROM d.t"
    for name, rows in (("owner", 10), ("eve", 2), ("mallory", 0)):
        job = callers(name).rest.query(sql.format(name))
        job.result()
        statistics = job._properties["statistics"]["query"]["exportDataStatistics"]
        assert statistics["rowCount"] == str(rows), name


def test_results_are_read_by_their_caller_only(callers: People) -> None:
    job = callers("owner").rest.query("SELECT n FROM d.t")
    assert job.result().total_rows == 10
    eve = callers("eve")
    with pytest.raises(exceptions.Forbidden):
        call(eve, "GET", f"/projects/{P}/queries/{job.job_id}")
    ref = job.destination
    with pytest.raises(exceptions.Forbidden):
        call(eve, "GET", f"/projects/{P}/datasets/{ref.dataset_id}/tables/{ref.table_id}/data")
    with pytest.raises(exceptions.PermissionDenied):
        eve.session(f"projects/{P}/datasets/{ref.dataset_id}/tables/{ref.table_id}")
    sql = f"SELECT COUNT(*) FROM `{P}.{ref.dataset_id}.{ref.table_id}`"
    assert (eve.rows(sql), callers("owner").rows(sql)) == ([(0,)], [(10,)])


def test_results_of_a_destination(callers: People) -> None:
    """The answer of a query that appends to a protected table is that table's rows."""
    eve = callers("eve")
    config = bigquery.QueryJobConfig(destination=f"{P}.d.t", write_disposition="WRITE_APPEND")
    job = eve.rest.query("SELECT 11 AS n, 'us' AS zone", config)
    with pytest.raises(exceptions.Forbidden, match="full access"):
        job.result()
    config = bigquery.QueryJobConfig(destination=f"{P}.d.mine")
    assert eve.rest.query("SELECT * FROM d.t", config).result().total_rows == 3
    config = bigquery.QueryJobConfig(destination=f"{P}.d.t", write_disposition="WRITE_TRUNCATE")
    callers("owner").rest.query("SELECT 11 AS n, 'us' AS zone", config).result()
    assert callers("mallory").rows("SELECT n FROM d.t") == [(11,)]


def test_jobs_over_a_table_need_full_access(callers: People) -> None:
    eve, owner = callers("eve"), callers("owner")
    with pytest.raises(exceptions.Forbidden, match=FULL):
        call(eve, "GET", f"/{T}/data")
    assert len(list(owner.rest.list_rows("d.t"))) == 10
    for operation in ("COPY", "CLONE", "SNAPSHOT"):
        config = bigquery.CopyJobConfig()
        config.operation_type = operation
        with pytest.raises(exceptions.Forbidden, match=FULL):
            eve.rest.copy_table(f"{P}.d.t", f"{P}.d.c_{operation}", job_config=config).result()
        owner.rest.copy_table(f"{P}.d.t", f"{P}.d.c_{operation}", job_config=config).result()
        assert eve.rows(f"SELECT COUNT(*) FROM d.c_{operation}") == [(2,)]
    with pytest.raises(exceptions.Forbidden, match=FULL):
        eve.rest.copy_table(f"{P}.d.t@-1", f"{P}.d.past").result()
    for sql in ("INSERT d.t VALUES (1, 'us')", "DELETE d.t WHERE TRUE", "TRUNCATE TABLE d.t"):
        with pytest.raises(exceptions.Forbidden, match=FULL):
            eve.rows(sql)


def test_copies_onto_protected_tables(callers: People) -> None:
    owner = callers("owner")
    owner.rows("CREATE TABLE d.open AS SELECT 20 AS n, 'as' AS zone")
    append = bigquery.CopyJobConfig(write_disposition="WRITE_APPEND")
    owner.rest.copy_table(f"{P}.d.open", f"{P}.d.t", job_config=append).result()
    assert callers("eve").rows("SELECT COUNT(*) FROM d.t") == [(2,)]
    owner.rest.copy_table(f"{P}.d.t", f"{P}.d.open", job_config=append).result()
    assert callers("eve").rows("SELECT COUNT(*) FROM d.open") == [(2,)]
    with pytest.raises(exceptions.BadRequest, match="Row access policy everything is defined by more than"):
        owner.rest.copy_table(f"{P}.d.t", f"{P}.d.open", job_config=append).result()
    owner.rows("CREATE TABLE d.other AS SELECT 30 AS n, 'as' AS zone")
    truncate = bigquery.CopyJobConfig(write_disposition="WRITE_TRUNCATE")
    owner.rest.copy_table(f"{P}.d.other", f"{P}.d.t", job_config=truncate).result()
    assert callers("mallory").rows("SELECT n FROM d.t") == [(30,)]


def test_read_sessions(callers: People) -> None:
    owner, eve, mallory = callers("owner"), callers("eve"), callers("mallory")
    session = eve.session()
    assert session.estimated_row_count == 0
    assert (eve.read(session), owner.read(owner.session())) == (2, 10)
    assert mallory.read(mallory.session()) == 0
    with pytest.raises(exceptions.PermissionDenied):
        mallory.read(session)
    options = types.ReadSession.TableReadOptions(row_restriction="10 / (n - 5) < 0")
    restricted = eve.storage.read.create_read_session(
        parent=f"projects/{P}",
        read_session=types.ReadSession(table=T, data_format="ARROW", read_options=options),
        metadata=eve.metadata,
        retry=None,
    )
    assert eve.read(restricted) == 2
    owner.rows("CREATE TABLE d.zones AS SELECT 'eu' AS zone")
    owner.rows(
        "CREATE ROW ACCESS POLICY by_zone ON d.t GRANT TO ('user:mallory@example.com')"
        " FILTER USING (zone IN (SELECT zone FROM d.zones))"
    )
    assert mallory.rows("SELECT COUNT(*) FROM d.t") == [(8,)]
    with pytest.raises(exceptions.InvalidArgument, match="Row access policies with subqueries"):
        mallory.session()


def test_policies_by_rest(callers: People) -> None:
    owner = callers("owner")
    reference = {"projectId": P, "datasetId": "d", "tableId": "t", "policyId": "eu"}
    body = {
        "rowAccessPolicyReference": reference,
        "filterPredicate": "zone = 'eu' -- Europe",
        "grantees": ["user:mallory@example.com", "domain:partner.com"],
    }
    made = call(owner, "POST", POLICIES, body)
    assert made["rowAccessPolicyReference"] == reference
    assert made["filterPredicate"] == "zone = 'eu' -- Europe"
    assert "grantees" not in made
    assert made["creationTime"].endswith("Z")
    assert callers("mallory").rows("SELECT COUNT(*) FROM d.t") == [(8,)]
    assert call(owner, "GET", f"{POLICIES}/eu") == made
    members = call(owner, "POST", f"{POLICIES}/eu:getIamPolicy", {})["bindings"]
    assert members == [{"role": "roles/bigquery.filteredDataViewer", "members": body["grantees"]}]
    asked = {"permissions": ["bigquery.rowAccessPolicies.get"]}
    assert call(owner, "POST", f"{POLICIES}/eu:testIamPermissions", asked) == asked
    first = call(owner, "GET", POLICIES, pageSize=2)
    second = call(owner, "GET", POLICIES, pageSize=2, pageToken=first["nextPageToken"])
    names = [p["rowAccessPolicyReference"]["policyId"] for p in first["rowAccessPolicies"]]
    assert names == ["eu", "everything"]
    assert [p["rowAccessPolicyReference"]["policyId"] for p in second["rowAccessPolicies"]] == ["us"]
    assert "nextPageToken" not in second
    changed = call(owner, "PUT", f"{POLICIES}/eu", {**body, "filterPredicate": "n = 10"})
    assert changed["creationTime"] == made["creationTime"]
    assert changed["etag"] != made["etag"]
    assert callers("mallory").rows("SELECT n FROM d.t") == [(10,)]
    call(owner, "DELETE", f"{POLICIES}/us")
    call(
        owner,
        "POST",
        f"/{T}/rowAccessPolicies:batchDelete",
        {"policyIds": ["eu", "everything"], "force": True},
    )
    assert call(owner, "GET", POLICIES) == {}
    assert callers("mallory").rows("SELECT COUNT(*) FROM d.t") == [(10,)]


# Method, path, body -> the error.
NEW = {"rowAccessPolicyReference": {"policyId": "p"}, "filterPredicate": "TRUE"}
REFUSED: list[tuple[str, str, Any, type[Exception], str]] = [
    ("GET", "/none", None, exceptions.NotFound, "Row access policy none on table"),
    ("DELETE", "/none", None, exceptions.NotFound, "Row access policy none on table"),
    ("PUT", "/none", {"filterPredicate": "TRUE"}, exceptions.NotFound, "Row access policy none"),
    ("POST", "", {"filterPredicate": "TRUE"}, exceptions.BadRequest, "Invalid row access policy ID"),
    ("POST", "", {"rowAccessPolicyReference": {"policyId": "p"}}, exceptions.BadRequest, "filterPredicate"),
    (
        "POST",
        "",
        {"rowAccessPolicyReference": {"policyId": "us"}, "filterPredicate": "TRUE"},
        exceptions.Conflict,
        "Already Exists: Row access policy us",
    ),
    (
        "POST",
        "",
        {**NEW, "filterPredicate": "nope = 1"},
        exceptions.BadRequest,
        "Unrecognized name: nope",
    ),
    (
        "POST",
        "",
        {**NEW, "filterPredicate": "TRUE) OR (TRUE"},
        exceptions.BadRequest,
        "Syntax error",
    ),
    (
        "POST",
        "",
        {**NEW, "filterPredicate": "n"},
        exceptions.BadRequest,
        "should return type BOOL",
    ),
    (
        "POST",
        "",
        {**NEW, "grantees": ["x"]},
        exceptions.BadRequest,
        "Invalid grantee in row access policy: x",
    ),
    ("POST", ":batchDelete", {"policyIds": ["us", "everything"]}, exceptions.BadRequest, "without force"),
    ("POST", ":batchDelete", {"policyIds": []}, exceptions.BadRequest, "policyIds"),
]


@pytest.mark.parametrize(("method", "path", "body", "error", "text"), REFUSED)
def test_policies_by_rest_refused(
    callers: People, method: str, path: str, body: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        call(callers("owner"), method, POLICIES + path, body)
    assert callers("mallory").rows("SELECT COUNT(*) FROM d.t") == [(0,)]


def test_authorized_views_show_what_policies_show(callers: People) -> None:
    owner = callers("owner")
    owner.rows("CREATE SCHEMA views")
    try:
        owner.rows("CREATE VIEW views.v AS SELECT n FROM d.t")
        dataset = owner.rest.get_dataset("d")
        view = {"projectId": P, "datasetId": "views", "tableId": "v"}
        dataset.access_entries = [*dataset.access_entries, bigquery.AccessEntry(None, "view", view)]
        owner.rest.update_dataset(dataset, ["access_entries"])
        found = {n: len(callers(n).rows("SELECT * FROM views.v")) for n in ("owner", "eve", "mallory")}
        assert found == {"owner": 10, "eve": 2, "mallory": 0}
    finally:
        owner.rest.delete_dataset("views", delete_contents=True)


def test_grants_show_in_access_lists_and_policies(callers: People) -> None:
    owner = callers("owner")
    owner.rows("GRANT `roles/bigquery.dataViewer` ON SCHEMA d TO 'user:bob@example.com'")
    entries = {(e.role, e.entity_type, e.entity_id) for e in owner.rest.get_dataset("d").access_entries}
    assert ("READER", "userByEmail", "bob@example.com") in entries
    owner.rows("GRANT `roles/bigquery.dataEditor` ON TABLE d.t TO 'group:staff@example.com'")
    [binding] = owner.rest.get_iam_policy("d.t").bindings
    assert (binding["role"], set(binding["members"])) == (
        "roles/bigquery.dataEditor",
        {"group:staff@example.com"},
    )
    owner.rows("REVOKE `roles/bigquery.dataEditor` ON TABLE d.t FROM 'group:staff@example.com'")
    assert not owner.rest.get_iam_policy("d.t").bindings


def test_a_dropped_policy_is_counted(callers: People) -> None:
    job = callers("owner").rest.query("DROP ALL ROW ACCESS POLICIES ON d.t")
    job.result()
    statistics = job._properties["statistics"]["query"]
    assert statistics["statementType"] == "DROP_ALL_ROW_ACCESS_POLICIES"
    assert statistics["ddlAffectedRowAccessPolicyCount"] == "2"
