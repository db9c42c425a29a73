"""Rows as objects in Cloud Storage: one file, or numbered ones, all of which come to be seen together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from bqsim.objects import Uri
from bqsim.types import Field

from .writing import FileWriter, Sink, WriteOptions, open_file

if TYPE_CHECKING:
    import pyarrow as pa

# Page "Exporting table data": a file holds at most 1 GB of the table's data; those of a wildcard are smaller.
FILE_BYTES = 1024**3
SHARD_BYTES = 256 * 1024**2
_NUMBER = "{:012d}"
_ATTRIBUTES: Mapping[str, Any] = {"contentType": "application/octet-stream"}


class ObjectStream(Sink, Protocol):
    """A stream into a new object (:class:`bqsim.objects.ObjectWriter`)."""

    def settle(self) -> None:
        """All is written; the object is not there yet."""
        ...

    def close(self) -> object:
        """Make the object."""
        ...

    def discard(self) -> None:
        """Give up what was written, if it is no object yet."""
        ...


Create = Callable[[str, Mapping[str, Any]], ObjectStream]


def numbered(uri: Uri, number: int) -> Uri:
    """The object of a wildcard URI with a number, which has twelve digits."""
    return Uri(uri.bucket, uri.name.replace("*", _NUMBER.format(number)))


class Shards:
    """Writes rows as files of a format to ``uris``, each with one wildcard; a single one may have none.

    Every wildcard URI counts its files from 0. The rows of several are dealt out file by file, and the last
    file of each has no rows: it tells readers that work meanwhile that no more will come. In a ``with`` block
    an exception leaves nothing behind.
    """

    def __init__(
        self,
        create: Create,
        uris: Sequence[Uri],
        format_: str,
        fields: Sequence[Field],
        options: WriteOptions,
        *,
        shard_bytes: int = SHARD_BYTES,
    ) -> None:
        self._create = create
        self._uris = uris
        self._format = format_
        self._fields = fields
        self._options = options
        self._limit = shard_bytes if any(uri.wildcards for uri in uris) else None
        self._counts = [0] * len(uris)
        self._streams: list[ObjectStream] = []
        self._file: FileWriter | None = None
        self._used = 0
        self._shards = 0
        self.rows = 0

    @property
    def counts(self) -> tuple[int, ...]:
        """How many files each URI has."""
        return tuple(self._counts)

    def write(self, rows: pa.Table) -> None:
        """Append canonical rows, in as many files as they need."""
        start = 0
        row_bytes = max(1.0, rows.nbytes / max(rows.num_rows, 1))
        while start < rows.num_rows:
            if self._limit is not None and self._file is not None and self._used >= self._limit:
                self._end_file()
            count = rows.num_rows - start
            if self._limit is not None:
                count = min(count, max(1, int((self._limit - self._used) / row_bytes)))
            self._open_file().write(rows.slice(start, count))
            self._used += int(count * row_bytes) + 1
            self.rows += count
            start += count

    def close(self) -> None:
        """End the files and let all of them be seen."""
        if self._file is not None or not self._shards:
            self._open_file()
            self._end_file()
        if len(self._uris) > 1:
            for place in range(len(self._uris)):
                self._begin(place)
                self._end_file()
        for stream in self._streams:
            stream.close()

    def discard(self) -> None:
        """Give up the files that are not there yet."""
        for stream in self._streams:
            stream.discard()

    def __enter__(self) -> Shards:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self.close()
        finally:
            self.discard()

    def _open_file(self) -> FileWriter:
        if self._file is None:
            self._file = self._begin(self._shards % len(self._uris))
            self._shards += 1
        return self._file

    def _begin(self, place: int) -> FileWriter:
        """The next file of a URI."""
        uri = str(numbered(self._uris[place], self._counts[place]))
        stream = self._create(uri, _ATTRIBUTES)
        self._streams.append(stream)
        self._counts[place] += 1
        self._used = 0
        self._file = open_file(self._format, self._fields, stream, self._options)
        return self._file

    def _end_file(self) -> None:
        assert self._file is not None
        self._file.close()
        self._file = None
        self._streams[-1].settle()
