"""Extract jobs: tables to Cloud Storage."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqclient.errors import UsageError
from bqclient.models.attributes import Attribute, write
from bqclient.models.references import TableReference

if TYPE_CHECKING:
    from bqclient.client import BigQueryClient
    from bqclient.models.job import Job

FORMATS = ("CSV", "NEWLINE_DELIMITED_JSON", "AVRO", "PARQUET")
_OPTIONS = (
    Attribute("compression", "compression"),
    Attribute("field_delimiter", "fieldDelimiter"),
    Attribute("print_header", "printHeader"),
    Attribute("use_avro_logical_types", "useAvroLogicalTypes"),
)


@dataclass(frozen=True, slots=True)
class ExportResult:
    """An extract job that is done; ``files`` has how many objects each URI became."""

    job: Job
    files: Mapping[str, int]

    @property
    def file_count(self) -> int:
        """How many objects were written."""
        return sum(self.files.values())


class Exports:
    """Tables to Cloud Storage by extract jobs."""

    def __init__(self, client: BigQueryClient) -> None:
        self._client = client

    async def to_gcs(
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
        if format not in FORMATS:
            raise UsageError(f"The format is one of {', '.join(FORMATS)}, not {format!r}.")
        given = [uris] if isinstance(uris, str) else list(uris)
        wrong = next((uri for uri in given if not uri.startswith("gs://")), None)
        if wrong is not None or not given:
            raise UsageError(f"Objects are named gs://bucket/name, not {wrong!r}.")
        extract = {
            "sourceTable": self._client.tables.reference(table).to_api(),
            "destinationUris": given,
            "destinationFormat": format,
            **write(_OPTIONS, options, "An export"),
        }
        config: dict[str, Any] = {"extract": extract, **({"labels": dict(labels)} if labels else {})}
        jobs = self._client.jobs
        if progress is None:
            job = await jobs.run(config, timeout=timeout, location=location)
        else:
            begun = await jobs.insert(config, location=location)
            async for seen in jobs.watch(begun, timeout):
                progress(seen)
            job = await jobs.wait_for_completion(begun)
        counts = job.details.get("destinationUriFileCounts") or ()
        return ExportResult(job, dict(zip(given, map(int, counts), strict=False)))
