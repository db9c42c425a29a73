"""Load jobs: uploaded files and files in Cloud Storage into tables."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

from bqsim.catalog.refs import DatasetRef
from bqsim.catalog.resources import Dataset, Table
from bqsim.engine.formats.parsed import READING
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END, FileNotRead, Interrupted, Session
from bqsim.errors import BigQueryError, invalid, not_found
from bqsim.jobs.job import Job
from bqsim.jobs.load_config import LoadConfig, parse_load
from bqsim.jobs.measures import FileMeasure
from bqsim.jobs.statistics import LoadStatistics
from bqsim.jobs.target import check_target, named_as, write_table
from bqsim.sql.statements.direct_rows import append_files, may_read
from bqsim.sql.statements.loading import InputFile, Loading, Tally, TooManyErrors, told
from bqsim.sql.statements.sizes import column_total
from bqsim.sql.statements.storage import storage_of
from bqsim.sql.statements.tables import TEMP_TABLE_MS
from bqsim.sql.statements.writes import Writer
from bqsim.types import Field, TypeKind
from bqsim.types.api_schema import fields_from_api, fields_to_api

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.catalog.store import Catalog
    from bqsim.objects import ObjectInfo, ObjectStore
    from bqsim.sql.executor import Executor

log = logging.getLogger(__name__)

__all__ = ["LoadConfig", "LoadRunner", "parse_load"]


class LoadRunner:
    """Runs load jobs in worker threads."""

    def __init__(self, catalog: Catalog, executor: Executor) -> None:
        self._catalog = catalog
        self._executor = executor

    def run(self, job: Job, config: LoadConfig, session: Session) -> None:
        """Load the files in one commit; leaves statistics and warnings on the job. Raises its failure."""
        job.statistics = statistics = LoadStatistics()
        try:
            if config.temporary:
                self._make_temp_dataset(job, config.target.table.dataset_ref, session)
            work = _Work(self._executor, job, config, session, statistics)
            work.run(check_target(self._catalog, config.target))
        except TooManyErrors as error:
            job.warnings.extend(detail.error_proto() for detail in error.details)
            raise
        finally:
            if config.upload is not None:
                config.upload.discard()

    def _make_temp_dataset(self, job: Job, ref: DatasetRef, session: Session) -> None:
        """Make the dataset of a session's temporary tables, unless it is there."""
        catalog = self._catalog
        with catalog.lock(ref), catalog.change(session) as change:
            if catalog.find_dataset(ref) is None:
                now_ms = change.time_us // 1000
                dataset = Dataset(ref, job.ref.location, now_ms, now_ms, catalog.new_etag())
                change.put_dataset(replace(dataset, default_table_expiration_ms=TEMP_TABLE_MS))


