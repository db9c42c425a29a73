"""Extract jobs: the rows of a table as files in Cloud Storage (page *Exporting table data*)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqsim.engine.formats.shards import FILE_BYTES, SHARD_BYTES, Shards
from bqsim.engine.formats.writing import (
    COMPRESSIONS,
    WRITERS,
    WriteOptions,
    check_writable,
    delimiter_of,
)
from bqsim.engine.protocol import Interrupted, Session
from bqsim.errors import BigQueryError, invalid, unsupported
from bqsim.jobs.reading import bad_value, boolean, enum, required, text, texts
from bqsim.jobs.sources import Rows, Source, parse_source, rows_of
from bqsim.jobs.statistics import ExtractStatistics
from bqsim.objects import Uri, parse_uri
from bqsim.sim.limits.model import Moment
from bqsim.sim.limits.work import working
from bqsim.sql.statements.pages import page_rows, pages

if TYPE_CHECKING:
    from bqsim.jobs.job import Job
    from bqsim.sql.executor import Executor

# The API's formats, and what the writers call them.
FORMATS = {"CSV": "CSV", "NEWLINE_DELIMITED_JSON": "JSON", "AVRO": "AVRO", "PARQUET": "PARQUET"}
# Page "Quotas and limits": wildcard URIs of one extract job.
MAX_URIS = 500
# Formats of models.
_MODEL_FORMATS = frozenset({"ML_TF_SAVED_MODEL", "ML_XGBOOST_BOOSTER"})


@dataclass(frozen=True, slots=True)
class ExtractConfig:
    """``JobConfigurationExtract`` of a table. ``format`` is as in :data:`FORMATS`."""

    source: Source
    uris: tuple[Uri, ...]
    format: str
    options: WriteOptions


def parse_extract(body: Mapping[str, Any], project: str) -> ExtractConfig:
    """Read an extract configuration; 400 for what is wrong with it."""
    if body.get("sourceModel"):
        raise unsupported("Extracting a model (sourceModel)")
    if not body.get("sourceTable"):
        raise required("sourceTable")
    format_ = enum(body, "destinationFormat", _MODEL_FORMATS.union(FORMATS), "CSV")
    if format_ in _MODEL_FORMATS:
        raise invalid(f"Destination format {format_} is not supported for extracting a table")
    compression = enum(body, "compression", COMPRESSIONS, "NONE")
    if compression not in WRITERS[FORMATS[format_]][1] | {"NONE"}:
        raise invalid(f"Compression type {compression} is not supported for export format {format_}")
    delimiter = delimiter_of(text(body, "fieldDelimiter"))
    if delimiter is None:
        raise bad_value("fieldDelimiter", body["fieldDelimiter"])
    options = WriteOptions(
        compression=compression,
        header=boolean(body, "printHeader", True),
        delimiter=delimiter,
        logical_types=boolean(body, "useAvroLogicalTypes", False),
    )
    source = parse_source(body["sourceTable"], "sourceTable", project)
    return ExtractConfig(source, _uris(body), format_, options)


def _uris(body: Mapping[str, Any]) -> tuple[Uri, ...]:
    single = text(body, "destinationUri")
    given = texts(body, "destinationUris") or ((single,) if single is not None else ())
    if not given:
        raise required("destinationUris")
    if len(given) > MAX_URIS:
        raise invalid(f"Too many destination URIs: {len(given)}, limit is {MAX_URIS}", "destinationUris")
    uris = tuple(map(_uri, given))
    if len(uris) > 1:
        for uri in uris:
            if not uri.wildcards:
                raise invalid(
                    f"Each of several destination URIs must have a wildcard '*', but {uri} has none",
                    "destinationUris",
                )
        if len(set(uris)) < len(uris):
            raise invalid("Destination URIs must differ from each other", "destinationUris")
    return uris


def _uri(given: str) -> Uri:
    try:
        uri = parse_uri(given)
    except BigQueryError:
        uri = None
    if uri is None or uri.wildcards > 1:
        raise invalid(
            f"Invalid extract destination URI '{given[:200]}'. Must be a valid Google Storage path"
            f"{'' if uri is None else ' with at most one wildcard'}.",
            "destinationUris",
        )
    return uri


class ExtractRunner:
    """Runs extract jobs in worker threads. ``shard_bytes`` is the size of the files of a wildcard."""

    def __init__(self, executor: Executor, shard_bytes: int = SHARD_BYTES) -> None:
        self._executor = executor
        self.shard_bytes = shard_bytes

    def check(self, job: Job, config: ExtractConfig, session: Session) -> None:
        """What :meth:`run` does before it writes: raises what is wrong, leaves statistics on the job."""
        with session.transaction():
            self._checked(job, config, session)

    def run(self, job: Job, config: ExtractConfig, session: Session) -> None:
        """Write the files, which are seen when the last of them is whole; leaves statistics on the job.

        The rows are those of one moment. Raises the job's failure: then there is no file of it.
        """
        with session.transaction():
            rows, count, statistics = self._checked(job, config, session)
            table, storage = rows.table, rows.storage
            create = self._executor.objects.create
            format_ = FORMATS[config.format]
            with Shards(
                create, config.uris, format_, table.fields, config.options, shard_bytes=self.shard_bytes
            ) as files:
                for page in pages(
                    session,
                    storage.engine_table,
                    storage.columns,
                    table.fields,
                    rows.condition,
                    page_rows(count, statistics.input_bytes),
                ):
                    files.write(page)
                if job.cancel_token is not None and job.cancel_token.cancelled:
                    raise Interrupted
            statistics.file_counts = files.counts

    def _checked(
        self, job: Job, config: ExtractConfig, session: Session
    ) -> tuple[Rows, int, ExtractStatistics]:
        """The rows, their number, and the statistics so far."""
        self._executor.require_rows(session, config.source.table)
        rows = rows_of(self._executor, config.source, job)
        check_writable(FORMATS[config.format], rows.table.fields)
        count, size = rows.size(session, self._executor)
        single = not config.uris[0].wildcards
        name = rows.table.ref.api_name
        work = working()
        if work is not None:
            sizes = {"bytes": size, "single_file_bytes": size} if single else {"bytes": size}
            work.charge(Moment.RUN, sizes, table=name)
        if single and size > FILE_BYTES:
            raise invalid(
                f"Table {name} too large to be exported to a single file. Specify a uri including a * to "
                "shard export. See 'Exporting data into one or more files' in "
                "https://cloud.google.com/bigquery/docs/exporting-data."
            )
        job.statistics = statistics = ExtractStatistics(input_bytes=size)
        return rows, count, statistics
