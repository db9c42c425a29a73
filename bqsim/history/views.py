"""Rows of the views JOBS, JOBS_BY_* and JOBS_TIMELINE* as jobs (page *JOBS view*)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from .fingerprints import fingerprint_of, fingerprint_of_hash
from .model import JobRecord, Stage
from .values import fold, is_empty, items_of, members, micros, nested, spelled, text, truth, whole

# Columns and members of nested ones that are read; others are kept out. Exports may have flattened them:
# ``error_result.reason``, ``error_result_reason``.
NESTED = {
    "error_result": ("reason", "message", "location"),
    "session_info": ("session_id",),
    "destination_table": ("project_id", "dataset_id", "table_id"),
    "query_info": ("query_hashes",),
    "dml_statistics": ("inserted_row_count", "deleted_row_count", "updated_row_count"),
}
_FLAT = {
    fold(f"{column}{join}{member}"): (column, member)
    for column, names in NESTED.items()
    for member in (*names, "query_hashes.normalized_literals", "query_hashes_normalized_literals")
    for join in (".", "_")
}


# Members of a stage, in the order in which they are read.
_STAGE = (
    "id",
    "name",
    "input_stages",
    "slot_ms",
    "parallel_inputs",
    "records_read",
    "records_written",
    "shuffle_output_bytes",
    "start_ms",
    "end_ms",
)
_MISSING = object()
_FEW_NAMES = 64


def lowered(row: Mapping[str, Any]) -> Mapping[str, Any]:
    """A row with its columns in lower case, flattened ones put together again; itself where it is so."""
    columns = _columns(tuple(row))
    if columns is None:
        return row
    out: dict[str, Any] = {}
    for name, lower, flat in columns:
        value = row[name]
        if flat is None:
            out[lower] = value
            continue
        column, member = flat
        inner = out.setdefault(column, {})
        if not isinstance(inner, dict) or is_empty(value):
            continue
        if member.startswith("query_hashes"):
            inner["query_hashes"] = {"normalized_literals": value}
        else:
            inner[member] = value
    return out


_Column = tuple[str, str, tuple[str, str] | None]


@lru_cache(maxsize=256)
def _columns(names: tuple[Hashable, ...]) -> tuple[_Column, ...] | None:
    """Each column with its name in lower case, and where it belongs if it was flattened; None for rows that
    are as they should be. The rows of an export have the same columns."""
    found: list[_Column] = []
    plain = True
    for name in names:
        if not isinstance(name, str):
            plain = False
            continue
        lower = name.strip().lower()
        flat = _FLAT.get(fold(lower)) if lower not in NESTED and lower != "session_id" else None
        plain = plain and flat is None and lower == name
        found.append((name, lower, flat))
    return None if plain else tuple(found)


class _Cells:
    """The cells of one row. What cannot be read raises ValueError that names its column."""

    __slots__ = ("_get",)

    def __init__(self, row: Mapping[str, Any]) -> None:
        self._get = row.get

    def _first(self, read: Callable[[Any], Any], names: tuple[str, ...]) -> Any:
        """The first of the columns that has a value."""
        for name in names:
            value = self._get(name)
            if value is not None:
                try:
                    return read(value)
                except ValueError as error:
                    raise ValueError(f"column {name}: {error}") from None
        return read(None)

    def text(self, name: str, *others: str) -> str:
        value = self._get(name)
        return value if type(value) is str else str(self._first(text, (name, *others)))

    def whole(self, name: str) -> int:
        value = self._get(name)
        return 0 if value is None else int(self._first(whole, (name,)))

    def micros(self, name: str, *others: str) -> int:
        return int(self._first(micros, (name, *others)))

    def truth(self, name: str) -> bool:
        value = self._get(name)
        return False if value is None else bool(self._first(truth, (name,)))

    def nested(self, name: str) -> Any:
        value = self._get(name)
        return value if value is None or type(value) is list else self._first(nested, (name,))


def table_name(value: Any) -> str:
    """``project.dataset.table`` of a table reference in any spelling; '' for none."""
    if is_empty(value):
        return ""
    if isinstance(value, str):
        if value.startswith("projects/"):
            parts = value.split("/")
            return ".".join(parts[1::2])
        if not value.lstrip().startswith("{"):
            return value.replace(":", ".")
        value = nested(value)
    parts = [text(members(value, name)) for name in ("project_id", "dataset_id", "table_id")]
    return ".".join(part for part in parts if part) if parts[-1] else ""


def labels_of(value: Any) -> dict[str, str]:
    """Labels of a mapping, or of a list of keys and values."""
    found = nested(value)
    if isinstance(found, Mapping):
        return {str(key): text(item) for key, item in found.items() if item is not None}
    return {
        text(members(item, "key")): text(members(item, "value"))
        for item in items_of(found)
        if members(item, "key") is not None
    }


def stages_of(value: Any) -> tuple[Stage, ...]:
    """The stages of ``job_stages``, or of the API's ``queryPlan``."""
    stages = []
    for item in items_of(value):
        if not isinstance(item, Mapping):
            stages.append(Stage(0))
            continue
        get = item.get
        number, name, inputs, slot_ms, parallel, read, written, shuffled, start, end = [
            get(key) for key in _stage_keys(item)
        ]
        stages.append(
            Stage(
                whole(number),
                text(name),
                () if inputs is None else tuple(map(whole, items_of(inputs))),
                whole(slot_ms),
                whole(parallel) or 1,
                whole(read),
                whole(written),
                whole(shuffled),
                micros(start),
                micros(end),
            )
        )
    return tuple(stages)


