"""Who may do what, seen through Google's clients: auth modes, denials, lists, and policies that change."""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import google.auth.credentials
import jwt
import pytest
from google.api_core import exceptions
from google.api_core.client_options import ClientOptions
from google.api_core.iam import Policy as TablePolicy
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types

import bqsim
from bqsim.settings import BadSetup
from bqsim.sim.scenario.load import parse
from bqsim.simulator import Simulator
from tests.storage import Clients, F, ProtoMessage

pytestmark = [
    pytest.mark.fidelity(
        "rest:bigquery.tables.testIamPermissions", "exact", tests="test_the_policy_of_a_table"
    ),
    pytest.mark.fidelity("iam:denials", "exact", tests="test_denials_*"),
    pytest.mark.fidelity("iam:authorized views and routines", "exact", tests="test_an_authorized_*"),
    pytest.mark.fidelity(
        "iam:access lists and policies", "exact", tests="test_the_access_list* test_the_policy_*"
    ),
    pytest.mark.fidelity("iam:permissions of methods", "exact", tests="test_who_may_do_what"),
    pytest.mark.fidelity(
        "iam:permissions of statements",
        "exact",
        tests="test_queries_of_a_table* test_scripts_* test_procedures_*",
    ),
    pytest.mark.fidelity(
        "iam:signed tokens",
        "approximated",
        "Keys come from a file or a secret, not from the service; any signed token of theirs counts.",
        tests="test_auth_by_signed_tokens",
    ),
]

P = "bqsim-project"
T = f"projects/{P}/datasets/d/tables/t"
PERSON = ProtoMessage([("n", F.TYPE_INT64, False, None)])
POLICY = f"""\
groups:
  analysts@example.com: ["user:grouped@example.com"]
bindings:
  - role: roles/bigquery.admin
    members: ["user:admin@example.com"]
  - role: roles/viewer
    members: ["user:viewer@example.com"]
    resource: projects/{P}
  - role: roles/editor
    members: ["user:editor@example.com"]
    resource: projects/{P}
  - role: roles/bigquery.user
    members: ["user:data@example.com", "user:worker@example.com", "group:analysts@example.com"]
    resource: projects/{P}
  - role: roles/bigquery.dataEditor
    members: ["user:data@example.com"]
    resource: projects/{P}/datasets/d
"""


class Token(google.auth.credentials.Credentials):  # type: ignore[misc]
    """A fixed bearer token."""

    def __init__(self, token: str) -> None:
        super().__init__()
        self.token = token

    @property
    def valid(self) -> bool:
        return True

    @property
    def expired(self) -> bool:
        return False

    def refresh(self, request: object) -> None:
        """The client asks for another token after a 401; there is none."""


class Who:
    """Google's clients of one caller."""

    def __init__(self, simulator: Simulator, storage: Clients, token: str) -> None:
        self.rest = bigquery.Client(
            project=P, credentials=Token(token), client_options=ClientOptions(api_endpoint=simulator.url)
        )
        self.storage = storage
        self.metadata = [("authorization", f"Bearer {token}")]

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [row.values() for row in self.rest.query_and_wait(sql, retry=None, job_retry=None)]

    def session(self, table: str = T) -> Any:
        return self.storage.read.create_read_session(
            parent=f"projects/{P}",
            read_session=types.ReadSession(table=table, data_format="ARROW"),
            metadata=self.metadata,
            retry=None,
        )

    def read(self, session: Any) -> int:
        stream = session.streams[0].name
        answers = self.storage.read.read_rows(stream, metadata=self.metadata, retry=None)
        return sum(answer.row_count for answer in answers)

    def write_stream(self) -> Any:
        stream = types.WriteStream(type_=types.WriteStream.Type.PENDING)
        return self.storage.write.create_write_stream(
            parent=T, write_stream=stream, metadata=self.metadata, retry=None
        )

    def append(self) -> Any:
        request = types.AppendRowsRequest(write_stream=f"{T}/streams/_default")
        request.proto_rows.writer_schema.proto_descriptor = PERSON.descriptor
        request.proto_rows.rows.serialized_rows.extend(PERSON.rows([{"n": 7}]))
        return list(self.storage.write.append_rows(iter([request]), metadata=self.metadata))


