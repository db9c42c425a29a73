"""The client without ``await``, as type checkers see it. Written by tests.client.sync_stub."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Self, Unpack

import httpx
import pandas
import polars
import pyarrow as pa

from bqclient import errors as e
from bqclient.config import ClientConfig
from bqclient.ingest.dead_letters import Letter
from bqclient.ingest.drift import DriftReport
from bqclient.ingest.merge import Merge
from bqclient.ingest.migrations import MigrationReport
from bqclient.ingest.redrive import RedriveReport
from bqclient.ingest.report import Method, RefusedRow, Thresholds, WriteReport
from bqclient.ingest.schema_files import TableFile
from bqclient.ingest.tenants import Tenants
from bqclient.models.dataset import Dataset
from bqclient.models.job import DmlCounts, Job
from bqclient.models.references import DatasetReference, JobReference, TableReference
from bqclient.models.schema import Schema
from bqclient.models.table import Table
from bqclient.pricing import Pricing
from bqclient.runtime import Deadline, Runtime
from bqclient.services.costs import CostEstimate, JobCost
from bqclient.services.exports import ExportResult
from bqclient.services.query_handle import DryRun
from bqclient.services.query_options import Parameters, QueryOptions
from bqclient.services.routines import Routine
from bqclient.services.streaming import FailedRow, InsertIds, InsertResult
from bqclient.storage_api.append_items import AppendResult
from bqclient.storage_api.commits import CommitResult
from bqclient.storage_api.read_session import SessionOptions
from bqclient.storage_api.read_stream import StreamRows
from bqclient.storage_api.schema_changes import Change, SchemaComparison
from bqclient.storage_api.table_writes import WriteResult
from bqclient.storage_api.write_streams import WriteStream
from bqclient.values.rows import Row

class SyncBigQueryClient:
    """:class:`~bqclient.BigQueryClient` without ``await``; it takes the same settings."""
    def __init__(
        self,
        config: ClientConfig | None = None,
        *,
        runtime: Runtime | None = None,
        http_transport: httpx.AsyncBaseTransport | None = None,
        **settings: Any,
    ) -> None: ...
    @property
    def config(self) -> ClientConfig:
        """The settings."""
    @property
    def project(self) -> str:
        """The project that jobs run in."""
    @property
    def queries(self) -> SyncQueries:
        """Queries: run them, stream their rows, dry runs, sessions."""
    @property
    def jobs(self) -> SyncJobs:
        """Jobs of every kind: begin, get, list, cancel, wait, watch."""
    @property
    def streaming(self) -> SyncStreaming:
        """Streaming inserts (``tabledata.insertAll``): one request, or gathered rows."""
    @property
    def loading(self) -> SyncLoading:
        """Load jobs: from Cloud Storage, files, memory, rows, Arrow, DataFrames."""
    @property
    def exports(self) -> SyncExports:
        """Extract jobs: tables to Cloud Storage."""
    @property
    def datasets(self) -> SyncDatasets:
        """Datasets: create, get, update, delete, undelete, list."""
    @property
    def tables(self) -> SyncTables:
        """Tables and views: create, get, update, delete, list, copy, preview rows."""
    @property
    def routines(self) -> SyncRoutines:
        """Functions and procedures: create, get, update, delete, list."""
    @property
    def costs(self) -> SyncCosts:
        """What queries cost: estimates by dry runs, limits in USD, costs of jobs."""
    @property
    def storage_read(self) -> SyncStorageRead:
        """Reads over the Storage API: whole tables or sessions, as Arrow."""
    @property
    def storage_write(self) -> SyncStorageWrite:
        """Writes over the Storage API: at least once, exactly once, all at once."""
    @property
    def ingest(self) -> SyncIngest:
        """Rows into tables by the way that suits them; merges, dead letters, tenants, schema files."""
    def close(self) -> None:
        """Close all connections."""
    def __enter__(self) -> Self: ...
    def __exit__(self, *failure: object) -> None: ...

class SyncBufferedInserter:
    """Gathers rows and inserts them: ``max_rows`` or ``max_bytes`` at a time, or after ``max_wait_s``.

    ``add`` waits while ``in_flight`` requests are on their way: so a table that takes rows slowly slows
    those who bring them, and memory is bounded. Rows that are refused, and rows whose request failed for
    good, are given to ``on_failed``; without it they are kept, and :meth:`close` raises PartialInsertError
    with them: no row is lost unseen. Use it as ``async with``, or call :meth:`close`, which inserts what is
    left.
    """

    table: TableReference | str
    inserted: int
    failed: list[FailedRow]
    def add(self, row: Mapping[str, Any]) -> None:
        """Take a row. Raises UsageError for a row that cannot be written, LimitError for one above 10 MB."""
    def add_all(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Take rows."""
    def flush(self) -> None:
        """Insert what was gathered, and wait until all of it is answered."""
    def close(self) -> None:
        """Insert what is left. Raises PartialInsertError with rows that failed and nobody was told of."""
    def __enter__(self) -> Self: ...
    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None: ...

class SyncCosts:
    """Costs of queries, by the client's pricing: on demand at the list price unless told."""

    pricing: Pricing
    def estimate_query_cost(
        self, sql: str, parameters: Parameters = None, **options: Unpack[QueryOptions]
    ) -> CostEstimate:
        """What a query would cost, by a dry run, which is free. Raises what running it would."""
    def get_job_cost(self, job: JobReference | Job | str, *, location: str | None = None) -> JobCost:
        """What a job cost; a script what its statements did. Raises UsageError while it runs."""
    def of_job(self, job: Job) -> JobCost:
        """What a job that is done cost."""
    def set_cost_limit(self, usd: float | None) -> None:
        """Estimate every query first, and refuse those above; ``None`` ends that.

        Raises UsageError where slot-hours are paid for.
        """
    def check(
        self, sql: str, parameters: Parameters, limit_usd: float, **options: Unpack[QueryOptions]
    ) -> CostEstimate:
        """The estimate of a query, or BytesBilledLimitError where it is above the limit."""

