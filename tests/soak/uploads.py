"""Upload torture: connections cut at random bytes, taken up again by asking how much has arrived.

``python -m tests.soak.uploads [cuts] [MiB]`` for objects of Cloud Storage and for load jobs, each with a
restart of the server (``kill -9``) in the middle.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import random
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests import servers

QUANTUM = 256 * 1024
RESET = struct.pack("ii", 1, 0)


class Upload:
    """A resumable upload of ``content``, as a client drives it that trusts nothing but the server's word."""

    def __init__(self, port: int, place: str, content: bytes, quantum: int) -> None:
        self.port = port
        self.place = place
        self.content = content
        self.quantum = quantum
        self.answer: dict[str, Any] | None = None

    def ask(self) -> int:
        """How much has arrived, by a status query; all of it when there is an answer."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {"Content-Range": f"bytes */{len(self.content)}", "Content-Length": "0"}
        connection.request("PUT", self.place, b"", headers)
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        if reply.status == 308:
            found = reply.headers.get("Range")
            return 0 if found is None else int(found.rpartition("-")[2]) + 1
        assert reply.status == 200, (reply.status, data)
        self.answer = json.loads(data)
        return len(self.content)

    def send(self, start: int, stop: int, cut: int | None, reset: bool) -> None:
        """Send ``content[start:stop]``; with ``cut`` only so many bytes of it, then end the connection."""
        total = len(self.content)
        head = (
            f"PUT {self.place} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
            f"Content-Range: bytes {start}-{stop - 1}/{total}\r\nContent-Length: {stop - start}\r\n\r\n"
        ).encode()
        with socket.create_connection(("127.0.0.1", self.port), timeout=60) as line:
            if cut is not None:
                line.sendall(head + self.content[start : start + cut])
                if reset:
                    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                return
            line.sendall(head + self.content[start:stop])
            data = b""
            while b"\r\n\r\n" not in data:
                piece = line.recv(65536)
                if not piece:
                    break
                data += piece
            status = int(data.split(b" ", 2)[1])
            assert status in (200, 308), data


def torture(upload: Upload, draws: random.Random, cuts: int, pause: Callable[[int], None]) -> int:
    """Cut ``cuts`` connections, then finish; how many requests it took. ``pause(i)`` is before the i-th."""
    total, requests = len(upload.content), 0
    for i in range(cuts):
        pause(i)
        have = upload.ask()
        assert 0 <= have <= total and (have % upload.quantum == 0 or have == total)
        if upload.answer is not None:
            break
        # Now and then what has arrived is sent again.
        start = max(0, have - draws.choice((0, 0, 0, upload.quantum, 3 * upload.quantum + 1)))
        # So that all cuts find something left to send.
        room = max(1, (total - have) // (cuts - i))
        upload.send(start, total, draws.randrange(0, have - start + 2 * room), draws.random() < 0.5)
        requests += 2
    while upload.answer is None:
        have = upload.ask()
        if upload.answer is None:
            stop = total if draws.random() < 0.5 else min(total, have + 4 * QUANTUM)
            upload.send(have, stop, None, False)
        requests += 2
    return requests


def begin_object(port: int, bucket: str, name: str) -> str:
    """The address of a new upload of an object."""
    path = f"/upload/storage/v1/b/{bucket}/o?uploadType=resumable&name={name}"
    return _begin(port, path, {})


def begin_load(port: int, project: str, table: str) -> str:
    """The address of a new upload of a load job of CSV rows."""
    load = {
        "destinationTable": {"projectId": project, "datasetId": "d", "tableId": table},
        "sourceFormat": "CSV",
        "schema": {"fields": [{"name": "n", "type": "INTEGER"}, {"name": "s", "type": "STRING"}]},
    }
    path = f"/upload/bigquery/v2/projects/{project}/jobs?uploadType=resumable"
    return _begin(port, path, {"configuration": {"load": load}})


def _begin(port: int, path: str, body: Any) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json"})
    reply = connection.getresponse()
    data = reply.read()
    connection.close()
    assert reply.status == 200, (reply.status, data)
    location = reply.headers["Location"]
    return "/" + location.split("/", 3)[3]


def rows(size: int) -> bytes:
    """CSV of at least ``size`` bytes."""
    line = "{},the text of row {}\n"
    count = size // len(line.format(1000000, 1000000)) + 1
    return "".join(line.format(i, i) for i in range(count)).encode()


class _Server:
    """``bqsim serve`` on a folder, which can be killed and started again on the same port."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.port = servers.free_port()
        self.start()

    def start(self) -> None:
        command = [sys.executable, "-m", "bqsim.cli", "serve", "--port", str(self.port), "--grpc-port", "0"]
        self._child = subprocess.Popen(
            [*command, "--project", "p", "--data-dir", str(self._folder)],
            cwd=servers.ROOT, env=servers.own_environment(), stdout=subprocess.DEVNULL,
        )  # fmt: skip
        servers.wait_for_port(self.port)

    def kill(self) -> None:
        self._child.kill()
        self._child.wait()

    def call(self, verb: str, path: str, body: Any = None) -> bytes:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        connection.request(verb, path, None if body is None else json.dumps(body))
        reply = connection.getresponse()
        data = reply.read()
        connection.close()
        assert reply.status < 300, (reply.status, data[:500])
        return data


def main(cuts: int = 200, mib: int = 128) -> None:
    """Both uploads."""
    draws = random.Random(1)
    with tempfile.TemporaryDirectory() as folder:
        server = _Server(Path(folder))

        def pause(i: int) -> None:
            if i == cuts // 2:
                server.kill()
                server.start()

        try:
            server.call("POST", "/storage/v1/b?project=p", {"name": "tortured"})
            content = random.Random(2).randbytes(mib * 1024 * 1024 + 77)
            place = begin_object(server.port, "tortured", "object")
            requests = torture(Upload(server.port, place, content, QUANTUM), draws, cuts, pause)
            found = server.call("GET", "/download/storage/v1/b/tortured/o/object?alt=media")
            same = hashlib.sha256(found).digest() == hashlib.sha256(content).digest()
            print(f"object of {len(content)} bytes: {cuts} cuts, {requests} requests, equal: {same}")
            assert same
            body = {"datasetReference": {"datasetId": "d"}}
            server.call("POST", "/bigquery/v2/projects/p/datasets", body)
            csv = rows(mib * 1024 * 1024 // 4)
            upload = Upload(server.port, begin_load(server.port, "p", "t"), csv, 1)
            requests = torture(upload, draws, cuts, pause)
            assert upload.answer is not None
            job = upload.answer["jobReference"]["jobId"]
            query = {
                "query": "SELECT COUNT(*), SUM(n), SUM(LENGTH(s)) FROM d.t",
                "useLegacySql": False, "timeoutMs": 200_000,
            }  # fmt: skip
            path = f"/bigquery/v2/projects/p/jobs/{job}"
            while json.loads(server.call("GET", path))["status"]["state"] != "DONE":
                time.sleep(0.1)
            answer = json.loads(server.call("POST", "/bigquery/v2/projects/p/queries", query))
            cells = [int(cell["v"]) for cell in answer["rows"][0]["f"]]
            lines = [line.split(",") for line in csv.decode().splitlines()]
            wanted = [len(lines), sum(int(n) for n, _ in lines), sum(len(s) for _, s in lines)]
            print(
                f"load of {len(csv)} bytes: {cuts} cuts, {requests} requests, rows: {cells} {cells == wanted}"
            )
            assert cells == wanted
        finally:
            server.kill()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
