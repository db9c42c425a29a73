"""Charts as files that any viewer can show."""

from __future__ import annotations

import struct
import sys
import xml.etree.ElementTree as ET

import pytest

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.reporting import pictures
from bqsim.reports import charts

SVG = "{http://www.w3.org/2000/svg}"
CHART = charts.bars("title", [charts.Bar("a", (5.0,)), charts.Bar("b var(--c0)", (500.0,))])


def test_colours_are_written_out() -> None:
    made = pictures.standalone(CHART, "A <title> & more")
    style = ET.fromstring(made).findtext(f"{SVG}style") or ""
    assert "var(" not in style
    assert "svg.chart .s0 .fill{fill:#0072b2}" in style
    # Texts of users stay as they are.
    assert "b var(--c0)" in made
    assert "A &lt;title&gt; &amp; more" in made


def test_a_dark_viewer_is_followed_by_files_but_not_by_pictures() -> None:
    assert "prefers-color-scheme:dark" in pictures.standalone(CHART)
    assert "prefers-color-scheme" not in pictures.standalone(CHART, dark=False)


@pytest.mark.parametrize("title", ["", "A title"])
def test_the_ground_is_all_of_the_picture(title: str) -> None:
    drawn = ET.fromstring(pictures.standalone(CHART, title))
    ground = next(part for part in drawn.iter(f"{SVG}rect") if part.get("class") == "ground")
    box = " ".join(ground.get(side, "") for side in ("x", "y", "width", "height"))
    assert drawn.get("viewBox") == box


def test_a_picture_has_the_colours_of_its_chart() -> None:
    pytest.importorskip("resvg_py")
    rendered = pictures.renderer()(pictures.standalone(CHART, "A title", dark=False))
    assert rendered.startswith(b"\x89PNG\r\n")
    width, height = struct.unpack(">II", rendered[16:24])
    drawn = ET.fromstring(pictures.standalone(CHART, "A title"))
    assert (width, height) == tuple(2 * int(drawn.get(side, "0")) for side in ("width", "height"))
    plain = pictures.renderer()(pictures.standalone(CHART.replace("fill", "none"), "A title", dark=False))
    assert plain != rendered


def test_what_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(RehearsalError, match=r"need the extra bqsim\[png\]: pip install 'bqsim\[png\]'"):
        pictures.renderer()
