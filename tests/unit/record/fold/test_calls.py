"""Metadata, inserted rows, objects, and what no API known here has."""

from __future__ import annotations

from bqsim.record.fold.folder import fold
from tests.exchange_help import Calls, rows

from .test_reading import Kept


def test_pages_of_a_list_are_one_answer() -> None:
    calls = Calls()
    calls.rest("GET", "/datasets?maxResults=1", None, {"datasets": [{"id": "p:a"}], "nextPageToken": "n1"})
    calls.rest("GET", "/datasets?maxResults=1&pageToken=n1", None, {"datasets": [{"id": "p:b"}]})
    (made,) = fold(calls.made)
    assert made.request == {"method": "bigquery.datasets.list", "resource": "projects/${project}/datasets"}
    assert made.result["body"] == {"datasets": [{"id": "${project}:a"}, {"id": "${project}:b"}]}


def test_a_list_that_was_not_read_to_its_end() -> None:
    calls = Calls()
    calls.rest("GET", "/datasets", None, {"datasets": [{"id": "p:a"}], "nextPageToken": "n1"})
    (made,) = fold(calls.made)
    assert made.result["body"] == {"datasets": [{"id": "${project}:a"}], "more": True}


def test_failures_before_the_answer() -> None:
    calls = Calls()
    error = {"error": {"errors": [{"reason": "rateLimitExceeded"}]}}
    calls.rest("DELETE", "/datasets/d", None, error, 403)
    calls.rest("DELETE", "/datasets/d", None, None, 204)
    (made,) = fold(calls.made)
    assert made.result["status"] == 204
    assert made.result["failures"][0]["reason"] == "rateLimitExceeded"
    # What the answer took, without the failure and the wait before.
    assert made.measures["at"]["calls"] == [0.5]
    assert made.measures["at"]["end_s"] == 1.5


def test_a_refusal_that_nobody_sent_again_is_its_own() -> None:
    calls = Calls()
    calls.rest("GET", "/datasets/d", None, {"error": {"code": 404}}, 404)
    calls.rest("POST", "/datasets", {"datasetReference": {"projectId": "p", "datasetId": "d"}}, {"id": "p:d"})
    calls.rest("GET", "/datasets/d", None, {"id": "p:d"})
    told = [(o.request["method"], o.occurrence, o.result["status"]) for o in fold(calls.made)]
    assert sorted(told) == [
        ("bigquery.datasets.get", 1, 404),
        ("bigquery.datasets.get", 2, 200),
        ("bigquery.datasets.insert", 1, 200),
    ]


def test_inserted_rows() -> None:
    calls = Calls()
    body = {
        "skipInvalidRows": True,
        "rows": [{"insertId": "a", "json": {"x": 1}}, {"insertId": "b", "json": {"x": "é"}}],
    }
    errors = {"insertErrors": [{"index": 1, "errors": [{"reason": "invalid"}]}]}
    calls.rest("POST", "/datasets/d/tables/t/insertAll", body, errors)
    kept = Kept()
    (made,) = fold(calls.made, keep=kept)
    assert list(kept.blobs.values()) == ['{"x":1}\n{"x":"é"}\n'.encode()]
    assert made.request["options"] == {"skipInvalidRows": True}
    assert (made.request["count"], made.request["ids"]) == (2, True)
    assert made.result == errors


def test_rows_of_a_table_in_pages() -> None:
    calls = Calls()
    target = "/datasets/d/tables/t/data?selectedFields=x,y"
    calls.rest("GET", target, None, {"totalRows": "3", "rows": rows("1", "2"), "pageToken": "k"})
    calls.rest("GET", f"{target}&pageToken=k", None, {"totalRows": "3", "rows": rows("3")})
    (made,) = fold(calls.made)
    assert made.request == {"table": "projects/${project}/datasets/d/tables/t", "fields": ["x", "y"]}
    assert [(s["start"], s["count"]) for s in made.result["rows"]] == [(0, 2), (2, 1)]
    assert made.result["totalRows"] == 3


def test_objects() -> None:
    calls = Calls()
    told = {
        "name": "o.csv",
        "bucket": "bk",
        "generation": "1795000000000001",
        "id": "bk/o.csv/1795000000000001",
    }
    target = "/upload/storage/v1/b/bk/o?name=o.csv&uploadType=media"
    calls.rest("POST", target, b"1,a\n", told, media="text/csv")
    head = {"content-type": "text/csv", "x-goog-generation": "1795000000000001", "date": "today"}
    calls.rest(
        "GET", "/storage/v1/b/bk/o/o.csv?alt=media", None, b"1,a\n", told=head, answer_media="text/csv"
    )
    kept = Kept()
    put, got = fold(calls.made, keep=kept)
    assert put.request["content"]["media"] == "text/csv"
    assert put.result["body"]["id"] == "bk/o.csv/${generation}"
    assert kept.blobs[got.result["content"]["$blob"]] == b"1,a\n"
    assert got.result["headers"] == {
        "content-type": "text/csv",
        "x-goog-generation": f"${{generation@{put.name}}}",
    }
    assert got.order == {"object:gs://bk/o.csv": 1}


def test_what_no_api_has() -> None:
    calls = Calls()
    calls.rest(
        "POST", "//bigquery/other", b"hello", b"bye", 207, media="text/plain", answer_media="text/plain"
    )
    (made,) = fold(calls.made)
    assert made.kind == "other"
    assert made.request["verb"] == "POST"
    assert made.request["content"]["size"] == 5
    assert made.result["status"] == 207
