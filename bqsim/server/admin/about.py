"""Whether the simulator is ready, and which routes statements took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bqsim._version import __version__

from .asking import Ask
from .routes import Route

if TYPE_CHECKING:
    from bqsim.jobs import Job


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
)
