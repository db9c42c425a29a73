"""Which rows of a request are bad, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa

from bqsim.types.arrow import to_numpy

# The row of each value, computed only once something is wrong.
RowsOf = Callable[[], Any]


class Scope:
    """The values of one field: where they are in the request, and how their errors are told.

    ``found`` collects one message by row, the first that is told. ``rows`` gives the row of each value; None
    when value i is of row i.
    """

    __slots__ = ("found", "path", "rows")

    def __init__(self, found: dict[int, str], path: str = "", rows: RowsOf | None = None) -> None:
        self.found = found
        self.path = path
        self.rows = rows

    def at(self, path: str) -> Scope:
        """The same values as those of the field ``path``."""
        return Scope(self.found, path, self.rows)

    def elements(self, offsets: Any) -> Scope:
        """The elements of lists with these offsets (from 0, one more than there are lists)."""

        def rows() -> Any:
            owners = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
            return owners if self.rows is None else self.rows()[owners]

        return Scope(self.found, self.path, rows)

    def fail(self, bad: Any, text: Callable[[int], str]) -> None:
        """Tell the values that ``bad`` (booleans, or positions) marks; ``text`` words one by its position."""
        positions = np.flatnonzero(bad) if getattr(bad, "dtype", None) == np.bool_ else bad
        if not len(positions):
            return
        owners = None if self.rows is None else self.rows()
        for position in positions:
            row = int(position if owners is None else owners[position])
            if row not in self.found:
                self.found[row] = f"{text(int(position))} on field {self.path}."


Converter = Callable[[pa.Array, Scope], pa.Array]


def valid(array: pa.Array) -> Any:
    """Booleans: which values are not NULL; None when all are."""
    return to_numpy(array.is_valid(), False) if array.null_count else None


def only_valid(bad: Any, array: pa.Array) -> Any:
    """``bad`` without the places of NULLs."""
    mask = valid(array)
    return bad if mask is None else bad & mask
