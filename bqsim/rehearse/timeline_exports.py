"""What slots did, as exports of RESERVATIONS_TIMELINE and JOBS_TIMELINE tell it, by minutes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bqsim.history import HistoryError
from bqsim.history.files import files_of, rows_of
from bqsim.history.values import is_empty, items_of, members, micros, nested, text, whole
from bqsim.history.views import lowered
from bqsim.sim.slots.jobs import Source

from .errors import RehearsalError

MINUTE_US = 60_000_000
_REMEDY = "Export the rows of RESERVATIONS_TIMELINE or JOBS_TIMELINE"

# Slot-milliseconds by minute (epoch microseconds).
Minutes = dict[int, float]


@dataclass(slots=True)
class Timelines:
    """``scaled``: slot-milliseconds that autoscaling is charged for, by reservation and minute. ``used``:
    those that jobs used, by where they came from and minute. ``files``: what was read."""

    scaled: dict[str, Minutes] = field(default_factory=dict)
    used: dict[Source, Minutes] = field(default_factory=dict)
    files: tuple[str, ...] = ()


def read_timelines(paths: Iterable[str | Path]) -> Timelines:
    """Exports of either view, JSON, CSV, Parquet or Avro, told apart by their columns; folders stand for the
    files in them. A minute of a reservation that is told twice counts once. RehearsalError with file and
    line."""
    found = Timelines()
    seconds: dict[tuple[str, str, int], tuple[Source, float]] = {}
    try:
        for path in paths:
            for file in files_of(Path(path)):
                found.files += (file.name,)
                for line, row in rows_of(file):
                    try:
                        _take(lowered(row), found, seconds)
                    except (ValueError, TypeError, AttributeError) as error:
                        raise HistoryError(file, str(error), _REMEDY, line) from None
    except HistoryError as error:
        raise RehearsalError(str(error)) from None
    for (_, _, start_us), (source, slot_ms) in seconds.items():
        minutes = found.used.setdefault(source, {})
        minute = start_us // MINUTE_US * MINUTE_US
        minutes[minute] = minutes.get(minute, 0.0) + slot_ms
    if not found.scaled and not found.used:
        raise RehearsalError(f"{', '.join(found.files) or 'no file'}: there are no rows in it. {_REMEDY}")
    return found


def _take(
    row: Mapping[str, Any], found: Timelines, seconds: dict[tuple[str, str, int], tuple[Source, float]]
) -> None:
    start_us = micros(row.get("period_start"))
    if not start_us:
        raise ValueError("the row has no period_start")
    if "period_slot_ms" in row:
        # The row of a script sums those of its statements.
        if text(row.get("statement_type")) != "SCRIPT":
            source = Source(
                text(row.get("project_id")),
                text(row.get("job_type")) or "QUERY",
                text(row.get("user_email")),
                ran_in=text(row.get("reservation_id")),
            )
            key = (source.project, text(row.get("job_id")), start_us)
            seconds[key] = (source, float(whole(row["period_slot_ms"])))
        return
    name = text(row.get("reservation_name")) or text(row.get("reservation_id")).rsplit(".", 1)[-1]
    if not name:
        raise ValueError("the row has neither period_slot_ms nor reservation_name")
    found.scaled.setdefault(name, {})[start_us // MINUTE_US * MINUTE_US] = _scaled(row) * 1000.0


def _scaled(row: Mapping[str, Any]) -> float:
    """The slot-seconds that a minute is charged for."""
    charged = row.get("period_autoscale_slot_seconds")
    if not is_empty(charged):
        return float(whole(charged))
    details = list(items_of(row.get("per_second_details")))
    if details:
        return float(sum(whole(members(one, "autoscale_current_slots")) for one in details))
    autoscale = nested(row.get("autoscale"))
    if autoscale is None:
        raise ValueError("the row has no period_autoscale_slot_seconds, per_second_details or autoscale")
    return 60.0 * whole(members(autoscale, "current_slots"))
