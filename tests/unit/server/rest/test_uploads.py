from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from bqsim.server.rest import spool
from tests.conftest import Answer, Http

pytestmark = pytest.mark.fidelity("http:uploads, load:uploads", "exact")

CSV = b"id,name\n1,alice\n2,bob\n"


@pytest.fixture
def d(rest: Http) -> Http:
    rest.dataset()
    return rest


def job(rest: Http, **load: Any) -> dict[str, Any]:
    table = {"projectId": rest.project, "datasetId": "d", "tableId": "t"}
    schema = {"fields": [{"name": "id", "type": "INTEGER"}, {"name": "name", "type": "STRING"}]}
    return {
        "configuration": {
            "load": {
                "destinationTable": table,
                "sourceFormat": "CSV",
                "skipLeadingRows": 1,
                "schema": schema,
                **load,
            }
        }
    }


def multipart(metadata: Any, media: bytes, boundary: str = "B") -> bytes:
    return (
        f"--{boundary}\r\nContent-Type: application/json\r\n\r\n{json.dumps(metadata)}\r\n".encode()
        + f"--{boundary}\r\nContent-Type: */*\r\n\r\n".encode()
        + media
        + f"\r\n--{boundary}--\r\n".encode()
    )


def upload(rest: Http, body: bytes, content_type: str = "multipart/related; boundary=B") -> Answer:
    path = f"/upload{rest.root}/jobs?uploadType=multipart"
    return rest.raw("POST", path, body, {"Content-Type": content_type})


def rows(rest: Http) -> list[list[str]]:
    found = rest.call("GET", "/datasets/d/tables/t/data").json.get("rows", [])
    return [[cell["v"] for cell in row["f"]] for row in found]


def test_multipart_loads_and_answers_the_job(d: Http) -> None:
    answer = upload(d, multipart(job(d), CSV))
    assert answer.status == 200, answer.data
    assert answer.json["kind"] == "bigquery#job"
    assert answer.json["status"] == {"state": "DONE"}
    assert answer.json["statistics"]["load"]["outputRows"] == "2"
    assert rows(d) == [["1", "alice"], ["2", "bob"]]


def test_multipart_chunked_as_node_sends_it(d: Http) -> None:
    d.connection.request(
        "POST",
        f"/upload{d.root}/jobs?uploadType=multipart",
        iter([b"\r\n", multipart(job(d), CSV)[:50], multipart(job(d), CSV)[50:], b"\r\n"]),
        {"Content-Type": "multipart/related; boundary=B"},
        encode_chunked=True,
    )
    response = d.connection.getresponse()
    assert json.loads(response.read())["statistics"]["load"]["outputRows"] == "2"


def test_gzip_is_found_by_its_bytes(d: Http) -> None:
    assert upload(d, multipart(job(d), gzip.compress(CSV))).json["status"] == {"state": "DONE"}
    assert len(rows(d)) == 2


@pytest.mark.parametrize(
    "content_type", ["application/octet-stream", "multipart/related", "multipart/mixed; boundary=B"]
)
def test_other_content_types_are_400(d: Http, content_type: str) -> None:
    answer = upload(d, multipart(job(d), CSV), content_type)
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--B--",
        b"--B\r\n\r\n{}\r\n--B--",
        b"--B\r\n\r\n{}\r\n--B\r\n\r\nx",
        b"--B\r\n\r\n{\r\n--B\r\n\r\nx\r\n--B--",
        b"--B\r\n\r\n{}\r\n" * 3 + b"--B--",
    ],
)
def test_malformed_bodies_are_400(d: Http, body: bytes) -> None:
    assert upload(d, body).status == 400


def test_unknown_format_is_400(d: Http) -> None:
    answer = upload(d, multipart(job(d, sourceFormat="BOGUS"), CSV))
    assert (answer.status, answer.json["error"]["status"]) == (400, "INVALID_ARGUMENT")


def begin(rest: Http, path: str = "/upload", size: int | None = None) -> str:
    headers = {"X-Upload-Content-Type": "*/*"}
    if size is not None:
        headers["X-Upload-Content-Length"] = str(size)
    answer = rest.raw("POST", f"{path}{rest.root}/jobs?uploadType=resumable", job(rest), headers)
    assert (answer.status, answer.data) == (200, b"")
    location = answer.headers["location"]
    assert location.startswith(f"http://127.0.0.1:{rest.simulator.port}/")
    assert answer.headers["x-guploader-uploadid"] in location
    return location.removeprefix(rest.simulator.url)


def put(rest: Http, place: str, data: bytes, content_range: str) -> Answer:
    return rest.raw("PUT", place, data, {"Content-Range": content_range})


@pytest.mark.parametrize("path", ["/upload", "/resumable/upload"])
def test_resumable_in_one_piece(d: Http, path: str) -> None:
    answer = put(d, begin(d, path, len(CSV)), CSV, f"bytes 0-{len(CSV) - 1}/{len(CSV)}")
    assert answer.json["statistics"]["load"]["outputRows"] == "2"
    assert len(rows(d)) == 2


def test_resumable_in_chunks_with_probes_and_a_repeat(d: Http) -> None:
    place, size = begin(d), len(CSV)
    assert "range" not in put(d, place, b"", f"bytes */{size}").headers
    first = put(d, place, CSV[:10], "bytes 0-9/*")
    assert (first.status, first.headers["range"], first.data) == (308, "bytes=0-9", b"")
    probe = put(d, place, b"", f"bytes */{size}")
    assert (probe.status, probe.headers["range"]) == (308, "bytes=0-9")
    ahead = put(d, place, CSV[12:], f"bytes 12-{size - 1}/{size}")
    assert (ahead.status, ahead.headers["range"]) == (308, "bytes=0-9")
    last = put(d, place, CSV[5:], f"bytes 5-{size - 1}/{size}")
    assert last.json["statistics"]["load"]["outputRows"] == "2"
    again = put(d, place, b"", f"bytes */{size}")
    assert again.json["jobReference"] == last.json["jobReference"]
    assert len(rows(d)) == 2


def test_resumable_without_content_range_is_the_whole(d: Http) -> None:
    assert d.raw("PUT", begin(d), CSV).json["status"] == {"state": "DONE"}


def test_unknown_session_is_404(d: Http) -> None:
    assert put(d, f"/upload{d.root}/jobs?upload_id=nope", CSV, f"bytes 0-21/{len(CSV)}").status == 404


@pytest.mark.parametrize("text", ["bytes 5-2/10", "bytes 0-9/5", "bytes x", "items 0-1/2", "bytes 0-1/9"])
def test_bad_ranges_are_400_and_the_session_lives(d: Http, text: str) -> None:
    place = begin(d, size=len(CSV))
    assert put(d, place, CSV, text).status == 400
    assert d.raw("DELETE", place).status == 499
    assert put(d, place, CSV, "bytes 0-1/2").status == 404


def test_large_content_goes_through_a_file(d: Http, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "SPOOL_BYTES", 1000)
    media = b"id,name\n" + b"".join(b"%d,name\n" % i for i in range(3000))
    assert upload(d, multipart(job(d), media)).json["statistics"]["load"]["outputRows"] == "3000"


def test_media_upload_without_metadata_is_refused(d: Http) -> None:
    assert d.raw("POST", f"/upload{d.root}/jobs?uploadType=media", CSV).status == 400
    assert d.raw("POST", f"/upload{d.root}/datasets?uploadType=multipart", CSV).status == 404
