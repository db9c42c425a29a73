"""The gamma distribution's functions, without scipy.

For shapes from 0.01 to 10,000 quantiles have a relative error below 1e-9 (tests compare them with closed
forms, tables and numerical integration). Above, Wilson and Hilferty's approximation takes over, with an
error below 1e-6 from p0.1 to p99.9.
"""

from __future__ import annotations

import math
from statistics import NormalDist

LEAST_SHAPE, LARGEST_SHAPE = 0.01, 10_000.0

_NORMAL = NormalDist()
_TINY = 1e-300
_LAST_MOVE = 1e-8
_STEPS = 200
_TERMS = 20_000


def log_tails(shape: float, log_x: float) -> tuple[float, float]:
    """Logarithms of P(X <= x) and P(X > x) for a gamma variable of scale 1."""
    x = math.exp(log_x)
    front = shape * log_x - x - math.lgamma(shape)
    if x < shape + 1.0:
        below = front + math.log(_series(shape, x))
        return below, _log_complement(below)
    above = front + math.log(_fraction(shape, x))
    return _log_complement(above), above


def quantile(shape: float, p: float) -> float:
    """The x with P(X <= x) = p for a gamma variable of scale 1.

    Newton's method on the logarithm of the smaller tail as a function of log x. Both are concave, so
    it converges from any start, and the move after one below 1e-8 would not be seen.
    """
    if shape > LARGEST_SHAPE:
        return shape * _cube(shape, p) ** 3
    lower = p < 0.5
    wanted = math.log(p) if lower else math.log1p(-p)
    log_x = _start(shape, p)
    for _ in range(_STEPS):
        below, above = log_tails(shape, log_x)
        tail = below if lower else above
        slope = math.exp(shape * log_x - math.exp(log_x) - math.lgamma(shape) - tail)
        if slope < _TINY:
            break
        move = (wanted - tail) / slope if lower else (tail - wanted) / slope
        # A tangent taken in the flat part points far beyond the solution.
        if lower and log_x > -2.0:
            move = max(move, -2.0)
        elif not lower:
            move = min(move, 2.0)
        log_x += move
        if abs(move) < _LAST_MOVE:
            break
    return math.exp(log_x)


def _start(shape: float, p: float) -> float:
    """Wilson and Hilferty's cube, or the leading power of x where that fails."""
    cube = _cube(shape, p)
    if cube > 0.2:
        return math.log(shape) + 3.0 * math.log(cube)
    return min((math.log(p) + math.lgamma(shape + 1.0)) / shape, math.log(shape + 1.0))


def _cube(shape: float, p: float) -> float:
    ninth = 1.0 / (9.0 * shape)
    return 1.0 - ninth + _NORMAL.inv_cdf(p) * math.sqrt(ninth)


def _log_complement(log_p: float) -> float:
    return math.log(max(-math.expm1(log_p), _TINY))


def _series(shape: float, x: float) -> float:
    term = total = 1.0 / shape
    n = shape
    for _ in range(_TERMS):
        n += 1.0
        term *= x / n
        total += term
        if term < total * 1e-17:
            break
    return total


def _fraction(shape: float, x: float) -> float:
    """The continued fraction of the upper incomplete gamma function, from the front (modified Lentz)."""
    b = x + 1.0 - shape
    c = 1.0 / _TINY
    d = 1.0 / b
    value = d
    for i in range(1, _TERMS):
        a = -i * (i - shape)
        b += 2.0
        d = a * d + b
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = b + a / c
        c = c if abs(c) > _TINY else _TINY
        factor = c * d
        value *= factor
        if abs(factor - 1.0) < 1e-16:
            break
    return value
