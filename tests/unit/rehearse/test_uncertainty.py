from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bqsim.rehearse import uncertainty as u
from bqsim.rehearse.judging import judged
from bqsim.rehearse.plan.grid import Setting
from bqsim.rehearse.plan.reading import LoadedPlan, parse
from bqsim.rehearse.reporting.document import document
from bqsim.rehearse.results import Assumed, Calibration, Headroom, Report, SettingResult
from bqsim.rehearse.sweep import Progress, rehearse

from .results_of import plan, result, spread

# Every job has a slot for itself, so that it takes as long as its slot time.
FIXED = """
days: 0.02
workload: [{origin: {generated: {arrivals: {poisson: 600}, mix: [{slot_time: 10s, units: 1}]}}}]
objectives: [{name: soon, within: 13s, share: 1}]
"""
RANDOM = """
seed: 3
days: 0.02
workload:
- origin:
    generated:
      arrivals: {poisson: 900}
      mix: [{slot_time: {exponential: 100}}]
capacity:
  reservations: {main: {autoscale_max_slots: 50}}
  assignments: [{reservation: main}]
grid: {reservations.main.autoscale_max_slots: [50, 100]}
objectives: [{name: soon, within: 20s, share: 0.9}]
"""
ASKED = "uncertainty: {work: 0.2, seeds: 2}\n"
FOUND = Calibration(100, 0.4, 0.1, 0.25, 0.0)


@pytest.fixture(scope="module")
def report() -> Report:
    return rehearse(parse(RANDOM + ASKED))


def test_what_is_simulated() -> None:
    (one,) = parse(FIXED).settings
    found = list(u.trials([one], Assumed(0.2, 2)))
    assert [(t.work, t.chance) for t in found] == [(1, 0), (0.8, 0), (1.2, 0), (1, 1), (1, 2)]
    assert [t.told for t in found] == [
        "",
        "with 20 % less slot time",
        "with 20 % more slot time",
        "with other seed 1",
        "with other seed 2",
    ]
    assert found[0].name == one.name and found[0].drawn is one
    seeds = [t.drawn.plan.seed for t in found]
    assert seeds[0] == seeds[1] == seeds[2] and len(set(seeds)) == 3
    assert [t.as_planned for t in u.trials([one], None)] == [True]
    assert [t.as_planned for t in u.trials([one], Assumed(0, 0))] == [True]
    assert list(u.trials([one], Assumed(0.99, 0)))[1].work == u.LEAST_WORK


def test_other_seeds_only_where_something_is_drawn() -> None:
    (one,) = parse(FIXED).settings
    assert u.is_drawn(one)
    still = replace(one, plan=replace(one.plan, workload=()))
    assert not u.is_drawn(still)
    assert len(list(u.trials([still], Assumed(0.2, 5)))) == 3
    assert u.is_drawn(replace(still, times=1.5))
    assert u.is_drawn(replace(still, plan=replace(still.plan, retries=replace(one.retries, attempts=2))))


@pytest.mark.parametrize(
    ("asked", "calibration", "found"),
    [
        ("", FOUND, None),
        ("uncertainty: {}", None, Assumed(0.0, 0)),
        ("uncertainty: {seeds: 3}", FOUND, Assumed(0.25, 3, True)),
        ("uncertainty: {work: 0.1}", FOUND, Assumed(0.1, 0)),
        ("uncertainty: {}", replace(FOUND, duration_error=math.nan), Assumed(0.1, 0, True)),
        ("uncertainty: {}", replace(FOUND, duration_error=math.nan, scaled_error=None), Assumed(0.0, 0)),
    ],
)
def test_the_error_of_the_model_is_taken_where_none_is_given(
    asked: str, calibration: Calibration | None, found: Assumed | None
) -> None:
    assert u.assumed(plan(asked).plan, calibration) == found


def test_what_is_left_open_is_noted() -> None:
    def notes(asked: str, calibration: Calibration | None = None) -> str:
        loaded = plan(asked)
        return " ".join(u.notes(loaded.plan, loaded.settings, calibration))

    assert notes("") == "" and notes("uncertainty: {work: 0.3}", FOUND) == ""
    assert "no history was validated" in notes("uncertainty: {seeds: 2}")
    assert "as 'uncertainty' says" in notes("uncertainty: {work: 0}")
    assert "off by 25.0 %" in notes("uncertainty: {work: 0.1}", FOUND)
    still = replace(plan().settings[0], plan=replace(plan().plan, workload=()))
    assert "other seeds change nothing" in " ".join(
        u.notes(plan("uncertainty: {work: 0.1, seeds: 1}").plan, [still], None)
    )


def _tried(setting: Setting, **by: tuple[SettingResult, ...]) -> list[tuple[u.Trial, SettingResult]]:
    work = [(u.Trial(setting, work=0.5 + at), one) for at, one in enumerate(by.get("work", ()))]
    return work + [(u.Trial(setting, chance=at + 1), one) for at, one in enumerate(by.get("chance", ()))]


