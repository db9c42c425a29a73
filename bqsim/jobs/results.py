"""Query results: Arrow tables in memory, spilled to files beyond a bound, gone after 24 hours."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import threading
from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import Dataset, RowAccessPolicy, Table, TableKind
from bqsim.errors import BigQueryError, invalid, not_found
from bqsim.jobs import paging
from bqsim.sim.iam.attached import owned_by
from bqsim.sql.statements.partition_ids import in_partition
from bqsim.sql.statements.storage import live, storage_of
from bqsim.types import Field

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.engine.protocol import Session

# Page "Use cached query results": how long a result is kept.
RESULT_LIFE_US = 24 * 3600 * 1_000_000
# A reply of jobs.query, getQueryResults and tabledata.list carries at most about this much JSON.
PAGE_BYTES = 10_000_000
# JSON around one cell: {"v":""},
CELL_JSON_BYTES = 10
# The JSON of results up to this size is kept with them: cached results are asked for again and again.
KEPT_JSON_BYTES = 4096


class ResultSet:
    """The rows of one statement: ``schema`` and a ``pyarrow.Table`` in canonical form, by position."""

    __slots__ = (
        "_encoded",
        "_rows",
        "created_us",
        "location",
        "nbytes",
        "num_rows",
        "only_for",
        "path",
        "ref",
        "schema",
    )

    def __init__(
        self, schema: tuple[Field, ...], rows: pa.Table, ref: TableRef, created_us: int, location: str = "US"
    ) -> None:
        self.location = location
        self.schema = schema
        self.ref = ref
        self.created_us = created_us
        self.num_rows: int = rows.num_rows
        self.nbytes: int = rows.nbytes
        self.path: Path | None = None
        self._encoded: dict[Any, Any] = {}
        # Who alone may read it: the caller for whom row access policies filtered it; None for everybody.
        self.only_for: str | None = None
        self._rows: pa.Table | None = rows

    @property
    def expires_us(self) -> int:
        return self.created_us + RESULT_LIFE_US

    @property
    def dropped(self) -> bool:
        """Whether the rows are gone."""
        return self._rows is None

    @property
    def row_bytes(self) -> float:
        """About how much JSON a row takes."""
        return row_json_bytes(self.nbytes, self.num_rows, len(self.schema))

    @property
    def rows(self) -> pa.Table:
        """All rows; 404 ``notFound`` when the result has expired."""
        if self._rows is None:
            raise not_found("Table", self.ref.api_name)
        return self._rows

    def check_reader(self, caller: str) -> None:
        """Raises 403 ``accessDenied`` for a caller other than the one for whom it was filtered."""
        if self.only_for is not None and self.only_for.casefold() != caller.casefold():
            raise BigQueryError(
                "accessDenied",
                f"Access Denied: Table {self.ref.api_name}: User does not have permission to query table"
                f" {self.ref.api_name}, or perhaps it does not exist.",
            )

    def slice(self, start: int, count: int | None = None) -> pa.Table:
        """Rows ``start`` … ``start + count``, without a copy."""
        return self.rows.slice(start, count)

    def kept_json(self, count: int) -> dict[Any, Any] | None:
        """Where to keep the JSON of ``count`` rows: only that of all rows of a small result is kept."""
        small = count == self.num_rows and self.row_bytes * count <= KEPT_JSON_BYTES
        return self._encoded if small else None

    def spill(self, directory: Path) -> None:
        """Move the rows to an Arrow IPC file and read them through a memory map from now on."""
        import pyarrow as pa

        path = directory / f"{self.ref.table}.arrow"
        rows = self.rows
        with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, rows.schema) as writer:
            writer.write_table(rows)
        self._rows = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
        self.path = path

    def _policies(self, created_ms: int) -> tuple[RowAccessPolicy, ...]:
        """What shows the rows to no other caller when SQL reads the table."""
        if self.only_for is None:
            return ()
        grantees = (f"user:{self.only_for}",)
        return (RowAccessPolicy("result", "TRUE", grantees, created_ms, created_ms, self.ref.table),)

    def drop(self) -> None:
        """Forget the rows."""
        self._rows = None
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def as_table(self) -> Table:
        """The result as the anonymous table that holds it. It has no engine storage."""
        created_ms = self.created_us // 1000
        return Table(
            ref=self.ref,
            kind=TableKind.TABLE,
            fields=self.schema,
            created_ms=created_ms,
            modified_ms=created_ms,
            etag=self.ref.table,
            location=self.location,
            version=self.created_us,
            num_rows=self.num_rows,
            expiration_ms=self.expires_us // 1000,
            row_access_policies=self._policies(created_ms),
        )


class TableResult:
    """The result of a query that wrote its rows to a table: the rows of the table as it was then.

    ``which`` is a further engine condition of the rows, of which there are ``num_rows``: those of the one
    partition that was written to.
    """

    __slots__ = ("num_rows", "table", "which")

    def __init__(self, table: Table, which: str = "", num_rows: int | None = None) -> None:
        self.table = table
        self.which = which
        self.num_rows = table.num_rows if num_rows is None else num_rows

    @property
    def schema(self) -> tuple[Field, ...]:
        return self.table.fields

    @property
    def row_bytes(self) -> float:
        """About how much JSON a row takes."""
        return row_json_bytes(0, 0, len(self.schema)) * 3

    def read(self, session: Session, start: int, count: int) -> pa.Table:
        """Rows ``start`` … ``start + count`` from the engine."""
        return read_rows(session, self.table, range(len(self.schema)), start, count, self.which)


def read_rows(
    session: Session, table: Table, columns: Sequence[int], start: int, count: int, which: str = ""
) -> pa.Table:
    """Rows of a stored table as of its version, in stored order: the fields at these positions.

    ``which`` is a further engine condition of theirs.
    """
    storage = storage_of(table)
    names = ", ".join(storage.columns[i] for i in columns)
    sql = (
        f"SELECT {names} FROM {storage.engine_table} WHERE {live(storage, table.version)} "
        f"{f'AND {which} ' if which else ''}LIMIT {count} OFFSET {start}"
    )
    return session.query(sql, [table.fields[i] for i in columns])


def count_rows(session: Session, table: Table, which: str = "TRUE") -> int:
    """How many rows a stored table had as of its version; ``which`` is a further engine condition."""
    storage = storage_of(table)
    found = session.scalar(
        f"SELECT count(*) FROM {storage.engine_table} WHERE {live(storage, table.version)} AND {which}"
    )
    assert isinstance(found, int)
    return found


def written_result(session: Session, table: Table, partition: str | None) -> TableResult:
    """The result of a query that wrote to a table, or to the one partition of it that a decorator named."""
    if partition is None:
        return TableResult(table)
    which = in_partition(table, partition)
    return TableResult(table, which, count_rows(session, table, which))


@dataclass(frozen=True, slots=True)
class ResultPage:
    """Consecutive rows of a result or table. ``rows`` is in canonical form, by position of ``fields``."""

    fields: tuple[Field, ...]
    rows: Any
    total_rows: int
    next_page_token: str | None
    etag: str = ""
    # Where the JSON of the page is kept, by the options of requests; None when it is not.
    encoded: dict[Any, Any] | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows a request asks for: the pages of ``subject`` (a job or table), a token winning over
    ``start_index``."""

    subject: str
    start_index: int | None = None
    max_results: int | None = None
    page_token: str | None = None
    max_bytes: int = PAGE_BYTES

    @property
    def start(self) -> int:
        """The first row asked for; 400 ``invalid`` for bad tokens and negative numbers."""
        if self.max_results is not None and self.max_results < 0:
            raise invalid("Invalid value for maxResults: must be non-negative", "maxResults")
        if self.page_token:
            return paging.decode(self.subject, self.page_token)
        if self.start_index is not None and self.start_index < 0:
            raise invalid("Invalid value for startIndex: must be non-negative", "startIndex")
        return self.start_index or 0

    def of(self, total: int, row_bytes: float) -> tuple[int, int, str | None]:
        """(start, count, next page token) among ``total`` rows of about ``row_bytes`` JSON each."""
        start = self.start
        count = min(max(1, int(self.max_bytes / max(row_bytes, 1.0))), max(0, total - start))
        if self.max_results is not None:
            count = min(count, self.max_results)
        end = start + count
        more = end < total and self.max_results != 0
        return start, count, self.token(end) if more else None

    def token(self, position: int) -> str:
        return paging.encode(self.subject, position)


