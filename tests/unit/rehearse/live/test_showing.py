"""Live reports as text, JSON and a page."""

from __future__ import annotations

import json

from bqsim.rehearse.live import showing
from bqsim.rehearse.live.report import LiveReport
from bqsim.rehearse.live.tally import PHASES, Second, Tally


def report(tally: Tally, **members: object) -> LiveReport:
    return LiveReport("n<i>", "s", "http://x", "rest", 1, 1, 1.0, 1.0, tally, **members)  # type: ignore[arg-type]


def filled(groups: int, seconds: int) -> Tally:
    tally = Tally([f"g{n}" for n in range(groups)])
    for number, group in enumerate(tally.groups):
        group.sent, group.done, group.failed = 100, 90, 10
        group.errors["quotaExceeded"] = 10
        for phase in PHASES:
            for n in range(100):
                group.record(phase, n / 10 + number)
    for n in range(seconds):
        tally.second(n).add(Second(3, 2, 1, 0, 0, n % 7, 0.01))
    tally.messages["quotaExceeded"] = "it is <full>"
    return tally


def test_nothing_sent_can_be_told() -> None:
    empty = report(Tally(("all",)), stopped=True)
    assert "0 jobs sent" in showing.text(empty)
    assert "Nothing was sent" in showing.page(empty)
    told = json.loads(showing.document(empty))
    assert (told["groups"][0]["phases"], told["rateHeld"], told["stopped"]) == ({}, 1.0, True)
    assert "#[Max" in showing.hgrm(empty)


def test_a_page_is_bounded_and_escaped() -> None:
    one = report(filled(70, 2000))
    page = showing.page(one)
    assert len(page) < 2_000_000
    assert "n<i>" not in page
    assert "it is &lt;full&gt;" in page
    assert "http" not in page.partition("<main>")[0].replace("http-equiv", "")
    assert len(showing.text(one).splitlines()) < 700
    # All groups are in the document.
    assert len(json.loads(showing.document(one))["groups"]) == 71


def test_points_over_time_are_means_and_the_most() -> None:
    points = showing._joined(filled(1, 1200).seconds)
    assert len(points) == 600
    assert points[0][1]["sent"] == 3
    assert max(one["in_flight"] for _, one in points) == 6
