"""Is the estimator right? What it tells of recorded queries, against what the service recorded.

Jobs that the cache answered, that failed, or that have no text say nothing and are counted apart. Tables have
to be as they were when the jobs ran: import them near the time of the history.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .bench import Bench
from .model import Query, Run, Workload
from .robust import quantile

# Relative errors that a distribution is told by.
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)


@dataclass(frozen=True, slots=True)
class Compared:
    """One recorded run: recorded and estimated bytes; ``error`` is relative to what was recorded."""

    query: str
    accuracy: str
    processed: int
    estimated: int
    billed: int
    estimated_billed: int

    @property
    def error(self) -> float:
        if not self.processed:
            return 0.0 if not self.estimated else float("inf")
        return (self.estimated - self.processed) / self.processed

    @property
    def exact(self) -> bool:
        return self.processed == self.estimated

    @property
    def exact_billed(self) -> bool:
        return self.billed == self.estimated_billed


@dataclass(frozen=True, slots=True)
class BackTest:
    """``compared`` runs; ``left_out`` counts the others by why."""

    compared: tuple[Compared, ...]
    left_out: dict[str, int]

    @property
    def exact(self) -> float:
        """The share of runs whose bytes processed are exactly right."""
        return _share([c.exact for c in self.compared])

    @property
    def exact_billed(self) -> float:
        """The same of bytes billed."""
        return _share([c.exact_billed for c in self.compared])

    def within(self, share: float) -> float:
        """The share of runs whose error is at most ``share``."""
        return _share([abs(c.error) <= share for c in self.compared])

    @property
    def quantiles(self) -> dict[float, float]:
        """Quantiles of the relative errors."""
        errors = [c.error for c in self.compared if c.error != float("inf")]
        return {q: quantile(errors, q) for q in QUANTILES}

    @property
    def bounds_held(self) -> float:
        """The share of estimates called bounds that are on the right side, and of those called precise that
        are exact; 1 without any."""
        held = []
        for one in self.compared:
            if one.accuracy == "PRECISE":
                held.append(one.exact)
            elif one.accuracy == "UPPER_BOUND":
                held.append(one.estimated >= one.processed)
            elif one.accuracy == "LOWER_BOUND":
                held.append(one.estimated <= one.processed)
        return _share(held)


def _share(values: Sequence[bool]) -> float:
    return sum(values) / len(values) if values else 1.0


def backtest(workload: Workload, bench: Bench) -> BackTest:
    """Compare every recorded run of a workload with the estimate of its query."""
    compared: list[Compared] = []
    left_out: dict[str, int] = {}
    queries = [q for q in workload.queries if q.runs]
    for query, estimate in zip(queries, bench.estimates(queries), strict=True):
        for run in query.runs:
            why = (estimate.error and "not measured") or _unusable(query, run)
            if why:
                left_out[why] = left_out.get(why, 0) + 1
                continue
            compared.append(
                Compared(
                    query.name,
                    estimate.accuracy,
                    run.bytes_processed,
                    estimate.bytes_processed,
                    run.bytes_billed,
                    estimate.bytes_billed,
                )
            )
    return BackTest(tuple(compared), dict(sorted(left_out.items())))


def _unusable(query: Query, run: Run) -> str:
    if run.error:
        return "failed"
    if run.cache_hit:
        return "answered by the cache"
    return ""


__all__ = ["BackTest", "Compared", "backtest"]
