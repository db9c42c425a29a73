"""The recorder: from pieces that pass to a cassette, whatever happens meanwhile."""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.linting import Ages, lint
from bqsim.record.exchanges import JOURNAL, Journal
from bqsim.record.recorder import Recorder
from bqsim.record.recovery import recover
from bqsim.server.rest.discovery import REVISION

API = "/bigquery/v2/projects/p"
JSON = (("content-type", "application/json"),)


def call(recorder: Recorder, verb: str, path: str, answer: Any, body: Any = None, status: int = 200) -> None:
    """One whole call."""
    made = recorder.begin("rest", verb, API + path, (("user-agent", "t/1"), *JSON), "bigquery.googleapis.com")
    if body is not None:
        made.sent(json.dumps(body).encode())
    made.answered(status, JSON)
    text = json.dumps(answer).encode()
    made.received(text[:5])
    made.received(text[5:])
    made.ended()


def test_a_recording(tmp_path: Path) -> None:
    folder = tmp_path / "a.cassette"
    recorder = Recorder(folder, names={"data": "d1"})
    call(recorder, "GET", "/datasets/d1", {"id": "p:d1"})
    cassette = recorder.finish()
    assert recorder.finish() is cassette
    (made,) = cassette.operations()
    assert made.result["body"] == {"id": "${project}:${name:data}"}
    assert cassette.header.clients == ["t/1"]
    assert cassette.header.names == {"name:data": "d1"}
    assert not (folder / JOURNAL).exists()


def test_secrets_are_removed_before_anything_is_written(tmp_path: Path) -> None:
    folder = tmp_path / "a.cassette"
    recorder = Recorder(folder)
    token = "ya29.a0AfH6SMBx-thisIsASecretToken0123456789"
    made = recorder.begin(
        "rest", "GET", f"{API}/datasets?access_token={token}", (("authorization", f"Bearer {token}"),)
    )
    made.answered(200, JSON)
    made.received(json.dumps({"note": token}).encode())
    made.ended()
    while not len(Journal(folder / JOURNAL)):
        time.sleep(0.01)
    assert token.encode() not in (folder / JOURNAL).read_bytes()
    recorder.finish()
    for path in folder.rglob("*"):
        assert not path.is_file() or token.encode() not in path.read_bytes()


