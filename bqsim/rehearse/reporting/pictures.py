"""Charts as files of their own: SVG that any viewer can show, and PNG."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from bqsim.rehearse.errors import RehearsalError
from bqsim.reports.drawing import DARK, LIGHT, RULES

from .words import printable

# Pixels of a PNG for each of the chart.
ZOOM = 2.0
_FONT = "font-family:system-ui,'DejaVu Sans',Arial,sans-serif;font-size:13px"
_INSIDE = ' style="fill:var(--ground)"'
_SIZE = re.compile(r'viewBox="0 0 (\d+) (\d+)"')
_MARGIN = 8


def standalone(svg: str, title: str = "", *, dark: bool = True) -> str:
    """A chart of a page as a file: its colours are in it, written out for viewers that know no variables; its
    title stands above it. ``dark``: it follows viewers to a dark ground."""
    found = _SIZE.search(svg)
    assert found
    width, height = int(found[1]) + 2 * _MARGIN, int(found[2]) + 2 * _MARGIN + (24 if title else 0)
    style = f"<style>svg.chart text{{{_FONT}}}{_rules(LIGHT)}"
    style += f"@media (prefers-color-scheme:dark){{{_rules(DARK)}}}</style>" if dark else "</style>"
    heading = f'<text class="title" x="4" y="-12">{_escaped(title)}</text>' if title else ""
    top = -_MARGIN - (24 if title else 0)
    ground = f'<rect class="ground" x="{-_MARGIN}" y="{top}" width="{width}" height="{height}"/>'
    box = f'viewBox="{-_MARGIN} {top} {width} {height}" width="{width}" height="{height}"'
    body = svg.replace(found[0], box, 1).replace(_INSIDE, ' class="inside"')
    return printable(re.sub(r"(</desc>)", lambda m: m[1] + style + ground + heading, body, count=1))


def renderer() -> Callable[[str], bytes]:
    """What makes PNG of an SVG file. Raises :class:`RehearsalError` where it is not installed."""
    try:
        import resvg_py
    except ImportError:
        text = "pictures as PNG need the extra bqsim[png]: pip install 'bqsim[png]'"
        raise RehearsalError(text) from None

    def rendered(svg: str) -> bytes:
        return resvg_py.svg_to_bytes(svg_string=svg, zoom=ZOOM, sans_serif_family="DejaVu Sans")

    return rendered


def _rules(colours: Mapping[str, str]) -> str:
    """The rules of charts without variables."""
    rules = {**RULES, ".inside": "fill:var(--ground)", ".ground": "fill:var(--ground)", ".title": _TITLE}
    out = []
    for what, how in rules.items():
        if ":hover" in what:
            continue
        how = how.replace("transparent", "none")
        for name, colour in colours.items():
            how = how.replace(f"var(--{name})", colour)
        if "var(--s)" not in how:
            out.append(f"svg.chart {what}{{{how}}}")
            continue
        out += [f"svg.chart .s{n} {what}{{{how.replace('var(--s)', colours[f'c{n}'])}}}" for n in range(6)]
    return "".join(out)


_TITLE = "fill:var(--ink);font-weight:600;font-size:14px"


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