def test_an_envelope_puts_causes_on_top_of_each_other() -> None:
    (one,) = plan().settings
    planned = result(one, p95=10.0, cost=10.0, bounds={"cost_per_day": (9.0, 12.0)})
    tried = _tried(
        one,
        work=(result(one, p95=8.0, cost=9.5), result(one, p95=13.0, cost=11.0)),
        chance=(result(one, p95=11.0, cost=10.5), result(one, p95=10.5, cost=10.2)),
    )
    found = u.envelope(planned, tried)
    durations, costs = dict(found["p95_duration_s"]), dict(found["cost_per_day"])
    assert durations.pop("together") == pytest.approx((8.0, 14.3))
    assert durations == {"work": (8.0, 13.0), "chance": (10.0, 11.0)}
    assert costs.pop("together") == pytest.approx((10 * 0.95 * 0.9, 10 * 1.1 * 1.05 * 1.2))
    assert costs == {"work": (9.5, 11.0), "chance": (10.0, 10.5), "days": (9.0, 12.0)}
    assert "misses" not in found, "nothing is promised"
    assert u.envelope(planned, []).keys() == {"cost_per_day"}


LEVELS = st.floats(1e-3, 1e6)


@given(LEVELS, st.lists(LEVELS, min_size=1, max_size=2), st.lists(LEVELS, max_size=3))
def test_the_worst_case_holds_all_causes(planned: float, work: list[float], chance: list[float]) -> None:
    def figures(level: float) -> SettingResult:
        return result(plan_setting, p95=level, cost=level, missed=int(level) % 100, objective="x")

    tried = _tried(plan_setting, work=tuple(map(figures, work)), chance=tuple(map(figures, chance)))
    for name, causes in u.envelope(figures(planned), tried).items():
        middle = u.MEASURES[name].of(figures(planned))
        low, high = causes["together"]
        for least, most in causes.values():
            assert 0 <= low <= least <= middle <= most <= high
        assert high <= u.MEASURES[name].most


def test_an_envelope_has_no_end_where_no_job_ends_well() -> None:
    (one,) = plan().settings
    lost = result(one, p95=10.0, failed=100)
    found = u.envelope(result(one, failed=90), _tried(one, work=(result(one), lost)))
    assert found["p95_duration_s"]["work"] == (10.0, math.inf)
    assert found["p95_duration_s"]["together"][1] == math.inf
    assert found["failures"]["together"] == (0.0, 1.0)
    more = u.envelope(result(one, failed=50), _tried(one, work=(lost,), chance=(lost,)))
    assert more["failures"]["together"] == (0.5, 1.0), "no more than all of them"
    unknown = replace(result(one), groups=(replace(result(one).whole, duration=spread(1, 1, 0)),))
    assert "p95_duration_s" not in u.envelope(unknown, _tried(one, work=(lost,)))


@given(st.lists(st.integers(100, 450), min_size=1, max_size=4))
def test_headroom_is_found_to_a_percent(limits: list[int]) -> None:
    """Of settings that each keep what is promised up to some percent."""
    settings = [replace(plan_setting, name=str(at)) for at in range(len(limits))]
    asked = []

    def broken(setting: Setting, factor: float) -> str:
        asked.append(factor)
        return "it" if round(factor * 100) > limits[int(setting.name)] else ""

    found = u.headroom(broken, settings)
    least = min(limits)
    if least >= 400:
        assert found == Headroom(4.0, None, "", len(asked))
    else:
        assert found == Headroom(least / 100, (least + 1) / 100, "it", len(asked))
    assert len(asked) <= 12 * len(limits) and all(1 < factor <= 4 for factor in asked)


plan_setting = plan().settings[0]


def test_slot_time_grows_until_the_first_promise_breaks() -> None:
    report = rehearse(parse(FIXED + "uncertainty: {work: 0.25}\n"))
    (one,), advice = report.settings, report.advice
    assert advice is not None and advice.headroom is not None
    assert (advice.headroom.keeps, advice.headroom.broken_at) == (1.3, 1.31)
    assert advice.headroom.breaks.startswith("objective soon: ") and advice.headroom.simulations <= 12
    assert advice.reasons[-1].startswith("Slot time may grow by 30 %: at 31 % it breaks objective soon: ")
    low, high = one.envelope["p95_duration_s"]["work"]
    assert (low, high) == pytest.approx((7.5, 12.5), rel=2e-3)
    assert one.fragile == () and report.assumed == Assumed(0.25, 0)


