"""The times, sizes and failures that cassettes and histories hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bqsim.history import JobRecord, merged, read
from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.header import FILE
from bqsim.record.jobs_of import job_records
from bqsim.record.model import Operation
from bqsim.sim.methods import APPEND_ROWS, READ_ROWS

_ONE_CALL = ("metadata", "object", "insert")
JOB_KINDS = ("query", "load", "extract", "copy")
_STARTS = {"query": "bigquery.jobs.insert", "insert": "bigquery.tabledata.insertAll"}
_METHODS = {"insert": "bigquery.tabledata.insertAll", "rows": "bigquery.tabledata.list"}


@dataclass(slots=True)
class Samples:
    """What was measured.

    ``calls`` are the seconds of single calls by API method, ``pages`` those of further pages by method,
    ``acks`` those of appends. ``asked`` counts requests by method, ``failed`` those that were refused
    by method and reason.
    """

    jobs: list[JobRecord] = field(default_factory=list)
    calls: dict[str, list[float]] = field(default_factory=dict)
    pages: dict[str, list[float]] = field(default_factory=dict)
    acks: list[float] = field(default_factory=list)
    asked: Counter[str] = field(default_factory=Counter)
    failed: Counter[tuple[str, str]] = field(default_factory=Counter)
    sources: list[str] = field(default_factory=list)


def is_cassette(path: Path) -> bool:
    """Whether a folder is a cassette."""
    return (path / FILE).is_file()


def gather(paths: Iterable[str | Path]) -> Samples:
    """All samples of cassettes and histories. Raises ``CassetteError`` and ``HistoryError``."""
    found = Samples()
    histories = []
    for path in map(Path, paths):
        found.sources.append(path.name)
        if is_cassette(path):
            cassette = Cassette.open(path)
            found.jobs += job_records(cassette)
            for operation in cassette.operations():
                take(found, operation)
        else:
            histories.append(path)
    if histories:
        found.jobs += merged(read(histories))
    return found


def take(samples: Samples, operation: Operation) -> None:
    """Take in what an operation of a cassette tells, besides its jobs."""
    at = operation.measures.get("at") or {}
    result = operation.result
    method = _method(operation)
    # The same call with the same answer, made again, is one operation.
    calls = [max(0.0, float(one)) for one in at.get("calls") or () if isinstance(one, int | float)]
    if method:
        samples.asked[method] += max(1, len(calls))
    for failure in result.get("failures") or ():
        failed = str(failure.get("method") or method)
        reason = _reason(failure)
        samples.asked[failed] += 1
        if reason:
            samples.failed[failed, reason] += 1
    refused = result.get("error")
    if isinstance(refused, Mapping) and method:
        reason = _reason(refused)
        if reason:
            samples.failed[method, reason] += 1
    elif operation.kind in _ONE_CALL and method and (calls or "end_s" in at):
        samples.calls.setdefault(method, []).extend(calls or [max(0.0, float(at["end_s"]))])
    pages, name = _pages(operation, at)
    if pages:
        samples.pages.setdefault(name, []).extend(pages)
    samples.acks += [float(one) for one in at.get("acks") or () if isinstance(one, int | float)]


def _method(operation: Operation) -> str:
    if operation.kind in ("metadata", "object"):
        return str(operation.request.get("method") or "")
    if operation.kind in JOB_KINDS:
        return _STARTS["query"]
    if operation.kind == "append":
        return APPEND_ROWS
    if operation.kind == "rows" and operation.result.get("session"):
        return READ_ROWS
    return _METHODS.get(operation.kind, "")


def _pages(operation: Operation, at: Mapping[str, Any]) -> tuple[list[float], str]:
    """The seconds of the calls for further pages, and their method. What comes first waits for the job, or
    begins the session."""
    if operation.kind not in ("query", "rows"):
        return [], ""
    method = "bigquery.jobs.getQueryResults" if operation.kind == "query" else _method(operation)
    if operation.result.get("session"):
        method = READ_ROWS
    told = [float(one) for one in at.get("pages") or () if isinstance(one, int | float)]
    return told[2 if operation.kind == "query" else 1 :], method


def _reason(failure: Mapping[str, Any]) -> str:
    """The reason of a refusal; of one without, what its status or connection tells."""
    if failure.get("reason"):
        return str(failure["reason"])
    error = (failure.get("body") or {}).get("error") if isinstance(failure.get("body"), Mapping) else None
    if isinstance(error, Mapping):
        errors = error.get("errors")
        if isinstance(errors, list) and errors and isinstance(errors[0], Mapping):
            return str(errors[0].get("reason") or "")
    return str(failure.get("code") or failure.get("broken") or failure.get("status") or "")
