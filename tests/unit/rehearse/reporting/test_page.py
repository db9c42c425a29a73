"""The HTML page of a rehearsal."""

from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from bqsim.rehearse.plan.reading import parse
from bqsim.rehearse.reporting import page
from bqsim.rehearse.results import Report
from bqsim.rehearse.sweep import rehearse

from . import fakes

_VOID = {"meta", "link", "br", "wbr"}


class _Balanced(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def words(made: str) -> str:
    seen = _Balanced()
    seen.feed(made)
    assert seen.open == []
    return " ".join(" ".join(seen.text).split())


def headings(made: str) -> list[str]:
    return re.findall(r"<h2[^>]*>(.*?)</h2>", made)


@pytest.mark.parametrize("settings", [1, 24, 200])
def test_it_says_all_of_it_at_every_size(settings: int) -> None:
    report = fakes.report(settings, days=3)
    told = words(page.page(report))
    assert report.advice
    for text in (*report.advice.reasons, *report.notes, "plan.yaml:31", "uncalibrated", "The seed is 7"):
        assert text in told
    assert f"{settings} setting" in told


def test_parts_are_in_the_order_of_interest() -> None:
    assert headings(page.page(fakes.report(24))) == [
        "Recommendation",
        "Thresholds",
        "Settings",
        "Cost and durations",
        "What each value does",
        "Slots over time: #21 setting 21",
        "Who runs what: #21 setting 21",
        "Other settings of the Pareto front",
        "How it was found",
    ]
    assert headings(page.page(fakes.empty())) == [
        "Recommendation",
        "Settings",
        "Cost and durations",
        "Slots over time: as planned",
        "Who runs what: as planned",
        "How it was found",
    ]


def test_what_was_validated_is_not_uncalibrated() -> None:
    told = words(page.page(fakes.report(2, calibrated=True)))
    assert "ncalibrated" not in told
    assert "✓ calibrated : 12,000 jobs of jobs.jsonl were replayed" in told


def rows(made: str) -> list[str]:
    table = made.split(">Settings</h2>", 1)[1].split("</table>", 1)[0]
    return re.findall(r"<tr>(.*?)</tr>", table.split("<tbody>", 1)[1], re.DOTALL)


def test_settings_are_in_the_order_of_the_plan_with_their_marks() -> None:
    found = rows(page.page(fakes.report(24)))
    assert len(found) == 24
    assert ["★" in row for row in found].index(True) == 20
    assert sum("★" in row for row in found) == 1
    assert sum("✗" in row for row in found) == 1
    assert ">setting 7</span></td>" in found[6]


def test_names_that_repeat_the_values_are_left_out() -> None:
    report = fakes.report(24, named=False)
    assert "slot_capacity=" not in " ".join(rows(page.page(report)))
    assert "etl.<br>slot_<br>capacity" in page.page(report)


def test_many_settings_are_folded_the_best_are_not() -> None:
    report = fakes.report(200)
    made = page.page(report)
    assert "<summary>All 200 settings, in the order of the plan</summary>" in made
    assert report.advice
    found = rows(made)
    assert len(found) == page.MOST_ROWS
    assert "★" in found[0]
    assert report.advice.setting in found[0]


def test_bounds_are_there_where_they_are_known() -> None:
    assert "With other days, 90 % of the time: cost a day" in page.page(fakes.report(6, days=3))
    assert "With other days" not in page.page(fakes.report(6))


def test_thresholds_that_hold_are_not_told_as_broken() -> None:
    assert "Thresholds" not in headings(page.page(replace(fakes.report(2), broken=())))


def test_texts_of_users_are_only_texts() -> None:
    evil = "<script>alert(1)</script>\"'&amp; <b>"
    made = page.page(fakes.renamed(fakes.report(6), evil))
    assert "<script" not in made
    assert evil in words(made)


def test_many_groups_are_folded() -> None:
    made = page.page(fakes.report(1, groups=100))
    assert "<summary>61 more</summary>" in made
    assert "team-99" in made


def test_its_size_is_bounded() -> None:
    sizes = [len(page.page(fakes.report(n, groups=30, places=12, days=30))) for n in (24, 200)]
    assert sizes[1] < 3_000_000
    assert sizes[1] - sizes[0] < 400_000


def test_it_is_the_same_each_time() -> None:
    def made() -> Report:
        return fakes.report(6, days=3)

    assert page.page(made()) == page.page(made())


def test_names_that_no_document_can_hold_are_replaced() -> None:
    made = page.page(fakes.renamed(fakes.report(2), "a\x00\x1b\ud800b"))
    assert "a\ufffd\ufffd\ufffdb" in made
    made.encode()


def test_names_of_quotas_go_on_in_another_line_after_a_whole_word() -> None:
    report = rehearse(parse("days: 0.01\nstreams: [{row_bytes: 1, rows: {constant: 9}}]\n", "plan.yaml"))
    made = page.page(report)
    assert '<span style="overflow-wrap:normal">append_<wbr>request_<wbr>bytes</span>' in made
    assert '<td class="n"><span style="overflow-wrap:normal">' not in made
    assert "append_request_bytes" in words(made.replace("<wbr>", ""))
