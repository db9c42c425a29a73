"""Whether the simulator is ready, and which routes statements took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bqsim._version import __version__

from .asking import Ask
from .routes import Route

if TYPE_CHECKING:
    from bqsim.jobs import Job
    from bqsim.sql.plan import Pruning


def _health(ask: Ask) -> dict[str, Any]:
    return {"status": "ready", "version": __version__, "grpcPort": ask.core.grpc_port}


def _job_route(ask: Ask) -> dict[str, Any]:
    job = ask.core.jobs.get(ask.path["project"], ask.path["job"], ask.query.get("location"))
    body = _route(job)
    if job.children:
        body["children"] = [_route(child) for child in job.children]
    return body


def _route(job: Job) -> dict[str, Any]:
    statistics = job.query_statistics
    route = statistics.route if statistics is not None else None
    return {
        "jobReference": job.reference_json(),
        "statementType": statistics.statement_type if statistics is not None else None,
        "route": route.value if route is not None else None,
        "reason": statistics.route_reason if statistics is not None else "",
    }


def _job_pruning(ask: Ask) -> dict[str, Any]:
    job = ask.core.jobs.get(ask.path["project"], ask.path["job"], ask.query.get("location"))
    jobs = job.children or [job]
    return {"statements": [_pruned(one) for one in jobs]}


def _pruned(job: Job) -> dict[str, Any]:
    statistics = job.query_statistics
    hidden = statistics is None or statistics.row_level_security
    tables = [] if statistics is None or hidden else [pruning_json(found) for found in statistics.pruning]
    return {"jobReference": job.reference_json(), "tables": tables}


def pruning_json(found: Pruning) -> dict[str, Any]:
    """How one table was pruned: what was read of how much, and what each filter did."""
    out: dict[str, Any] = {
        "table": found.table.to_json(),
        "bytesRead": str(found.bytes),
        "bytesOfBlocksLeftOut": str(found.left_out),
        "scans": [
            [{"column": column, "filtering": filtering.value} for column, filtering in filters]
            for filters in found.filters
        ],
    }
    for name, parts in (("partitions", found.partitions), ("blocks", found.blocks)):
        if parts is not None:
            out[name] = {"read": parts[0], "total": parts[1]}
    return out


def _routes(ask: Ask) -> dict[str, Any]:
    counts: dict[str, int] = {}
    reasons: dict[str, int] = {}
    for job in ask.core.jobs.index.everything():
        statistics = job.query_statistics
        if job.children or statistics is None or statistics.route is None:
            continue
        counts[statistics.route.value] = counts.get(statistics.route.value, 0) + 1
        if statistics.route_reason:
            reasons[statistics.route_reason] = reasons.get(statistics.route_reason, 0) + 1
    total = sum(counts.values())
    shares = {name: {"count": count, "share": count / total} for name, count in sorted(counts.items())}
    return {
        "statements": total,
        "routes": shares,
        "reasons": dict(sorted(reasons.items(), key=lambda item: -item[1])),
    }


ROUTES = (
    Route("GET", "health", _health, "Ready to answer; grpcPort is the port of the Storage API."),
    Route("GET", "routes", _routes, "How many statements of finished jobs took each route."),
    Route(
        "GET",
        "projects/{project}/jobs/{job}/route",
        _job_route,
        "The route of a job's statement, or of those of a script, and why not the engine.",
    ),
    Route(
        "GET",
        "projects/{project}/jobs/{job}/pruning",
        _job_pruning,
        "The partitions and blocks that a job read of tables, and why a filter did not leave more out.",
    ),
)
