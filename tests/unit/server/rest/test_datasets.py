from __future__ import annotations

import pytest

from tests.conftest import Http

pytestmark = [
    pytest.mark.fidelity("rest:bigquery.datasets.insert", "exact", tests="test_insert_* test_bad_ids*"),
    pytest.mark.fidelity(
        "rest:bigquery.datasets.get",
        "exact",
        tests="test_get_missing* test_if_none_match* test_insert_then_get*",
    ),
    pytest.mark.fidelity("rest:bigquery.datasets.patch", "exact", tests="test_patch_* test_stale_etag*"),
    pytest.mark.fidelity("rest:bigquery.datasets.update", "exact", tests="test_update_*"),
    pytest.mark.fidelity("rest:bigquery.datasets.list", "exact", tests="test_list_*"),
    pytest.mark.fidelity("rest:bigquery.datasets.delete", "exact", tests="test_delete_*"),
    pytest.mark.fidelity("rest:bigquery.datasets.undelete, time:undelete", "exact", tests="test_undelete_*"),
    pytest.mark.fidelity("fields:Dataset: labels", "exact", tests="test_labels_*"),
    pytest.mark.fidelity("http:etags", "exact", tests="test_stale_etag* test_if_none_match*"),
]


def test_insert_then_get_returns_everything_given(rest: Http) -> None:
    body = {
        "datasetReference": {"datasetId": "d", "projectId": rest.project},
        "friendlyName": "F",
        "description": "D",
        "labels": {"env": "prod"},
        "defaultTableExpirationMs": "3600000",
        "defaultPartitionExpirationMs": 7200000,
        "location": "eu",
        "maxTimeTravelHours": "48",
        "storageBillingModel": "PHYSICAL",
        "defaultCollation": "und:ci",
    }
    made = rest.call("POST", "/datasets", body)
    assert made.status == 200, made.data
    got = rest.call("GET", "/datasets/d")
    assert got.json == made.json
    assert got.json["location"] == "EU"
    assert got.json["defaultPartitionExpirationMs"] == "7200000"
    assert {k: got.json[k] for k in body if k not in ("location", "defaultPartitionExpirationMs")} == {
        k: v for k, v in body.items() if k not in ("location", "defaultPartitionExpirationMs")
    }
    assert got.json["id"] == f"{rest.project}:d"
    assert got.json["kind"] == "bigquery#dataset"
    assert got.json["selfLink"] == f"{rest.simulator.url}/bigquery/v2/projects/{rest.project}/datasets/d"
    assert {"role": "OWNER", "specialGroup": "projectOwners"} in got.json["access"]
    assert got.headers["etag"] == got.json["etag"]


def test_insert_twice_is_a_conflict(rest: Http) -> None:
    rest.dataset()
    again = rest.call("POST", "/datasets", {"datasetReference": {"datasetId": "d"}})
    assert (again.status, again.reason) == (409, "duplicate")
    assert again.message == f"Already Exists: Dataset {rest.project}:d"


@pytest.mark.parametrize(
    ("reference", "reason"),
    [({}, "required"), ({"datasetId": "a-b"}, "invalid"), ({"datasetId": "x" * 1025}, "invalid")],
)
def test_bad_ids_are_refused(rest: Http, reference: dict[str, str], reason: str) -> None:
    answer = rest.call("POST", "/datasets", {"datasetReference": reference})
    assert (answer.status, answer.reason) == (400, reason)


def test_names_are_case_sensitive(rest: Http) -> None:
    rest.dataset("d")
    rest.dataset("D")
    assert rest.call("GET", "/datasets/D").json["id"] == f"{rest.project}:D"


def test_get_missing_is_not_found(rest: Http) -> None:
    answer = rest.call("GET", "/datasets/nope")
    assert (answer.status, answer.reason) == (404, "notFound")
    assert answer.message == f"Not found: Dataset {rest.project}:nope"


def test_patch_merges_and_null_clears(rest: Http) -> None:
    rest.call(
        "POST",
        "/datasets",
        {"datasetReference": {"datasetId": "d"}, "description": "old", "labels": {"a": "1", "b": "2"}},
    )
    patched = rest.call(
        "PATCH", "/datasets/d", {"friendlyName": "new", "description": None, "labels": {"a": None}}
    )
    assert patched.status == 200, patched.data
    assert patched.json["friendlyName"] == "new"
    assert "description" not in patched.json
    assert patched.json["labels"] == {"b": "2"}


def test_update_replaces_what_a_client_may_set(rest: Http) -> None:
    rest.call(
        "POST",
        "/datasets",
        {"datasetReference": {"datasetId": "d"}, "description": "old", "labels": {"a": "1"}},
    )
    updated = rest.call("PUT", "/datasets/d", {"friendlyName": "new"}).json
    assert updated["friendlyName"] == "new"
    assert "description" not in updated
    assert "labels" not in updated
    assert updated["access"]


