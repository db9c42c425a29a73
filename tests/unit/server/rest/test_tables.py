from __future__ import annotations

from typing import Any

import pytest

from tests.conftest import Http

pytestmark = [
    pytest.mark.fidelity(
        "rest:bigquery.tables.insert",
        "exact",
        tests="test_everything_accepted* test_insert_* test_views_* test_range*",
    ),
    pytest.mark.fidelity(
        "rest:bigquery.tables.get", "exact", tests="test_get_* test_fields_mask test_sizes_*"
    ),
    pytest.mark.fidelity("rest:bigquery.tables.patch", "exact", tests="test_patch_*"),
    pytest.mark.fidelity("rest:bigquery.tables.update", "exact", tests="test_update_*"),
    pytest.mark.fidelity("rest:bigquery.tables.list", "exact", tests="test_list_*"),
    pytest.mark.fidelity("rest:bigquery.tables.delete", "exact", tests="test_delete"),
    pytest.mark.fidelity(
        "rest:bigquery.tables.getIamPolicy, rest:bigquery.tables.setIamPolicy",
        "exact",
        tests="test_iam_policy_*",
    ),
    pytest.mark.fidelity(
        "fields:Table: clustering and partitioning",
        "exact",
        tests="test_range_* test_partitioning_* test_require_*",
    ),
    pytest.mark.fidelity("fields:Table: schema", "exact", tests="test_everything_accepted* test_patch_adds*"),
    pytest.mark.fidelity("fields:Table: sizes", "exact", tests="test_sizes_*"),
    pytest.mark.fidelity("fields:Table: view", "exact", tests="test_views_* test_a_view_*"),
    pytest.mark.fidelity(
        "fields:Table: streamingBuffer",
        "approximated",
        "Estimated rows and bytes are exact.",
        tests="test_rows_in_the_streaming_buffer*",
    ),
    pytest.mark.fidelity("fields:Dataset: defaults of tables", "exact", tests="test_dataset_defaults_*"),
]

NESTED = [
    {"name": "id", "type": "INTEGER", "mode": "REQUIRED"},
    {
        "name": "r",
        "type": "RECORD",
        "mode": "REPEATED",
        "fields": [{"name": "x", "type": "STRING", "mode": "NULLABLE"}],
    },
]


@pytest.fixture
def d(rest: Http) -> Http:
    rest.dataset()
    return rest


def test_everything_accepted_is_returned(d: Http) -> None:
    body: dict[str, Any] = {
        "friendlyName": "F",
        "description": "D",
        "labels": {"a": "b"},
        "timePartitioning": {"type": "DAY", "field": "ts", "expirationMs": "86400000"},
        "requirePartitionFilter": True,
        "clustering": {"fields": ["id", "name"]},
        "tableConstraints": {"primaryKey": {"columns": ["id"]}},
        "encryptionConfiguration": {"kmsKeyName": "k"},
        "maxStaleness": "0-0 0 1:0:0",
        "resourceTags": {"1/2": "3"},
        "defaultRoundingMode": "ROUND_HALF_EVEN",
        "expirationTime": "4102444800000",
    }
    fields = [
        {"name": "id", "type": "INTEGER", "mode": "REQUIRED", "description": "key"},
        {
            "name": "name",
            "type": "STRING",
            "mode": "NULLABLE",
            "maxLength": "10",
            "policyTags": {"names": ["t"]},
        },
        {
            "name": "ts",
            "type": "TIMESTAMP",
            "mode": "NULLABLE",
            "defaultValueExpression": "CURRENT_TIMESTAMP()",
        },
        {"name": "n", "type": "NUMERIC", "mode": "NULLABLE", "precision": "10", "scale": "2"},
    ]
    path = d.table("t", fields, **body)
    got = d.call("GET", path).json
    assert got["schema"]["fields"] == fields
    shown = {k: got[k] for k in body}
    shown["timePartitioning"].pop("requirePartitionFilter")
    assert shown == body
    assert (got["type"], got["numRows"], got["numBytes"]) == ("TABLE", "0", "0")
    assert got["location"] == "US"


