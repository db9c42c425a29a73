"""What charts are drawn of: axes, legends, marks, colours."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from .scales import Scale
from .units import labels, shown

WIDTH = 440
LEFT, RIGHT, TOP, BOTTOM = 58, 14, 12, 46
PLOT_HEIGHT = 210
# Between the labels of ticks.
_APART = 6
# Characters of a label that fit the width.
LABEL = 58
DASHES = ("", "6 3", "2 3", "8 3 2 3", "10 4", "4 2 1 2")

# The colours of Okabe and Ito, which colour-blind readers can tell apart, lighter on a dark ground.
LIGHT: Mapping[str, str] = {
    "c0": "#0072b2", "c1": "#d55e00", "c2": "#009e73", "c3": "#a65a8a", "c4": "#8a6d00", "c5": "#56707f",
    "ink": "#1b1f24", "soft": "#59636e", "line": "#d1d9e0", "ground": "#ffffff", "panel": "#f6f8fa",
}  # fmt: skip
DARK: Mapping[str, str] = {
    "c0": "#56b4e9", "c1": "#ff9e57", "c2": "#3fd0a4", "c3": "#e39ac6", "c4": "#f0e442", "c5": "#a9b8c4",
    "ink": "#e6edf3", "soft": "#9198a1", "line": "#3d444d", "ground": "#0d1117", "panel": "#151b23",
}  # fmt: skip
# What is drawn how; ``--s`` is the colour of the series.
RULES: Mapping[str, str] = {
    "text": "fill:var(--ink)",
    ".soft": "fill:var(--soft)",
    ".grid": "stroke:var(--line);stroke-width:1",
    ".axis": "stroke:var(--soft);stroke-width:1;fill:none",
    ".fill": "fill:var(--s)",
    ".area": "fill:var(--s);opacity:.75",
    ".whisker": "stroke:var(--ink);stroke-width:1.5;fill:none",
    ".stroke": "stroke:var(--s);fill:none;stroke-width:2",
    ".thin": "stroke-width:1.5",
    ".range": "stroke-width:1;opacity:.6",
    ".halo": "stroke:var(--ground);stroke-width:3.5;stroke-opacity:.8;fill:none",
    ".band": "fill:var(--s);opacity:.3",
    ".mark": "stroke:var(--ground);stroke-width:1;fill:var(--s)",
    ".limit": "stroke:var(--c1);stroke-width:2;stroke-dasharray:5 3",
    ".over": "fill:transparent",
    ".over:hover": "fill:var(--soft);opacity:.25",
}


def _variables(colours: Mapping[str, str]) -> str:
    return ":root{" + ";".join(f"--{name}:{colour}" for name, colour in colours.items()) + "}"


CSS = (
    f"\n{_variables(LIGHT)}\n@media (prefers-color-scheme:dark){{{_variables(DARK)}}}\n"
    "svg.chart{display:block;width:100%;max-width:560px;height:auto;font:13px system-ui,sans-serif}\n"
    + "".join(f"svg.chart .s{n}{{--s:var(--c{n})}}" for n in range(6))
    + "\n"
    + "".join(f"svg.chart {what}{{{how}}}\n" for what, how in RULES.items())
)


@dataclass(frozen=True, slots=True)
class Series:
    """Points ``(x, y)`` under a name."""

    name: str
    points: Sequence[tuple[float, float]]


def frame(across: Scale, up: Scale, top: float, x_label: str, y_label: str, whole: bool = False) -> list[str]:
    """Axes with ticks; ``whole``: the y axis counts."""
    bottom = top + PLOT_HEIGHT
    out = []
    steps = [t for t in up.ticks() if not whole or t == int(t)]
    for tick, text in zip(steps, labels(steps, up.unit, log=up.log), strict=True):
        y = up.at(tick)
        out.append(f'<path class="grid" d="M{LEFT} {y}H{WIDTH - RIGHT}"/>')
        out.append(f'<text class="soft" x="{LEFT - 5}" y="{y + 4}" text-anchor="end">{escape(text)}</text>')
    out.append(f'<path class="axis" d="M{LEFT} {top}V{bottom}H{WIDTH - RIGHT}"/>')
    out += ticks(across, bottom)
    if x_label:
        out.append(
            f'<text class="soft" x="{(LEFT + WIDTH) / 2}" y="{bottom + 38}" text-anchor="middle">'
            f"{escape(cut(x_label))}</text>"
        )
    if y_label:
        out.append(f'<text class="soft" x="4" y="{top - 10}">{escape(cut(y_label))}</text>')
    return out


def ticks(scale: Scale, y: float) -> list[str]:
    """The ticks below a plot, as many as have room."""
    for wanted in (5, 4, 3, 2, 1):
        steps = scale.ticks(wanted)
        texts = labels(steps, scale.unit, log=scale.log)
        placed = [_placed(scale.at(step), text) for step, text in zip(steps, texts, strict=True)]
        if all(one[1] + _APART <= other[0] for one, other in pairwise(placed)):
            break
    out = []
    for step, text, (_, _, anchor) in zip(steps, texts, placed, strict=True):
        x = scale.at(step)
        out.append(f'<path class="axis" d="M{x} {y}v4"/>')
        out.append(f'<text class="soft" x="{x}" y="{y + 18}" text-anchor="{anchor}">{escape(text)}</text>')
    return out


def _placed(x: float, text: str) -> tuple[float, float, str]:
    """Where the label of a tick begins and ends, and its anchor."""
    half = len(text) * 3.6
    if x - half < 0:
        return x, x + 2 * half, "start"
    return (x - 2 * half, x, "end") if x + half > WIDTH else (x - half, x + half, "middle")


def below(scale: Scale, top: float, bottom: float) -> list[str]:
    """Ticks below rows, with lines upward."""
    grid = "".join(f"M{scale.at(t)} {top}V{bottom}" for t in scale.ticks())
    return [f'<path class="grid" d="{grid}"/>', *ticks(scale, bottom)]


def mark(number: int, x: float, y: float) -> str:
    """The mark of a series."""
    if number % 3 == 0:
        return f'<circle class="mark" cx="{x}" cy="{y}" r="4"/>'
    if number % 3 == 1:
        return f'<path class="mark" d="M{x} {y - 5.5}l5.5 5.5l-5.5 5.5l-5.5 -5.5z"/>'
    return f'<rect class="mark" x="{x - 3.5}" y="{y - 3.5}" width="7" height="7"/>'


def limit(x: float, top: float, bottom: float, tip: str) -> str:
    """A line upright at a limit."""
    return f'<g><title>{escape(tip)}</title><path class="limit" d="M{x} {top}V{bottom}"/></g>'


def label(text: str, y: float) -> str:
    """A label above a row, cut where it is long."""
    short = cut(text)
    tip = f"<title>{escape(text)}</title>" if short != text else ""
    return f'<text x="{RIGHT}" y="{y}">{tip}{escape(short)}</text>'


def legend_rows(names: Sequence[str]) -> list[list[tuple[int, str]]]:
    """The lines of a legend: the number and the name of each series."""
    rows: list[list[tuple[int, str]]] = []
    used = WIDTH
    for number, name in enumerate(names):
        wide = len(cut(name)) * 7.2 + 34
        if used + wide > WIDTH:
            rows.append([])
            used = 0
        rows[-1].append((number, cut(name)))
        used += int(wide)
    return rows


def legend_height(names: Sequence[str]) -> int:
    """What a legend takes."""
    return 20 * len(legend_rows(names)) + 4


def legend(names: Sequence[str]) -> list[str]:
    """The names of series, each with its mark."""
    out = []
    for line, row in enumerate(legend_rows(names)):
        x = float(RIGHT)
        for number, name in row:
            y = 10 + line * 20
            out.append(f'<g class="s{number % 6}">{mark(number, x, y)}</g>')
            out.append(f'<text x="{x + 10}" y="{y + 4}">{escape(name)}</text>')
            x += len(name) * 7.2 + 34
    return out


def svg(title: str, description: str, height: float, parts: Iterable[str]) -> str:
    """A whole chart of drawn parts; without a description there is nothing to show."""
    body = "".join(parts)
    if not description:
        description = "nothing to show"
        body += (
            f'<text class="soft" x="{WIDTH / 2}" y="{height / 2}" text-anchor="middle">{description}</text>'
        )
    name = "c" + hashlib.sha256(f"{title}\n{body}".encode(errors="replace")).hexdigest()[:10]
    return (
        f'<svg class="chart" xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {round(height)}" '
        f'role="img" aria-labelledby="{name}-t {name}-d">'
        f'<title id="{name}-t">{escape(title)}</title><desc id="{name}-d">{escape(description)}</desc>'
        f"{body}</svg>\n"
    )


def told(value: float | None, unit: str) -> str:
    """A figure for a tooltip."""
    return "not known" if value is None else shown(value, unit)


def between(pair: tuple[float, float] | None, unit: str) -> str:
    """`` (1 s to 2 s)`` for where a figure may lie; nothing where that is not known."""
    if pair is None:
        return ""
    low, high = (shown(value, unit) if math.isfinite(value) else "no end" for value in pair)
    return f" ({low} to {high})"


def listing(rows: Iterable[tuple[str, Sequence[str]]]) -> str:
    """Rows as a description."""
    return "; ".join(f"{label}: {', '.join(values)}" for label, values in rows)


def cut(text: str) -> str:
    """``text``, no longer than the width."""
    return text if len(text) <= LABEL else text[: LABEL - 1] + "…"


def wide(width: float) -> float:
    """A width that can be seen."""
    return round(max(width, 1.0), 2)