def row_json_bytes(nbytes: int, num_rows: int, columns: int) -> float:
    """About how many bytes of JSON one row takes, from the size of its Arrow form."""
    return (nbytes / num_rows if num_rows else 0.0) + columns * CELL_JSON_BYTES


class ResultStore:
    """All results that have not expired, by their anonymous table.

    Results beyond ``memory_bytes`` are spilled, the least recently added first. Thread-safe.
    """

    def __init__(
        self, memory_bytes: int, directory: Path | None = None, *, max_results: int = 100_000
    ) -> None:
        self.memory_bytes = memory_bytes
        self.max_results = max_results
        self.in_memory = 0
        self._base = directory
        self._directory: Path | None = None
        self._by_ref: dict[TableRef, ResultSet] = {}
        self._resident: OrderedDict[TableRef, ResultSet] = OrderedDict()
        self._by_age: deque[ResultSet] = deque()
        self._hidden: dict[tuple[str, str, str], DatasetRef] = {}
        self._datasets: dict[DatasetRef, Dataset] = {}
        self._owners: dict[DatasetRef, str] = {}
        self._lock = threading.Lock()

    def hidden_dataset(self, project: str, caller: str, location: str) -> DatasetRef:
        """The hidden dataset that holds the results of ``caller`` in ``project`` and ``location``."""
        ref = self._hidden.get((project, caller, location))
        if ref is None:
            digest = hashlib.blake2b(f"{project}/{caller}/{location}".encode(), digest_size=20).hexdigest()
            ref = self._hidden[project, caller, location] = DatasetRef(project, f"_{digest}")
            self._owners[ref] = caller
        return ref

    def add(
        self, schema: tuple[Field, ...], rows: pa.Table, ref: TableRef, now_us: int, location: str = "US"
    ) -> ResultSet:
        """Keep a result as table ``ref``; expired results go, and others are spilled when memory is short."""
        result = ResultSet(schema, rows, ref, now_us, location)
        with self._lock:
            self._expire(now_us)
            self._by_ref[ref] = result
            self._by_age.append(result)
            if ref.dataset_ref not in self._datasets:
                owner = self._owners.get(ref.dataset_ref, "")
                self._datasets[ref.dataset_ref] = _hidden(ref.dataset_ref, location, now_us // 1000, owner)
            self._resident[ref] = result
            self.in_memory += result.nbytes
            while self.in_memory > self.memory_bytes and self._resident:
                _, oldest = self._resident.popitem(last=False)
                self.in_memory -= oldest.nbytes
                oldest.spill(self._spill_directory())
        return result

    def find(self, ref: TableRef, now_us: int) -> ResultSet | None:
        """The result kept as table ``ref``, unless it has expired."""
        result = self._by_ref.get(ref)
        return result if result is not None and result.expires_us > now_us else None

    def hidden_datasets(self, project: str) -> list[Dataset]:
        """The hidden datasets of ``project`` that hold or held results, by their ids."""
        found = [dataset for ref, dataset in self._datasets.items() if ref.project == project]
        return sorted(found, key=lambda dataset: dataset.ref)

    def dataset(self, ref: DatasetRef) -> Dataset | None:
        """A hidden dataset of results."""
        return self._datasets.get(ref)

    def tables(self, dataset: DatasetRef, now_us: int) -> list[ResultSet]:
        """The live results in a hidden dataset, sorted by table id."""
        kept = [r for ref, r in list(self._by_ref.items()) if ref.dataset_ref == dataset]
        return sorted((r for r in kept if r.expires_us > now_us), key=lambda r: r.ref.table)

    def close(self) -> None:
        """Drop all results and their files."""
        with self._lock:
            for result in self._by_ref.values():
                result.drop()
            self._by_ref.clear()
            self._resident.clear()
            self._by_age.clear()
            self.in_memory = 0
            if self._directory is not None:
                shutil.rmtree(self._directory, ignore_errors=True)
                self._directory = None

    def forget_since(self, time_us: int) -> None:
        """Drop the results made after ``time_us``."""
        with self._lock:
            while self._by_age and self._by_age[-1].created_us > time_us:
                result = self._by_age.pop()
                self._by_ref.pop(result.ref, None)
                self._forget(result)

    def _expire(self, now_us: int) -> None:
        while self._by_age and (
            self._by_age[0].expires_us <= now_us or len(self._by_age) >= self.max_results
        ):
            result = self._by_age.popleft()
            self._by_ref.pop(result.ref, None)
            self._forget(result)

    def _forget(self, result: ResultSet) -> None:
        if self._resident.pop(result.ref, None) is not None:
            self.in_memory -= result.nbytes
        result.drop()

    def _spill_directory(self) -> Path:
        if self._directory is None:
            self._directory = Path(tempfile.mkdtemp(prefix="bqsim-results-", dir=self._base))
        return self._directory


def _hidden(ref: DatasetRef, location: str, now_ms: int, owner: str) -> Dataset:
    access = {"access": owned_by(owner)} if owner else {}
    return Dataset(ref, location, now_ms, now_ms, etag=ref.dataset[1:13], metadata=access)