def test_what_breaks_within_the_uncertainty_is_fragile() -> None:
    report = rehearse(parse(FIXED + "uncertainty: {work: 0.4}\n"))
    (one,), advice = report.settings, report.advice
    assert len(one.fragile) == 1
    assert one.fragile[0].startswith("objective soon: ")
    assert one.fragile[0].endswith("miss it, and 0 (0.0 %) may (with 40 % more slot time)")
    assert advice is not None and f"It is fragile: it breaks {one.fragile[0]}." in advice.reasons
    assert not report.broken and one.objectives[0].kept


def test_the_error_of_a_validation_is_simulated() -> None:
    report = rehearse(parse(FIXED + "uncertainty: {}\n"), calibration=replace(FOUND, duration_error=0.5))
    assert report.assumed == Assumed(0.5, 0, True)
    assert report.settings[0].envelope["p95_duration_s"]["work"] == pytest.approx((5, 15), rel=2e-3)


def test_nothing_more_is_simulated_without_the_key(report: Report) -> None:
    told: list[Progress] = []
    plain = rehearse(parse(RANDOM), progress=told.append)
    assert told[-1].settings == 2 and not told[-1].uncertain
    assert plain.assumed is None and plain.advice is not None and plain.advice.headroom is None
    for one, other in zip(plain.settings, report.settings, strict=True):
        assert one.envelope == {} and one.fragile == ()
        assert one.groups == other.groups and one.charges == other.charges, "as planned all is the same"
    assert "envelope" not in document(plain) and "uncertainty" not in document(plain)


def test_the_same_bytes_with_two_processes(report: Report) -> None:
    told: list[Progress] = []
    assert document(rehearse(parse(RANDOM + ASKED), workers=2, progress=told.append)) == document(report)
    assert told[-1].done == told[-1].settings >= 10 and told[-1].uncertain
    assert document(rehearse(parse(RANDOM + ASKED).with_seed(4))) != document(report)


def test_other_seeds_are_other_jobs(report: Report) -> None:
    for one in report.settings:
        low, high = one.envelope["p95_duration_s"]["chance"]
        assert low < high and low <= one.whole.duration.at(95) <= high
        low, high = one.envelope["p95_duration_s"]["work"]
        assert low < one.whole.duration.at(95) < high


def _judged(loaded: LoadedPlan, figures: list[tuple[float, float, float]]) -> Report:
    """Settings by their cost, p95 as planned and with more slot time."""
    results = [result(s, cost=c, p95=p) for s, (c, p, _) in zip(loaded.settings, figures, strict=True)]
    tried = {
        s.name: [(u.Trial(s, work=1.2), result(s, cost=c, p95=p))]
        for s, (c, _, p) in zip(loaded.settings, figures, strict=True)
    }
    return judged(loaded, results, tried=tried)


LIMITED = "grid: {retries.attempts: [1, 2]}\nthresholds: [{p95_duration: 20s}]\nuncertainty: {work: 0.2}\n"


def test_a_setting_that_is_not_fragile_is_preferred() -> None:
    report = _judged(plan(LIMITED), [(10.0, 15.0, 25.0), (12.0, 10.0, 14.0)])
    assert report.advice is not None and report.advice.setting == "attempts=2"
    assert report.advice.reasons[0].startswith(
        "Of 2 settings it is the cheapest that keeps all objectives and thresholds, with all slot times and "
        "seeds that were tried: 12.00 USD a day"
    )
    assert report.advice.reasons[1] == (
        "The next cheaper one, attempts=1, saves 2.00 USD a day and is fragile: it breaks p95 of durations: "
        "25.0 s, more than 20.0 s (with 20 % more slot time)."
    )
    assert [bool(one.fragile) for one in report.settings] == [True, False]


def test_where_all_are_fragile_the_cheapest_is_taken_and_it_is_told() -> None:
    report = _judged(plan(LIMITED), [(10.0, 15.0, 25.0), (12.0, 10.0, 24.0)])
    assert report.advice is not None and report.advice.setting == "attempts=1"
    assert "but only as planned" in report.advice.reasons[0]
    assert any(one.startswith("It is fragile: it breaks p95") for one in report.advice.reasons)
    assert not report.broken


def test_a_setting_that_breaks_anyway_is_not_called_fragile() -> None:
    report = _judged(plan(LIMITED), [(10.0, 25.0, 30.0), (12.0, 24.0, 28.0)])
    assert [one.fragile for one in report.settings] == [(), ()]
    assert report.advice is not None and report.advice.headroom is None


def test_growth_is_bounded_by_the_hardest_circumstances() -> None:
    text = FIXED.replace("13s", "20s") + "grid: {workload.workload.changes.1.work: [1, 1.5]}\n"
    text = text.replace("units: 1}]}}}]", "units: 1}]}}, changes: [{}]}]")
    report = rehearse(parse(text + "uncertainty: {work: 0.1}\n"))
    assert report.advice is not None and report.advice.headroom is not None
    found = report.advice.headroom
    assert (found.keeps, found.broken_at) == (1.33, 1.34)
    assert found.breaks.endswith("(work=1.5)")
    assert found.simulations <= 13
