from __future__ import annotations

import math
import xml.etree.ElementTree as ET

import pytest

from bqsim.reports import drawing, plots

SVG = "{http://www.w3.org/2000/svg}"


def tips(svg: str) -> list[str]:
    """The titles of marks; that of the chart is not one."""
    return [title.text or "" for title in ET.fromstring(svg).iter(f"{SVG}title")][1:]


def texts(svg: str) -> list[str]:
    return [text.text or "" for text in ET.fromstring(svg).iter(f"{SVG}text")]


def paths(svg: str, kind: str) -> list[str]:
    return [p.get("d", "") for p in ET.fromstring(svg).iter(f"{SVG}path") if (p.get("class") or "") == kind]


def corners(path: str) -> list[tuple[float, float]]:
    places = path.strip("MZ").split("L")
    return [(float(x), float(y)) for x, y in (place.split(" ") for place in places)]


def test_areas_lie_on_each_other() -> None:
    layers = [plots.Layer("used", [10, 20, 30]), plots.Layer("borrowed", [5, 0, math.nan], 2)]
    svg = plots.areas("t", layers, [plots.Layer("paid", [40, 40, 40], 1)], width=60, x_unit="s")
    used, borrowed = (corners(path) for path in paths(svg, "area")[-2:])
    # The under side of what lies above is the upper side of what lies below.
    assert set(used[:6]) <= set(borrowed)
    assert paths(svg, "stroke")[-1].count("L") == 1
    assert tips(svg) == [
        "0 s to 1 min: used 10, borrowed 5, paid 40",
        "1 min to 2 min: used 20, borrowed 0, paid 40",
        "2 min to 3 min: used 30, borrowed 0, paid 40",
    ]
    assert {"used", "borrowed", "paid"} <= set(texts(svg))


def test_areas_stay_inside() -> None:
    svg = plots.areas("t", [plots.Layer("a", [1e6, 5, 0]), plots.Layer("b", [1e6, 5, 0])], width=1)
    for path in paths(svg, "area"):
        for x, _ in corners(path) if path.endswith("Z") else []:
            assert drawing.LEFT <= x <= drawing.WIDTH - drawing.RIGHT
    assert "b: 333k on average, 1M at most" in (ET.fromstring(svg).findtext(f"{SVG}desc") or "")


def test_lines_of_many_stretches_are_thin() -> None:
    line = plots.Layer("a", [float(n % 2) for n in range(100)])
    assert paths(plots.areas("t", [], [line], width=1), "stroke thin")
    assert not paths(plots.areas("t", [], [plots.Layer("a", [1, 2])], width=1), "stroke thin")


@pytest.mark.parametrize(
    "svg",
    [
        plots.areas("t", [], width=1),
        plots.areas("t", [plots.Layer("a", [])], width=1),
        plots.points("t", []),
        plots.points("t", [plots.Points("a", [plots.Point(math.nan, 1, "n")])]),
        plots.parts("t", [], ["a"]),
    ],
    ids=["no areas", "empty areas", "no points", "unknown points", "no parts"],
)
def test_nothing_to_show(svg: str) -> None:
    assert ET.fromstring(svg).findtext(f"{SVG}desc") == "nothing to show"


def test_points_have_their_names_and_those_later_are_on_top() -> None:
    groups = [
        plots.Points("others", [plots.Point(1, 2, "<a>"), plots.Point(math.inf, 1, "gone")], 5, 0.8),
        plots.Points("best", [plots.Point(3, 4, "b", "#2")], 1, 1.5),
    ]
    svg = plots.points("t", groups, x_unit="USD", y_unit="s", x_label="cost", y_label="time")
    assert tips(svg) == ["<a>: $1, 2 s", "b: $3, 4 s"]
    assert {"others", "best", "#2", "cost", "time"} <= set(texts(svg))


def test_labels_do_not_lie_on_each_other_nor_on_points() -> None:
    crowd = [plots.Point(1 + n / 50, 1 + n % 7 / 50, f"p{n}", f"#{n}") for n in range(60)]
    lone = plots.Point(9, 9, "lone", "#lone")
    svg = plots.points("t", [plots.Points("a", crowd), plots.Points("b", [lone], 1)])
    labels = [text for text in ET.fromstring(svg).iter(f"{SVG}text") if (text.text or "").startswith("#")]
    boxes = []
    for text in labels:
        x, y = float(text.get("x", "")), float(text.get("y", ""))
        boxes.append((x, y - 10, x + 6.6 * len(text.text or ""), y + 3))
    assert "#lone" in [text.text for text in labels]
    assert len(labels) < 40
    for at, one in enumerate(boxes):
        for other in boxes[at + 1 :]:
            assert one[2] <= other[0] or one[0] >= other[2] or one[3] <= other[1] or one[1] >= other[3]


def test_a_path_joins_points() -> None:
    group = plots.Points("a", [plots.Point(1, 2, "x"), plots.Point(2, 1, "y")], path=[(1, 2), (2, 2), (2, 1)])
    assert paths(plots.points("t", [group]), "stroke")[0].count("L") == 2


def test_parts_add_up_and_have_bounds() -> None:
    rows = [plots.Parts("a", [10, 20], (25, 40)), plots.Parts("b", [0, math.nan])]
    svg = plots.parts("t", rows, ["x", "y"], unit="USD")
    assert tips(svg) == ["a, x: $10", "a, y: $20"]
    assert {"$30", "$0"} <= set(texts(svg))
    assert len(paths(svg, "whisker")) == 1
    first, second = (r for r in ET.fromstring(svg).iter(f"{SVG}rect") if r.get("class") == "fill")
    assert float(first.get("x", "")) + float(first.get("width", "")) == pytest.approx(
        float(second.get("x", ""))
    )


@pytest.mark.parametrize("amount", [0.01, 7.0, 99_999.0, 1e7])
def test_sums_have_room(amount: float) -> None:
    svg = plots.parts("t", [plots.Parts("a", [amount], (amount / 2, amount))], ["x"], unit="CHF")
    figure = next(t for t in ET.fromstring(svg).iter(f"{SVG}text") if t.get("font-size") == "11")
    assert float(figure.get("x", "")) + 6.6 * len(figure.text or "") <= drawing.WIDTH


def test_points_have_lines_as_far_as_their_figures_may_lie() -> None:
    sure = plots.Point(1, 2, "sure")
    unsure = plots.Point(2, 3, "unsure", "", (1.5, 4.0), (0.5, math.inf))
    svg = plots.points("t", [plots.Points("all", [sure, unsure])], y_unit="s")
    assert tips(svg) == ["sure: 1, 2 s", "unsure: 2 (1.5 to 4), 3 s (500 ms to no end)"]
    (line,) = paths(svg, "stroke range")
    assert line.count("M") == 6 and "inf" not in line and "nan" not in line
    assert "4" in texts(svg), "the lines are inside"
    one = plots.points(
        "t", [plots.Points("all", [plots.Point(1, 2, "", "", None, (0.0, 9.0))])], log=(False, True)
    )
    assert paths(one, "stroke range")[0].count("M") == 3
