"""Charts as inline SVG: no script, no network. Colours are those of :data:`CSS` and follow light and dark;
series also differ in marks and dashes, so that no reader needs to tell colours apart. Every mark has its
figures as a tooltip, every chart its title and a description for those who cannot see it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from .scales import Scale, fitting
from .units import labels, shown

WIDTH = 440
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 14, 12, 46
_PLOT_HEIGHT = 210
_ROW, _BAR = 20, 14
# What a character of a figure beside a bar takes at most, on average.
_DIGIT = 7.0
# Characters of a label that fit the width.
_LABEL = 58
_DASHES = ("", "6 3", "2 3", "8 3 2 3", "10 4", "4 2 1 2")

# The colours of Okabe and Ito, which colour-blind readers can tell apart, lighter on a dark ground.
CSS = """
:root{--c0:#0072b2;--c1:#d55e00;--c2:#009e73;--c3:#a65a8a;--c4:#8a6d00;--c5:#56707f;--ink:#1b1f24;
--soft:#59636e;--line:#d1d9e0;--ground:#ffffff;--panel:#f6f8fa}
@media (prefers-color-scheme:dark){:root{--c0:#56b4e9;--c1:#ff9e57;--c2:#3fd0a4;--c3:#e39ac6;--c4:#f0e442;
--c5:#a9b8c4;--ink:#e6edf3;--soft:#9198a1;--line:#3d444d;--ground:#0d1117;--panel:#151b23}}
svg.chart{display:block;width:100%;max-width:560px;height:auto;font:13px system-ui,sans-serif;
color:var(--ink)}
svg.chart text{fill:currentColor}
svg.chart .soft{fill:var(--soft)}
svg.chart .grid{stroke:var(--line);stroke-width:1}
svg.chart .axis{stroke:var(--soft);stroke-width:1;fill:none}
svg.chart .s0{--s:var(--c0)}svg.chart .s1{--s:var(--c1)}svg.chart .s2{--s:var(--c2)}
svg.chart .s3{--s:var(--c3)}svg.chart .s4{--s:var(--c4)}svg.chart .s5{--s:var(--c5)}
svg.chart .fill{fill:var(--s)}
svg.chart .stroke{stroke:var(--s);fill:none;stroke-width:2}
svg.chart .band{fill:var(--s);opacity:.3}
svg.chart .mark{stroke:var(--ground);stroke-width:1;fill:var(--s)}
svg.chart .limit{stroke:var(--c1);stroke-width:2;stroke-dasharray:5 3}
"""


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of bars, one per series: ``values`` may have None for what is not known."""

    label: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Series:
    """Points ``(x, y)`` under a name."""

    name: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and where it may lie; ``reference`` is what it is compared with."""

    label: str
    low: float
    middle: float
    high: float
    reference: float | None = None


def bars(
    title: str,
    rows: Sequence[Bar],
    series: Sequence[str] = ("",),
    *,
    unit: str = "",
    limit: float | None = None,
    description: str = "",
) -> str:
    """Bars from left to right, a row per label, a bar per series in it. ``limit`` is drawn as a line."""
    known = [v for row in rows for v in row.values if v is not None]
    scale = fitting([*known, *([] if limit is None else [limit])], _RIGHT, WIDTH - _RIGHT, unit)
    named = [name for name in series if name]
    top = _legend_height(named)
    each = _ROW + len(series) * (_BAR + 2) + 6
    out = _legend(named)
    bottom = top + each * len(rows) + 6
    out += _below(scale, top, bottom)
    zero = scale.at(0)
    for at, row in enumerate(rows):
        y = top + at * each
        out.append(_label(row.label, y + 14))
        for number, value in enumerate(row.values):
            tip = f"{row.label}{', ' + series[number] if series[number] else ''}: {_told(value, unit)}"
            out.append(_bar(zero, scale, value, y + _ROW + number * (_BAR + 2), number, tip, unit))
    if limit is not None:
        out.append(_limit(scale.at(limit), top, bottom, f"limit: {shown(limit, unit)}"))
    if not rows:
        return _svg(title, "", 60, [])
    said = description or _listing((row.label, [_told(v, unit) for v in row.values]) for row in rows)
    return _svg(title, said, bottom + 22, out)


def intervals(
    title: str, rows: Sequence[Interval], *, unit: str = "", log: bool = False, description: str = ""
) -> str:
    """A line from low to high per row, with a mark at the middle, and a diamond at the reference."""
    figures = [f for r in rows for f in (r.low, r.middle, r.high, r.reference) if f is not None]
    scale = fitting(figures, _RIGHT, WIDTH - _RIGHT, unit, log=log)
    each = _ROW + 22
    bottom = 4 + each * len(rows) + 6
    out = _below(scale, 4, bottom)
    for at, row in enumerate(rows):
        y = 4 + at * each
        tip = f"{row.label}: {shown(row.middle, unit)} ({shown(row.low, unit)} to {shown(row.high, unit)})"
        if row.reference is not None:
            tip += f", reference {shown(row.reference, unit)}"
        middle = y + _ROW + 9
        low, high = scale.at(row.low), scale.at(row.high)
        drawn = (
            f'<rect class="band" x="{low}" y="{middle - 5}" width="{_wide(high - low)}" height="10" rx="3"/>'
            f'<path class="stroke" d="M{low} {middle - 6}v12M{high} {middle - 6}v12M{low} {middle}H{high}"/>'
            f"{_mark(0, scale.at(row.middle), middle)}"
        )
        if row.reference is not None:
            drawn += f'<g class="s1">{_mark(1, scale.at(row.reference), middle)}</g>'
        out += [_label(row.label, y + 14), f'<g class="s0"><title>{escape(tip)}</title>{drawn}</g>']
    if not rows:
        return _svg(title, "", 60, [])
    said = description or _listing(
        (r.label, [f"{shown(r.middle, unit)}, {shown(r.low, unit)} to {shown(r.high, unit)}"]) for r in rows
    )
    return _svg(title, said, bottom + 22, out)


def lines(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str = "",
    y_label: str = "",
    x_unit: str = "",
    y_unit: str = "",
    log: bool = False,
    limit: float | None = None,
    description: str = "",
) -> str:
    """A line per series; ``x_unit="time"`` takes microseconds since the epoch. ``log`` is of the y axis."""
    return _plot(
        title, series, x_label, y_label, x_unit, y_unit, (False, log), limit, description, joined=True
    )


def scatter(
    title: str,
    series: Sequence[Series],
    *,
    x_label: str = "",
    y_label: str = "",
    x_unit: str = "",
    y_unit: str = "",
    log: bool = False,
    diagonal: bool = False,
    description: str = "",
) -> str:
    """A mark per point. ``log`` is of both axes; ``diagonal`` draws where y is x."""
    return _plot(
        title, series, x_label, y_label, x_unit, y_unit, (log, log), None, description, diagonal=diagonal
    )


def histogram(
    title: str,
    values: Sequence[float],
    *,
    bins: int = 20,
    unit: str = "",
    x_label: str = "",
    limit: float | None = None,
    description: str = "",
) -> str:
    """How many of ``values`` lie in each of about ``bins`` equal stretches."""
    kept = [v for v in values if math.isfinite(v)]
    if not kept:
        return _svg(title, "", 60, [])
    across = fitting([*kept, *([] if limit is None else [limit])], _LEFT, WIDTH - _RIGHT, unit, zero=False)
    width = (across.high - across.low) / max(1, bins)
    counts = [0] * max(1, bins)
    for value in kept:
        counts[min(len(counts) - 1, int((value - across.low) / width))] += 1
    up = fitting([*counts, 1], _TOP + _PLOT_HEIGHT, _TOP)
    out = _frame(across, up, _TOP, x_label, "", whole=True)
    for at, count in enumerate(counts):
        left, right = (across.at(across.low + i * width) for i in (at, at + 1))
        edges = f"{shown(across.low + at * width, unit)} to {shown(across.low + (at + 1) * width, unit)}"
        y = up.at(count)
        out.append(
            f'<g class="s0"><title>{escape(f"{edges}: {count}")}</title>'
            f'<rect class="fill" x="{left}" y="{y}" '
            f'width="{_wide(right - left - 1)}" height="{round(up.at(0) - y, 2)}"/></g>'
        )
    if limit is not None:
        at_x = across.at(limit)
        out.append(_limit(at_x, _TOP, _TOP + _PLOT_HEIGHT, f"limit: {shown(limit, unit)}"))
    said = description or (
        f"{len(kept)} values from {shown(min(kept), unit)} to {shown(max(kept), unit)}"
        if kept
        else "no values"
    )
    return _svg(title, said, _TOP + _PLOT_HEIGHT + _BOTTOM, out)


def _plot(
    title: str,
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    x_unit: str,
    y_unit: str,
    log: tuple[bool, bool],
    limit: float | None,
    description: str,
    joined: bool = False,
    diagonal: bool = False,
) -> str:
    points = [p for s in series for p in s.points if math.isfinite(p[0]) and math.isfinite(p[1])]
    if not points:
        return _svg(title, "", 60, [])
    named = [s.name for s in series if s.name] if len(series) > 1 else []
    top = _TOP + _legend_height(named) + (16 if y_label else 0)
    ys = [y for _, y in points] + ([] if limit is None else [limit])
    across = fitting((x for x, _ in points), _LEFT, WIDTH - _RIGHT, x_unit, zero=diagonal, log=log[0])
    up = fitting(ys, top + _PLOT_HEIGHT, top, y_unit, log=log[1])
    out = _legend(named) + _frame(across, up, top, x_label, y_label)
    if diagonal:
        low, high = max(across.low, up.low), min(across.high, up.high)
        out.append(
            f'<path class="axis" stroke-dasharray="3 3" d="M{across.at(low)} {up.at(low)}'
            f'L{across.at(high)} {up.at(high)}"/>'
        )
    for number, one in enumerate(series):
        places = [
            (across.at(x), up.at(y), x, y) for x, y in one.points if math.isfinite(x) and math.isfinite(y)
        ]
        drawn = ""
        if joined and places:
            path = "L".join(f"{x} {y}" for x, y, _, _ in places)
            dash = _DASHES[number % len(_DASHES)]
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            drawn = f'<path class="stroke"{dashed} d="M{path}"/>'
        for x, y, told_x, told_y in places:
            name = f"{one.name}: " if one.name else ""
            tip = f"{name}{shown(told_x, x_unit)}, {shown(told_y, y_unit)}"
            drawn += f"<g><title>{escape(tip)}</title>{_mark(number, x, y)}</g>"
        out.append(f'<g class="s{number % 6}">{drawn}</g>')
    if limit is not None:
        y = up.at(limit)
        out.append(
            f"<g><title>limit: {escape(shown(limit, y_unit))}</title>"
            f'<path class="limit" d="M{_LEFT} {y}H{WIDTH - _RIGHT}"/></g>'
        )
    said = description or _listing((s.name or title, [_range(s, y_unit)]) for s in series)
    return _svg(title, said, top + _PLOT_HEIGHT + _BOTTOM, out)


def _frame(
    across: Scale, up: Scale, top: float, x_label: str, y_label: str, whole: bool = False
) -> list[str]:
    """Axes with ticks; ``whole``: the y axis counts."""
    bottom = top + _PLOT_HEIGHT
    out = []
    ticks = [t for t in up.ticks() if not whole or t == int(t)]
    for tick, text in zip(ticks, labels(ticks, up.unit, log=up.log), strict=True):
        y = up.at(tick)
        out.append(f'<path class="grid" d="M{_LEFT} {y}H{WIDTH - _RIGHT}"/>')
        out.append(f'<text class="soft" x="{_LEFT - 5}" y="{y + 4}" text-anchor="end">{escape(text)}</text>')
    out.append(f'<path class="axis" d="M{_LEFT} {top}V{bottom}H{WIDTH - _RIGHT}"/>')
    out += _ticks(across, bottom)
    if x_label:
        out.append(
            f'<text class="soft" x="{(_LEFT + WIDTH) / 2}" y="{bottom + 38}" text-anchor="middle">'
            f"{escape(_cut(x_label))}</text>"
        )
    if y_label:
        out.append(f'<text class="soft" x="4" y="{top - 10}">{escape(_cut(y_label))}</text>')
    return out


def _ticks(scale: Scale, y: float) -> list[str]:
    """The ticks below a plot, as many as have room."""
    for wanted in (5, 4, 3, 2, 1):
        ticks = scale.ticks(wanted)
        texts = labels(ticks, scale.unit, log=scale.log)
        if sum(map(len, texts)) * 7.5 + len(texts) * 8 <= abs(scale.end - scale.start):
            break
    out = []
    for tick, text in zip(ticks, texts, strict=True):
        x = scale.at(tick)
        half = len(text) * 3.6
        anchor = "start" if x - half < 0 else "end" if x + half > WIDTH else "middle"
        out.append(f'<path class="axis" d="M{x} {y}v4"/>')
        out.append(f'<text class="soft" x="{x}" y="{y + 18}" text-anchor="{anchor}">{escape(text)}</text>')
    return out


def _below(scale: Scale, top: float, bottom: float) -> list[str]:
    """Ticks below rows, with lines upward."""
    grid = "".join(f"M{scale.at(t)} {top}V{bottom}" for t in scale.ticks())
    return [f'<path class="grid" d="{grid}"/>', *_ticks(scale, bottom)]


def _bar(zero: float, scale: Scale, value: float | None, y: float, number: int, tip: str, unit: str) -> str:
    if value is None or not math.isfinite(value):
        return f'<text class="soft" x="{zero + 4}" y="{y + 11}"><title>{escape(tip)}</title>–</text>'
    end = scale.at(value)
    left, width = min(zero, end), abs(end - zero)
    text = shown(value, unit)
    where, inside = _figure(left, left + width, len(text) * _DIGIT + 8)
    colour = ' style="fill:var(--ground)"' if inside else ""
    return (
        f'<g class="s{number % 6}"><title>{escape(tip)}</title>'
        f'<rect class="fill" x="{left}" y="{y}" width="{_wide(width)}" height="{_BAR}" rx="2"/>'
        f'<text {where} y="{y + 11}"{colour} font-size="11">{escape(text)}</text></g>'
    )


def _figure(left: float, right: float, wide: float) -> tuple[str, bool]:
    """Where the figure of a bar stands, and whether that is in it: behind it, in it where there is no room
    for all of it, before it where it is too short for that."""
    if WIDTH - right > wide:
        return f'x="{right + 4}"', False
    inside = right - left > wide
    return f'x="{round((right if inside else left) - 4, 2)}" text-anchor="end"', inside


def _mark(number: int, x: float, y: float) -> str:
    if number % 3 == 0:
        return f'<circle class="mark" cx="{x}" cy="{y}" r="4"/>'
    if number % 3 == 1:
        return f'<path class="mark" d="M{x} {y - 5.5}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"/>'
    return f'<rect class="mark" x="{x - 3.5}" y="{y - 3.5}" width="7" height="7"/>'


def _limit(x: float, top: float, bottom: float, tip: str) -> str:
    return f'<g><title>{escape(tip)}</title><path class="limit" d="M{x} {top}V{bottom}"/></g>'


def _label(text: str, y: float) -> str:
    short = _cut(text)
    tip = f"<title>{escape(text)}</title>" if short != text else ""
    return f'<text x="{_RIGHT}" y="{y}">{tip}{escape(short)}</text>'


def _legend_rows(names: Sequence[str]) -> list[list[tuple[int, str]]]:
    rows: list[list[tuple[int, str]]] = []
    used = WIDTH
    for number, name in enumerate(names):
        wide = len(_cut(name)) * 7.2 + 30
        if used + wide > WIDTH:
            rows.append([])
            used = 0
        rows[-1].append((number, _cut(name)))
        used += int(wide)
    return rows


def _legend_height(names: Sequence[str]) -> int:
    return 20 * len(_legend_rows(names)) + 4


def _legend(names: Sequence[str]) -> list[str]:
    out = []
    for line, row in enumerate(_legend_rows(names)):
        x = float(_RIGHT)
        for number, name in row:
            y = 10 + line * 20
            out.append(f'<g class="s{number % 6}">{_mark(number, x, y)}</g>')
            out.append(f'<text x="{x + 10}" y="{y + 4}">{escape(name)}</text>')
            x += len(name) * 7.2 + 30
    return out


def _svg(title: str, description: str, height: float, parts: Iterable[str]) -> str:
    body = "".join(parts)
    if not description:
        description = "nothing to show"
        body += (
            f'<text class="soft" x="{WIDTH / 2}" y="{height / 2}" text-anchor="middle">{description}</text>'
        )
    name = "c" + hashlib.sha256(f"{title}\n{body}".encode()).hexdigest()[:10]
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {round(height)}" '
        f'role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>'
        f"{body}</svg>\n"
    )


def _told(value: float | None, unit: str) -> str:
    return "not known" if value is None else shown(value, unit)


def _range(series: Series, unit: str) -> str:
    ys = [y for _, y in series.points if math.isfinite(y)]
    return f"{len(ys)} points from {shown(min(ys), unit)} to {shown(max(ys), unit)}" if ys else "no points"


def _listing(rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    return "; ".join(f"{label}: {', '.join(values)}" for label, values in rows)


def _cut(text: str) -> str:
    return text if len(text) <= _LABEL else text[: _LABEL - 1] + "…"


def _wide(width: float) -> float:
    return round(max(width, 1.0), 2)