class SyncDatasets:
    """Datasets of a project. Names are ``dataset``, ``project.dataset`` or references."""
    def reference(self, name: DatasetReference | str) -> DatasetReference:
        """The reference that a name stands for. Raises UsageError."""
    def get(self, name: DatasetReference | str) -> Dataset:
        """Read it. Raises NotFoundError."""
    def exists(self, name: DatasetReference | str) -> bool:
        """Whether it is there."""
    def create(
        self,
        name: DatasetReference | str,
        *,
        location: str | None = None,
        exists_ok: bool = False,
        **attributes: Any,
    ) -> Dataset:
        """Make it, in the client's location unless told. ``attributes``: those of :class:`Dataset`.

        Raises AlreadyExistsError, unless ``exists_ok``; UsageError for an attribute that is not known.
        """
    def update(self, name: DatasetReference | str, *, etag: str | None = None, **attributes: Any) -> Dataset:
        """Change attributes; ``None`` clears one. With an ``etag``, only if nobody else changed it meanwhile.

        Raises PreconditionFailedError when somebody did.
        """
    def delete(
        self, name: DatasetReference | str, *, delete_contents: bool = False, missing_ok: bool = False
    ) -> bool:
        """Delete it, with its tables when told so; whether it was there. Raises ResourceInUseError."""
    def undelete(self, name: DatasetReference | str) -> Dataset:
        """Bring a deleted one back, within its time travel window."""
    def list(
        self,
        *,
        project: str | None = None,
        hidden: bool = False,
        label_filter: str | None = None,
        limit: int | None = None,
    ) -> Iterator[Dataset]:
        """The project's datasets, as far as lists tell of them. ``label_filter``: ``labels.key:value``."""

class SyncDeadLetters:
    """A table of rows that failed: ``org``, ``source_table``, ``error``, ``row`` as JSON, ``time``.

    It is partitioned by time and made when it is missing, with a second one, ``<name>_redriven``, which tells
    what became of them. ``org`` is written with every row. Letters are never changed or deleted.
    """

    org: str | None
    def ensure(self) -> None:
        """Make both tables where they are missing."""
    def add(
        self,
        source_table: TableReference | str,
        rows: Iterable[RefusedRow | FailedRow | tuple[Mapping[str, Any], str]],
    ) -> int:
        """Put failed rows of a table aside; how many. Pairs are (row, error)."""
    def on_failed(
        self, source_table: TableReference | str
    ) -> Callable[[Sequence[FailedRow]], Awaitable[None]]:
        """What a BufferedInserter of that table takes as ``on_failed``.

        It also gets rows whose request was not answered in the end: they may be in the table. Drive those
        (``error`` begins with the reason, such as backendError) with ``keys``.
        """
    def read(
        self,
        source_table: TableReference | str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1000,
        driven: bool | None = False,
    ) -> list[Letter]:
        """Letters, the oldest first. ``driven``: those that were written again, those that were not (also
        claimed ones), or, with ``None``, all.
        """
    def redrive(
        self,
        source_table: TableReference | str | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
        limit: int = 1000,
        transform: Callable[[dict[str, Any]], Mapping[str, Any] | None] | None = None,
        into: TableReference | str | None = None,
        again: bool = False,
        **options: Any,
    ) -> RedriveReport:
        """Write letters' rows again, each once, with :meth:`~bqclient.ingest.Ingest.write_rows`.

        Those of ``source_table`` or of all tables, from ``since`` up to ``until``, that were not driven yet.
        ``transform`` mends a row first (``None``: leave it alone); ``into``: another table for the rows.
        ``options``: those of ``write_rows``, such as ``keys``.

        A letter is claimed before its row is written and marked as driven afterwards, so that two runs at
        the same time do not write it twice. Rows that are refused again stay to be driven. Rows that were cut
        are reported, not driven. A run that was killed in between leaves letters claimed, of which nobody
        knows whether their rows were written: they are reported as ``unfinished``, and driven only with
        ``again=True``; do that with ``keys``, which make it harmless.
        """

class SyncExports:
    """Tables to Cloud Storage by extract jobs."""
    def to_gcs(
        self,
        table: TableReference | str,
        uris: str | Sequence[str],
        *,
        format: str = "CSV",
        progress: Callable[[Job], None] | None = None,
        timeout: float | None = None,
        location: str | None = None,
        labels: Mapping[str, str] | None = None,
        **options: Any,
    ) -> ExportResult:
        """Write a table to objects, and wait; a ``*`` in a URI makes as many as it takes, 1 GB at most each.

        ``options``: ``compression`` (GZIP, SNAPPY, DEFLATE, ZSTD), ``field_delimiter``, ``print_header``,
        ``use_avro_logical_types``. ``progress`` is told of the job at every look. Raises the job's error.
        """

