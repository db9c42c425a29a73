"""Exports of RESERVATIONS_TIMELINE and JOBS_TIMELINE by minutes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.timeline_exports import MINUTE_US, read_timelines
from bqsim.sim.slots.jobs import Source

# 2026-03-01 12:00:00 UTC.
NOON_US = 1_772_366_400 * 1_000_000


def minute(number: int, **more: Any) -> dict[str, Any]:
    return {
        "period_start": f"2026-03-01 12:{number:02}:00 UTC",
        "project_id": "admin",
        "reservation_name": "prod",
        "slots_assigned": "100",
        "autoscale": {"current_slots": "50", "max_slots": "200"},
        **more,
    }


def saved(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text(json.dumps(rows))
    return path


def test_what_is_charged(tmp_path: Path) -> None:
    seconds = [
        {"autoscale_current_slots": "150" if n < 20 else "100", "slots_assigned": "100"} for n in range(60)
    ]
    path = saved(
        tmp_path / "r.json",
        [
            minute(0, period_autoscale_slot_seconds="1234", per_second_details=seconds),
            minute(1, per_second_details=seconds),
            minute(2),
            minute(
                3, reservation_name=None, reservation_id="admin:US.other", period_autoscale_slot_seconds=7
            ),
        ],
    )
    found = read_timelines([path, path])
    assert found.scaled == {
        "prod": {
            NOON_US: 1_234_000.0,
            NOON_US + MINUTE_US: 7_000_000.0,
            NOON_US + 2 * MINUTE_US: 3_000_000.0,
        },
        "other": {NOON_US + 3 * MINUTE_US: 7_000.0},
    }
    assert (found.used, found.files) == ({}, ("r.json", "r.json"))


def test_other_forms(tmp_path: Path) -> None:
    flat = tmp_path / "r.csv"
    with flat.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(
            ["PERIOD_START", "reservation_name", "per_second_details", "period_autoscale_slot_seconds"]
        )
        writer.writerow(["2026-03-01T12:00:00Z", "prod", json.dumps([{"autoscale_current_slots": 50}]), ""])
        writer.writerow(["2026-03-01T12:01:00Z", "prod", "", "60"])
    rows = [
        {
            "period_start": NOON_US + 2 * MINUTE_US,
            "reservation_name": "prod",
            "period_autoscale_slot_seconds": 5,
        }
    ]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "r.parquet")
    found = read_timelines([tmp_path])
    assert [value for _, value in sorted(found.scaled["prod"].items())] == [50_000.0, 60_000.0, 5_000.0]


def test_slots_of_jobs(tmp_path: Path) -> None:
    def second(number: int, slot_ms: int, **more: Any) -> dict[str, Any]:
        return {
            "period_start": f"2026-03-01 12:00:{number:02}.000000 UTC",
            "period_slot_ms": slot_ms,
            "project_id": "p",
            "job_id": "j",
            "job_type": "QUERY",
            "user_email": "ann@x",
            "reservation_id": "admin:US.prod",
            **more,
        }

    rows = [
        second(1, 700),
        second(2, 300),
        second(2, 300),
        second(3, 9000, statement_type="SCRIPT", job_id="s"),
        second(5, 50, job_type="LOAD", reservation_id=None, job_id="l"),
    ]
    found = read_timelines([saved(tmp_path / "j.json", rows)])
    assert found.used == {
        Source("p", "QUERY", "ann@x", ran_in="admin:US.prod"): {NOON_US: 1000.0},
        Source("p", "LOAD", "ann@x"): {NOON_US: 50.0},
    }


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([minute(0), minute(1, period_autoscale_slot_seconds="lots")], r"x\.json:1: 'lots' is no number"),
        ([{"reservation_name": "r"}], r"x\.json:1: the row has no period_start"),
        ([minute(0, reservation_name="")], "neither period_slot_ms nor reservation_name"),
        ([minute(0, autoscale=None)], "no period_autoscale_slot_seconds, per_second_details or autoscale"),
        ([minute(0, period_start="soon")], "'soon' is no time"),
        ([], r"x\.json: there are no rows in it\. Export the rows of RESERVATIONS_TIMELINE"),
    ],
    ids=["no number", "no time", "of nothing", "no slots", "a wrong time", "empty"],
)
def test_exports_that_cannot_be_used(rows: list[dict[str, Any]], said: str, tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=said):
        read_timelines([saved(tmp_path / "x.json", rows)])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(RehearsalError, match=r"none\.csv: cannot be read"):
        read_timelines([tmp_path / "none.csv"])