People = Callable[[str], Who]


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    path = tmp_path_factory.mktemp("iam") / "policy.yaml"
    path.write_text(POLICY)
    with bqsim.start(iam_policy=path) as running:
        yield running


@pytest.fixture(scope="module")
def people(simulator: Simulator) -> Iterator[People]:
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
def admin(simulator: Simulator, people: People, request: pytest.FixtureRequest) -> Iterator[Who]:
    """The administrator, with a fresh dataset ``d`` and its table ``t``; the policy is as in the file."""
    policy = simulator.iam.policy
    assert policy is not None
    path = simulator.settings.iam_policy
    assert path is not None
    simulator.iam.load(path)
    who = people("admin")
    who.rows("CREATE SCHEMA d")
    who.rows("CREATE TABLE d.t AS SELECT 1 AS n")
    who.rows("CREATE VIEW d.v AS SELECT n FROM d.t")
    yield who
    simulator.iam.load(path)
    for dataset in ("d", "other"):
        who.rest.delete_dataset(dataset, delete_contents=True, not_found_ok=True)


def denied(operation: Callable[[], object]) -> str:
    """The text of the denial that an operation ends with."""
    with pytest.raises((exceptions.Forbidden, exceptions.PermissionDenied)) as caught:
        operation()
    error = caught.value
    if isinstance(error, exceptions.PermissionDenied):
        return str(error.message)
    assert error.errors[0]["reason"] == "accessDenied"
    return str(error.errors[0]["message"])


_N = bigquery.SchemaField("n", "INTEGER")
OPERATIONS: dict[str, Callable[[Who], object]] = {
    "datasets.get": lambda who: who.rest.get_dataset("d"),
    "datasets.insert": lambda who: who.rest.create_dataset("other"),
    "datasets.delete": lambda who: who.rest.delete_dataset("d", delete_contents=True),
    "tables.get": lambda who: who.rest.get_table("d.t"),
    "tables.list": lambda who: list(who.rest.list_tables("d")),
    "tables.insert": lambda who: who.rest.create_table(bigquery.Table(f"{P}.d.new")),
    "tables.delete": lambda who: who.rest.delete_table("d.v"),
    "tabledata.list": lambda who: list(who.rest.list_rows("d.t", selected_fields=[_N])),
    "insertAll": lambda who: who.rest.insert_rows_json("d.t", [{"n": 2}], retry=None),
    "jobs.query": lambda who: who.rows("SELECT 1"),
    "SELECT": lambda who: who.rows("SELECT n FROM d.t"),
    "view": lambda who: who.rows("SELECT n FROM d.v"),
    "INSERT": lambda who: who.rows("INSERT INTO d.t (n) VALUES (2)"),
    "CTAS": lambda who: who.rows("CREATE TABLE d.copy AS SELECT n FROM d.t"),
    "load": lambda who: _load(who),
    "read session": lambda who: who.session(),
    "append": lambda who: who.append(),
    "write stream": lambda who: who.write_stream(),
}


def _load(who: Who) -> object:
    return who.rest.load_table_from_json([{"n": 1}], "d.t", project=P).result(retry=None)


ALL = set(OPERATIONS)
READS = {"datasets.get", "tables.get", "tables.list", "tabledata.list", "jobs.query", "SELECT", "view"}
ALLOWED = {
    "admin": ALL,
    # The basic roles reach tables by the access list of the dataset.
    "viewer": READS | {"read session"},
    "editor": ALL - {"datasets.delete"},
    "data": ALL - {"datasets.delete"},
    "worker": {"datasets.get", "datasets.insert", "tables.list", "jobs.query"},
    "grouped": {"datasets.get", "datasets.insert", "tables.list", "jobs.query"},
    "nobody": set(),
}