class _Work:
    """One load job at work."""

    def __init__(
        self,
        executor: Executor,
        job: Job,
        config: LoadConfig,
        session: Session,
        statistics: LoadStatistics,
    ) -> None:
        self._executor = executor
        self._job = job
        self._config = config
        self._session = session
        self._statistics = statistics
        self._measure = FileMeasure(config.format)
        inputs, example = _inputs(config, executor.objects)
        self._loading = Loading(
            inputs,
            config.options,
            hive=config.hive,
            example=example,
            detecting=config.autodetect and config.fields is None,
            around=self._measured,
            after=self._after,
        )
        statistics.input_files = len(inputs)
        statistics.input_bytes = sum(one.size for one in inputs)

    def run(self, table: Table | None) -> None:
        """Load into ``table``, None for one that is to be created."""
        config, loading, statistics = self._config, self._loading, self._statistics
        self._measure.check(self._loading.inputs)
        fields = self._fields(table)
        if table is None and not fields:
            raise invalid(f"Schema has no fields. Table: {config.target.table.table}")
        try:
            rows = self._write(fields, direct=may_read(loading))
        except FileNotRead as error:
            log.debug("a load is read here: %s", error)
            loading.tally = Tally()
            self._measure = FileMeasure(config.format)
            self._measure.check(loading.inputs)
            rows = self._write(fields, direct=False)
        statistics.output_rows = rows
        statistics.bad_records = loading.tally.bad
        statistics.progress = 1.0
        self._job.warnings.extend(error.error_proto() for error in told(loading.tally))

    def _write(self, fields: tuple[Field, ...], *, direct: bool) -> int:
        """Write the rows of all files in one commit, ``direct`` as the engine reads them; their number."""
        config = self._config
        _, rows = write_table(
            self._executor,
            self._session,
            config.target,
            fields,
            lambda writer: self._insert(writer, fields, direct=direct),
            query=False,
            exact=config.fields is not None or config.detects,
            cancelled=lambda: self._cancelled,
        )
        return rows

    @property
    def _cancelled(self) -> bool:
        token = self._job.cancel_token
        return token is not None and token.cancelled

    def _fields(self, table: Table | None) -> tuple[Field, ...]:
        """The columns to read, those in the names of the files last. Raises ``invalid`` without a schema."""
        config, loading = self._config, self._loading
        if config.fields is not None:
            keys = {f.name.casefold() for f in loading.keys}
            return loading.with_keys([f for f in config.fields if f.name.casefold() not in keys])
        replaced = config.target.write == "WRITE_TRUNCATE" and config.target.partition is None
        if config.detects:
            found = loading.detect()
            # What a schema of the API may not say, files may not say either.
            fields_from_api(fields_to_api(found))
            return found if table is None or replaced else _as_in(table, found)
        if table is None:
            raise invalid("No schema specified on job or table.")
        keys = {f.name.casefold() for f in loading.keys}
        own = tuple(f for f in table.fields if f.name.casefold() not in keys)
        return (*own, *_as_in(table, loading.keys))

    def _insert(self, writer: Writer, fields: tuple[Field, ...], *, direct: bool) -> int:
        """Insert the rows of all files, whose columns have the shape of the table's."""
        read = _as_in(writer.table, fields)
        named = named_as(writer.table, read)
        known = {f.name for f in named}
        others = [f for f in writer.table.fields if f.name not in known]
        defaults = self._executor.defaults(writer.session, writer.table, others)
        before = sum(writer.bytes.values())
        if direct:
            inserted = append_files(writer, self._loading, read, named, defaults)
        else:
            inserted = self._append(writer, self._batches(read), named, defaults)
        self._measure.done()
        columns = set(storage_of(writer.table).columns)
        if writer.bytes.keys() == columns:
            self._statistics.output_bytes = sum(writer.bytes.values()) - before
        else:
            self._statistics.output_bytes = _inserted_bytes(writer)
        return inserted

    def _batches(self, fields: tuple[Field, ...]) -> Iterator[pa.Table]:
        for rows in self._loading.batches(fields):
            if self._cancelled:
                raise Interrupted
            yield rows

    @staticmethod
    def _append(
        writer: Writer, batches: Iterator[pa.Table], fields: list[Field], defaults: dict[str, str]
    ) -> int:
        """Append rows. Failures of values, worded as a query's, are the files'."""
        try:
            return writer.append_batches(batches, fields, defaults=defaults)
        except BigQueryError as error:
            if error.reason.name != "invalidQuery":
                raise
            raise invalid(f"{READING}{error.message}") from None

    def _measured(self, one: InputFile, stream: BinaryIO) -> BinaryIO:
        return self._measure.around(one.size, stream)

    def _after(self, one: InputFile) -> None:
        self._measure.charge()
        total = self._statistics.input_bytes
        if total:
            self._statistics.progress = min(self._loading.tally.bytes / total, 1.0)


def _as_in(table: Table, fields: tuple[Field, ...]) -> tuple[Field, ...]:
    """``fields``; those that a table has, as it has them, with what is nested in them besides."""
    known = {f.name.casefold(): f for f in table.fields}
    return tuple(_with_nested(known.get(f.name.casefold(), f), f) for f in fields)


def _with_nested(known: Field, field: Field) -> Field:
    if known is field or known.kind is not TypeKind.STRUCT or field.kind is not TypeKind.STRUCT:
        return known
    given = {f.name.casefold(): f for f in field.fields}
    nested = [_with_nested(f, given.pop(f.name.casefold(), f)) for f in known.fields]
    return replace(known, fields=(*nested, *given.values()))


def _inputs(config: LoadConfig, objects: ObjectStore) -> tuple[list[InputFile], InputFile | None]:
    """The files of a job, and the one that has the schema when that is another. Raises ``notFound``."""
    if config.upload is not None:
        return [InputFile("", config.upload.size, config.upload.open)], None
    source = config.source
    assert source is not None
    inputs = [_input(objects, info) for info in source.matching(objects)]
    if source.reference is None:
        return inputs, None
    found = objects.glob(source.reference)
    if not found:
        raise not_found("URI", source.reference)
    return inputs, _input(objects, found[0])


def _input(objects: ObjectStore, info: ObjectInfo) -> InputFile:
    return InputFile(info.uri, info.size, partial(objects.open, info.uri))


def _inserted_bytes(writer: Writer) -> int:
    """The logical size of the rows that a writer inserted, counted by the engine."""
    table = writer.table
    storage = storage_of(table)
    totals = " + ".join(column_total(f, c) for f, c in zip(table.fields, storage.columns, strict=True))
    inserted = f"{VERSION_BEGIN} = {writer.version} AND {VERSION_END} IS NULL"
    return int(
        str(writer.session.scalar(f"SELECT {totals} FROM {storage.engine_table} WHERE {inserted}") or 0)
    )
