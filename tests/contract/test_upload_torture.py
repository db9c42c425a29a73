"""Resumable uploads whose connections break, for objects and for load jobs. The long run is in tests/soak."""

from __future__ import annotations

import http.client
import json
import random
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from bqsim.settings import Settings
from bqsim.simulator import Simulator
from tests.conftest import Answer, Http
from tests.soak.uploads import QUANTUM, Upload, begin_load, begin_object, rows, torture

pytestmark = pytest.mark.fidelity("http:uploads, load:uploads, storage:resumable uploads", "exact")

CONTENT = random.Random(5).randbytes(3 * 1024 * 1024 + 11)


@pytest.fixture(scope="module")
def sim() -> Iterator[Simulator]:
    with Simulator(Settings(project="p")) as started:
        started.objects.create_bucket("tortured")
        with started.client() as client:
            client.create_dataset("d")
        yield started


@pytest.fixture
def plain(sim: Simulator) -> Iterator[Http]:
    client = Http(sim, "p")
    yield client
    client.connection.close()


def put(http: Http, place: str, data: bytes, content_range: str) -> Answer:
    return http.raw("PUT", place, data, {"Content-Range": content_range})


def test_an_object_comes_whole_through_broken_connections(sim: Simulator) -> None:
    upload = Upload(sim.port, begin_object(sim.port, "tortured", "whole"), CONTENT, QUANTUM)
    torture(upload, random.Random(1), 30, lambda i: None)
    assert sim.objects.read("gs://tortured/whole") == CONTENT
    assert upload.answer is not None
    assert upload.answer["size"] == str(len(CONTENT))


