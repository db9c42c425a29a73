import math
from xml.etree import ElementTree

import pytest

from bqsim.reports import charts

SVG = "{http://www.w3.org/2000/svg}"
EVIL = '</svg><script>alert("x")</script>&'

CHARTS = {
    "bars": charts.bars(EVIL, [charts.Bar(EVIL, (1, None)), charts.Bar("b", (-2, 1e12))], ("was", "is")),
    "limit": charts.bars("t", [charts.Bar("a", (1,))], limit=2, unit="USD"),
    "lines": charts.lines("t", [charts.Series(EVIL, [(0, 1), (1, float("nan"))]), charts.Series("b", [])]),
    "intervals": charts.intervals("t", [charts.Interval(EVIL, 1, 2, 3, 4)], unit="ms", log=True),
    "scatter": charts.scatter("t", [charts.Series("", [(1, 1), (0, -5)])], log=True, diagonal=True),
    "histogram": charts.histogram("t", [1, 1, 2, 900], unit="bytes", x_label=EVIL, limit=5),
    "one value": charts.histogram("t", [7.0]),
    "no bars": charts.bars("t", []),
    "no lines": charts.lines("t", []),
    "no intervals": charts.intervals("t", []),
    "no points": charts.scatter("t", [charts.Series("a", [])]),
    "no values": charts.histogram("t", [float("inf")]),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_well_formed_and_describes_itself(name: str) -> None:
    root = ElementTree.fromstring(CHARTS[name])
    assert root.get("role") == "img"
    named = {e.get("id"): e for e in root.iter() if e.get("id")}
    title, description = (named[i] for i in (root.get("aria-labelledby") or "").split())
    assert (title.tag, description.tag) == (f"{SVG}title", f"{SVG}desc")
    assert description.text
    assert not list(root.iter(f"{SVG}script"))
    assert "nan" not in CHARTS[name]


def test_marks_tell_their_figures() -> None:
    chart = charts.bars("Bytes", [charts.Bar("daily", (1024, 2048))], ("was", "is"), unit="bytes")
    tips = [e.text for e in ElementTree.fromstring(chart).iter(f"{SVG}title")]
    assert "daily, was: 1 KiB" in tips
    assert "daily, is: 2 KiB" in tips


def test_equal_charts_are_equal_texts() -> None:
    made = [charts.lines("t", [charts.Series("a", [(0, 1), (2, 3)])]) for _ in range(2)]
    assert made[0] == made[1]


def test_bars_have_lengths_as_their_values() -> None:
    chart = ElementTree.fromstring(charts.bars("t", [charts.Bar("a", (10,)), charts.Bar("b", (5,))]))
    widths = [float(e.get("width", "0")) for e in chart.iter(f"{SVG}rect")]
    assert widths[0] == pytest.approx(2 * widths[1])


@pytest.mark.parametrize("least", [0, -1e6])
@pytest.mark.parametrize("value", [1e6, 9.4e5, 9e5, 8.123e5, 5e5, 1e4, 0])
def test_the_figure_of_a_bar_is_wholly_in_it_or_wholly_beside_it(value: float, least: float) -> None:
    rows = [charts.Bar("most", (1e6,)), charts.Bar("least", (least,)), charts.Bar("a", (value,))]
    chart = ElementTree.fromstring(charts.bars("t", rows, unit="slot-ms"))
    for group in chart.iter(f"{SVG}g"):
        bar, text = group.find(f"{SVG}rect"), group.find(f"{SVG}text")
        assert bar is not None and text is not None and text.text
        left = float(bar.get("x", ""))
        right = left + float(bar.get("width", ""))
        wide, at = len(text.text) * 6.5, float(text.get("x", ""))
        start, end = (at - wide, at) if text.get("text-anchor") == "end" else (at, at + wide)
        assert start >= 0
        assert end <= charts.WIDTH
        if "ground" in text.get("style", ""):
            assert left <= start
            assert end <= right
        else:
            assert end <= left or start >= right or right - left <= 1


def test_bounds_of_the_middle_are_a_line_below() -> None:
    plain = charts.intervals("t", [charts.Interval("a", 1, 2, 3)])
    svg = charts.intervals("t", [charts.Interval("a", 1, 2, 3, bounds=(1.5, math.inf))], unit="s")
    assert "whisker" in svg and "whisker" not in plain
    assert "a: 2 s (1 s to 3 s); the middle one (1.5 s to no end)" in svg
    assert "inf" not in svg and "nan" not in svg
