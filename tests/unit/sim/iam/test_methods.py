from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bqsim.server.grpc.methods import METHODS as GRPC
from bqsim.server.identity import Caller
from bqsim.server.rest.methods import METHODS as REST
from bqsim.sim.gate import Call
from bqsim.sim.iam import FILTERED, METHOD_NEEDS, PERMISSIONS, Binding, JobFacts, Policy, authorize, deny
from bqsim.sim.iam.methods import no_jobs

pytestmark = pytest.mark.fidelity("iam:permissions of methods", "exact")

ADA = Caller("ada@example.com")
P, D, T = "projects/p", "projects/p/datasets/d", "projects/p/datasets/d/tables/t"
VALUES = {
    "projectId": "p",
    "datasetId": "d",
    "tableId": "t",
    "routineId": "r",
    "modelId": "m",
    "policyId": "a",
    "jobId": "j",
}
GRPC_RESOURCES = {
    "read_session.table": T,
    "read_stream": "projects/p/locations/us/sessions/s/streams/x",
    "name": "projects/p/locations/us/sessions/s/streams/x",
    "parent": T,
    "write_stream": f"{T}/streams/_default",
}


def rest_call(method: str, path: str, body: Any = None) -> Call:
    return Call("rest", method, path.partition(":")[0].format(**VALUES), ADA.email, body or {})


def grpc_resource(service: str, field: str) -> str:
    if service == "BigQueryWrite" and field == "name":
        return f"{T}/streams/s"
    return GRPC_RESOURCES[field]


class Message:
    parent = "projects/billing"


CALLS = [rest_call(m.id, m.path) for m in REST] + [
    Call("grpc", m.id, grpc_resource(m.service, m.resource), ADA.email, Message()) for m in GRPC
]


def some_job(path: str) -> JobFacts | None:
    return JobFacts("bob@example.com", "p:US.j", "projects/p/datasets/d/tables/results")


def everything_but(permission: str) -> Policy:
    return Policy(
        [Binding("everything", ("user:ada@example.com",))],
        roles={"everything": PERMISSIONS - {permission}},
    )


def test_every_method_has_a_row_and_every_row_a_method() -> None:
    assert set(METHOD_NEEDS) == {m.id for m in REST} | {m.id for m in GRPC}
    assert set(FILTERED) <= set(METHOD_NEEDS)


def test_rows_name_known_permissions() -> None:
    assert {n.permission for row in METHOD_NEEDS.values() for n in row} <= PERMISSIONS
    assert set(FILTERED.values()) <= PERMISSIONS


@pytest.mark.parametrize("call", CALLS, ids=lambda c: c.method)
def test_who_may_do_everything_is_let_in(call: Call) -> None:
    policy = Policy([Binding("everything", ("allUsers",))], roles={"everything": PERMISSIONS})
    assert authorize(policy, ADA, call, some_job) is None


@pytest.mark.parametrize("call", CALLS, ids=lambda c: c.method)
def test_who_has_nothing_is_refused_where_something_is_needed(call: Call) -> None:
    denied = authorize(Policy(), ADA, call, some_job)
    assert (denied is None) == (not METHOD_NEEDS[call.method])
    if denied is not None:
        assert denied.reason == "accessDenied"
        assert denied.permission == METHOD_NEEDS[call.method][0].permission


@pytest.mark.parametrize(
    ("call", "permission"),
    [(c, n.permission) for c in CALLS for n in METHOD_NEEDS[c.method] if not n.given],
    ids=lambda v: v.method if isinstance(v, Call) else v,
)
def test_each_permission_of_a_row_is_needed(call: Call, permission: str) -> None:
    denied = authorize(everything_but(permission), ADA, call, some_job)
    assert denied is not None
    assert denied.permission == permission
    assert f"ada@example.com does not have {permission} on " in denied.why


