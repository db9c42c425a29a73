"""Views about sessions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from bqsim.catalog.names import project_number

from .jobs import NEEDS
from .view import Form, Scope, View, each, whole


def _sessions(kind: str) -> Callable[[Scope], Sequence[Any]]:
    def find(scope: Scope) -> Sequence[Any]:
        found = [
            session
            for session in scope.sources.history.sessions(scope.project)
            if scope.in_region(session.location) and (kind != "BY_USER" or session.caller == scope.caller)
        ]
        return scope.only(found, session_id=lambda s: s.id, creation_time=lambda s: s.created_us)

    return find


_COLUMNS = (
    each("creation_time", lambda s: s.created_us, "T"),
    each("expiration_time", lambda s: s.expires_us, "T"),
    whole("is_active", lambda items, scope: [s.expires_us > scope.now_us for s in items], "B"),
    each("last_modified_time", lambda s: s.used_us, "T"),
    each("principal_subject", lambda s: f"user:{s.caller}"),
    each("project_id", lambda s: s.project),
    each("project_number", lambda s: project_number(s.project), "I"),
    each("session_id", lambda s: s.id),
    each("user_email", lambda s: s.caller),
)

VIEWS: tuple[View, ...] = tuple(
    View(f"SESSIONS{kind and '_'}{kind}", _COLUMNS, _sessions(kind), Form.REGION, NEEDS.get(kind, NEEDS[""]))
    for kind in ("", "BY_USER", "BY_PROJECT")
)
