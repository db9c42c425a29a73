"""Load jobs: from Cloud Storage, files, memory, rows, Arrow and DataFrames."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from bqclient.errors import (
    AlreadyExistsError,
    JobBackendError,
    NotFoundError,
    UploadLostError,
    UsageError,
)
from bqclient.models.job import Job
from bqclient.models.references import JobReference, TableReference
from bqclient.models.schema import Schema
from bqclient.runtime import Deadline

from .load_options import load_configuration
from .uploads import Source, upload

if TYPE_CHECKING:
    import pyarrow as pa

    from bqclient.client import BigQueryClient

# Formats by the names of files.
_FORMATS = {
    ".csv": "CSV",
    ".tsv": "CSV",
    ".json": "NEWLINE_DELIMITED_JSON",
    ".jsonl": "NEWLINE_DELIMITED_JSON",
    ".ndjson": "NEWLINE_DELIMITED_JSON",
    ".avro": "AVRO",
    ".parquet": "PARQUET",
    ".orc": "ORC",
}
_PACKED = (".gz", ".deflate")


class Loading:
    """Rows into tables by load jobs, which are free of charge and all or nothing.

    All methods wait for the job and give it back; ``options`` are those of :func:`load_configuration`. They
    raise the job's error; a job that fails inside the service is started anew under a new id.
    """

    def __init__(self, client: BigQueryClient) -> None:
        self._client = client
        self._core = client.core

    async def from_gcs(
        self,
        uris: str | Sequence[str],
        table: TableReference | str,
        *,
        timeout: float | None = None,
        location: str | None = None,
        **options: Any,
    ) -> Job:
        """Load objects of Cloud Storage: ``gs://bucket/name``, with one ``*`` at most."""
        given = [uris] if isinstance(uris, str) else list(uris)
        wrong = next((uri for uri in given if not uri.startswith("gs://")), None)
        if wrong is not None or not given:
            raise UsageError(f"Objects are named gs://bucket/name, not {wrong!r}.")
        format_ = options.pop("format", None) or format_of(given[0])
        config = load_configuration(self._reference(table), format_, options)
        config["load"]["sourceUris"] = given
        return await self._client.jobs.run(config, timeout=timeout, location=location)

    async def from_file(
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
        file = Path(path)
        format_ = options.pop("format", None) or format_of(file.name)
        source = Source(lambda: file.open("rb"), file.stat().st_size)
        return await self._upload(source, table, format_, options, timeout, location, progress)

    async def from_memory(
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
        source = Source(lambda: io.BytesIO(data), len(data))
        return await self._upload(source, table, format, options, timeout, location)

    async def from_rows(
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
        from bqclient.values.json_rows import row_to_json

        known = Schema.of(schema) if schema is not None else await self._schema(table)
        data = b"".join(
            json.dumps(row_to_json(row, known, load=True), separators=(",", ":")).encode() + b"\n"
            for row in rows
        )
        if known is None:
            options.setdefault("autodetect", True)
        elif schema is not None:
            options["schema"] = known
        return await self.from_memory(
            data, table, format="NEWLINE_DELIMITED_JSON", timeout=timeout, location=location, **options
        )

    async def from_arrow(
        self,
        data: pa.Table | pa.RecordBatch | pa.RecordBatchReader,
        table: TableReference | str,
        *,
        timeout: float | None = None,
        location: str | None = None,
        **options: Any,
    ) -> Job:
        """Load Arrow data, as Parquet; a reader's batches go to a temporary file first."""
        import tempfile

        import pyarrow as pa
        import pyarrow.parquet as pq

        if isinstance(data, pa.RecordBatch):
            data = pa.Table.from_batches([data])
        options.setdefault("parquet_enable_list_inference", True)
        with tempfile.TemporaryDirectory(prefix="bqclient-") as folder:
            path = Path(folder) / "rows.parquet"
            with pq.ParquetWriter(path, data.schema, use_compliant_nested_type=True) as writer:
                if isinstance(data, pa.Table):
                    writer.write_table(data)
                else:
                    for batch in data:
                        writer.write_batch(batch)
            return await self.from_file(
                path, table, format="PARQUET", timeout=timeout, location=location, **options
            )

    async def from_dataframe(self, frame: Any, table: TableReference | str, **options: Any) -> Job:
        """Load a pandas or polars DataFrame. Raises UsageError for anything else."""
        from bqclient.values.frames import arrow_of_frame

        return await self.from_arrow(arrow_of_frame(frame), table, **options)

    async def from_stream(
        self, stream: IO[bytes], table: TableReference | str, *, format: str, **options: Any
    ) -> Job:
        """Load an open binary file from where it is; one that cannot be sought is read first."""
        if not stream.seekable():
            return await self.from_memory(stream.read(), table, format=format, **options)
        start = stream.tell()
        size = stream.seek(0, io.SEEK_END) - start
        stream.seek(start)
        timeout, location = options.pop("timeout", None), options.pop("location", None)
        source = Source(lambda: cast("IO[bytes]", _Part(stream, start)), size)
        return await self._upload(source, table, format, options, timeout, location)

    def _reference(self, table: TableReference | str) -> TableReference:
        return self._client.tables.reference(table)

    async def _schema(self, table: TableReference | str) -> Schema | None:
        try:
            return (await self._client.tables.get(table)).schema or None
        except NotFoundError:
            return None

    async def _upload(
        self,
        source: Source,
        table: TableReference | str,
        format_: str,
        options: dict[str, Any],
        timeout: float | None,
        location: str | None,
        progress: Callable[[int], None] | None = None,
    ) -> Job:
        config = load_configuration(self._reference(table), format_, options, self._core.config.labels)
        policy = self._core.config.resilience.policy("new_job")
        # An upload takes as long as it takes; the job's own time-out is the caller's.
        deadline = Deadline.after(self._core.runtime, timeout)
        jobs = self._client.jobs
        where = location or await jobs.locations.of_configuration(config, self._core.deadline())
        where = where or self._core.config.location
        failures = 0
        while True:
            reference = JobReference(self._core.config.project, jobs.new_id(), where)
            try:
                try:
                    data = await upload(self._core, reference, config, source, deadline, progress)
                except AlreadyExistsError:
                    # An earlier sending made the job: its answer was lost.
                    job = await jobs.get(reference)
                else:
                    job = Job.from_api(data)
                return await jobs.wait_for_completion(job, deadline.remaining())
            except (JobBackendError, UploadLostError):
                wait = policy.wait(failures, self._core.runtime.fraction())
                failures += 1
                if failures > policy.retries or not deadline.allows(wait):
                    raise
                await self._core.runtime.sleep(wait)


def format_of(name: str) -> str:
    """The source format that a file's name tells. Raises UsageError."""
    plain = name.rstrip("*").lower()
    for packed in _PACKED:
        plain = plain.removesuffix(packed)
    found = _FORMATS.get(Path(plain).suffix)
    if found is None:
        known = ", ".join(sorted(_FORMATS))
        raise UsageError(f"{name!r} does not tell its format ({known}): give format=.")
    return found


class _Part(io.RawIOBase):
    """An open file from a place on; closing it leaves the file open."""

    def __init__(self, stream: IO[bytes], start: int) -> None:
        self._stream, self._start = stream, start
        stream.seek(start)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._stream.seek(self._start + offset, whence) - self._start

    def read(self, size: int = -1) -> bytes:
        return self._stream.read(size)
