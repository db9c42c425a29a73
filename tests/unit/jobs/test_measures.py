"""Sizes that jobs meet."""

from __future__ import annotations

import gzip
import io

import pyarrow as pa
import pytest

from bqsim.errors import BigQueryError
from bqsim.jobs.measures import FileMeasure, charge_result, widest_row
from bqsim.jobs.upload import Upload
from bqsim.sim.clock import SimulationClock
from bqsim.sim.limits import Facts, Limits, Moment, Setup
from bqsim.sim.limits.gate import Enforcement
from bqsim.sim.limits.work import Working, works_for


def work(job_type: str, **amounts: int) -> Working:
    enforcement = Enforcement(Limits(Setup(amounts=amounts)), SimulationClock(0, 0))
    facts = Facts(Moment.QUEUE, project="p", region="us", job_type=job_type)
    return Working(enforcement, facts, statement_type="SELECT")


def measured(format_: str, content: bytes) -> None:
    """Read a file as a load does."""
    measure = FileMeasure(format_)
    measure.check([Upload(data=content)])
    stream = measure.around(len(content), io.BytesIO(content))
    while stream.read(3):
        measure.charge()
    measure.done()


@pytest.mark.parametrize(
    ("limit", "size", "data", "text"),
    [
        ("load_bytes", 8, b"abcdefgh", "Load job reads 8 bytes"),
        ("load_file_bytes", 8, b"abcdefgh", "File of 8 bytes"),
        ("load_compressed_file_bytes", len(gzip.compress(b"abcdefgh")), b"abcdefgh", "not splittable"),
        ("load_row_bytes", 8, b"a\nbcdefg", "Row size 6"),
    ],
)
def test_files(limit: str, size: int, data: bytes, text: str) -> None:
    packed = gzip.compress(data) if size != len(data) else data
    measured("CSV", packed)
    with works_for(work("LOAD", **{limit: 5})), pytest.raises(BigQueryError, match=text):
        measured("CSV", packed)


def test_rows_of_other_formats_are_no_lines() -> None:
    with works_for(work("LOAD", load_row_bytes=5)):
        measured("PARQUET", b"abcdefgh")


def test_results() -> None:
    rows = pa.table({"c1": ["a", "bcdef", None], "c2": [1, 2, 3]})
    assert widest_row(rows) == 5 + 8
    assert widest_row(rows.slice(0, 0)) == 0
    charge_result(rows)
    with works_for(work("QUERY", result_bytes=10)), pytest.raises(BigQueryError, match="Response too large"):
        charge_result(rows)
    with works_for(work("QUERY", result_row_bytes=12)), pytest.raises(BigQueryError, match="rows larger"):
        charge_result(rows)
    with works_for(work("QUERY", result_row_bytes=13)):
        charge_result(rows)