def test_encoded_bodies_are_kept_decoded(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.cassette")
    made = recorder.begin("rest", "GET", f"{API}/datasets/d", ())
    made.answered(200, (*JSON, ("content-encoding", "gzip")))
    packed = gzip.compress(b'{"id": "p:d"}')
    for at in range(0, len(packed), 7):
        made.received(packed[at : at + 7])
    made.ended()
    (operation,) = recorder.finish().operations()
    assert operation.result["body"] == {"id": "${project}:d"}


def test_large_bodies_are_told_by_size_digest_and_beginning(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.cassette", keep_bytes=100)
    target = "/upload/storage/v1/b/bk/o?name=o.csv&uploadType=media"
    made = recorder.begin("rest", "POST", target, (("content-type", "text/csv"),))
    for n in range(50):
        made.sent(f"{n},row\n".encode())
    made.answered(200, JSON)
    made.received(b"{}")
    made.ended()
    (operation,) = recorder.finish().operations()
    content = operation.request["content"]
    assert content["size"] == sum(len(f"{n},row\n") for n in range(50))
    assert len(content["digest"]) == 64
    assert content["preview"][:2] == ["0,row", "1,row"]


def test_previews_are_redacted_by_what_stands_on_other_lines(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.cassette", keep_bytes=100)
    target = "/upload/storage/v1/b/bk/o?name=o.csv&uploadType=media"
    rows = "".join(f"{n},horse staple{n}\n" for n in range(20))
    sent = {
        "text/csv": f"id,password\n{rows}",
        "text/plain": "a key\n-----BEGIN PRIVATE KEY-----\n" + "QUJDREVGR0g\n" * 6000,
        "application/json": '{"password":\n"horse staple",\n' + "\n" * 100 + "}",
        "application/gzip": gzip.compress(bytes(range(256))).replace(b"\0", b"\1").decode("latin-1"),
    }
    for media, text in sent.items():
        made = recorder.begin("rest", "POST", target, (("content-type", media),))
        made.sent(text.encode("latin-1"))
        made.answered(200, JSON)
        made.ended()
    made = recorder.begin("grpc", "", "/else.Where/Of", ())
    made.sent(b"text " * 100)
    made.ended("OK")
    shown = [o.request["content"].get("preview", []) for o in recorder.finish().operations()]
    texts = sorted("\n".join(lines) for lines in shown)
    assert [text[:12] for text in texts] == ["", "", "a key\nredact", "id,password\n", '{"password":']
    for text in texts:
        assert "horse" not in text and "QUJD" not in text


@pytest.mark.parametrize("transport", ["rest", "grpc"])
def test_all_bytes_are_kept_when_asked_for(tmp_path: Path, transport: str, monkeypatch: Any) -> None:
    monkeypatch.setattr("bqsim.record.recorder._SPOOL_BYTES", 200)
    folder = tmp_path / "a.cassette"
    recorder = Recorder(folder, keep_bytes=None)
    made = recorder.begin(transport, "GET", "/else/where", (("content-type", "text/plain"),))
    made.answered(200, (("content-type", "text/plain"),))
    text = "".join(f"line {n}\n" for n in range(400))
    for at in range(0, len(text), 64):
        made.received(text[at : at + 64].encode())
    made.ended(code="OK" if transport == "grpc" else "")
    cassette = recorder.finish()
    (operation,) = cassette.operations()
    assert cassette.blob(operation.result["content"]) == text.encode()
    assert [p.name for p in folder.iterdir() if JOURNAL in p.name] == []


def test_what_a_recorder_left_of_large_bodies_is_removed(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("bqsim.record.recorder._SPOOL_BYTES", 200)
    folder = tmp_path / "a.cassette"
    recorder = Recorder(folder, keep_bytes=None)
    call(recorder, "GET", "/datasets/d", {"id": "p:d"})
    made = recorder.begin("rest", "GET", "/else/where", ())
    made.answered(200, (("content-type", "text/plain"),))
    for n in range(100):
        made.received(f"line {n}\n".encode())
    while not len(Journal(folder / JOURNAL)):
        time.sleep(0.001)
    left = tmp_path / "left.cassette"
    shutil.copytree(folder, left)
    assert len(list(left.glob(f"{JOURNAL}.*"))) == 1
    assert len(recover(left)) == 1
    assert sorted(p.name for p in left.iterdir()) == ["cassette.json", "operations.txt"]
    recorder.finish()


def test_the_revision_of_the_api_is_told(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.cassette")
    call(recorder, "GET", "/datasets/d", {"id": "p:d"})
    assert recorder.finish().header.api_revision == REVISION
    recorder = Recorder(tmp_path / "b.cassette")
    for service, revision in (("bigquery", "20240105"), ("storage", "20990101")):
        made = recorder.begin("rest", "GET", f"/discovery/v1/apis/{service}/v2/rest", ())
        made.answered(200, JSON)
        made.received(json.dumps({"name": service, "revision": revision}).encode())
        made.ended()
    cassette = recorder.finish()
    assert cassette.header.api_revision == "20240105"
    ages = Ages(revision=REVISION)
    findings = lint(cassette.folder, today=dt.date.fromisoformat(cassette.header.recorded), ages=ages)
    assert [f.message for f in findings] == [f"recorded with 20240105 of the API; now it is {REVISION}"]


def test_the_project_is_not_part_of_a_recording(tmp_path: Path) -> None:
    made = []
    for project in ("acme-dev", "acme.com:prod-7"):
        recorder = Recorder(tmp_path / project / "a.cassette")
        one = recorder.begin("rest", "GET", f"/bigquery/v2/projects/{project}/datasets/d", ())
        one.answered(200, JSON)
        one.received(json.dumps({"id": f"{project}:d", "etag": "x"}).encode())
        one.ended()
        cassette = recorder.finish()
        assert cassette.project == project
        files = sorted(path for path in cassette.folder.rglob("*") if path.is_file())
        made.append([(path.name, path.read_bytes()) for path in files])
    assert made[0] == made[1]


def test_calls_under_way_at_the_end(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.cassette")
    made = recorder.begin("rest", "GET", f"{API}/datasets/d", ())
    (operation,) = recorder.finish().operations()
    assert operation.result["broken"] == "closed"
    made.received(b"late")
    made.ended()


def test_many_threads(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.cassette")

    def work(n: int) -> None:
        for m in range(20):
            call(recorder, "GET", f"/datasets/d{n}x{m}", {"id": f"p:d{n}x{m}"})

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(recorder.finish()) == 80


def test_an_unfinished_recording_is_not_written_over(tmp_path: Path) -> None:
    folder = tmp_path / "a.cassette"
    first = Recorder(folder)
    with pytest.raises(FileExistsError):
        Recorder(folder)
    first.finish()
    Recorder(folder).finish()


def test_a_recording_is_added_to_a_cassette(tmp_path: Path) -> None:
    folder = tmp_path / "a.cassette"
    recorder = Recorder(folder)
    call(recorder, "GET", "/datasets/d", {"id": "p:d", "n": 1})
    call(recorder, "GET", "/datasets/e", {"id": "p:e"})
    cassette = recorder.finish()
    again = Recorder(folder, existing=cassette)
    call(again, "GET", "/datasets/d", {"id": "p:d", "n": 2})
    added = again.finish()
    told = sorted(
        (o.request["resource"], o.occurrence, o.result["body"].get("n")) for o in added.operations()
    )
    assert told == [
        ("projects/${project}/datasets/d", 1, 1),
        ("projects/${project}/datasets/d", 2, 2),
        ("projects/${project}/datasets/e", 1, None),
    ]
    anew = Recorder(folder, existing=added, replace=True)
    call(anew, "GET", "/datasets/d", {"id": "p:d", "n": 3})
    replaced = anew.finish()
    assert sorted(str(o.result["body"].get("n")) for o in replaced.operations()) == ["3", "None"]


_KILLED = """
import sys
from bqsim.record.recorder import Recorder
recorder = Recorder(sys.argv[1])
number = 0
while True:
    number += 1
    call = recorder.begin("rest", "GET", f"/bigquery/v2/projects/p/datasets/d{number}", ())
    call.answered(200, (("content-type", "application/json"),))
    call.received(b'{"id": "p:d%d"}' % number)
    call.ended()
    if number == 50:
        print("going", flush=True)
"""


@pytest.mark.fidelity("recording:killed recordings", "exact")
def test_what_a_killed_recorder_left(tmp_path: Path) -> None:
    rounds = int(os.environ.get("BQSIM_RECORDER_KILLS", "1"))
    for number in range(rounds):
        folder = tmp_path / f"{number}.cassette"
        child = subprocess.Popen([sys.executable, "-c", _KILLED, str(folder)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(0.003 * (number % 20))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
        cassette = recover(folder)
        names = {operation.result["body"]["id"].partition(":d")[2] for operation in cassette.operations()}
        assert names == {str(n) for n in range(1, len(names) + 1)}
        assert len(recover(folder)) == len(cassette)


def test_a_fold_that_was_interrupted_is_done_again(tmp_path: Path, monkeypatch: Any) -> None:
    folder = tmp_path / "a.cassette"
    recorder = Recorder(folder)
    call(recorder, "GET", "/datasets/d", {"id": "p:d"})

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("bqsim.record.recovery.CassetteWriter.write", full)
        with pytest.raises(OSError, match="No space"):
            recorder.finish()
    assert len(recover(folder)) == 1
    assert len(Cassette.open(folder)) == 1
