"""Reports in a browser: they fit phones and screens, and need nothing but themselves."""

from __future__ import annotations

from pathlib import Path

from bqsim.reports import charts, html
from tests.contract import browser


def page() -> str:
    """A page with one of everything, and texts that try to break it."""
    long = "SELECT a_column_with_a_very_long_name FROM `project-with-a-name.dataset.table` WHERE " * 3
    rows = [[long, "<script>alert(1)</script>", 5, html.verdict("dearer", False)], ["b", None, 7, "|&<>"]]
    drawn = [
        (
            "Bars",
            charts.bars(
                "Bars",
                [charts.Bar(long, (3e9, 9e9)), charts.Bar("b", (None, 1))],
                ("was", "is"),
                unit="bytes",
                limit=4e9,
            ),
        ),
        (
            "Lines",
            charts.lines(
                "Lines",
                [charts.Series(f"p{k}", [(i * 8.64e10, i * k) for i in range(9)]) for k in (50, 95, 99)],
                x_unit="time",
                y_unit="ms",
                y_label="latency",
            ),
        ),
        (
            "Intervals",
            charts.intervals("Slots", [charts.Interval("q", 1, 2e3, 3e5, 50)], unit="slot-ms", log=True),
        ),
        (
            "Scatter",
            charts.scatter(
                "Scatter",
                [charts.Series("", [(10**i, 10**i) for i in range(9)])],
                x_unit="bytes",
                y_unit="bytes",
                log=True,
                diagonal=True,
            ),
        ),
        ("Histogram", charts.histogram("Times", [i * i for i in range(99)], unit="ms", x_label="time")),
        ("Nothing", charts.bars("Nothing", [])),
    ]
    return html.page(
        "A report with everything in it",
        [
            html.Section(
                "Figures", html.cards([("queries", 31), ("money", "$1,200.50")]) + html.figures(drawn)
            ),
            html.Section("Rows", html.table(["query", "owner", "count", "verdict"], rows, caption="Rows")),
            html.Section(
                "SQL", html.details("The text", html.block(long), opened=True) + html.paragraph(long)
            ),
        ],
    )


@browser.needs_browser
def test_a_report_fits_phones_and_screens_and_is_quiet(tmp_path: Path) -> None:
    browser.check(page(), tmp_path)


@browser.needs_browser
def test_the_look_sees_what_is_too_wide(tmp_path: Path) -> None:
    wide = html.page("Wide", [html.Section("Part", '<div style="width:700px">x</div>')])
    phone, screen = browser.look(wide, tmp_path).frames
    assert phone["wide"]
    assert not screen["wide"]
