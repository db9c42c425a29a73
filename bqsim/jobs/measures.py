"""Sizes of files and results that jobs meet while they work, held against the limits."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from bqsim.sim.limits.model import Moment
from bqsim.sim.limits.work import Working, working

if TYPE_CHECKING:
    import pyarrow as pa

# Formats whose rows are lines.
_LINES = frozenset({"CSV", "NEWLINE_DELIMITED_JSON"})


def charge_file(format_: str, size: int, data: bytes) -> None:
    """Hold an uploaded file of ``size`` bytes, unpacked ``data``, against the limits of its load job.

    Raises ``BigQueryError`` for the limit that it exceeds.
    """
    work = working()
    if work is None:
        return
    kind = "file_bytes" if size == len(data) else "compressed_file_bytes"
    sizes = {"files": 1, "bytes": len(data), kind: size}
    longest = _cap(work, "row_bytes")
    if format_ in _LINES and longest is not None and len(data) > longest:
        sizes["row_bytes"] = max(map(len, data.splitlines()), default=0)
    work.charge(Moment.RUN, sizes)


def charge_result(rows: pa.Table) -> None:
    """Hold a result without a destination table against the limits of its job."""
    work = working()
    if work is None or work.statement_type in ("", "SCRIPT"):
        return
    work.charge(Moment.COMMIT, {"result_bytes": rows.nbytes, "columns": rows.num_columns})
    longest = _cap(work, "row_bytes")
    if longest is not None and rows.nbytes > longest:
        work.charge(Moment.RUN, {"row_bytes": widest_row(rows)})


def widest_row(rows: pa.Table) -> int:
    """The bytes of the largest row: texts by their length, other values by their share of the column."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not rows.num_rows:
        return 0
    total: pa.Array | None = None
    rest = 0
    for column in rows.columns:
        type_ = column.type
        if not (pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_binary(type_)):
            rest += -(-column.nbytes // rows.num_rows)
            continue
        lengths = pc.fill_null(pc.cast(pc.binary_length(column), pa.int64()), 0)
        total = lengths if total is None else pc.add(total, lengths)
    return rest + (int(pc.max(total).as_py()) if total is not None else 0)


def _cap(work: Working, measure: str) -> int | None:
    return work.enforcement.limits.cap(measure, replace(work.facts, moment=Moment.RUN))
