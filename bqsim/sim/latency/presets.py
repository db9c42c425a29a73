"""Presets: latencies of the parts of an operation, by name.

``bigquery-2026-08`` is fitted to the medians in :mod:`bqsim.sim.latency.figures` (23 cases, measured on
2026-08-08; formulas in :mod:`bqsim.sim.latency.fit`):

* ``run``: by bytes, by slot time where it is known, and by the kind of statement. The fitted medians are
  off by 6.7 % on average, by 15.8 % at most; queries that the fit had not seen by 8.9 % and 23.8 %.
* ``queue``: by the kind of statement; neither bytes nor rows explain it. Off by 22.8 % on average, by
  65.9 % at most.
* ``overhead``: what a client saw beyond queue and run (connections, requests, polls, fetching), for those
  who want its wall clock on a fast machine; not part of the job's own times.

The figures hold medians only. The spread of single runs is an assumption: lognormal, as wide as explains the
scatter of the measured medians about the fitted ones.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from bqsim.sim.draws import Uniforms
from bqsim.sim.scenario.spelling import unknown

from .base import Latency, Load
from .combine import Plus, Term, Times
from .distributions import Fixed, LogNormal
from .figures import FIGURES
from .fit import DEFINITION, QUERY, WRITE, fit, kind_of

_MS = 1e-3


@dataclass(frozen=True, slots=True)
class ByStatement:
    """A model per kind of statement, and one more for queries whose key fact is missing.

    ``missing`` tells of a load whether ``without`` stands in for ``query``.
    """

    query: Latency
    definition: Latency
    write: Latency
    without: Latency
    missing: str

    @property
    def ordered(self) -> bool:
        return any(model.ordered for model in (self.query, self.definition, self.write, self.without))

    def draw(self, u: Uniforms, context: Load) -> float:
        kind = kind_of(context.statement_type)
        if kind == QUERY:
            model = self.without if _MISSING[self.missing](context) else self.query
        else:
            model = {DEFINITION: self.definition, WRITE: self.write}[kind]
        return model.draw(u, context)


_MISSING: dict[str, Callable[[Load], bool]] = {
    "slot_ms": lambda load: load.slot_ms is None,
    "bytes": lambda load: not load.bytes,
}


@dataclass(frozen=True, slots=True)
class Preset:
    """Latencies of the parts of an operation (``queue``, ``run``, ``overhead``)."""

    name: str
    parts: Mapping[str, Latency]


def _bigquery_2026_08() -> Preset:
    medians = fit(FIGURES)
    run_spread = LogNormal(1.0, medians.run_sigma)
    queue_spread = LogNormal(1.0, medians.queue_sigma)
    base, per_byte, per_root = (value * _MS for value in medians.run)
    plain, plain_per_byte = (value * _MS for value in medians.run_bytes_only)
    by_bytes = (Term("bytes", plain_per_byte),)

    def run(seconds: float, *terms: Term) -> Latency:
        return Times(Plus(Fixed(seconds), terms), run_spread)

    def queue(milliseconds: float) -> Latency:
        return Times(Fixed(milliseconds * _MS), queue_spread)

    beyond = [figure.total_ms - figure.queue_ms - figure.run_ms for figure in FIGURES]
    middle = statistics.median(beyond)
    scatter = statistics.pstdev([math.log(value / middle) for value in beyond])
    return Preset(
        "bigquery-2026-08",
        MappingProxyType(
            {
                "queue": ByStatement(
                    query=queue(medians.queue_query),
                    definition=queue(medians.queue_other),
                    write=queue(medians.queue_other),
                    without=queue(medians.queue_literal),
                    missing="bytes",
                ),
                "run": ByStatement(
                    query=run(base, Term("bytes", per_byte), Term("slot_ms", per_root, 0.5)),
                    definition=run(medians.run_definition * _MS),
                    write=run(plain + medians.run_writing * _MS, *by_bytes),
                    without=run(plain, *by_bytes),
                    missing="slot_ms",
                ),
                "overhead": LogNormal(middle * _MS, scatter),
            }
        ),
    )


PRESETS: dict[str, Callable[[], Preset]] = {"bigquery-2026-08": cache(_bigquery_2026_08)}


def preset(name: str) -> Preset:
    """The preset of that name. Raises ``ValueError``, worded for the user."""
    if name not in PRESETS:
        raise ValueError(unknown("latency preset", name, tuple(PRESETS)))
    return PRESETS[name]()
