"""YAML files of this package as shapes of classes: all that is wrong is told, with its line."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any, TypeVar

from bqsim.sim.scenario.kinds import SHARE as PART
from bqsim.sim.scenario.kinds import Kind, said
from bqsim.sim.scenario.load import text_of
from bqsim.sim.scenario.read import WRONG, Reader
from bqsim.sim.scenario.shapes import record_of
from bqsim.sim.scenario.tree import Problem, ScenarioError, from_yaml

from .errors import CostError
from .units import BYTES, SLOT_TIME, bytes_of

T = TypeVar("T")


def read_document(path: str | Path, model: type[T], what: str) -> tuple[T, Reader]:
    """The file as an object of ``model``, and where its parts stand. Raises :class:`CostError` with a line
    for each problem; ``what`` is what the file is called."""
    try:
        return read_text(text_of(Path(path)), str(path), model, what)
    except ScenarioError as error:
        raise CostError(_plain(str(error), what)) from None


def read_text(text: str, source: str, model: type[T], what: str) -> tuple[T, Reader]:
    """As :func:`read_document`, of a text."""
    reader = Reader()
    try:
        tree = from_yaml(text, source)
    except ScenarioError as error:
        raise CostError(_plain(str(error), what)) from None
    found: Any = reader.read(record_of(model), tree)
    refuse(reader.problems, what)
    if found is WRONG:
        raise CostError(f"{source}: this is no {what}")
    return found, reader


def refuse(problems: list[Problem], what: str) -> None:
    """Raises :class:`CostError` when there are problems."""
    if problems:
        ordered = sorted(dict.fromkeys(problems), key=lambda p: (p.place.line, p.place.column))
        raise CostError("\n".join(_plain(str(one), what) for one in ordered))


def _plain(text: str, what: str) -> str:
    return text.replace("in scenarios", f"in a {what}").replace("a scenario", f"a {what}")


def _day(value: Any) -> dt.date:
    try:
        return dt.date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"expected a day such as 2026-01-31, not {said(value)}") from None


def _size(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError(f"expected a size such as 10 GiB, not {said(value)}")
    return bytes_of(value)


def _quantity(value: Any) -> str:
    if value in SLOT_TIME:
        return str(value)
    if not isinstance(value, str) or not any(value.endswith(unit) for unit in BYTES):
        raise ValueError(f"expected a unit such as TiB, 200 MiB or slot-h, not {said(value)}")
    bytes_of(value)
    return value


def _tolerance(value: Any) -> str:
    """``10 %`` or a number."""
    text = str(value).strip()
    number = text.removesuffix("%").strip()
    try:
        if float(number) < 0:
            raise ValueError
    except ValueError:
        raise ValueError(f"expected a share such as 10 %, not {said(value)}") from None
    return text


def share_of(text: str) -> float:
    """The share that ``10 %`` or ``0.1`` is."""
    return float(text.removesuffix("%")) / 100 if text.endswith("%") else float(text)


def _free(value: Any) -> float:
    """``true``, ``false`` or a part of 1."""
    if isinstance(value, bool):
        return float(value)
    try:
        return float(PART.read(value))
    except ValueError:
        raise ValueError(f"expected true, false or a share between 0 and 1, not {said(value)}") from None


DAY = Kind("day", _day, {"type": "string", "format": "date"}, str)
SIZE = Kind("size", _size, {"anyOf": [{"type": "integer", "minimum": 0}, {"type": "string"}]})
QUANTITY = Kind("quantity", _quantity, {"type": "string"})
FREE = Kind(
    "share of what is free",
    _free,
    {"anyOf": [{"type": "boolean"}, {"type": "number", "minimum": 0, "maximum": 1}]},
)
SHARE = Kind("share", _tolerance, {"anyOf": [{"type": "number", "minimum": 0}, {"type": "string"}]})
