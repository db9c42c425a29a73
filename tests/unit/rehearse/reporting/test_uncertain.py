"""What reports say of what else could be."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bqsim.rehearse.reporting import charts, document, page, text, uncertain
from bqsim.rehearse.results import Assumed, Headroom, Report

from . import fakes


@pytest.fixture(scope="module")
def report() -> Report:
    return fakes.uncertain(fakes.report(6))


def test_a_terminal_has_a_table_by_causes_and_fragile_settings(report: Report) -> None:
    told = text.shown(report)
    lines = told.splitlines()
    at = lines.index("Between what figures lie:")
    assert lines[at + 2].split("  ")[-1] == "together"
    assert "slot time ±20 %" in lines[at + 2] and "5 other seeds" in lines[at + 2]
    assert "other days" not in lines[at + 2], "no cause without a figure"
    assert [line.split("  ")[0] for line in lines[at + 3 : at + 6]] == ["cost a day", "p95", "missed"]
    assert "1.00 s to 2.50 min" in lines[at + 4] and "500 ms to 3.00 min" in lines[at + 4]
    assert "  - In the worst case of slot time 20 % off and other seeds: cost a day " in told
    assert "how far slot time may be off is what the plan says" in told
    assert "\n+!~  1  setting 1" in told and "~ breaks a promise with other slot time or seeds" in told
    assert "\nfragile: #1 setting 1: p95 of durations: 25.0 s" in told


def test_without_it_nothing_is_said() -> None:
    told = text.shown(fakes.report(6)) + text.markdown(fakes.report(6)) + document.document(fakes.report(6))
    assert "figures lie" not in told and "ragile" not in told and "~" not in told
    assert "What else could be" not in page.page(fakes.report(6))
    assert "worst case" not in "".join(one.caption for one in charts.every(fakes.report(6)))


def test_what_a_validation_found_is_told() -> None:
    told = text.shown(fakes.uncertain(fakes.report(3, calibrated=True), validated=True))
    assert "slot time 20 % off (the error that the validation found)" in told
    assert "may be off by 8.0 %" in told


def test_a_pull_request_has_it_folded(report: Report) -> None:
    told = text.markdown(report)
    assert "<summary>setting 4: between what figures lie</summary>" in told
    assert "slot time ±20 %" in told and uncertain.MEANING in told
    assert "**≈ Fragile**" in told and "#1 setting 1: p95 of durations: 25.0 s" in told


def test_json_has_every_pair(report: Report) -> None:
    told = json.loads(document.document(report))
    assert told["uncertainty"] == {"work": 0.2, "seeds": 5, "validated": False}
    assert told["advice"]["headroom"] == {
        "keeps": 1.3,
        "broken_at": 1.31,
        "breaks": "objective dashboards: 9 of 90 jobs miss it",
        "simulations": 7,
    }
    assert told["settings"][5]["envelope"]["p95_duration_s"]["work"] == [1, None], "no end"
    assert len(told["settings"][0]["fragile"]) == 1 and told["settings"][1]["fragile"] == []


def test_a_page_has_marks_tables_and_lines(report: Report) -> None:
    told = page.page(report)
    assert "What else could be" in told and ">≈</span>" in told
    assert "slot time may grow by" in told and "30 %" in told
    assert 'class="stroke range"' in told and "no end)" in told
    assert "with worst cases" in told and "p95 and its worst case" in told


def test_the_worst_case_of_all_settings_is_there(report: Report) -> None:
    rows = uncertain.worst_rows(report)
    assert [row[:2] for row in rows] == [[str(n), f"setting {n}"] for n in range(1, 7)]
    assert rows[0][3:] == ["500 ms to 3.00 min", "10.0 % to 20.0 %", "–"]
    assert rows[5][3] == "500 ms to no end"
    assert "The worst case of all settings" in page.page(report)
    assert "The worst case of all settings" not in page.page(fakes.uncertain(fakes.report(1)))


def test_a_setting_that_never_breaks_is_told() -> None:
    report = fakes.uncertain(fakes.report(2))
    assert report.advice is not None
    advice = replace(report.advice, headroom=Headroom(4.0, None, "", 5))
    told = page.page(replace(report, advice=advice))
    assert "slot time may be" in told and "4 times, or more" in told


def test_of_many_settings_only_the_best_have_lines() -> None:
    report = fakes.uncertain(fakes.report(40))
    svg = next(one.svg for one in charts.every(report) if one.name == "cost-against-p95")
    assert svg.count("stroke range") == len({*report.pareto, report.advice.setting if report.advice else ""})


def test_names_are_escaped() -> None:
    report = fakes.uncertain(fakes.renamed(fakes.report(2), '<q>&"x'))
    settings = tuple(replace(one, fragile=('<i>"it"',)) for one in report.settings)
    told = page.page(replace(report, settings=settings))
    assert "<i>" not in told and "<q>" not in told


def test_nothing_known_is_no_table() -> None:
    report = replace(fakes.report(2), assumed=Assumed(0.0, 0))
    one = report.settings[0]
    assert uncertain.rows(one, "USD") == [] and uncertain.worst_case(report) == ""
    assert uncertain.together(one, "p95_duration_s") is None
    assert uncertain.errors(report) == ["Its error is not known."]