@pytest.mark.parametrize("name", ALLOWED)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_who_may_do_what(admin: Who, people: People, name: str, operation: str) -> None:
    who, perform = people(name), OPERATIONS[operation]
    if operation in ALLOWED[name]:
        perform(who)
    else:
        assert "denied" in denied(lambda: perform(who)).casefold() or operation in ("read session",)


TEXTS = {
    "datasets.get": f"Access Denied: Dataset {P}:d: Permission bigquery.datasets.get denied on dataset {P}:d "
    "(or it may not exist).",
    "datasets.insert": f"Access Denied: Project {P}: User does not have bigquery.datasets.create permission "
    f"in project {P}.",
    "tables.get": f"Access Denied: Table {P}:d.t: Permission bigquery.tables.get denied on table {P}:d.t "
    "(or it may not exist).",
    "jobs.query": f"Access Denied: Project {P}: User does not have bigquery.jobs.create permission in "
    f"project {P}.",
    "read session": "request failed: the user does not have 'bigquery.readsessions.create' permission for "
    f"'projects/{P}'",
    "write stream": f"Permission 'TABLES_UPDATE_DATA' denied on resource '{T}' (or it may not exist).",
    "append": f"Permission 'TABLES_UPDATE_DATA' denied on resource '{T}' (or it may not exist).",
}


@pytest.mark.parametrize("operation", TEXTS)
def test_denials_say_what_the_service_says(admin: Who, people: People, operation: str) -> None:
    assert denied(lambda: OPERATIONS[operation](people("nobody"))) == TEXTS[operation]


def test_a_session_is_read_with_rights_of_its_own(simulator: Simulator, admin: Who, people: People) -> None:
    session = people("data").session()
    assert people("data").read(session) == 1
    text = denied(lambda: people("nobody").read(session))
    assert "'bigquery.readsessions.getData' permission for" in text
    assert denied(lambda: people("worker").session()) == (
        f"request failed: the user does not have 'bigquery.tables.getData' permission for '{T}'"
    )


NO_QUERY = (
    f"Access Denied: Table {P}:d.t: User does not have permission to query table {P}:d.t, or perhaps it "
    "does not exist in location US."
)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT n FROM d.t",
        "SELECT EXISTS (SELECT * FROM d.t)",
        "SELECT nonsense FROM d.t",
        "BEGIN SELECT n FROM d.t; END",
        "EXECUTE IMMEDIATE 'SELECT n FROM d.t'",
        "SELECT * FROM `d.t*`",
    ],
)
def test_queries_of_a_table_that_the_caller_may_not_read(admin: Who, people: People, sql: str) -> None:
    """Not even the names of its columns are told."""
    assert NO_QUERY in denied(lambda: people("worker").rows(sql))


def test_a_table_that_is_not_there_looks_the_same(admin: Who, people: People) -> None:
    assert denied(lambda: people("worker").rows("SELECT n FROM d.none")) == NO_QUERY.replace("d.t", "d.none")
    with pytest.raises(exceptions.NotFound):
        people("data").rows("SELECT n FROM d.none")


def test_dry_runs_are_checked_as_well(admin: Who, people: People) -> None:
    config = bigquery.QueryJobConfig(dry_run=True)
    assert denied(lambda: people("worker").rest.query("SELECT n FROM d.t", config, retry=None)) == NO_QUERY


def test_kept_plans_and_results_are_for_those_who_may_read(
    simulator: Simulator, admin: Who, people: People
) -> None:
    worker, sql = people("worker"), "SELECT n + 40 FROM d.t"
    assert admin.rows(sql) == people("data").rows(sql) == [(41,)]
    assert denied(lambda: worker.rows(sql)) == NO_QUERY
    simulator.iam.grant("user:worker@example.com", "roles/bigquery.dataViewer", T)
    assert worker.rows(sql) == worker.rows(sql) == [(41,)]
    simulator.iam.revoke("user:worker@example.com", "roles/bigquery.dataViewer")
    assert denied(lambda: worker.rows(sql)) == NO_QUERY