class SyncIngest:
    """Rows into tables, whatever their number and form."""
    def write_rows(
        self,
        table: TableReference | str,
        rows: Any = (),
        *,
        keys: Sequence[str] | None = None,
        merge: Merge | None = None,
        changes: Iterable[Change] | None = None,
        method: Method = "auto",
        thresholds: Thresholds | None = None,
        writers: int = 4,
        schema: Schema | None = None,
        dead_letters: SyncDeadLetters | TableReference | str | None = None,
        timeout: float | None = None,
    ) -> WriteReport:
        """Write rows to a table that exists; what was done, and why so.

        ``rows``: mappings in a list, any iterable or async iterable, Arrow data, a DataFrame of pandas or
        polars. Below 100 rows they are streamed in, from 100 a job loads them, from 10,000 they go over
        ``writers`` streams of the Storage Write API and are committed together (``thresholds`` sets the
        numbers). With ``keys`` they are merged: rows that are there are updated, others inserted, and
        the same again changes nothing; ``merge`` says more than keys. ``changes``: updates and deletes by
        key instead of rows, as DML. ``method``: auto, or stream, load, storage.

        No way writes a row twice or loses one when answers get lost. Rows that do not fit the table are not
        written: they are in the report, and in the table ``dead_letters`` when one is given; the others are
        written. ``schema``: the table's, where it is known already. ``timeout``: seconds of each request,
        job or append.

        Raises NotFoundError when there is no such table; IncompleteWriteError, with the report, when some of
        several requests were carried out, or refused rows could not be put aside.
        """
    def merge(
        self, table: TableReference | str, rows: Any, keys: Sequence[str], **options: Any
    ) -> WriteReport:
        """Merge rows by keys. ``options``: those of :class:`Merge` and of :meth:`write_rows`."""
    def dead_letters(self, table: TableReference | str, *, org: str | None = None) -> SyncDeadLetters:
        """A table of rows that failed; it is made when the first one comes."""
    def tenants(self, prefix: str = "tenant", **options: Any) -> Tenants:
        """Tenants, each with a dataset ``prefix_<tenant>`` and the limits of its tier."""
    def schema_files(self, folder: str | Path) -> SyncSchemaFiles:
        """Tables as JSON files of a folder."""

class SyncJobs:
    """Jobs of the client's project."""
    def new_id(self, prefix: str | None = None) -> str:
        """An id ``prefix_YYYYMMDD_HHMMSS_hex``."""
    def new_reference(self, *, prefix: str | None = None, location: str | None = None) -> JobReference:
        """The reference of a job to be: a new id, in ``location`` or the client's."""
    def insert(
        self,
        configuration: Mapping[str, Any],
        *,
        job_id: str | None = None,
        job_id_prefix: str | None = None,
        location: str | None = None,
        deadline: Deadline | None = None,
        sending: Callable[[JobReference], None] | None = None,
    ) -> Job:
        """Begin a job, once, however often the call is sent; the job as it is then.

        ``configuration`` is the API's ``JobConfiguration``. With a ``job_id`` that a job for the same work
        has, that job is returned; AlreadyExistsError when it does other work. Without one an id is made. It
        runs where the datasets are that it names, unless ``location`` is given. ``sending`` is told its
        reference before it is sent.
        """
    def run(
        self,
        configuration: Mapping[str, Any],
        *,
        job_id_prefix: str | None = None,
        timeout: float | None = None,
        location: str | None = None,
    ) -> Job:
        """Begin a job and wait until it is done. Raises the job's error, or JobTimeoutError.

        A job that failed inside the service is begun again as another one with another id; not so a script,
        some of whose statements may have been carried out.
        """
    def get(self, job: JobReference | Job | str, *, location: str | None = None) -> Job:
        """Read a job. Raises NotFoundError, also where it is in another location."""
    def reference(self, job: JobReference | Job | str, location: str | None = None) -> JobReference:
        """The reference of a job: an id is taken for one of the client's project and location."""
    def list(
        self,
        *,
        states: Iterable[str] = (),
        parent: JobReference | Job | str | None = None,
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        all_users: bool = False,
        projection: str = "full",
        limit: int | None = None,
        page_size: int | None = None,
    ) -> Iterator[Job]:
        """Jobs, the newest first.

        ``states``: pending, running, done. ``parent``: the statements of that script. ``projection``:
        ``minimal`` leaves out configurations.
        """
    def children(self, script: JobReference | Job | str) -> tuple[Job, ...]:
        """The jobs of a script's statements, in the order in which they began."""
    def cancel(
        self,
        job: JobReference | Job | str,
        *,
        location: str | None = None,
        wait: bool = False,
        timeout: float | None = None,
    ) -> Job:
        """Ask for a job to stop; ``wait`` until it has. It may end otherwise, and may be billed."""
    def cancel_quietly(self, ref: JobReference, seconds: float = 10.0) -> None:
        """Ask for a job to stop, whatever becomes of that: the caller's own error is what counts."""
    def delete(self, job: JobReference | Job | str, *, location: str | None = None) -> None:
        """Forget a job that is done, and its statements' jobs. Raises ResourceInUseError while it runs."""
    def wait_for_completion(
        self, job: JobReference | Job | str, timeout: float | None = None, *, location: str | None = None
    ) -> Job:
        """Wait until a job is done. Raises its error, or JobTimeoutError: it goes on then."""
    def watch(
        self, job: JobReference | Job | str, timeout: float | None = None, *, location: str | None = None
    ) -> Iterator[Job]:
        """A job as it is now, and again after 1 s, 1.5 s, … 30 s, until it is done.

        Its error is not raised: look at ``error``. Raises JobTimeoutError.
        """

