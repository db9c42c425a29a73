"""Charts as inline SVG: no script, no network. Colours are those of :data:`CSS` and follow light and dark;
series also differ in marks and dashes, so that no reader needs to tell colours apart. Every mark has its
figures as a tooltip, every chart its title and a description for those who cannot see it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from . import drawing as d
from .drawing import CSS, WIDTH, Series
from .scales import Scale, fitting
from .units import shown

__all__ = [
    "CSS", "WIDTH", "Bar", "Interval", "Series", "bars", "histogram", "intervals", "lines", "scatter",
]  # fmt: skip

_ROW, _BAR = 20, 14
# What a character of a figure beside a bar takes at most, on average.
_DIGIT = 7.0


@dataclass(frozen=True, slots=True)
class Bar:
    """A row of bars, one per series: ``values`` may have None for what is not known."""

    label: str
    values: Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure and where it may lie; ``reference`` is what it is compared with. ``bounds`` is where the
    middle may lie, where low and high are something else."""

    label: str
    low: float
    middle: float
    high: float
    reference: float | None = None
    bounds: tuple[float, float] | None = None


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
    scale = fitting([*known, *([] if limit is None else [limit])], d.RIGHT, WIDTH - d.RIGHT, unit)
    named = [name for name in series if name]
    top = d.legend_height(named)
    each = _ROW + len(series) * (_BAR + 2) + 6
    out = d.legend(named)
    bottom = top + each * len(rows) + 6
    out += d.below(scale, top, bottom)
    zero = scale.at(0)
    for at, row in enumerate(rows):
        y = top + at * each
        out.append(d.label(row.label, y + 14))
        for number, value in enumerate(row.values):
            tip = f"{row.label}{', ' + series[number] if series[number] else ''}: {d.told(value, unit)}"
            out.append(_bar(zero, scale, value, y + _ROW + number * (_BAR + 2), number, tip, unit))
    if limit is not None:
        out.append(d.limit(scale.at(limit), top, bottom, f"limit: {shown(limit, unit)}"))
    if not rows:
        return d.svg(title, "", 60, [])
    said = description or d.listing((row.label, [d.told(v, unit) for v in row.values]) for row in rows)
    return d.svg(title, said, bottom + 22, out)