def _rows(client: Any, table: Any) -> list[Any]:
    return list(client.list_rows(table, selected_fields=[_N]))


def test_results_are_their_callers_alone(admin: Who, people: People) -> None:
    job = people("data").rest.query("SELECT n FROM d.t")
    assert [row.n for row in job.result()] == [1]
    table = job.destination
    assert [row.n for row in people("data").rest.list_rows(table, selected_fields=[_N])] == [1]
    for name in ("admin", "viewer", "worker"):
        rest = people(name).rest
        text = denied(functools.partial(_rows, rest, table))
        assert text.startswith("Access Denied: Table ")
    name = f"projects/{P}/datasets/{table.dataset_id}/tables/{table.table_id}"
    assert people("data").session(name).streams
    assert "does not have" in denied(lambda: people("viewer").session(name))


def test_an_authorized_view_reads_for_its_readers(simulator: Simulator, admin: Who, people: People) -> None:
    admin.rows("CREATE SCHEMA other")
    admin.rows("CREATE VIEW other.v AS SELECT n FROM d.t")
    view = {"projectId": P, "datasetId": "other", "tableId": "v"}
    simulator.iam.grant(
        "user:worker@example.com", "roles/bigquery.dataViewer", f"projects/{P}/datasets/other"
    )
    assert denied(lambda: people("worker").rows("SELECT * FROM other.v")) == NO_QUERY
    dataset = admin.rest.get_dataset("d")
    dataset.access_entries = [*dataset.access_entries, bigquery.AccessEntry(None, "view", view)]
    admin.rest.update_dataset(dataset, ["access_entries"])
    assert people("worker").rows("SELECT * FROM other.v") == [(1,)]


def test_a_function_reads_with_the_rights_of_its_caller(
    simulator: Simulator, admin: Who, people: People
) -> None:
    admin.rows("CREATE SCHEMA other")
    admin.rows("CREATE FUNCTION other.f() AS ((SELECT MAX(n) FROM d.t))")
    assert "routine" in denied(lambda: people("worker").rows("SELECT other.f()"))
    simulator.iam.grant(
        "user:worker@example.com", "roles/bigquery.dataViewer", f"projects/{P}/datasets/other"
    )
    assert denied(lambda: people("worker").rows("SELECT other.f()")) == NO_QUERY
    simulator.iam.grant("user:worker@example.com", "roles/bigquery.dataViewer", T)
    assert people("worker").rows("SELECT other.f()") == [(1,)]


def test_an_authorized_routine_reads_for_its_callers(
    simulator: Simulator, admin: Who, people: People
) -> None:
    admin.rows("CREATE SCHEMA other")
    admin.rows("CREATE TABLE FUNCTION other.f(x INT64) AS SELECT n FROM d.t WHERE n = x")
    simulator.iam.grant(
        "user:worker@example.com", "roles/bigquery.dataViewer", f"projects/{P}/datasets/other"
    )
    sql = "SELECT n FROM other.f(1)"
    assert denied(lambda: people("worker").rows(sql)) == NO_QUERY
    routine = {"projectId": P, "datasetId": "other", "routineId": "f"}
    dataset = admin.rest.get_dataset("d")
    dataset.access_entries = [*dataset.access_entries, bigquery.AccessEntry(None, "routine", routine)]
    admin.rest.update_dataset(dataset, ["access_entries"])
    assert people("worker").rows(sql) == [(1,)]
    assert denied(lambda: people("worker").rows(f"{sql} WHERE n IN (SELECT n FROM d.t)")) == NO_QUERY


def test_procedures_are_called_with_the_rights_of_their_caller(
    simulator: Simulator, admin: Who, people: People
) -> None:
    admin.rows("CREATE SCHEMA other")
    admin.rows("CREATE PROCEDURE other.p() BEGIN SELECT n FROM d.t; END")
    assert "bigquery.routines.get" in denied(lambda: people("worker").rows("CALL other.p()"))
    simulator.iam.grant(
        "user:worker@example.com", "roles/bigquery.dataViewer", f"projects/{P}/datasets/other"
    )
    assert NO_QUERY in denied(lambda: people("worker").rows("CALL other.p()"))


