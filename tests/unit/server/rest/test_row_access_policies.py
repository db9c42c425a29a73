from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Http


@pytest.fixture
def table(rest: Http) -> str:
    rest.dataset()
    made: str = rest.table()
    return made


def policy(name: str, predicate: str = "TRUE", **more: Any) -> dict[str, Any]:
    return {"rowAccessPolicyReference": {"policyId": name}, "filterPredicate": predicate, **more}


def test_tables_without_policies(rest: Http, table: str) -> None:
    assert rest.call("GET", f"{table}/rowAccessPolicies").json == {}
    assert rest.call("GET", "/datasets/d/tables/none/rowAccessPolicies").status == 404
    answer = rest.call("GET", f"{table}/rowAccessPolicies/p")
    assert (answer.status, answer.reason) == (404, "notFound")


def test_one_policy(rest: Http, table: str) -> None:
    path = f"{table}/rowAccessPolicies"
    made = rest.call("POST", path, policy("p", grantees=["user:a@example.com"]))
    assert (made.status, made.json["filterPredicate"]) == (200, "TRUE")
    assert rest.call("GET", f"{path}/P").json == made.json
    assert rest.call("GET", path).json == {"rowAccessPolicies": [made.json]}
    # Without grantees an update leaves them as they are.
    assert rest.call("PUT", f"{path}/p", {"filterPredicate": "FALSE"}).json["filterPredicate"] == "FALSE"
    assert rest.call("POST", f"{path}/p:getIamPolicy", {}).json["bindings"][0]["members"] == [
        "user:a@example.com"
    ]
    assert rest.call("PUT", f"{path}/p", policy("other")).status == 400
    assert rest.call("DELETE", f"{path}/p").status == 400
    assert rest.call("DELETE", f"{path}/p?force=true").status == 204
    assert rest.call("GET", path).json == {}


def test_pages(rest: Http, table: str) -> None:
    path = f"{table}/rowAccessPolicies"
    for name in "cab":
        assert rest.call("POST", path, policy(name)).status == 200
    found, token = [], ""
    while token is not None:
        page = rest.call("GET", f"{path}?pageSize=1&pageToken={token}").json
        found += [p["rowAccessPolicyReference"]["policyId"] for p in page["rowAccessPolicies"]]
        token = page.get("nextPageToken")
    assert found == ["a", "b", "c"]


def test_batches_delete_all_or_nothing(rest: Http, table: str) -> None:
    path = f"{table}/rowAccessPolicies"
    for name in "abc":
        rest.call("POST", path, policy(name))
    assert rest.call("POST", f"{path}:batchDelete", {"policyIds": ["a", "none"]}).status == 404
    assert len(rest.call("GET", path).json["rowAccessPolicies"]) == 3
    assert rest.call("POST", f"{path}:batchDelete", {"policyIds": ["a", "b", "a"]}).status == 204
    assert len(rest.call("GET", path).json["rowAccessPolicies"]) == 1
