"""Records canaries of every kind, in every place, until it is killed.

``python -m tests.chaos.recording FOLDER SEED`` prints a line when it has begun.
"""

from __future__ import annotations

import base64
import gzip
import io
import json
import random
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fastavro
import pyarrow as pa

from bqsim.record.exchanges import JOURNAL
from bqsim.record.recorder import Recorder
from bqsim.storage.v1 import read_pb2, stream_pb2, write_pb2
from tests.unit.record.redact.canaries import canaries

API = "/bigquery/v2/projects/p"
READ = "/google.cloud.bigquery.storage.v1.BigQueryRead/"
WRITE = "/google.cloud.bigquery.storage.v1.BigQueryWrite/"
JSON = (("content-type", "application/json"),)
GRPC = (("content-type", "application/grpc"),)
AVRO = {"type": "record", "name": "r", "fields": [{"name": "s", "type": "string"}]}
TABLE = "projects/p/datasets/d/tables/t"
# Rows and bytes hold what looks drawn by chance, too: they are searched by form only.
ONLY_BY_CHANCE = "drawn by chance"
_BEGUN_BYTES = 4096


class Caller:
    """Calls of all kinds that carry a text."""

    def __init__(self, recorder: Recorder, draw: random.Random) -> None:
        self.recorder, self.draw = recorder, draw
        self._number = 0

    def all(self, text: str, secret: str, row: str) -> None:
        """One round of calls: ``row`` stands in rows."""
        self._number += 1
        plain = text.replace("\n", " ")
        headers = (("authorization", f"Bearer {secret}".replace("\n", "")), ("x-debug", plain), *JSON)
        query = {
            "query": f"SELECT '{plain}' -- {plain}\nFROM t",
            "labels": {"a": text},
            "queryParameters": [
                {"name": "p", "parameterType": {"type": "STRING"}, "parameterValue": {"value": text}}
            ],
        }
        schema = {"fields": [{"name": "s", "type": "STRING"}]}
        reference = {"projectId": "p", "jobId": f"job{self._number}", "location": "US"}
        answer = {
            "jobReference": reference,
            "schema": schema,
            "rows": [{"f": [{"v": row}]}],
            "jobComplete": True,
        }
        self.rest("POST", f"{API}/queries?key=x&q={quote(text, safe='')}", headers, query, answer)
        error = {
            "error": {
                "code": 400,
                "message": f"Bad: {text}",
                "errors": [{"reason": "invalid", "message": text}],
            }
        }
        self.rest("GET", f"{API}/jobs/job{self._number}", headers, None, error, 400)
        self.rest(
            "POST",
            f"{API}/datasets/d/tables/t/insertAll",
            JSON,
            {"rows": [{"insertId": "1", "json": {"s": row}}]},
            {},
        )
        nested = {"a": json.dumps({"b": text}), "c": base64.b64encode(f"so: {text}".encode()).decode()}
        self.rest(
            "PATCH",
            f"{API}/datasets/d",
            headers,
            {"labels": {text: "x"}, "description": nested["a"]},
            nested,
            packed=True,
        )
        self.uploads(row)
        self.reads(row)
        self.appends(row)

    def rest(
        self,
        verb: str,
        target: str,
        headers: Any,
        body: Any,
        answer: Any,
        status: int = 200,
        packed: bool = False,
    ) -> None:
        call = self.recorder.begin("rest", verb, target, headers, "bigquery.googleapis.com")
        if body is not None:
            self.cut(call.sent, json.dumps(body).encode())
        data = json.dumps(answer).encode()
        encoded = (("content-encoding", "gzip"),) if packed else ()
        call.answered(status, (*JSON, *encoded, ("set-cookie", "sid=" + headers[0][1])))
        self.cut(call.received, gzip.compress(data) if packed else data)
        # Some clients go away before the end.
        call.ended(broken="reset" if self.draw.random() < 0.1 else "")

    def cut(self, take: Any, data: bytes) -> None:
        """Pieces of any size, through the middle of what is secret."""
        at = 0
        while at < len(data):
            size = self.draw.randrange(1, 40)
            take(data[at : at + size])
            at += size

    def uploads(self, row: str) -> None:
        rows = (json.dumps({"n": 1}) + "\n" + json.dumps({"s": row}) + "\n").encode()
        job = json.dumps({"configuration": {"load": {"destinationTable": {"tableId": "t"}}}}).encode()
        for body in (rows, gzip.compress(rows)):
            parts = b"".join(
                b"--xx\r\nContent-Type: " + media + b"\r\n\r\n" + data + b"\r\n"
                for media, data in ((b"application/json", job), (b"application/octet-stream", body))
            )
            headers = (("content-type", "multipart/related; boundary=xx"),)
            call = self.recorder.begin(
                "rest", "POST", f"/upload{API}/jobs?uploadType=multipart", headers, "bigquery.googleapis.com"
            )
            self.cut(call.sent, parts + b"--xx--\r\n")
            call.answered(200, JSON)
            call.received(b'{"jobReference": {"jobId": "u"}}')
            call.ended()

    def reads(self, row: str) -> None:
        batch = pa.record_batch({"s": ["x", row]})
        out = io.BytesIO()
        fastavro.schemaless_writer(out, AVRO, {"s": row})
        name = f"projects/p/locations/us/sessions/s{self._number}"
        arrow = stream_pb2.ReadSession(name=name, table=TABLE)
        arrow.arrow_schema.serialized_schema = batch.schema.serialize().to_pybytes()
        avro = stream_pb2.ReadSession(name=name + "a", table=TABLE)
        avro.avro_schema.schema = json.dumps(AVRO)
        for session in (arrow, avro):
            session.streams.add(name=f"{session.name}/streams/0")
            asked = read_pb2.CreateReadSessionRequest(parent="projects/p", read_session={"table": TABLE})
            self.grpc(READ + "CreateReadSession", [asked], [session], row)
            answer = read_pb2.ReadRowsResponse(row_count=2)
            if session is arrow:
                options = pa.ipc.IpcWriteOptions(compression="zstd")
                written = batch.serialize() if self.draw.random() < 0.5 else _packed(batch, options)
                answer.arrow_record_batch.serialized_record_batch = bytes(written)
            else:
                answer.row_count = 1
                answer.avro_rows.serialized_binary_rows = out.getvalue()
            self.grpc(
                READ + "ReadRows",
                [read_pb2.ReadRowsRequest(read_stream=session.streams[0].name)],
                [answer],
                row,
            )

    def appends(self, row: str) -> None:
        request = write_pb2.AppendRowsRequest(write_stream=f"{TABLE}/streams/_default")
        descriptor = request.proto_rows.writer_schema.proto_descriptor
        descriptor.name = "Row"
        descriptor.field.add(name="s", number=1, type=9, label=1)
        data = row.encode()
        request.proto_rows.rows.serialized_rows.append(b"\x0a" + _varint(len(data)) + data)
        self.grpc(WRITE + "AppendRows", [request], [write_pb2.AppendRowsResponse()], row)

    def grpc(self, path: str, sent: list[Any], received: list[Any], text: str) -> None:
        metadata = (
            *GRPC,
            ("x-debug", text.replace("\n", " ")),
            ("authorization", f"Bearer {text}".replace("\n", "")),
        )
        call = self.recorder.begin("grpc", "", path, metadata)
        for message in sent:
            call.sent(message.SerializeToString())
        call.answered(200, GRPC)
        for message in received:
            call.received(message.SerializeToString())
        call.ended("OK", (("x-told", text.replace("\n", " ")),), f"it was {text}")


def _packed(batch: Any, options: Any) -> bytes:
    """A batch whose buffers are compressed, as an IPC message."""
    out = pa.BufferOutputStream()
    with pa.ipc.new_stream(out, batch.schema, options=options) as writer:
        writer.write_batch(batch)
    data = out.getvalue().to_pybytes()
    return data[len(batch.schema.serialize()) : -8]


def _varint(value: int) -> bytes:
    from bqsim.codecs.wire import varint

    return varint(value)


def main() -> None:
    draw = random.Random(int(sys.argv[2]))
    recorder = Recorder(Path(sys.argv[1]), keep_bytes=None if draw.random() < 0.5 else 8 << 20)
    caller = Caller(recorder, draw)
    found = list(canaries().items())
    draw.shuffle(found)
    # Everything is loaded, and something recorded, when moments begin to count.
    caller.all("hello", "hello", "hello")
    journal = Path(sys.argv[1]) / JOURNAL
    while journal.stat().st_size < _BEGUN_BYTES:
        time.sleep(0.01)
    print("begun", flush=True)
    while True:
        for name, (text, secret) in found:
            caller.all(text, secret, text if name != ONLY_BY_CHANCE else "a row")


if __name__ == "__main__":
    main()
