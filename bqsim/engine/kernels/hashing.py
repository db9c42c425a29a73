"""FARM_FINGERPRINT: FarmHash's stable 64 bit fingerprint, computed for all values of one length at once."""

from __future__ import annotations

from typing import Any

from .hashing_rows import Rows, by_length
from .kernel import Kernel

_K0 = 0xC3A5C85C97CB3127
_K1 = 0xB492B66FBE98F273
_K2 = 0x9AE16A3B2F90404F


def _hash16(r: Rows, u: Any, v: Any, mul: Any) -> Any:
    a = r.mix((u ^ v) * mul)
    return r.mix((v ^ a) * mul) * mul


def _weak(r: Rows, offset: int, a: Any, b: Any) -> tuple[Any, Any]:
    w, x, y, z = (r.word(offset + i) for i in (0, 8, 16, 24))
    a = a + w
    b = r.rotate(b + a + z, 21)
    c = a
    a = a + x + y
    return a + z, b + r.rotate(a, 44) + c


def _up_to_16(r: Rows) -> Any:
    n = r.length
    k2 = r.constant(_K2)
    mul = r.constant(_K2 + n * 2)
    if n >= 8:
        a = r.word(0) + k2
        b = r.word(n - 8)
        return _hash16(r, r.rotate(b, 37) * mul + a, (r.rotate(a, 25) + b) * mul, mul)
    if n >= 4:
        return _hash16(r, r.constant(n) + (r.half(0) << r.u64(3)), r.half(n - 4), mul)
    if n:
        y = r.byte(0) + (r.byte(n >> 1) << r.u64(8))
        z = r.constant(n) + (r.byte(n - 1) << r.u64(2))
        return r.mix(y * k2 ^ z * r.constant(_K0)) * k2
    return k2


def _up_to_32(r: Rows) -> Any:
    n = r.length
    k2 = r.constant(_K2)
    mul = r.constant(_K2 + n * 2)
    a = r.word(0) * r.constant(_K1)
    b = r.word(8)
    c = r.word(n - 8) * mul
    d = r.word(n - 16) * k2
    return _hash16(r, r.rotate(a + b, 43) + r.rotate(c, 30) + d, a + r.rotate(b + k2, 18) + c, mul)


def _up_to_64(r: Rows) -> Any:
    n = r.length
    k2 = r.constant(_K2)
    mul = r.constant(_K2 + n * 2)
    a = r.word(0) * k2
    b = r.word(8)
    c = r.word(n - 8) * mul
    d = r.word(n - 16) * k2
    y = r.rotate(a + b, 43) + r.rotate(c, 30) + d
    z = _hash16(r, y, a + r.rotate(b + k2, 18) + c, mul)
    e = r.word(16) * mul
    f = r.word(24)
    g = (y + r.word(n - 32)) * mul
    h = (z + r.word(n - 24)) * mul
    return _hash16(r, r.rotate(e + f, 43) + r.rotate(g, 30) + h, e + r.rotate(f + a, 18) + g, mul)


def _longer(r: Rows) -> Any:
    n = r.length
    seed = 81
    x = r.constant(seed * _K2) + r.word(0)
    y = r.constant(seed * _K1 + 113)
    z = r.mix(y * r.constant(_K2) + r.constant(113)) * r.constant(_K2)
    v = w = (r.zero, r.zero)
    k1 = r.constant(_K1)

    def step(at: int, x: Any, y: Any, z: Any, v: Any, w: Any, mul: Any, nine: Any) -> tuple[Any, ...]:
        x = r.rotate(x + y + v[0] + r.word(at + 8), 37) * mul
        y = r.rotate(y + v[1] + r.word(at + 48), 42) * mul
        x = x ^ w[1] * nine
        y = y + v[0] * nine + r.word(at + 40)
        z = r.rotate(z + w[0], 33) * mul
        v = _weak(r, at, v[1] * mul, x + w[0])
        w = _weak(r, at + 32, z + w[1], y + r.word(at + 16))
        return z, y, x, v, w

    end = (n - 1) // 64 * 64
    for at in range(0, end, 64):
        x, y, z, v, w = step(at, x, y, z, v, w, k1, r.constant(1))
    mul = k1 + ((z & r.u64(0xFF)) << r.u64(1))
    first = w[0] + r.constant((n - 1) & 63)
    v = (v[0] + first, v[1])
    w = (first + v[0], w[1])
    x, y, z, v, w = step(n - 64, x, y, z, v, w, mul, r.constant(9))
    return _hash16(
        r,
        _hash16(r, v[0], w[0], mul) + r.mix(y) * r.constant(_K0) + z,
        _hash16(r, v[1], w[1], mul) + x,
        mul,
    )


def _by_length(length: int) -> Any:
    if length <= 16:
        return _up_to_16
    if length <= 32:
        return _up_to_32
    return _up_to_64 if length <= 64 else _longer


def fingerprints(values: Any) -> Any:
    """The signed 64 bit fingerprints of an Arrow array of byte strings."""
    import numpy as np

    result = np.zeros(len(values), np.int64)
    for places, rows in by_length(values):
        result[places] = _by_length(rows.length)(rows).view(np.int64)
    return result


def _farm_fingerprint(values: Any) -> Any:
    import pyarrow as pa

    return pa.array(fingerprints(values), pa.int64())


KERNELS = (Kernel("bq_farm_fingerprint", ("BLOB",), "BIGINT", _farm_fingerprint),)
