"""What a workload runs: recorded jobs with their intended starts, sessions and dependencies."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from bqsim.history import JobRecord, merged, read
from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.header import FILE
from bqsim.record.jobs_of import job_records
from bqsim.record.model import Operation
from bqsim.record.symbols import Symbol, rendered
from bqsim.sim.draws import Draws
from bqsim.sim.rules.sqltext import statement_type

from .touched import touched

_MILLION = 1_000_000
# Results that the service keeps for itself.
_HIDDEN = re.compile(r"\._[^.]*\.|\.anon[0-9a-f_]+$|\$\{")
# Symbols of names that clients choose anew for every run, and of sessions of SQL, which the run begins anew.
_NAMED_ANEW = frozenset({"sqlsession", "table", "random"})
_READS_ONLY = frozenset({"SELECT", "ASSERT", ""})


@dataclass(frozen=True, slots=True)
class Item:
    """A job to run again: its API ``configuration``, when it is meant to start, and what must end before.

    ``at_s`` counts from the first job's start; ``after`` are numbers of items that end before this one starts
    as they did when it was recorded. Items of one ``session`` follow each other; the first begins it.
    """

    number: int
    kind: str
    project: str
    configuration: Mapping[str, Any]
    recorded: JobRecord
    at_s: float = 0.0
    after: tuple[int, ...] = ()
    session: str = ""

    @property
    def sql(self) -> str:
        return str(self.configuration.get("query", {}).get("query") or "")

    @property
    def group(self) -> str:
        """What it is compared with others by: a fingerprint, or a kind of job."""
        return self.recorded.fingerprint or self.recorded.job_type


@dataclass(slots=True)
class Workload:
    """``items`` in the order of their starts; ``left_out`` counts jobs that are not run, by reason."""

    items: list[Item] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)


def load(paths: Iterable[str | Path]) -> Workload:
    """The workload of histories and cassettes. Raises ``HistoryError`` and ``CassetteError``."""
    found: list[tuple[str, Mapping[str, Any], JobRecord]] = []
    workload = Workload()
    histories = []
    for path in map(Path, paths):
        if (path / FILE).is_file():
            cassette = Cassette.open(path)
            jobs = {job.source: job for job in reversed(job_records(cassette)) if not job.parent}
            for operation in cassette.operations():
                job = jobs.get(f"{cassette.folder}: {operation.name}")
                if job is not None:
                    _take(workload, found, operation, job, cassette)
        else:
            histories.append(path)
    for job in merged(read(histories)) if histories else ():
        reason = _left_out(job)
        if reason:
            workload.left_out[reason] += 1
        else:
            found.append(("query", _configuration(job), job))
    found.sort(key=lambda one: (one[2].created_us, one[2].job_id))
    workload.items = _linked(found)
    return workload


def _left_out(job: JobRecord) -> str:
    if job.parent:
        return "children of scripts, which their parents run"
    if job.dry_run:
        return "dry runs"
    if job.job_type != "QUERY":
        return f"{job.job_type} jobs, which a history does not tell enough of"
    return "" if job.sql else "queries without their text"


def _configuration(job: JobRecord) -> dict[str, Any]:
    query: dict[str, Any] = {"query": job.sql, "useLegacySql": False, "priority": job.priority}
    if job.max_bytes_billed:
        query["maximumBytesBilled"] = str(job.max_bytes_billed)
    if job.destination and not _HIDDEN.search(job.destination) and job.statement_type in _READS_ONLY:
        parts = job.destination.split(".")
        if len(parts) == 3:
            names = ("projectId", "datasetId", "tableId")
            query["destinationTable"] = dict(zip(names, parts, strict=True))
            query["writeDisposition"] = "WRITE_TRUNCATE"
    configuration: dict[str, Any] = {"query": query}
    if job.labels:
        configuration["labels"] = dict(job.labels)
    return configuration


def _take(
    workload: Workload, found: list[Any], operation: Operation, job: JobRecord, cassette: Cassette
) -> None:
    project = job.project or cassette.project
    names = cassette.header.names

    def bind(symbol: Symbol) -> str:
        if symbol.kind == "project":
            return project
        if symbol.kind in _NAMED_ANEW:
            # The same wherever the recording had the same name.
            which = f"_{symbol.which}" if symbol.which else ""
            return f"{symbol.kind}_{(symbol.of or operation.name).replace('.', '_')}{which}"
        return str(names.get(f"{symbol.kind}:{symbol.which}", symbol))

    job = replace(
        job,
        destination=str(rendered(job.destination, bind)),
        tables=tuple(rendered(list(job.tables), bind)),
    )

    request = rendered(operation.request, bind)
    configuration = dict(request.get("configuration") or {})
    if operation.kind == "load" and request.get("upload"):
        workload.left_out["loads of uploaded files"] += 1
        return
    if operation.kind == "query":
        query = dict(configuration.get("query") or {})
        query["query"] = request.get("sql") or query.get("query") or ""
        query.setdefault("useLegacySql", False)
        if request.get("parameters"):
            query["queryParameters"] = request["parameters"]
            query["parameterMode"] = request.get("parameterMode") or "NAMED"
        configuration["query"] = query
    if configuration.get("dryRun"):
        workload.left_out["dry runs"] += 1
        return
    unknown = re.search(r"\$\{[a-z]+[^}]*\}", str(configuration))
    if unknown:
        workload.left_out["jobs about what another one made"] += 1
        return
    own = configuration.get(operation.kind) or {}
    told = own.get("destinationTable") or {}
    destination = ".".join(str(told.get(name) or "") for name in ("projectId", "datasetId", "tableId"))
    sources = own.get("sourceTables") or ([own["sourceTable"]] if own.get("sourceTable") else [])
    tables = [
        ".".join(str(one.get(name) or "") for name in ("projectId", "datasetId", "tableId"))
        for one in sources
    ]
    at = operation.measures.get("at") or {}
    asked_us = int(at.get("began_us") or 0) + round(float(at.get("start_s") or 0.0) * _MILLION)
    job = replace(
        job,
        # When the client asked, which the service's clock need not tell alike.
        created_us=asked_us if at else job.created_us,
        destination=destination if told else job.destination,
        tables=tuple(tables) or job.tables,
        session=_session_of(own) or job.session,
    )
    found.append((operation.kind, configuration, job))


def _session_of(query: Mapping[str, Any]) -> str:
    for one in query.get("connectionProperties") or ():
        if one.get("key") == "session_id":
            return str(one.get("value") or "")
    return ""


def writes_of(job: JobRecord) -> set[str]:
    """The tables and datasets that a job changes."""
    if job.job_type == "EXTRACT":
        return set()
    found = {job.destination} if job.destination and not _HIDDEN.search(job.destination) else set()
    found |= touched(job.sql, job.project).writes
    kind = job.statement_type or (statement_type(job.sql) if job.job_type == "QUERY" else job.job_type)
    if not found and kind not in _READS_ONLY:
        # What a definition changes is told only with what it refers to.
        found = set(job.tables)
    return found


def reads_of(job: JobRecord) -> set[str]:
    """The tables and datasets that a job reads."""
    tables = set(job.tables) | ({job.destination} if job.destination else set())
    datasets = {name.rpartition(".")[0] for name in tables if not _HIDDEN.search(name)}
    return tables | datasets | touched(job.sql, job.project).reads


def _linked(found: Sequence[tuple[str, Mapping[str, Any], JobRecord]]) -> list[Item]:
    """Items with what they come after: who wrote what they read, who read what they write, and what was
    before them in their session; if that had ended when they were made."""
    items: list[Item] = []
    writer: dict[str, int] = {}
    readers: dict[str, list[int]] = {}
    last: dict[str, int] = {}
    begun = next((job.created_us for _, _, job in found if job.created_us), 0)
    for number, (kind, configuration, job) in enumerate(found):
        after: set[int] = set()
        reads, writes = reads_of(job), writes_of(job)
        for table in reads | writes:
            if table in writer:
                after.add(writer[table])
        for table in writes:
            after.update(readers.get(table, ()))
        kept = {one for one in after if _ended_before(items[one].recorded, job)}
        if job.session:
            if job.session in last:
                kept.add(last[job.session])
            last[job.session] = number
        items.append(
            Item(
                number,
                kind,
                job.project,
                configuration,
                job,
                max(0.0, (job.created_us - begun) / _MILLION) if job.created_us else 0.0,
                tuple(sorted(kept)),
                job.session,
            )
        )
        for table in writes:
            writer[table], readers[table] = number, []
        for table in sorted(reads - writes):
            readers.setdefault(table, []).append(number)
    return items


def _ended_before(first: JobRecord, second: JobRecord) -> bool:
    return not (first.ended_us and second.created_us) or first.ended_us <= second.created_us


def spaced(items: Sequence[Item], speed: float) -> list[Item]:
    """Items at the recorded distances, ``speed`` times as fast; infinity: all at once."""
    return [replace(one, at_s=one.at_s / speed if speed != float("inf") else 0.0) for one in items]


def arriving(items: Sequence[Item], rate: float, seed: int) -> list[Item]:
    """Items in their order, arriving at random ``rate`` times a second (a Poisson process)."""
    import math

    draws, at_s, found = Draws(seed), 0.0, []
    for one in items:
        at_s += -math.log(draws.keyed("workload.arrivals", "", one.number).take()) / rate
        found.append(replace(one, at_s=at_s))
    return found


def first_of(items: Sequence[Item], limit: int) -> list[Item]:
    """The first so many items; what they come after is among them."""
    return list(items[:limit])


def renamed(item: Item, projects: Mapping[str, str]) -> Item:
    """An item whose projects are others, also in the texts of its queries."""
    if not projects:
        return item
    return replace(
        item,
        project=projects.get(item.project, item.project),
        configuration=_renamed(item.configuration, projects),
    )


def _renamed(value: Any, projects: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {
            name: projects.get(inner, inner)
            if name == "projectId" and isinstance(inner, str)
            else renamed_sql(inner, projects)
            if name == "query" and isinstance(inner, str)
            else _renamed(inner, projects)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_renamed(inner, projects) for inner in value]
    return value


def renamed_sql(sql: str, projects: Mapping[str, str]) -> str:
    """A text in which names that begin with a project begin with another; literals and comments stay."""
    pattern = _project_pattern(tuple(sorted(projects, key=len, reverse=True)))
    return pattern.sub(lambda found: projects[found["project"]] if found["project"] else found.group(), sql)


@lru_cache(maxsize=64)
def _project_pattern(projects: tuple[str, ...]) -> re.Pattern[str]:
    names = "|".join(map(re.escape, projects))
    return re.compile(
        r"'''.*?'''|\"\"\".*?\"\"\"|'(?:\\.|[^'\\\n])*'|\"(?:\\.|[^\"\\\n])*\"|--[^\n]*|#[^\n]*|/\*.*?\*/"
        rf"|(?<![\w.\-])(?P<project>{names})(?=`?[.:])",
        re.DOTALL,
    )