def test_scripts_have_their_temporary_tables(admin: Who, people: People) -> None:
    script = "CREATE TEMP TABLE x AS SELECT 1 AS n; INSERT INTO x VALUES (2); SELECT SUM(n) FROM x"
    assert people("worker").rows(script) == [(3,)]


def test_information_schema(admin: Who, people: People) -> None:
    sql = "SELECT table_name FROM d.INFORMATION_SCHEMA.TABLES ORDER BY 1"
    assert people("data").rows(sql) == [("t",), ("v",)]
    text = denied(lambda: people("worker").rows(sql))
    assert f"User does not have permission to query table {P}:d.INFORMATION_SCHEMA.TABLES" in text


def test_lists_show_what_one_may_see(admin: Who, people: People) -> None:
    admin.rows("CREATE SCHEMA other")
    assert [d.dataset_id for d in admin.rest.list_datasets()] == ["d", "other"]
    assert [d.dataset_id for d in people("nobody").rest.list_datasets()] == []
    assert [p.project_id for p in people("nobody").rest.list_projects()] == []
    assert [p.project_id for p in people("worker").rest.list_projects()] == [P]


def test_jobs_of_others(admin: Who, people: People) -> None:
    job = people("data").rest.query("SELECT 'secret'", job_id_prefix="data-")
    job.result()
    worker = people("worker").rest
    found = next(j for j in worker.list_jobs(all_users=True) if j.job_id == job.job_id)
    assert not hasattr(found, "query")
    assert next(j for j in admin.rest.list_jobs(all_users=True) if j.job_id == job.job_id).query
    assert f"bigquery.jobs.get permission for job {P}:US." in denied(lambda: worker.get_job(job.job_id))
    assert "bigquery.jobs.update" in denied(lambda: worker.cancel_job(job.job_id, retry=None))
    assert people("data").rest.get_job(job.job_id).state == "DONE"


def test_the_policy_of_a_table(admin: Who, people: People) -> None:
    worker = people("worker")
    asked = ["bigquery.tables.get", "bigquery.tables.getData", "bigquery.tables.delete"]
    assert worker.rest.test_iam_permissions("d.t", asked).get("permissions", []) == []
    policy = TablePolicy()
    policy["roles/bigquery.dataViewer"] = {"user:worker@example.com"}
    admin.rest.set_iam_policy("d.t", policy)
    assert worker.rest.test_iam_permissions("d.t", asked)["permissions"] == asked[:2]
    assert worker.rows("SELECT n FROM d.t") == [(1,)]
    admin.rows("DROP TABLE d.t")
    admin.rows("CREATE TABLE d.t AS SELECT 2 AS n")
    assert denied(lambda: worker.rows("SELECT n FROM d.t")) == NO_QUERY


def test_the_access_list_of_a_dataset(admin: Who, people: People) -> None:
    dataset = admin.rest.get_dataset("d")
    dataset.access_entries = [bigquery.AccessEntry("READER", "userByEmail", "worker@example.com")]
    admin.rest.update_dataset(dataset, ["access_entries"])
    assert people("worker").rows("SELECT n FROM d.t") == [(1,)]
    assert denied(lambda: people("viewer").rows("SELECT n FROM d.t")) == NO_QUERY


def test_who_makes_a_dataset_owns_it(admin: Who, people: People) -> None:
    worker = people("worker")
    worker.rows("CREATE SCHEMA other")
    worker.rows("CREATE TABLE other.mine AS SELECT 1 AS n")
    worker.rest.delete_dataset("other", delete_contents=True)


