"""Jobs that several exports tell of, as one; also more of them than fit into memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import MISSING, Field, fields, replace
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from .canonical import Writer, jobs_of
from .model import JobRecord

_STATES = {"DONE": 0, "RUNNING": 1, "PENDING": 2}
_MEMORY = "160MB"
_ROWS = 8192


def merged(jobs: Iterable[JobRecord]) -> list[JobRecord]:
    """Each job once, with what all its records tell, by when it was created.

    Records of a job have one project and id. The one that knows its end counts most, then the first.
    """
    found: dict[tuple[str, str], JobRecord] = {}
    for job in jobs:
        key = (job.project, job.job_id)
        known = found.get(key)
        found[key] = job if known is None else together(known, job)
    return sorted(found.values(), key=_order)


def together(first: JobRecord, second: JobRecord) -> JobRecord:
    """Two records of one job as one."""
    if _STATES.get(second.state, 3) < _STATES.get(first.state, 3):
        first, second = second, first
    more = {
        one.name: getattr(second, one.name)
        for one in fields(JobRecord)
        if _tells_nothing(one, getattr(first, one.name))
    }
    # A fingerprint of the text is the same for all; that of the service's hash is not.
    if first.sql or not second.sql:
        more.pop("fingerprint", None)
    else:
        more["fingerprint"] = second.fingerprint
    return replace(first, **more)


def _tells_nothing(one: Field[Any], value: Any) -> bool:
    if one.name == "state":
        return False
    return not value or (one.default is not MISSING and value == one.default)


def _order(job: JobRecord) -> tuple[int, str, str]:
    return (job.created_us, job.project, job.job_id)


def write_merged(
    path: str | Path,
    jobs: Iterable[JobRecord],
    change: Callable[[JobRecord], JobRecord] = lambda job: job,
) -> tuple[int, int]:
    """Write the canonical file of :func:`merged` jobs, each passed through ``change``; how many records there
    were and how many jobs. Memory does not grow with them: what does not fit is on disk meanwhile."""
    import duckdb

    target = Path(path)
    with TemporaryDirectory(prefix="bqsim-history-") as folder:
        parts = Path(folder)
        read = _write(parts / "all.parquet", jobs)
        connection = duckdb.connect(str(parts / "work.duckdb"))
        try:
            connection.execute(f"SET memory_limit = '{_MEMORY}'")
            connection.execute(f"SET temp_directory = '{parts / 'spill'}'")
            connection.execute("SET threads = 2")
            connection.execute("SET preserve_insertion_order = false")
            everything = (
                "(SELECT *, file_row_number AS n "
                f"FROM read_parquet('{parts / 'all.parquet'}', file_row_number = true))"
            )
            connection.execute(
                f"CREATE TABLE twice AS SELECT project, job_id FROM {everything} "
                "GROUP BY ALL HAVING count(*) > 1"
            )
            repeated = _records(
                connection.sql(
                    f"SELECT * FROM {everything} SEMI JOIN twice USING (project, job_id) "
                    "ORDER BY project, job_id, n"
                )
            )
            _write(parts / "twice.parquet", _each_once(repeated))
            ordered = _records(
                connection.sql(
                    f"SELECT * EXCLUDE n FROM {everything} ANTI JOIN twice USING (project, job_id) "
                    f"UNION ALL BY NAME SELECT * FROM read_parquet('{parts / 'twice.parquet'}') "
                    "ORDER BY created_us, project, job_id"
                )
            )
            with Writer(target) as writer:
                for job in ordered:
                    writer.add(change(job))
        finally:
            connection.close()
    return read, writer.count


def _write(path: Path, jobs: Iterable[JobRecord]) -> int:
    with Writer(path) as writer:
        for job in jobs:
            writer.add(job)
    return writer.count


def _records(result: Any) -> Iterator[JobRecord]:
    for batch in result.to_arrow_reader(_ROWS):
        yield from jobs_of(batch)


def _each_once(jobs: Iterable[JobRecord]) -> Iterator[JobRecord]:
    for _, records in groupby(jobs, key=lambda job: (job.project, job.job_id)):
        first, *others = records
        for other in others:
            first = together(first, other)
        yield first
