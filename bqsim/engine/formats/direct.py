"""Files that the engine reads itself: as engine relations that give exactly what reading them here gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import BinaryIO

from bqsim.engine.protocol import FileNotRead, Session
from bqsim.types import Field

from .files import FileOptions


@dataclass(frozen=True, slots=True)
class Direct:
    """An engine SELECT with columns ``c1`` … in the engine's form, in the order of the file.

    It fails for whatever has to be looked at more closely. ``rows`` is how many it gives, if that is known;
    ``totals`` are the values of the aggregates of the columns that were asked for.
    """

    select: str
    rows: int | None = None
    totals: tuple[int, ...] = ()


def direct(
    session: Session,
    path: str,
    stream: BinaryIO,
    fields: Sequence[Field],
    options: FileOptions,
    totals: Sequence[str] = (),
) -> Direct:
    """The rows of a file for ``fields``. ``path`` is the engine's name of the file that ``stream`` reads.
    ``totals`` are engine aggregates of the columns ``c1`` …, whole numbers, found while each value is read.

    Raises ``FileNotRead`` for a file or for fields that the engine does not read as they have to be, and
    ``invalid`` for what is no such file.
    """
    read = _READERS.get(options.format)
    if read is None or not fields:
        raise FileNotRead(options.format)
    return read(session, path, stream, tuple(fields), options, tuple(totals))


def reads(format_: str) -> bool:
    """Whether there are files of a format that the engine reads itself."""
    return format_ in _READERS


def _parquet(
    session: Session,
    path: str,
    stream: BinaryIO,
    fields: tuple[Field, ...],
    options: FileOptions,
    totals: tuple[str, ...],
) -> Direct:
    from .direct_parquet import relation

    return Direct(*relation(session, path, stream, fields, options.arrow, totals))


_Reader = Callable[[Session, str, BinaryIO, tuple[Field, ...], FileOptions, tuple[str, ...]], Direct]
_READERS: dict[str, _Reader] = {"PARQUET": _parquet}