@pytest.mark.parametrize(
    ("method", "resource", "body", "missing", "message"),
    [
        (
            "bigquery.jobs.query",
            "projects/p/queries",
            {"query": "SELECT 1"},
            "bigquery.jobs.create",
            "Access Denied: Project p: User does not have bigquery.jobs.create permission in project p.",
        ),
        (
            "bigquery.datasets.get",
            D,
            {},
            "bigquery.datasets.get",
            "Access Denied: Dataset p:d: Permission bigquery.datasets.get denied on dataset p:d "
            "(or it may not exist).",
        ),
        (
            "bigquery.tables.get",
            T,
            {},
            "bigquery.tables.get",
            "Access Denied: Table p:d.t: Permission bigquery.tables.get denied on table p:d.t "
            "(or it may not exist).",
        ),
        (
            "bigquery.tabledata.insertAll",
            f"{T}%2420240101/insertAll",
            {},
            "bigquery.tables.updateData",
            "Access Denied: Table p:d.t: Permission bigquery.tables.updateData denied on table p:d.t "
            "(or it may not exist).",
        ),
        (
            "bigquery.routines.get",
            f"{D}/routines/r",
            {},
            "bigquery.routines.get",
            "Access Denied: Routine p:d.r: Permission bigquery.routines.get denied on routine p:d.r "
            "(or it may not exist).",
        ),
        (
            "bigquery.rowAccessPolicies.get",
            f"{T}/rowAccessPolicies/a",
            {},
            "bigquery.rowAccessPolicies.get",
            "Access Denied: Table p:d.t: Permission bigquery.rowAccessPolicies.get denied on table p:d.t "
            "(or it may not exist).",
        ),
        (
            "bigquery.jobs.get",
            f"{P}/jobs/j",
            {},
            "bigquery.jobs.get",
            "Access Denied: Job p:US.j: User does not have bigquery.jobs.get permission for job p:US.j.",
        ),
        (
            "google.cloud.bigquery.storage.v1.BigQueryRead.CreateReadSession",
            T,
            Message(),
            "bigquery.readsessions.create",
            "request failed: the user does not have 'bigquery.readsessions.create' permission for "
            "'projects/billing'",
        ),
        (
            "google.cloud.bigquery.storage.v1.BigQueryRead.CreateReadSession",
            T,
            Message(),
            "bigquery.tables.getData",
            f"request failed: the user does not have 'bigquery.tables.getData' permission for '{T}'",
        ),
        (
            "google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows",
            "projects/p/locations/us/sessions/s/streams/x",
            Message(),
            "bigquery.readsessions.getData",
            "request failed: the user does not have 'bigquery.readsessions.getData' permission for "
            "'projects/p'",
        ),
        (
            "google.cloud.bigquery.storage.v1.BigQueryWrite.AppendRows",
            f"{T}/streams/_default",
            Message(),
            "bigquery.tables.updateData",
            f"Permission 'TABLES_UPDATE_DATA' denied on resource '{T}' (or it may not exist).",
        ),
    ],
)
def test_texts_of_refusals(method: str, resource: str, body: Any, missing: str, message: str) -> None:
    denied = authorize(
        everything_but(missing), ADA, Call("rest", method, resource, ADA.email, body), some_job
    )
    assert denied is not None
    assert denied.message == message
    assert (denied.error().http, denied.error().reason.grpc) == (403, "PERMISSION_DENIED")


@pytest.mark.parametrize(
    ("method", "path", "resource", "body", "permission"),
    [
        ("bigquery.datasets.patch", D, D, {"access": []}, "bigquery.datasets.setIamPolicy"),
        ("bigquery.tabledata.insertAll", T, D, {"templateSuffix": "_x"}, "bigquery.tables.create"),
    ],
)
def test_what_is_needed_only_with_a_field(
    method: str, path: str, resource: str, body: Mapping[str, Any], permission: str
) -> None:
    policy = everything_but(permission)
    assert authorize(policy, ADA, Call("rest", method, path, ADA.email, {})) is None
    denied = authorize(policy, ADA, Call("rest", method, path, ADA.email, body))
    assert denied is not None
    assert (denied.permission, denied.resource) == (permission, resource)


