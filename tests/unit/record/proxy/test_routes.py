from __future__ import annotations

import pytest

from bqsim.record.proxy.routes import BIGQUERY, STORAGE, Origin, Routes, names_addresses

GOOGLE = Routes(Origin.of(BIGQUERY), Origin.of(STORAGE))
HERE = "http://127.0.0.1:1"


@pytest.mark.parametrize(
    "target",
    [
        "/bigquery/v2/projects/p/queries",
        "/upload/bigquery/v2/projects/p/jobs?uploadType=multipart",
        "/resumable/upload/bigquery/v2/projects/p/jobs",
        "/batch/bigquery/v2",
        "/batch",
        "/discovery/v1/apis/bigquery/v2/rest",
        "/$discovery/rest?version=v2",
        # Emulators have these without a prefix.
        "/projects/p/queries",
        "/upload/projects/p/jobs",
        "/bqsim/v1/journal",
        "/",
    ],
)
def test_paths_of_bigquery(target: str) -> None:
    assert GOOGLE.origin(target).base == BIGQUERY


@pytest.mark.parametrize(
    "target",
    [
        "/storage/v1/b",
        "/upload/storage/v1/b/b/o?uploadType=media",
        "/resumable/upload/storage/v1/b/b/o",
        "/download/storage/v1/b/b/o/o?alt=media",
        "/batch/storage/v1",
        "/b/b/o",
        "/my-bucket/path/to/object.csv?X-Goog-Signature=1",
        "/projects-bucket/object",
    ],
)
def test_paths_of_cloud_storage(target: str) -> None:
    assert GOOGLE.origin(target).base == STORAGE


@pytest.mark.parametrize(
    ("location", "told"),
    [
        (f"{BIGQUERY}/upload/bigquery/v2/x?upload_id=1", f"{HERE}/upload/bigquery/v2/x?upload_id=1"),
        (f"{STORAGE}/upload/storage/v1/b/b/o?upload_id=1", f"{HERE}/upload/storage/v1/b/b/o?upload_id=1"),
        ("https://bigquery.googleapis.com.evil.test/x", "https://bigquery.googleapis.com.evil.test/x"),
        ("https://elsewhere.test/x", "https://elsewhere.test/x"),
        ("/upload/relative", "/upload/relative"),
    ],
)
def test_locations_lead_back(location: str, told: str) -> None:
    assert GOOGLE.back(location, HERE) == told


def test_uploads_go_on_where_they_began() -> None:
    routes = Routes(Origin.of(BIGQUERY), Origin.of(STORAGE))
    began = "https://www.googleapis.com/upload/bigquery/v2/projects/p/jobs?uploadType=resumable&upload_id=ab"
    told = routes.back(began, HERE, upload=True)
    assert told == began.replace("https://www.googleapis.com", HERE)
    assert routes.origin(told.removeprefix(HERE)).base == "https://www.googleapis.com"
    assert routes.origin("/upload/bigquery/v2/projects/p/jobs?upload_id=other").base == BIGQUERY


def test_documents() -> None:
    text = (
        b'{"rootUrl": "https://bigquery.googleapis.com/", "mtls": "https://bigquery.mtls.googleapis.com/",'
        b'"mediaLink": "https://storage.googleapis.com/download/storage/v1/b", '
        b'"selfLink": "https://www.googleapis.com/storage/v1/b", '
        b'"scope": "https://www.googleapis.com.evil.test/", "\xff": 1}'
    )
    assert GOOGLE.rewritten(text, HERE) == (
        b'{"rootUrl": "http://127.0.0.1:1/", "mtls": "https://bigquery.mtls.googleapis.com/",'
        b'"mediaLink": "http://127.0.0.1:1/download/storage/v1/b", '
        b'"selfLink": "http://127.0.0.1:1/storage/v1/b", '
        b'"scope": "https://www.googleapis.com.evil.test/", "\xff": 1}'
    )
    emulator = Routes(Origin.of("http://e:9050"), Origin.of("http://e:90"))
    assert emulator.rewritten(b'"http://e:9050/a" "http://e:90/b" "http://e:905/c"', HERE) == (
        b'"http://127.0.0.1:1/a" "http://127.0.0.1:1/b" "http://e:905/c"'
    )


@pytest.mark.parametrize(
    ("target", "media", "whether"),
    [
        ("/discovery/v1/apis/bigquery/v2/rest", "application/json; charset=UTF-8", True),
        ("/storage/v1/b/b/o/o", "application/json", True),
        ("/storage/v1/b/b/o/o?alt=media", "application/json", False),
        ("/download/storage/v1/b/b/o/o", "application/json", False),
        ("/bigquery/v2/projects/p/queries", "application/json", False),
        ("/storage/v1/b/b/o/o", "text/plain", False),
    ],
)
def test_documents_that_name_addresses(target: str, media: str, whether: bool) -> None:
    assert names_addresses(target, media) is whether


@pytest.mark.parametrize("url", ["", "ftp://x", "http://", "http://h:port"])
def test_what_is_no_address(url: str) -> None:
    with pytest.raises(ValueError):
        Origin.of(url)


def test_addresses() -> None:
    assert Origin.of("localhost:9050") == Origin("http://localhost:9050", "localhost:9050")
    assert Origin.of("https://h/base/") == Origin("https://h/base", "h")
    assert Origin.of("http://me:pw@h:1").base == "http://h:1"