class SyncLoading:
    """Rows into tables by load jobs, which are free of charge and all or nothing.

    All methods wait for the job and give it back; ``options`` are those of :func:`load_configuration`. They
    raise the job's error; a job that fails inside the service is started anew under a new id.
    """
    def from_gcs(
        self,
        uris: str | Sequence[str],
        table: TableReference | str,
        *,
        timeout: float | None = None,
        location: str | None = None,
        **options: Any,
    ) -> Job:
        """Load objects of Cloud Storage: ``gs://bucket/name``, with one ``*`` at most."""
    def from_file(
        self,
        path: str | Path,
        table: TableReference | str,
        *,
        timeout: float | None = None,
        location: str | None = None,
        progress: Callable[[int], None] | None = None,
        **options: Any,
    ) -> Job:
        """Load a file; its format by its name unless ``format`` tells. ``progress``: bytes that arrived."""
    def from_memory(
        self,
        data: bytes,
        table: TableReference | str,
        *,
        format: str,
        timeout: float | None = None,
        location: str | None = None,
        **options: Any,
    ) -> Job:
        """Load bytes of a format."""
    def from_rows(
        self,
        rows: Iterable[Mapping[str, Any]],
        table: TableReference | str,
        *,
        schema: Schema | Iterable[Any] | None = None,
        timeout: float | None = None,
        location: str | None = None,
        **options: Any,
    ) -> Job:
        """Load rows as newline-delimited JSON. Without a schema: the table's, or found from the rows."""
    def from_arrow(
        self,
        data: pa.Table | pa.RecordBatch | pa.RecordBatchReader,
        table: TableReference | str,
        *,
        timeout: float | None = None,
        location: str | None = None,
        **options: Any,
    ) -> Job:
        """Load Arrow data, as Parquet; a reader's batches go to a temporary file first."""
    def from_dataframe(self, frame: Any, table: TableReference | str, **options: Any) -> Job:
        """Load a pandas or polars DataFrame. Raises UsageError for anything else."""
    def from_stream(
        self, stream: IO[bytes], table: TableReference | str, *, format: str, **options: Any
    ) -> Job:
        """Load an open binary file from where it is; one that cannot be sought is read first."""

class SyncQueries:
    """Queries. ``max_cost_usd``: what a query may be estimated to cost, where a call does not say."""

    max_cost_usd: float | None
    def execute(
        self,
        sql: str,
        parameters: Parameters = None,
        *,
        timeout: float | None = ...,
        page_size: int | None = None,
        fetch_all: bool = True,
        cancel_on_timeout: bool = False,
        cancel_on_cancel: bool = False,
        max_cost_usd: float | None = None,
        **options: Unpack[QueryOptions],
    ) -> SyncQueryResult:
        """Run a query and wait for its result, all of its rows unless ``fetch_all=False``.

        ``parameters``: a mapping for ``@name``, a sequence for ``?``. ``timeout``: seconds, the client's
        ``query_timeout`` unless given, ``None`` until it is done; QueryTimeoutError then, and the job is
        cancelled with ``cancel_on_timeout``, else it goes on. ``cancel_on_cancel``: when the task that waits
        is cancelled, so is the job. ``max_cost_usd``: a dry run estimates first, and BytesBilledLimitError is
        raised where it is above. ``page_size``: the most rows of an answer.
        """
    def execute_parameterized(self, sql: str, parameters: Parameters, **given: Any) -> SyncQueryResult:
        """As :meth:`execute`, with values that never become part of the text. Raises UsageError without."""
    def execute_async(
        self,
        sql: str,
        parameters: Parameters = None,
        *,
        timeout: float | None = ...,
        page_size: int | None = None,
        fetch_all: bool = True,
        max_cost_usd: float | None = None,
        **options: Unpack[QueryOptions],
    ) -> SyncQueryHandle:
        """Begin a query as a job; a handle of it as soon as the service has it.

        An interactive one holds its place until it is done, whether anybody waits for it or not.
        """
    def dry_run(self, sql: str, parameters: Parameters = None, **options: Unpack[QueryOptions]) -> DryRun:
        """What a query would read and give, without running it: free. Raises what running it would."""
    def execute_stream(
        self,
        sql: str,
        parameters: Parameters = None,
        *,
        arrow: bool = False,
        page_size: int = ...,
        **given: Any,
    ) -> Iterator[Any]:
        """Rows of a query as they come, or Arrow record batches with ``arrow``; few are held at a time.

        Other options are those of :meth:`execute`. ``async with aclosing(...)`` where it may be given up.
        """
    def session(self, *, location: str | None = None) -> SyncSession:
        """A session: ``async with client.queries.session() as session: await session.execute(...)``."""

class SyncQueryHandle:
    """A query that runs: ``await handle`` for its result.

    ``job`` is its job; another one when it had to be begun again.
    """

    job: JobReference
    def done(self) -> bool:
        """Whether it is over."""
    def result(self, timeout: float | None = None) -> SyncQueryResult:
        """Its result. QueryTimeoutError after that many seconds; it goes on then."""
    def status(self) -> Job:
        """Its job as it is now."""
    def cancel(self) -> Job:
        """Ask for it to stop. Waiting for it raises JobCancelledError when it did."""