def test_range_partitioning_is_kept(d: Http) -> None:
    spec = {"field": "n", "range": {"start": "0", "end": "100", "interval": "10"}}
    path = d.table("t", rangePartitioning=spec)
    assert d.call("GET", path).json["rangePartitioning"] == spec


def test_partitioning_by_an_unknown_field_is_refused(d: Http) -> None:
    body = {
        "tableReference": {"tableId": "t"},
        "schema": {"fields": NESTED},
        "timePartitioning": {"field": "zz"},
    }
    assert d.call("POST", "/datasets/d/tables", body).status == 400


def test_insert_twice_and_into_nothing(d: Http) -> None:
    d.table()
    again = d.call("POST", "/datasets/d/tables", {"tableReference": {"tableId": "t"}})
    assert (again.status, again.message) == (409, f"Already Exists: Table {d.project}:d.t")
    missing = d.call("POST", "/datasets/x/tables", {"tableReference": {"tableId": "t"}})
    assert (missing.status, missing.message) == (404, f"Not found: Dataset {d.project}:x")


def test_get_selects_fields_and_knows_decorators(d: Http) -> None:
    path = d.table()
    refused = d.call("GET", f"{path}$20240101")
    assert (refused.status, refused.message) == (
        400,
        f"Cannot read partition information from a table that is not partitioned: {d.project}:d.t",
    )
    chosen = d.call("GET", f"{path}?selectedFields=s").json["schema"]["fields"]
    assert [f["name"] for f in chosen] == ["s"]
    assert d.call("GET", f"{path}?selectedFields=zz").status == 400
    assert "numRows" not in d.call("GET", f"{path}?view=BASIC").json


def test_fields_mask(d: Http) -> None:
    path = d.table()
    answer = d.call("GET", f"{path}?fields=id,schema/fields/name")
    assert answer.json == {"id": f"{d.project}:d.t", "schema": {"fields": [{"name": "n"}, {"name": "s"}]}}
    bad = d.call("GET", f"{path}?fields=a((")
    assert (bad.status, bad.message) == (400, "Invalid field selection a((")


def test_sizes_count_rows(d: Http) -> None:
    path = d.table()
    d.query("INSERT d.t (n, s) VALUES (1, 'abc'), (2, NULL)")
    got = d.call("GET", path).json
    assert (got["numRows"], got["numBytes"]) == ("2", "21")
    assert "streamingBuffer" not in got


def test_rows_in_the_streaming_buffer_are_told_apart(d: Http) -> None:
    path = d.table()
    d.query("INSERT d.t (n, s) VALUES (2, NULL)")
    d.call("POST", f"{path}/insertAll", {"rows": [{"json": {"n": 1, "s": "abc"}}, {"json": {"n": 2}}]})
    got = d.call("GET", path).json
    assert (got["numRows"], got["numBytes"]) == ("1", "8")
    buffer = got["streamingBuffer"]
    assert (buffer["estimatedRows"], buffer["estimatedBytes"]) == ("2", "21")
    assert int(got["creationTime"]) <= int(buffer["oldestEntryTime"]) <= int(got["lastModifiedTime"])


