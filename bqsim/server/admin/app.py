"""The control API under ``/bqsim/v1``: everything that ``sim`` does in Python, over HTTP."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError
from bqsim.server.rest.reply import Reply, error_body
from bqsim.server.rest.request import MAX_BODY_BYTES
from bqsim.sim.rules.facts import SCOPE_HEADER
from bqsim.sim.scenario.tree import Problem, ScenarioError

from . import about, answers, data, estimates, fidelity, parts, records, rules, shadows, slots, time, worlds
from .asking import Ask
from .routes import PREFIX, Route, find, index

if TYPE_CHECKING:
    from bqsim.server.http import Request as HttpRequest
    from bqsim.server.http import Response
    from bqsim.server.rest.app import RestApp

# A request may wait until the clock has moved on; others go on meanwhile.
THREADS = 8


def _index(ask: Ask) -> dict[str, Any]:
    return index(ROUTES)


ROUTES: tuple[Route, ...] = (
    Route("GET", "", _index, "What there is."),
    *about.ROUTES,
    *estimates.ROUTES,
    *rules.ROUTES,
    *time.ROUTES,
    *records.ROUTES,
    *parts.ROUTES,
    *slots.ROUTES,
    *answers.ROUTES,
    *worlds.ROUTES,
    *data.ROUTES,
    *shadows.ROUTES,
    *fidelity.ROUTES,
)


class Admin:
    """The service behind ``/bqsim``. What it does runs on threads of its own: it may wait for the clock."""

    def __init__(self, app: RestApp) -> None:
        self._app = app
        self._threads = ThreadPoolExecutor(THREADS, "bqsim-control")
        app.core.closing.callback(self._threads.shutdown)

    async def handle(self, path: str, query: dict[str, str], http: HttpRequest) -> Response:
        """Answer a control request."""
        return await self._app.answer(await self._reply(path, query, http), query, http)

    async def _reply(self, path: str, query: dict[str, str], http: HttpRequest) -> Reply:
        if path != PREFIX and not path.startswith(f"{PREFIX}/"):
            raise BigQueryError("notFound", f"The control API is at {PREFIX}.")
        head, core = http.head, self._app.core
        route, values = find(ROUTES, head.method, path[len(PREFIX) :])
        ask = Ask(
            core,
            core.listeners,
            head.method,
            values,
            query,
            await http.read(MAX_BODY_BYTES),
            query.get("scope") or head.headers.get(SCOPE_HEADER) or head.scope,
        )
        answer = await asyncio.get_running_loop().run_in_executor(self._threads, _answer, route, ask)
        return answer if isinstance(answer, Reply) else Reply(answer)


def _answer(route: Route, ask: Ask) -> Any:
    try:
        return route.handler(ask)
    except ScenarioError as error:
        return refused(error)
    except ValueError as error:
        raise BigQueryError("invalid", str(error)) from None


def refused(error: ScenarioError) -> Reply:
    """The answer to a wrong scenario: all that is wrong, each with its line and column."""
    body = error_body(BigQueryError("invalid", str(error)))
    body["error"]["errors"] = [
        {
            "message": problem.message,
            "domain": "global",
            "reason": "invalid",
            "location": str(problem.place),
            "locationType": "other",
        }
        for problem in error.problems
    ]
    body["problems"] = [_problem(problem) for problem in error.problems]
    return Reply(body, 400)


def _problem(problem: Problem) -> dict[str, Any]:
    place = problem.place
    found = {"line": place.line, "column": place.column, "path": place.path, "message": problem.message}
    return {name: value for name, value in found.items() if value}