def test_stale_etag_is_412_and_current_one_passes(rest: Http) -> None:
    rest.dataset()
    etag = rest.call("GET", "/datasets/d").json["etag"]
    assert rest.call("PATCH", "/datasets/d", {"description": "1"}, {"If-Match": etag}).status == 200
    stale = rest.call("PATCH", "/datasets/d", {"description": "2"}, {"If-Match": etag})
    assert (stale.status, stale.reason) == (412, "conditionNotMet")
    assert rest.call("GET", "/datasets/d").json["description"] == "1"
    assert rest.call("PATCH", "/datasets/d", {"description": "3"}, {"If-Match": "*"}).status == 200


def test_if_none_match_is_304_until_a_change(rest: Http) -> None:
    rest.dataset()
    etag = rest.call("GET", "/datasets/d").headers["etag"]
    same = rest.call("GET", "/datasets/d", headers={"If-None-Match": etag})
    assert (same.status, same.data) == (304, b"")
    rest.call("PATCH", "/datasets/d", {"description": "x"})
    assert rest.call("GET", "/datasets/d", headers={"If-None-Match": etag}).status == 200


def test_list_pages_filters_and_hides_results(rest: Http) -> None:
    for name in ("a", "b", "c"):
        rest.call("POST", "/datasets", {"datasetReference": {"datasetId": name}, "labels": {"n": name}})
    first = rest.call("GET", "/datasets?maxResults=2").json
    assert [d["datasetReference"]["datasetId"] for d in first["datasets"]] == ["a", "b"]
    second = rest.call("GET", f"/datasets?maxResults=2&pageToken={first['nextPageToken']}").json
    assert [d["datasetReference"]["datasetId"] for d in second["datasets"]] == ["c"]
    assert "nextPageToken" not in second
    labelled = rest.call("GET", "/datasets?filter=labels.n:b").json["datasets"]
    assert [d["id"] for d in labelled] == [f"{rest.project}:b"]
    rest.query("SELECT 1")
    assert len(rest.call("GET", "/datasets").json["datasets"]) == 3
    every = rest.call("GET", "/datasets?all=True").json["datasets"]
    assert sorted(d["datasetReference"]["datasetId"][0] for d in every) == ["_", "a", "b", "c"]
    hidden = next(d for d in every if d["datasetReference"]["datasetId"].startswith("_"))
    got = rest.call("GET", f"/datasets/{hidden['datasetReference']['datasetId']}").json
    assert got["id"] == hidden["id"]


def test_list_of_an_unknown_project_is_empty(rest: Http) -> None:
    assert "datasets" not in rest.call("GET", "/datasets").json


def test_delete_needs_delete_contents(rest: Http) -> None:
    rest.dataset()
    rest.table()
    refused = rest.call("DELETE", "/datasets/d")
    assert (refused.status, refused.reason) == (400, "resourceInUse")
    assert refused.message == f"Dataset {rest.project}:d is still in use"
    assert rest.call("DELETE", "/datasets/d?deleteContents=true").status == 204
    assert rest.call("GET", "/datasets/d").status == 404
    assert rest.call("DELETE", "/datasets/d").status == 404


def test_undelete_brings_tables_and_rows_back(rest: Http) -> None:
    rest.dataset()
    table = rest.table()
    rest.query("INSERT d.t (n) VALUES (1)")
    rest.call("DELETE", "/datasets/d?deleteContents=true")
    assert rest.call("POST", "/datasets/d:undelete", {}).status == 200
    assert rest.call("GET", f"{table}/data").json["rows"][0]["f"][0] == {"v": "1"}
    assert rest.call("POST", "/datasets/d:undelete", {}).status == 409
    assert rest.call("POST", "/datasets/never:undelete", {}).status == 404


@pytest.mark.parametrize("labels", [{"Upper": "x"}, {"a": "B"}, {"": "x"}, {"a" * 64: "x"}])
def test_labels_follow_the_rules(rest: Http, labels: dict[str, str]) -> None:
    answer = rest.call("POST", "/datasets", {"datasetReference": {"datasetId": "d"}, "labels": labels})
    assert (answer.status, answer.reason) == (400, "invalid")


def test_body_that_names_another_dataset_is_refused(rest: Http) -> None:
    rest.dataset()
    answer = rest.call("PATCH", "/datasets/d", {"datasetReference": {"datasetId": "other"}})
    assert answer.status == 400


def test_patch_without_nulls_in_lists(rest: Http) -> None:
    rest.dataset()
    view = {"projectId": rest.project, "datasetId": "d", "tableId": "v"}
    access = [{"role": "OWNER", "specialGroup": "projectOwners"}, {"role": None, "view": view}]
    for verb in ("PATCH", "PUT"):
        answer = rest.call(verb, "/datasets/d", {"access": access})
        assert answer.json["access"] == [access[0], {"view": view}]