def test_patch_adds_columns_and_nested_fields_and_rows_stay_readable(d: Http) -> None:
    path = d.table("t", NESTED)
    d.query("INSERT d.t (id, r) VALUES (1, [STRUCT('a' AS x)])")
    inner = [{"name": "x", "type": "STRING"}, {"name": "y", "type": "INTEGER"}]
    fields = [
        {"name": "id", "type": "INTEGER", "mode": "NULLABLE"},
        {"name": "r", "type": "RECORD", "mode": "REPEATED", "fields": inner},
        {"name": "new", "type": "BOOLEAN"},
    ]
    patched = d.call("PATCH", path, {"schema": {"fields": fields}})
    assert patched.status == 200, patched.data
    assert [f["name"] for f in patched.json["schema"]["fields"]] == ["id", "r", "new"]
    assert patched.json["schema"]["fields"][0]["mode"] == "NULLABLE"
    d.call(
        "POST", f"{path}/insertAll", {"rows": [{"json": {"id": 2, "r": [{"x": "b", "y": 7}], "new": True}}]}
    )
    rows = d.query("SELECT * FROM d.t ORDER BY id").json["rows"]
    assert rows[0]["f"] == [{"v": "1"}, {"v": [{"v": {"f": [{"v": "a"}, {"v": None}]}}]}, {"v": None}]
    assert rows[1]["f"] == [{"v": "2"}, {"v": [{"v": {"f": [{"v": "b"}, {"v": "7"}]}}]}, {"v": "true"}]


def test_patch_refuses_other_schema_changes(d: Http) -> None:
    path = d.table()
    answer = d.call("PATCH", path, {"schema": {"fields": [{"name": "n", "type": "STRING"}]}})
    text = "Field n has changed type from INTEGER to STRING"
    assert (answer.status, answer.message) == (
        400,
        f"Provided Schema does not match Table {d.project}:d.t. {text}",
    )


def test_patch_null_clears_and_etag_protects(d: Http) -> None:
    path = d.table(description="x", labels={"a": "1", "b": "2"})
    etag = d.call("GET", path).json["etag"]
    patched = d.call("PATCH", path, {"description": None, "labels": {"a": None}}, {"If-Match": etag}).json
    assert "description" not in patched
    assert patched["labels"] == {"b": "2"}
    assert d.call("PATCH", path, {"description": "y"}, {"If-Match": etag}).status == 412
    assert d.call("PUT", path, {"description": "y"}, {"If-Match": etag}).status == 412


def test_update_keeps_the_partitioning(d: Http) -> None:
    path = d.table("t", timePartitioning={"type": "MONTH"}, description="x")
    updated = d.call("PUT", path, {"friendlyName": "f"}).json
    assert updated["timePartitioning"] == {"type": "MONTH"}
    assert "description" not in updated
    changed = d.call("PATCH", path, {"timePartitioning": {"type": "DAY"}})
    assert changed.status == 400
    expiring = d.call("PATCH", path, {"timePartitioning": {"type": "MONTH", "expirationMs": "1000"}})
    assert expiring.json["timePartitioning"]["expirationMs"] == "1000"


def test_require_partition_filter_may_be_set_in_both_places(d: Http) -> None:
    path = d.table("t", timePartitioning={"type": "DAY"})
    on = d.call("PATCH", path, {"timePartitioning": {"type": "DAY", "requirePartitionFilter": True}}).json
    assert on["requirePartitionFilter"] is True
    off = d.call("PATCH", path, {"requirePartitionFilter": False}).json
    assert off["requirePartitionFilter"] is False


def test_dataset_defaults_apply_to_new_tables(rest: Http) -> None:
    rest.call(
        "POST",
        "/datasets",
        {
            "datasetReference": {"datasetId": "d"},
            "defaultTableExpirationMs": "3600000",
            "defaultPartitionExpirationMs": "60000",
        },
    )
    plain = rest.call("GET", rest.table("plain")).json
    assert int(plain["expirationTime"]) == int(plain["creationTime"]) + 3_600_000
    partitioned = rest.call("GET", rest.table("parts", timePartitioning={"type": "DAY"})).json
    assert partitioned["timePartitioning"]["expirationMs"] == "60000"
    assert "expirationTime" not in partitioned


