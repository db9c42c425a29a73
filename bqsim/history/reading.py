"""Histories from files: exports of INFORMATION_SCHEMA, of the API, of audit logs, and bqsim's own."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from .audit import job_of_entry, payload_of
from .canonical import is_canonical, read_canonical
from .errors import HistoryError
from .files import files_of, rows_of
from .model import JobRecord
from .resources import job_of_resource
from .views import Timeline, job_of_row

_REMEDY = "Export the rows that `bqsim history query` selects"


def read(paths: Iterable[str | Path] | str | Path) -> Iterator[JobRecord]:
    """The jobs of exports, in the order of files and rows; a job that is in several comes as often
    (:func:`bqsim.history.merging.merged`).

    Files are JSON, CSV, Parquet or Avro, plain or gzip; folders stand for the files in them. Rows are those
    of JOBS, JOBS_BY_* and JOBS_TIMELINE* (seconds are put together to jobs), job resources, or entries of
    audit logs, of which those about other things are kept out. Raises :class:`HistoryError` with file and
    line.
    """
    given = [paths] if isinstance(paths, str | Path) else list(paths)
    for path in given:
        for file in files_of(Path(path)):
            yield from _file(file)


def _file(path: Path) -> Iterator[JobRecord]:
    if is_canonical(path):
        yield from read_canonical(path)
        return
    timeline = Timeline()
    place = path.name
    for line, row in rows_of(path):
        source = f"{place}:{line}"
        try:
            if payload_of(row) is not None:
                job = job_of_entry(row, source)
            elif "jobReference" in row:
                job = job_of_resource(row, source)
            elif _is_timeline(tuple(row)):
                timeline.add(row, source)
                continue
            else:
                job = job_of_row(row, source)
        except (ValueError, AttributeError, TypeError) as error:
            raise HistoryError(path, f"the row cannot be read: {error}", _REMEDY, line) from None
        if job is None:
            continue
        if not job.job_id:
            raise HistoryError(path, f"this row is no job: {_shown(row)}", _REMEDY, line)
        yield job
    yield from timeline.jobs()


@lru_cache(maxsize=256)
def _is_timeline(names: tuple[Hashable, ...]) -> bool:
    return any(str(name).lower() == "period_start" for name in names)


def _shown(row: Mapping[str, Any]) -> str:
    names = [str(name) for name in row]
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    if any(name.lower() == "job_id" for name in names):
        return "its job_id is empty"
    return f"it has no column job_id, but {', '.join(names[:6])}{more}"
