"""What differs, in figures, text and pages."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from bqsim.history import JobRecord
from bqsim.workload.divergence import Divergence, Thresholds, compare, inversions, quantiles
from bqsim.workload.items import Item
from bqsim.workload.rendering import estimates, page, text
from bqsim.workload.runner import CAPPED, STOPPED, Estimate, Outcome, Run


def outcome(n: int, before: dict[str, Any], after: dict[str, Any], **members: Any) -> Outcome:
    known: dict[str, Any] = {
        "statement_type": "SELECT",
        "fingerprint": f"f{n % 2}",
        "started_us": 1,
        "ended_us": 1_000_001 + n,
        "bytes_processed": 100,
        "output_rows": 3,
    }
    recorded = JobRecord(f"j{n}", "p", **{**known, **before})
    job = replace(recorded, ended_us=recorded.started_us + 1_500_000, **after)
    item = Item(n, "query", "p", {"query": {"query": f"SELECT {n} < 5"}}, recorded)
    rows = members.pop("rows", job.output_rows)
    return Outcome(item, job=job, rows=rows, reason=job.error_reason, order=n + 1, latency_s=2.0, **members)


def run() -> Divergence:
    done = [
        outcome(0, {}, {}),
        outcome(1, {}, {"error_reason": "notFound"}, message="Not found: <Table>"),
        outcome(2, {"error_reason": "stopped"}, {"error_reason": ""}),
        outcome(3, {"error_reason": "stopped"}, {"error_reason": "timeout"}),
        outcome(4, {}, {"output_rows": 4, "bytes_processed": 150}),
        outcome(5, {"statement_type": "UPDATE", "dml_rows": 4}, {"dml_rows": 5}),
        outcome(6, {"cache_hit": True, "output_rows": 0}, {"cache_hit": False}),
    ]
    others = [replace(done[0], state=CAPPED, job=None), replace(done[0], state=STOPPED, job=None)]
    return compare(Run([*done, *others], retried=2, seconds=3.0), Counter({"dry runs": 2}))


def test_differences() -> None:
    found = run()
    assert (found.jobs, found.done, found.capped, found.stopped) == (9, 7, 1, 1)
    assert (found.new_errors, found.gone_errors) == ({"notFound": 1}, {"stopped": 1})
    assert found.other_errors == {"stopped → timeout": 1}
    assert [(one.number, one.what, one.recorded) for one in found.differences] == [
        (1, "new error", "none"),
        (2, "gone error", "stopped"),
        (3, "other error", "stopped"),
        (4, "rows", "3"),
        (4, "bytes", "100"),
        (5, "rows", "4"),
    ]
    assert found.bytes_change == pytest.approx(350 / 300 - 1)
    assert [group.name for group in found.groups] == ["f1", "f0"]
    assert found.whole.slower == pytest.approx(0.5, abs=0.01)


def test_thresholds() -> None:
    found = run()
    assert found.exceeded(Thresholds(None)) == []
    assert found.exceeded(Thresholds(1, 2, 0.2, 0.6, 1.0)) == []
    assert len(found.exceeded(Thresholds(0, 1, 0.1, 0.4, -0.1))) == 5


def test_quantiles_have_intervals() -> None:
    p50, p90, p99 = quantiles([n / 100 for n in range(1, 101)])
    assert (p50.value, p50.low, p50.high) == (0.5, 0.4, 0.6)
    assert (p90.value, p90.low, p90.high) == (0.9, 0.84, 0.96)
    assert p99.high == 1.0
    assert quantiles([]) == []


def test_order() -> None:
    kept = [outcome(n, {}, {}) for n in range(5)]
    assert inversions(kept) == 0.0
    assert inversions([replace(one, order=9 - one.order) for one in kept]) == 1.0
    assert inversions([*kept[1:], replace(kept[0], order=9)]) == pytest.approx(0.4)


def test_texts() -> None:
    found = run()
    shown = text(found, ["1 new errors, 0 are allowed"])
    assert "7 of 9 jobs run in 3.0 s, 1 over the cap, 1 stopped; 2 requests sent again" in shown
    assert "errors new: 1 notFound; gone: 1 stopped; other: 1 stopped → timeout" in shown
    assert "#1 j1 new error: none → notFound: Not found: <Table>" in shown
    assert "FAILED: 1 new errors" in shown
    assert json.loads(json.dumps(found.json()))["newErrors"] == {"notFound": 1}


def test_page() -> None:
    shown = page(run(), [])
    assert "<svg" in shown and "median run time" in shown
    assert "Not found: &lt;Table&gt;" in shown and "SELECT 0 &lt; 5" in shown
    assert "<script" not in shown
    assert "within limits" in shown


def test_estimates() -> None:
    item = outcome(0, {}, {}).item
    shown = estimates([Estimate(item, 2**20), Estimate(item, 0, "notFound", "no table")])
    assert "2 queries estimated: 1.0 MiB processed (200 B recorded), 20.0 MiB billed at most" in shown
    assert "#0 j0 notFound: no table" in shown