class SyncQueryResult:
    """What a query gave: all of its rows, unless it was run with ``fetch_all=False``.

    ``rows``, ``to_arrow()``, ``to_pandas()``, ``to_polars()`` and ``for row in result`` need all rows: call
    ``await result.fetch()`` first where they were not fetched. ``async for row in result`` and
    :meth:`batches` bring them as they go, and keep none.

    ``job`` is ``None`` where the service ran the query without a job; ``query_id`` names it then.
    """

    details: Job | None
    job: JobReference | None
    @property
    def schema(self) -> Schema:
        """The columns; none for statements that give no rows."""
    @property
    def total_rows(self) -> int:
        """How many rows there are, fetched or not."""
    @property
    def query_id(self) -> str | None:
        """The service's id of a query that had no job."""
    @property
    def statistics(self) -> Mapping[str, Any]:
        """The answer of the service as the API has it, without rows."""
    @property
    def bytes_processed(self) -> int:
        """Bytes that were read."""
    @property
    def bytes_billed(self) -> int:
        """Bytes that are billed."""
    @property
    def slot_ms(self) -> int:
        """Milliseconds of slots that it took."""
    @property
    def cache_hit(self) -> bool:
        """Whether the result came from the cache."""
    @property
    def statement_type(self) -> str:
        """SELECT, INSERT, SCRIPT, …; empty where the service does not tell."""
    @property
    def dml(self) -> DmlCounts | None:
        """Rows that a DML statement changed."""
    @property
    def affected_rows(self) -> int:
        """How many rows a DML statement changed."""
    @property
    def session(self) -> str | None:
        """The session that it ran in."""
    @property
    def complete(self) -> bool:
        """Whether all rows are here."""
    def fetch(self, *, storage_api: bool | None = None) -> SyncQueryResult:
        """Bring the rows that are not here yet; this result.

        ``storage_api``: by that way or not; unless told, where there are many and it is allowed.
        """
    @property
    def rows(self) -> list[Row]:
        """All rows."""
    def to_arrow(self) -> pa.Table:
        """All rows as an Arrow table."""
    def to_pandas(self, *, arrow_types: bool = False) -> pandas.DataFrame:
        """All rows as a DataFrame of pandas (extra ``pandas``; UsageError without).

        INT64 and BOOL have pandas' nullable types, so that NULLs change no number. ``arrow_types``: all
        columns have those of Arrow.
        """
    def to_polars(self) -> polars.DataFrame:
        """All rows as a DataFrame of Polars (extra ``polars``; UsageError without)."""
    def to_dicts(self) -> list[dict[str, Any]]:
        """All rows as dictionaries."""
    def scalar(self) -> Any:
        """The first value of the first row; ``None`` where there is no row."""
    def __iter__(self) -> Iterator[Row]: ...
    def __len__(self) -> int: ...
    def __bool__(self) -> bool: ...
    def batches(self) -> Iterator[pa.RecordBatch]:
        """Rows as Arrow record batches, as they come; one is brought while another is being used."""

class SyncReadAll:
    """A table's rows as Arrow record batches; iterate over it once.

    ``async with aclosing(aiter(...))`` ends all streams at once where an iteration is given up; without it
    they end when the iterator is collected. ``session``, ``schema``, ``progress`` and ``throttle_percent``
    tell how far it is.
    """

    refreshes: int
    schema_changes: tuple[Change, ...]
    rows_given: int
    @property
    def session(self) -> SyncReadSession | None:
        """The read session, once there is one; after a refresh the newest."""
    @property
    def schema(self) -> pa.Schema | None:
        """The Arrow schema, once there is a session."""
    @property
    def progress(self) -> float:
        """How much of all streams has been read, from 0 to 1."""
    @property
    def throttle_percent(self) -> int:
        """How much the service throttles the stream that it throttles most, in percent."""
    @property
    def streams(self) -> int:
        """How many streams the table is read as, in all; splits count."""
    @property
    def waiting_bytes(self) -> int:
        """What has been read and waits for the consumer."""
    def to_arrow(self) -> pa.Table:
        """All rows as one table, in the order of the streams."""
    def to_pandas(self, *, arrow_types: bool = False) -> pandas.DataFrame:
        """All rows as a DataFrame of pandas (extra ``pandas``; UsageError without).

        INT64 and BOOL have pandas' nullable types, so that NULLs change no number. ``arrow_types``: all
        columns have those of Arrow.
        """
    def to_polars(self) -> polars.DataFrame:
        """All rows as a DataFrame of Polars (extra ``polars``; UsageError without)."""
    def rows(self) -> Iterator[Row]:
        """All rows as typed Python values, one after another."""
    def __iter__(self) -> Iterator[pa.RecordBatch]: ...

class SyncReadSession:
    """A snapshot of a table and the streams that it can be read as.

    The streams together have every row once. ``schema`` is the Arrow schema of the rows (those of AVRO are
    made into Arrow; ``avro_schema`` is what they are sent in). ``estimated_rows`` and ``estimated_bytes`` do
    not take ``row_restriction`` into account. ``asked_at`` and ``made_at`` are this machine's times just
    before and after the session was made. ``shown``: the schema to give rows in, of a session that this one
    replaces.
    """

    name: str
    options: SessionOptions
    streams: tuple[str, ...]
    schema: pa.Schema
    expire_time: datetime
    estimated_rows: int
    estimated_bytes: int
    asked_at: datetime
    made_at: datetime
    shown: pa.Schema | None
    avro_schema: str | None
    service: SyncStorageRead
    @classmethod
    def of(
        cls,
        found: Any,
        options: SessionOptions,
        asked_at: datetime,
        made_at: datetime,
        service: SyncStorageRead,
    ) -> SyncReadSession:
        """From the service's answer."""
    @property
    def table(self) -> TableReference:
        """The table that is read."""
    def stream(self, number: int, offset: int = 0, *, deadline: Deadline | None = None) -> SyncStreamReader:
        """The rows of a stream (by its number, from 0), from a row of it on."""
    def read_stream(
        self, name: str, offset: int = 0, *, deadline: Deadline | None = None, channel: int = 0
    ) -> SyncStreamReader:
        """The rows of a stream by name, as splits give them, from a row of it on."""
    def split(self, stream: str, fraction: float, *, deadline: Deadline | None = None) -> Sequence[str]:
        """The names of two streams that have the rows of one, one after the other; empty where it cannot be.

        The first has about ``fraction`` of the rows. The stream itself can still be read.
        """

