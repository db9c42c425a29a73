from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from bqsim.cost.baseline import Baseline, approved, baseline_of, load, save, written
from bqsim.cost.errors import CostError
from bqsim.cost.model import Estimate, Measured, Query, Rate, Run, TableRead, Workload

SQL = "SELECT a, 'x: # y'\nFROM d.t -- note\nWHERE day = '2026-01-01'"


def measured(name: str = "q", sql: str = SQL, **more: object) -> Measured:
    runs = tuple(Run(n, 100 + n, 5.5, 10, 20, cache_hit=n % 2 == 1, output_rows=7) for n in range(1, 9))
    query = Query(
        name,
        sql,
        "0123456789abcdef",
        "sql/q.sql",
        3,
        "me",
        {"b": "2", "a": "1"},
        "p",
        "d",
        {"maximumBytesBilled": "1000"},
        Rate(30.416667, 10, 60, "history"),
        runs,
    )
    filters = ((("day", "PRUNES"), ("c", "NO_FILTER")),)
    table = TableRead("p.d.t", 12345, ("a", "day"), (1, 31), (2, 9), filters)
    estimate = Estimate(
        "SELECT", 12345, 10485760, 20000, "UPPER_BOUND", 1, (table,), uncacheable=("why",), **more
    )  # type: ignore[arg-type]
    return Measured(query, estimate)


def workload(*all_: Measured) -> Workload:
    return Workload("w", tuple(m.query for m in all_))


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    path = tmp_path / "b.yaml"
    made = baseline_of(workload(measured()), [measured()], "2026-01-01T12:00:00Z")
    save(made, path)
    read = load(path)
    assert written(read) == path.read_text()
    entry = read.entries["q"]
    assert entry.measured.query.sql == SQL
    assert entry.measured.query.rate == Rate(30.416667, 10, 60, "history")
    assert entry.measured.estimate.tables == measured().estimate.tables
    assert entry.slot_ms == (102.0, 104.0, 106.0, 108.0)
    assert entry.cache_hits == 0.5
    assert entry.output_rows == 7


def test_the_order_of_queries_does_not_matter() -> None:
    one, other = measured("a"), measured("b")
    assert written(baseline_of(workload(one, other), [one, other])) == written(
        baseline_of(workload(one, other), [other, one])
    )


@pytest.mark.parametrize(
    "sql",
    ["SELECT 1", "SELECT 1 \nFROM x  \n", "SELECT '\t\u2028é'\n\nFROM y", "a: b\n- c", "\n\nSELECT 1\n"],
)
def test_texts_stay_as_they_are(tmp_path: Path, sql: str) -> None:
    path = tmp_path / "b.yaml"
    save(baseline_of(workload(measured(sql=sql)), [measured(sql=sql)]), path)
    assert load(path).entries["q"].measured.query.sql == sql


def test_approving_says_who_and_why() -> None:
    old = baseline_of(workload(measured("a"), measured("b"), measured("c")), map(measured, "abc"))
    now = baseline_of(
        workload(measured("a"), measured("b")), [measured("a", "SELECT 2"), measured("b", "SELECT 3")]
    )
    found = approved(old, now, ["a", "c"], "anna", "wanted", dt.date(2026, 1, 2))
    assert {n: e.measured.query.sql for n, e in found.entries.items()} == {"a": "SELECT 2", "b": SQL}
    assert "approvals:\n- date: '2026-01-02'\n  by: anna\n  why: wanted\n  queries: [a, c]\n" in written(
        found
    )


def test_recorded_runs_are_kept_of_the_same_text() -> None:
    before = baseline_of(workload(measured()), [measured()])
    bare = Measured(Query("q", SQL, "0123456789abcdef"), measured().estimate)
    found = approved(before, baseline_of(workload(bare), [bare]), ["q"], "a", "b", dt.date(2026, 1, 2))
    assert found.entries["q"].slot_ms == (102.0, 104.0, 106.0, 108.0)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "this is no baseline"),
        ("bqsim_cost_baseline: 99\n", "version 99"),
        ("bqsim_cost_baseline: 1\n<<<<<<< HEAD\n", "b.yaml:2: there are marks of a merge conflict"),
        ("bqsim_cost_baseline: [1\n", "b.yaml:"),
        (
            "bqsim_cost_baseline: 1\nqueries:\n  q: {sql: x}\n",
            "b.yaml:3: the entry q is broken: 'fingerprint'",
        ),
    ],
)
def test_broken_files_are_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "b.yaml"
    path.write_text(text)
    with pytest.raises(CostError, match=told):
        load(path)


def test_there_may_be_none_yet(tmp_path: Path) -> None:
    with pytest.raises(CostError, match="bqsim cost baseline"):
        load(tmp_path / "b.yaml")


def test_an_empty_baseline_is_one() -> None:
    assert "queries: {}" in written(Baseline("w", {}))
