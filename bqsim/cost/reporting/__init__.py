"""A check of cost, as text, JSON, JUnit, SARIF, Markdown and HTML."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from bqsim.cost.gate import Checked

from . import machine, people


def _html(checked: Checked) -> str:
    from .page import page

    return page(checked)


FORMATS: Mapping[str, Callable[[Checked], str]] = {
    "text": people.text,
    "markdown": people.markdown,
    "json": machine.document,
    "junit": machine.junit,
    "sarif": machine.sarif,
    "html": _html,
}
SUFFIXES: Mapping[str, str] = {
    ".txt": "text", ".md": "markdown", ".json": "json", ".xml": "junit", ".sarif": "sarif", ".html": "html",
}  # fmt: skip
