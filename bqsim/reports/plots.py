"""Charts of many points: areas over time, figures against each other with names, bars of parts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from . import drawing as d
from .scales import Scale, fitting
from .units import shown

_ROW, _BAR = 20, 14
# What a character of a label takes.
_CHARACTER = 6.6
# Lines of more stretches are thin.
_FINE = 60


@dataclass(frozen=True, slots=True)
class Layer:
    """Values of stretches of equal width, one after the other; ``colour`` is the number of a series."""

    name: str
    values: Sequence[float]
    colour: int = 0


@dataclass(frozen=True, slots=True)
class Point:
    """A point with its name; ``label`` is written beside it where there is room. ``x_range`` and ``y_range``
    are between what its figures may lie."""

    x: float
    y: float
    name: str
    label: str = ""
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Points:
    """Points alike. ``path`` are corners of a line drawn behind them."""

    name: str
    points: Sequence[Point]
    colour: int = 0
    size: float = 1.0
    path: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, slots=True)
class Parts:
    """A row of parts that add up. ``bounds`` are where their sum may lie."""

    label: str
    values: Sequence[float]
    bounds: tuple[float, float] | None = None


def areas(
    title: str,
    layers: Sequence[Layer],
    lines: Sequence[Layer] = (),
    *,
    width: float,
    x_label: str = "",
    y_label: str = "",
    x_unit: str = "",
    y_unit: str = "",
    description: str = "",
) -> str:
    """``layers`` on top of each other, ``lines`` over them; each value is of a stretch ``width`` wide."""
    every = [*layers, *lines]
    count = max((len(one.values) for one in every), default=0)
    if not count:
        return d.svg(title, "", 60, [])
    sums = [0.0] * count
    stacked = []
    for one in layers:
        under = list(sums)
        sums = [low + _known(value) for low, value in zip(sums, one.values, strict=True)]
        stacked.append((one, under, sums))
    tops = [*sums, *(_known(v) for one in lines for v in one.values)]
    names = [one.name for one in every]
    top = d.TOP + d.legend_height(names) + (16 if y_label else 0)
    across = Scale(0.0, width * count, d.LEFT, d.WIDTH - d.RIGHT, x_unit)
    up = fitting(tops, top + d.PLOT_HEIGHT, top, y_unit)
    out = _swatches(every, len(layers)) + d.frame(across, up, top, x_label, y_label)
    for one, under, over in stacked:
        path = _steps(across, up, width, over) + "L" + _steps(across, up, width, under, back=True)[1:] + "Z"
        out.append(f'<g class="s{one.colour % 6}"><path class="area" d="{path}"/></g>')
    for at, one in enumerate(lines):
        dash = d.DASHES[at % len(d.DASHES)]
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        path = _steps(across, up, width, [_known(v) for v in one.values])
        # An edge would hide what lies between fine lines.
        edge, kind = ("", "stroke thin") if count > _FINE else (f'<path class="halo" d="{path}"/>', "stroke")
        line = f'{edge}<path class="{kind}"{dashed} d="{path}"/>'
        out.append(f'<g class="s{one.colour % 6}">{line}</g>')
    for at in range(count):
        left, right = across.at(at * width), across.at((at + 1) * width)
        figures = ", ".join(f"{one.name} {shown(_known(one.values[at]), y_unit)}" for one in every)
        tip = f"{shown(at * width, x_unit)} to {shown((at + 1) * width, x_unit)}: {figures}"
        out.append(
            f'<rect class="over" x="{left}" y="{top}" width="{d.wide(right - left)}" '
            f'height="{d.PLOT_HEIGHT}"><title>{escape(tip)}</title></rect>'
        )
    said = description or d.listing((one.name, [_most(one, y_unit)]) for one in every)
    return d.svg(title, said, top + d.PLOT_HEIGHT + d.BOTTOM, out)


def points(
    title: str,
    groups: Sequence[Points],
    *,
    x_label: str = "",
    y_label: str = "",
    x_unit: str = "",
    y_unit: str = "",
    log: tuple[bool, bool] = (False, False),
    description: str = "",
) -> str:
    """Groups of points, the last on top; those later are labelled first."""
    kept = [
        Points(
            g.name,
            [p for p in g.points if math.isfinite(p.x) and math.isfinite(p.y)],
            g.colour,
            g.size,
            g.path,
        )
        for g in groups
    ]
    kept = [g for g in kept if g.points]
    if not kept:
        return d.svg(title, "", 60, [])
    names = [g.name for g in kept]
    top = d.TOP + d.legend_height(names) + (16 if y_label else 0)
    every = [p for g in kept for p in g.points]
    xs = [x for p in every for x in (p.x, *(p.x_range or ()))]
    ys = [y for p in every for y in (p.y, *(p.y_range or ()))]
    across = fitting(xs, d.LEFT, d.WIDTH - d.RIGHT, x_unit, zero=False, log=log[0])
    up = fitting(ys, top + d.PLOT_HEIGHT, top, y_unit, log=log[1])
    out = _legend_of(kept) + d.frame(across, up, top, x_label, y_label)
    taken = [(across.at(p.x) - 5, up.at(p.y) - 5, across.at(p.x) + 5, up.at(p.y) + 5) for p in every]
    labels = []
    for group in reversed(kept):
        for point in group.points:
            if point.label:
                labels += _beside(point, across.at(point.x), up.at(point.y), taken, top)
    for group in kept:
        drawn = ""
        if group.path:
            corners = "L".join(f"{across.at(x)} {up.at(y)}" for x, y in group.path)
            drawn += f'<path class="stroke" stroke-opacity=".5" d="M{corners}"/>'
        for point in group.points:
            tip = (
                f"{point.name}: {shown(point.x, x_unit)}{d.between(point.x_range, x_unit)}, "
                f"{shown(point.y, y_unit)}{d.between(point.y_range, y_unit)}"
            )
            mark = _ranges(point, across, up) + _sized(group, across.at(point.x), up.at(point.y))
            drawn += f"<g><title>{escape(tip)}</title>{mark}</g>"
        out.append(f'<g class="s{group.colour % 6}">{drawn}</g>')
    said = description or d.listing(
        (g.name, [f"{len(g.points)} point{'s' if len(g.points) != 1 else ''}"]) for g in kept
    )
    return d.svg(title, said, top + d.PLOT_HEIGHT + d.BOTTOM, [*out, *labels])


def parts(
    title: str, rows: Sequence[Parts], names: Sequence[str], *, unit: str = "", description: str = ""
) -> str:
    """A bar per row of parts behind each other, with their sum; bounds are a line through its end."""
    if not rows:
        return d.svg(title, "", 60, [])
    sums = [sum(map(_known, row.values)) for row in rows]
    ends = [max([total, *(row.bounds or ())]) for row, total in zip(rows, sums, strict=True)]
    # The figures stand behind the longest bar.
    room = max(len(shown(total, unit)) for total in sums) * 7.0 + 8
    scale = fitting(ends, d.RIGHT, d.WIDTH - d.RIGHT - room, unit)
    layers = [Layer(name, (), at) for at, name in enumerate(names)]
    top = d.legend_height([*names])
    bottom = top + (_ROW + _BAR + 8) * len(rows) + 6
    out = _swatches(layers, len(layers)) + d.below(scale, top, bottom)
    for at, row in enumerate(rows):
        y = top + at * (_ROW + _BAR + 8)
        out.append(d.label(row.label, y + 14))
        before = 0.0
        for number, value in enumerate(map(_known, row.values)):
            if value:
                left, right = scale.at(before), scale.at(before + value)
                tip = f"{row.label}, {names[number]}: {shown(value, unit)}"
                out.append(
                    f'<g class="s{number % 6}"><title>{escape(tip)}</title><rect class="fill" x="{left}" '
                    f'y="{y + _ROW}" width="{d.wide(right - left)}" height="{_BAR}"/></g>'
                )
            before += value
        end, middle = scale.at(ends[at]), y + _ROW + _BAR / 2
        if row.bounds:
            low, high = (scale.at(value) for value in row.bounds)
            ends_at = f"M{low} {middle - 5}v10M{high} {middle - 5}v10"
            out.append(f'<path class="whisker" d="{ends_at}M{low} {middle}H{high}"/>')
        out.append(
            f'<text x="{end + 5}" y="{y + _ROW + 11}" font-size="11">{escape(shown(sums[at], unit))}</text>'
        )
    said = description or d.listing((r.label, [shown(s, unit)]) for r, s in zip(rows, sums, strict=True))
    return d.svg(title, said, bottom + 22, out)


def _known(value: float) -> float:
    return value if math.isfinite(value) else 0.0


def _steps(across: Scale, up: Scale, width: float, values: Sequence[float], back: bool = False) -> str:
    """A level for each value, from left to right or back; equal ones are one."""
    corners: list[tuple[float, float]] = []
    for at, value in enumerate(values):
        y = up.at(value)
        if corners and corners[-1][1] == y:
            corners[-1] = (across.at((at + 1) * width), y)
        else:
            corners += [(across.at(at * width), y), (across.at((at + 1) * width), y)]
    if back:
        corners.reverse()
    return "M" + "L".join(f"{x:g} {y:g}" for x, y in corners)


def _most(one: Layer, unit: str) -> str:
    values = [_known(value) for value in one.values]
    return f"{shown(sum(values) / len(values), unit)} on average, {shown(max(values), unit)} at most"


def _swatches(every: Sequence[Layer], filled: int) -> list[str]:
    """A legend: layers as squares, lines as lines."""
    out = []
    for row, line in enumerate(d.legend_rows([one.name for one in every])):
        x, y = float(d.RIGHT), 10 + row * 20
        for number, name in line:
            if number < filled:
                shape = f'<rect class="area" x="{x - 5}" y="{y - 5}" width="11" height="11"/>'
            else:
                dash = d.DASHES[(number - filled) % len(d.DASHES)]
                dashed = f' stroke-dasharray="{dash}"' if dash else ""
                shape = f'<path class="stroke"{dashed} d="M{x - 7} {y}h15"/>'
            out.append(f'<g class="s{every[number].colour % 6}">{shape}</g>')
            out.append(f'<text x="{x + 11}" y="{y + 4}">{escape(name)}</text>')
            x += len(name) * 7.2 + 34
    return out


def _legend_of(groups: Sequence[Points]) -> list[str]:
    out = []
    for row, line in enumerate(d.legend_rows([one.name for one in groups])):
        x, y = float(d.RIGHT), 10.0 + row * 20
        for number, name in line:
            group = groups[number]
            out.append(f'<g class="s{group.colour % 6}">{_sized(group, x, y)}</g>')
            out.append(f'<text x="{x + 10}" y="{y + 4}">{escape(name)}</text>')
            x += len(name) * 7.2 + 34
    return out


def _sized(group: Points, x: float, y: float) -> str:
    mark = d.mark(group.colour, x, y)
    if group.size == 1:
        return mark
    moved = f"translate({x} {y}) scale({group.size:g})"
    return f'<g transform="{moved}">{d.mark(group.colour, 0, 0)}</g>'


def _ranges(point: Point, across: Scale, up: Scale) -> str:
    """Thin lines through a point, as far as its figures may lie."""
    x, y = across.at(point.x), up.at(point.y)
    path = ""
    if point.x_range:
        low, high = (across.at(value) for value in point.x_range)
        path += f"M{low} {y - 3}v6M{high} {y - 3}v6M{low} {y}H{high}"
    if point.y_range:
        low, high = (up.at(value) for value in point.y_range)
        path += f"M{x - 3} {low}h6M{x - 3} {high}h6M{x} {low}V{high}"
    return f'<path class="stroke range" d="{path}"/>' if path else ""


def _beside(
    point: Point, x: float, y: float, taken: list[tuple[float, float, float, float]], top: float
) -> list[str]:
    """The label of a point where nothing else is; none where there is no room."""
    text = d.cut(point.label)
    wide = len(text) * _CHARACTER
    for left, base in ((x + 8, y + 4), (x - 8 - wide, y + 4), (x - wide / 2, y - 9), (x - wide / 2, y + 18)):
        box = (left, base - 10, left + wide, base + 3)
        inside = left >= d.LEFT and box[2] <= d.WIDTH and base - 10 >= top - 4 and base <= top + d.PLOT_HEIGHT
        clear = all(
            box[2] <= other[0] or box[0] >= other[2] or box[3] <= other[1] or box[1] >= other[3]
            for other in taken
        )
        if inside and clear:
            taken.append(box)
            return [f'<text x="{left:g}" y="{base:g}" font-size="11">{escape(text)}</text>']
    return []