def test_creators_may_see_and_cancel_their_jobs() -> None:
    policy = Policy([Binding("roles/bigquery.jobUser", ("user:ada@example.com",))])

    def own(path: str) -> JobFacts | None:
        return JobFacts("Ada@example.com", "p:US.j") if path == f"{P}/jobs/j" else None

    for method, path in (
        ("bigquery.jobs.get", f"{P}/jobs/j"),
        ("bigquery.jobs.cancel", f"{P}/jobs/j/cancel"),
        ("bigquery.jobs.getQueryResults", f"{P}/queries/j"),
    ):
        call = Call("rest", method, path, ADA.email)
        assert authorize(policy, ADA, call, own) is None
        denied = authorize(policy, Caller("bob@example.com"), call, own)
        assert denied is not None
        assert denied.resource == f"{P}/jobs/j"
    denied = authorize(
        policy, ADA, Call("rest", "bigquery.jobs.delete", f"{P}/jobs/j/delete", ADA.email), own
    )
    assert denied is not None


def test_creators_need_to_create_jobs_for_results() -> None:
    def own(path: str) -> JobFacts | None:
        return JobFacts(ADA.email, "p:US.j")

    call = Call("rest", "bigquery.jobs.getQueryResults", f"{P}/queries/j", ADA.email)
    denied = authorize(Policy(), ADA, call, own)
    assert denied is not None
    assert (denied.permission, denied.resource) == ("bigquery.jobs.create", P)
    assert authorize(Policy(), ADA, Call("rest", "bigquery.jobs.get", f"{P}/jobs/j", ADA.email), own) is None


def test_nobody_in_particular_creates_no_jobs() -> None:
    call = Call("rest", "bigquery.jobs.get", f"{P}/jobs/j", "")
    assert authorize(Policy(), Caller(""), call, lambda path: JobFacts("", "p:US.j")) is not None


def test_missing_jobs_are_left_to_the_service() -> None:
    call = Call("rest", "bigquery.jobs.get", f"{P}/jobs/j", ADA.email)
    assert authorize(Policy(), ADA, call, no_jobs) is None


def test_a_stream_message_without_a_table_is_left_to_the_service() -> None:
    call = Call("grpc", "google.cloud.bigquery.storage.v1.BigQueryWrite.AppendRows", "", ADA.email)
    assert authorize(Policy(), ADA, call) is None


@pytest.mark.parametrize(
    ("method", "resource", "permission", "denied_on"),
    [
        ("bigquery.tabledata.list", f"{T}/data", "bigquery.tables.getData", T),
        ("bigquery.tables.get", T, "bigquery.datasets.get", D),
        ("bigquery.jobs.query", f"{P}/queries", "bigquery.tables.getData", P),
        ("bigquery.jobs.get", f"{P}/jobs/j", "bigquery.jobs.get", f"{P}/jobs/j"),
        ("google.cloud.bigquery.storage.v1.BigQueryRead.CreateReadSession", T, "bigquery.tables.getData", T),
        (
            "google.cloud.bigquery.storage.v1.BigQueryRead.CreateReadSession",
            T,
            "bigquery.readsessions.create",
            "projects/billing",
        ),
    ],
)
def test_a_call_as_if_a_permission_lacked(
    method: str, resource: str, permission: str, denied_on: str
) -> None:
    body: Any = Message() if method.startswith("google") else {}
    denied = deny(ADA, Call("", method, resource, ADA.email, body), permission)
    assert (denied.permission, denied.resource) == (permission, denied_on)


def test_a_call_about_no_resource() -> None:
    call = Call("rest", "bigquery.projects.list", "projects", ADA.email)
    denied = deny(ADA, call, "resourcemanager.projects.list")
    assert denied.message == "The caller does not have permission"
