"""Load jobs: uploaded files into tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bqsim.catalog.resources import Table
from bqsim.engine.formats.csv import CsvOptions, read_csv
from bqsim.engine.formats.csv import detect as detect_csv
from bqsim.engine.formats.detect import SAMPLE_ROWS, detect_json
from bqsim.engine.formats.ndjson import read_ndjson, sample_rows
from bqsim.engine.formats.parsed import READING, Parsed, unpacked
from bqsim.engine.protocol import Session
from bqsim.errors import BigQueryError, invalid, unsupported
from bqsim.jobs.config import Target, parse_target
from bqsim.jobs.job import Job
from bqsim.jobs.measures import charge_file
from bqsim.jobs.reading import bad_value, boolean, int64, items, mapping, required, text
from bqsim.jobs.statistics import LoadStatistics
from bqsim.jobs.target import check_target, insert_arrow, write_table
from bqsim.sql.statements.sizes import column_total
from bqsim.sql.statements.writes import Writer
from bqsim.types import Field
from bqsim.types.api_schema import fields_from_api

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.catalog.store import Catalog
    from bqsim.jobs.upload import Upload
    from bqsim.sql.executor import Executor

# Source formats, and whether bqsim reads them.
FORMATS: dict[str, bool] = {
    "CSV": True,
    "NEWLINE_DELIMITED_JSON": True,
    "PARQUET": True,
    "AVRO": False,
    "ORC": False,
    "DATASTORE_BACKUP": False,
}
ENCODINGS = {
    "UTF-8": "utf-8",
    "ISO-8859-1": "iso-8859-1",
    "UTF-16BE": "utf-16-be",
    "UTF-16LE": "utf-16-le",
    "UTF-32BE": "utf-32-be",
    "UTF-32LE": "utf-32-le",
}
# How errors name a format.
_NAMES = {"NEWLINE_DELIMITED_JSON": "JSON"}
_DELIMITERS = {"tab": "\t", "\\t": "\t"}
# Errors that a failed job lists at most.
MAX_ERRORS = 10


@dataclass(frozen=True, slots=True)
class LoadConfig:
    """``JobConfigurationLoad``. ``fields`` None is a schema not given."""

    target: Target
    format: str
    upload: Upload
    fields: tuple[Field, ...] | None
    autodetect: bool
    max_bad_records: int
    ignore_unknown: bool
    infer_lists: bool
    csv: CsvOptions


def parse_load(body: Mapping[str, Any], project: str, upload: Upload | None) -> LoadConfig:
    """Read a load configuration; 400 for what is wrong with it."""
    if not body.get("destinationTable"):
        raise required("destinationTable")
    format_ = (text(body, "sourceFormat") or "CSV").upper()
    if format_ not in FORMATS:
        raise bad_value("sourceFormat", body.get("sourceFormat"))
    if body.get("sourceUris"):
        raise unsupported("Loading from Cloud Storage (sourceUris)")
    if not FORMATS[format_]:
        raise unsupported(f"The source format {format_}")
    if upload is None:
        raise invalid("Load configuration must specify at least one source URI")
    given = items(mapping(body, "schema"), "fields")
    parquet = mapping(body, "parquetOptions")
    return LoadConfig(
        target=parse_target(body, project, default_write="WRITE_APPEND"),
        format=format_,
        upload=upload,
        fields=fields_from_api(given) if given else None,
        autodetect=boolean(body, "autodetect", False),
        max_bad_records=int64(body, "maxBadRecords") or 0,
        ignore_unknown=boolean(body, "ignoreUnknownValues", False),
        infer_lists=boolean(parquet, "enableListInference", False),
        csv=_csv_options(body),
    )


def _csv_options(body: Mapping[str, Any]) -> CsvOptions:
    encoding = (text(body, "encoding") or "UTF-8").upper()
    if encoding not in ENCODINGS:
        raise bad_value("encoding", body["encoding"])
    delimiter = text(body, "fieldDelimiter")
    if delimiter:
        delimiter = _DELIMITERS.get(delimiter, delimiter)
        if len(delimiter) != 1:
            raise invalid(
                f"The field delimiter must be one character, found {delimiter[:20]!r}", "fieldDelimiter"
            )
    skip = int64(body, "skipLeadingRows")
    if skip is not None and skip < 0:
        raise bad_value("skipLeadingRows", skip)
    return CsvOptions(
        delimiter=delimiter,
        quote='"' if body.get("quote") is None else (text(body, "quote") or "")[:1],
        skip_leading_rows=skip,
        null_marker=text(body, "nullMarker") or "",
        allow_jagged_rows=boolean(body, "allowJaggedRows", False),
        allow_quoted_newlines=boolean(body, "allowQuotedNewlines", False),
        ignore_unknown=boolean(body, "ignoreUnknownValues", False),
        encoding=ENCODINGS[encoding],
    )


class LoadRunner:
    """Runs load jobs in worker threads."""

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def run(self, job: Job, config: LoadConfig, session: Session) -> None:
        """Load the upload in one commit; leaves statistics and warnings on the job. Raises its failure."""
        size = config.upload.size
        job.statistics = statistics = LoadStatistics(input_files=1, input_bytes=size)
        try:
            data = unpacked(config.upload.read())
        finally:
            config.upload.discard()
        charge_file(config.format, size, data)
        table = check_target(self._catalog, config.target)
        parsed = READERS[config.format](data, config, table)
        _check_bad_records(job, config, parsed)
        statistics.bad_records = len(parsed.bad)
        statistics.output_rows = self._write(job, config, parsed, session)
        statistics.output_bytes = logical_bytes(session, parsed.fields, parsed.rows)

    def _write(self, job: Job, config: LoadConfig, parsed: Parsed, session: Session) -> int:
        known = config.fields is None and not config.autodetect and config.format != "PARQUET"
        _, rows = write_table(
            self._executor,
            session,
            config.target,
            parsed.fields,
            lambda writer: _inserted(self._executor, writer, parsed),
            query=False,
            exact=not known,
            cancelled=lambda: job.cancel_token is not None and job.cancel_token.cancelled,
        )
        return rows


def _inserted(executor: Executor, writer: Writer, parsed: Parsed) -> int:
    """Insert the rows. Failures of values, worded as a query's, are the file's."""
    try:
        return insert_arrow(executor, parsed.fields, parsed.rows)(writer)
    except BigQueryError as error:
        if error.reason.name != "invalidQuery":
            raise
        raise invalid(f"{READING}{error.message}") from None


def _check_bad_records(job: Job, config: LoadConfig, parsed: Parsed) -> None:
    """Bad records are warnings up to ``maxBadRecords``, beyond it the job fails with the first of them
    listed."""
    if not parsed.bad:
        return
    details = [invalid(f"{READING}{text}").error_proto() for text in parsed.bad[:MAX_ERRORS]]
    job.warnings.extend(details)
    if len(parsed.bad) <= config.max_bad_records:
        return
    name = _NAMES.get(config.format, config.format)
    rows = parsed.rows.num_rows + len(parsed.bad)
    counts = f"Rows: {rows}; errors: {len(parsed.bad)}"
    processing = (
        f"{READING}{name} processing encountered too many errors, giving up. {counts}; "
        f"max bad: {config.max_bad_records}; error percent: 0"
    )
    job.warnings.insert(0, invalid(processing).error_proto())
    raise invalid(
        f"{READING}{name} table encountered too many errors, giving up. {counts}. "
        "Please look into the errors[] collection for more details."
    )


def logical_bytes(session: Session, fields: tuple[Field, ...], rows: pa.Table) -> int:
    """The logical size of canonical rows (page *Data types*)."""
    if not rows.num_rows or not fields:
        return 0
    name = "_bq_loaded"
    session.register(name, rows, fields)
    try:
        total = " + ".join(column_total(f, f"c{i}") for i, f in enumerate(fields, 1))
        found = session.scalar(f"SELECT {total} FROM {name}")
    finally:
        session.unregister(name)
    return int(str(found or 0))


# -- formats


def _schema(config: LoadConfig, table: Table | None) -> tuple[Field, ...] | None:
    """The schema to read with, when it need not be detected."""
    if config.fields is not None:
        return config.fields
    if table is not None and not config.autodetect:
        return table.fields
    return None


def _no_schema() -> BigQueryError:
    return invalid("No schema specified on job or table.")


def _read_csv(data: bytes, config: LoadConfig, table: Table | None) -> Parsed:
    fields, options = _schema(config, table), config.csv
    if fields is None:
        if not config.autodetect:
            raise _no_schema()
        detected, options = detect_csv(data, options)
        fields = _as_in(table, config, detected)
    return read_csv(data, fields, options)


def _read_json(data: bytes, config: LoadConfig, table: Table | None) -> Parsed:
    if config.csv.encoding != "utf-8":
        data = data.decode(config.csv.encoding, "replace").encode()
    fields = _schema(config, table)
    if fields is None:
        if not config.autodetect:
            raise _no_schema()
        fields = _as_in(table, config, detect_json(sample_rows(data, SAMPLE_ROWS)))
    return read_ndjson(data, fields, ignore_unknown=config.ignore_unknown)


def _as_in(table: Table | None, config: LoadConfig, detected: tuple[Field, ...]) -> tuple[Field, ...]:
    """Detected fields; those that a table to append to has, as it has them."""
    if table is None or config.target.write == "WRITE_TRUNCATE":
        return detected
    known = {f.name.casefold(): f for f in table.fields}
    return tuple(known.get(f.name.casefold(), f) for f in detected)


def _read_parquet(data: bytes, config: LoadConfig, table: Table | None) -> Parsed:
    from bqsim.engine.formats import parquet

    file = parquet.read_file(data)
    fields = config.fields
    if fields is None:
        fields = _as_in(table, config, parquet.detect(file, infer_lists=config.infer_lists))
    return parquet.read_parquet(file, fields)


READERS: dict[str, Callable[[bytes, LoadConfig, Table | None], Parsed]] = {
    "CSV": _read_csv,
    "NEWLINE_DELIMITED_JSON": _read_json,
    "PARQUET": _read_parquet,
}
