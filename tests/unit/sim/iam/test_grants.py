from __future__ import annotations

import pytest

from bqsim.sim.iam.grants import (
    access_grants,
    granted_access,
    granted_policy,
    grantee_key,
    policy_grants,
    revoked_access,
    revoked_policy,
)
from bqsim.sim.iam.model import BadMember

VIEWER, OWNER = "roles/bigquery.dataViewer", "roles/bigquery.dataOwner"
VIEW = {"view": {"projectId": "p", "datasetId": "v", "tableId": "x"}}

KEYS: list[tuple[str, str]] = [
    ("user:A@b.cc", "account:a@b.cc"),
    ("serviceAccount:a@b.cc", "account:a@b.cc"),
    ("specialGroup:allUsers", "allUsers"),
    ("specialGroup:projectReaders", "specialGroup:projectReaders"),
    ("principalSet://iam.googleapis.com/G", "principalSet://iam.googleapis.com/G"),
]


@pytest.mark.parametrize(("grantee", "key"), KEYS)
def test_keys(grantee: str, key: str) -> None:
    assert grantee_key(grantee) == key


@pytest.mark.parametrize("grantee", ["", "a@b.cc", "specialGroup:all", "principal:x", "team:a@b.cc"])
def test_no_grantees(grantee: str) -> None:
    with pytest.raises(BadMember):
        grantee_key(grantee)


# Grantee -> its entry in an access list.
ENTRIES: list[tuple[str, dict[str, str]]] = [
    ("user:a@b.cc", {"userByEmail": "a@b.cc"}),
    ("serviceAccount:a@b.cc", {"userByEmail": "a@b.cc"}),
    ("group:a@b.cc", {"groupByEmail": "a@b.cc"}),
    ("domain:b.cc", {"domain": "b.cc"}),
    ("specialGroup:projectOwners", {"specialGroup": "projectOwners"}),
    ("specialGroup:allAuthenticatedUsers", {"specialGroup": "allAuthenticatedUsers"}),
    ("allUsers", {"iamMember": "allUsers"}),
    ("principal://x/y", {"iamMember": "principal://x/y"}),
]


@pytest.mark.parametrize(("grantee", "entry"), ENTRIES)
def test_access_lists(grantee: str, entry: dict[str, str]) -> None:
    access = granted_access([VIEW], [VIEWER, "roles/bigquery.admin"], [grantee])
    assert access == [VIEW, {"role": "READER", **entry}, {"role": "roles/bigquery.admin", **entry}]
    assert granted_access(access, [VIEWER], [grantee]) == access
    assert revoked_access(access, [VIEWER, "roles/bigquery.admin"], [grantee]) == [VIEW]
    assert [role for role, _ in access_grants(access)] == [VIEWER, "roles/bigquery.admin"]


def test_entries_that_nobody_is_stay() -> None:
    odd = [{"role": "READER", "iamMember": "deleted:user:a@b.cc?uid=1"}, {"role": "READER", "domain": "?"}]
    assert revoked_access(odd, [VIEWER], ["user:a@b.cc"]) == odd


def test_policies() -> None:
    policy = granted_policy({}, [VIEWER, OWNER], ["user:a@b.cc", "specialGroup:allUsers"])
    assert policy == {
        "version": 1,
        "bindings": [
            {"role": VIEWER, "members": ["user:a@b.cc", "allUsers"]},
            {"role": OWNER, "members": ["user:a@b.cc", "allUsers"]},
        ],
    }
    assert granted_policy(policy, [VIEWER], ["user:A@B.cc"]) == policy
    left = revoked_policy(policy, [VIEWER], ["user:A@b.cc", "allUsers"])
    assert list(policy_grants(left)) == [(OWNER, "user:a@b.cc"), (OWNER, "allUsers")]


def test_bindings_with_conditions_are_left_alone() -> None:
    bound = {"role": VIEWER, "members": ["user:a@b.cc"], "condition": {"expression": "x"}}
    policy = {"version": 3, "bindings": [bound]}
    assert revoked_policy(policy, [VIEWER], ["user:a@b.cc"]) == policy
    assert granted_policy(policy, [VIEWER], ["user:a@b.cc"])["bindings"] == [
        bound,
        {"role": VIEWER, "members": ["user:a@b.cc"]},
    ]
