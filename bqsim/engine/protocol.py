"""What the rest of bqsim needs of a columnar engine.

Rows cross this boundary as Arrow in the *canonical form* of ``bqsim.types.arrow``. Statements cross it as
engine SQL that ``bqsim.sql.lower`` rendered; it never reaches a user, nor does an engine's error text
(``bqsim.engine.errors`` words them).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, BinaryIO, Protocol

from bqsim.types import Field

if TYPE_CHECKING:
    import pyarrow as pa

# Columns that every stored table has beside the user's: when a row version began and ended (epoch
# microseconds). The live rows are those with VERSION_END NULL.
VERSION_BEGIN = "_begin"
VERSION_END = "_end"
# The start of a row's partition (engine TIMESTAMP in UTC), in tables that are partitioned by ingestion time:
# NULL is in no partition yet.
PARTITION = "_partition"


class Session(Protocol):
    """One engine connection, used by one thread at a time. Interruptible from any thread."""

    def query(self, sql: str, schema: Sequence[Field]) -> pa.Table:
        """Run a SELECT; the columns come back by position, in canonical Arrow form of ``schema``."""
        ...

    def execute(self, sql: str) -> int:
        """Run a statement without a result; the number of rows it changed (0 when it does not say)."""
        ...

    def scalar(self, sql: str) -> object:
        """The first value of the first row."""
        ...

    def row(self, sql: str) -> tuple[object, ...]:
        """The values of the first row; none without rows."""
        ...

    def transaction(self) -> AbstractContextManager[None]:
        """BEGIN … COMMIT, ROLLBACK when the block raises. Nested use joins the outer transaction."""
        ...

    def create_table(
        self, engine_table: str, columns: Sequence[tuple[str, Field]], *, partition: bool = False
    ) -> None:
        """Create a stored table with the version columns; ``columns`` are (engine column, field).

        ``partition``: with the column of the partition too.
        """
        ...

    def add_column(self, engine_table: str, column: str, field: Field) -> None: ...

    def drop_table(self, engine_table: str) -> None: ...

    def append(
        self, engine_table: str, columns: Sequence[str], fields: Sequence[Field], rows: pa.Table, version: int
    ) -> int:
        """Append canonical Arrow rows (column i of ``rows`` to ``columns[i]``); other columns become NULL."""
        ...

    def register(self, name: str, rows: pa.Table, fields: Sequence[Field]) -> None:
        """Make Arrow rows readable as relation ``name`` (columns ``c1`` …) in this session."""
        ...

    def unregister(self, name: str) -> None: ...

    def stream(
        self, name: str, batches: Iterable[pa.Table], fields: Sequence[Field]
    ) -> AbstractContextManager[None]:
        """Make Arrow rows readable once as relation ``name`` while the block runs, batch after batch.

        The call that reads them raises what making a batch raised.
        """
        ...

    def admitted(self, stream: BinaryIO) -> AbstractContextManager[str | None]:
        """Let engine SQL read the file that ``stream`` is open at while the block runs, under the name that
        the block gets; None when the engine cannot. What statements fail with in the block is
        ``FileNotRead``.
        """
        ...

    def tried(self, sql: str) -> object:
        """The first value of a query of admitted files alone, by an engine of its own: a damaged file can
        bring down the engine that reads it. Raises ``FileNotRead``.
        """
        ...

    def put_metadata(self, kind: str, key: str, value: str | None) -> None:
        """Write (or with None delete) one metadata record in the open transaction."""
        ...

    def on_commit(self, callback: Callable[[], None]) -> None:
        """Call ``callback`` after the outermost transaction commits (at once without one); never on
        rollback.
        """
        ...

    def interrupt(self) -> None:
        """Stop what the session runs; its call raises ``Interrupted``."""
        ...

    def shielded(self) -> AbstractContextManager[None]:
        """Let the block run in spite of interrupts: what must be undone whatever happens."""
        ...

    def close(self) -> None: ...


class Interrupted(Exception):
    """An engine call was stopped by :meth:`Session.interrupt`."""


class FileNotRead(Exception):
    """The engine cannot read a file itself, or not as it has to be read."""


class Engine(Protocol):
    """A columnar engine: opened once, many sessions."""

    durable: bool

    def session(self) -> Session:
        """A new session on the shared database."""
        ...

    def metadata(self) -> list[tuple[str, str, str]]:
        """All metadata records (kind, key, value): read once at start-up."""
        ...

    def close(self) -> None: ...
