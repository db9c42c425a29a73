"""Fingerprint2011: the 64 bit hash that HyperLogLog++ sketches are made of."""

from __future__ import annotations

from typing import Any

from .hashing_rows import Rows, by_length

_K0 = 0xA5B85C5E198ED849
_K1 = 0x8D58AC26AFE12E47
_K2 = 0xC47B6E9E3A970ED3
_K3 = 0xC6A4A7935BD1E995


def _pair(r: Rows, high: Any, low: Any) -> Any:
    k3 = r.u64(_K3)
    a = r.mix((low ^ high) * k3)
    return r.mix((high ^ a) * k3) * k3


def _short(r: Rows) -> Any:
    """Up to 32 bytes: Murmur over words, the rest as a word filled up with zeros."""
    import numpy as np

    k3 = r.u64(_K3)
    value = r.constant(_K0 ^ _K1 ^ _K2 ^ r.length * _K3)
    whole = r.length & ~7
    for at in range(0, whole, 8):
        value = (value ^ r.mix(r.word(at) * k3) * k3) * k3
    if whole < r.length:
        rest = np.zeros((len(value), 8), np.uint8)
        rest[:, : r.length - whole] = r.matrix[:, whole:]
        value = (value ^ rest.view("<u8")[:, 0]) * k3
    return r.mix(r.mix(value) * k3)


def _half(r: Rows, a: Any, z: Any, second: Any, third: Any) -> tuple[Any, Any]:
    b = r.rotate(a + z, 52)
    c = r.rotate(a, 37)
    a = a + second
    c = c + r.rotate(a, 7)
    a = a + third
    return a + z, b + r.rotate(a, 31) + c


def _middle(r: Rows) -> Any:
    """33 to 64 bytes: the two ends, which may overlap."""
    n, k0 = r.length, r.u64(_K0)
    first = r.word(0) + (r.constant(n) + r.word(n - 16)) * k0
    vf, vs = _half(r, first, r.word(24), r.word(8), r.word(16))
    wf, ws = _half(r, r.word(16) + r.word(n - 32), r.word(n - 8), r.word(n - 24), r.word(n - 16))
    mixed = r.mix((vf + ws) * r.u64(_K2) + (wf + vs) * k0)
    return r.mix(mixed * k0 + vs) * r.u64(_K2)


def _weak(r: Rows, offset: int, a: Any, b: Any) -> tuple[Any, Any]:
    w, x, y, z = (r.word(offset + i) for i in (0, 8, 16, 24))
    a = a + w
    b = r.rotate(b + a + z, 51)
    c = a
    a = a + x + y
    return a + z, b + r.rotate(a, 23) + c


def _long(r: Rows) -> Any:
    """More than 64 bytes: the end first, then blocks of 64."""
    n, k1 = r.length, r.u64(_K1)
    x = r.word(0)
    y = r.word(n - 16) ^ k1
    z = r.word(n - 56) ^ r.u64(_K0)
    v = _weak(r, n - 64, r.constant(n), y)
    w = _weak(r, n - 32, r.constant(n * _K1), r.constant(_K0))
    z = z + r.mix(v[1]) * k1
    x = r.rotate(z + x, 39) * k1
    y = r.rotate(y, 33) * k1
    for at in range(0, (n - 1) & ~63, 64):
        x = r.rotate(x + y + v[0] + r.word(at + 16), 37) * k1 ^ w[1]
        y = r.rotate(y + v[1] + r.word(at + 48), 42) * k1 ^ v[0]
        z = r.rotate(z ^ w[0], 33)
        v = _weak(r, at, v[1] * k1, x + w[0])
        w = _weak(r, at + 32, z + w[1], y)
        x, z = z, x
    return _pair(r, _pair(r, v[0], w[0]) + r.mix(y) * k1 + z, _pair(r, v[1], w[1]) + x)


def _rows(r: Rows) -> Any:
    import numpy as np

    n = r.length
    value = _short(r) if n <= 32 else _middle(r) if n <= 64 else _long(r)
    low = r.word(0) if n >= 8 else r.constant(_K0)
    high = r.word(n - 8) if n >= 9 else r.constant(_K0)
    value = _pair(r, value + high, low)
    return np.where(value <= r.u64(1), value - r.u64(2), value)


def hashes(values: Any) -> Any:
    """The hashes of an Arrow array of byte strings or texts without NULLs, as uint64."""
    import numpy as np

    result = np.zeros(len(values), np.uint64)
    for places, rows in by_length(values):
        result[places] = _rows(rows)
    return result


def fixed_hashes(matrix: Any) -> Any:
    """The hashes of values of one width, given as a matrix of their bytes."""
    import numpy as np

    return _rows(Rows(matrix)) if len(matrix) else np.zeros(0, np.uint64)
