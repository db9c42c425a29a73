"""Limits of DML statements (pages *Quotas and limits* and *Data manipulation language*)."""

from __future__ import annotations

from bqsim.sim.limits.model import Kind, Limit, Moment, Over

from .tables import DML as CHANGES
from .tables import QUERY
from .texts import rate

QUEUE, RUN = (Moment.QUEUE,), (Moment.RUN,)
MUTATING = frozenset({"UPDATE", "DELETE", "MERGE"})
INSERT = frozenset({"INSERT"})
OUTSTANDING = (
    "Resources exceeded during query execution: Too many DML statements outstanding against table {table}, "
    "limit is {limit}."
)

DML: tuple[Limit, ...] = (
    Limit(
        "dml_statements",
        "DML statements per 10 seconds per table",
        Kind.RATE,
        ("table",),
        25,
        "statements",
        "rateLimitExceeded",
        rate("too many table dml insert operations for this table"),
        at=QUEUE,
        period_s=10,
        job_types=QUERY,
        statements=MUTATING | INSERT,
    ),
    Limit(
        "dml_mutating_queued",
        "UPDATE, DELETE and MERGE statements queued per table",
        Kind.CONCURRENT,
        ("table",),
        20,
        "statements",
        "resourcesExceeded",
        OUTSTANDING,
        at=QUEUE,
        job_types=QUERY,
        statements=MUTATING,
    ),
    Limit(
        "dml_mutating_running",
        "UPDATE, DELETE and MERGE statements running per table",
        Kind.CONCURRENT,
        ("table",),
        2,
        "statements",
        "resourcesExceeded",
        OUTSTANDING,
        at=RUN,
        job_types=QUERY,
        statements=MUTATING,
        over=Over.WAIT,
    ),
    Limit(
        "dml_inserts_at_once",
        "INSERT statements per table and 24 hours that run at once",
        Kind.RATE,
        ("table",),
        1_500,
        "statements",
        "resourcesExceeded",
        OUTSTANDING,
        at=QUEUE,
        period_s=86_400,
        job_types=QUERY,
        statements=INSERT,
        over=Over.COUNT,
    ),
    Limit(
        "dml_inserts_queued",
        "INSERT statements queued per table after the first of the day",
        Kind.CONCURRENT,
        ("table",),
        100,
        "statements",
        "resourcesExceeded",
        OUTSTANDING,
        at=QUEUE,
        job_types=QUERY,
        statements=INSERT,
        spare="dml_inserts_at_once",
    ),
    Limit(
        "dml_inserts_running",
        "INSERT statements running per table after the first of the day",
        Kind.CONCURRENT,
        ("table",),
        10,
        "statements",
        "resourcesExceeded",
        OUTSTANDING,
        at=RUN,
        job_types=QUERY,
        statements=INSERT,
        without=frozenset({"dml_inserts_at_once"}),
        over=Over.WAIT,
    ),
    Limit(
        "dml_queued_seconds",
        "Time that a DML statement is queued",
        Kind.CAP,
        (),
        7 * 3600,
        "seconds",
        "timeout",
        "DML statement has been queued for too long",
        at=RUN,
        measure="queued_seconds",
        job_types=QUERY,
        statements=CHANGES,
    ),
)
