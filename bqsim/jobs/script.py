"""Scripts as jobs: each statement that runs is a child job."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from bqsim.catalog.refs import DatasetRef
from bqsim.catalog.resources import Dataset
from bqsim.jobs.statistics import QueryStatistics
from bqsim.sim.iam.attached import owned_by
from bqsim.sql.plan import Route

if TYPE_CHECKING:
    from bqsim.catalog.store import Catalog
    from bqsim.engine.protocol import Session
    from bqsim.jobs.job import Job
    from bqsim.sql.script import Frame


def no_dataset(job: Job) -> DatasetRef:
    """Where the temporary tables of a dry run would be: a dataset that is never there."""
    return DatasetRef(job.ref.project, "_dry_run")


@contextmanager
def temporary_dataset(catalog: Catalog, session: Session, ref: DatasetRef, job: Job) -> Iterator[DatasetRef]:
    """A hidden dataset for the temporary tables of one script, dropped with them at its end."""
    create_hidden_dataset(catalog, session, ref, job)
    try:
        yield ref
    finally:
        with session.shielded(), catalog.change(session) as change:
            change.drop_dataset(ref)


def create_hidden_dataset(catalog: Catalog, session: Session, ref: DatasetRef, job: Job) -> None:
    """Create dataset ``ref``, which is the job's caller's alone, unless it exists."""
    with catalog.lock(ref), catalog.change(session) as change:
        if catalog.find_dataset(ref) is None:
            ms = change.time_us // 1000
            access = {"access": owned_by(job.caller)}
            change.put_dataset(Dataset(ref, job.ref.location, ms, ms, catalog.new_etag(), metadata=access))


def script_statistics(frames: Sequence[Frame], evaluation_kind: str) -> dict[str, Any]:
    """The API's ``ScriptStatistics`` of a child job."""
    return {"evaluationKind": evaluation_kind, "stackFrames": [_frame_json(f) for f in frames]}


def _frame_json(frame: Frame) -> dict[str, Any]:
    lines = frame.text.split("\n")
    last = len(lines[-1]) + (frame.column - 1 if len(lines) == 1 else 0)
    out: dict[str, Any] = {
        "startLine": frame.line,
        "startColumn": frame.column,
        "endLine": frame.line + len(lines) - 1,
        "endColumn": last + 1,
        "text": frame.text,
    }
    if frame.procedure:
        out["procedureId"] = frame.procedure
    return out


def add_up(total: QueryStatistics, child: QueryStatistics) -> None:
    """Add what a child did to the statistics of its script."""
    total.bytes_processed += child.bytes_processed
    total.row_level_security |= child.row_level_security
    total.bytes_billed += child.bytes_billed
    total.tables = tuple(dict.fromkeys((*total.tables, *child.tables)))
    if child.route is Route.REFERENCE or total.route in (None, Route.METADATA):
        if total.route is not Route.REFERENCE:
            total.route_reason = child.route_reason
        total.route = child.route
