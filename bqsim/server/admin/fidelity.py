"""The manifest of fidelity over HTTP."""

from __future__ import annotations

from typing import Any

from bqsim.errors import invalid
from bqsim.fidelity import STATUSES, Manifest, load
from bqsim.sim.scenario.spelling import unknown

from .asking import Ask
from .routes import Route


def _fidelity(ask: Ask) -> dict[str, Any]:
    subject, status = ask.query.get("subject"), ask.query.get("status")
    found = load().select(*([subject] if subject else []))
    if status:
        if status not in STATUSES:
            raise invalid(unknown("status", status, tuple(STATUSES)), "status")
        found = Manifest(found.families, tuple(e for e in found.entries if e.status == status))
    return {**found.to_json(), "counts": found.counts()}


ROUTES = (
    Route(
        "GET",
        "fidelity",
        _fidelity,
        "What is exact, approximated or absent; ?subject= is a glob, ?status= one of the three.",
    ),
)
