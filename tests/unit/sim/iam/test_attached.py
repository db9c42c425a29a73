from __future__ import annotations

from typing import Any

import pytest

from bqsim.server.identity import Caller
from bqsim.sim.iam import Binding, Policy
from bqsim.sim.iam.attached import of_access, of_policy

pytestmark = pytest.mark.fidelity("iam:access lists and policies, fields:Dataset: access", "exact")

D = "projects/p/datasets/d"
T = f"{D}/tables/t"


def test_access_list() -> None:
    access: list[dict[str, Any]] = [
        {"role": "READER", "userByEmail": "ada@example.com"},
        {"role": "WRITER", "groupByEmail": "team@example.com"},
        {"role": "OWNER", "specialGroup": "projectOwners"},
        {"role": "roles/bigquery.metadataViewer", "domain": "example.com"},
        {"role": "READER", "specialGroup": "allAuthenticatedUsers"},
        {"role": "READER", "iamMember": "allUsers"},
    ]
    assert [(b.role, b.members) for b in of_access(D, "p", access)] == [
        ("roles/bigquery.dataViewer", ("user:ada@example.com",)),
        ("roles/bigquery.dataEditor", ("group:team@example.com",)),
        ("roles/bigquery.dataOwner", ("projectOwner:p",)),
        ("roles/bigquery.metadataViewer", ("domain:example.com",)),
        ("roles/bigquery.dataViewer", ("allAuthenticatedUsers",)),
        ("roles/bigquery.dataViewer", ("allUsers",)),
    ]


def test_entries_that_name_no_member_grant_nothing() -> None:
    access: list[dict[str, Any]] = [
        {"view": {"projectId": "p", "datasetId": "v", "tableId": "x"}},
        {"role": "READER", "userByEmail": "nonsense"},
        {"role": "READER", "iamMember": "deleted:user:ada@example.com?uid=1"},
        {"role": "KING", "userByEmail": "ada@example.com"},
        {"role": "READER"},
    ]
    assert of_access(D, "p", access) == []


def test_policy_of_a_table() -> None:
    policy = Policy()
    document = {"bindings": [{"role": "roles/bigquery.dataViewer", "members": ["user:ada@example.com", "?"]}]}
    policy.carried = {T: document}.get
    assert policy.check(Caller("ada@example.com"), "bigquery.tables.getData", T) is None
    assert policy.check(Caller("bob@example.com"), "bigquery.tables.getData", T) is not None


def test_bindings_that_are_not_understood_grant_nothing() -> None:
    member = {"members": ["allUsers"]}
    document = {
        "bindings": [
            {"role": "roles/none", **member},
            {"role": "roles/bigquery.dataViewer"},
            {"role": "roles/bigquery.dataViewer", "condition": {"expression": "false"}, **member},
        ]
    }
    assert of_policy(T, document) == []
    assert of_policy(T, {}) == []
    custom = of_policy(T, document, {"roles/none"})
    assert custom == [Binding("roles/none", ("allUsers",), T, "IAM policy")]
