from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Http

pytestmark = [
    pytest.mark.fidelity(
        "rest:bigquery.routines.insert, rest:bigquery.routines.get",
        "exact",
        tests="test_inserted_* test_bad_*",
    ),
    pytest.mark.fidelity("rest:bigquery.routines.update", "exact", tests="test_update_*"),
    pytest.mark.fidelity(
        "rest:bigquery.routines.list", "exact", tests="test_filter_* test_routines_created*"
    ),
    pytest.mark.fidelity("rest:bigquery.routines.delete", "exact", tests="test_routines_created*"),
    pytest.mark.fidelity(
        "rest:bigquery.routines.getIamPolicy, rest:bigquery.routines.setIamPolicy",
        "exact",
        tests="test_iam_*",
    ),
    pytest.mark.fidelity(
        "rest:bigquery.routines.testIamPermissions",
        "exact",
        tests="test_iam_*",
    ),
    pytest.mark.fidelity(
        "fields:Routine: definition", "exact", tests="test_inserted_* test_routines_created*"
    ),
]


def routine(name: str = "plus", body: str = "x + 1", **more: Any) -> dict[str, Any]:
    return {
        "routineReference": {"routineId": name},
        "routineType": "SCALAR_FUNCTION",
        "language": "SQL",
        "arguments": [{"name": "x", "dataType": {"typeKind": "INT64"}}],
        "definitionBody": body,
        **more,
    }


@pytest.fixture
def d(rest: Http) -> Http:
    rest.dataset()
    return rest


def answer_of(rest: Http, sql: str) -> str:
    found = rest.query(sql, defaultDataset={"datasetId": "d"})
    assert found.status == 200, found.data
    value: str = found.json["rows"][0]["f"][0]["v"]
    return value


def test_inserted_functions_can_be_called(d: Http) -> None:
    made = d.call("POST", "/datasets/d/routines", routine(description="adds one"))
    assert made.status == 200, made.data
    assert made.json["description"] == "adds one"
    assert made.json["routineReference"]["routineId"] == "plus"
    assert answer_of(d, "SELECT d.plus(41)") == "42"
    assert d.call("GET", "/datasets/d/routines/plus").json == made.json
    assert d.call("POST", "/datasets/d/routines", routine()).status == 409


def test_update_replaces_under_its_etag(d: Http) -> None:
    etag = d.call("POST", "/datasets/d/routines", routine()).json["etag"]
    changed = d.call("PUT", "/datasets/d/routines/plus", routine(body="x + 2"), {"If-Match": etag})
    assert changed.status == 200, changed.data
    assert answer_of(d, "SELECT d.plus(40)") == "42"
    assert d.call("PUT", "/datasets/d/routines/plus", routine(), {"If-Match": etag}).status == 412
    assert d.call("PUT", "/datasets/d/routines/none", routine("none")).status == 404


def test_routines_created_by_statement_are_listed_and_deleted(d: Http) -> None:
    for name in ("b", "a"):
        assert d.query(f"CREATE FUNCTION d.{name}(x INT64) AS (x)").status == 200
    listed = d.call("GET", "/datasets/d/routines?maxResults=1").json
    assert [r["routineReference"]["routineId"] for r in listed["routines"]] == ["a"]
    assert "definitionBody" not in listed["routines"][0]
    following = d.call(
        "GET", f"/datasets/d/routines?pageToken={listed['nextPageToken']}&readMask=definitionBody"
    )
    assert [r["definitionBody"] for r in following.json["routines"]] == ["x"]
    assert d.call("DELETE", "/datasets/d/routines/a").status == 204
    gone = d.call("GET", "/datasets/d/routines/a")
    assert (gone.status, gone.reason) == (404, "notFound")


def test_filter_by_type(d: Http) -> None:
    d.call("POST", "/datasets/d/routines", routine())
    assert "routines" not in d.call("GET", "/datasets/d/routines?filter=routineType:PROCEDURE").json
    assert len(d.call("GET", "/datasets/d/routines?filter=routineType:SCALAR_FUNCTION").json["routines"]) == 1
    assert d.call("GET", "/datasets/d/routines?filter=name:x").status == 400


@pytest.mark.parametrize("body", [routine("bad-name"), routine(body="nope"), {"routineReference": {}}])
def test_bad_routines_are_400(d: Http, body: dict[str, Any]) -> None:
    assert d.call("POST", "/datasets/d/routines", body).status == 400


def test_iam_policy_of_a_routine(d: Http) -> None:
    d.call("POST", "/datasets/d/routines", routine())
    policy = {"bindings": [{"role": "r", "members": ["user:a@b.c"]}]}
    assert d.call("POST", "/datasets/d/routines/plus:setIamPolicy", {"policy": policy}).status == 200
    got = d.call("POST", "/datasets/d/routines/plus:getIamPolicy", {}).json
    assert got["bindings"] == policy["bindings"]
    d.call("PUT", "/datasets/d/routines/plus", routine(body="x"))
    assert d.call("POST", "/datasets/d/routines/plus:getIamPolicy", {}).json == got
    assert "_iamPolicy" not in d.call("GET", "/datasets/d/routines/plus").json
