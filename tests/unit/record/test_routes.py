"""Methods of calls."""

from __future__ import annotations

import pytest

from bqsim.record.routes import identify, query_of


@pytest.mark.parametrize(
    ("verb", "target", "host", "expected"),
    [
        ("GET", "/bigquery/v2/projects/p/datasets/d", "", ("bigquery.datasets.get", "projects/p/datasets/d")),
        (
            "POST",
            "/bigquery/v2/projects/p/queries?alt=json",
            "",
            ("bigquery.jobs.query", "projects/p/queries"),
        ),
        (
            "POST",
            "/upload/bigquery/v2/projects/p/jobs?uploadType=media",
            "",
            ("bigquery.jobs.insert", "projects/p/jobs"),
        ),
        (
            "PUT",
            "/resumable/upload/bigquery/v2/projects/p/jobs?upload_id=1",
            "",
            ("bigquery.jobs.insert", "projects/p/jobs"),
        ),
        ("GET", "/storage/v1/b/bk/o/a%2Fb?alt=media", "", ("storage.objects.get", "b/bk/o/a/b")),
        ("GET", "/download/storage/v1/b/bk/o/a", "", ("storage.objects.get", "b/bk/o/a")),
        ("POST", "/upload/storage/v1/b/bk/o?name=x", "", ("storage.objects.insert", "b/bk/o")),
        ("GET", "/bk/a/b", "storage.googleapis.com", ("storage.xml.get", "b/bk/a/b")),
        ("POST", "/batch/bigquery/v2", "", ("batch", "")),
        ("GET", "/discovery/v1/apis/bigquery/v2/rest", "", ("discovery", "")),
        ("GET", "/elsewhere", "", ("", "")),
        ("GET", "/bigquery/v2/projects/p/nothing", "", ("", "projects/p/nothing")),
    ],
)
def test_rest(verb: str, target: str, host: str, expected: tuple[str, str]) -> None:
    assert identify("rest", verb, target, host) == expected


def test_grpc_methods_are_the_same_for_every_version() -> None:
    for version in ("v1", "v1beta2"):
        path = f"/google.cloud.bigquery.storage.{version}.BigQueryRead/ReadRows"
        name = "google.cloud.bigquery.storage.v1.BigQueryRead.ReadRows"
        assert identify("grpc", "", path) == (name, "")
    assert identify("grpc", "", "/grpc.health.v1.Health/Check") == ("", "")


def test_query() -> None:
    assert query_of("/x?a=1&b=%2F&a=2&c=") == {"a": "1,2", "b": "/", "c": ""}
