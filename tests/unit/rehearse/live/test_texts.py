"""Own texts of recorded jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from bqsim.history import JobRecord
from bqsim.history.canonical import write
from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.live.calls import SQL, Call, Maker
from bqsim.rehearse.live.texts import OwnTexts, by_class, own_texts
from bqsim.rehearse.plan.reading import parse
from bqsim.rehearse.workloads.building import Joined, build

START = 1_700_000_000_000_000
PLAN = """
group_by: workload
workload:
  - name: past
    origin: {history: h.parquet}
    changes: CHANGES
  - origin: {generated: {arrivals: {bursts: {size: 3, every: 1h}}, mix: [{slot_time: 1s}]}}
days: 0.01
"""


def record(number: int, sql: str, fingerprint: str, **members: object) -> JobRecord:
    at = START + number * 1_000_000
    made = {
        "sql": sql,
        "fingerprint": fingerprint,
        "statement_type": "SELECT",
        "job_type": "QUERY",
        "user": "a@x.org",
        "created_us": at,
        "started_us": at + 1000,
        "ended_us": at + 501_000,
        "slot_ms": 100 + number,
        "location": "EU",
        **members,
    }
    return JobRecord(f"j{number}", "theirs", **made)  # type: ignore[arg-type]


RECORDS = [
    record(0, "SELECT 1 FROM theirs.d.t", "f"),
    record(1, "SELECT 'x'", "g", labels={"team": "x"}),
    record(2, "SELECT 2 FROM theirs.d.t", "f"),
    record(3, "SELECT 'y'", "g", labels={"team": "y"}, priority="BATCH"),
    record(4, "", "", job_type="LOAD", statement_type=""),
    record(5, "SELECT 3 FROM theirs.d.t", "f", user="b@x.org"),
]


def calls(
    tmp_path: Path, changes: str = "[]", records: Sequence[JobRecord] = RECORDS, **options: dict[str, str]
) -> tuple[list[Call], OwnTexts]:
    write(tmp_path / "h.parquet", records)
    loaded = parse(PLAN.replace("CHANGES", changes), folder=tmp_path)
    joined = build(loaded.plan, folder=loaded.folder)
    assert isinstance(joined, Joined)
    classed, classes = by_class(joined)
    projects = options.get("projects", {})
    texts = own_texts(loaded.plan, loaded.folder, classes, projects)
    maker = Maker(classed.shapes, classed.sources, texts=texts, projects=projects)
    found, first = [], 0
    for jobs in classed.chunks():
        found += list(maker.calls(jobs, first))
        first += len(jobs)
    return found, texts


def sql(call: Call) -> str:
    return str(call.configuration["query"]["query"])


def test_jobs_of_a_history_run_what_they_ran(tmp_path: Path) -> None:
    found, texts = calls(tmp_path)
    own = [one for one in found if sql(one) != SQL]
    assert [sql(one) for one in own] == [one.sql for one in RECORDS if one.sql]
    assert [one.configuration["labels"]["bqsim_slot_ms"] for one in own] == [
        "100",
        "101",
        "102",
        "103",
        "105",
    ]
    assert own[1].configuration["labels"]["team"] == "x"
    assert own[3].configuration["query"]["priority"] == "BATCH"
    assert (own[0].location, own[0].principal, own[4].principal) == ("EU", "a@x.org", "b@x.org")
    # The load, whose files nobody has, and the generated ones cost nothing.
    assert len(found) - len(own) == 4
    assert texts.found == 5
    assert texts.left_out == {"LOAD jobs, which a history does not tell enough of": 1}
    assert len({project for project, _ in texts.texts()}) == 1


def test_twice_the_jobs_run_the_texts_over_and_over(tmp_path: Path) -> None:
    found, _ = calls(tmp_path, "[{times: 2, priority: BATCH, project: ours}]")
    own = [sql(one) for one in found if sql(one) != SQL]
    assert sorted(own) == sorted([one.sql for one in RECORDS if one.sql] * 2)
    assert {one.project for one in found if sql(one) != SQL} == {"ours"}


def test_projects_are_renamed_in_texts_too(tmp_path: Path) -> None:
    found, _ = calls(tmp_path, projects={"theirs": "ours"})
    assert sql(found[0]) in ("SELECT 1 FROM ours.d.t", SQL)
    assert {one.project for one in found if sql(one) != SQL} == {"ours"}
    assert not any("theirs" in sql(one) for one in found)


def test_files_that_are_not_there_are_told(tmp_path: Path) -> None:
    write(tmp_path / "h.parquet", RECORDS)
    loaded = parse(PLAN.replace("CHANGES", "[]"), folder=tmp_path)
    (tmp_path / "h.parquet").unlink()
    with pytest.raises(RehearsalError, match=r"h\.parquet"):
        own_texts(loaded.plan, tmp_path, (), {})
