"""A session of the DuckDB engine: one cursor, used by one thread at a time."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import duckdb

from bqsim.types import Field

from . import kernels
from .arriving import ArrivingBatches
from .convert import engine_type, from_engine, to_engine
from .errors import map_error
from .metadata import INSERT
from .protocol import PARTITION, VERSION_BEGIN, VERSION_END, FileNotRead, Interrupted

if TYPE_CHECKING:
    import pyarrow as pa

    from .duckdb import DuckDBEngine

log = logging.getLogger(__name__)

# Rows per Arrow batch of a result.
BATCH_ROWS = 1 << 20
_INTERRUPT_AGAIN_S = 0.005


class DuckDBSession:
    """A cursor of the database. See :class:`bqsim.engine.protocol.Session`."""

    def __init__(self, engine: DuckDBEngine, connection: Any) -> None:
        self._engine = engine
        self._connection = connection
        self._depth = 0
        self._macros: set[str] = set()
        self._macros_before: set[str] | None = None
        self._registered: set[str] = set()
        self._arriving: ArrivingBatches | None = None
        self._reads_file = False
        self._callbacks: list[Callable[[], None]] = []
        self._epoch = 0
        self._last_record = 0
        self._state = threading.Lock()
        self._running = False
        self._stopped = False
        self._shielded = False
        self._released = False
        self._broken = False

    def query(self, sql: str, schema: Sequence[Field]) -> pa.Table:
        return from_engine(self._call(sql, "arrow", lambda result: result.arrow_table()), schema)

    def execute(self, sql: str) -> int:
        count: int = self._call(sql, "rows", _changed_rows)
        return count

    def scalar(self, sql: str) -> object:
        rows = self._call(sql, "rows", lambda result: result.fetchall())
        return rows[0][0] if rows else None

    def row(self, sql: str) -> tuple[object, ...]:
        rows: list[tuple[object, ...]] = self._call(sql, "rows", lambda result: result.fetchall())
        return rows[0] if rows else ()

    def _call(self, sql: str, form: str, read: Any, values: list[Any] | None = None) -> Any:
        if kernels.PREFIX in sql:
            self._engine.install_kernels()
            self._install_macros(sql)
        if self._engine.chance is not None and ("random()" in sql or "uuid()" in sql):
            self._command(f"SELECT setseed({self._engine.chance() * 2 - 1!r})")
        return self._guarded(lambda: read(self._connection._submit(sql, values, form, BATCH_ROWS)))

    def _guarded(self, work: Any) -> Any:
        """Run engine work so that :meth:`interrupt` stops it; engine exceptions leave as ours."""
        with self._state:
            self._check_stopped()
            self._running = True
        try:
            return work()
        except duckdb.InterruptException:
            raise Interrupted from None
        except (duckdb.InternalException, duckdb.FatalException) as error:
            self._broken = True
            raise map_error(error) from error
        except (duckdb.Error, RuntimeError, MemoryError) as error:
            if self._reads_file:
                raise FileNotRead(str(error)) from error
            if self._arriving is not None and self._arriving.error is not None:
                # The engine tells what its source failed with as a text.
                raise self._arriving.error from None
            raise map_error(error) from error
        finally:
            with self._state:
                self._running = False

    def _check_stopped(self) -> None:
        if self._stopped and not self._shielded:
            raise Interrupted

    def _install_macros(self, sql: str) -> None:
        names = kernels.names_in(sql)
        if names <= self._macros:
            return
        for macro in kernels.macros_for(names, self._macros):
            self._guarded(
                lambda m=macro: self._connection._submit(m.sql, None, "rows", BATCH_ROWS).fetchall()
            )
            self._macros.add(macro.name)
        self._macros |= names

    @contextmanager
    def transaction(self) -> Iterator[None]:
        if self._depth:
            self._depth += 1
            try:
                yield
            finally:
                self._depth -= 1
            return
        # What is installed after a transaction began is not seen in it.
        self._engine.install_kernels()
        self._macros_before = set(self._macros)
        self._depth = 1
        try:
            # An interrupt may come once the transaction has begun.
            self._command("BEGIN")
            yield
        except BaseException:
            self._rollback()
            raise
        try:
            self._commit()
        except BaseException:
            self._rollback()
            raise
        self._depth, self._macros_before = 0, None
        callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()
        if self._last_record:
            self._engine.committed_metadata(self._last_record)
            self._last_record = 0

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` after the open transaction commits (at once without one); never when it rolls
        back.
        """
        if self._depth:
            self._callbacks.append(callback)
        else:
            callback()

    def _command(self, sql: str) -> None:
        self._guarded(lambda: self._connection._submit(sql, None, "rows", BATCH_ROWS).fetchall())

    def _commit(self) -> None:
        """COMMIT, which no interrupt may stop half-way: its outcome must be known."""
        with self._state:
            self._check_stopped()
        try:
            self._connection.commit()
        except duckdb.Error as error:
            raise map_error(error) from error

    def _rollback(self) -> None:
        """Undo the open transaction, even after an interrupt. The engine may have closed it already."""
        self._depth = 0
        self._callbacks = []
        self._macros = self._macros_before or set()
        self._macros_before = None
        try:
            self._connection.rollback()
        except duckdb.TransactionException as error:
            log.debug("nothing to roll back: %s", error)
        except duckdb.Error:
            self._broken = True
            log.exception("a transaction could not be rolled back")

    def create_table(
        self, engine_table: str, columns: Sequence[tuple[str, Field]], *, partition: bool = False
    ) -> None:
        parts = [f"{name} {engine_type(field.type)}" for name, field in columns]
        parts += [f"{VERSION_BEGIN} BIGINT", f"{VERSION_END} BIGINT"]
        if partition:
            parts.append(f"{PARTITION} TIMESTAMP")
        self._command(f"CREATE TABLE {engine_table} ({', '.join(parts)})")

    def add_column(self, engine_table: str, column: str, field: Field) -> None:
        self._command(f"ALTER TABLE {engine_table} ADD COLUMN {column} {engine_type(field.type)}")

    def drop_table(self, engine_table: str) -> None:
        self._command(f"DROP TABLE IF EXISTS {engine_table}")

    def append(
        self, engine_table: str, columns: Sequence[str], fields: Sequence[Field], rows: pa.Table, version: int
    ) -> int:
        if not rows.num_rows:
            return 0
        # The handle keeps the rows readable under its name for as long as it lives.
        handle = self._guarded(lambda: self._connection._register_source(to_engine(rows, fields)))
        targets = "".join(f"{c}, " for c in columns)
        values = "".join(f"c{i}, " for i in range(1, len(columns) + 1))
        return self.execute(
            f"INSERT INTO {engine_table} ({targets}{VERSION_BEGIN}) "
            f"SELECT {values}{version} FROM {handle.name}"
        )

    def register(self, name: str, rows: pa.Table, fields: Sequence[Field]) -> None:
        scanned = to_engine(rows, fields)
        self._guarded(lambda: self._connection.register(name, scanned))
        self._registered.add(name)

    def unregister(self, name: str) -> None:
        if name in self._registered:
            self._registered.discard(name)
            try:
                self._connection.unregister(name)
            except duckdb.TransactionException as error:
                # A failed transaction takes the relation with it when it is rolled back.
                log.debug("%s is left to the rollback: %s", name, error)

    @contextmanager
    def stream(self, name: str, batches: Iterable[pa.Table], fields: Sequence[Field]) -> Iterator[None]:
        self._arriving = arriving = ArrivingBatches(batches, fields, self._engine.trim)
        try:
            self._guarded(lambda: self._connection.register(name, arriving.reader))
            self._registered.add(name)
            yield
        finally:
            self._arriving = None
            self.unregister(name)
            arriving.close()

    @contextmanager
    def admitted(self, stream: BinaryIO) -> Iterator[str | None]:
        with self._engine.readable.admitted(stream) as path:
            self._reads_file = path is not None
            try:
                yield path
            finally:
                self._reads_file = False

    def tried(self, sql: str) -> object:
        return self._engine.tried(sql)

    def put_metadata(self, kind: str, key: str, value: str | None) -> None:
        if self._engine.log is not None:
            row = self._engine.log.record(kind, key, value)
            self._last_record = row[0]
            self._call(INSERT, "rows", lambda result: result.fetchall(), row)

    def interrupt(self) -> None:
        """Stop the running statement, and refuse further ones until the session is closed."""
        with self._state:
            self._stopped = True
            epoch = self._epoch
        self._interrupt_running(epoch)

    def _interrupt_running(self, epoch: int) -> None:
        """Interrupt until the statement has ended: an interrupt just before its start has no effect."""
        with self._state:
            if not self._running or self._shielded or epoch != self._epoch:
                return
            self._connection.interrupt()
        timer = threading.Timer(_INTERRUPT_AGAIN_S, self._interrupt_running, (epoch,))
        timer.daemon = True
        timer.start()

    @contextmanager
    def shielded(self) -> Iterator[None]:
        """Let the block run in spite of interrupts: what must be undone whatever happens."""
        with self._state:
            before, self._shielded = self._shielded, True
        try:
            yield
        finally:
            with self._state:
                self._shielded = before

    def reopen(self) -> None:
        with self._state:
            self._stopped = self._released = False
            self._epoch += 1

    def close(self) -> None:
        """Give the session back. An open transaction is rolled back, registered relations are forgotten.

        A connection that the engine failed on is not used again.
        """
        if self._released:
            return
        self._released = True
        if self._depth:
            self._rollback()
        if self._broken:
            self._engine.discard(self._connection)
            return
        for name in list(self._registered):
            self.unregister(name)
        self._engine.release(self)


def _changed_rows(result: Any) -> int:
    """Run a statement to its end; how many rows it changed."""
    rows = result.fetchall()
    return int(rows[0][0]) if result.return_type == "changed_rows" and rows else 0
