"""What jobs are charged for: their facts as limits count them, and what each commit changes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END
from bqsim.jobs.job import Job, JobType
from bqsim.sim.limits.model import Facts, Moment
from bqsim.sim.limits.work import Working
from bqsim.sim.rules.sqltext import normal_sql, statement_type
from bqsim.types import Field

if TYPE_CHECKING:
    from bqsim.catalog.change import Change
    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session
    from bqsim.sql.statements.table_statistics import TableStatistics

# Words between a statement and the table that it changes.
_CHANGES: Mapping[str, frozenset[str]] = {
    "INSERT": frozenset({"INTO"}),
    "UPDATE": frozenset(),
    "DELETE": frozenset({"FROM"}),
    "MERGE": frozenset({"INTO"}),
    "TRUNCATE_TABLE": frozenset({"TABLE"}),
}
ON_DEMAND = frozenset({"on_demand"})
_COPIES = {"SNAPSHOT": "snapshot"}


def job_facts(job: Job, catalog: Catalog, *, sandbox: bool = False, reserved: bool = False) -> Facts:
    """The facts of a job that limits go by, with the sizes that its configuration tells.

    ``reserved`` tells that it has slots of a reservation, and so is not paid for on demand.
    """
    body = _body(job)
    sql = _text(body.get("query")) if job.type is JobType.QUERY else ""
    target = _target(job, body, sql)
    return Facts(
        Moment.QUEUE,
        method="bigquery.jobs.insert",
        caller=job.caller,
        project=job.ref.project,
        region=job.ref.location.lower(),
        dataset=target.dataset_ref.api_name if target is not None else "",
        table=target.api_name if target is not None else "",
        resource=f"projects/{job.ref.project}/jobs/{job.ref.job_id}",
        job_type=job.type.value,
        statement_type=statement_type(sql) if sql else "",
        flags=frozenset(_flags(job, body, target, catalog, sandbox))
        - (ON_DEMAND if reserved else frozenset()),
        sizes=dict(_sizes(job, body, sql, catalog)),
    )


def _flags(
    job: Job, body: Mapping[str, Any], target: TableRef | None, catalog: Catalog, sandbox: bool
) -> Iterator[str]:
    yield from ON_DEMAND
    if sandbox:
        yield "sandbox"
    if body.get("priority") == "BATCH":
        yield "batch"
    if body.get("destinationTable"):
        yield "writes"
    if job.type is JobType.COPY:
        yield from filter(None, (_COPIES.get(_text(body.get("operationType"))),))
        places = {_location(ref, catalog) for ref in (target, *_sources(job, body)) if ref is not None}
        if len(places - {""}) > 1:
            yield "cross_region"


def _sizes(job: Job, body: Mapping[str, Any], sql: str, catalog: Catalog) -> Iterator[tuple[str, int]]:
    if sql:
        yield "characters", len(sql)
        yield "unresolved_bytes", len(sql.encode("utf-8", "replace"))
        yield "parameters", len(body.get("queryParameters") or ())
    elif job.type is JobType.EXTRACT:
        uris = body.get("destinationUris") or [body.get("destinationUri")]
        yield "wildcard_uris", sum("*" in _text(uri) for uri in uris)
    elif job.type is JobType.COPY:
        sources = _sources(job, body)
        yield "sources", len(sources)
        if _text(body.get("operationType")) in ("SNAPSHOT", "CLONE") and sources:
            yield "chain_depth", 1 + chain_depth(sources[0], catalog)
            yield "dependents", 1 + dependents(sources[0], catalog)


def chain_depth(ref: TableRef, catalog: Catalog) -> int:
    """How many clones and snapshots lie between a table and the one that has none before it."""
    depth = 0
    table = catalog.find_table(ref)
    while table is not None and table.base_table is not None:
        depth += 1
        table = catalog.find_table(table.base_table)
    return depth


def dependents(ref: TableRef, catalog: Catalog) -> int:
    """How many clones and snapshots a table has."""
    datasets = (d for project in catalog.projects() for d in catalog.datasets(project))
    return sum(t.base_table == ref for d in datasets for t in catalog.tables(d.ref))


def _target(job: Job, body: Mapping[str, Any], sql: str) -> TableRef | None:
    given = body.get("destinationTable")
    if isinstance(given, Mapping):
        ref = TableRef.from_json(dict(given), job.ref.project)
        return TableRef(ref.project, ref.dataset, ref.table.partition("$")[0])
    return changed_table(sql, job.ref.project, body.get("defaultDataset")) if sql else None


def changed_table(sql: str, project: str, default: object = None) -> TableRef | None:
    """The table that a DML statement changes, by its text; None for other statements."""
    passed = _CHANGES.get(statement_type(sql))
    if passed is None:
        return None
    words = normal_sql(sql).split(" ")[1:]
    while words and words[0] in passed:
        del words[0]
    parts = [""]
    glued = True
    for word in words:
        if word == ".":
            parts.append("")
            glued = True
        elif word == "-" and len(parts) == 1:
            # Project ids may be written with dashes.
            parts[-1] += word
            glued = True
        elif glued:
            parts[-1] += word
            glued = False
        else:
            break
    if not all(parts):
        return None
    if len(parts) == 1 and isinstance(default, Mapping):
        dataset = DatasetRef.from_json(dict(default), project)
        return dataset.table(parts[0])
    if len(parts) == 2:
        parts.insert(0, project)
    return TableRef(*parts) if len(parts) == 3 else None


def _sources(job: Job, body: Mapping[str, Any]) -> list[TableRef]:
    given = body.get("sourceTables") or [body.get("sourceTable")]
    refs = [TableRef.from_json(dict(t), job.ref.project) for t in given if isinstance(t, Mapping)]
    return [TableRef(r.project, r.dataset, r.table.partition("@")[0].partition("$")[0]) for r in refs]


def _location(ref: TableRef, catalog: Catalog) -> str:
    dataset = catalog.find_dataset(ref.dataset_ref)
    return dataset.location if dataset is not None else ""


def _body(job: Job) -> Mapping[str, Any]:
    body = job.configuration.get(job.type.value.lower())
    return body if isinstance(body, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


# Commits


def charge_commit(work: Working, change: Change, statistics: TableStatistics) -> None:
    """Charge a job for what it is about to commit. Raises ``BigQueryError``: nothing is changed then.

    ``statistics`` are those of the tables: of their partitions only what changes is looked at.
    """
    tables = [t for t in change.tables if _is_shown(t.ref.dataset)]
    partitions = 0
    for table in tables:
        modified = modified_partitions(work.session, table, change.time_us)
        partitions += modified
        work.charge(
            Moment.COMMIT,
            {
                "columns": leaf_columns(table.fields),
                "record_levels": record_levels(table.fields),
                "partitions": modified,
                "table_partitions": len(statistics.foreseen(work.session, table).rows) if modified else 0,
                "row_access_policies": len(table.row_access_policies),
            },
            dataset=table.ref.dataset_ref.api_name,
            table=table.ref.api_name,
            flags=table_traits(table),
        )
    if change.is_transaction and tables:
        sizes = {"transaction_tables": len(tables), "transaction_partitions": partitions}
        work.charge(Moment.COMMIT, sizes)
    for dataset in change.datasets:
        if _is_shown(dataset.dataset):
            work.charge(Moment.COMMIT, dataset=dataset.api_name)
    for routine in change.routines:
        path = f"projects/{routine.project}/datasets/{routine.dataset}/routines/{routine.routine}"
        work.charge(Moment.COMMIT, dataset=routine.dataset_ref.api_name, resource=path)


def table_traits(table: Table) -> frozenset[str]:
    """The flags of a table: ``partitioned``, ``ingestion_time``, ``snapshot``."""
    traits = set()
    if table.time_partitioning is not None or table.range_partitioning is not None:
        traits.add("partitioned")
    if table.time_partitioning is not None and table.time_partitioning.field is None:
        traits.add("ingestion_time")
    if table.kind is TableKind.SNAPSHOT:
        traits.add("snapshot")
    return frozenset(traits)


def modified_partitions(session: Session, table: Table, time_us: int) -> int:
    """How many partitions of a table have rows that begin or end at a time; 0 without partitions."""
    if table.storage is None or not table_traits(table) & {"partitioned"}:
        return 0
    from bqsim.sql.statements.partition_ids import partitions_of

    partitions = partitions_of(table)
    assert partitions is not None
    # Apart, the engine skips the blocks of rows that neither began nor ended then.
    keys = " UNION ".join(
        f"SELECT {partitions.key} AS k FROM {table.storage.engine_table} WHERE {end} = {time_us}"
        for end in (VERSION_BEGIN, VERSION_END)
    )
    found = session.scalar(f"SELECT count(DISTINCT k) FROM ({keys})")
    return int(str(found or 0))


def leaf_columns(fields: tuple[Field, ...]) -> int:
    """How many columns a table has, of records those within."""
    return sum(leaf_columns(f.fields) if f.fields else 1 for f in fields)


def record_levels(fields: tuple[Field, ...]) -> int:
    """How deep records are nested; 0 without records."""
    return max((1 + record_levels(f.fields) for f in fields if f.fields), default=0)


def _is_shown(dataset: str) -> bool:
    """Whether a dataset is no hidden one, of query results and temporary tables."""
    return not dataset.startswith("_")
