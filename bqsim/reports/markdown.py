"""Markdown as pull requests show it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~])")


def text(value: Any) -> str:
    """``value`` as text that means nothing to Markdown, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(str(value).split()))


def code(value: Any) -> str:
    """``value`` in one line of code, whatever backquotes it has."""
    line = " ".join(str(value).split())
    fence = "`" * (max((len(run) for run in re.findall("`+", line)), default=0) + 1)
    pad = " " if line.startswith("`") or line.endswith("`") else ""
    return f"{fence}{pad}{line}{pad}{fence}" if line else ""


def table(headers: Sequence[str], rows: Sequence[Sequence[Any]], align: str = "") -> str:
    """A table. Cells may hold Markdown; pipes and line breaks in them are made harmless. ``align`` has a
    letter per column: ``l``, ``r`` or ``c``; numbers are on the right where it has none."""
    sides = [align[i : i + 1] or _side(rows, i) for i in range(len(headers))]
    lines = [_row(headers), "|" + "|".join(_RULES[side] for side in sides) + "|"]
    return "\n".join([*lines, *(_row([*row, *[""] * (len(headers) - len(row))]) for row in rows)]) + "\n"


def details(summary: str, body: str) -> str:
    """``body`` folded behind ``summary``."""
    return f"<details><summary>{text(summary)}</summary>\n\n{body.rstrip()}\n\n</details>\n"


_RULES = {"l": "---", "r": "---:", "c": ":---:"}


def _side(rows: Sequence[Sequence[Any]], column: int) -> str:
    cells = [row[column] for row in rows if column < len(row) and row[column] not in (None, "")]
    numbers = bool(cells) and all(isinstance(c, (int, float)) and not isinstance(c, bool) for c in cells)
    return "r" if numbers else "l"


def _row(cells: Sequence[Any]) -> str:
    return "| " + " | ".join(_cell(cell) for cell in cells) + " |"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    # A pipe ends a cell even in code, unless a backslash stands before it; one that does is left as it is.
    return re.sub(r"(?<!\\)((?:\\\\)*)\|", r"\1\\|", str(value)).replace("\r", "").replace("\n", "<br>")
