"""The times, sizes and failures that cassettes and histories hold."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bqsim.history import JobRecord, merged, read
from bqsim.history.fingerprints import fingerprint_of
from bqsim.history.resources import job_of_resource
from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.header import FILE
from bqsim.record.model import Operation
from bqsim.record.symbols import Symbol, rendered
from bqsim.sim.methods import APPEND_ROWS, READ_ROWS
from bqsim.sim.rules.sqltext import statement_type

JOB_KINDS = {"query": "QUERY", "load": "LOAD", "extract": "EXTRACT", "copy": "COPY"}
# Cassettes tell times since they began; those of jobs need a date.
_BEGAN_US = 1_700_000_000_000_000
_STARTS = {"query": "bigquery.jobs.insert", "insert": "bigquery.tabledata.insertAll"}
_METHODS = {"insert": "bigquery.tabledata.insertAll", "rows": "bigquery.tabledata.list"}


@dataclass(slots=True)
class Samples:
    """What was measured.

    ``calls`` are the seconds of single calls by API method, ``pages`` those between pages with their rows by
    method, ``acks`` those of appends. ``asked`` counts requests by method, ``failed`` those that were refused
    by method and reason.
    """

    jobs: list[JobRecord] = field(default_factory=list)
    calls: dict[str, list[float]] = field(default_factory=dict)
    pages: dict[str, list[tuple[float, int]]] = field(default_factory=dict)
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
            for operation in cassette.operations():
                take(found, operation, path.name)
        else:
            histories.append(path)
    if histories:
        found.jobs += merged(read(histories))
    return found


def take(samples: Samples, operation: Operation, source: str = "") -> None:
    """Take in what an operation of a cassette tells."""
    at = operation.measures.get("at") or {}
    result = operation.result
    if operation.kind in JOB_KINDS:
        samples.jobs.append(job_of_operation(operation, source))
    method = _method(operation)
    if method:
        samples.asked[method] += 1
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
    elif operation.kind in ("metadata", "object", "insert") and method and "end_s" in at:
        samples.calls.setdefault(method, []).append(_span(at))
    for name, seconds, rows in _pages(operation, at):
        samples.pages.setdefault(name, []).append((seconds, rows))
    samples.acks += [float(one) for one in at.get("acks") or () if isinstance(one, int | float)]


def job_of_operation(operation: Operation, source: str = "") -> JobRecord:
    """The job of an operation, its times as measured (they count from an arbitrary date)."""
    at = operation.measures.get("at") or {}
    values = operation.measures.get("values") or {}

    def bind(symbol: Symbol) -> str:
        if symbol.kind == "measure":
            return str(values.get(symbol.which, ""))
        # Times are told by the measures instead.
        return "" if symbol.kind == "time" else str(symbol)

    resource = rendered(operation.result.get("job") or {}, bind)
    told = rendered(operation.result.get("answer") or {}, bind)
    job = job_of_resource(resource, source)
    request = operation.request
    sql = job.sql or str(request.get("sql") or "")
    start_us = _BEGAN_US + _us(at.get("start_s"))
    queued_us = _us(at.get("queue_s"))
    ran_us = _us(at.get("run_s"))
    if "run_s" not in at and "end_s" in at:
        ran_us = max(0, _us(_span(at)) - queued_us)
    error = operation.result.get("error")
    timed = bool(at)
    return replace(
        job,
        job_id=job.job_id or operation.name,
        job_type=JOB_KINDS[operation.kind],
        sql=sql,
        fingerprint=fingerprint_of(sql),
        statement_type=job.statement_type or str(told.get("statementType") or "") or statement_type(sql),
        created_us=start_us if timed else 0,
        started_us=start_us + queued_us if timed else 0,
        ended_us=start_us + queued_us + ran_us if timed else 0,
        slot_ms=job.slot_ms or _whole(told.get("totalSlotMs")),
        bytes_processed=job.bytes_processed or _whole(told.get("totalBytesProcessed")),
        cache_hit=job.cache_hit or bool(told.get("cacheHit")),
        error_reason=job.error_reason or (_reason(error) if isinstance(error, Mapping) else ""),
        source=f"{source}:{operation.name}",
    )


def _us(seconds: Any) -> int:
    return round(float(seconds or 0.0) * 1_000_000)


def _whole(value: Any) -> int:
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _span(at: Mapping[str, Any]) -> float:
    return max(0.0, float(at.get("end_s") or 0.0) - float(at.get("start_s") or 0.0))


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


def _pages(operation: Operation, at: Mapping[str, Any]) -> list[tuple[str, float, int]]:
    """Method, seconds and rows of each page that was measured."""
    method = "bigquery.jobs.getQueryResults" if operation.kind == "query" else _method(operation)
    if operation.result.get("session"):
        method = READ_ROWS
    found = []
    for page in at.get("pages") or ():
        if isinstance(page, Mapping):
            seconds = page.get("seconds", page.get("at_s"))
            if isinstance(seconds, int | float):
                found.append((method, float(seconds), _whole(page.get("rows"))))
        elif isinstance(page, int | float):
            found.append((method, float(page), 0))
    return found


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