class SyncRoutines:
    """Routines of datasets. Names are ``dataset.routine`` or ``project.dataset.routine``."""
    def path(self, name: str) -> dict[str, str]:
        """The API's reference of a name. Raises UsageError."""
    def get(self, name: str) -> Routine:
        """Read it. Raises NotFoundError."""
    def exists(self, name: str) -> bool:
        """Whether it is there."""
    def create(self, name: str, definition: Mapping[str, Any], *, exists_ok: bool = False) -> Routine:
        """Make it of the API's ``Routine``: ``routineType``, ``language``, ``definitionBody``, …"""
    def update(self, name: str, definition: Mapping[str, Any], *, etag: str | None = None) -> Routine:
        """Replace its definition; with an ``etag``, only if nobody else changed it meanwhile."""
    def delete(self, name: str, *, missing_ok: bool = False) -> bool:
        """Delete it; whether it was there."""
    def list(self, dataset: DatasetReference | str, *, limit: int | None = None) -> Iterator[Routine]:
        """The dataset's routines, as far as lists tell of them."""

class SyncSchemaFiles:
    """The tables that JSON files of a folder, and of folders in it, describe.

    A file holds one table, or a list of them::

        {"table_name": "orders",
         "schema": [{"name": "id", "type": "INT64", "mode": "REQUIRED"}, {"name": "at", "type": "TIMESTAMP"}],
         "clustering": ["id"],
         "partitioning": {"field": "at", "type": "DAY", "expiration_days": 90, "require_filter": true}}

    ``partitioning`` may be the name of a column (by day), or ``{"field": "n", "range": {"start": 0, "end":
    100, "interval": 10}}``; without a ``field`` it goes by when rows came. ``description`` and ``labels`` may
    be given.
    """
    def load(self) -> tuple[TableFile, ...]:
        """Read and check all files. Raises FileError (a UsageError) naming each mistake with its file and
        path.
        """
    def dataset(self, dataset: DatasetReference | str) -> DatasetReference:
        """The dataset of that name."""
    def bootstrap(self, dataset: DatasetReference | str, *, make_dataset: bool = True) -> tuple[str, ...]:
        """Make the tables that are missing, and the dataset; the names of those that were made."""
    def make(self, dataset: DatasetReference, table: TableFile) -> None:
        """Make one table, unless somebody else just did."""
    def drift(self, dataset: DatasetReference | str) -> DriftReport:
        """How the tables of a dataset differ from the files."""
    def migrate(self, dataset: DatasetReference | str, *, dry_run: bool = False) -> MigrationReport:
        """Make and change tables so far as that is safe; the rest is refused with its reasons.

        Missing tables are made; columns are added, REQUIRED ones relaxed, types widened, descriptions,
        defaults, clustering, labels and expiration set. No data is lost or rewritten. ``dry_run``: only say
        what would be done. Doing it again does nothing.
        """

class SyncSent:
    """Rows that were taken to be appended: ``await`` it for the result. A result that nobody asks for is
    asked for by the writer's ``flush`` and ``close``.
    """

    seen: bool
    refused: list[tuple[int, str]]
    @property
    def done(self) -> bool:
        """Whether there is a result."""
    @property
    def failed(self) -> bool:
        """Whether a part of it has failed."""
    def result(self) -> AppendResult:
        """The result. Raises the first error; its ``details`` tell how many rows were stored all the same."""

class SyncSession:
    """A session of the service; it runs one query at a time, and ends with ``async with``."""

    location: str
    id: str | None
    def open(self) -> Self:
        """Begin it, unless it has been."""
    def execute(self, sql: str, parameters: Parameters = None, **given: Any) -> SyncQueryResult:
        """Run a query in it, after those before; options are those of ``client.queries.execute``."""
    def close(self) -> None:
        """End it: temporary tables are gone, and a transaction that is open is rolled back."""
    def __enter__(self) -> Self: ...
    def __exit__(self, *failure: object) -> None: ...

class SyncStorageRead:
    """Reads over the Storage API."""
    def options(
        self,
        table: TableReference | str,
        *,
        selected_fields: Sequence[str] | None = None,
        row_restriction: str | None = None,
        max_streams: int = 0,
        preferred_min_streams: int = 0,
        snapshot_time: datetime | None = None,
        sample_percentage: float | None = None,
        compression: str | None = None,
        format: str = "ARROW",
        trace_id: str = "",
    ) -> SessionOptions:
        """The options of a session. Raises UsageError and LimitError for what no session can have."""
    def create_session(
        self,
        table: TableReference | str,
        *,
        selected_fields: Sequence[str] | None = None,
        row_restriction: str | None = None,
        max_streams: int = 0,
        preferred_min_streams: int = 0,
        snapshot_time: datetime | None = None,
        sample_percentage: float | None = None,
        compression: str | None = None,
        format: str = "ARROW",
        trace_id: str = "",
        deadline: Deadline | None = None,
    ) -> SyncReadSession:
        """A session over a snapshot of a table: as it is now, or was at ``snapshot_time``.

        ``selected_fields``: columns, ``a.b`` for fields of a STRUCT; all unless given. ``row_restriction``: a
        condition on rows, as in WHERE. ``max_streams``: 0 leaves the number to the service, which may give
        fewer than wanted in any case. ``compression``: ``lz4_frame`` or ``zstd`` for the buffers of Arrow,
        ``lz4`` for the rows of each message.
        """
    def create(self, options: SessionOptions, *, deadline: Deadline | None = None) -> SyncReadSession:
        """A session of those options."""
    def split(self, stream: str, fraction: float, *, deadline: Deadline | None = None) -> tuple[str, ...]:
        """The names of two streams that have the rows of one, one after the other; empty where it cannot be.

        The first has about ``fraction`` of the rows. The stream itself can still be read.
        """
    def read_all(
        self,
        table: TableReference | str,
        *,
        selected_fields: Sequence[str] | None = None,
        row_restriction: str | None = None,
        snapshot_time: datetime | None = None,
        sample_percentage: float | None = None,
        compression: str | None = None,
        trace_id: str = "",
        ordered: bool = False,
        streams: int = ...,
        window_bytes: int = ...,
        split_bytes: int = ...,
        timeout: float | None = None,
    ) -> SyncReadAll:
        """All rows of a table, read as ``streams`` streams at a time.

        Iterate over it for Arrow record batches, or ask for all of them by ``to_arrow``, ``to_pandas``,
        ``to_polars`` or ``rows``. ``ordered``: in the order of the streams, which is the same for each read
        of the same session; else as they come. What waits for the consumer takes ``window_bytes`` at most,
        beside a message for each stream on its way. ``timeout``: seconds for the whole read.
        """

