"""Rows of export files: JSON, CSV, Parquet and Avro, plain or gzip, told apart by what they hold."""

from __future__ import annotations

import csv
import gzip
import io
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from .documents import json_rows
from .errors import HistoryError

Row = tuple[int, Mapping[str, Any]]

_GZIP, _PARQUET, _AVRO = b"\x1f\x8b", b"PAR1", b"Obj\x01"
_BATCH_ROWS = 4096
_BLOCKS_BYTES = 4 * 1024 * 1024
_LARGEST_CELL = 256 * 1024 * 1024
_EXPORTS = (".json", ".ndjson", ".jsonl", ".csv", ".tsv", ".parquet", ".avro", ".gz", "")


def files_of(path: Path) -> list[Path]:
    """The files of a path: itself, or those of a folder, by name."""
    if path.is_dir():
        found = sorted(
            one
            for one in path.rglob("*")
            if one.is_file() and not one.name.startswith((".", "_")) and one.suffix.lower() in _EXPORTS
        )
        if not found:
            raise HistoryError(path, "the folder has no exports", "Name files of JSON, CSV, Parquet or Avro")
        return found
    return [path]


def rows_of(path: Path) -> Iterator[Row]:
    """The rows of a file with their lines (of Parquet and Avro: their numbers). :class:`HistoryError`."""
    with ExitStack() as stack:
        try:
            file: IO[bytes] = stack.enter_context(path.open("rb"))
        except OSError as error:
            raise HistoryError(path, f"cannot be read: {error.strerror}", "Check the path") from None
        head = file.read(4)
        file.seek(0)
        if head[:2] == _GZIP:
            file = cast(IO[bytes], stack.enter_context(gzip.GzipFile(fileobj=file)))
            try:
                head = file.read(4)
                file.seek(0)
            except (OSError, EOFError) as error:
                raise HistoryError(path, f"the gzip is damaged: {error}", "Export again") from None
        try:
            if head == _PARQUET:
                yield from _parquet(file, path)
            elif head == _AVRO:
                yield from _avro(file, path)
            else:
                yield from _text(file, path)
        except UnicodeDecodeError as error:
            raise HistoryError(path, f"this is not UTF-8 text: {error.reason}", "Export as UTF-8") from None
        except (EOFError, gzip.BadGzipFile) as error:
            raise HistoryError(path, f"the file is cut short: {error}", "Export again") from None


def _text(file: IO[bytes], path: Path) -> Iterator[Row]:
    stream = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    first = ""
    skipped = []
    # Blank lines in front may be many; the first other character tells the form.
    while not first.strip():
        piece = stream.read(4096)
        if not piece:
            return
        skipped.append(piece)
        first = piece
    whole = "".join(skipped)
    joined = _Joined(whole, stream)
    if whole.lstrip()[:1] in "[{":
        yield from json_rows(joined, str(path))  # type: ignore[arg-type]
    else:
        yield from _csv(joined, path)


class _Joined(io.TextIOBase):
    """Text that was read already, then the rest of its stream."""

    def __init__(self, head: str, rest: IO[str]) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int | None = -1) -> str:
        if self._head:
            if size is None or size < 0:
                taken, self._head = self._head + self._rest.read(), ""
                return taken
            taken, self._head = self._head[:size], self._head[size:]
            return taken
        return self._rest.read(-1 if size is None else size)

    def __iter__(self) -> Iterator[str]:  # type: ignore[override]
        lines = self._head.split("\n")
        self._head = ""
        yield from (f"{line}\n" for line in lines[:-1])
        yield lines[-1] + self._rest.readline()
        yield from self._rest


def _csv(stream: Any, path: Path) -> Iterator[Row]:
    csv.field_size_limit(max(csv.field_size_limit(), _LARGEST_CELL))
    lines = iter(stream)
    header = next(lines, "")
    delimiter = "\t" if "\t" in header and "," not in header else ","

    def again() -> Iterator[str]:
        yield header
        yield from lines

    reader = csv.reader(again(), delimiter=delimiter, strict=True)
    names: list[str] | None = None
    begun = 1
    try:
        for cells in reader:
            at, begun = begun, reader.line_num + 1
            if not cells:
                continue
            if names is None:
                names = [cell.strip() for cell in cells]
                continue
            if len(cells) != len(names):
                raise HistoryError(
                    path,
                    f"{len(cells)} cells for {len(names)} columns",
                    "Export again; texts with commas and line ends must be in quotes",
                    at,
                )
            yield at, dict(zip(names, cells, strict=True))
    except csv.Error as error:
        raise HistoryError(path, f"this is not CSV: {error}", "Export again", begun) from None


def _parquet(file: IO[bytes], path: Path) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        if isinstance(file, gzip.GzipFile):
            file = io.BytesIO(file.read())
        parquet = pq.ParquetFile(file)
        number = 0
        for batch in parquet.iter_batches(_BATCH_ROWS):
            for row in _python(batch):
                number += 1
                yield number, row
    except (pa.ArrowException, OSError) as error:
        raise HistoryError(path, f"the Parquet file cannot be read: {error}", "Export again") from None


def _python(batch: Any) -> list[dict[str, Any]]:
    """Rows of a batch; times as microseconds: those of nanoseconds have no datetime."""
    import pyarrow as pa

    columns = []
    for column in batch.columns:
        if pa.types.is_timestamp(column.type):
            column = column.cast(pa.timestamp("us", column.type.tz), safe=False)
            column = column.cast(pa.int64())
        columns.append(column)
    rows: list[dict[str, Any]] = pa.RecordBatch.from_arrays(columns, batch.schema.names).to_pylist()
    return rows


def _avro(file: IO[bytes], path: Path) -> Iterator[Row]:
    import fastavro

    from bqsim.engine.formats.avro_container import Container
    from bqsim.errors import BigQueryError

    number = 0
    try:
        container = Container(cast(BinaryIO, file))
        for group in container.groups(_BLOCKS_BYTES):
            whole = io.BytesIO(container.whole(container.unpacked(group)))
            for record in fastavro.reader(whole):
                number += 1
                if not isinstance(record, Mapping):
                    raise HistoryError(path, "the records are no rows", "Export the rows of JOBS", number)
                yield number, record
    except (BigQueryError, ValueError, EOFError, StopIteration, IndexError, KeyError, OSError) as error:
        if isinstance(error, HistoryError):
            raise
        said = str(error) or type(error).__name__
        raise HistoryError(
            path, f"the Avro file cannot be read: {said}", "Export again", number + 1
        ) from None
