"""The manifest of fidelity over HTTP."""

from __future__ import annotations

from typing import Any

from bqsim.errors import invalid
from bqsim.fidelity import STATUSES, Manifest, load
from bqsim.sim.scenario.spelling import unknown

from .asking import Ask
from .routes import Route


def _fidelity(ask: Ask) -> dict[str, Any]:
    subject, family, status = (ask.query.get(name) for name in ("subject", "family", "status"))
    whole = load()
    if family and family not in whole.families:
        raise invalid(unknown("family", family, tuple(whole.families)), "family")
    found = whole.select(*([family] if family else [])).select(*([subject] if subject else []))
    if status:
        if status not in STATUSES:
            raise invalid(unknown("status", status, tuple(STATUSES)), "status")
        found = Manifest(found.families, tuple(e for e in found.entries if e.status == status))
    return {**found.to_json(), "counts": found.counts(), "totals": found.totals()}


ROUTES = (
    Route(
        "GET",
        "fidelity",
        _fidelity,
        "What is exact, approximated, supplied or absent; ?family=, ?status=, and ?subject=, a glob.",
    ),
)
