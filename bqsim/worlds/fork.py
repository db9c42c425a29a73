"""A copy of a project under another id."""

from __future__ import annotations

from dataclasses import replace

from bqsim.catalog.change import Change
from bqsim.catalog.refs import DatasetRef, RoutineRef, TableRef
from bqsim.catalog.resources import Dataset, Table
from bqsim.catalog.store import Catalog
from bqsim.engine.protocol import VERSION_BEGIN, Session
from bqsim.errors import already_exists, invalid, not_found
from bqsim.sql.statements.storage import copy_rows, storage_of, with_storage


def fork(catalog: Catalog, session: Session, project: str, into: str) -> int:
    """Copy the datasets of ``project`` with all that is in them into a project without any; in one commit.

    Returns the number of tables. Rows are copied within the engine, column by column. Etags, times and
    partitions are those of the originals; past versions, jobs, hidden datasets and write streams stay behind.
    Texts of views and routines are kept: what they name by ``project`` they read there, what they name
    without a project they read in the copy.
    """
    if project == into:
        raise invalid(f"A copy of project {project} needs another project id.", "into")
    datasets = [d for d in catalog.datasets(project) if not d.ref.dataset.startswith("_")]
    if project not in catalog.projects():
        raise not_found("Project", project)
    for dataset in catalog.datasets(into):
        raise already_exists("Dataset", dataset.ref.api_name)
    copied = 0
    tables = [t for d in datasets for t in catalog.tables(d.ref)]
    with catalog.lock(*(t.ref for t in tables)), catalog.change(session) as change:
        for dataset in datasets:
            copied += _copy_dataset(catalog, session, change, dataset, into)
    catalog.add_project(into)
    return copied


def _copy_dataset(catalog: Catalog, session: Session, change: Change, dataset: Dataset, into: str) -> int:
    ref = DatasetRef(into, dataset.ref.dataset)
    change.put_dataset(replace(dataset, ref=ref))
    tables = catalog.tables(dataset.ref)
    for table in tables:
        change.put_table(_copy_table(catalog, session, change, table, into))
    for routine in catalog.routines(dataset.ref):
        body = dict(routine.body)
        if "routineReference" in body:
            body["routineReference"] = {**body["routineReference"], "projectId": into}
        change.put_routine(
            replace(routine, ref=RoutineRef(into, ref.dataset, routine.ref.routine), body=body)
        )
    return len(tables)


def _copy_table(catalog: Catalog, session: Session, change: Change, table: Table, into: str) -> Table:
    base = table.base_table
    copy = replace(
        table,
        ref=replace(table.ref, project=into),
        base_table=_moved(base, table.ref.project, into) if base is not None else None,
        version=change.time_us,
    )
    if table.storage is None:
        return copy
    copy = with_storage(session, catalog.next_engine_table(), copy)
    source, target = storage_of(table), storage_of(copy)
    # Rows keep the times that they came at.
    copy_rows(session, source, target, VERSION_BEGIN)
    return copy


def _moved(ref: TableRef, project: str, into: str) -> TableRef:
    return replace(ref, project=into) if ref.project == project else ref