class SyncStorageWrite:
    """Streams of rows into tables."""
    def deadline(self, seconds: float | None) -> Deadline:
        """A deadline that many seconds from now; ``None`` is never."""
    def table(self, table: TableReference | str) -> TableReference:
        """The table of that name."""
    def create_stream(
        self, table: TableReference | str, type: str = "COMMITTED", *, timeout: float | None = None
    ) -> WriteStream:
        """A new stream of a table: COMMITTED, PENDING or BUFFERED."""
    def get_stream(
        self, stream: WriteStream | str, *, full: bool = True, timeout: float | None = None
    ) -> WriteStream:
        """A stream as it is now; ``full``: with the table's schema."""
    def default_stream(self, table: TableReference | str, *, timeout: float | None = None) -> WriteStream:
        """A table's default stream: rows are visible at once, and stored at least once."""
    def flush(self, stream: WriteStream | str, offset: int, *, timeout: float | None = None) -> int:
        """Make the rows of a BUFFERED stream visible, up to and with that offset; the last visible one."""
    def finalize(self, stream: WriteStream | str, *, timeout: float | None = None) -> int:
        """Close a stream to appends; the number of its rows."""
    def commit(
        self,
        table: TableReference | str,
        streams: Iterable[WriteStream | str],
        *,
        timeout: float | None = ...,
    ) -> CommitResult:
        """Make the rows of finalized PENDING streams of a table visible, all at once.

        Streams that fail for a passing reason are sent again; those that an earlier sending committed, whose
        answer was lost, count as done. Raises CommitError naming streams that cannot be committed.
        """
    def writer(
        self,
        table: TableReference | str | None = None,
        *,
        type: str = "COMMITTED",
        stream: WriteStream | str | None = None,
        **options: Any,
    ) -> SyncStreamWriter:
        """A writer to a new stream of ``table`` of that type (DEFAULT: its default stream), or to ``stream``
        from ``offset`` on. See :class:`StreamWriter`; ``options``:

        ``defaults``: ``True`` when missing values are the defaults of their columns, or names of columns;
        ``skip_refused``: store the other rows of a request of which some are refused; ``format``: auto,
        arrow or proto; ``timeout`` of each append (seconds, all its sendings included); ``max_requests`` and
        ``max_bytes`` on their way at a time; ``request_bytes`` that requests are cut to; ``channel``: the
        number of the connection.
        """
    def append(
        self,
        table: TableReference | str,
        data: Any,
        *,
        exactly_once: bool = False,
        defaults: Any = None,
        skip_refused: bool = False,
        format: str = "auto",
        timeout: float | None = ...,
    ) -> AppendResult:
        """Append rows to a table and wait until they are stored.

        They go to its default stream, over a connection that all calls share: at least once. When an answer
        was lost rows may be there twice; ``maybe_repeated`` tells. ``exactly_once`` takes a COMMITTED stream
        of their own instead. Rows with ``_CHANGE_TYPE`` (UPSERT, DELETE) are changes by primary key, which
        need no ``exactly_once``: doing them twice does no more.
        """
    def write_table(
        self,
        table: TableReference | str,
        data: Any,
        *,
        type: str = "PENDING",
        concurrency: int = 1,
        **options: Any,
    ) -> WriteResult:
        """Write all of ``data`` to a table through ``concurrency`` streams of a type.

        PENDING: the rows become visible all at once at the end, or not at all. COMMITTED: as they come, each
        once. BUFFERED: once everything is sent. DEFAULT: as they come, at least once. With several streams
        the order of rows is not kept. ``options`` are those of :meth:`writer`.
        """
    def close(self) -> None:
        """Wait for appends that are on their way, and end the shared connections."""

class SyncStreamReader:
    """Reads a stream; iterate over it, or call :meth:`read` and at last :meth:`close`.

    When the call breaks, it is made again from the row after the last one that came: no row comes twice or is
    lost. Rows that come set the count of retries back. ``offset`` is the next row's; ``progress`` (0 to 1)
    and ``throttle_percent`` are what the service told last.
    """

    name: str
    offset: int
    progress: float
    throttle_percent: int
    finished: bool
    def __iter__(self) -> Iterator[StreamRows]: ...
    def observed(self) -> Any:
        """Around all reading of the stream, for whoever is told of calls."""
    def read(self) -> StreamRows | None:
        """The next rows; ``None`` at the end. Raises SessionExpiredError when the session is over."""
    def close(self) -> None:
        """End the call: the service stops sending."""
    def expired(self, error: e.BigQueryError) -> bool:
        """Whether an error says that the session is over."""