def test_groups_come_with_the_token(simulator: Simulator, admin: Who, people: People) -> None:
    storage = people("worker").storage
    simulator.iam.grant("group:team@example.com", "roles/bigquery.dataViewer", f"projects/{P}")
    simulator.iam.grant("group:team@example.com", "roles/bigquery.user", f"projects/{P}")
    who = Who(simulator, storage, "user:new@example.com,group:team@example.com")
    assert who.rows("SELECT n FROM d.t") == [(1,)]
    assert who.session().streams
    who.rest.close()


def test_rights_change_with_the_clock(simulator: Simulator, admin: Who, people: People) -> None:
    data = people("data")
    simulator.clock.freeze()
    try:
        simulator.iam.deny("user:data@example.com", "bigquery.tables.getData", T, after="10m", lasts="5m")
        assert data.rows("SELECT n FROM d.t") == [(1,)]
        simulator.clock.advance("10m")
        assert denied(lambda: data.rows("SELECT n FROM d.t")) == NO_QUERY
        simulator.clock.advance("5m")
        assert data.rows("SELECT n FROM d.t") == [(1,)]
    finally:
        simulator.clock.resume()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT SESSION_USER()",
        "SELECT SESSION_USER() FROM d.t",
        "DECLARE who STRING DEFAULT SESSION_USER(); SELECT who",
        "EXECUTE IMMEDIATE 'SELECT SESSION_USER()'",
        # GoogleSQL's evaluator computes this one.
        "SELECT SESSION_USER() FROM UNNEST([1]) WHERE NET.HOST('http://a.b') = 'a.b'",
    ],
)
def test_statements_know_their_caller(admin: Who, people: People, sql: str) -> None:
    assert people("data").rows(sql) == [("data@example.com",)]


def test_a_scenario_brings_its_policy(simulator: Simulator, admin: Who, people: People) -> None:
    simulation = simulator.parts.simulation
    text = "iam: {bindings: [{role: roles/bigquery.admin, members: ['user:nobody@example.com']}]}"
    simulation.load(parse(text))
    assert people("nobody").rows("SELECT n FROM d.t") == [(1,)]
    assert "jobs.create" in denied(lambda: admin.rows("SELECT 1"))
    simulation.clear()
    assert admin.rows("SELECT 1") == [(1,)]
    assert "jobs.create" in denied(lambda: people("nobody").rows("SELECT 1"))


SECRET = "a secret of more than thirty-two bytes"


def test_auth_by_signed_tokens(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"kty": "oct", "k": _base64(SECRET)}))
    with bqsim.start(auth="jwt", jwt_keys=keys) as simulator:
        storage = Clients(simulator.grpc_target)
        claims = {"email": "ada@example.com", "exp": int(simulator.clock.now_us() / 1e6) + 3600}
        ada = Who(simulator, storage, jwt.encode(claims, SECRET, algorithm="HS256"))
        assert ada.rows("SELECT SESSION_USER()") == [("ada@example.com",)]
        ada.rows("CREATE SCHEMA d")
        ada.rows("CREATE TABLE d.t AS SELECT 1 AS n")
        assert ada.session().streams
        forged = Who(simulator, storage, jwt.encode(claims, SECRET[::-1], algorithm="HS256"))
        _refused(forged)
        simulator.clock.advance("61m")
        _refused(ada)
        storage.close()
        for who in (ada, forged):
            who.rest.close()


def _refused(who: Who) -> None:
    with pytest.raises(exceptions.Unauthorized, match="invalid authentication credentials") as caught:
        who.rest.get_dataset("d", retry=None)
    assert caught.value.errors[0]["reason"] == "authError"
    assert caught.value.response.headers["WWW-Authenticate"].startswith("Bearer realm=")
    with pytest.raises(exceptions.Unauthenticated):
        who.session()


def _base64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def test_settings_that_cannot_be(tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("bindings:\n- role: roles/bigquery.adm\n  members: [allUsers]\n")
    with pytest.raises(BadSetup, match=r"policy.yaml:2:9: unknown role 'roles/bigquery.adm'"):
        bqsim.start(iam_policy=policy)
    with pytest.raises(BadSetup, match="auth mode jwt needs the file with the keys"):
        bqsim.start(auth="jwt")
