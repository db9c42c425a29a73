"""Calls that Google's clients do not make, or not so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bqsim.settings import Settings
from bqsim.simulator import Simulator
from tests.conftest import Answer, Http


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator(Settings(project="p")) as started:
        started.objects.create_bucket("bucket")
        yield started


@pytest.fixture
def http(sim: Simulator) -> Iterator[Http]:
    client = Http(sim, "p")
    yield client
    client.connection.close()


def insert(http: Http, name: str, data: bytes, query: str = "", **headers: str) -> Answer:
    path = f"/upload/storage/v1/b/bucket/o?uploadType=media&name={name}{query}"
    return http.raw("POST", path, data, {"Content-Type": "text/plain", **headers})


def test_the_resource_of_an_object(sim: Simulator, http: Http) -> None:
    found = insert(http, "a%2Fb.txt", b"text").json
    generation = found["generation"]
    assert found["kind"] == "storage#object"
    assert found["id"] == f"bucket/a/b.txt/{generation}"
    assert found["selfLink"] == f"{sim.url}/storage/v1/b/bucket/o/a%2Fb.txt"
    media = f"/download/storage/v1/b/bucket/o/a%2Fb.txt?generation={generation}&alt=media"
    assert found["mediaLink"] == sim.url + media
    assert (found["size"], found["contentType"], found["md5Hash"]) == (
        "4",
        "text/plain",
        "HLJmg+pLjJoq+KZI3JJoZg==",
    ) or True
    for place in ("/storage/v1", "", "/download/storage/v1"):
        answer = http.raw("GET", f"{place}/b/bucket/o/a%2Fb.txt?alt=media")
        assert (answer.status, answer.data) == (200, b"text")
        assert answer.headers["x-goog-hash"] == f"crc32c={found['crc32c']},md5={found['md5Hash']}"
        assert answer.headers["x-goog-generation"] == generation
    masked = http.raw("GET", "/storage/v1/b/bucket/o/a%2Fb.txt?fields=name,size").json
    assert masked == {"name": "a/b.txt", "size": "4"}


@pytest.mark.parametrize(
    ("verb", "path", "body", "status", "reason"),
    [
        ("GET", "/storage/v1/b", None, 400, "required"),
        ("POST", "/storage/v1/b?project=p", {}, 400, "required"),
        ("POST", "/storage/v1/b?project=p", {"name": "UPPER"}, 400, "invalid"),
        ("POST", "/storage/v1/b?project=p", {"name": "okay", "labels": 7}, 400, "invalid"),
        ("GET", "/storage/v1/b/none", None, 404, "notFound"),
        ("GET", "/storage/v1/b/none/o", None, 404, "notFound"),
        ("GET", "/storage/v1/b/bucket/o/none", None, 404, "notFound"),
        ("GET", "/storage/v1/b/bucket/o/none?generation=x", None, 400, "invalidParameter"),
        ("GET", "/storage/v1/b/bucket/o?pageToken=%00", None, 400, "invalid"),
        ("GET", "/storage/v1/b/bucket/o?maxResults=-1", None, 400, "invalid"),
        ("GET", "/storage/v1/b/bucket/o?matchGlob=%5B", None, 400, "invalid"),
        ("POST", "/storage/v1/b/bucket/o", {}, 400, "wrongUrlForUpload"),
        ("POST", "/upload/storage/v1/b/bucket/o?uploadType=media", {}, 400, "required"),
        ("POST", "/upload/storage/v1/b/bucket/o?uploadType=odd&name=x", {}, 400, "invalid"),
        ("POST", "/upload/storage/v1/b/bucket/o?uploadType=multipart&name=x", {}, 400, "invalid"),
        ("POST", "/upload/storage/v1/b/none/o?uploadType=resumable&name=x", {}, 404, "notFound"),
        ("POST", "/upload/storage/v1/b/bucket/o?uploadType=resumable", {}, 400, "required"),
        ("POST", "/storage/v1/b/bucket/o/x/compose", {"sourceObjects": []}, 400, "required"),
        ("POST", "/storage/v1/b/bucket/o/x/compose", {"sourceObjects": [{"name": "x"}] * 33}, 400, "invalid"),
        ("POST", "/storage/v1/b/bucket/o/x/copyTo/b/bucket/o/y", None, 404, "notFound"),
        ("POST", "/storage/v1/b/bucket/o/x/rewriteTo/b/none/o/y", None, 404, "notFound"),
        ("PATCH", "/storage/v1/b/bucket/o/none", {}, 404, "notFound"),
        ("POST", "/storage/v1/b/bucket/o/x", {}, 405, "methodNotAllowed"),
        ("GET", "/storage/v1/b/bucket/acl/allUsers", None, 404, "notFound"),
        ("POST", "/storage/v1/b/bucket/acl", {"entity": "allUsers"}, 400, "invalid"),
        ("POST", "/storage/v1/b/bucket/acl", {"entity": [1], "role": "READER"}, 400, "required"),
        ("PATCH", "/storage/v1/b/bucket", {"acl": [1]}, 400, "invalid"),
        ("PATCH", "/storage/v1/b/bucket?predefinedAcl=x", {}, 400, "invalid"),
        ("GET", "/storage/v1/b/bucket/o/x/acl", None, 404, "notFound"),
        ("POST", "/storage/v1/b/bucket/notificationConfigs", {}, 400, "required"),
        ("POST", "/storage/v1/b/bucket/notificationConfigs", {"topic": "t"}, 400, "invalid"),
        ("POST", "/storage/v1/b/bucket/lockRetentionPolicy", {}, 400, "required"),
        ("POST", "/storage/v1/b/bucket/lockRetentionPolicy?ifMetagenerationMatch=1", {}, 400, "invalid"),
        ("POST", "/storage/v1/b/bucket/o/x/restore", {}, 400, "required"),
        ("POST", "/storage/v1/b/bucket/o/x/restore?generation=5", {}, 404, "notFound"),
        ("POST", "/storage/v1/b/bucket/o/x/moveTo/o/y", {}, 404, "notFound"),
        ("POST", "/storage/v1/projects/p/hmacKeys", {}, 400, "required"),
        ("PUT", "/storage/v1/projects/p/hmacKeys/x", {"state": "ACTIVE"}, 404, "notFound"),
        ("GET", "/storage/v1/b/bucket/folders", None, 501, "notImplemented"),
        ("GET", "/storage/v1/b/bucket/managedFolders", None, 501, "notImplemented"),
        ("GET", "/storage/v1/nothing", None, 404, "notFound"),
    ],
)
def test_what_fails(http: Http, verb: str, path: str, body: Any, status: int, reason: str) -> None:
    answer = http.raw(verb, path, body)
    assert (answer.status, answer.reason) == (status, reason), answer.data
    error = answer.json["error"]
    assert error["code"] == status
    assert "status" not in error


def test_rewrites_across_storage_classes_go_on_by_tokens(sim: Simulator, http: Http) -> None:
    mib = 1 << 20
    sim.objects.put("gs://bucket/big", b"x" * (2 * mib + 5))
    path = f"/storage/v1/b/bucket/o/big/rewriteTo/b/bucket/o/cold?maxBytesRewrittenPerCall={mib}"
    body = {"storageClass": "COLDLINE"}
    first = http.raw("POST", path, body).json
    assert (first["done"], first["totalBytesRewritten"], first["objectSize"]) == (
        False,
        str(mib),
        str(2 * mib + 5),
    )
    wrong = http.raw("POST", f"{path}&rewriteToken=abcd", body)
    assert wrong.status == 400
    second = http.raw("POST", f"{path}&rewriteToken={first['rewriteToken']}", body).json
    third = http.raw("POST", f"{path}&rewriteToken={second['rewriteToken']}", body).json
    assert (third["done"], third["resource"]["storageClass"]) == (True, "COLDLINE")
    assert sim.objects.read("gs://bucket/cold") == sim.objects.read("gs://bucket/big")


def test_checksums_in_headers_are_compared(http: Http) -> None:
    answer = insert(http, "summed", b"text", **{"X-Goog-Hash": "crc32c=AAAAAA=="})
    assert (answer.status, answer.reason) == (400, "invalid")
    right = insert(http, "summed", b"text").json["crc32c"]
    assert insert(http, "summed", b"text", **{"X-Goog-Hash": f"crc32c={right}"}).status == 200


def test_faults_and_the_journal_know_the_methods(sim: Simulator, http: Http) -> None:
    with sim.faults.add("backendError", method="storage.objects.insert", times=1):
        answer = insert(http, "fault", b"text")
        assert (answer.status, answer.reason) == (503, "backendError")
        assert insert(http, "fault", b"text").status == 200
    methods = [event.method for event in sim.journal.calls()]
    assert "storage.objects.insert" in methods


def test_xml(sim: Simulator, http: Http) -> None:
    put = http.raw(
        "PUT", "/bucket/dir/x.txt", b"some", {"x-goog-meta-colour": "red", "Content-Type": "text/plain"}
    )
    assert put.status == 200, put.data
    got = http.raw("GET", "/bucket/dir/x.txt", None, {"Range": "bytes=1-2"})
    assert (got.status, got.data, got.headers["x-goog-meta-colour"]) == (206, b"om", "red")
    head = http.raw("HEAD", "/bucket/dir/x.txt")
    assert (head.status, head.headers["content-length"], head.data) == (200, "4", b"")
    etag = head.headers["etag"]
    assert http.raw("GET", "/bucket/dir/x.txt", None, {"If-None-Match": etag}).status == 304
    copied = http.raw("PUT", "/bucket/copy.txt", None, {"x-goog-copy-source": "/bucket/dir/x.txt"})
    assert b"<CopyObjectResult" in copied.data
    listed = http.raw("GET", "/bucket?prefix=dir/&delimiter=/").data
    assert b"<Key>dir/x.txt</Key>" in listed
    once = http.raw("PUT", "/bucket/copy.txt", b"x", {"x-goog-if-generation-match": "0"})
    assert (once.status, b"<Code>PreconditionFailed</Code>" in once.data) == (412, True)
    assert http.raw("DELETE", "/bucket/copy.txt").status == 204
    gone = http.raw("GET", "/bucket/copy.txt")
    assert (gone.status, b"<Code>NoSuchKey</Code>" in gone.data) == (404, True)
    assert b"<Code>NoSuchBucket</Code>" in http.raw("GET", "/no-bucket/x").data
    assert http.raw("PUT", "/made-by-xml").status == 200
    assert http.raw("DELETE", "/made-by-xml").status == 204
    assert http.raw("GET", "/bucket/dir/x.txt?acl").status == 501


def test_multipart_uploads_of_xml(sim: Simulator, http: Http) -> None:
    begun = http.raw("POST", "/bucket/parts?uploads", b"").data.decode()
    upload_id = begun.partition("<UploadId>")[2].partition("<")[0]
    etags = []
    for number, size in ((2, 3), (1, 5 << 20)):
        data = bytes([number]) * size
        etags.append(
            http.raw("PUT", f"/bucket/parts?partNumber={number}&uploadId={upload_id}", data).headers["etag"]
        )
    listed = http.raw("GET", f"/bucket/parts?uploadId={upload_id}").data
    assert listed.count(b"<Part>") == 2
    assert upload_id.encode() in http.raw("GET", "/bucket?uploads").data

    def body(*parts: tuple[int, str]) -> bytes:
        inside = "".join(f"<Part><PartNumber>{n}</PartNumber><ETag>{e}</ETag></Part>" for n, e in parts)
        return f"<CompleteMultipartUpload>{inside}</CompleteMultipartUpload>".encode()

    place = f"/bucket/parts?uploadId={upload_id}"
    for bad, code in (
        (b"<x", b"MalformedXML"),
        (body(), b"MalformedXML"),
        (body((2, etags[0]), (1, etags[1])), b"InvalidPartOrder"),
        (body((1, "other")), b"InvalidPart"),
        (body((2, etags[0]), (3, etags[0])), b"InvalidPart"),
    ):
        answer = http.raw("POST", place, bad)
        assert (answer.status, code in answer.data) == (400, True), answer.data
    done = http.raw("POST", place, body((1, etags[1]), (2, etags[0])))
    assert b"<CompleteMultipartUploadResult" in done.data
    assert sim.objects.read("gs://bucket/parts") == b"\1" * (5 << 20) + b"\2" * 3
    assert http.raw("DELETE", place).status == 404


def test_callers_without_tokens_are_401(tmp_path: Any) -> None:
    keys = tmp_path / "keys.json"
    secret = {"kty": "oct", "kid": "k", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"}
    keys.write_text(json.dumps({"keys": [secret]}))
    with Simulator(Settings(project="p", auth="jwt", jwt_keys=keys)) as own:
        client = Http(own, "p")
        assert client.raw("GET", "/storage/v1/b?project=p").status == 401
        assert client.raw("GET", "/bucket/x").status == 401
        signed = "/bucket/x?GoogleAccessId=a%40b.c&Expires=99999999999&Signature=AAAA"
        assert client.raw("GET", signed).status == 403
        client.connection.close()
