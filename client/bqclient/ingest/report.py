"""What becomes of rows: thresholds of methods, refused rows, reports, changes by key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bqclient.errors import BigQueryError, IncompleteWriteError, UsageError
from bqclient.models.references import JobReference

Method = Literal["auto", "stream", "load", "storage", "merge", "dml"]


@dataclass(frozen=True, slots=True)
class Thresholds:
    """From how many rows on another method is taken.

    Fewer than ``load`` are streamed in, fewer than ``storage`` are loaded by a job, and from there on they go
    over the Storage Write API. With keys, up to ``unnest`` rows are merged as parameters of one statement,
    more by way of a staging table.
    """

    load: int = 100
    storage: int = 10_000
    unnest: int = 500

    def __post_init__(self) -> None:
        if not 0 <= self.load <= self.storage:
            raise UsageError(
                f"Thresholds grow: load ({self.load}) must lie between 0 and storage ({self.storage})."
            )
        if not 0 <= self.unnest <= 500:
            raise UsageError(f"unnest lies between 0 and 500, not {self.unnest}.")


@dataclass(frozen=True, slots=True)
class RefusedRow:
    """A row that was not written: where it was among those given, the row, and why not."""

    index: int
    row: Mapping[str, Any] = field(repr=False)
    error: str

    @classmethod
    def of(cls, index: int, row: Any, error: object) -> RefusedRow:
        """With the text of an error."""
        text = error.message if isinstance(error, BigQueryError) else str(error)
        return cls(index, row if isinstance(row, Mapping) else {"value": row}, text)


@dataclass(frozen=True, slots=True)
class WriteReport:
    """What :meth:`Ingest.write_rows` did.

    ``method`` and ``why`` it was taken; ``rows`` that were given, ``written`` of them, and those ``refused``.
    ``duplicates``: rows of a merge that a later one with the same keys replaced. ``inserted``, ``updated``
    and ``deleted`` are those of merges and changes. ``atomic``: the rows became visible all at once.
    ``dead_letters``: refused rows that were put aside.
    """

    method: str
    why: str
    rows: int = 0
    written: int = 0
    refused: tuple[RefusedRow, ...] = ()
    jobs: tuple[JobReference, ...] = ()
    streams: tuple[str, ...] = ()
    inserted: int = 0
    updated: int = 0
    deleted: int = 0
    duplicates: int = 0
    atomic: bool = True
    dead_letters: int = 0
    notes: tuple[str, ...] = ()

    def raise_for_refused(self) -> None:
        """Raise IncompleteWriteError when any row was refused."""
        if self.refused:
            first = self.refused[0]
            raise IncompleteWriteError(
                f"{len(self.refused)} of {self.rows} rows were refused; row {first.index}: {first.error}",
                report=self,
            )


@dataclass(frozen=True, slots=True)
class Update:
    """New values for the rows with that key: ``Update({"id": 1}, {"name": "Ann"})``."""

    key: Mapping[str, Any] = field(repr=False)
    set: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Delete:
    """The rows with that key are deleted: ``Delete({"id": 1})``."""

    key: Mapping[str, Any] = field(repr=False)


Change = Update | Delete
