"""The charts of a rehearsal, and their files."""

from __future__ import annotations

import re
import struct
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from bqsim.rehearse.errors import RehearsalError
from bqsim.rehearse.reporting import charts
from bqsim.rehearse.results import Report

from . import fakes

SVG = "{http://www.w3.org/2000/svg}"


def names(report: Report) -> list[str]:
    return [one.name for one in charts.every(report)]


def labels(chart: charts.Chart) -> list[str]:
    return [text.text or "" for text in ET.fromstring(chart.svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("settings", [1, 6, 200])
def test_every_chart_is_xml_with_a_title_and_a_description(settings: int) -> None:
    for chart in charts.every(fakes.report(settings, groups=20, places=9)):
        drawn = ET.fromstring(chart.svg)
        assert drawn.findtext(f"{SVG}title") == chart.caption
        assert drawn.findtext(f"{SVG}desc") not in (None, "", "nothing to show")


def test_names_of_files_are_told_apart() -> None:
    report = fakes.report(6)
    one = report.settings[3]
    usage = replace(
        one.usage, places=tuple(replace(p, name=f"a/{'?' * n}b") for n, p in enumerate(one.usage.places))
    )
    settings = tuple(replace(s, usage=usage) for s in report.settings)
    found = names(replace(report, settings=settings))
    assert len(set(found)) == len(found)
    assert {"slots-a-b", "slots-a-b-2", "slots-a-b-3"} <= set(found)
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+", name) for name in found)


def test_the_tradeoff_names_the_recommended_setting() -> None:
    cost, missed = charts.tradeoffs(fakes.report(24))
    assert "#21" in labels(cost)
    tips = [title.text for title in ET.fromstring(cost.svg).iter(f"{SVG}title")]
    assert sum(tip is not None and tip.startswith("#") for tip in tips) == 24
    assert "Pareto front" in labels(missed)
    assert charts.tradeoffs(fakes.report(1)) == []


def test_many_settings_are_shown_in_part() -> None:
    report = fakes.report(200)
    chart = charts.durations(report)
    assert chart.caption.endswith("(the best 16 of 200)")
    assert sum(label.startswith(("#", "★")) for label in labels(chart)) == 16
    assert report.advice
    assert any(
        label.startswith("★") and report.advice.setting in label for label in labels(charts.costs(report))
    )


def test_costs_are_by_charge_with_bounds() -> None:
    chart = charts.costs(fakes.report(6, days=3))
    assert {"baseline", "autoscaled"} <= set(labels(chart))
    assert "on demand" not in labels(chart)
    assert chart.svg.count('class="whisker"') == 6


def test_many_kinds_of_charge_are_put_together() -> None:
    report = fakes.report(2)
    charge = report.settings[0].charges[1]
    many = tuple(replace(charge, what=f"kind {n}", amount=10.0 + n) for n in range(9))
    settings = tuple(replace(one, charges=many) for one in report.settings)
    found = labels(charts.costs(replace(report, settings=settings)))
    assert {"kind 8", "kind 4", "other"} <= set(found)
    assert "kind 3" not in found


def test_values_of_the_grid_are_compared_where_there_are_some() -> None:
    found = charts.by_value(fakes.report(24))
    assert [chart.name for chart in found] == [
        "p95-by-etl.slot_capacity",
        "cost-a-day-by-etl.slot_capacity",
        "p95-by-etl.autoscale_max_slots",
        "cost-a-day-by-etl.autoscale_max_slots",
    ]
    assert "etl.slot_capacity = 400" in labels(found[0])
    assert charts.by_value(fakes.report(3)) == []


def test_slots_over_time_tell_baseline_borrowed_and_scaled() -> None:
    found = {chart.name: chart for chart in charts.over_time(fakes.setting(0))}
    assert list(found)[:2] == ["slots-adhoc-project", "jobs-adhoc-project"]
    told = labels(found["slots-team-1"])
    assert {"used", "borrowed", "baseline", "baseline and autoscaled"} <= set(told)
    assert "baseline" not in labels(found["slots-adhoc-project"])
    assert "waiting" in labels(found["jobs-team-1"])


def test_long_runs_are_by_the_day_and_the_busiest_day_is_shown() -> None:
    found = {chart.name: chart for chart in charts.over_time(fakes.setting(0, days=14))}
    assert "since the begin, means of a day" in labels(found["slots-team-1"])
    assert "most of these" in labels(found["slots-team-1"])
    assert " on the busiest day (" in found["slots-team-1-day"].caption
    assert "since the day began, means of 15 minutes" in labels(found["jobs-team-1-day"])


def test_places_without_use_are_left_out_and_there_are_not_too_many() -> None:
    assert charts.over_time(fakes.empty().settings[0]) == []
    assert len(charts.over_time(fakes.setting(0, places=20))) == 2 * charts.MOST_PLACES


def test_where_nothing_costs_anything_there_are_no_charts_of_cost() -> None:
    base = fakes.report(6)
    free = tuple(
        replace(one, cost_per_day=0.0, charges=(), groups=tuple(replace(g, cost=0.0) for g in one.groups))
        for one in base.settings
    )
    assert not [name for name in names(replace(base, settings=free)) if "cost" in name]


def test_slots_on_demand_are_not_borrowed() -> None:
    one = fakes.setting(0)
    lent = replace(one, usage=replace(one.usage, borrowed_ms=one.usage.used_ms))
    found = {chart.name: chart for chart in charts.over_time(lent)}
    assert "borrowed" not in labels(found["slots-adhoc-project"])
    assert "borrowed" in labels(found["slots-team-1"])


def test_long_names_made_of_values_are_their_values() -> None:
    report = fakes.report(6, named=False)
    assert "#2 slot_capacity=100, autoscale_max_slots=100" in labels(charts.durations(report))
    longer = tuple(
        replace(one, name=", ".join(f"{path}={value}" for path, value in one.values.items()))
        for one in report.settings
    )
    told = labels(charts.durations(replace(report, settings=longer, advice=None)))
    assert "#2 100, 100" in told


def test_nothing_at_all_can_be_drawn() -> None:
    for chart in charts.every(fakes.empty()):
        ET.fromstring(chart.svg)


def test_files_stand_by_themselves(tmp_path: Path) -> None:
    report = fakes.renamed(fakes.report(6), "a & <b> var(--c0)")
    written = charts.write(report, tmp_path / "made" / "here")
    assert [path.stem for path in written] == names(report)
    for path in written:
        text = path.read_text(encoding="utf-8")
        drawn = ET.fromstring(text)
        style = drawn.findtext(f"{SVG}style") or ""
        assert "var(" not in style
        assert "var(" not in " ".join(value for part in drawn.iter() for value in part.attrib.values())
        titles = [part.text for part in drawn.iter(f"{SVG}text") if part.get("class") == "title"]
        assert titles == [drawn.findtext(f"{SVG}title")]


def test_files_are_the_same_each_time(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    first, other = (charts.write(fakes.report(2, places=1), tmp_path / name, png=True) for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in other]


def test_pictures_are_twice_the_size_of_the_chart(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    written = charts.write(fakes.report(2), tmp_path, png=True)
    for svg, png in zip(written[::2], written[1::2], strict=True):
        assert (svg.suffix, png.suffix, svg.stem) == (".svg", ".png", png.stem)
        data = png.read_bytes()
        assert data.startswith(b"\x89PNG\r\n")
        size = struct.unpack(">II", data[16:24])
        drawn = ET.fromstring(svg.read_text(encoding="utf-8"))
        assert size == tuple(2 * int(drawn.get(side, "0")) for side in ("width", "height"))


def test_pictures_without_the_extra_name_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "resvg_py", None)
    with pytest.raises(RehearsalError, match=r"pictures as PNG need the extra bqsim\[png\]"):
        charts.write(fakes.report(1), tmp_path / "none", png=True)
    assert not (tmp_path / "none").exists()


def test_names_that_no_document_can_hold_are_replaced(tmp_path: Path) -> None:
    pytest.importorskip("resvg_py")
    for path in charts.write(fakes.renamed(fakes.report(2), "a\x00\x1b\ud800b"), tmp_path, png=True):
        if path.suffix == ".svg":
            ET.fromstring(path.read_text(encoding="utf-8"))