def _stage_keys(item: Mapping[Any, Any]) -> tuple[Hashable, ...]:
    """How a stage spells its members; what it has none of stands for itself."""
    names = tuple(item)
    return _spellings(names) if len(names) <= _FEW_NAMES else _spellings.__wrapped__(names)


@lru_cache(maxsize=256)
def _spellings(names: tuple[Hashable, ...]) -> tuple[Hashable, ...]:
    found = (spelled(dict.fromkeys(names), (name,)) for name in _STAGE)
    return tuple(_MISSING if key is None else key for key in found)


def rows_written(stages: tuple[Stage, ...]) -> int:
    """The rows that the last stage wrote: the result's."""
    waited = {one for stage in stages for one in stage.inputs}
    last = [stage for stage in stages if stage.id not in waited]
    return last[-1].records_written if last else 0


def job_of_row(row: Mapping[str, Any], source: str = "") -> JobRecord:
    """The job of a row of JOBS. Unknown columns are kept out, missing ones empty; ValueError names the column
    of what cannot be read."""
    cells = _Cells(lowered(row))
    sql = cells.text("query")
    info = cells.nested("query_info")
    hashed = text(members(nested(members(info, "query_hashes")), "normalized_literals"))
    hashed = hashed or cells.text("query_hashes_normalized_literals", "normalized_literals")
    error = cells.nested("error_result")
    dml = cells.nested("dml_statistics")
    stages = stages_of(cells.nested("job_stages"))
    timeline = [whole(members(one, "estimated_runnable_units")) for one in items_of(cells.nested("timeline"))]
    session = cells.nested("session_info")
    return JobRecord(
        job_id=cells.text("job_id"),
        project=cells.text("project_id"),
        location=cells.text("location"),
        user=cells.text("user_email", "user"),
        job_type=cells.text("job_type") or "QUERY",
        statement_type=cells.text("statement_type"),
        priority=cells.text("priority") or "INTERACTIVE",
        state=cells.text("state") or "DONE",
        sql=sql,
        fingerprint=fingerprint_of(sql) or fingerprint_of_hash(hashed),
        created_us=cells.micros("creation_time", "job_creation_time"),
        started_us=cells.micros("start_time", "job_start_time"),
        ended_us=cells.micros("end_time", "job_end_time"),
        slot_ms=cells.whole("total_slot_ms"),
        bytes_processed=cells.whole("total_bytes_processed"),
        bytes_billed=cells.whole("total_bytes_billed"),
        cache_hit=cells.truth("cache_hit"),
        dry_run=cells.truth("dry_run"),
        error_reason=text(members(error, "reason")),
        error_message=text(members(error, "message")),
        reservation=cells.text("reservation_id"),
        edition=cells.text("edition"),
        parent=cells.text("parent_job_id"),
        session=text(members(session, "session_id")) or cells.text("session_id"),
        transaction=cells.text("transaction_id"),
        destination=table_name(cells.nested("destination_table")),
        tables=tuple(filter(None, map(table_name, items_of(cells.nested("referenced_tables"))))),
        labels=labels_of(cells.nested("labels")),
        stages=stages,
        partitions_processed=cells.whole("total_partitions_processed"),
        output_rows=cells.whole("output_rows") or rows_written(stages),
        dml_rows=sum(whole(members(dml, name)) for name in NESTED["dml_statistics"]),
        max_bytes_billed=cells.whole("maximum_bytes_billed"),
        estimated_runtime_slots=max(timeline, default=0) or cells.whole("estimated_runnable_units"),
        source=source,
    )


class Timeline:
    """Rows of JOBS_TIMELINE, a second of a job each, put together to jobs."""

    def __init__(self) -> None:
        self._jobs: dict[tuple[str, str], JobRecord] = {}

    def add(self, row: Mapping[str, Any], source: str) -> None:
        """Take in a row. ValueError as :func:`job_of_row`."""
        cells = _Cells(lowered(row))
        made = job_of_row(row, source)
        key = (made.project, made.job_id)
        known = self._jobs.get(key)
        slot_ms = cells.whole("period_slot_ms")
        wanted = cells.whole("period_estimated_runnable_units")
        if known is None:
            self._jobs[key] = replace(made, slot_ms=slot_ms, estimated_runtime_slots=wanted)
            return
        self._jobs[key] = replace(
            known,
            state=made.state if made.state == "DONE" else known.state,
            started_us=known.started_us or made.started_us,
            ended_us=known.ended_us or made.ended_us,
            slot_ms=known.slot_ms + slot_ms,
            bytes_processed=max(known.bytes_processed, made.bytes_processed),
            estimated_runtime_slots=max(known.estimated_runtime_slots, wanted),
        )

    def jobs(self) -> Iterator[JobRecord]:
        """The jobs, in the order in which they came."""
        yield from self._jobs.values()
