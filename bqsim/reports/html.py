"""Reports as one HTML file: no network, no script, light and dark, readable on a phone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from . import charts

_CSS = """
*{box-sizing:border-box}
html{color-scheme:light dark;-webkit-text-size-adjust:100%}
body{margin:0 auto;padding:16px;max-width:1120px;font:16px/1.5 system-ui,sans-serif;color:var(--ink);
background:var(--ground);overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:.2em 0}h2{font-size:1.15rem;margin:1.6em 0 .5em}
h3{font-size:1rem;margin:1.2em 0 .3em}
p{margin:.4em 0}.soft{color:var(--soft)}
.scroll{overflow-x:auto;border:1px solid var(--line);border-radius:6px;margin:.6em 0}
.scroll:focus-visible{outline:2px solid var(--c0)}
table{border-collapse:collapse;width:100%;font-size:.875rem;overflow-wrap:normal}
caption{text-align:left;padding:6px 10px;color:var(--soft)}
th,td{padding:6px 10px;text-align:left;vertical-align:top;border-top:1px solid var(--line);max-width:36rem;
overflow-wrap:anywhere;min-width:5.5rem}
@media (max-width:600px){td{min-width:8rem}}
td details{border:0;margin:0;padding:0}
thead th{border-top:0;background:var(--panel);white-space:nowrap}
.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap;min-width:0}
code,pre{font-family:ui-monospace,monospace;font-size:.85em}
pre{overflow-x:auto;background:var(--panel);padding:10px;border-radius:6px;margin:.5em 0}
details{margin:.5em 0;border:1px solid var(--line);border-radius:6px;padding:.3em .8em}
summary{cursor:pointer;padding:.2em 0}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,330px),1fr));gap:16px}
.charts.wide{grid-template-columns:repeat(auto-fit,minmax(min(100%,440px),1fr))}
figure{margin:0;min-width:0}figcaption{font-weight:600;margin-bottom:4px}
.good,.bad,.note{font-weight:600}td .good,td .bad,td .note{white-space:nowrap}
.good{color:var(--good)}.bad{color:var(--bad)}.note{color:var(--warn)}
:root{--good:#1a7f37;--bad:#b3261e;--warn:#7d5200}
@media (prefers-color-scheme:dark){:root{--good:#56d364;--bad:#ff8078;--warn:#e3b341}}
.cards{display:flex;flex-wrap:wrap;gap:10px;margin:.8em 0;padding:0;list-style:none}
.cards li{border:1px solid var(--line);background:var(--panel);border-radius:6px;padding:8px 14px;
min-width:7rem}
.cards b{display:block;font-size:1.25rem}
@media print{.scroll{overflow:visible}}
"""


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a page: its ``heading`` is text, ``html`` markup."""

    heading: str
    html: str


def page(title: str, sections: Sequence[Section], lead: str = "") -> str:
    """A whole page. ``lead`` is markup below the title."""
    body = "".join(
        f'<section aria-labelledby="s{at}"><h2 id="s{at}">{escape(one.heading)}</h2>{one.html}</section>\n'
        for at, one in enumerate(sections)
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Nothing is fetched, whatever a report's texts hold; an icon that is told is not asked for.
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'; img-src data:\">\n"
        '<link rel="icon" href="data:,">\n'
        f"<title>{escape(title)}</title>\n<style>{charts.CSS}{_CSS}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>{escape(title)}</h1>\n{lead}\n{body}</main>\n</body>\n</html>\n"
    )


def text(value: Any) -> Markup:
    """``value`` as markup: text is escaped, markup stays, None is nothing."""
    if isinstance(value, Markup):
        return value
    return Markup("" if value is None else escape(str(value)))


def paragraph(value: Any, kind: str = "") -> Markup:
    """A paragraph; ``kind`` is a class of the page (``soft``)."""
    return Markup(f'<p class="{kind}">{text(value)}</p>' if kind else f"<p>{text(value)}</p>")


def code(value: Any) -> Markup:
    """Code in a line."""
    return Markup(f"<code>{text(value)}</code>")


def block(value: Any) -> Markup:
    """Lines of code."""
    return Markup(f'<pre tabindex="0">{text(value)}</pre>')


def verdict(value: str, good: bool | None) -> Markup:
    """A word that says how it went: with a sign, so that its colour is not needed. None: neither."""
    kind, sign = {True: ("good", "✓"), False: ("bad", "✗"), None: ("note", "•")}[good]
    return Markup(f'<span class="{kind}">{sign} {text(value)}</span>')


def table(
    headers: Sequence[Any], rows: Sequence[Sequence[Any]], caption: str = "", figures: Collection[int] = ()
) -> Markup:
    """A table that scrolls by itself where it is too wide. Cells are text, or :class:`Markup`; columns of
    numbers, and those of ``figures``, are on the right."""
    right = [column in figures or _numeric(rows, column) for column in range(len(headers))]
    told = f"<caption>{text(caption)}</caption>" if caption else ""
    head = "".join(f'<th scope="col"{_side(right[i])}>{text(name)}</th>' for i, name in enumerate(headers))
    body = "".join(
        "<tr>" + "".join(f"<td{_side(right[i])}>{text(cell)}</td>" for i, cell in enumerate(row)) + "</tr>\n"
        for row in rows
    )
    name = escape(str(caption) or ", ".join(map(str, headers)), quote=True)
    return Markup(
        f'<div class="scroll" tabindex="0" role="region" aria-label="{name}"><table>{told}'
        f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>\n"
    )


def details(summary: Any, html: str, opened: bool = False) -> Markup:
    """Markup folded behind a summary."""
    return Markup(f"<details{' open' if opened else ''}><summary>{text(summary)}</summary>{html}</details>\n")


def figures(drawn: Sequence[tuple[str, str]], wide: bool = False) -> Markup:
    """Charts side by side where there is room: ``(caption, svg)``; with ``wide`` two at most."""
    each = "".join(f"<figure><figcaption>{text(c)}</figcaption>{svg}</figure>\n" for c, svg in drawn)
    return Markup(f'<div class="charts{" wide" if wide else ""}">{each}</div>\n')


def cards(items: Sequence[tuple[str, Any]]) -> Markup:
    """Figures that sum up: ``(what, figure)``."""
    each = "".join(f"<li>{text(what)}<b>{text(figure)}</b></li>" for what, figure in items)
    return Markup(f'<ul class="cards">{each}</ul>\n')


def _numeric(rows: Sequence[Sequence[Any]], column: int) -> bool:
    cells = [row[column] for row in rows if column < len(row) and row[column] not in (None, "")]
    return bool(cells) and all(isinstance(c, (int, float)) and not isinstance(c, bool) for c in cells)


def _side(right: bool) -> str:
    return ' class="n"' if right else ""
