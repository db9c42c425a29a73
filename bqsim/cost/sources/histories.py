"""Queries of what has run: histories of jobs, cassettes, running simulators. One query for each
fingerprint."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bqsim.cost.errors import CostError
from bqsim.cost.model import Query, Rate, Run, Workload
from bqsim.cost.schedule import observed
from bqsim.sim.rules.sqltext import sql_fingerprint

if TYPE_CHECKING:
    from bqsim.history.model import JobRecord

# Labels by which tools tell their queries apart.
NAMES = ("query_name", "query-name", "dbt_node_id", "dbt_model", "node_id", "task_id", "airflow-task", "name")
OWNERS = ("owner", "team")
_DAY_US = 86_400_000_000
_COMMENT = re.compile(r"/\*\s*(\{.*?\})\s*\*/", re.DOTALL)
_COMMENTS = re.compile(r"--[^\n]*|#[^\n]*|/\*.*?\*/", re.DOTALL)


def read_history(path: Path) -> Workload:
    """The queries of exports of INFORMATION_SCHEMA.JOBS or audit logs. Raises :class:`CostError`."""
    from bqsim.history import HistoryError, merged, read

    try:
        return workload_of(merged(read(path)), path.stem)
    except HistoryError as error:
        raise CostError(str(error)) from None


def read_cassette(path: Path, project: str = "") -> Workload:
    """The queries of a cassette. ``project`` is what its symbol of the project stands for."""
    from bqsim.record.cassette.cassette import Cassette
    from bqsim.record.cassette.errors import CassetteError
    from bqsim.record.jobs_of import job_records

    try:
        jobs = list(job_records(Cassette.open(path)))
    except CassetteError as error:
        raise CostError(str(error)) from None
    found = workload_of(jobs, path.name.removesuffix(".cassette"))
    # How often a recording's queries come says nothing of production.
    queries = (
        replace(
            query,
            sql=query.sql.replace("${project}", project) if project else query.sql,
            project=project or query.project,
            rate=Rate(),
        )
        for query in found.queries
    )
    return replace(found, queries=tuple(queries))


def read_simulator(url: str, project: str = "") -> Workload:
    """The jobs that a running simulator (or another endpoint of the API) lists."""
    from bqsim.history.resources import job_of_resource
    from bqsim.seeding import Api, ApiError

    api = Api(url, project or "bqsim")
    jobs: list[JobRecord] = []
    token = ""
    try:
        while True:
            page = api.call(
                "GET",
                "jobs?projection=full&allUsers=true&maxResults=1000"
                + (f"&pageToken={token}" if token else ""),
            )
            jobs += [job_of_resource(job, f"{url} {job.get('id', '')}") for job in page.get("jobs", ())]
            token = page.get("nextPageToken", "")
            if not token:
                break
    except ApiError as error:
        raise CostError(f"{url}: {error}") from None
    return workload_of(jobs, project or "simulator")


def workload_of(jobs: Iterable[JobRecord], name: str) -> Workload:
    """The queries of jobs: those with one name, else one fingerprint, are one, with a run for each job."""
    kept = [j for j in jobs if j.job_type == "QUERY" and not j.dry_run]
    parents = {j.parent for j in kept if j.parent}
    # A script's row sums its statements.
    kept = [j for j in kept if j.job_id not in parents]
    texts = [j for j in kept if j.sql]
    groups: dict[str, list[JobRecord]] = {}
    for job in texts:
        groups.setdefault(_name(job), []).append(job)
    times = [j.created_us or j.started_us for j in kept if j.created_us or j.started_us]
    span = max(max(times) - min(times), _DAY_US) if times else _DAY_US
    queries = [_query(key, sorted(some, key=_when), span) for key, some in groups.items()]
    notes = []
    if len(texts) < len(kept):
        notes.append(f"{len(kept) - len(texts)} of {len(kept)} query jobs have no text: they are left out")
    return Workload(name, tuple(sorted(queries, key=lambda q: q.name)), tuple(notes))


def _when(job: JobRecord) -> tuple[int, str]:
    return (job.started_us or job.created_us, job.job_id)


def _name(job: JobRecord) -> str:
    for label in NAMES:
        if job.labels.get(label):
            return job.labels[label]
    comment = _COMMENT.search(job.sql)
    if comment is not None:
        told = _json(comment[1])
        if isinstance(told.get("node_id"), str):
            return str(told["node_id"])
    return job.fingerprint or sql_fingerprint(job.sql)


def _json(text: str) -> Mapping[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _query(name: str, jobs: list[JobRecord], span_us: int) -> Query:
    last = next((j for j in reversed(jobs) if not j.error_reason), jobs[-1])
    configuration: dict[str, Any] = {}
    if last.max_bytes_billed:
        configuration["maximumBytesBilled"] = str(last.max_bytes_billed)
    if _named(last.destination):
        parts = last.destination.split(".")
        if len(parts) == 3 and last.statement_type in ("", "SELECT"):
            configuration["destinationTable"] = dict(
                zip(("projectId", "datasetId", "tableId"), parts, strict=True)
            )
    return Query(
        name=name,
        sql=last.sql,
        fingerprint=last.fingerprint or sql_fingerprint(last.sql),
        owner=next((last.labels[o] for o in OWNERS if last.labels.get(o)), ""),
        labels=dict(last.labels),
        project=last.project,
        configuration=configuration,
        rate=observed([_when(j)[0] for j in jobs], span_us),
        runs=tuple(_run(j) for j in jobs),
        varied=_varied(jobs),
    )


def _named(destination: str) -> bool:
    """Whether a destination is a table that the query named: anonymous ones are in hidden datasets."""
    return (
        bool(destination) and not destination.split(".")[-2:][0].startswith("_") and "${" not in destination
    )


def _varied(jobs: list[JobRecord]) -> int:
    """How many texts there are that differ in comments and spaces only; 1 when none do."""
    bare: dict[str, set[str]] = {}
    for text in {j.sql for j in jobs}:
        bare.setdefault(" ".join(_COMMENTS.sub(" ", text).split()), set()).add(text)
    return max(len(texts) for texts in bare.values())


def _run(job: JobRecord) -> Run:
    return Run(
        job.started_us or job.created_us,
        job.slot_ms,
        job.ran_us / 1000,
        job.bytes_processed,
        job.bytes_billed,
        job.cache_hit,
        job.error_reason,
        job.output_rows,
    )
