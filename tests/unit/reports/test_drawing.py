from __future__ import annotations

import itertools
import re

import pytest

from bqsim.reports import charts, drawing
from bqsim.reports.scales import fitting


def _light(colour: str) -> float:
    """The relative luminance of WCAG."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("colours", [drawing.LIGHT, drawing.DARK], ids=["light", "dark"])
def test_colours_stand_out_from_the_ground(colours: dict[str, str]) -> None:
    ground = _light(colours["ground"])
    for name in ("c0", "c1", "c2", "c3", "c4", "c5", "ink", "soft"):
        high, low = sorted((_light(colours[name]), ground), reverse=True)
        least = 4.5 if name in ("ink", "soft") else 3.0
        assert (high + 0.05) / (low + 0.05) >= least, name


def test_every_colour_that_is_used_is_known() -> None:
    used = set(re.findall(r"var\(--(\w+)\)", drawing.CSS)) - {"s"}
    assert used <= drawing.LIGHT.keys() == drawing.DARK.keys()
    assert charts.CSS == drawing.CSS


def test_long_texts_are_cut_and_thin_marks_can_be_seen() -> None:
    assert len(drawing.cut("x" * 500)) == drawing.LABEL
    assert drawing.cut("x") == "x"
    assert drawing.wide(0.001) == 1


def test_legends_take_as_many_lines_as_they_need() -> None:
    assert drawing.legend_rows([]) == []
    assert drawing.legend_height([]) == 4
    rows = drawing.legend_rows(["name"] * 30)
    assert [number for row in rows for number, _ in row] == list(range(30))
    assert drawing.legend_height(["name"] * 30) == 20 * len(rows) + 4


@pytest.mark.parametrize("unit", ["", "s", "ms", "USD", "bytes", "%"])
@pytest.mark.parametrize("log", [False, True])
@pytest.mark.parametrize("most", [1.0, 9_999.0, 123_456_789.0])
def test_labels_of_ticks_do_not_touch(unit: str, log: bool, most: float) -> None:
    scale = fitting([0.05, most], drawing.RIGHT, drawing.WIDTH - drawing.RIGHT, unit, log=log)
    spans = []
    label = r'<text class="soft" x="([\d.]+)" y="[\d.]+" text-anchor="(\w+)">([^<]*)<'
    found = re.findall(label, "".join(drawing.ticks(scale, 0)))
    for x, anchor, text in found:
        wide = len(text) * 7
        left = float(x) - {"start": 0, "middle": wide / 2, "end": wide}[anchor]
        spans.append((left, left + wide))
    assert spans
    assert all(one[1] < other[0] for one, other in itertools.pairwise(spans))
