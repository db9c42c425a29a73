"""Files that are loaded into a table: their rows in batches, with what was bad in them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO

from bqsim.engine.formats import files
from bqsim.engine.formats.parsed import READING
from bqsim.errors import BigQueryError, invalid

from .hive_names import HiveNames, constant_column

if TYPE_CHECKING:
    import pyarrow as pa

    from bqsim.engine.formats.files import FileOptions
    from bqsim.types import Field

# How many bad records a job tells of.
MAX_TOLD = 5


@dataclass(frozen=True, slots=True)
class InputFile:
    """A file of ``size`` bytes. ``uri`` is empty for an upload."""

    uri: str
    size: int
    open: Callable[[], BinaryIO]


@dataclass(slots=True)
class Tally:
    """What has been read: good ``rows``, ``bad`` records, the first of them told, bytes of files."""

    rows: int = 0
    bad: int = 0
    bytes: int = 0
    told: list[tuple[str, str]] = field(default_factory=list)


@dataclass(slots=True)
class Loading:
    """Files to be loaded as ``options`` say.

    ``example`` is the file that has the schema, else it is the first. ``detecting``: headers and delimiters
    of CSV files are detected. ``around`` may wrap the stream of a file, and ``after`` is called with each
    batch.
    """

    inputs: Sequence[InputFile]
    options: FileOptions
    hive: HiveNames | None = None
    example: InputFile | None = None
    detecting: bool = False
    around: Callable[[InputFile, BinaryIO], BinaryIO] | None = None
    after: Callable[[InputFile], None] | None = None
    tally: Tally = field(default_factory=Tally)
    _keys: tuple[Field, ...] | None = None

    @property
    def keys(self) -> tuple[Field, ...]:
        """The columns that the names of the files give."""
        if self._keys is None:
            uris = [one.uri for one in self.inputs]
            self._keys = self.hive.columns(uris) if self.hive is not None else ()
        return self._keys

    def detect(self) -> tuple[Field, ...]:
        """The fields of the files, those in their names last. Raises ``invalid``."""
        example = self.example or self.inputs[0]
        with in_file(example.uri), example.open() as stream:
            found = files.detect(stream, self.options)[0]
        return self.with_keys(found)

    def with_keys(self, fields: Sequence[Field]) -> tuple[Field, ...]:
        """``fields`` and those in the names of the files. Raises ``invalid`` when a file has such a
        column too."""
        known = {f.name.casefold() for f in fields}
        for key in self.keys:
            if key.name.casefold() in known:
                raise invalid(f"Hive partition key {key.name} is also a column of the files")
        return (*fields, *self.keys)

    def batches(self, fields: Sequence[Field]) -> Iterator[pa.Table]:
        """Canonical rows of ``fields``, which are those of the files and then those in their names.

        Raises ``invalid`` once there are more bad records than the options take.
        """
        count = len(fields) - len(self.keys)
        own, keys = tuple(fields[:count]), tuple(fields[count:])
        done = 0
        for one in self.inputs:
            with in_file(one.uri), one.open() as stream:
                source = stream if self.around is None else self.around(one, stream)
                for parsed in files.batches(source, own, self._completed(source, own)):
                    self._note(one, parsed.rows.num_rows, parsed.bad)
                    if not stream.closed:
                        self.tally.bytes = max(self.tally.bytes, done + min(stream.tell(), one.size))
                    if self.after is not None:
                        self.after(one)
                    yield self._with_keys(parsed.rows, keys, one.uri)
            done += one.size
            self.tally.bytes = done

    def _completed(self, stream: BinaryIO, fields: Sequence[Field]) -> FileOptions:
        """The options with what a CSV file itself tells of its form."""
        if self.options.format != "CSV" or not self.detecting or not fields:
            return self.options
        return files.detect(stream, self.options)[1]

    def _note(self, one: InputFile, rows: int, bad: Sequence[str]) -> None:
        tally = self.tally
        tally.rows += rows
        tally.bad += len(bad)
        for text in bad[: MAX_TOLD - len(tally.told)]:
            tally.told.append((READING + named(text, one.uri), one.uri))
        if tally.bad > self.options.max_bad_records:
            raise TooManyErrors(self.options, tally, one.uri)

    def _with_keys(self, rows: pa.Table, keys: Sequence[Field], uri: str) -> pa.Table:
        if self.hive is None or not keys:
            return rows
        import pyarrow as pa

        pairs = {k.casefold(): v for k, v in self.hive.pairs(uri).items()}
        columns: list[Any] = list(rows.columns)
        for key in keys:
            columns.append(constant_column(key, pairs.get(key.name.casefold()), rows.num_rows, uri))
        return pa.Table.from_arrays(columns, names=[f"c{i}" for i in range(1, len(columns) + 1)])


class TooManyErrors(BigQueryError):
    """More records are bad than the load takes. ``details`` tell more, of the last file and the records."""

    def __init__(self, options: FileOptions, tally: Tally, uri: str) -> None:
        name = files.NAMES.get(options.format, options.format)
        counts = f"Rows: {tally.rows + tally.bad}; errors: {tally.bad}"
        text = (
            f"{READING}{name} table encountered too many errors, giving up. {counts}. "
            "Please look into the errors[] collection for more details."
        )
        super().__init__("invalid", named(text, uri), location=uri or None)
        processing = (
            f"{READING}{name} processing encountered too many errors, giving up. {counts}; "
            f"max bad: {options.max_bad_records}; error percent: 0"
        )
        self.details = [invalid(processing, uri or None), *told(tally)]


def told(tally: Tally) -> list[BigQueryError]:
    """The bad records that a job tells of."""
    return [invalid(text, uri or None) for text, uri in tally.told]


def named(message: str, uri: str) -> str:
    """``message`` with the file that it is about."""
    return message if not uri or "File: gs://" in message else f"{message} File: {uri}"


@contextmanager
def in_file(uri: str) -> Iterator[None]:
    """Failures of reading within the block name the file that they are about."""
    try:
        yield
    except TooManyErrors:
        raise
    except BigQueryError as error:
        if not uri or not error.message.startswith(READING):
            raise
        raise BigQueryError(error.reason.name, named(error.message, uri), location=uri) from None
