"""The charts of a rehearsal: cost against duration, settings side by side, slots over time, who pays."""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bqsim.rehearse.results import ALL, Report, SettingResult
from bqsim.rehearse.streams.results import StreamingResult
from bqsim.reports import charts as rows
from bqsim.reports import plots

from . import streams, uncertain, words
from .pictures import renderer, standalone
from .timelines import DAY, HOUR, Timeline, busiest, days, timelines

# Rows of a chart of settings; the table has all.
MOST_SETTINGS = 16
MOST_GROUPS = 12
MOST_PLACES = 8
MOST_PATHS = 4
MOST_VALUES = 12
# Stretches of time in a chart.
MOST_STRETCHES = 120
_LABELLED = 8
# With more settings only the best have lines for what they may be.
_RANGED = 24
_PARTS = 6
# Characters of a name that a row has room for.
_LONG = 48
# Beyond this, figures are shown by their logarithm.
_WIDE = 30.0
# Beyond so many days the busiest is shown by itself, and all of them by the day.
_FEW_DAYS, _MANY_DAYS = 2, 10
_MOST_DAYS = 4


_ENVELOPED = {words.P95: "p95_duration_s", words.MISSED: "misses"}


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart under a ``name`` for files; ``caption`` is its title."""

    name: str
    caption: str
    svg: str


def write(report: Report, folder: Path, png: bool = False) -> list[Path]:
    """Write all charts to ``folder`` (made if needed) as SVG, and as PNG too; the files in order.

    Raises :class:`RehearsalError` where PNG is asked for and the extra is not installed.
    """
    rendered = renderer() if png else None
    folder.mkdir(parents=True, exist_ok=True)
    out = []
    for one in every(report):
        path = folder / f"{one.name}.svg"
        path.write_text(standalone(one.svg, one.caption), encoding="utf-8")
        out.append(path)
        if rendered is not None:
            picture = folder / f"{one.name}.png"
            picture.write_bytes(rendered(standalone(one.svg, one.caption, dark=False)))
            out.append(picture)
    return out


def every(report: Report) -> list[Chart]:
    """All charts: those of the settings, and those of the setting that is looked at closely."""
    one = words.subject(report)
    jobs = compared(report) if words.has_jobs(report) else []
    found = [*jobs, *by_value(report), *over_time(one), *who(one, report.currency)]
    found += streamed(one.streaming) if one.streaming else []
    names: dict[str, int] = {}
    for at, chart in enumerate(found):
        names[chart.name] = names.get(chart.name, 0) + 1
        if names[chart.name] > 1:
            found[at] = replace(chart, name=f"{chart.name}-{names[chart.name]}")
    return found


def compared(report: Report) -> list[Chart]:
    """The settings with each other."""
    return [*tradeoffs(report), *beside(report)]


def beside(report: Report) -> list[Chart]:
    """Durations and costs, a row for each setting; no costs where nothing costs anything."""
    return [durations(report), *([costs(report)] if _costly(report) else [])]


def tradeoffs(report: Report) -> list[Chart]:
    """Cost against duration, and against missed objectives where there are any: up and to the right is
    worse."""
    if len(report.settings) < 2 or not _costly(report):
        return []
    found = [_tradeoff(report, words.P95, "s", "p95 of the duration")]
    if any(one.objectives for one in report.settings):
        found.append(_tradeoff(report, words.MISSED, "%", "jobs that miss an objective"))
    return found


def _tradeoff(report: Report, measure: words.Measure, unit: str, label: str) -> Chart:
    advised = report.advice.setting if report.advice else ""
    kinds: dict[str, list[plots.Point]] = {"others": [], "Pareto front": [], "recommended": []}
    few = len(report.pareto) <= _LABELLED
    ranged = len(report.settings) <= _RANGED
    size = 100.0 if unit == "%" else 1.0
    for at, one in enumerate(report.settings):
        front = one.name in report.pareto
        kind = "recommended" if one.name == advised else "Pareto front" if front else "others"
        mark = f"#{at + 1}" if kind == "recommended" or (front and few) else ""
        name = f"#{at + 1} {one.name}"
        across = up = None
        if ranged or kind != "others":
            across, up = uncertain.together(one, "cost_per_day"), uncertain.together(one, _ENVELOPED[measure])
        spread = None if up is None else (up[0] * size, up[1] * size)
        kinds[kind].append(plots.Point(one.cost_per_day, measure.of(one) * size, name, mark, across, spread))
    groups = [
        plots.Points("others", kinds["others"], 5, 0.8),
        plots.Points("Pareto front", kinds["Pareto front"], 0),
        plots.Points("recommended", kinds["recommended"], 1, 1.5),
    ]
    what = "p95 of the duration" if measure is words.P95 else "missed objectives"
    caption = f"Cost a day against {what}"
    if any(point.y_range or point.x_range for points in kinds.values() for point in points):
        caption += ", with worst cases"
    svg = plots.points(
        caption,
        groups,
        x_label="cost a day",
        y_label=label,
        x_unit=report.currency,
        y_unit=unit,
        log=(
            False,
            _wide(y for points in kinds.values() for one in points for y in (one.y, *(one.y_range or ()))),
        ),
    )
    return Chart(f"cost-against-{_file(measure.heading)}", caption, svg)


def durations(report: Report) -> Chart:
    """p50 to p99 of each setting."""
    kept = [
        rows.Interval(
            label,
            words.P50.of(one),
            words.P95.of(one),
            words.P99.of(one),
            bounds=uncertain.together(one, "p95_duration_s"),
        )
        for label, one in _picked(report)
        if one.whole.duration.count
    ]
    caption = "Durations: from p50 to p99, with p95" + _part(report)
    if any(one.bounds for one in kept):
        caption = "Durations: p50 to p99, with p95 and its worst case" + _part(report)
    log = _wide(value for one in kept for value in (one.low, one.high, *(one.bounds or ())))
    return Chart("durations", caption, rows.intervals(caption, kept, unit="s", log=log))


def costs(report: Report) -> Chart:
    """What each setting costs a day, by charge."""
    picked = _picked(report)
    totals: dict[str, float] = {}
    for _, one in picked:
        for charge in one.charges:
            totals[charge.what] = totals.get(charge.what, 0.0) + charge.amount
    kinds = sorted((what for what, total in totals.items() if total), key=lambda what: -totals[what])
    named = kinds if len(kinds) <= _PARTS else kinds[: _PARTS - 1]
    names = [*named, *(["other"] if len(named) < len(kinds) else [])] or ["nothing"]
    drawn = [
        plots.Parts(
            label,
            _parts(one, named, names),
            uncertain.together(one, "cost_per_day") or one.bounds.get("cost_per_day"),
        )
        for label, one in picked
    ]
    caption = "Cost a day by charge" + _part(report)
    return Chart("costs", caption, plots.parts(caption, drawn, names, unit=report.currency))


def by_value(report: Report) -> list[Chart]:
    """What each value of the grid does: the settings that have it, from the least to the most."""
    found = []
    if len(report.settings) < 4:
        return []
    for path, heading in list(words.headings(report).items())[:MOST_PATHS]:
        values: dict[str, list[SettingResult]] = {}
        for one in report.settings:
            if path in one.values:
                values.setdefault(words.given(one.values, path), []).append(one)
        if not 2 <= len(values) <= MOST_VALUES:
            continue
        speed = words.P95 if words.has_jobs(report) else words.DELAY
        for measure, unit in ((speed, "s"), (words.COST, report.currency)):
            if measure is words.COST and not _costly(report):
                continue
            caption = f"{measure.heading} by {heading}: least, median and most of its settings"
            drawn = [_across(f"{heading} = {value}", its, measure.of) for value, its in values.items()]
            known = [one for one in drawn if one is not None]
            log = _wide(value for one in known for value in (one.low, one.high))
            svg = rows.intervals(caption, known, unit=unit, log=log)
            found.append(Chart(f"{_file(measure.heading)}-by-{_file(heading)}", caption, svg))
    return found


def over_time(setting: SettingResult, most: int = MOST_PLACES) -> list[Chart]:
    """Slots and jobs of each place that was used, those with the most use first: all of the time, and the
    busiest day where there are many."""
    usage = setting.usage
    lasts = days(usage)
    found = _timed(timelines(usage, MOST_STRETCHES, least_s=DAY if lasts > _MANY_DAYS else 0), most, "")
    day = busiest(usage) if lasts > _FEW_DAYS else None
    if day is None:
        return found
    when = f" on the busiest day ({day + 1} of {max(day + 1, round(lasts))})"
    return [*_timed(timelines(usage, MOST_STRETCHES, day=day), min(most, _MOST_DAYS), when), *found]


def streamed(found: StreamingResult) -> list[Chart]:
    """What streams use of quotas over time."""
    svg = streams.chart(found)
    return [Chart("streams", "Use of quotas by streams, the most of each stretch", svg)] if svg else []


def _timed(lines: list[Timeline], most: int, when: str) -> list[Chart]:
    used = sorted((one for one in lines if one.active), key=lambda one: -float(one.used.sum()))
    return [chart for one in used[:most] for chart in (_slots(one, when), _jobs(one, when))]


def who(setting: SettingResult, currency: str) -> list[Chart]:
    """Who pays: groups and places; and how long groups take."""
    found = []
    lasted = setting.days or 1.0
    groups = [one for one in setting.groups if one.group != ALL]
    groups = sorted(groups, key=lambda one: -one.cost)[:MOST_GROUPS]
    if len(groups) > 1:
        if any(one.cost for one in groups):
            caption = "Cost a day by group"
            bars = [rows.Bar(one.group, (one.cost / lasted,)) for one in groups]
            found.append(Chart("cost-by-group", caption, rows.bars(caption, bars, unit=currency)))
        caption = "Durations by group: from p50 to p99, with p95"
        kept = [
            rows.Interval(one.group, one.duration.at(50.0), one.duration.at(95.0), one.duration.at(99.0))
            for one in groups
            if one.duration.count
        ]
        log = _wide(value for one in kept for value in (one.low, one.high))
        found.append(Chart("durations-by-group", caption, rows.intervals(caption, kept, unit="s", log=log)))
    places: dict[str, float] = {}
    for charge in setting.charges:
        places[charge.place] = places.get(charge.place, 0.0) + charge.amount / lasted
    if len(places) > 1:
        caption = "Cost a day by place"
        order = sorted(places, key=lambda name: -places[name])[:MOST_GROUPS]
        bars = [rows.Bar(name, (places[name],)) for name in order]
        found.append(Chart("cost-by-place", caption, rows.bars(caption, bars, unit=currency)))
    return found


def _slots(one: Timeline, when: str) -> Chart:
    caption = f"Slots of {one.place.name}{when}"
    own = one.used - one.borrowed
    layers = [plots.Layer("used", own.tolist(), 0)]
    lines = []
    if one.borrowed.any():
        layers.append(plots.Layer("borrowed", one.borrowed.tolist(), 2))
    if one.place.baseline:
        lines.append(plots.Layer("baseline", [float(one.place.baseline)] * len(own), 3))
    if one.scaled.any():
        name = "baseline and autoscaled" if one.place.baseline else "autoscaled"
        lines.append(plots.Layer(name, (one.scaled + one.place.baseline).tolist(), 1))
        if one.bucket_s > HOUR:
            lines.append(plots.Layer("most of these", (one.peak_scaled + one.place.baseline).tolist(), 4))
    width, unit, label = _time(one, when)
    svg = plots.areas(caption, layers, lines, width=width, x_unit=unit, x_label=label, y_label="slots")
    return Chart(f"slots-{_file(one.place.name)}{'-day' if when else ''}", caption, svg)


def _jobs(one: Timeline, when: str) -> Chart:
    caption = f"Jobs of {one.place.name}{when}"
    layers = [plots.Layer("running", one.running.tolist(), 0)]
    lines = []
    if one.queued.any():
        layers.append(plots.Layer("waiting", one.queued.tolist(), 1))
    if one.queued.any() and one.bucket_s > HOUR:
        lines.append(plots.Layer("most waiting", one.peak_queued.tolist(), 3))
    width, unit, label = _time(one, when)
    svg = plots.areas(caption, layers, lines, width=width, x_unit=unit, x_label=label, y_label="jobs")
    return Chart(f"jobs-{_file(one.place.name)}{'-day' if when else ''}", caption, svg)


def _time(one: Timeline, when: str) -> tuple[float, str, str]:
    """The width of a stretch, its unit, and the words below."""
    since = "since the day began" if when else "since the begin"
    label = f"{since}, means of {words.stretch(one.bucket_s)}"
    if one.bucket_s * len(one.used) > _FEW_DAYS * DAY:
        return one.bucket_s / DAY, "d", label
    return one.bucket_s, "s", label


def _costly(report: Report) -> bool:
    return any(one.cost_per_day for one in report.settings)


def _picked(report: Report) -> list[tuple[str, SettingResult]]:
    """The settings of a chart that has no room for all, each with its label."""
    order = words.order(report)
    kept = order[:MOST_SETTINGS] if len(order) > MOST_SETTINGS else range(len(order))
    advised = report.advice.setting if report.advice else ""
    found = []
    for at in kept:
        one = report.settings[at]
        found.append((f"{'★ ' if one.name == advised else ''}#{at + 1} {_called(report, one)}", one))
    return found


def _by_name(report: Report) -> bool:
    return words.named(report) or max(len(one.name) for one in report.settings) <= _LONG


def _called(report: Report, one: SettingResult) -> str:
    """The name of a setting, or its values alone where that says as much and names are long."""
    if _by_name(report):
        return one.name
    return ", ".join(words.given(one.values, path) for path in words.headings(report))


def _part(report: Report) -> str:
    """What a caption adds where rows are few of many, or their names are only values."""
    count = len(report.settings)
    few = f" (the best {MOST_SETTINGS} of {count})" if count > MOST_SETTINGS else ""
    return few if _by_name(report) else f"{few}; values as in the table"


def _parts(setting: SettingResult, named: Sequence[str], names: Sequence[str]) -> list[float]:
    values = dict.fromkeys(names, 0.0)
    for charge in setting.charges:
        what = charge.what if charge.what in named else names[-1]
        values[what] += charge.amount / (setting.days or 1.0)
    return list(values.values())


def _across(
    label: str, settings: Sequence[SettingResult], of: Callable[[SettingResult], float]
) -> rows.Interval | None:
    figures = [value for value in map(of, settings) if math.isfinite(value)]
    if not figures:
        return None
    return rows.Interval(label, min(figures), statistics.median(figures), max(figures))


def _wide(values: Iterable[float]) -> bool:
    """Whether a logarithm shows figures better: none is zero, and they are far apart."""
    known = [value for value in values if math.isfinite(value)]
    return bool(known) and min(known) > 0 and max(known) / min(known) > _WIDE


def _file(name: str) -> str:
    """A part of a file's name."""
    return re.sub(r"[^A-Za-z0-9_.]+", "-", name).strip("-.")[:60] or "place"
