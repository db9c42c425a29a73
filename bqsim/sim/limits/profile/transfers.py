"""Limits of load, extract and copy jobs (page *Quotas and limits*)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bqsim.sim.limits.model import Kind, Limit, Moment

from .texts import quota, rate

DAY_S = 86_400
LOAD, EXTRACT, COPY = frozenset({"LOAD"}), frozenset({"EXTRACT"}), frozenset({"COPY"})
CROSS_REGION = frozenset({"cross_region"})
SNAPSHOT = frozenset({"snapshot"})
MIB, GIB, TIB = 1 << 20, 1 << 30, 1 << 40
IMPORTS = "Your table exceeded quota for imports or query appends per table"


def _per_day(
    name: str, title: str, jobs: frozenset[str], amount: int, scope: str, text: str, **more: Any
) -> Limit:
    """A number of jobs per day that comes back evenly."""
    return Limit(
        name,
        title,
        Kind.RATE,
        (scope,),
        amount,
        "jobs",
        "quotaExceeded",
        quota(text),
        at=(Moment.QUEUE,),
        period_s=DAY_S,
        job_types=jobs,
        **more,
    )


def _cap(
    measure: str, title: str, jobs: frozenset[str], amount: int, unit: str, text: str, **more: Any
) -> Limit:
    """The most of one size that a job may have; its row is named for the job and the size."""
    options: Mapping[str, Any] = {"known_text": False} | more
    name = f"{min(jobs).lower()}_{measure}"
    return Limit(
        name,
        title,
        Kind.CAP,
        (),
        amount,
        unit,
        "invalid",
        text,
        at=(Moment.RUN,),
        measure=measure,
        job_types=jobs,
        **options,
    )


TRANSFERS: tuple[Limit, ...] = (
    _per_day(
        "load_jobs_per_table",
        "Load jobs per table per day, failures included",
        LOAD,
        1_500,
        "table",
        IMPORTS,
        location="load_job_per_table.long",
    ),
    _per_day(
        "load_jobs_per_project",
        "Load jobs per project per day, failures included",
        LOAD,
        100_000,
        "project",
        "Your project exceeded quota for imports per project",
        location="load_job",
    ),
    _cap(
        "bytes",
        "Size of the files of a load job",
        LOAD,
        15 * TIB,
        "bytes",
        "Load job reads {measured} bytes, max allowed: {limit}",
        without=frozenset({"reservation"}),
    ),
    _cap(
        "uris",
        "URIs of a load job",
        LOAD,
        10_000,
        "URIs",
        "Too many source URIs: {measured}, limit is {limit}",
    ),
    _cap(
        "files",
        "Files of a load job",
        LOAD,
        10_000_000,
        "files",
        "Too many files: {measured}, limit is {limit}",
    ),
    _cap(
        "row_bytes",
        "Size of a row of a CSV or JSON file",
        LOAD,
        100 * MIB,
        "bytes",
        "Row size {measured} is larger than the maximum: {limit}",
    ),
    _cap(
        "compressed_file_bytes",
        "Size of a compressed file",
        LOAD,
        4 * GIB,
        "bytes",
        "Input CSV files are not splittable and at least one of the files is larger than the "
        "maximum allowed size. "
        "Size is: {measured}. Max allowed size is: {limit}.",
        known_text=True,
    ),
    _cap(
        "file_bytes",
        "Size of a file that is not compressed",
        LOAD,
        5 * TIB,
        "bytes",
        "File of {measured} bytes is larger than the maximum: {limit}",
    ),
    _cap(
        "avro_block_bytes",
        "Size of a block of an Avro file",
        LOAD,
        16 * MIB,
        "bytes",
        "Avro block of {measured} bytes is larger than the maximum: {limit}",
    ),
    _per_day(
        "extract_jobs_per_project",
        "Extract jobs per project per day",
        EXTRACT,
        100_000,
        "project",
        "Your project exceeded quota for exports per project",
        known_text=False,
    ),
    Limit(
        "extract_bytes_per_day",
        "Extract bytes per day on the shared pool",
        Kind.DAY,
        ("project",),
        50 * TIB,
        "bytes",
        "quotaExceeded",
        quota("Your usage exceeded quota for ExtractBytesPerDay"),
        at=(Moment.RUN,),
        measure="bytes",
        job_types=EXTRACT,
        without=frozenset({"reservation"}),
    ),
    _cap(
        "wildcard_uris",
        "Wildcard URIs of an extract job",
        EXTRACT,
        500,
        "URIs",
        "Too many destination URIs: {measured}, limit is {limit}",
    ),
    _cap(
        "single_file_bytes",
        "Size of one extracted file",
        EXTRACT,
        GIB,
        "bytes",
        "Table {table} too large to be exported to a single file. Specify a uri including a * "
        "to shard export. See "
        "'Exporting data into one or more files' in https://cloud.google.com/bigquery/docs/exporting-data.",
        known_text=True,
    ),
    _per_day(
        "copy_jobs_per_project",
        "Copy jobs per project per day, failures included",
        COPY,
        100_000,
        "project",
        "Your project exceeded quota for copies per project",
    ),
    _per_day(
        "cross_region_copy_jobs_per_project",
        "Cross-region copy jobs per project per day",
        COPY,
        2_000,
        "project",
        "Your project exceeded quota for cross-region copies per project",
        flags=CROSS_REGION,
        known_text=False,
    ),
    _per_day(
        "cross_region_copy_jobs_per_table",
        "Cross-region copy jobs per destination table per day",
        COPY,
        100,
        "table",
        "Your table exceeded quota for cross-region copies per table",
        flags=CROSS_REGION,
        known_text=False,
    ),
    _cap(
        "sources",
        "Source tables of a copy job",
        COPY,
        1_200,
        "tables",
        "Too many source tables: {measured}, limit is {limit}",
    ),
    Limit(
        "concurrent_snapshots",
        "Concurrent table snapshot jobs",
        Kind.CONCURRENT,
        ("project",),
        100,
        "jobs",
        "rateLimitExceeded",
        rate("too many concurrent table snapshots for this project"),
        at=(Moment.RUN,),
        job_types=COPY,
        flags=SNAPSHOT,
        known_text=False,
    ),
    _per_day(
        "snapshots_per_project",
        "Table snapshot jobs per project per day",
        COPY,
        50_000,
        "project",
        "Your project exceeded quota for table snapshots per project",
        flags=SNAPSHOT,
        known_text=False,
    ),
    _per_day(
        "snapshots_per_table",
        "Table snapshot jobs per table per day",
        COPY,
        50,
        "table",
        "Your table exceeded quota for table snapshots per table",
        flags=SNAPSHOT,
        known_text=False,
    ),
    _cap(
        "chain_depth",
        "Clones and snapshots of one another",
        COPY,
        3,
        "levels",
        "Clones and snapshots are {measured} levels deep, max allowed depth: {limit}",
    ),
    _cap(
        "dependents",
        "Clones and snapshots of one base table",
        COPY,
        1_000,
        "tables",
        "Table {table} has {measured} clones and snapshots, max allowed: {limit}",
    ),
)
