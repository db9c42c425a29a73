"""Where the values of a column come from."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from bqsim.types.arrow import compute, from_numpy

from .chance import MAX_SIZE, Choice, Permutation, check_size
from .render import Domain, Render
from .spec import Distribution, SpecError

_LEAST_POOL = 1024
# How many times as many numbers are drawn as different ones are wanted, before it is given up.
_PATIENCE = 50


class Source(Protocol):
    """Values of one column: ``size`` is how many different ones there are."""

    @property
    def size(self) -> int: ...

    def draw(self, rng: np.random.Generator, count: int) -> Any:
        """``count`` values, which may repeat."""
        ...

    def pick(self, ordinals: Any) -> Any:
        """The values number ``ordinals`` (int64); different numbers have different values."""
        ...


class Shuffled:
    """Every value of a domain, in an order that is shuffled by ``rng``."""

    def __init__(self, domain: Domain, rng: np.random.Generator) -> None:
        self.size = domain.size
        self._render = domain.render
        self._order = Permutation(rng, domain.size)

    def draw(self, rng: np.random.Generator, count: int) -> Any:
        return self._render(rng.integers(0, self.size, count))

    def pick(self, ordinals: Any) -> Any:
        return self._render(self._order(ordinals))


class Steps:
    """A sequence: value number n is ``start`` + n × ``step``, up to ``low`` or ``high``."""

    def __init__(self, render: Render, start: int, step: int, low: int, high: int) -> None:
        self._render, self._start, self._step = render, start, step
        room = (high - start) // step if step > 0 else (start - low) // -step
        self.size = max(0, room + 1)

    def draw(self, rng: np.random.Generator, count: int) -> Any:
        return self.pick(np.arange(count))

    def pick(self, ordinals: Any) -> Any:
        if len(ordinals) and int(ordinals.max()) >= self.size:
            raise LookupError(int(ordinals.max()))
        return self._render(self._start + ordinals * self._step)


class Pool:
    """A list of different values, drawn by ``weights``; ``order`` shuffles which comes first."""

    def __init__(
        self, values: Any, weights: tuple[float, ...] = (), order: np.random.Generator | None = None
    ) -> None:
        self.values = values
        self.size = len(values)
        self._choice = Choice(self.size, weights=weights)
        self._order = Permutation(order, self.size) if order and self.size else None

    def draw(self, rng: np.random.Generator, count: int) -> Any:
        return self.values.take(from_numpy(self._choice.draw(rng, count)))

    def pick(self, ordinals: Any) -> Any:
        if len(ordinals) and int(ordinals.max()) >= self.size:
            raise LookupError(int(ordinals.max()))
        places = self._order(ordinals) if self._order else ordinals
        return self.values.take(from_numpy(places))


class Numbered:
    """A pool of texts that is continued without end by numbering them: ``name-1``, ``ann-1@example.com``."""

    size = MAX_SIZE

    def __init__(self, texts: Sequence[str]) -> None:
        known = set(texts)
        kept = [t for t in texts if not _numbered(t, known)] or list(texts)
        halves = [_halves(t) for t in kept]
        self._all = pa.array(list(texts), pa.string())
        self._heads = pa.array([head for head, _ in halves], pa.string())
        self._tails = pa.array([tail for _, tail in halves], pa.string())

    def draw(self, rng: np.random.Generator, count: int) -> Any:
        return self._all.take(from_numpy(rng.integers(0, len(self._all), count)))

    def pick(self, ordinals: Any) -> Any:
        turns, places = np.divmod(ordinals, len(self._heads))
        head, tail = (part.take(from_numpy(places)) for part in (self._heads, self._tails))
        if not turns.any():
            return compute(pc.binary_join_element_wise, head, tail, "")
        number = compute(pc.binary_join_element_wise, "-", from_numpy(turns).cast(pa.string()), "")
        first = from_numpy(turns == 0)
        return compute(pc.binary_join_element_wise, head, compute(pc.if_else, first, "", number), tail, "")


def _halves(text: str) -> tuple[str, str]:
    """The text around the place of a number: before the ``@`` of an address, at the end of other texts."""
    head, at, tail = text.rpartition("@")
    return (head, at + tail) if at else (text, "")


def _numbered(text: str, known: set[str]) -> bool:
    """Whether the text is that of another one of the pool with a number."""
    head, tail = _halves(text)
    base, dash, number = head.rpartition("-")
    return bool(dash) and number.isdigit() and base + tail in known


class Distributed:
    """Numbers by a distribution, cut off at ``bounds``; ``finish`` rounds them, ``render`` makes values."""

    size = MAX_SIZE

    def __init__(
        self,
        path: str,
        distribution: Distribution,
        bounds: tuple[float | None, float | None],
        finish: Callable[[Any], Any],
        render: Render,
        rng: np.random.Generator,
    ) -> None:
        self._path, self._render, self._finish, self._bounds = path, render, finish, bounds
        self._numbers = _NUMBERS[distribution.kind]
        self._distribution = distribution
        self._rng = rng
        self._pool: Any = None

    def draw(self, rng: np.random.Generator, count: int) -> Any:
        return self._render(self._draw(rng, count))

    def pick(self, ordinals: Any) -> Any:
        self._grow(int(ordinals.max()) + 1 if len(ordinals) else 0)
        return self._render(self._pool[ordinals])

    def _draw(self, rng: np.random.Generator, count: int) -> Any:
        low, high = self._bounds
        drawn = self._numbers(rng, self._distribution, low or 0.0, 1.0 if high is None else high, count)
        if low is not None or high is not None:
            drawn = np.clip(drawn, low, high)
        return self._finish(drawn)

    def _grow(self, wanted: int) -> None:
        drawn = 0
        if self._pool is None:
            self._pool = self._draw(self._rng, 0)
        while len(self._pool) < wanted:
            if drawn > _PATIENCE * wanted:
                check_size(self._path, wanted, len(self._pool))
            count = max(_LEAST_POOL, 2 * (wanted - len(self._pool)))
            both = np.concatenate((self._pool, self._draw(self._rng, count)))
            self._pool = both[np.sort(np.unique(both, return_index=True)[1])]
            drawn += count


Numbers = Callable[[np.random.Generator, Distribution, float, float, int], Any]
_NUMBERS: dict[str, Numbers] = {
    "uniform": lambda rng, _, low, high, count: low + (high - low) * rng.random(count),
    "normal": lambda rng, d, low, high, count: rng.normal(d.mean, d.deviation, count),
    "lognormal": lambda rng, d, low, high, count: rng.lognormal(d.mean, d.deviation, count),
}


def pick(source: Source, path: str, ordinals: Any) -> Any:
    """The values of a source by number; running out of values is told of the column ``path``."""
    try:
        return source.pick(ordinals)
    except LookupError:
        wanted = int(ordinals.max()) + 1
        problem = f"{wanted} different values are wanted, but there are only {source.size}"
        raise SpecError(path, problem) from None
