"""HDR histograms: counts of durations by log-linear buckets, each value kept to three significant digits.

Values are seconds, counted as whole microseconds. Below 2048 µs each has a bucket of its own; above, every
doubling has 1024 of equal width, so a bucket is narrower than a thousandth of its values. Sums are whole
numbers: merging gives the same in any order.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_BITS = 11
_HALF = 1 << (_BITS - 1)
_MICRO = 1e6
# Beyond these microseconds (285 years) a float64 no longer holds every whole number.
_HIGHEST = 1 << 53
BUCKETS = (53 - _BITS + 2) * _HALF
_PAGE_BITS = 6
_PAGE = 1 << _PAGE_BITS
_TICKS = 5
# So many histograms have their buckets each; of more eight are one.
MOST_FINE = 1000
_COARSE = 3
# Of the type of the counts: numpy adds another type one by one.
_ONCE = np.uint32(1)


def micros(values: ArrayLike) -> Ints:
    """Seconds as whole microseconds. Raises :class:`ValueError` for what is no time."""
    scaled = np.rint(np.asarray(values, np.float64) * _MICRO)
    if not np.all((scaled >= 0) & (scaled < _HIGHEST)):
        raise ValueError("a histogram takes seconds of at least 0, and below 9e9")
    return scaled.astype(np.int64)


def bucket_of(values: Ints) -> Ints:
    """The number of the bucket of each value (microseconds)."""
    length = np.frexp(values.astype(np.float64))[1].astype(np.int64)
    shift = np.maximum(length - _BITS, 0)
    found: Ints = shift * _HALF + (values >> shift)
    return found


def lowest(buckets: Ints) -> Ints:
    """The least value (microseconds) of each bucket."""
    shift = np.maximum(buckets // _HALF - 1, 0)
    found: Ints = (buckets - shift * _HALF) << shift
    return found


def highest(buckets: Ints) -> Ints:
    """The greatest value (microseconds) of each bucket."""
    shift = np.maximum(buckets // _HALF - 1, 0)
    found: Ints = lowest(buckets) + (np.int64(1) << shift) - 1
    return found


class Histogram:
    """Counts of durations. Percentiles are within a thousandth of the true ones; mean, least, largest and
    count are exact to the microsecond."""

    __slots__ = ("_counts", "_largest", "_smallest", "_sum", "_total")

    def __init__(self) -> None:
        self._counts: Ints = np.zeros(0, np.int64)
        self._total = 0
        self._sum = 0
        self._smallest = _HIGHEST
        self._largest = 0

    def record(self, values: ArrayLike, counts: ArrayLike | None = None) -> None:
        """Count seconds: one, or an array of them, each once or ``counts`` times.

        Raises :class:`ValueError` for negative values, NaN and infinity.
        """
        whole = np.atleast_1d(micros(values))
        times = None if counts is None else np.broadcast_to(np.asarray(counts, np.int64), whole.shape)
        if times is not None and times.size:
            if times.min() < 0:
                raise ValueError("a value is counted at least 0 times")
            whole, times = whole[times > 0], times[times > 0]
        if whole.size == 0:
            return
        least, largest = int(whole.min()), int(whole.max())
        self._reach(int(bucket_of(np.asarray(largest))))
        np.add.at(self._counts, bucket_of(whole), 1 if times is None else times)
        self._total += int(whole.size if times is None else times.sum())
        self._sum += _whole_sum(whole, times)
        self._smallest, self._largest = min(self._smallest, least), max(self._largest, largest)

    def _reach(self, bucket: int) -> None:
        """Have buckets up to this one, in whole doublings."""
        if bucket >= len(self._counts):
            more = (bucket // _HALF + 1) * _HALF - len(self._counts)
            self._counts = np.concatenate([self._counts, np.zeros(more, np.int64)])

    @property
    def count(self) -> int:
        return self._total

    @property
    def mean(self) -> float:
        """The mean; NaN without any value."""
        return self._sum / self._total / _MICRO if self._total else math.nan

    @property
    def total(self) -> float:
        """The sum of all values."""
        return self._sum / _MICRO

    @property
    def smallest(self) -> float:
        """The least value; NaN without any."""
        return self._smallest / _MICRO if self._total else math.nan

    @property
    def largest(self) -> float:
        """The greatest value; NaN without any."""
        return self._largest / _MICRO if self._total else math.nan

    @property
    def deviation(self) -> float:
        """The standard deviation, by the middles of buckets; NaN without any value."""
        if not self._total:
            return math.nan
        at, counts = self.filled()
        middles = (lowest(at) + highest(at)) / 2 / _MICRO
        return math.sqrt(float(np.dot(counts, (middles - self.mean) ** 2)) / self._total)

    def percentile(self, percentile: float) -> float:
        """The least value that so many percent of all are not above; NaN without any value."""
        return self.percentiles((percentile,))[0]

    def percentiles(self, percentiles: Sequence[float]) -> tuple[float, ...]:
        """The values at several percentiles, 0 to 100."""
        if any(not 0 <= one <= 100 for one in percentiles):
            raise ValueError("a percentile is between 0 and 100")
        if not self._total:
            return (math.nan,) * len(percentiles)
        ranks = ranks_at(percentiles, self._total)
        found = np.searchsorted(np.cumsum(self._counts), ranks)
        values = np.clip(highest(found.astype(np.int64)), self._smallest, self._largest)
        return tuple(float(one) / _MICRO for one in values)

    def within(self, seconds: float) -> int:
        """How many values are at most ``seconds``, to a bucket."""
        if seconds < 0:
            return 0
        bound = int(bucket_of(np.asarray(min(int(seconds * _MICRO), _HIGHEST - 1))))
        return int(self._counts[: bound + 1].sum())

    def merge(self, other: Histogram) -> None:
        """Count what another has as well."""
        if other._total:
            self._reach(len(other._counts) - 1)
            self._counts[: len(other._counts)] += other._counts
            self._total += other._total
            self._sum += other._sum
            self._smallest = min(self._smallest, other._smallest)
            self._largest = max(self._largest, other._largest)

    @classmethod
    def merged(cls, histograms: Iterable[Histogram]) -> Self:
        """One with all that the others have."""
        whole = cls()
        for one in histograms:
            whole.merge(one)
        return whole

    def filled(self) -> tuple[Ints, Ints]:
        """The numbers of the buckets that have any value, ascending, and their counts."""
        at = np.flatnonzero(self._counts)
        return at.astype(np.int64), self._counts[at]

    def buckets(self) -> Iterator[tuple[float, float, int]]:
        """Bounds and count of each bucket that has any value, ascending."""
        at, counts = self.filled()
        for low, high, count in zip(lowest(at), highest(at), counts, strict=True):
            yield int(low) / _MICRO, int(high) / _MICRO, int(count)

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON has it; ``counts`` are pairs of bucket and count."""
        at, counts = self.filled()
        return {
            "unit": "us",
            "digits": 3,
            "sum": self._sum,
            "smallest": self._smallest if self._total else None,
            "largest": self._largest if self._total else None,
            "counts": [[int(a), int(c)] for a, c in zip(at, counts, strict=True)],
        }

    @classmethod
    def from_dict(cls, written: Mapping[str, Any]) -> Self:
        """What :meth:`to_dict` gave. Raises :class:`ValueError` for anything else."""
        made = cls()
        try:
            if (written["unit"], written["digits"]) != ("us", 3):
                raise ValueError("a histogram is of microseconds, to three digits")
            pairs = np.asarray(written["counts"], np.int64).reshape(-1, 2)
            if pairs.size:
                if pairs.min() < 0 or pairs[:, 0].max() >= BUCKETS:
                    raise ValueError("a histogram has no such bucket")
                made._reach(int(pairs[:, 0].max()))
                np.add.at(made._counts, pairs[:, 0], pairs[:, 1])
                made._total, made._sum = int(pairs[:, 1].sum()), int(written["sum"])
                made._smallest, made._largest = int(written["smallest"]), int(written["largest"])
        except (KeyError, TypeError) as error:
            raise ValueError(f"this is no histogram: {error}") from error
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Histogram) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]

    def hgrm(self, unit_s: float = 1e-3, ticks: int = _TICKS) -> str:
        """The distribution of percentiles as HdrHistogram's tools read it; values in units of ``unit_s``
        (milliseconds), ``ticks`` lines for each halving of the distance to 100 %."""
        lines = [f"{'Value':>12} {'Percentile':>14} {'TotalCount':>10} {'1/(1-Percentile)':>14}", ""]
        scale = _MICRO * unit_s
        for value, share, count in self._iterated(ticks):
            rest = "" if share >= 1 else f" {1 / (1 - share):14.2f}"
            lines.append(f"{value / scale:12.3f} {share:2.12f} {count:10d}{rest}")
        mean, deviation, largest = (
            one / unit_s if self._total else 0.0 for one in (self.mean, self.deviation, self.largest)
        )
        lines.append(f"#[Mean    = {mean:12.3f}, StdDeviation   = {deviation:12.3f}]")
        lines.append(f"#[Max     = {largest:12.3f}, Total count    = {self._total:12d}]")
        doublings = max(len(self._counts) // _HALF - 1, 1)
        lines.append(f"#[Buckets = {doublings:12d}, SubBuckets     = {2 * _HALF:12d}]")
        return "\n".join(lines) + "\n"

    def _iterated(self, ticks: int) -> Iterator[tuple[int, float, int]]:
        """Values, shares and counts up to them: shares ever nearer to 1, and 1 at last."""
        at, counts = self.filled()
        upto = np.cumsum(counts)
        level, place = 0.0, 0
        while place < len(at):
            if 100.0 * float(upto[place]) / self._total < level:
                place += 1
                continue
            yield int(highest(at[place])), level / 100, int(upto[place])
            if upto[place] == self._total:
                break
            level += 100.0 / (ticks * 2 ** (int(math.log2(100.0 / (100.0 - level))) + 1))
        if self._total:
            yield int(highest(at[-1])), 1.0, self._total


def ranks_at(percentiles: Sequence[float], total: int) -> Ints:
    """Which value, counted from 1 upwards, stands at each percentile of ``total`` values."""
    exact = np.asarray(percentiles, np.float64) / 100 * total
    # A hair below the product: 99.9 % of 1000 is 999, whatever the last bit of 0.999 says.
    return np.clip(np.ceil(exact - 1e-9 * np.maximum(exact, 1)), 1, total).astype(np.int64)


def _whole_sum(values: Ints, times: Ints | None) -> int:
    """An exact sum, also of more than int64 holds."""
    low, high = values & 0xFFFFFFFF, values >> 32
    if times is None:
        return int(low.sum()) + (int(high.sum()) << 32)
    return sum(int(v) * int(t) for v, t in zip(values, times, strict=True))


class Histograms:
    """Many histograms by number, for as many groups as there are.

    Counts are kept in pages of buckets that are taken when a value falls in them: memory is that of the
    buckets in use, and recording costs the same for one group and for thousands. Of more than
    :data:`MOST_FINE` histograms eight buckets are one: percentiles are within half a hundredth.
    """

    def __init__(self, count: int) -> None:
        self.coarse = count > MOST_FINE
        self._shift = _COARSE if self.coarse else 0
        self._table = np.full((count, BUCKETS >> _PAGE_BITS + self._shift), -1, np.int32)
        self._pool = np.zeros(0, np.uint32)
        self._used = 0
        self._sums = np.zeros(count, np.int64)
        self._carry = [0] * count
        self._largest = np.zeros(count, np.int64)
        self._smallest = np.full(count, _HIGHEST, np.int64)

    def __len__(self) -> int:
        return len(self._table)

    def record(self, which: NDArray[Any], values: ArrayLike) -> None:
        """Count each value (seconds) in the histogram of its number."""
        whole = np.atleast_1d(micros(values))
        if whole.size == 0:
            return
        buckets = bucket_of(whole) >> self._shift
        pages = buckets >> _PAGE_BITS
        slots = self._table[which, pages]
        if slots.min() < 0:
            self._take(which[slots < 0], pages[slots < 0])
            slots = self._table[which, pages]
        np.add.at(self._pool, slots.astype(np.int64) * _PAGE + (buckets & (_PAGE - 1)), _ONCE)
        np.add.at(self._sums, which, whole)
        np.maximum.at(self._largest, which, whole)
        np.minimum.at(self._smallest, which, whole)
        self._carried()

    def _take(self, which: NDArray[Any], pages: Ints) -> None:
        """New pages for these, each once, in ascending order."""
        wanted = np.unique(which.astype(np.int64) * self._table.shape[1] + pages)
        self._table.reshape(-1)[wanted] = np.arange(self._used, self._used + len(wanted), dtype=np.int32)
        self._used += len(wanted)
        if self._used * _PAGE > len(self._pool):
            room = np.zeros(max(2 * len(self._pool), self._used * _PAGE), np.uint32)
            room[: len(self._pool)] = self._pool
            self._pool = room

    def _carried(self) -> None:
        """Sums on their way to 2^63 go on as whole numbers of any size."""
        for row in np.flatnonzero(self._sums >> 61):
            self._carry[row] += int(self._sums[row])
            self._sums[row] = 0

    def one(self, number: int) -> Histogram:
        """One of them, by itself."""
        made = Histogram()
        pages = np.flatnonzero(self._table[number] >= 0)
        if pages.size:
            last = int(bucket_of(self._largest[number]))
            made._reach(last)
            rows = self._pool.reshape(-1, _PAGE)[self._table[number, pages]]
            at = (pages[:, None] * _PAGE + np.arange(_PAGE)).reshape(-1) << self._shift
            # The middle of those that are one, as far as there are values.
            at = np.minimum(at + ((1 << self._shift) >> 1), last)
            np.add.at(made._counts, at, rows.reshape(-1).astype(np.int64))
            made._total = int(rows.sum())
            made._sum = self._carry[number] + int(self._sums[number])
            made._smallest, made._largest = int(self._smallest[number]), int(self._largest[number])
        return made
