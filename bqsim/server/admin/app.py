"""The control API under ``/bqsim/v1``: whether the simulator is ready, and which routes statements took."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bqsim._version import __version__
from bqsim.errors import BigQueryError
from bqsim.server.rest.reply import Reply

if TYPE_CHECKING:
    from bqsim.jobs import Job
    from bqsim.server.http import Request as HttpRequest
    from bqsim.server.http import Response
    from bqsim.server.rest.app import RestApp

PREFIX = "/bqsim/v1/"


class Admin:
    """The service behind ``/bqsim``."""

    def __init__(self, app: RestApp) -> None:
        self._app = app
        self._core = app.core

    async def handle(self, path: str, query: dict[str, str], http: HttpRequest) -> Response:
        """Answer a control request."""
        if not path.startswith(PREFIX) or http.head.method != "GET":
            raise BigQueryError("notFound", "Not Found")
        parts = path[len(PREFIX) :].strip("/").split("/")
        if len(parts) == 5 and parts[0] == "projects" and parts[2] == "jobs" and parts[4] == "route":
            body = self.route(parts[1], parts[3], query.get("location"))
        elif len(parts) == 1 and parts[0] in _PAGES:
            body = _PAGES[parts[0]](self)
        else:
            raise BigQueryError("notFound", "Not Found")
        return await self._app.answer(Reply(body), query, http)

    def health(self) -> dict[str, Any]:
        """Ready to answer; ``grpcPort`` is the port of the Storage API."""
        return {"status": "ready", "version": __version__, "grpcPort": self._core.grpc_port}

    def route(self, project: str, job_id: str, location: str | None) -> dict[str, Any]:
        """The route of one job's statement and why not the engine; of a script, those of its statements."""
        job = self._core.jobs.get(project, job_id, location)
        body = _route(job)
        if job.children:
            body["children"] = [_route(child) for child in job.children]
        return body

    def routes(self) -> dict[str, Any]:
        """How many statements of finished jobs took each route, and the share of each."""
        counts: dict[str, int] = {}
        reasons: dict[str, int] = {}
        for job in self._core.jobs.index.everything():
            statistics = job.query_statistics
            if job.children or statistics is None or statistics.route is None:
                continue
            counts[statistics.route.value] = counts.get(statistics.route.value, 0) + 1
            if statistics.route_reason:
                reasons[statistics.route_reason] = reasons.get(statistics.route_reason, 0) + 1
        total = sum(counts.values())
        return {
            "statements": total,
            "routes": {
                name: {"count": count, "share": count / total} for name, count in sorted(counts.items())
            },
            "reasons": dict(sorted(reasons.items(), key=lambda item: -item[1])),
        }


_PAGES: dict[str, Callable[[Admin], dict[str, Any]]] = {"health": Admin.health, "routes": Admin.routes}


def _route(job: Job) -> dict[str, Any]:
    statistics = job.query_statistics
    route = statistics.route if statistics is not None else None
    return {
        "jobReference": job.reference_json(),
        "statementType": statistics.statement_type if statistics is not None else None,
        "route": route.value if route is not None else None,
        "reason": statistics.route_reason if statistics is not None else "",
    }
