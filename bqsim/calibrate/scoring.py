"""How well a latency that a scenario describes explains times: any description is drawn from."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from bqsim.sim.draws import Draws
from bqsim.sim.latency.base import Load
from bqsim.sim.latency.described import latency_of
from bqsim.sim.scenario import latency as described

from .families import kolmogorov

_DRAWN = 2000
_SCORED = 500
_MIB = 2.0**20


def drawn(latency: described.Latency, sizes: Sequence[float], count: int = _DRAWN) -> list[float]:
    """Seconds that a simulator would draw, for loads of ``sizes`` bytes in turn: the same at every call."""
    model = latency_of(latency)
    draws = Draws(0)
    given = list(sizes) or [0.0]
    return [
        model.draw(draws.keyed("calibrate", "", n), Load(bytes=int(given[n % len(given)])))
        for n in range(count)
    ]


def compared(latency: described.Latency, seconds: Sequence[float], sizes: Sequence[float]) -> float:
    """The largest distance between the distributions of measured times and of drawn ones."""
    made = np.sort(np.asarray(drawn(latency, sizes, max(_DRAWN, len(seconds)))))
    measured = np.asarray(seconds, dtype=float)
    distance, _ = kolmogorov(
        lambda v: np.searchsorted(made, np.asarray(v) + 5e-4, side="right") / len(made), measured
    )
    return distance


def score(latency: described.Latency, seconds: Sequence[float], sizes: Sequence[float]) -> float:
    """The mean log likelihood of times, by a smooth density of what is drawn without the term of the size."""
    base = described.Latency(latency.distribution)
    made = np.sort(np.asarray(drawn(base, ())))
    kept = np.linspace(0, len(seconds) - 1, min(len(seconds), _SCORED)).astype(int)
    rest = np.asarray(seconds, dtype=float)[kept]
    rest = rest - latency.per_mib_s * np.asarray(sizes, dtype=float)[kept] / _MIB
    some = made[made > 0.0]
    none = 1.0 - len(some) / len(made)
    logs = np.log(some) if len(some) else np.zeros(1)
    width = max(float(logs.std()) * 1.06 * len(logs) ** -0.2, 1e-3)
    scores = []
    for value in rest:
        if value < 5e-4:
            scores.append(math.log(max(none, 1e-9)) if none else -20.0)
            continue
        z = (math.log(value) - logs) / width
        density = float(np.exp(-0.5 * z * z).mean()) / (width * math.sqrt(2 * math.pi) * value)
        scores.append(math.log(max(density * (1.0 - none), 1e-9)))
    return float(np.mean(scores))
