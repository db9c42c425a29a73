"""A program that does with a shop what cassettes can have: write streams of all kinds, loads, objects, reads.

``fixtures/shop.cassette`` is its recording at a simulator, ``fixtures/shop.answers.json`` what it was
answered; ``make cassette`` (``python -m tests.contract.shop``) writes both anew.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from google.api_core import exceptions
from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery
from google.cloud.bigquery_storage_v1 import types, writer
from google.protobuf import descriptor_pb2

from bqsim import clients
from tests.storage import arrow_append

PROJECT = "shop-project"
FIXTURES = Path(__file__).resolve().parents[2] / "fixtures"
CASSETTE, ANSWERS = FIXTURES / "shop.cassette", FIXTURES / "shop.answers.json"
DATASET = f"projects/{PROJECT}/datasets/shop"
TABLE = f"{DATASET}/tables/orders"
BUCKET = "shop-files"
CSV = b"id,name\n1,a\n2,b\n"
SOLD_SQL = "SELECT id, name, price FROM shop.sold WHERE price > 2 ORDER BY id"
FIELD = descriptor_pb2.FieldDescriptorProto
Sizes = Callable[[list[int]], list[list[int]]]


class Shop:
    """The program: its clients of the REST API, the Storage API and Cloud Storage."""

    def __init__(self, url: str, grpc_target: str) -> None:
        self.url, self.grpc_target = url, grpc_target
        self.write = clients.write_client(grpc_target)
        self.read = clients.read_client(grpc_target)
        self.client = clients.query_client(url, PROJECT, lambda: self.read)

    def everything(self) -> dict[str, Any]:
        """All that is recorded, and what it was answered."""
        self.tables()
        found = {
            "streams": self.streams(pieces(4)),
            "arrow": self.arrow(4),
            "row errors": self.row_errors(),
            "schema": self.updated_schema(),
            "load": self.load(CSV),
            "reads": self.reads(),
            "sold": [list(row) for row in self.client.query_and_wait(SOLD_SQL)],
            "objects": self.objects(300_000),
        }
        return json.loads(json.dumps(found))  # type: ignore[no-any-return]

    # Tables

    def tables(self) -> None:
        """The tables, and some rows."""
        one = bigquery.SchemaField
        person = [one("id", "INTEGER"), one("name", "STRING")]
        self.client.create_dataset("shop")
        for name in ("orders", "returns", "growing"):
            self.client.create_table(bigquery.Table(f"{PROJECT}.shop.{name}", person))
        codes = [one("id", "INTEGER", "REQUIRED"), one("code", "STRING", max_length=3)]
        self.client.create_table(bigquery.Table(f"{PROJECT}.shop.codes", codes))
        self.client.query_and_wait(
            "CREATE TABLE shop.sold AS SELECT id, CONCAT('n', CAST(id AS STRING)) AS name, id / 2 AS price"
            " FROM UNNEST(GENERATE_ARRAY(1, 20)) AS id"
        )

    # Write streams

    def streams(self, sizes: Sizes) -> dict[str, Any]:
        """Rows by all four kinds of streams, in batches of these sizes."""
        found: dict[str, Any] = {}
        client = self.write
        found["default"] = self.append(f"{TABLE}/streams/_default", sizes(list(range(12))), False)[-1:]
        for kind in ("COMMITTED", "BUFFERED", "PENDING"):
            stream = self.stream(TABLE, kind)
            found[f"{kind} columns"] = [f.name for f in stream.table_schema.fields]
            self.append(stream.name, sizes(list(range(20, 32))))
            if kind == "BUFFERED":
                found["flushed"] = client.flush_rows(
                    request={"write_stream": stream.name, "offset": 5}
                ).offset
            # The first rows again, and rows behind a gap.
            found[f"{kind} again"] = self.append(stream.name, [[20]])
            found[f"{kind} gap"] = self.append(stream.name, [[33]], first=50)
            found[f"{kind} rows"] = client.finalize_write_stream(name=stream.name).row_count
            if kind == "PENDING":
                done = client.batch_commit_write_streams(
                    request={"parent": TABLE, "write_streams": [stream.name]}
                )
                found["committed"] = bool(done.commit_time) and not done.stream_errors
        try:
            self.stream(f"{TABLE}_absent", "PENDING")
        except exceptions.NotFound as error:
            found["refused"] = error.message.partition(" ")[0]
        return found

    def stream(self, table: str, kind: str) -> Any:
        """A new stream."""
        wanted = types.WriteStream(type_=types.WriteStream.Type[kind])
        return self.write.create_write_stream(parent=table, write_stream=wanted)

    def append(
        self, stream: str, batches: list[list[int]], offsets: bool = True, first: int = 0
    ) -> list[Any]:
        """Append batches of rows; what was answered: offsets, or the codes of errors."""

        def requests() -> Iterator[Any]:
            at = first
            for number, batch in enumerate(batches):
                request = types.AppendRowsRequest(write_stream=stream)
                request.proto_rows.rows.serialized_rows.extend(order(i) for i in batch)
                if number == 0:
                    request.proto_rows.writer_schema.proto_descriptor = descriptor("name")
                if offsets:
                    request.offset = at
                at += len(batch)
                yield request

        metadata = [("x-goog-request-params", f"write_stream={stream}")]
        answers = self.write.append_rows(requests(), metadata=metadata)
        return [
            a.error.code if a.error.code else (a.append_result.offset if offsets else None) for a in answers
        ]

    def arrow(self, size: int) -> list[Any]:
        """Arrow rows in batches of so many; the offsets that were answered last, and the rows."""
        stream = self.stream(f"{DATASET}/tables/returns", "COMMITTED").name
        table = pa.table({"id": list(range(12)), "name": [f"n{i}" if i % 3 else None for i in range(12)]})
        parts = [table.slice(i, size).combine_chunks() for i in range(0, 12, size)]
        whole = pa.concat_tables(parts)
        metadata = [("x-goog-request-params", f"write_stream={stream}")]
        answers = list(self.write.append_rows(arrow_append(stream, whole, 0), metadata=metadata))
        ends = [a.append_result.offset + size for a in answers if not a.error.code]
        return [ends[-1], self.write.finalize_write_stream(name=stream).row_count]

    def row_errors(self) -> list[Any]:
        """Rows of which some are refused; then those that are right."""
        stream = self.stream(f"{DATASET}/tables/codes", "COMMITTED").name
        metadata = [("x-goog-request-params", f"write_stream={stream}")]
        found: list[Any] = []
        for rows in ([(1, "abc"), (2, "long"), (None, "c")], [(1, "abc")], [(5, "long")]):
            request = types.AppendRowsRequest(write_stream=stream, offset=0 if len(found) < 2 else 1)
            request.proto_rows.writer_schema.proto_descriptor = descriptor("code")
            request.proto_rows.rows.serialized_rows.extend(order(i, text) for i, text in rows)
            for answer in self.write.append_rows(iter([request]), metadata=metadata):
                errors = [(e.index, e.code.name, e.message) for e in answer.row_errors]
                found.append([answer.error.code, answer.append_result.offset, errors])
        return found

    def updated_schema(self) -> list[Any]:
        """The columns that appends tell of, before and after there is one more."""
        stream = f"{DATASET}/tables/growing/streams/_default"
        template = types.AppendRowsRequest(write_stream=stream)
        template.proto_rows.writer_schema.proto_descriptor = descriptor("name")
        manager = writer.AppendRowsStream(self.write, template)
        found = []
        try:
            for number in range(3):
                if number == 1:
                    self.client.query_and_wait("ALTER TABLE shop.growing ADD COLUMN age INT64")
                request = types.AppendRowsRequest()
                request.proto_rows.rows.serialized_rows.append(order(number))
                told = manager.send(request).result(timeout=30)
                found.append([f.name for f in told.updated_schema.fields])
        finally:
            manager.close()
        return found

    # Reads

    def reads(self) -> list[list[int]]:
        """Reads of a table: whole, and with a restriction."""
        return [self.ids(), self.ids("id > 5 AND name != 'n7'")]

    def ids(self, restriction: str = "", streams: int = 1) -> list[int]:
        """The ids of what was sold."""
        session = self.read.create_read_session(
            parent=f"projects/{PROJECT}",
            read_session=types.ReadSession(
                table=f"{DATASET}/tables/sold",
                data_format=types.DataFormat.ARROW,
                read_options={"row_restriction": restriction, "selected_fields": ["id", "price"]},
            ),
            max_stream_count=streams,
        )
        found: list[int] = []
        for stream in session.streams:
            found += self.read.read_rows(stream.name).to_arrow(session).column("id").to_pylist()
        return sorted(found)

    # Loads and objects

    def load(self, data: bytes, *, resumable: bool = True) -> int:
        """Load a CSV file; how many rows it had."""
        config = bigquery.LoadJobConfig(
            source_format="CSV",
            skip_leading_rows=1,
            schema=[bigquery.SchemaField("id", "INTEGER"), bigquery.SchemaField("name", "STRING")],
        )
        size = None if resumable else len(data)
        job = self.client.load_table_from_file(io.BytesIO(data), "shop.loaded", size=size, job_config=config)
        return int(job.result().output_rows)

    def bucket(self) -> Any:
        """The bucket, as a client has it that has not looked at it."""
        from google.cloud import storage

        options = {"api_endpoint": self.url}
        made = storage.Client(project=PROJECT, credentials=AnonymousCredentials(), client_options=options)
        # It looks at buckets in a thread of its own, once it gets to it.
        made._bucket_metadata_cache = None
        return made.bucket(BUCKET)

    def objects(self, size: int, *, chunk: int | None = None) -> dict[str, Any]:
        """Upload, read, compose and change objects; what came of it."""
        bucket = self.bucket()
        bucket.create()
        data = content(size)
        bucket.blob("a/one.bin", chunk_size=chunk).upload_from_file(io.BytesIO(data), size=size)
        found: dict[str, Any] = {"whole": bucket.blob("a/one.bin").download_as_bytes() == data}
        bucket.copy_blob(bucket.blob("a/one.bin"), bucket, "b/two.bin")
        found["listed"] = [b.name for b in bucket.list_blobs()]
        bucket.blob("b/two.bin").delete()
        found["left"] = [b.name for b in bucket.list_blobs()]
        found["size"] = bucket.get_blob("a/one.bin").size
        for name in ("x", "y"):
            bucket.blob(f"parts/{name}").upload_from_string(name * 3)
        whole = bucket.blob("parts/whole")
        whole.compose([bucket.blob("parts/x"), bucket.blob("parts/y")])
        found["composed"] = [whole.size, bucket.blob("parts/whole").download_as_bytes().decode()]
        return found


def descriptor(text: str) -> Any:
    """Rows with an id and a text."""
    message = descriptor_pb2.DescriptorProto(name="Row")
    message.field.add(name="id", number=1, type=FIELD.TYPE_INT64, label=FIELD.LABEL_OPTIONAL)
    message.field.add(name=text, number=2, type=FIELD.TYPE_STRING, label=FIELD.LABEL_OPTIONAL)
    return message


def order(number: int | None, text: str = "") -> bytes:
    """A serialised row, with a text of its own unless one is given."""
    data = (text or f"n{number}").encode()
    key = b"" if number is None else b"\x08" + bytes([number])
    return key + b"\x12" + bytes([len(data)]) + data


def pieces(size: int) -> Sizes:
    """Cuts rows into batches."""
    return lambda rows: [rows[i : i + size] for i in range(0, len(rows), size)]


def content(size: int) -> bytes:
    """What is in a file."""
    return bytes(i % 251 for i in range(size))


def record(folder: Path) -> dict[str, Any]:
    """Record the program at a simulator; what it was answered."""
    from bqsim.record.proxy import RecordingProxy
    from bqsim.record.recorder import Recorder
    from bqsim.settings import Settings
    from bqsim.simulator import Simulator

    with Simulator(Settings(project=PROJECT)) as simulator:
        recorder = Recorder(folder, upstream=simulator.url)
        with RecordingProxy(recorder, simulator.url, simulator.grpc_target) as proxy:
            found = Shop(proxy.url, proxy.grpc_target).everything()
        recorder.finish()
    return found


def main(arguments: Sequence[str]) -> int:
    """Write the cassette and the answers into a folder, the fixtures' without one."""
    to = Path(arguments[0]) if arguments else FIXTURES
    shutil.rmtree(to / CASSETTE.name, ignore_errors=True)
    found = record(to / CASSETTE.name)
    (to / ANSWERS.name).write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
