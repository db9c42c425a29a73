"""The canonical form of histories: one Parquet file with a column for each member of ``JobRecord``.

Times and sizes are integers as in the record (``created_us``), ``labels`` a map, ``stages`` a list of
structs; the key ``bqsim.history`` of the file's metadata tells the version.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any, get_type_hints

from .errors import HistoryError
from .model import JobRecord, Stage

KEY, VERSION = b"bqsim.history", b"1"
_BATCH_ROWS = 8192
_NAMES = tuple(one.name for one in fields(JobRecord))
_STAGE_NAMES = tuple(one.name for one in fields(Stage))


def schema() -> Any:
    """The Arrow schema."""
    import pyarrow as pa

    plain = {str: pa.string(), int: pa.int64(), bool: pa.bool_(), tuple[int, ...]: pa.list_(pa.int64())}
    stage = pa.struct([(name, plain[hint]) for name, hint in get_type_hints(Stage).items()])
    special = {
        "tables": pa.list_(pa.string()),
        "labels": pa.map_(pa.string(), pa.string()),
        "stages": pa.list_(stage),
    }
    hints = get_type_hints(JobRecord)
    made = [(name, special[name] if name in special else plain[hints[name]]) for name in _NAMES]
    return pa.schema(made, metadata={KEY: VERSION})


class Writer:
    """Writes a canonical file; whole or not at all."""

    def __init__(self, path: Path) -> None:
        import pyarrow.parquet as pq

        self.path = path
        self._part = path.with_name(path.name + ".part")
        self._schema = schema()
        self._rows: list[JobRecord] = []
        self._file = pq.ParquetWriter(self._part, self._schema, compression="zstd")
        self.count = 0

    def add(self, job: JobRecord) -> None:
        self._rows.append(job)
        self.count += 1
        if len(self._rows) >= _BATCH_ROWS:
            self._flush()

    def _flush(self) -> None:
        if self._rows:
            self._file.write_batch(batch_of(self._rows, self._schema))
            self._rows = []

    def __enter__(self) -> Writer:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self._file.close()
            self._part.unlink(missing_ok=True)
            return
        self._flush()
        self._file.close()
        self._part.replace(self.path)


def batch_of(jobs: list[JobRecord], schema_: Any) -> Any:
    """Jobs as a record batch of the canonical schema."""
    import pyarrow as pa

    columns = []
    for one in schema_:
        values: list[Any] = [getattr(job, one.name) for job in jobs]
        if one.name == "labels":
            values = [sorted(labels.items()) for labels in values]
        elif one.name == "stages":
            values = [[{n: getattr(s, n) for n in _STAGE_NAMES} for s in stages] for stages in values]
        elif pa.types.is_string(one.type):
            # Texts of clients may have halves of surrogate pairs.
            values = [v if v.isascii() else v.encode("utf-8", "replace").decode() for v in values]
        columns.append(pa.array(values, one.type))
    return pa.RecordBatch.from_arrays(columns, schema=schema_)


def jobs_of(batch: Any) -> Iterator[JobRecord]:
    """The jobs of a batch."""
    for row in batch.to_pylist():
        known = {name: row[name] for name in _NAMES if row.get(name) is not None}
        known["tables"] = tuple(known.get("tables") or ())
        known["labels"] = dict(known.get("labels") or ())
        known["stages"] = tuple(
            Stage(**{**stage, "inputs": tuple(stage.get("inputs") or ())})
            for stage in known.get("stages") or ()
        )
        yield JobRecord(**known)


def is_canonical(path: Path) -> bool:
    """Whether a file is bqsim's own."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with path.open("rb") as file:
            if file.read(4) != b"PAR1":
                return False
        metadata = pq.read_metadata(path).metadata or {}
    except (OSError, pa.ArrowException):
        return False
    version = metadata.get(KEY)
    if version is not None and version != VERSION:
        said = version.decode("utf-8", "replace")
        raise HistoryError(path, f"the history's version is {said}", "Install a newer bqsim")
    return version is not None


def read_canonical(path: Path) -> Iterator[JobRecord]:
    """The jobs of a canonical file."""
    import pyarrow.parquet as pq

    for batch in pq.ParquetFile(path).iter_batches(_BATCH_ROWS):
        yield from jobs_of(batch)


def write(path: str | Path, jobs: Iterable[JobRecord]) -> int:
    """Write a canonical file; how many jobs."""
    with Writer(Path(path)) as writer:
        for job in jobs:
            writer.add(job)
    return writer.count
