"""What rows are to be generated: tables, their columns, and how values are drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bqsim.types import Field

# How the length of an array, and a number, can be distributed.
LENGTH_KINDS = ("uniform", "poisson", "geometric")
NUMBER_KINDS = ("uniform", "normal", "lognormal")


class SpecError(ValueError):
    """A specification that cannot be followed: ``path`` is the column or key it is about."""

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}" if path else problem)
        self.path = path
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Lengths:
    """Lengths of arrays: ``least`` … ``greatest``, drawn uniformly or about ``mean``."""

    least: int = 0
    greatest: int = 3
    kind: str = "uniform"
    mean: float | None = None


@dataclass(frozen=True, slots=True)
class Distribution:
    """Of numbers. ``mean`` and ``deviation`` are those of the logarithm when ``kind`` is lognormal."""

    kind: str = "uniform"
    mean: float = 0.0
    deviation: float = 1.0


@dataclass(frozen=True, slots=True)
class Sequence:
    """``start``, ``start + step`` … along the rows; the step is in days for DATE, seconds for other times.

    Without a start, numbers begin at 1 and times at 2020.
    """

    start: Any = None
    step: float = 1


@dataclass(frozen=True, slots=True)
class ColumnSpec:
    """How one column is filled. At most one source of values: ``provider``, ``pattern``, ``values``,
    ``sequence``, ``references``, or numbers and times between ``low`` and ``high``.

    ``low`` and ``high`` are inclusive for numbers; of times, ``high`` is the first that is too late.
    ``distinct`` is the number of different values, ``skew`` the exponent of Zipf's law over them;
    ``pattern`` has ``#`` for a digit and ``?`` for a letter; ``references`` is ``table.column``, and
    columns with the same ``relation`` refer to the same row of it. ``fields`` are those of a STRUCT.
    """

    null_share: float | None = None
    unique: bool = False
    distinct: int | None = None
    skew: float = 0.0
    provider: str | None = None
    arguments: Mapping[str, Any] = field(default_factory=dict)
    pattern: str | None = None
    values: tuple[Any, ...] = ()
    weights: tuple[float, ...] = ()
    distribution: Distribution | None = None
    low: Any = None
    high: Any = None
    decimals: int | None = None
    sequence: Sequence | None = None
    references: str | None = None
    relation: str | None = None
    length: Lengths | None = None
    fields: Mapping[str, ColumnSpec] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TableSpec:
    """One table: ``null_share`` is that of NULLABLE columns that have none of their own."""

    name: str
    fields: tuple[Field, ...]
    rows: int
    columns: Mapping[str, ColumnSpec] = field(default_factory=dict)
    null_share: float = 0.0


@dataclass(frozen=True, slots=True)
class DataSpec:
    """Tables that are generated together; ``locale`` is that of the text providers."""

    tables: tuple[TableSpec, ...]
    seed: int = 0
    locale: str = "en_US"
