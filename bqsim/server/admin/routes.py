"""The routes of the control API: which function answers which path."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from bqsim.errors import BigQueryError
from bqsim.server.rest.reply import Reply
from bqsim.sim.scenario.spelling import nearest

from .asking import Ask

PREFIX = "/bqsim/v1"

Answer = Reply | Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """``pattern`` is a path below the prefix; a segment in braces is a variable of that name.

    ``doc`` is one sentence for users.
    """

    verb: str
    pattern: str
    handler: Callable[[Ask], Answer]
    doc: str

    @property
    def segments(self) -> tuple[str, ...]:
        return segments_of(self.pattern)

    def matches(self, segments: tuple[str, ...]) -> dict[str, str] | None:
        """The variables of a path; None for another route's path."""
        if len(segments) != len(self.segments):
            return None
        found = {}
        for wanted, given in zip(self.segments, segments, strict=True):
            if wanted.startswith("{"):
                found[wanted[1:-1]] = given
            elif wanted != given:
                return None
        return found


def segments_of(path: str) -> tuple[str, ...]:
    return tuple(unquote(part) for part in path.strip("/").split("/")) if path.strip("/") else ()


def find(routes: Iterable[Route], verb: str, path: str) -> tuple[Route, dict[str, str]]:
    """The route of a request, and the variables of its path.

    Raises 404 or 405, which name the nearest path and the verbs that there are.
    """
    segments = segments_of(path)
    found = [(route, values) for route in routes if (values := route.matches(segments)) is not None]
    # A path that is written out comes before one with variables.
    found.sort(key=lambda one: len(one[1]))
    for route, values in found:
        if route.verb == verb:
            return route, values
    if found:
        verbs = " or ".join(sorted({route.verb for route, _ in found}))
        text = f"{verb[:20]} is not what {PREFIX}/{found[0][0].pattern} takes; use {verbs}."
        raise BigQueryError("invalid", text, http=405)
    near = nearest("/".join(segments), [route.pattern for route in routes if route.pattern])
    hint = f" Did you mean {PREFIX}/{near}?" if near else f" GET {PREFIX} lists what there is."
    raise BigQueryError("notFound", f"There is nothing at {PREFIX}/{'/'.join(segments)[:200]}.{hint}")


def index(routes: Iterable[Route]) -> dict[str, Any]:
    """All routes, by path."""
    paths: dict[str, dict[str, str]] = {}
    for route in routes:
        path = f"{PREFIX}/{route.pattern}" if route.pattern else PREFIX
        paths.setdefault(path, {})[route.verb] = route.doc
    return {"paths": dict(sorted(paths.items()))}