def test_views_have_the_columns_of_their_query(d: Http) -> None:
    d.table()
    view = {"query": f"SELECT n, s AS renamed FROM `{d.project}.d.t`", "useLegacySql": False}
    made = d.call("POST", "/datasets/d/tables", {"tableReference": {"tableId": "v"}, "view": view})
    assert made.status == 200, made.data
    assert made.json["type"] == "VIEW"
    assert made.json["view"] == view
    assert [(f["name"], f["type"]) for f in made.json["schema"]["fields"]] == [
        ("n", "INTEGER"),
        ("renamed", "STRING"),
    ]
    described = d.call(
        "PATCH",
        "/datasets/d/tables/v",
        {"schema": {"fields": [{"name": "n", "type": "INTEGER", "description": "N"}]}},
    )
    assert described.json["schema"]["fields"][0]["description"] == "N"
    changed = d.call("PATCH", "/datasets/d/tables/v", {"view": {"query": "SELECT 1 AS one"}}).json
    assert [f["name"] for f in changed["schema"]["fields"]] == ["one"]


def test_a_view_of_nonsense_is_refused(d: Http) -> None:
    view = {"query": "SELECT nope", "useLegacySql": False}
    made = d.call("POST", "/datasets/d/tables", {"tableReference": {"tableId": "v"}, "view": view})
    assert (made.status, made.reason) == (400, "invalidQuery")


def test_list_pages_in_order(d: Http) -> None:
    for name in ("b", "a", "c"):
        d.table(name, labels={"n": name})
    first = d.call("GET", "/datasets/d/tables?maxResults=2").json
    assert [t["tableReference"]["tableId"] for t in first["tables"]] == ["a", "b"]
    assert first["totalItems"] == 3
    assert first["tables"][0]["labels"] == {"n": "a"}
    second = d.call("GET", f"/datasets/d/tables?maxResults=2&pageToken={first['nextPageToken']}").json
    assert [t["tableReference"]["tableId"] for t in second["tables"]] == ["c"]
    assert d.call("GET", "/datasets/d/tables?pageToken=x").status == 400
    assert d.call("GET", "/datasets/zz/tables").status == 404


def test_delete(d: Http) -> None:
    path = d.table()
    assert d.call("DELETE", path, headers={"If-Match": "other"}).status == 412
    assert d.call("DELETE", path).status == 204
    gone = d.call("DELETE", path)
    assert (gone.status, gone.message) == (404, f"Not found: Table {d.project}:d.t")


def test_iam_policy_is_kept_outside_the_resource(d: Http) -> None:
    path = d.table()
    before = d.call("POST", f"{path}:getIamPolicy", {}).json
    policy = {"bindings": [{"role": "roles/viewer", "members": ["user:a@b.c"]}], "etag": before["etag"]}
    after = d.call("POST", f"{path}:setIamPolicy", {"policy": policy}).json
    assert after["bindings"] == policy["bindings"]
    assert d.call("POST", f"{path}:getIamPolicy", {}).json == after
    assert d.call("POST", f"{path}:setIamPolicy", {"policy": policy}).status == 409
    assert "_iamPolicy" not in d.call("GET", path).json
    d.call("PATCH", path, {"description": "x"})
    assert d.call("POST", f"{path}:getIamPolicy", {}).json == after
    asked = {"permissions": ["bigquery.tables.get"]}
    assert d.call("POST", f"{path}:testIamPermissions", asked).json == asked


def test_list_tells_less_of_clones_snapshots_and_materialized_views(rest: Http) -> None:
    rest.dataset()
    rest.table()
    for sql in (
        "CREATE TABLE d.clone CLONE d.t",
        "CREATE SNAPSHOT TABLE d.snapshot CLONE d.t",
        "CREATE MATERIALIZED VIEW d.view AS SELECT s, COUNT(*) AS n FROM d.t GROUP BY s",
    ):
        assert rest.query(sql).status == 200
    listed = rest.call("GET", "/datasets/d/tables").json["tables"]
    plain = {"kind", "id", "tableReference", "type", "creationTime"}
    assert [set(one) - {"expirationTime"} for one in listed] == [plain] * 4
    assert "cloneDefinition" in rest.call("GET", "/datasets/d/tables/clone").json
