"""Models made of others: mixtures, sums, products, terms of the load, bounds."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import accumulate

from bqsim.sim.draws import Uniforms

from .base import Latency, Load


@dataclass(frozen=True, slots=True)
class Mixture:
    """One of several models, chosen with a probability proportional to its weight."""

    weights: tuple[float, ...]
    models: tuple[Latency, ...]
    _steps: tuple[float, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        steps = list(accumulate(self.weights))
        object.__setattr__(self, "_steps", tuple(step / steps[-1] for step in steps[:-1]))

    @property
    def ordered(self) -> bool:
        return any(model.ordered for model in self.models)

    def draw(self, u: Uniforms, context: Load) -> float:
        return self.models[bisect_right(self._steps, u.take())].draw(u, context)


@dataclass(frozen=True, slots=True)
class Times:
    """``model`` multiplied by an independent draw of ``factor`` (a plain number, not seconds)."""

    model: Latency
    factor: Latency

    @property
    def ordered(self) -> bool:
        return self.model.ordered or self.factor.ordered

    def draw(self, u: Uniforms, context: Load) -> float:
        return self.model.draw(u, context) * self.factor.draw(u, context)


MEASURES: dict[str, Callable[[Load], float]] = {
    "bytes": lambda load: load.bytes,
    "rows": lambda load: load.rows,
    "slot_ms": lambda load: load.slot_ms or 0.0,
}


@dataclass(frozen=True, slots=True)
class Term:
    """``seconds * measure ** power``; ``measure`` is ``bytes``, ``rows`` or ``slot_ms`` of the load."""

    measure: str
    seconds: float
    power: float = 1.0

    def of(self, context: Load) -> float:
        amount = MEASURES[self.measure](context)
        return self.seconds * (amount if self.power == 1.0 else amount**self.power)


@dataclass(frozen=True, slots=True)
class Plus:
    """``model`` plus what the load adds."""

    model: Latency
    terms: tuple[Term, ...]

    @property
    def ordered(self) -> bool:
        return self.model.ordered

    def draw(self, u: Uniforms, context: Load) -> float:
        return self.model.draw(u, context) + sum(term.of(context) for term in self.terms)


@dataclass(frozen=True, slots=True)
class Bounded:
    """``model``, raised to ``floor`` and cut at ``cap`` (None for no cap)."""

    model: Latency
    floor: float = 0.0
    cap: float | None = None

    @property
    def ordered(self) -> bool:
        return self.model.ordered

    def draw(self, u: Uniforms, context: Load) -> float:
        value = max(self.model.draw(u, context), self.floor)
        return value if self.cap is None else min(value, self.cap)
