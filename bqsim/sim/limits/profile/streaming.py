"""Limits of ``tabledata.insertAll`` (page *Quotas and limits*: Streaming inserts)."""

from __future__ import annotations

from bqsim.sim.limits.model import Kind, Limit

from .texts import quota, rate

INSERT = ("bigquery.tabledata.insertAll",)
WITH_ID = frozenset({"insert_id"})
MB = 10**6

STREAMING: tuple[Limit, ...] = (
    Limit(
        "insert_bytes",
        "Streaming bytes per second per project",
        Kind.RATE,
        ("project", "region"),
        1_000 * MB,
        "bytes",
        "quotaExceeded",
        quota(
            "Your entity with gaia_id: {gaia_id}, project: {project} in region: {region} "
            "exceeded quota for insert "
            "bytes per second"
        ),
        elsewhere=300 * MB,
        measure="bytes",
        methods=INSERT,
        without=WITH_ID,
        debt=True,
    ),
    Limit(
        "insert_id_rows_per_project",
        "Streaming rows with insertId per second per project",
        Kind.RATE,
        ("project", "region"),
        500_000,
        "rows",
        "quotaExceeded",
        quota("Your project: {project} in {region} exceeded quota for streaming insert rows per second"),
        elsewhere=100_000,
        measure="rows",
        methods=INSERT,
        flags=WITH_ID,
        debt=True,
    ),
    Limit(
        "insert_id_rows_per_table",
        "Streaming rows with insertId per second per table",
        Kind.RATE,
        ("table",),
        100_000,
        "rows",
        "rateLimitExceeded",
        rate("Your table: {table} exceeded quota for streaming insert rows per second"),
        measure="rows",
        methods=INSERT,
        flags=WITH_ID,
        debt=True,
    ),
    Limit(
        "insert_id_bytes_per_table",
        "Streaming bytes with insertId per second per table",
        Kind.RATE,
        ("table",),
        100 * MB,
        "bytes",
        "rateLimitExceeded",
        rate("Your table: {table} exceeded quota for streaming insert bytes per second"),
        measure="bytes",
        methods=INSERT,
        flags=WITH_ID,
        debt=True,
    ),
    Limit(
        "insert_rows",
        "Rows of one insertAll request",
        Kind.CAP,
        (),
        50_000,
        "rows",
        "invalid",
        "too many rows present in the request, limit: {limit} row count: {measured}.",
        measure="rows",
        methods=INSERT,
    ),
    Limit(
        "insert_row_bytes",
        "Size of one streamed row",
        Kind.CAP,
        (),
        10 * 1024 * 1024,
        "bytes",
        "invalid",
        "Row size {measured} exceeds the limit: {limit} bytes.",
        measure="row_bytes",
        methods=INSERT,
        known_text=False,
    ),
    Limit(
        "insert_id_characters",
        "Length of an insertId",
        Kind.CAP,
        (),
        128,
        "characters",
        "invalid",
        "insertId of {measured} characters exceeds the limit: {limit} characters.",
        measure="insert_id_characters",
        methods=INSERT,
        known_text=False,
    ),
    Limit(
        "template_tables",
        "Tables created from templates per second",
        Kind.RATE,
        ("project",),
        10,
        "tables",
        "rateLimitExceeded",
        rate("too many template table creations for this project"),
        measure="template_tables",
        methods=INSERT,
        known_text=False,
    ),
)
