"""Facts that a row of the profile applies to."""

from __future__ import annotations

from bqsim.sim.limits import Facts, Limit, Moment

METHODS = {
    "bigquery.*": "bigquery.tables.get",
    "bigquery.tables.*": "bigquery.tables.insert",
    "bigquery.datasets.*": "bigquery.datasets.patch",
    "bigqueryreservation.*": "bigqueryreservation.projects.locations.reservations.list",
}
STREAM = "projects/p/datasets/d/tables/t/streams/_default"


def facts_of(limit: Limit, at: Moment | None = None, size: int | None = None, **changes: object) -> Facts:
    given: dict[str, object] = {
        "method": METHODS.get(limit.methods[0], limit.methods[0]) if limit.methods else "",
        "caller": "ann@example.com",
        "project": "p",
        "region": "us",
        "dataset": "p:d",
        "table": "p:d.t",
        "resource": STREAM,
        "job_type": min(limit.job_types) if limit.job_types else "",
        "statement_type": min(limit.statements) if limit.statements else "",
        "flags": limit.flags,
        "sizes": {limit.measure: size} if limit.measure and size is not None else {},
    }
    return Facts(at or limit.at[-1], **(given | changes))  # type: ignore[arg-type]