def intervals(
    title: str, rows: Sequence[Interval], *, unit: str = "", log: bool = False, description: str = ""
) -> str:
    """A line from low to high per row, with a mark at the middle, and a diamond at the reference; bounds of
    the middle are a thin line below."""
    figures = [
        f for r in rows for f in (r.low, r.middle, r.high, r.reference, *(r.bounds or ())) if f is not None
    ]
    scale = fitting(figures, d.RIGHT, WIDTH - d.RIGHT, unit, log=log)
    each = _ROW + 22
    bottom = 4 + each * len(rows) + 6
    out = d.below(scale, 4, bottom)
    for at, row in enumerate(rows):
        y = 4 + at * each
        tip = f"{row.label}: {shown(row.middle, unit)} ({shown(row.low, unit)} to {shown(row.high, unit)})"
        if row.reference is not None:
            tip += f", reference {shown(row.reference, unit)}"
        if row.bounds is not None:
            tip += f"; the middle one{d.between(row.bounds, unit)}"
        middle = y + _ROW + 9
        low, high = scale.at(row.low), scale.at(row.high)
        drawn = (
            f'<rect class="band" x="{low}" y="{middle - 5}" width="{d.wide(high - low)}" height="10" rx="3"/>'
            f'<path class="stroke" d="M{low} {middle - 6}v12M{high} {middle - 6}v12M{low} {middle}H{high}"/>'
            f"{d.mark(0, scale.at(row.middle), middle)}"
        )
        if row.reference is not None:
            drawn += f'<g class="s1">{d.mark(1, scale.at(row.reference), middle)}</g>'
        if row.bounds is not None:
            low, high, below = *(scale.at(value) for value in row.bounds), middle + 9
            ends = f"M{low} {below - 3}v6M{high} {below - 3}v6M{low} {below}H{high}"
            drawn += f'<path class="whisker" d="{ends}"/>'
        out += [d.label(row.label, y + 14), f'<g class="s0"><title>{escape(tip)}</title>{drawn}</g>']
    if not rows:
        return d.svg(title, "", 60, [])
    said = description or d.listing(
        (r.label, [f"{shown(r.middle, unit)}, {shown(r.low, unit)} to {shown(r.high, unit)}"]) for r in rows
    )
    return d.svg(title, said, bottom + 22, out)


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
        return d.svg(title, "", 60, [])
    across = fitting([*kept, *([] if limit is None else [limit])], d.LEFT, WIDTH - d.RIGHT, unit, zero=False)
    width = (across.high - across.low) / max(1, bins)
    counts = [0] * max(1, bins)
    for value in kept:
        counts[min(len(counts) - 1, int((value - across.low) / width))] += 1
    up = fitting([*counts, 1], d.TOP + d.PLOT_HEIGHT, d.TOP)
    out = d.frame(across, up, d.TOP, x_label, "", whole=True)
    for at, count in enumerate(counts):
        left, right = (across.at(across.low + i * width) for i in (at, at + 1))
        edges = f"{shown(across.low + at * width, unit)} to {shown(across.low + (at + 1) * width, unit)}"
        y = up.at(count)
        out.append(
            f'<g class="s0"><title>{escape(f"{edges}: {count}")}</title>'
            f'<rect class="fill" x="{left}" y="{y}" '
            f'width="{d.wide(right - left - 1)}" height="{round(up.at(0) - y, 2)}"/></g>'
        )
    if limit is not None:
        at_x = across.at(limit)
        out.append(d.limit(at_x, d.TOP, d.TOP + d.PLOT_HEIGHT, f"limit: {shown(limit, unit)}"))
    said = description or (
        f"{len(kept)} values from {shown(min(kept), unit)} to {shown(max(kept), unit)}"
        if kept
        else "no values"
    )
    return d.svg(title, said, d.TOP + d.PLOT_HEIGHT + d.BOTTOM, out)


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
        return d.svg(title, "", 60, [])
    named = [s.name for s in series if s.name] if len(series) > 1 else []
    top = d.TOP + d.legend_height(named) + (16 if y_label else 0)
    ys = [y for _, y in points] + ([] if limit is None else [limit])
    across = fitting((x for x, _ in points), d.LEFT, WIDTH - d.RIGHT, x_unit, zero=diagonal, log=log[0])
    up = fitting(ys, top + d.PLOT_HEIGHT, top, y_unit, log=log[1])
    out = d.legend(named) + d.frame(across, up, top, x_label, y_label)
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
            dash = d.DASHES[number % len(d.DASHES)]
            dashed = f' stroke-dasharray="{dash}"' if dash else ""
            drawn = f'<path class="stroke"{dashed} d="M{path}"/>'
        for x, y, told_x, told_y in places:
            name = f"{one.name}: " if one.name else ""
            tip = f"{name}{shown(told_x, x_unit)}, {shown(told_y, y_unit)}"
            drawn += f"<g><title>{escape(tip)}</title>{d.mark(number, x, y)}</g>"
        out.append(f'<g class="s{number % 6}">{drawn}</g>')
    if limit is not None:
        y = up.at(limit)
        out.append(
            f"<g><title>limit: {escape(shown(limit, y_unit))}</title>"
            f'<path class="limit" d="M{d.LEFT} {y}H{WIDTH - d.RIGHT}"/></g>'
        )
    said = description or d.listing((s.name or title, [_range(s, y_unit)]) for s in series)
    return d.svg(title, said, top + d.PLOT_HEIGHT + d.BOTTOM, out)


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
        f'<rect class="fill" x="{left}" y="{y}" width="{d.wide(width)}" height="{_BAR}" rx="2"/>'
        f'<text {where} y="{y + 11}"{colour} font-size="11">{escape(text)}</text></g>'
    )


def _figure(left: float, right: float, wide: float) -> tuple[str, bool]:
    """Where the figure of a bar stands, and whether that is in it: behind it, in it where there is no room
    for all of it, before it where it is too short for that."""
    if WIDTH - right > wide:
        return f'x="{right + 4}"', False
    inside = right - left > wide
    return f'x="{round((right if inside else left) - 4, 2)}" text-anchor="end"', inside


def _range(series: Series, unit: str) -> str:
    ys = [y for _, y in series.points if math.isfinite(y)]
    return f"{len(ys)} points from {shown(min(ys), unit)} to {shown(max(ys), unit)}" if ys else "no points"
