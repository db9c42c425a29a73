from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.server.identity import Caller
from bqsim.sim.gate import Call, served, serving
from bqsim.sim.iam import Binding, Enforcement, JobFacts, Member, Policy
from bqsim.sim.iam.gate import calling_groups, visible

ADA = "ada@example.com"
P, D, T = "projects/p", "projects/p/datasets/d", "projects/p/datasets/d/tables/t"
RESULT = f"projects/p/datasets/_{'0f' * 20}/tables/anon1"


def call(method: str, resource: str, *groups: str, caller: str = ADA) -> Call:
    return Call("rest", method, resource, caller, {}, {}, groups)


def test_what_a_policy_does_not_allow_is_refused_with_its_reason() -> None:
    refused = call("bigquery.tables.get", T)
    with pytest.raises(
        BigQueryError, match=r"Permission bigquery.tables.get denied on table p:d.t"
    ) as caught:
        Enforcement(Policy()).check(refused)
    assert (caught.value.reason.name, caught.value.http) == ("accessDenied", 403)
    assert "no role of the caller holds it" in refused.notes["denied"]


def test_the_groups_of_a_call_count() -> None:
    policy = Policy([Binding("roles/bigquery.dataViewer", ("group:team@example.com",), D)])
    Enforcement(policy).check(call("bigquery.tables.get", T, "team@example.com"))
    assert Enforcement(policy).denied(call("bigquery.tables.get", T)) is not None


@pytest.mark.parametrize(
    "method", ["bigquery.datasets.list", "bigquery.tables.testIamPermissions", "bqsim.any"]
)
def test_methods_that_need_nothing(method: str) -> None:
    Enforcement(Policy()).check(call(method, P))


def test_results_of_a_query_are_their_creators() -> None:
    policy = Policy(
        [
            Binding("roles/bigquery.jobUser", (f"user:{ADA}",), P),
            Binding("roles/bigquery.admin", ("user:bob@example.com",)),
        ]
    )
    gate = Enforcement(policy, lambda path: JobFacts(ADA, "p:US.j", RESULT))
    gate.check(call("bigquery.jobs.getQueryResults", "projects/p/queries/j"))
    denied = gate.denied(
        call("bigquery.jobs.getQueryResults", "projects/p/queries/j", caller="bob@example.com")
    )
    assert denied is not None
    assert denied.message.startswith("Access Denied: Table p:_0f0f")


def test_lists_show_what_one_may_see() -> None:
    policy = Policy([Binding("roles/bigquery.dataViewer", (f"user:{ADA}",), D)])
    items, permission = [D, "projects/p/datasets/e"], "bigquery.datasets.get"
    assert visible(policy, Member(ADA), permission, items, str) == [D]
    assert visible(None, Member(ADA), permission, items, str) == items


def test_the_groups_of_the_call_that_is_served() -> None:
    assert calling_groups() == ()
    token = serving(call("bigquery.jobs.insert", P, "team@example.com"))
    try:
        assert calling_groups() == ("team@example.com",)
    finally:
        served(token)


def test_members_are_principals() -> None:
    assert (Member(ADA).email, Member(ADA).groups) == (Caller(ADA).email, Caller(ADA).groups)
