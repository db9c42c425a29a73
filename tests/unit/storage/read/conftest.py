from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
import pyarrow as pa
import pytest

from bqsim.catalog.refs import TableRef
from bqsim.engine.pool import EnginePool
from bqsim.errors import not_found
from bqsim.jobs import Job
from bqsim.jobs.results import ResultSet, ResultStore
from bqsim.settings import Settings
from bqsim.sim.clock import RealClock
from bqsim.storage.errors import StorageFailure
from bqsim.storage.read.service import ReadService
from bqsim.storage.v1 import read_pb2, stream_pb2
from bqsim.types import Field
from tests.unit.sql.conftest import shared_warehouse, warehouse
from tests.unit.sql.warehouse import Warehouse

__all__ = ["shared_warehouse", "warehouse"]


class ShiftedClock(RealClock):
    """The time of the wall and ``shift_us`` more."""

    def __init__(self) -> None:
        super().__init__()
        self.shift_us = 0

    def now_us(self) -> int:
        return super().now_us() + self.shift_us


@dataclass
class Reader:
    """A read service over a warehouse, and what it answers in Python."""

    warehouse: Warehouse
    service: ReadService
    pool: EnginePool
    results: ResultStore
    clock: ShiftedClock

    def session(self, table: str, form: str = "ARROW", **options: Any) -> stream_pb2.ReadSession:
        """A session of table ``d.<table>``. ``options`` are those of the request, the session and its read
        options."""
        request = read_pb2.CreateReadSessionRequest(
            parent="projects/p",
            max_stream_count=options.pop("streams", 0),
            preferred_min_stream_count=options.pop("preferred", 0),
        )
        asked = request.read_session
        asked.table = table if "/" in table else f"projects/p/datasets/d/tables/{table}"
        asked.data_format = stream_pb2.DataFormat.Value(form)
        asked.trace_id = options.pop("trace_id", "")
        if "snapshot_us" in options:
            asked.table_modifiers.snapshot_time.FromMicroseconds(options.pop("snapshot_us"))
        asked.read_options.MergeFrom(stream_pb2.ReadSession.TableReadOptions(**options))
        return self.service.create_session(request, "user@example.com")

    def messages(self, stream: str, offset: int = 0) -> list[read_pb2.ReadRowsResponse]:
        request = read_pb2.ReadRowsRequest(read_stream=stream, offset=offset)
        return [
            read_pb2.ReadRowsResponse.FromString(m) for m in self.service.read_rows(request, lambda: False)
        ]

    def arrow(self, session: stream_pb2.ReadSession, stream: str, offset: int = 0) -> pa.Table:
        """The rows of a stream of an Arrow session."""
        schema = pa.ipc.read_schema(pa.py_buffer(session.arrow_schema.serialized_schema))
        batches = []
        for message in self.messages(stream, offset):
            data = message.arrow_record_batch.serialized_record_batch
            if message.uncompressed_byte_size > 0:
                data = pa.decompress(data, message.uncompressed_byte_size, "lz4_raw", asbytes=True)
            batches.append(pa.ipc.read_record_batch(pa.py_buffer(data), schema))
            assert batches[-1].num_rows == message.row_count == message.arrow_record_batch.row_count
        rows = pa.Table.from_batches(batches, schema)
        rows.validate(full=True)
        return rows

    def avro(self, session: stream_pb2.ReadSession, stream: str, offset: int = 0) -> list[dict[str, Any]]:
        """The rows of a stream of an Avro session."""
        schema = fastavro.parse_schema(json.loads(session.avro_schema.schema))
        rows: list[Any] = []
        for message in self.messages(stream, offset):
            data = io.BytesIO(message.avro_rows.serialized_binary_rows)
            rows += [fastavro.schemaless_reader(data, schema, None) for _ in range(message.row_count)]
            assert data.read() == b"" and message.avro_rows.row_count == message.row_count
        return rows

    def rows(self, session: stream_pb2.ReadSession) -> list[tuple[Any, ...]]:
        """All rows of an Arrow session, stream after stream."""
        return [
            tuple(row.values()) for s in session.streams for row in self.arrow(session, s.name).to_pylist()
        ]

    def values(
        self, session: stream_pb2.ReadSession, stream: str | None = None, offset: int = 0
    ) -> list[Any]:
        """The first column of a stream, of the first without one."""
        return list(self.arrow(session, stream or session.streams[0].name, offset).column(0).to_pylist())

    def all(self, session: stream_pb2.ReadSession) -> list[Any]:
        """The first column of all streams."""
        return [v for s in session.streams for v in self.values(session, s.name)]

    def failure(self, table: str, **options: Any) -> StorageFailure:
        """With what creating a session fails."""
        with pytest.raises(StorageFailure) as caught:
            self.session(table, **options)
        return caught.value

    def result(self, sql: str, name: str = "anon1") -> str:
        """The rows of a query as a result in a hidden dataset; the path of its table."""
        found = self.warehouse.run(sql)
        assert found.rows is not None
        self.keep(found.schema, found.rows, name)
        return f"projects/p/datasets/_hidden/tables/{name}"

    def keep(self, schema: Sequence[Field], rows: pa.Table, name: str) -> ResultSet:
        ref = TableRef("p", "_hidden", name)
        return self.results.add(tuple(schema), rows, ref, self.clock.now_us())


def _no_job(project: str, job_id: str, location: str | None) -> Job:
    raise not_found("Job", f"{project}:{job_id}")


@pytest.fixture
def reader(warehouse: Warehouse) -> Iterator[Reader]:
    pool, results, clock = EnginePool(warehouse.engine, 4), ResultStore(1 << 30), ShiftedClock()
    service = ReadService(
        catalog=warehouse.catalog,
        pool=pool,
        executor=warehouse.executor,
        results=results,
        find_job=_no_job,
        clock=clock,
        draws=warehouse.catalog.draws,
        settings=Settings(),
    )
    warehouse.catalog.find_anonymous = lambda ref: (
        found.as_table() if (found := results.find(ref, clock.now_us())) else None
    )
    yield Reader(warehouse, service, pool, results, clock)
    warehouse.catalog.find_anonymous = None
    service.close()
    pool.close()
    results.close()
