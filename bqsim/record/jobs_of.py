"""The jobs of a recording, as a history has them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from bqsim.history.model import JobRecord
from bqsim.history.resources import job_of_resource

from .cassette.cassette import Cassette
from .model import Operation
from .symbols import Symbol, rendered

_KINDS = ("query", "load", "extract", "copy")
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def job_records(cassette: Cassette) -> list[JobRecord]:
    """The jobs of a cassette in the order in which they began, those that scripts started after them.

    Ids are ``<kind>_<operation>``; times, slot time and plans are those of the measures, where these are
    beside the cassette. ``source`` names the operation.
    """
    jobs = []
    for number, operation in enumerate(cassette.operations()):
        if operation.kind in _KINDS:
            records = list(_records(operation, cassette))
            began_us = records[0].created_us or _Binding(operation, cassette).start_us
            jobs.append((began_us, number, records))
    return [record for _, _, records in sorted(jobs, key=lambda job: job[:2]) for record in records]


def _records(operation: Operation, cassette: Cassette) -> Iterator[JobRecord]:
    binding = _Binding(operation, cassette)
    source = f"{cassette.folder}: {operation.name}"
    result = operation.result
    main = _record(operation, result, binding, source)
    yield main
    for number, child in enumerate(result.get("children") or (), 2):
        record = job_of_resource(binding.rendered(_with_answer(child)), source)
        yield replace(
            record,
            job_id=record.job_id or binding.of(Symbol("job", str(number))),
            project=record.project or main.project,
            parent=main.job_id,
        )


def _record(operation: Operation, result: Mapping[str, Any], binding: _Binding, source: str) -> JobRecord:
    resource = dict(_with_answer(result))
    statistics = {**binding.told(operation), **(resource.get("statistics") or {})}
    resource["statistics"] = statistics
    configuration = dict(resource.get("configuration") or {})
    asked = operation.request.get("configuration") or {}
    for name, value in asked.items():
        if name == operation.kind and isinstance(value, dict):
            configuration[name] = {**value, **(configuration.get(name) or {})}
        else:
            configuration.setdefault(name, value)
    if operation.kind == "query":
        query = dict(configuration.get("query") or {})
        query.setdefault("query", operation.request.get("sql", ""))
        configuration["query"] = query
    configuration.setdefault("jobType", operation.kind.upper())
    resource["configuration"] = configuration
    error = result.get("error")
    if error and not (resource.get("status") or {}).get("errorResult"):
        resource["status"] = {"state": "DONE", "errorResult": _error(error)}
    record = job_of_resource(binding.rendered(resource), source)
    return replace(
        record,
        job_id=record.job_id or binding.of(Symbol("job")),
        project=record.project or binding.project,
        location=record.location or str(operation.request.get("location") or ""),
        output_rows=record.output_rows or int(result.get("totalRows") or 0),
    )


def _with_answer(result: Mapping[str, Any]) -> Mapping[str, Any]:
    """The job's resource; where it was not asked for, what the answer with the rows told of it."""
    job = result.get("job")
    if isinstance(job, dict) and (job.get("status") or {}).get("state") == "DONE":
        return job
    answer = result.get("answer") or {}
    own = {
        name: answer[name]
        for name in (
            "totalBytesProcessed",
            "totalBytesBilled",
            "cacheHit",
            "statementType",
            "numDmlAffectedRows",
            "dmlStats",
            "totalSlotMs",
        )
        if name in answer
    }
    job = dict(job or {})
    statistics = dict(job.get("statistics") or {})
    for name in ("creationTime", "startTime", "endTime", "totalSlotMs", "sessionInfo"):
        if name in answer:
            statistics.setdefault(name, answer[name])
    statistics["query"] = {**own, **(statistics.get("query") or {})}
    job["statistics"] = statistics
    if "location" in answer:
        job.setdefault("jobReference", {"location": answer["location"]})
    return job


def _error(error: Mapping[str, Any]) -> dict[str, Any]:
    body = error.get("body")
    told = body.get("error") if isinstance(body, dict) else None
    told = told if isinstance(told, dict) else {}
    errors = told.get("errors")
    first = errors[0] if isinstance(errors, list) and errors and isinstance(errors[0], dict) else {}
    return {
        "reason": first.get("reason")
        or str(told.get("status") or error.get("status") or error.get("broken") or ""),
        "message": told.get("message") or error.get("text") or "",
    }


class _Binding:
    """What symbols stood for when they were recorded, as far as the measures tell it."""

    def __init__(self, operation: Operation, cassette: Cassette) -> None:
        measures = operation.measures
        at = measures.get("at") or {}
        self._operation = operation
        self._values: Mapping[str, Any] = measures.get("values") or {}
        self._start_s = float(at.get("began_us") or 0) / 1e6 + float(at.get("start_s") or 0.0)
        self.project = str(measures.get("project") or cassette.project)
        self._names = {name.removeprefix("name:"): text for name, text in cassette.header.names.items()}

    @property
    def start_us(self) -> int:
        """When the operation began; 0 where it is not known."""
        return round(self._start_s * 1e6)

    def told(self, operation: Operation) -> dict[str, Any]:
        """Figures of a job that failed, which are in its measures only."""
        out: dict[str, Any] = {}
        for name in ("totalSlotMs", "finalExecutionDurationMs"):
            value = self._values.get(f"job.statistics.{name}")
            if value is not None:
                out[name] = value
        if "job.statistics.endTime.ms" in self._values:
            out["endTime"] = str(Symbol("time", "job.statistics.endTime.ms"))
        return out

    def rendered(self, value: Any) -> Any:
        """JSON with what its symbols stood for."""
        return rendered(value, self.of)

    def of(self, symbol: Symbol) -> Any:
        which = symbol.which
        if symbol.kind == "project":
            return self.project
        if symbol.kind == "name":
            return self._names.get(which, which)
        if symbol.kind == "measure":
            return self._values.get(which, [] if which.endswith("timeline.json") else "0")
        if symbol.kind == "time":
            return self._time(which)
        if symbol.kind == "dataset":
            return "_anonymous"
        name = symbol.of or self._operation.name
        return f"{symbol.kind}_{name.replace('.', '_')}" + (f"_{which}" if which else "")

    def _time(self, which: str) -> str:
        value = self._values.get(which)
        if not isinstance(value, (int, float)) or not self._start_s:
            return "0"
        seconds = self._start_s + value
        unit = which.removesuffix(".json").rpartition(".")[2]
        if unit in _PER_SECOND:
            return str(round(seconds * _PER_SECOND[unit]))
        return dt.datetime.fromtimestamp(seconds, dt.UTC).isoformat()
