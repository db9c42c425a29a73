from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.rehearse.advising import front
from bqsim.rehearse.judging import case, judged
from bqsim.rehearse.plan.reading import LoadedPlan
from bqsim.rehearse.results import Advice, Calibration

from .results_of import plan, result

OBJECTIVE = "objectives: [{name: fast, within: 20s}]\n"


def settings(count: int, text: str = "") -> LoadedPlan:
    return plan(f"grid: {{retries.attempts: [{', '.join(map(str, range(1, count + 1)))}]}}\n{text}")


def advice(
    loaded: LoadedPlan, figures: Sequence[Mapping[str, object]], calibration: Calibration | None = None
) -> Advice:
    results = [
        result(setting, **values)  # type: ignore[arg-type]
        for setting, values in zip(loaded.settings, figures, strict=True)
    ]
    found = judged(loaded, results, calibration).advice
    assert found is not None
    return found


def test_the_cheapest_setting_that_keeps_all_is_taken() -> None:
    loaded = settings(4, OBJECTIVE)
    found = advice(
        loaded,
        [
            {"cost": 40.0, "p95": 5.0, "objective": "fast", "missed": 1},
            {"cost": 20.0, "p95": 18.0, "objective": "fast", "missed": 4},
            {"cost": 15.0, "p95": 30.0, "objective": "fast", "missed": 20, "kept": False},
            {"cost": 30.0, "p95": 10.0, "objective": "fast", "missed": 2},
        ],
    )
    assert found.setting == "attempts=2"
    assert list(found.reasons) == [
        "Of 4 settings it is the cheapest that keeps all objectives and thresholds: 20.00 USD a day, "
        "p95 of durations 18.0 s.",
        "The next cheaper one, attempts=3, saves 5.00 USD a day and breaks objective fast: 20 of 100 jobs "
        "miss it, and 5 (5.0 %) may.",
        "The next better one, attempts=4, costs 10.00 USD a day more: p95 of durations 10.0 s, "
        "44.4 % shorter.",
    ]
    assert found.error is None


def test_of_settings_that_cost_the_same_that_which_loses_least_is_taken() -> None:
    found = advice(
        settings(3, "thresholds: [{p99_duration: 1m}]"),
        [{"failed": 5, "p95": 1.0}, {"failed": 1, "p95": 9.0}, {"failed": 1, "p95": 8.0}],
    )
    assert found.setting == "attempts=3"
    assert found.reasons == (
        "Of 3 settings, which all cost the same, it is the best that keeps all objectives and thresholds: "
        "10.00 USD a day, p95 of durations 8.00 s.",
    )


def test_a_better_setting_that_breaks_something_is_no_neighbour() -> None:
    loaded = settings(3, "thresholds: [{cost_per_day: 50}]")
    found = advice(loaded, [{"cost": 10.0}, {"cost": 60.0, "p95": 1.0}, {"cost": 20.0, "p95": 9.0}])
    assert "attempts=3, costs 10.00 USD a day more" in found.reasons[2]


def test_where_none_keeps_all_the_nearest_is_taken() -> None:
    loaded = settings(2, "thresholds: [{p95_duration: 5s, p95_wait: 0.5}]")
    found = advice(loaded, [{"cost": 10.0, "p95": 8.0}, {"cost": 20.0, "p95": 5.5}])
    assert found.setting == "attempts=1"
    assert found.reasons == (
        "No setting of 2 keeps all objectives and thresholds; this one comes nearest.",
        "It breaks p95 of durations: 8.00 s, more than 5.00 s; p95 of waits: 800 ms, more than 500 ms.",
    )


def test_fewer_broken_thresholds_are_nearer() -> None:
    loaded = settings(2, "thresholds: [{p95_duration: 5s, p95_wait: 0.7}]")
    found = advice(loaded, [{"cost": 10.0, "p95": 8.0}, {"cost": 20.0, "p95": 6.0}])
    assert found.setting == "attempts=2"
    assert found.reasons[1] == "It breaks p95 of durations: 6.00 s, more than 5.00 s."