def test_a_load_comes_whole_through_broken_connections(sim: Simulator) -> None:
    csv = rows(200_000)
    upload = Upload(sim.port, begin_load(sim.port, "p", "whole"), csv, 1)
    torture(upload, random.Random(2), 30, lambda i: None)
    assert upload.answer is not None
    with sim.client() as client:
        client.get_job(upload.answer["jobReference"]["jobId"]).result(timeout=60)
        found = list(client.query_and_wait("SELECT COUNT(*), SUM(n) FROM d.whole"))
    count = csv.count(b"\n")
    assert [tuple(row) for row in found] == [(count, count * (count - 1) // 2)]


def test_chunks_count_by_quanta_and_ranges_are_checked(sim: Simulator, plain: Http) -> None:
    place, total = begin_object(sim.port, "tortured", "ranges"), 2 * QUANTUM + 10
    content = CONTENT[:total]
    short = put(plain, place, content[: QUANTUM + 5], f"bytes 0-{QUANTUM + 4}/*")
    assert (short.status, short.headers["range"]) == (308, f"bytes=0-{QUANTUM - 1}")
    for wrong in ("bytes 5-2/10", "bytes x-y/z", f"bytes 0-{total}/{total}", "octets 0-1/2"):
        answer = put(plain, place, b"", wrong)
        assert (answer.status, answer.reason) == (400, "invalid"), wrong
    gap = put(plain, place, content[QUANTUM + 5 :], f"bytes {QUANTUM + 5}-{total - 1}/{total}")
    assert (gap.status, gap.headers["range"]) == (308, f"bytes=0-{QUANTUM - 1}")
    other = put(plain, place, b"", f"bytes */{total + 1}")
    assert other.status == 400
    overlapping = put(plain, place, content[100:], f"bytes 100-{total - 1}/{total}")
    assert overlapping.json["size"] == str(total)
    assert sim.objects.read("gs://tortured/ranges") == content
    assert put(plain, place, b"", "bytes */*").json["generation"] == overlapping.json["generation"]


def test_unknown_sizes(sim: Simulator, plain: Http) -> None:
    place = begin_object(sim.port, "tortured", "unknown")
    assert put(plain, place, CONTENT[:QUANTUM], f"bytes 0-{QUANTUM - 1}/*").status == 308
    # As clients write that stream: the end of the body is the end of the content.
    plain.connection.request(
        "PUT", place, iter([CONTENT[QUANTUM:-9], CONTENT[-9:]]), {"Content-Range": f"bytes {QUANTUM}-*/*"},
        encode_chunked=True,
    )  # fmt: skip
    answer = plain.connection.getresponse()
    assert json.loads(answer.read())["size"] == str(len(CONTENT))
    assert sim.objects.read("gs://tortured/unknown") == CONTENT
    place = begin_object(sim.port, "tortured", "empty")
    assert put(plain, place, b"", "bytes */0").json["size"] == "0"


def test_of_two_clients_the_later_goes_on(sim: Simulator, plain: Http) -> None:
    total = len(CONTENT)
    place = begin_object(sim.port, "tortured", "two")
    head = (
        f"PUT {place} HTTP/1.1\r\nHost: x\r\nContent-Range: bytes 0-{total - 1}/{total}\r\n"
        f"Content-Length: {total}\r\n\r\n"
    ).encode()
    with socket.create_connection(("127.0.0.1", sim.port), timeout=30) as stalled:
        stalled.sendall(head + CONTENT[: 2 * QUANTUM])
        while put(plain, place, b"", "bytes */*").headers.get("range") != f"bytes=0-{2 * QUANTUM - 1}":
            pass
        answer = put(plain, place, CONTENT, f"bytes 0-{total - 1}/{total}")
        assert answer.json["size"] == str(total)
        stalled.sendall(b"\0" * QUANTUM)
        reply = http.client.HTTPResponse(stalled)
        reply.begin()
        assert reply.status in (200, 503)
    assert sim.objects.read("gs://tortured/two") == CONTENT


def test_sessions_end(plain: Http) -> None:
    with Simulator(Settings(project="p")) as own:
        own.objects.create_bucket("tortured")
        client = Http(own, "p")
        cancelled = begin_object(own.port, "tortured", "x")
        assert client.raw("DELETE", cancelled).status == 499
        assert put(client, cancelled, b"abc", "bytes 0-2/3").status == 404
        late = [begin_object(own.port, "tortured", "x"), begin_load(own.port, "p", "t")]
        own.clock.advance("6d")
        assert [put(client, place, b"", "bytes */*").status for place in late] == [308, 308]
        own.clock.advance("1d")
        assert [put(client, place, b"", "bytes */*").status for place in late] == [404, 404]
        client.connection.close()
    assert put(plain, "/upload/storage/v1/b/tortured/o?upload_id=none", b"", "bytes */*").status == 404


def test_uploads_outlive_the_server(tmp_path: Path) -> None:
    with Simulator(Settings(project="p", data_dir=tmp_path)) as first:
        first.objects.create_bucket("tortured")
        place = begin_object(first.port, "tortured", "x")
        load = begin_load(first.port, "p", "t")
        with first.client() as google:
            google.create_dataset("d")
        client = Http(first, "p")
        assert put(client, place, CONTENT[:QUANTUM], f"bytes 0-{QUANTUM - 1}/*").status == 308
        assert put(client, load, b"1,a\n", "bytes 0-3/8").headers["range"] == "bytes=0-3"
        client.connection.close()
    with Simulator(Settings(project="p", data_dir=tmp_path)) as second:
        client = Http(second, "p")
        total = len(CONTENT)
        assert put(client, place, b"", f"bytes */{total}").headers["range"] == f"bytes=0-{QUANTUM - 1}"
        answer = put(client, place, CONTENT[QUANTUM:], f"bytes {QUANTUM}-{total - 1}/{total}")
        assert answer.json["size"] == str(total)
        assert second.objects.read("gs://tortured/x") == CONTENT
        assert put(client, load, b"2,b\n", "bytes 4-7/8").json["kind"] == "bigquery#job"
        client.connection.close()
