"""Jobs that ran, as columns of a workload: from exports of JOBS, from audit logs, from cassettes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bqsim.history import HistoryError, JobRecord, merged, read
from bqsim.history.canonical import read_canonical
from bqsim.history.merging import write_merged
from bqsim.record.cassette.cassette import Cassette
from bqsim.record.cassette.errors import CassetteError
from bqsim.record.jobs_of import job_records
from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.plan.model import History, Recorded
from bqsim.sim.slots.jobs import CHUNK, Jobs, Shapes, Users

from .classes_of import ClassTable
from .floors import Runs, contended, floors, widths
from .model import JobClass, Part
from .shapes_of import ShapeTable

_MINUTE_US = 60_000_000
_MIB = 1 << 20
_LEAST_BILLED = 10 * _MIB
# A parent of whose slot time its children explain all but so much is no work of its own.
_OWN_WORK = 0.05
# So many records are put together in memory.
_FEW = 20_000


@dataclass(frozen=True, slots=True)
class Imported:
    """Jobs of a history. ``begin_us`` is the moment (epoch microseconds) from which times count; ``runs``
    are the jobs as they ran, row by row. ``untold`` is by what they are not told apart, as it has too many
    values: ``("label", "trace_id")``."""

    jobs: Jobs
    classes: Sequence[JobClass]
    shapes: Shapes
    duration_ms: float
    begin_us: int
    runs: Runs
    untold: frozenset[tuple[str, str]] = frozenset()

    @property
    def users(self) -> Users | None:
        """None: recorded jobs come when they came."""
        return None

    def chunks(self) -> Iterator[Jobs]:
        return self.jobs.chunks()


def imported(origin: History | Recorded, folder: Path) -> Part:
    """The jobs of a history; paths are relative to ``folder``.

    Jobs come when they were created, counted from the minute of the first. Dry runs, jobs that were refused
    and those that never began are left out, and so is a script whose statements are there. Cached results
    cost no slots; jobs that failed fail after the work that they did. RehearsalError with file and line when
    an export cannot be read, or tells no jobs or no times.
    """
    return history_of(origin, folder)


def history_of(origin: History | Recorded, folder: Path) -> Imported:
    """:func:`imported`, as what it is."""
    try:
        if isinstance(origin, Recorded):
            cassette = folder / origin.path
            return part_of(job_records(Cassette.open(cassette)), str(cassette))
        paths = [folder / one for one in origin.files]
        return read_history(paths)
    except (HistoryError, CassetteError) as error:
        raise RehearsalError(str(error)) from None


def read_history(paths: Sequence[Path]) -> Imported:
    """The jobs of exports. HistoryError or RehearsalError when they cannot be read."""
    place = ", ".join(map(str, paths))
    gathered = _Gathered(read(paths))
    if not gathered.repeats:
        return gathered.part(place)
    # Several rows tell of a job: all that they tell.
    if gathered.count <= _FEW:
        return part_of(merged(read(paths)), place)
    del gathered
    with TemporaryDirectory(prefix="bqsim-rehearse-") as folder:
        whole = Path(folder) / "jobs.parquet"
        write_merged(whole, read(paths))
        return part_of(read_canonical(whole), place)


def part_of(records: Iterable[JobRecord], place: str = "the history") -> Imported:
    """Records, each job once, as a part; ``place`` is what errors call them."""
    return _Gathered(records).part(place)


# Amounts of records.
_NOT_NEGATIVE = ("slot_ms", "bytes_processed", "bytes_billed")

_COLUMNS: dict[str, type] = {
    "created_us": np.int64,
    "started_us": np.int64,
    "ended_us": np.int64,
    "slot_ms": np.float64,
    "width": np.float64,
    "ideal_ms": np.float64,
    "outside_ms": np.float64,
    "bytes": np.float64,
    "shape": np.int32,
    "source": np.int32,
    "failed": np.bool_,
    "batch": np.uint8,
    "planned": np.bool_,
    "key": np.int64,
    "parent": np.int64,
}


class _Gathered:
    """Records as columns; the records themselves are let go."""

    def __init__(self, records: Iterable[JobRecord]) -> None:
        self._classes, self._shapes = ClassTable(), ShapeTable()
        chunks: list[dict[str, NDArray[Any]]] = []
        rows: list[tuple[Any, ...]] = []
        self.seen = 0
        for record in records:
            self.seen += 1
            row = self._row(record)
            if row is None:
                continue
            rows.append(row)
            if len(rows) == CHUNK:
                chunks.append(_columns(rows))
                rows = []
        chunks.append(_columns(rows))
        self._columns = {name: np.concatenate([one[name] for one in chunks]) for name in _COLUMNS}
        self.count = len(self._columns["key"])

    @property
    def repeats(self) -> bool:
        """Whether any job is there more than once."""
        return len(np.unique(self._columns["key"])) < self.count

    def _row(self, job: JobRecord) -> tuple[Any, ...] | None:
        """The columns of a record; None for one that does nothing."""
        if not job.job_id:
            raise RehearsalError(f"{job.source}: this row is no job: it has no job_id")
        for column in _NOT_NEGATIVE:
            if (amount := getattr(job, column)) < 0:
                raise RehearsalError(f"{job.source}: the job {job.job_id} has {column} {amount:,}, below 0")
        began = job.started_us or (job.ended_us if not job.slot_ms else 0)
        if job.dry_run or not (began or job.ended_us):
            if job.state != "DONE" or job.dry_run or job.error_reason:
                return None
            raise RehearsalError(
                f"{job.source}: it is not known when the job {job.job_id} ran; exports need creation_time, "
                "start_time and end_time, cassettes their measures"
            )
        created = job.created_us or began or job.ended_us
        started = max(created, began or created)
        ended = max(started, job.ended_us) if job.ended_us else -1
        run_ms = (ended - started) / 1000.0 if ended >= 0 else 0.0
        stages = () if job.cache_hit else job.stages
        worked = sum(one.slot_ms for one in stages)
        slot_ms = 0.0 if job.cache_hit else float(job.slot_ms or worked)
        shaped = self._shapes.add(stages, slot_ms, run_ms)
        return (
            created,
            started,
            ended,
            slot_ms,
            shaped.width,
            shaped.ideal_ms,
            shaped.outside_ms,
            _billed(job),
            shaped.number,
            self._classes.add(job),
            bool(job.error_reason),
            job.priority == "BATCH",
            worked > 0,
            _key(job.project, job.job_id),
            _key(job.project, job.parent) if job.parent else 0,
        )

    def part(self, place: str) -> Imported:
        """All of them. RehearsalError without any."""
        if not self.count:
            what = "no job in it ran" if self.seen else "there are no jobs in it"
            raise RehearsalError(f"{place}: {what}")
        classes, which_class = self._classes.finished()
        shapes, which_shape = self._shapes.finished()
        found = _without_scripts(self._columns)
        order = np.argsort(found["created_us"], kind="stable")
        found = {name: values[order] for name, values in found.items()}
        begin_us = int(found["created_us"][0]) // _MINUTE_US * _MINUTE_US
        source = which_class[found["source"]]
        pools, kinds = _pools(classes), _kinds(classes)
        runs = Runs(
            at_ms=(found["created_us"] - begin_us) / 1000.0,
            start_ms=(found["started_us"] - begin_us) / 1000.0,
            end_ms=np.where(found["ended_us"] < 0, np.nan, (found["ended_us"] - begin_us) / 1000.0),
            slot_ms=found["slot_ms"],
            ideal_ms=found["ideal_ms"],
            outside_ms=found["outside_ms"],
            pool=pools[source],
            kind=kinds[source],
            planned=found["planned"],
        )
        held_up = contended(runs)
        jobs = Jobs.of(
            len(order),
            at_ms=runs.at_ms,
            source=source,
            shape=which_shape[found["shape"]],
            slot_ms=runs.slot_ms,
            width=widths(runs, held_up, found["width"]),
            floor_ms=floors(runs, held_up),
            bytes=found["bytes"],
            batch=found["batch"],
            # What a failed job is known to have done is what it did until it failed.
            fails_at=np.where(found["failed"], 1.0, np.inf),
        )
        last_us = int(found["created_us"][-1]) + 1
        duration = -(-(last_us - begin_us) // _MINUTE_US) * _MINUTE_US / 1000.0
        return Imported(jobs, classes, shapes, duration, begin_us, runs, self._classes.untold)


def _columns(rows: Sequence[tuple[Any, ...]]) -> dict[str, NDArray[Any]]:
    values: Iterable[Sequence[Any]] = zip(*rows, strict=True) if rows else [()] * len(_COLUMNS)
    return {
        name: np.asarray(column, kind) for (name, kind), column in zip(_COLUMNS.items(), values, strict=True)
    }


def _without_scripts(columns: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """What parents did is what their children did: parents keep the rest, those without any are left out."""
    has_parent = columns["parent"] != 0
    parents, number = np.unique(columns["parent"][has_parent], return_inverse=True)
    if not len(parents):
        return columns
    place = np.minimum(np.searchsorted(parents, columns["key"]), len(parents) - 1)
    is_parent = parents[place] == columns["key"]
    out = dict(columns)
    for name in ("slot_ms", "bytes"):
        of_children = np.bincount(number, columns[name][has_parent], len(parents))
        rest = np.maximum(columns[name] - of_children[place], 0.0)
        rest[rest <= _OWN_WORK * columns[name]] = 0.0
        out[name] = np.where(is_parent, rest, columns[name])
    share = np.divide(
        out["slot_ms"],
        columns["slot_ms"],
        out=np.ones(len(place)),
        where=is_parent & (columns["slot_ms"] > 0),
    )
    out["ideal_ms"] = columns["ideal_ms"] * np.where(is_parent, share, 1.0)
    kept = ~is_parent | (out["slot_ms"] > 0) | (out["bytes"] > 0)
    return {name: values[kept] for name, values in out.items()}


def _numbered(names: Iterable[object]) -> NDArray[np.int32]:
    numbers: dict[object, int] = {}
    return np.asarray([numbers.setdefault(name, len(numbers)) for name in names], np.int32)


def _pools(classes: Sequence[JobClass]) -> NDArray[np.int32]:
    """What shares slots: a reservation, or a project without."""
    return _numbered(("in", one.ran_in) if one.ran_in else ("of", one.project) for one in classes)


def _kinds(classes: Sequence[JobClass]) -> NDArray[np.int32]:
    """What repeats: a query of a project; -1 where that is not known."""
    numbers = _numbered((one.project, one.kind) for one in classes)
    return np.asarray(np.where([bool(one.kind) for one in classes], numbers, -1), np.int32)


def _key(project: str, job_id: str) -> int:
    digest = hashlib.blake2b(f"{project}\n{job_id}".encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True) or 1


def _billed(job: JobRecord) -> float:
    """The bytes that are charged on demand; of those processed where the export does not tell."""
    if job.bytes_billed or job.cache_hit or job.job_type != "QUERY" or not job.bytes_processed:
        return 0.0 if job.cache_hit else float(job.bytes_billed)
    if job.error_reason and job.error_reason != "stopped":
        return 0.0
    return float(max(_LEAST_BILLED, -(-job.bytes_processed // _MIB) * _MIB))
