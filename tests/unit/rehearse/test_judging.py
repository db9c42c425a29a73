from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bqsim.rehearse.judging import judged
from bqsim.rehearse.plan.reading import LoadedPlan
from bqsim.rehearse.results import Broken, Calibration, Missed, PlaceResult, Report, SettingResult

from .results_of import plan, result

THREE = (
    "settings: {small: {retries.attempts: 2}, middle: {retries.attempts: 3}, large: {retries.attempts: 4}}\n"
)


def broken(text: str, **figures: object) -> list[str]:
    """What one setting breaks of the thresholds of a plan."""
    loaded = plan(text)
    return [one.what for one in judged(loaded, [result(loaded.settings[0], **figures)]).broken]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bound", "figures", "told"),
    [
        ("p50_duration: 0.5", {}, "p50 of durations: 1.00 s, more than 500 ms"),
        ("p95_duration: 9s", {}, "p95 of durations: 10.0 s, more than 9.00 s"),
        ("p99_duration: 9s", {}, "p99 of durations: 10.0 s, more than 9.00 s"),
        ("p95_wait: 0.5", {}, "p95 of waits: 1.00 s, more than 500 ms"),
        ("p99_wait: 0", {}, "p99 of waits: 1.00 s, more than 0 s"),
        ("cost_per_day: 9", {}, "cost a day: 10.00 USD, more than 9.00 USD"),
        ("failures: 0.01", {"failed": 2}, "share of jobs that fail: 2.0 %, more than 1.0 %"),
    ],
)
def test_a_threshold_that_is_broken_is_told(bound: str, figures: dict[str, object], told: str) -> None:
    assert broken(f"thresholds: [{{{bound}}}]", **figures) == [told]


@pytest.mark.parametrize("bound", ["p95_duration: 10s", "p95_wait: 1s", "cost_per_day: 10", "failures: 0"])
def test_a_threshold_that_is_just_kept_is_not_broken(bound: str) -> None:
    assert broken(f"thresholds: [{{{bound}}}]") == []


def test_a_broken_threshold_names_its_line_value_and_limit() -> None:
    loaded = plan("thresholds:\n- p95_duration: 20s\n  cost_per_day: 5\n")
    (one,) = judged(loaded, [result(loaded.settings[0])]).broken
    assert one == Broken("as planned", "cost a day: 10.00 USD, more than 5.00 USD", 10.0, 5.0, "plan.yaml:4")


def test_misses_are_those_of_the_objectives_of_a_group() -> None:
    objectives = (
        "group_by: project\nobjectives: [{name: all, within: 1s}, {name: ours, group: project, within: 1s}]\n"
    )
    loaded = plan(objectives + "thresholds: [{group: project, misses: 0.1}]")
    found = result(loaded.settings[0], objective="ours", missed=20, groups=[("project", 1.0, 1.0)])
    (one,) = judged(loaded, [found]).broken
    assert one.what == "share of jobs that miss an objective of project: 20.0 %, more than 10.0 %"
    other = result(loaded.settings[0], objective="all", missed=20, groups=[("project", 1.0, 1.0)])
    # An objective that was not measured for it breaks as well.
    assert [each.value for each in judged(loaded, [other]).broken] == [pytest.approx(math.nan, nan_ok=True)]


def test_the_least_utilisation_is_a_bound_from_below() -> None:
    place = PlaceResult("etl", "ENTERPRISE", 5.0, 0.0, 10.0, 0.0, 0.5, 50.0, 1.0, 0.0, 0.0)
    assert broken("thresholds: [{least_utilisation: 0.6}]", places=(place,)) == [
        "utilisation: 50.0 %, less than 60.0 %"
    ]
    assert broken("thresholds: [{least_utilisation: 0.5}]", places=(place,)) == []
    told = "utilisation: no slots are paid for, and at least 50.0 % is asked for"
    assert broken("thresholds: [{least_utilisation: 0.5}]") == [told]


def test_a_threshold_of_groups_is_about_each_that_matches() -> None:
    text = "group_by: label\ngroup_label: team\n"
    loaded = plan(text)
    limits = plan(text.replace("label", "project", 1).replace("group_label: team\n", ""))
    assert limits.plan.group_by == "project"
    named = replace(
        loaded.plan,
        thresholds=plan(
            "group_by: project\nthresholds: [{group: pro*, p95_duration: 5s, cost_per_day: 3}]"
        ).plan.thresholds,
    )
    found = result(
        loaded.settings[0], groups=[("process", 6.0, 1.0), ("project", 4.0, 4.0), ("other", 99.0, 99.0)]
    )
    report = judged(replace(loaded, plan=named), [found])
    assert [one.what for one in report.broken] == [
        "p95 of durations of process: 6.00 s, more than 5.00 s",
        "cost a day of project: 4.00 USD, more than 3.00 USD",
    ]


def test_a_group_that_no_job_has_breaks_its_threshold() -> None:
    loaded = plan("group_by: project\nthresholds: [{group: project, p95_duration: 5s}]")
    found = result(loaded.settings[0], groups=[("another", 1.0, 1.0)])
    (one,) = judged(loaded, [found]).broken
    assert one.what == "no group matches 'project'; there is all, another"
    assert math.isnan(one.value)


def test_no_job_that_ends_well_breaks_what_is_asked_of_durations() -> None:
    told = "p95 of durations: no job ended well, and at most 5.00 s is asked for"
    assert broken("thresholds: [{p95_duration: 5s}]", failed=100) == [told]


def three(text: str = "") -> tuple[LoadedPlan, list[SettingResult]]:
    loaded = plan(THREE + text)
    figures = [(10.0, 30.0), (20.0, 20.0), (40.0, 10.0)]
    return loaded, [
        result(setting, cost=cost, p95=p95)
        for setting, (cost, p95) in zip(loaded.settings, figures, strict=True)
    ]


def test_a_threshold_without_a_setting_is_about_the_one_recommended() -> None:
    assert judged(*three("thresholds: [{p95_duration: 25s}]")).broken == ()
    (one,) = judged(*three("thresholds: [{p95_duration: 5s}]")).broken
    assert one.setting == "small"


def test_a_threshold_with_settings_is_about_all_of_them() -> None:
    report = judged(*three("thresholds: [{p95_duration: 15s, setting: '*m*'}]"))
    assert [one.setting for one in report.broken] == ["small", "middle"]
    assert report.advice is not None
    assert report.advice.setting == "large"


def test_a_report_has_all_settings_in_order_and_what_it_is_of() -> None:
    loaded, results = three()
    calibration = Calibration(100, 0.1, None, 0.2, 0.0)
    report = judged(loaded.with_seed(7), results, calibration)
    assert report == Report(
        name="rehearsal",
        seed=7,
        currency="USD",
        settings=tuple(results),
        pareto=("small", "middle", "large"),
        advice=report.advice,
        broken=(),
        calibration=calibration,
        notes=("no bounds: they take at least 3 whole days to draw from, and 1 was rehearsed",),
    )


def test_an_objective_about_no_job_is_noted() -> None:
    loaded = plan("objectives: [{name: fast, within: 1s}]")
    found = result(loaded.settings[0], objectives=(Missed("fast", 0, 0, True),))
    assert "the objective 'fast' is about no job that was measured" in judged(loaded, [found]).notes
