"""The report for a terminal and for a pull request."""

from __future__ import annotations

from dataclasses import replace

from bqsim.rehearse.reporting import text
from bqsim.rehearse.reporting.document import document
from bqsim.rehearse.reporting.page import page

from . import fakes


def lines(told: str, start: str) -> list[str]:
    return [line for line in told.splitlines() if line.startswith(start)]


def test_it_says_what_to_take_and_why() -> None:
    told = text.shown(fakes.report(6))
    assert told.startswith("Rehearsal of month end: 6 settings, 20,000 jobs, 1 day, 1 threshold broken\n")
    assert "Recommended: setting 4\n  - setting 4 is the cheapest" in told
    assert "Its error is not known." in told
    assert "plan.yaml:31: setting 1: p95" in told
    assert told.endswith("seed: 7\n")


def test_uncalibrated_is_said_until_it_is() -> None:
    assert "Uncalibrated" in text.shown(fakes.report(2))
    assert "**uncalibrated**" in text.markdown(fakes.report(2))
    calibrated = fakes.report(2, calibrated=True)
    assert "ncalibrated" not in text.shown(calibrated) + text.markdown(calibrated)
    assert "may be off by 8.0 %" in text.shown(calibrated)


def test_settings_are_a_table_with_marks_and_the_recommended_first() -> None:
    told = text.shown(fakes.report(6)).splitlines()
    head = next(at for at, line in enumerate(told) if "etl.slot_capacity" in line)
    assert told[head + 1].startswith("*   4  setting 4")
    assert told[head + 2].startswith("+!  1  setting 1")
    rows = told[head : head + 7]
    assert len({line.rindex(" USD") for line in rows[1:]}) == 1


def test_many_settings_are_cut_short_and_it_says_so() -> None:
    told = text.shown(fakes.report(40))
    assert "… and 10 settings more: --format json and --html have them" in told
    assert "10 more settings" in text.markdown(fakes.report(40))


def test_many_groups_are_cut_to_those_that_use_the_most() -> None:
    report = fakes.report(1, groups=50)
    one = report.settings[0]
    busy = replace(one.groups[-1], slot_hours=1e6)
    told = text.shown(replace(report, settings=(replace(one, groups=(*one.groups[:-1], busy)),)))
    assert "… and 21 groups more" in told
    assert told.index("team-49") < told.index("team-0 ")
    assert "team-49" in text.markdown(
        replace(report, settings=(replace(one, groups=(*one.groups[:-1], busy)),))
    )


def test_it_has_groups_places_charges_objectives_and_bounds() -> None:
    told = text.shown(fakes.report(6, days=3))
    assert lines(told, "team-3 ")
    assert lines(told, "adhoc-project  on demand")
    assert lines(told, "autoscaled  team-1")
    assert lines(told, "MISSED dashboards: ")
    assert lines(told, "failures: 1,500 waited too long")
    assert lines(told, "with other days, 90 % of the time: cost a day ")


def test_bounds_by_weekday_are_told_in_every_form() -> None:
    base = fakes.report(2, days=14)
    report = replace(base, settings=tuple(replace(one, bounds_by="weekday") for one in base.settings))
    assert lines(text.shown(report), "with other days, each of its weekday, 90 % of the time: cost a day ")
    assert "With other days, each of its weekday, 90 % of the time: cost a day " in page(report)
    assert '"bounds_by": "weekday"' in document(report)
    assert '"bounds_by": null' in document(base)


def test_values_that_are_the_same_in_all_settings_are_told_once() -> None:
    base = fakes.report(2)
    same = tuple(replace(one, values={**one.values, "retries.attempts": 5}) for one in base.settings)
    told = text.shown(replace(base, settings=same))
    assert "in all settings: reservations.etl.autoscale_max_slots = 100, retries.attempts = 5" in told


def test_nothing_at_all() -> None:
    told = text.shown(fakes.empty())
    assert "Recommended: none" in told
    assert "1 setting, 0 jobs, 0 days" in told
    assert "### ✅ Rehearsal of nothing" in text.markdown(fakes.empty())


def test_wide_characters_keep_columns_straight() -> None:
    wide = text.shown(fakes.renamed(fakes.report(3), "予約"))
    assert "予約 team-1" in wide


def test_markdown_is_not_broken_by_names() -> None:
    told = text.markdown(fakes.renamed(fakes.report(3), "a|b\n<script>*x*"))
    assert "<script>" not in told
    rows = [line for line in told.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows[:5]} == {14}
    assert told.count("<details>") == told.count("</details>") == 1


def test_names_cannot_command_a_terminal_nor_break_tables() -> None:
    told = text.shown(fakes.renamed(fakes.report(3), "a\x1b[2J\nb\ud800\x9b"))
    assert not {"\x1b", "\ud800", "\x9b"} & set(told)
    head = next(line for line in told.splitlines() if line.startswith("group "))
    at = head.index("jobs") + 4
    rows = told.splitlines()[told.splitlines().index(head) + 1 :][:5]
    assert all(row[at - 1].isdigit() and row[at] == " " for row in rows)
