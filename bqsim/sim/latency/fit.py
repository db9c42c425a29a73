"""Fits medians of queueing and running to measured figures, and tells how far off they are.

The formulas, each fitted to the least sum of squared relative errors:

* run of a query: ``a + b * bytes + c * sqrt(slot_ms)``; ``a + b * bytes`` where slot time is not known
* run of a statement that writes a table: the latter plus a constant; of one that only defines: a constant
* queue: a constant for each of: a query of no stored data, any other query, other statements
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from .figures import Figure

QUERY, DEFINITION, WRITE = "query", "definition", "write"
RUNS_OF_A_MEDIAN = 10
# The standard deviation of a median of n values is sqrt(pi / 2 / n) times theirs.
_OF_MEDIAN = math.sqrt(math.pi / 2.0 / RUNS_OF_A_MEDIAN)


@dataclass(frozen=True, slots=True)
class Medians:
    """Fitted medians, in milliseconds; ``sigma`` is the spread of the logarithm of single runs."""

    run: tuple[float, float, float]
    run_bytes_only: tuple[float, float]
    run_definition: float
    run_writing: float
    run_sigma: float
    queue_literal: float
    queue_query: float
    queue_other: float
    queue_sigma: float

    def run_ms(self, figure: Figure) -> float:
        if kind_of(figure.statement_type) == DEFINITION:
            return self.run_definition
        base, per_byte = self.run_bytes_only
        if kind_of(figure.statement_type) == WRITE:
            return base + per_byte * figure.bytes + self.run_writing
        if figure.slot_ms is None:
            return base + per_byte * figure.bytes
        base, per_byte, per_root = self.run
        return base + per_byte * figure.bytes + per_root * math.sqrt(figure.slot_ms)

    def queue_ms(self, figure: Figure) -> float:
        if kind_of(figure.statement_type) != QUERY:
            return self.queue_other
        return self.queue_query if figure.bytes else self.queue_literal


@dataclass(frozen=True, slots=True)
class FitError:
    """Relative errors of fitted medians: mean and largest over ``cases``."""

    mean: float
    largest: float
    cases: int


def kind_of(statement_type: str) -> str:
    """Query, definition (CREATE VIEW, DROP …) or write (CREATE TABLE AS SELECT, DML …)."""
    if statement_type in ("", "SELECT"):
        return QUERY
    writes = ("CREATE_TABLE_AS_SELECT", "INSERT", "UPDATE", "DELETE", "MERGE", "LOAD_DATA", "EXPORT_DATA")
    return WRITE if statement_type in writes else DEFINITION


def fit(figures: Iterable[Figure]) -> Medians:
    """Medians for ``figures``, which must have queries, at least one definition and one write."""
    by_kind: dict[str, list[Figure]] = {QUERY: [], DEFINITION: [], WRITE: []}
    for figure in figures:
        by_kind[kind_of(figure.statement_type)].append(figure)
    queries = by_kind[QUERY]
    known = [figure for figure in queries if figure.slot_ms is not None]
    a, b, c = least_relative(
        [(1.0, f.bytes, math.sqrt(f.slot_ms or 0)) for f in known], [f.run_ms for f in known]
    )
    base, per_byte = least_relative([(1.0, f.bytes) for f in queries], [f.run_ms for f in queries])
    stored = [f.queue_ms for f in queries if f.bytes]
    others = by_kind[DEFINITION] + by_kind[WRITE]
    return Medians(
        run=(a, b, c),
        run_bytes_only=(base, per_byte),
        run_definition=_mean(f.run_ms for f in by_kind[DEFINITION]),
        run_writing=_mean(f.run_ms - base - per_byte * f.bytes for f in by_kind[WRITE]),
        run_sigma=_sigma(f.run_ms / (a + b * f.bytes + c * math.sqrt(f.slot_ms or 0)) for f in known),
        queue_literal=statistics.median(f.queue_ms for f in queries if not f.bytes),
        queue_query=_middle(stored),
        queue_other=_mean(f.queue_ms for f in others),
        queue_sigma=_sigma(value / _middle(stored) for value in stored),
    )


def errors(
    figures: Sequence[Figure], part: Callable[[Figure], float], fitted: Callable[[Figure], float]
) -> FitError:
    """How far ``fitted`` is off ``part`` over ``figures``, relative to ``part``."""
    off = [abs(fitted(figure) - part(figure)) / part(figure) for figure in figures]
    return FitError(_mean(off), max(off), len(off))


def held_out_errors(figures: Sequence[Figure]) -> FitError:
    """Errors of the run medians of queries, each predicted by a fit that has not seen it."""
    queries = [figure for figure in figures if kind_of(figure.statement_type) == QUERY and figure.bytes]

    def without(left_out: Figure) -> float:
        return fit(figure for figure in figures if figure is not left_out).run_ms(left_out)

    return errors(queries, lambda figure: figure.run_ms, without)


def least_relative(rows: Sequence[Sequence[float]], wanted: Sequence[float]) -> tuple[float, ...]:
    """Coefficients with the least sum of ``(row · coefficients / wanted - 1) ** 2`` (normal equations)."""
    scaled = [[x / y for x in row] for row, y in zip(rows, wanted, strict=True)]
    size = [max(abs(row[i]) for row in scaled) for i in range(len(scaled[0]))]
    unit = [[x / s for x, s in zip(row, size, strict=True)] for row in scaled]
    n = len(size)
    equations = [
        [sum(row[i] * row[j] for row in unit) for j in range(n)] + [sum(row[i] for row in unit)]
        for i in range(n)
    ]
    for i in range(n):
        pivot = max(range(i, n), key=lambda k: abs(equations[k][i]))
        equations[i], equations[pivot] = equations[pivot], equations[i]
        for k in range(n):
            if k != i:
                share = equations[k][i] / equations[i][i]
                equations[k] = [x - share * y for x, y in zip(equations[k], equations[i], strict=True)]
    return tuple(equations[i][n] / equations[i][i] / size[i] for i in range(n))


def _sigma(ratios: Iterable[float]) -> float:
    """The spread of single runs if all the scatter of the medians about their fit came from it."""
    logs = [math.log(ratio) for ratio in ratios]
    return math.sqrt(_mean(x * x for x in logs)) / _OF_MEDIAN


def _middle(values: Sequence[float]) -> float:
    return math.exp(_mean(math.log(value) for value in values))


def _mean(values: Iterable[float]) -> float:
    kept = list(values)
    return math.fsum(kept) / len(kept)
