"""A write service on an engine of its own, and short forms of its calls."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import Dataset, Table, TableKind
from bqsim.catalog.store import Catalog
from bqsim.engine.duckdb import DuckDBEngine
from bqsim.engine.pool import EnginePool
from bqsim.jobs.results import read_rows
from bqsim.settings import Settings
from bqsim.sim.clock import SimulationClock
from bqsim.sim.draws import Draws
from bqsim.sql.executor import Executor
from bqsim.sql.googlesql import GoogleSql
from bqsim.sql.planner import Planner
from bqsim.sql.reference import ReferenceRoute
from bqsim.sql.statements.writes import created, finish_creation
from bqsim.storage.names import table_path
from bqsim.storage.v1 import stream_pb2, write_pb2
from bqsim.storage.write.service import WriteService
from bqsim.types import Field, TypeKind

DATASET = DatasetRef("p", "d")
TABLE = DATASET.table("t")
FIELDS = (Field("a", TypeKind.INT64), Field("b", TypeKind.STRING))
SCHEMA = pa.schema([("a", pa.int64()), ("b", pa.string())])
PB = stream_pb2.WriteStream


def rows_of(numbers: Iterable[int], schema: pa.Schema = SCHEMA) -> pa.RecordBatch:
    """Rows with the numbers as ``a`` and texts of them as ``b``."""
    values = list(numbers)
    return pa.RecordBatch.from_pylist([{"a": v, "b": f"row {v}"} for v in values], schema=schema)


def request(
    rows: pa.RecordBatch | None = None,
    *,
    stream: str = "",
    schema: pa.Schema | None = None,
    offset: int | None = None,
    **fields: Any,
) -> bytes:
    """A serialised request of Arrow rows."""
    out = write_pb2.AppendRowsRequest(write_stream=stream, **fields)
    if schema is not None:
        out.arrow_rows.writer_schema.serialized_schema = schema.serialize().to_pybytes()
    if rows is not None:
        out.arrow_rows.rows.serialized_record_batch = rows.serialize().to_pybytes()
    if offset is not None:
        out.offset.value = offset
        out.offset.SetInParent()
    return bytes(out.SerializeToString())


def opening(rows: pa.RecordBatch | None, stream: str, **options: Any) -> bytes:
    """The first request of a connection."""
    return request(rows, stream=stream, schema=options.pop("schema", SCHEMA), **options)


def parsed(raw: bytes) -> write_pb2.AppendRowsResponse:
    answer = write_pb2.AppendRowsResponse()
    answer.ParseFromString(raw)
    return answer


class Talk:
    """One connection, spoken to request by request."""

    def __init__(self, service: WriteService) -> None:
        self._sent: queue.Queue[bytes | BaseException | None] = queue.Queue()
        self._answers = service.append_rows(self._requests(), "ann@example.com", None)

    def _requests(self) -> Iterator[bytes]:
        while (item := self._sent.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item

    def send(self, raw: bytes) -> None:
        self._sent.put(raw)

    def receive(self) -> write_pb2.AppendRowsResponse:
        return parsed(next(self._answers))

    def ask(self, raw: bytes) -> write_pb2.AppendRowsResponse:
        self.send(raw)
        return self.receive()

    def break_off(self) -> None:
        """Let the transport fail."""
        self._sent.put(ConnectionError("gone"))

    def end(self) -> list[write_pb2.AppendRowsResponse]:
        """End the requests; the answers that are left."""
        self._sent.put(None)
        return [parsed(a) for a in self._answers]

    def close(self) -> None:
        """Leave without reading further answers."""
        self._sent.put(None)
        self._answers.close()  # type: ignore[attr-defined]


class Stack:
    """The service under test with what it stands on; :meth:`restart` opens the data directory again."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.clock = SimulationClock()
        self._talks: list[Talk] = []
        self._open()

    def _open(self) -> None:
        settings, clock = self.settings, self.clock
        self.draws = draws = Draws(settings.seed)
        self.catalog = catalog = Catalog(clock, draws, settings.location, ("p",))
        self.googlesql = GoogleSql(catalog, settings)
        self.engine = DuckDBEngine(settings.data_dir)
        records = self.engine.metadata()
        catalog.load(records)
        self.pool = EnginePool(self.engine, settings.storage_workers)
        reference = ReferenceRoute(self.googlesql)
        planner = Planner(catalog, self.googlesql, clock, reference)
        self.executor = Executor(catalog, planner, self.googlesql, reference, clock, draws)
        self.service = WriteService(
            catalog=catalog,
            pool=self.pool,
            executor=self.executor,
            clock=clock,
            draws=draws,
            settings=settings,
        )
        self.service.load(records)

    def close(self) -> None:
        for talk in self._talks:
            talk.close()
        self._talks = []
        self.service.close()
        self.pool.close()
        self.engine.close()
        self.googlesql.close()

    def restart(self) -> None:
        self.close()
        self._open()

    # Tables

    def work(self, work: Callable[[Any], Any]) -> Any:
        """Run engine work."""
        return self.pool.submit(work).result()

    def create_table(
        self, ref: TableRef = TABLE, fields: tuple[Field, ...] = FIELDS, location: str = "US", **options: Any
    ) -> None:
        def work(session: Any) -> None:
            with self.catalog.lock(ref), self.catalog.change(session) as change:
                if self.catalog.find_dataset(ref.dataset_ref) is None:
                    change.put_dataset(Dataset(ref.dataset_ref, location, 0, 0, "e"))
                now_ms = change.time_us // 1000
                table = Table(ref, TableKind.TABLE, fields, now_ms, now_ms, "e", location, **options)
                finish_creation(change, created(self.catalog, session, change, table))

        self.work(work)

    def drop_table(self, ref: TableRef = TABLE) -> None:
        def work(session: Any) -> None:
            with self.catalog.lock(ref), self.catalog.change(session) as change:
                change.drop_table(ref)

        self.work(work)

    def sql(self, text: str) -> Any:
        """Run a statement."""
        from bqsim.sql.plan import Context

        return self.work(lambda session: self.executor.run(text, Context("p"), session))

    def rows(self, ref: TableRef = TABLE) -> list[tuple[Any, ...]]:
        """The visible rows, as they are stored."""
        table = self.catalog.table(ref)
        columns = range(len(table.fields))
        found = self.work(lambda session: read_rows(session, table, columns, 0, 10_000_000))
        assert table.num_rows == found.num_rows
        return list(zip(*(c.to_pylist() for c in found.columns), strict=True))

    def numbers(self, ref: TableRef = TABLE) -> list[int]:
        """The first column."""
        return [row[0] for row in self.rows(ref)]

    # Calls

    def create(self, type_: Any = PB.COMMITTED, ref: TableRef = TABLE) -> str:
        """A new stream's name."""
        wanted = write_pb2.CreateWriteStreamRequest(parent=table_path(ref), write_stream=PB(type=type_))
        return str(self.service.create_stream(wanted, "ann@example.com").name)

    def talk(self) -> Talk:
        talk = Talk(self.service)
        self._talks.append(talk)
        return talk

    def send(self, *requests: bytes) -> list[write_pb2.AppendRowsResponse]:
        """The answers to the requests of one connection, sent all at once."""
        answers = self.service.append_rows(iter(requests), "ann@example.com", None)
        return [parsed(a) for a in answers]

    def finalize(self, name: str) -> int:
        done = self.service.finalize_stream(write_pb2.FinalizeWriteStreamRequest(name=name))
        return int(done.row_count)

    def flush(self, name: str, offset: int) -> int:
        wanted = write_pb2.FlushRowsRequest(write_stream=name)
        wanted.offset.value = offset
        wanted.offset.SetInParent()
        return int(self.service.flush_rows(wanted).offset)

    def commit(self, *names: str, parent: TableRef = TABLE) -> write_pb2.BatchCommitWriteStreamsResponse:
        wanted = write_pb2.BatchCommitWriteStreamsRequest(parent=table_path(parent), write_streams=names)
        return self.service.batch_commit(wanted)


@pytest.fixture
def settings() -> Settings:
    return Settings(seed=1)


@pytest.fixture
def empty_stack(settings: Settings) -> Iterator[Stack]:
    """A stack without tables."""
    stack = Stack(settings)
    yield stack
    stack.close()


@pytest.fixture
def stack(empty_stack: Stack) -> Stack:
    """A stack with the table ``p.d.t``."""
    empty_stack.create_table()
    return empty_stack


@pytest.fixture
def durable(tmp_path: Path) -> Iterator[Stack]:
    """A stack with the table ``p.d.t`` on a data directory."""
    stack = Stack(Settings(seed=1, data_dir=_made(tmp_path / "data")))
    stack.create_table()
    yield stack
    stack.close()


def _made(path: Path) -> Path:
    path.mkdir()
    return path
