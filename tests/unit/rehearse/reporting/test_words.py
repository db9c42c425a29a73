"""Figures and names as reports tell them."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bqsim.rehearse.reporting import words
from bqsim.rehearse.results import Charge, Report

from . import fakes


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0 s"),
        (0.0004, "0.400 ms"),
        (0.25, "250 ms"),
        (0.99996, "1.00 s"),
        (12, "12.0 s"),
        (119.4, "119 s"),
        (150, "2.50 min"),
        (7199.9, "2.00 h"),
        (86_400, "24.0 h"),
        (9e6, "2,500 h"),
        (math.nan, "–"),
    ],
)
def test_durations_have_three_digits(value: float, told: str) -> None:
    assert words.seconds(value) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (0, "0.0 %"),
        (0.0001, "< 0.05 %"),
        (0.123, "12.3 %"),
        (1, "100.0 %"),
        (43.21, "4,321.0 %"),
        (math.nan, "–"),
    ],
)
def test_shares(value: float, told: str) -> None:
    assert words.share(value) == told


@pytest.mark.parametrize(
    ("value", "told"),
    [(0, "0"), (0.125, "0.125"), (12.25, "12.2"), (7, "7"), (1234.5, "1,234"), (math.inf, "–")],
)
def test_numbers(value: float, told: str) -> None:
    assert words.number(value) == told


def with_values(*values: dict[str, object]) -> Report:
    base = fakes.report(len(values))
    settings = (replace(one, values=v) for one, v in zip(base.settings, values, strict=True))
    return replace(base, settings=tuple(settings))


def test_paths_are_short_but_clear_and_those_that_differ() -> None:
    first = {
        "reservations.etl.slot_capacity": 1,
        "reservations.bi.slot_capacity": 1,
        "commitments.0.slots": 100,
        "retries.attempts": 3,
    }
    second = {
        "reservations.etl.slot_capacity": 2,
        "reservations.bi.slot_capacity": 3,
        "commitments.0.slots": 200,
        "retries.attempts": 3,
    }
    report = with_values(first, second)
    assert list(words.headings(report).values()) == [
        "etl.slot_capacity",
        "bi.slot_capacity",
        "commitments.0.slots",
    ]
    assert words.fixed(report) == {"retries.attempts": 3}


def test_paths_with_the_same_end_are_told_apart() -> None:
    report = with_values({"a.x.y": 1, "b.x.y": 1}, {"a.x.y": 2, "b.x.y": 2})
    assert list(words.headings(report).values()) == ["a.x.y", "b.x.y"]


def test_a_value_that_only_one_setting_has_differs() -> None:
    report = with_values({}, {"retries.attempts": 5})
    assert words.headings(report) == {"retries.attempts": "retries.attempts"}
    assert words.given(report.settings[0].values, "retries.attempts") == ""


def test_values_of_a_lone_setting_are_all_told() -> None:
    assert list(words.headings(with_values({"a.b": 1}))) == ["a.b"]


@pytest.mark.parametrize(
    ("value", "told"),
    [(True, "true"), (False, "false"), (None, "none"), (500, "500"), ("a", "a"), ("", "''")],
)
def test_values(value: object, told: str) -> None:
    assert words.given({"a": value}, "a") == told


def test_names_made_of_values_say_no_more_than_they_do() -> None:
    values = {"reservations.etl.slot_capacity": 100, "x.fluid_scaling": True}
    base = with_values(values)
    made = replace(base.settings[0], name="slot_capacity=100, fluid_scaling=true")
    assert not words.named(replace(base, settings=(made,)))
    assert words.named(replace(base, settings=(made, replace(made, name="cheap, large=true"))))
    assert words.named(fakes.empty())


def test_the_order_is_the_advice_then_the_front_by_cost_then_the_plan() -> None:
    report = fakes.report(6)
    names = [report.settings[at].name for at in words.order(report)]
    assert report.advice
    assert names[0] == report.advice.setting == words.subject(report).name
    front = [one for one in report.settings if one.name in report.pareto and one.name != names[0]]
    by_cost = [one.name for one in sorted(front, key=lambda one: one.cost_per_day)]
    assert names[1 : 1 + len(by_cost)] == by_cost
    assert sorted(names) == sorted(one.name for one in report.settings)


def test_without_advice_the_front_is_looked_at() -> None:
    report = replace(fakes.report(6), advice=None)
    assert words.subject(report).name == report.pareto[0]
    assert words.subject(replace(report, pareto=())).name == "setting 1"


def test_billed_hours_are_of_slots_and_of_a_day() -> None:
    one = fakes.setting(1, days=2)
    assert words.billed_hours(one) == pytest.approx(100 * 24 + 300)
    assert words.billed_hours(fakes.empty().settings[0]) == 0


def test_utilisation_is_of_what_is_paid_for() -> None:
    one = fakes.setting(1)
    places = (
        replace(one.places[0], baseline_hours=100, scaled_hours=0, utilisation=0.5, borrowed_hours=0),
        replace(one.places[1], baseline_hours=200, scaled_hours=100, utilisation=0.9, borrowed_hours=0),
        one.places[2],
    )
    two = replace(one, places=places, charges=())
    assert words.utilisation(two) == pytest.approx(0.8)
    # A commitment beyond all baselines is paid for as well; what is borrowed of it is used.
    idle = Charge("commitment 1y", "ENTERPRISE US", 800, "slot-h", 0.048, 38.4)
    places = (replace(places[0], borrowed_hours=80), *places[1:])
    assert words.utilisation(replace(two, charges=(idle,), places=places)) == pytest.approx(0.5)
    assert math.isnan(words.utilisation(fakes.empty().settings[0]))


def test_how_far_the_model_was_off() -> None:
    found = fakes.report(1, calibrated=True).calibration
    assert found
    assert words.calibration(found) == (
        "Calibrated: 12,000 jobs of jobs.jsonl were replayed; the model was off for slots by 3.1 %, "
        "billed autoscaled slots by 5.2 % and durations by 11.0 % (bias -2.0 %)."
    )
    assert "autoscaled" not in words.calibration(replace(found, scaled_error=None))


def test_the_error_says_what_it_is_of() -> None:
    calibrated = fakes.report(2, calibrated=True)
    assert words.error_of(calibrated) == "Duration and cost may be off by 8.0 %."
    assert words.error_of(replace(calibrated, calibration=None)).startswith("By days alone, duration")
    assert words.error_of(fakes.report(2)) == words.error_of(fakes.empty()) == "Its error is not known."


def test_bounds_are_told_where_they_are_known() -> None:
    assert words.bounded(fakes.setting(0, days=1), "USD") == ""
    assert words.bounded(fakes.setting(0, days=3), "USD").endswith(" USD, p95 110 s to 2.50 min")


def test_bounds_without_width_are_one_figure() -> None:
    one = replace(fakes.setting(0), bounds={"p95_duration_s": (2.4, 2.4001), "cost_per_day": (1.0, 2.0)})
    assert words.bounded(one, "USD") == "cost a day 1.00 USD to 2.00 USD, p95 2.40 s"


def test_it_is_told_how_days_were_drawn() -> None:
    one = fakes.setting(0, days=14)
    assert words.other_days(replace(one, bounds_by="day")) == "with other days, 90 % of the time"
    by_weekday = "with other days, each of its weekday, 90 % of the time"
    assert words.other_days(replace(one, bounds_by="weekday")) == by_weekday


def test_failures_are_in_words() -> None:
    assert words.failures(fakes.setting(0)) == "500 waited too long"
    assert words.failures(fakes.empty().settings[0]) == ""


def test_named_settings_with_many_values_have_no_columns_for_them() -> None:
    many = {f"reservations.{name}.slot_capacity": 100 for name in "abcd"}
    report = with_values({}, many)
    assert words.columns(report) == {}
    assert words.changes(report) == [
        ("#1 setting 1", "nothing"),
        ("#2 setting 2", ", ".join(f"reservations.{name}.slot_capacity = 100" for name in "abcd")),
    ]
    few = fakes.report(6)
    assert (list(words.columns(few)), words.changes(few)) == (list(words.headings(few)), [])
    assert words.changes(fakes.empty()) == []


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (60, "a minute"),
        (3600, "an hour"),
        (900, "15 minutes"),
        (86_400, "a day"),
        (172_800, "2 days"),
        (1, "a second"),
        (0.5, "500 ms"),
    ],
)
def test_stretches_of_time(value: float, told: str) -> None:
    assert words.stretch(value) == told