def test_without_a_promise_dearer_settings_must_gain_a_twentieth() -> None:
    found = advice(
        settings(5),
        [
            {"cost": 10.0, "p95": 100.0},
            {"cost": 20.0, "p95": 80.0},
            {"cost": 30.0, "p95": 60.0},
            {"cost": 40.0, "p95": 58.0},
            {"cost": 50.0, "p95": 57.5},
        ],
    )
    assert found.setting == "attempts=3"
    assert "no objectives and no thresholds" in found.reasons[0]
    assert list(found.reasons[1:3]) == [
        "The cheapest, attempts=1: 10.00 USD a day, p95 of durations 100 s.",
        "The next dearer one, attempts=4, does not: p95 of durations 58.0 s.",
    ]


def test_without_a_promise_the_cheapest_is_taken_where_no_dearer_one_gains_a_twentieth() -> None:
    found = advice(settings(2), [{"cost": 10.0, "p95": 100.0}, {"cost": 20.0, "p95": 99.0}])
    assert (found.setting, list(found.reasons)) == (
        "attempts=1",
        [
            "The plan has no objectives and no thresholds, so what is enough is not known: no dearer setting "
            "that loses as few jobs shortens the p95 of durations by at least 5.0 %.",
            "The next dearer one, attempts=2, does not: p95 of durations 99.0 s.",
        ],
    )


def test_jobs_that_fail_for_want_of_slots_are_told_where_they_are_more_than_a_few() -> None:
    told = "12 of 100 jobs (12.0 %) fail for want of slots or time: 12 queue full."
    assert told in advice(settings(1), [{"failed": 12}]).reasons
    assert not any("for want of" in one for one in advice(settings(1), [{"failed": 1}]).reasons)


def test_small_gains_that_add_up_count() -> None:
    costs = [{"cost": 10.0 + at, "p95": 100.0 * 0.97**at} for at in range(5)]
    assert advice(settings(5), costs).setting == "attempts=5"


@pytest.mark.parametrize(
    ("text", "figures", "told"),
    [
        ("", {}, "It is the only setting."),
        (
            OBJECTIVE,
            {"objective": "fast"},
            "It is the only setting, and keeps all objectives and thresholds.",
        ),
        (
            "thresholds: [{p95_duration: 5s}]",
            {},
            "It is the only setting, and breaks p95 of durations: 10.0 s, more than 5.00 s.",
        ),
    ],
)
def test_one_setting_is_the_only_one(text: str, figures: dict[str, object], told: str) -> None:
    found = advice(plan(text), [figures])
    assert (found.setting, found.reasons) == ("as planned", (told,))


def test_settings_are_compared_under_the_same_circumstances_with_the_most_work() -> None:
    loaded = plan(
        "grid:\n  workload.times: [1, 2]\n  retries.attempts: [1, 2]\n" + "thresholds: [{p95_duration: 20s}]"
    )
    found = advice(
        loaded,
        [
            {"cost": 10.0, "p95": 12.0},
            {"cost": 20.0, "p95": 8.0},
            {"cost": 11.0, "p95": 40.0, "groups": ()},
            {"cost": 22.0, "p95": 16.0},
        ],
    )
    # Both have as many settings and as much work: the first counts.
    assert found.setting == "times=1, attempts=2"
    assert found.reasons[1] == (
        "The next cheaper one, times=1, attempts=1, saves 10.00 USD a day and breaks p95 of durations: "
        "40.0 s, more than 20.0 s (workload.times=2)."
    )
    assert found.reasons[3] == (
        "Settings are compared with workload.times=1, and judged with workload.times=2 as well."
    )


def test_of_circumstances_with_as_many_settings_those_with_more_work_count() -> None:
    loaded = plan("grid:\n  workload.times: [1, 2]\n  retries.attempts: [1, 2]\n")
    found = advice(loaded, [{}, {}, {"hours": 9.0}, {"hours": 9.0}])
    assert found.setting.startswith("times=2")
    assert (
        "Settings are compared with workload.times=2, and judged with workload.times=1 as well."
        in found.reasons
    )


