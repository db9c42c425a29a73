from __future__ import annotations

from typing import Any

import pytest

from bqsim.record.keys import is_legacy, job_request, operation_key, query_request


def _query(sql: str, **body: Any) -> str:
    return operation_key("query", query_request({"query": sql, "useLegacySql": False, **body}))


BASE = "SELECT name, COUNT(*) FROM shop.orders WHERE id = 5 AND kind = 'a' GROUP BY name"


@pytest.mark.parametrize(
    "same",
    [
        "select name, count(*)\nfrom shop.orders where id=5 and kind='a' group by name;",
        'SELECT name, COUNT(*) FROM `shop.orders` WHERE id = 05 AND kind = "a" GROUP BY name -- all',
        "SELECT /* those */ name, COUNT( * ) FROM `shop`.`orders` WHERE id = 0x5 "
        "AND kind = '''a''' GROUP BY name",
    ],
)
def test_texts_that_mean_the_same(same: str) -> None:
    assert _query(same) == _query(BASE)


@pytest.mark.parametrize(
    "other",
    [
        BASE.replace("5", "6"),
        BASE.replace("'a'", "'A'"),
        BASE.replace("orders", "Orders"),
        BASE.replace("5", "5.0"),
        BASE.replace("name,", "nome,"),
        BASE + " LIMIT 1",
    ],
)
def test_texts_that_mean_something_else(other: str) -> None:
    assert _query(other) != _query(BASE)


def test_what_clients_make_anew_does_not_count() -> None:
    sent = {
        "requestId": "r",
        "timeoutMs": 5,
        "maxResults": 7,
        "labels": {"run": "1"},
        "location": "EU",
        "formatOptions": {"useInt64Timestamp": True},
        "jobCreationMode": "JOB_CREATION_REQUIRED",
        "useQueryCache": False,
    }
    assert _query(BASE, **sent) == _query(BASE)
    kind, request = job_request(
        {
            "jobReference": {"jobId": "j", "location": "EU"},
            "configuration": {
                "labels": {"a": "b"},
                "jobTimeoutMs": "9",
                "query": {"query": BASE, "useLegacySql": False, "priority": "BATCH"},
            },
        }
    )
    assert operation_key(kind, request) == _query(BASE)


def test_what_counts_beside_the_text() -> None:
    others = [
        _query(BASE, defaultDataset={"datasetId": "d"}),
        _query(BASE, defaultDataset={"datasetId": "e"}),
        _query(BASE, dryRun=True),
        _query(BASE, useLegacySql=True),
    ]
    destination = {"datasetId": "d", "tableId": "t"}
    for more in ({}, {"writeDisposition": "WRITE_TRUNCATE"}):
        query = {"query": BASE, "useLegacySql": False, "destinationTable": destination, **more}
        others.append(operation_key(*job_request({"configuration": {"query": query}})))
    assert len({_query(BASE), *others}) == len(others) + 1


def test_a_reference_without_a_project_is_of_the_project_of_the_call() -> None:
    keys = {
        _query(BASE, defaultDataset=dataset)
        for dataset in ({"datasetId": "d"}, {"datasetId": "d", "projectId": "${project}"})
    }
    assert len(keys) == 1


def test_legacy_by_prefix_then_by_option() -> None:
    assert is_legacy("#legacySQL\nSELECT 1", {"useLegacySql": False})
    assert not is_legacy("/* x */ #standardSQL\nSELECT 1", {})
    assert is_legacy("SELECT 1", {})
    assert not is_legacy("SELECT 1", {"useLegacySql": False})


def test_metadata_without_pages_and_what_the_service_filled_in() -> None:
    def key(query: dict[str, str], body: dict[str, Any]) -> str:
        call = {"method": "bigquery.tables.patch", "resource": "projects/${project}/datasets/d/tables/t"}
        return operation_key("metadata", {**call, "query": query, "body": body})

    plain = key({}, {"description": "d", "expirationTime": "3600000"})
    assert (
        key(
            {"prettyPrint": "false", "fields": "id", "pageToken": "x"},
            {"description": "d", "expirationTime": 3600000},
        )
        == plain
    )
    assert key({}, {"description": "d", "expirationTime": "3600000", "etag": "e", "selfLink": "s"}) == plain
    assert key({}, {"description": "e", "expirationTime": "3600000"}) != plain


def test_which_operation_made_a_name_does_not_count() -> None:
    keys = {
        operation_key("rows", {"table": f"projects/${{project}}/datasets/${{dataset}}/tables/${{table{of}}}"})
        for of in ("", "@4f1c0a22b3d4e5f6.1", "@4f1c0a22b3d4e5f6.2")
    }
    assert len(keys) == 1


def test_contents_are_no_part_of_keys() -> None:
    table = "projects/${project}/datasets/d/tables/t"
    keys = {
        operation_key("insert", {"table": table, "count": n, "rows": [{"data": {"$blob": str(n)}}]})
        for n in range(2)
    }
    assert len(keys) == 1


def test_schemas_that_mean_the_same_have_one_key() -> None:
    told = [
        {"name": "a", "type": "INTEGER", "mode": "NULLABLE"},
        {"name": "s", "type": "RECORD", "mode": "REPEATED", "fields": [{"name": "x", "type": "BOOLEAN"}]},
    ]
    short = [
        {"name": "a", "type": "int64"},
        {"name": "s", "type": "STRUCT", "mode": "repeated", "fields": [{"name": "x", "type": "BOOL"}]},
    ]
    loads = [{"configuration": {"load": {"schema": {"fields": f}}}} for f in (told, short, told[:1])]
    one, same, other = (operation_key("load", load) for load in loads)
    assert one == same != other
    made = [{"method": "m", "resource": "r", "body": {"schema": {"fields": f}}} for f in (told, short)]
    assert len({operation_key("metadata", call) for call in made}) == 1
