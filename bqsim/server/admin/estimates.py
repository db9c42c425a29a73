"""What a query would cost, with how that comes about: a dry run that tells more than the API's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from bqsim.errors import BigQueryError, invalid
from bqsim.jobs.statistics import bytes_billed

from .about import pruning_json
from .asking import Ask
from .routes import Route

if TYPE_CHECKING:
    from bqsim.catalog.refs import TableRef
    from bqsim.jobs.statistics import QueryStatistics
    from bqsim.sql.plan import StatementResult

# Queries in one request.
MOST = 1000
_KINDS = {"configuration": dict, "queries": list}


def _estimate(ask: Ask) -> dict[str, Any]:
    given = ask.fields(**_KINDS)
    if "queries" in given:
        if len(given["queries"]) > MOST:
            raise invalid(f"A request estimates {MOST} queries at most.", "queries")
        return {"estimates": [_one(ask, one) for one in given["queries"]]}
    return _one(ask, given.get("configuration"))


def _one(ask: Ask, configuration: Any) -> dict[str, Any]:
    """The estimate of a query job's configuration; of one that is wrong the error, in a list of several."""
    if not isinstance(configuration, Mapping) or not isinstance(configuration.get("query"), Mapping):
        raise BigQueryError("required", "The body needs the configuration of a query job.")
    body = {"configuration": {**configuration, "dryRun": True}}
    try:
        job = ask.core.parts.run(ask.core.jobs.insert(ask.path["project"], body, ""))
    except BigQueryError as error:
        if "queries" not in ask.body:
            raise
        return {"error": {"reason": str(error.reason.name), "message": error.message}}
    statistics = job.query_statistics
    return {} if statistics is None else _estimated(statistics)


def _estimated(statistics: QueryStatistics) -> dict[str, Any]:
    out: dict[str, Any] = {
        "statementType": statistics.statement_type,
        "bytesProcessed": str(statistics.bytes_processed),
        "accuracy": statistics.accuracy,
        "referencedTables": [ref.to_json() for ref in statistics.tables],
    }
    found = statistics.foreseen
    if found is None:
        return out
    before = found.read.estimate
    out["bytesBilled"] = str(bytes_billed(found.read))
    out["bytesAtMost"] = str(before.total)
    out["bytesOfTables"] = _sizes(found)
    if found.read.partitions is not None:
        out["partitions"] = found.read.partitions
    out["pruning"] = [pruning_json(one) for one in found.read.pruning]
    if found.schema:
        out["outputColumns"] = [one.name for one in found.schema]
    if statistics.row_level_security:
        out["rowLevelSecurity"] = True
    return {**out, **_planned(found)}


def _sizes(found: StatementResult) -> list[dict[str, Any]]:
    """The bytes of each table, of a wildcard's together; ``tables`` are none where they are not told
    apart."""
    sizes, plan = found.read.tables, found.plan
    groups: list[tuple[TableRef, ...]] = []
    if plan is not None:
        inside = {ref for group in plan.wildcards for ref in group}
        groups = [*plan.wildcards, *((ref,) for ref in plan.columns_read if ref not in inside)]
    if len(groups) != len(sizes):
        groups = [()] * len(sizes)
    return [
        {"bytes": str(size), "tables": [f"{r.project}.{r.dataset}.{r.table}" for r in group]}
        for size, group in zip(sizes, groups, strict=True)
    ]


def _planned(found: StatementResult) -> dict[str, Any]:
    plan = found.plan
    if plan is None:
        return {}
    return {
        "columnsRead": {f"{r.project}.{r.dataset}.{r.table}": list(c) for r, c in plan.columns_read.items()},
        "deterministic": plan.deterministic or plan.route.value == "REFERENCE",
        "views": [ref.to_json() for ref in plan.views],
        "routines": [f"{r.project}.{r.dataset}.{r.routine}" for r in plan.routines],
        "wildcards": [[f"{r.project}.{r.dataset}.{r.table}" for r in tables] for tables in plan.wildcards],
        "external": len(plan.inputs),
    }


ROUTES = (
    Route(
        "POST",
        "projects/{project}/estimate",
        _estimate,
        "What a query would read and be billed, table by table, and why: {configuration} of a query job, or "
        "{queries: [configuration, ...]}.",
    ),
)