def test_thresholds_of_the_choice_count_under_all_circumstances() -> None:
    loaded = plan("grid: {workload.times: [1, 2]}\nthresholds: [{p95_duration: 20s}]")
    results = [result(one, p95=30.0 if one.times == 2 else 10.0) for one in loaded.settings]
    report = judged(loaded, results)
    assert [one.setting for one in report.broken] == ["times=2"]


def test_the_front_is_of_each_circumstances() -> None:
    loaded = plan("grid:\n  workload.times: [1, 2]\n  retries.attempts: [1, 2]\n")
    figures = [(10.0, 10.0), (20.0, 20.0), (30.0, 30.0), (40.0, 20.0)]
    results = [result(s, cost=c, p95=p) for s, (c, p) in zip(loaded.settings, figures, strict=True)]
    assert judged(loaded, results).pareto == (
        "times=1, attempts=1",
        "times=2, attempts=1",
        "times=2, attempts=2",
    )


@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=30))
def test_what_is_on_the_front_is_beaten_by_nothing_and_the_rest_by_the_front(
    points: list[tuple[int, int, int]],
) -> None:
    loaded = settings(len(points))
    cases = [
        case(loaded, setting, result(setting, cost=cost, p95=float(p95), failed=failed))
        for setting, (cost, p95, failed) in zip(loaded.settings, points, strict=True)
    ]
    on = {one.result.name for one in front(cases)}
    best = [points[at] for at, one in enumerate(cases) if one.result.name in on]
    assert best
    for at, one in enumerate(cases):
        better = [
            p for p in points if p != points[at] and all(a <= b for a, b in zip(p, points[at], strict=True))
        ]
        assert (one.result.name in on) == (not better)
        if better:
            assert any(all(a <= b for a, b in zip(p, points[at], strict=True)) for p in best)


def test_the_error_is_of_days_and_of_the_model() -> None:
    bounds = {"p95_duration_s": (9.0, 11.0), "cost_per_day": (97.0, 103.0)}
    assert advice(plan(), [{"bounds": bounds}]).error == pytest.approx(0.1)
    model = Calibration(1000, 0.05, 0.24, 0.1, -0.02)
    assert advice(plan(), [{}], model).error == pytest.approx(0.24)
    assert advice(plan(), [{"bounds": bounds}], model).error == pytest.approx(0.26)


def test_a_limit_that_is_kept_by_less_than_the_error_is_told() -> None:
    text = "thresholds: [{p95_duration: 10.5s, cost_per_day: 100}]"
    found = advice(plan(text), [{"bounds": {"p95_duration_s": (9.0, 11.0)}}])
    assert found.reasons[1:] == (
        "Within the error of 10.0 % it may break a threshold: p95 of durations: 10.0 s, at most 10.5 s.",
    )


def test_without_results_there_is_no_advice() -> None:
    report = judged(plan(), [])
    assert (report.advice, report.broken, report.pareto) == (None, (), ())


@pytest.mark.parametrize(("missed", "told"), [(4, False), (5, True)])
def test_an_objective_that_is_kept_narrowly_is_told(missed: int, told: bool) -> None:
    found = advice(settings(1, OBJECTIVE), [{"objective": "fast", "missed": missed}])
    narrowly = "Objective fast is kept narrowly: 5 of 100 jobs miss it, and 5 may."
    assert (narrowly in found.reasons) is told


@pytest.mark.parametrize(("quickest", "next_one"), [(15.0, "attempts=3"), (19.6, "attempts=2")])
def test_the_next_better_setting_is_one_that_gains_a_twentieth_if_there_is_one(
    quickest: float, next_one: str
) -> None:
    found = advice(
        settings(3, "thresholds: [{p99_duration: 1m}]"),
        [{"cost": 10.0, "p95": 20.0}, {"cost": 11.0, "p95": 19.8}, {"cost": 15.0, "p95": quickest}],
    )
    assert found.setting == "attempts=1"
    assert found.reasons[2].startswith(f"The next better one, {next_one}, costs ")