class SyncStreamWriter:
    """Appends to one stream; made by :meth:`StorageWrite.writer`.

    Each append has its offset, so that it is stored once however often the connection breaks; on a default
    stream it is stored at least once. Use it as ``async with``: at the end everything is waited for, and a
    stream that the writer made is finalized (and a BUFFERED one flushed).
    """

    change: SchemaComparison | None
    finalized_rows: int | None
    @property
    def stream(self) -> WriteStream:
        """The stream. Raises UsageError before the writer was opened."""
    def open(self) -> Self:
        """Make the stream, or ask for the one that was given."""
    def send(self, data: Any, *, offset: int | None = None) -> SyncSent:
        """Take rows to be appended; waits while there is no room for them.

        ``offset``: where the first row is to go, which otherwise follows the last one. Rows may be Arrow data
        of any form, dictionaries (also from async iterators), or :class:`~.proto_rows.ProtoRows`. They go in
        as many requests as their size needs; one that is refused does not undo those before it. Raises
        UsageError and LimitError for rows that cannot be sent.
        """
    def append(self, data: Any, *, offset: int | None = None) -> AppendResult:
        """Append rows and wait until they are stored. Raises what the service says of them."""
    @property
    def end(self) -> int:
        """The offset after the last row known to be stored."""
    def wait(self) -> None:
        """Wait until everything sent has its result. Raises the first error that nobody has seen."""
    def flush(self) -> int:
        """Wait for everything sent, and make the rows of a BUFFERED stream visible; the next offset."""
    def finalize(self) -> int:
        """Wait for everything sent, end the connection, and close the stream to appends; its rows."""
    def close(self) -> None:
        """Wait for everything sent, and end the connection. The stream stays open to other writers."""
    def abort(self) -> None:
        """End the connection at once; appends that have no result fail."""
    def __enter__(self) -> Self: ...
    def __exit__(self, kind: type[BaseException] | None, *failure: object) -> None: ...

class SyncStreaming:
    """Rows into tables by ``insertAll``."""
    def insert_all(
        self,
        table: TableReference | str,
        rows: Iterable[Mapping[str, Any]],
        *,
        schema: Schema | None = None,
        insert_ids: InsertIds = "random",
        skip_invalid_rows: bool = False,
        ignore_unknown_values: bool = False,
        template_suffix: str | None = None,
        timeout: float | None = None,
    ) -> InsertResult:
        """Insert rows with one request.

        ``insert_ids``: ``"random"``, ``"content"`` (SHA-256 of the row: the same row twice within about a
        minute is one row, also from two calls), a text per row, or ``None`` (then a request whose answer is
        lost is not sent again). ``schema`` lets values be checked and written by their columns' types. Rows
        that the service refuses are in the result, with those that it stopped because of them; rows that
        failed in passing are sent again. Raises LimitError above 10,000 rows or 10 MB, before it sends
        anything.
        """
    def insert_prepared(
        self,
        table: TableReference | str,
        rows: Sequence[Mapping[str, Any]],
        prepared: Sequence[bytes],
        *,
        known_again: bool,
        skip_invalid_rows: bool = False,
        ignore_unknown_values: bool = False,
        template_suffix: str | None = None,
        timeout: float | None = None,
    ) -> InsertResult:
        """As :meth:`insert_all`, of rows that :func:`prepare` wrote; ``known_again``: with insert ids."""
    def buffered(self, table: TableReference | str, **options: Any) -> SyncBufferedInserter:
        """An inserter that gathers rows: see :class:`BufferedInserter`."""

class SyncTables:
    """Tables and views. Names are ``dataset.table``, ``project.dataset.table`` or references."""
    def reference(self, name: TableReference | str) -> TableReference:
        """The reference that a name stands for. Raises UsageError."""
    def get(self, name: TableReference | str, *, view: str | None = None) -> Table:
        """Read it; ``view``: BASIC, STORAGE_STATS or FULL. Raises NotFoundError."""
    def exists(self, name: TableReference | str) -> bool:
        """Whether it is there."""
    def create(
        self, name: TableReference | str, schema: Any = None, *, exists_ok: bool = False, **attributes: Any
    ) -> Table:
        """Make a table, or a view by ``view_query``. ``attributes``: those of :class:`Table`.

        Raises AlreadyExistsError, unless ``exists_ok``; UsageError for an attribute that is not known.
        """
    def update(self, name: TableReference | str, *, etag: str | None = None, **attributes: Any) -> Table:
        """Change attributes; ``None`` clears one. With an ``etag``, only if nobody else changed it meanwhile.

        Raises PreconditionFailedError when somebody did.
        """
    def delete(self, name: TableReference | str, *, missing_ok: bool = False) -> bool:
        """Delete it; whether it was there. Raises NotFoundError, unless ``missing_ok``."""
    def list(self, dataset: DatasetReference | str, *, limit: int | None = None) -> Iterator[Table]:
        """The dataset's tables, as far as lists tell of them."""
    def rows(
        self,
        name: TableReference | str,
        *,
        fields: Sequence[str] = (),
        limit: int | None = None,
        start: int | None = None,
        page_size: int | None = None,
    ) -> Iterator[Row]:
        """Rows by ``tabledata.list``: previews. ``client.storage_read`` is for large tables."""
    def copy(
        self,
        sources: TableReference | str | Iterable[TableReference | str],
        destination: TableReference | str,
        *,
        operation: str = "COPY",
        write_disposition: str = "WRITE_EMPTY",
        create_disposition: str = "CREATE_IF_NEEDED",
        expires: Any = None,
        timeout: float | None = None,
        labels: dict[str, str] | None = None,
    ) -> Job:
        """Copy tables into one, and wait. ``operation``: COPY, SNAPSHOT, RESTORE or CLONE.

        ``expires``: when a snapshot or clone ends. Raises the job's error.
        """
