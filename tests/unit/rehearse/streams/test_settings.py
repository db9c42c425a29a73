"""Plans with streams, from the plan to the report: alone and beside jobs."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.live.run import run
from bqsim.rehearse.plan.reading import parse
from bqsim.rehearse.reporting import charts, document, page, text
from bqsim.rehearse.results import Report
from bqsim.rehearse.sweep import rehearse

JOBS = "workload: [{origin: {generated: {arrivals: {poisson: 60}, mix: [{slot_time: 60s}]}}}]\n"
STREAMS = """
streams:
- {name: clicks, row_bytes: 1000, rows: {diurnal: {per_s: 2000000}}, location: EU}
- {name: events, row_bytes: 1000, rows: {mmpp: [{per_s: 10, lasts: 1h}, {per_s: 90, lasts: 1h}]}}
"""
GRID = "grid: {streams.clicks.times: [1, 2], streams.clicks.rows_per_request: [500, 1000]}\n"
METHODS = "grid: {streams.events.method: [default, insertAll], streams.clicks.times: [1, 2]}\n"


def report(plan: str, **options: Any) -> Report:
    return rehearse(parse(plan, "plan.yaml"), **options)


def shown(one: Report) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(document.document(one))
    return found


def test_streams_alone_have_no_jobs() -> None:
    found = report(f"days: 2\n{STREAMS}")
    (one,) = found.settings
    assert (one.days, one.whole.jobs, one.simulated_jobs, one.places) == (2.0, 0, 0, ())
    assert one.streaming is not None
    assert one.streaming.seconds == 2 * 86_400
    assert one.cost_per_day == pytest.approx(math.fsum(line.amount for line in one.charges) / 2)
    assert [line.place for line in one.charges] == ["clicks", "events"]
    assert found.advice is not None
    assert found.advice.reasons[-1] == (
        "At 1.5 times the load 'AppendRows bytes per second' of project in eu passes 3,000,000,000 bytes a "
        "second."
    )


def test_streams_beside_jobs_change_nothing_of_them() -> None:
    both = report(JOBS + STREAMS).settings[0]
    jobs = report(JOBS).settings[0]
    streams = report(STREAMS).settings[0]
    assert both.groups == jobs.groups
    assert both.streaming == streams.streaming
    assert both.cost_per_day == pytest.approx(jobs.cost_per_day + streams.cost_per_day)
    assert {line.what for line in both.charges} >= {"Storage Write API"}


def test_bounds_of_costs_have_what_streams_cost() -> None:
    more = (
        "days: 4\ncapacity: {reservations: {r: {autoscale_max_slots: 50}}, assignments: [{reservation: r}]}\n"
    )
    both, jobs = (report(more + plan).settings[0] for plan in (JOBS + STREAMS, JOBS))
    (low, high), (less, more_) = both.bounds["cost_per_day"], jobs.bounds["cost_per_day"]
    cost = both.cost_per_day - jobs.cost_per_day
    assert cost > 1
    assert (low, high) == pytest.approx((less + cost, more_ + cost))


def test_how_much_comes_is_a_circumstance_and_how_it_is_sent_a_choice() -> None:
    found = report(f"{STREAMS}{METHODS}thresholds: [{{streaming_use: 0.9}}]\n")
    assert found.advice is not None
    # Rows by insertAll cost more, and twice the clicks pass a quota.
    assert found.advice.setting == "method=default, times=1"
    assert [one.setting for one in found.broken] == ["method=default, times=2"]
    assert found.broken[0].value == pytest.approx(4 / 3, rel=1e-3)
    assert found.broken[0].place == "plan.yaml:6"


def test_thresholds_of_streams_fail_a_run() -> None:
    found = report(
        f"{STREAMS}thresholds: [{{streaming_use: 0.5, streaming_delay_p99: 10s, cost_per_day: 1}}]\n"
    )
    assert [one.what for one in found.broken] == [
        "cost a day: 2,412.41 USD, more than 1.00 USD",
        "largest share of a quota that streams use: 66.7 %, more than 50.0 %",
    ]
    never = report(
        "streams: [{method: insertAll, row_bytes: 20 MiB, rows: {constant: 1}}]\n"
        "thresholds: [{streaming_delay_p99: 10s}]\n"
    )
    assert [one.what for one in never.broken] == ["p99 of delays of streams: never, more than 10.0 s"]


def test_the_document_tells_all_of_streams() -> None:
    (one,) = shown(report(STREAMS))["settings"]
    found = one["streaming"]
    assert found["use"] == pytest.approx(2 / 3, rel=1e-4)
    assert found["factor"] == pytest.approx(1.5, rel=1e-4)
    assert found["first"] == {"limit": "append_bytes", "place": "project in eu"}
    assert (found["delay_p99_s"], found["share_lost"]) == (0, 0)
    assert [each["name"] for each in found["streams"]] == ["clicks", "events"]
    by_name = {(each["limit"], each["place"]): each for each in found["quotas"]}
    bytes_ = by_name["append_bytes", "project in eu"]
    assert bytes_["amount"] == 3_000_000_000
    assert (bytes_["reason"], bytes_["status"]) == ("quotaExceeded", "RESOURCE_EXHAUSTED")
    assert bytes_["over_from_s"] is None
    assert len(bytes_["timeline"]) == 120
    assert by_name["append_request_bytes", "clicks"]["factor"] is None
    assert "streaming" not in shown(report(JOBS))["settings"][0]


def test_the_document_is_the_same_wherever_it_is_made() -> None:
    plan = JOBS + STREAMS + GRID
    first = document.document(report(plan))
    assert document.document(report(plan)) == first
    assert document.document(report(plan, workers=2)) == first


def test_the_text_has_streams_and_no_jobs_where_there_are_none() -> None:
    told = text.shown(report(STREAMS + GRID))
    assert told.startswith("Rehearsal of rehearsal: 4 settings, 2 streams, 1 day\nUncalibrated: streams were")
    assert "most of a quota  p99 delay  load ×" in told
    assert "133.3 %" in told
    assert "p95 wait" not in told
    assert "no bounds" not in told
    both = text.shown(report(JOBS + STREAMS))
    assert "jobs, 2 streams" in both
    assert "p95 wait" in both
    assert "append_bytes" in both
    assert "load ×" not in text.shown(report(JOBS))


def test_the_comment_and_the_page_have_streams() -> None:
    passed = STREAMS.replace("2000000", "4000000")
    for plan in (passed, JOBS + passed, passed + GRID):
        found = report(plan)
        comment, drawn = text.markdown(found), page.page(found)
        for one in (comment.replace("\\", ""), drawn):
            assert "AppendRows throughput" in one
            assert "write_connections" in one
        assert ("Slots over time" in drawn) == (plan.startswith("workload"))
        assert "Use of quotas by streams" in drawn
        assert any(chart.name == "streams" for chart in charts.every(found))
        assert "nan" not in drawn.replace("finance", "")


def test_uncertain_jobs_leave_streams_as_they_are() -> None:
    found = report(f"{JOBS}{STREAMS}uncertainty: {{work: 0.2, seeds: 1}}\n")
    assert found.settings[0].streaming == report(STREAMS).settings[0].streaming
    assert found.settings[0].envelope


def test_streams_are_not_driven() -> None:
    with pytest.raises(RehearsalError) as refused:
        run(parse(STREAMS), "http://127.0.0.1:1")
    assert str(refused.value) == "the plan has no jobs to send: streams are rehearsed, not driven"


@pytest.mark.parametrize("more", ["days: 0.00001\n", "days: 0.5\nwarm_up: 3h\n", "seed: 3\n"])
@pytest.mark.parametrize(
    "stream",
    [
        "row_bytes: 1000000000000000, rows: {constant: 1.0e+18}, method: pending, commit_every: 1s",
        "row_bytes: 1, rows: {constant: 0.000000001}",
        "row_bytes: 1, rows: {bursts: {size: 1.0e+18, every: 1s}}, method: committed",
        "row_bytes: 1, rows: {bursts: {size: 1, every: 9d, first: 8d}}, method: insertAll",
        "row_bytes: 1, rows: {diurnal: {per_s: 5, night_share: 0, days: [0, 1, 1, 1, 1, 1, 1]}}",
        "row_bytes: 1 MB, rows: {constant: 1}, connections: 30000",
    ],
)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_whatever_comes_is_told(stream: str, more: str) -> None:
    found = report(f"{more}streams: [{{{stream}}}]\n")
    assert "stream" in text.shown(found)
    assert "stream" in text.markdown(found)
    assert "stream" in page.page(found)
    assert shown(found)["settings"][0]["streaming"]["streams"][0]["name"] == "stream"
