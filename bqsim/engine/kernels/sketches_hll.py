"""HyperLogLog++ sketches in the open serialisation of ZetaSketch.

A sketch is an aggregator state (type 112): sparse while its values take less than three quarters of the
bytes of the normal form, which is one byte for each of 2 ** precision registers.

A sparse value is the first ``sparse`` bits of a hash; if those after the first ``precision`` bits are all
zero, it is the register's number and the position of the next one bit instead, marked by a flag.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from bqsim.codecs import wire

MINIMUM, MAXIMUM, DEFAULT = 10, 24, 15
_SPARSE_MORE, _SPARSE_MOST = 5, 25
_TYPE, _VERSION = 112, 2
_RHO_BITS = 6
# Up to these estimates counting empty registers is better, from precision 10 on.
_LINEAR = (900, 1800, 3100, 6500, 11500, 20000, 50000, 120000, 350000)


@dataclass(slots=True)
class Sketch:
    """A parsed sketch. ``sparse`` are the difference-coded sparse values, ``registers`` the normal form."""

    value_type: int
    count: int
    precision: int
    sparse_precision: int
    size: int
    sparse: bytes
    registers: bytes


def sparse_precision(precision: int) -> int:
    """The sparse precision of new sketches."""
    return min(precision + _SPARSE_MORE, _SPARSE_MOST)


def parse(data: bytes) -> Sketch:
    """Raises ValueError for bytes that are not a sketch."""
    state: Any = {1: 0, 2: 0, 3: 1, 4: 0, _TYPE: b""}
    for field, value in wire.fields(data):
        state[field] = value
    inner: Any = {2: 0, 3: 0, 4: 0, 5: b"", 6: b""}
    if not isinstance(state[_TYPE], bytes):
        raise ValueError("not a state")
    for field, value in wire.fields(state[_TYPE]):
        inner[field] = value
    precision, sparse = inner[3], inner[4]
    known = state[1] == _TYPE and state[3] == _VERSION
    if not known or not all(isinstance(v, int) for v in (state[2], state[4], precision, sparse, inner[2])):
        raise ValueError("not a HyperLogLog++ sketch")
    if not MINIMUM <= precision <= MAXIMUM or not precision <= sparse <= 30:
        raise ValueError("no such precision")
    if inner[5] and len(inner[5]) != 1 << precision:
        raise ValueError("registers are missing")
    return Sketch(state[4], state[2], precision, sparse, inner[2], inner[6], inner[5])


def serialized(sketch: Sketch) -> bytes:
    """The bytes of a sketch."""
    inner = wire.number(2, sketch.size) if sketch.size else b""
    inner += wire.number(3, sketch.precision) + wire.number(4, sketch.sparse_precision)
    inner += wire.block(5, sketch.registers) if sketch.registers else wire.block(6, sketch.sparse)
    head = wire.number(1, _TYPE) + wire.number(2, sketch.count) + wire.number(3, _VERSION)
    return head + wire.number(4, sketch.value_type) + wire.block(_TYPE, inner)


def _flag(precision: int, sparse: int) -> int:
    return 1 << max(sparse, precision + _RHO_BITS)


def _bit_length(values: Any) -> Any:
    """The number of bits that numbers below 2 ** 32 take."""
    import numpy as np

    return np.frexp(values.astype(np.float64))[1].astype(np.int64)


def _rho(values: Any, bits: int) -> Any:
    """The place of the first one bit, from 1, in the lowest ``bits`` bits; ``bits`` + 1 without one."""
    import numpy as np

    if not bits:
        return np.ones(len(values), np.int64)
    kept = values & np.uint64((1 << bits) - 1)
    high, low = kept >> np.uint64(32), kept & np.uint64(0xFFFFFFFF)
    length = np.where(high > 0, _bit_length(high) + 32, _bit_length(low))
    return bits + 1 - length


def _encode(index: Any, rho: Any, precision: int, sparse: int) -> Any:
    import numpy as np

    more = sparse - precision
    flagged = index & ((1 << more) - 1) == 0
    coded = _flag(precision, sparse) | (index >> more) << _RHO_BITS | rho
    return np.where(flagged, coded, index)


def encode(hashes: Any, precision: int, sparse: int) -> Any:
    """The sparse values of hashes, as int64."""
    import numpy as np

    index = (hashes >> np.uint64(64 - sparse)).astype(np.int64)
    more = sparse - precision
    flagged = np.flatnonzero(index & ((1 << more) - 1) == 0)
    rho = np.zeros(len(index), np.int64)
    rho[flagged] = _rho(hashes[flagged], 64 - sparse)
    return _encode(index, rho, precision, sparse)


def _decode(values: Any, precision: int, sparse: int) -> tuple[Any, Any]:
    """Sparse indexes, and rho beyond them (0 where it is not stored)."""
    import numpy as np

    flag = _flag(precision, sparse)
    flagged = values & flag != 0
    index = np.where(flagged, (values ^ flag) >> _RHO_BITS << (sparse - precision), values)
    return index, np.where(flagged, values & (1 << _RHO_BITS) - 1, 0)


def _lower(index: Any, rho: Any, source: int, target: int) -> tuple[Any, Any]:
    """Indexes and rho at a lower precision."""
    import numpy as np

    if source == target:
        return index, rho
    more = source - target
    found = _rho(index.astype(np.uint64), more)
    return index >> more, np.where(found > more, rho + more, found)


def downgraded(values: Any, source: tuple[int, int], target: tuple[int, int]) -> Any:
    """Sparse values of (precision, sparse precision) ``source`` as those of a lower ``target``."""
    if source == target:
        return values
    index, rho = _lower(*_decode(values, *source), source[1], target[1])
    return _encode(index, rho, *target)


def registers_of(values: Any, precision: int, sparse: int) -> Any:
    """The registers that sparse values fill."""
    import numpy as np

    index, rho = _lower(*_decode(values, precision, sparse), sparse, precision)
    registers = np.zeros(1 << precision, np.uint8)
    np.maximum.at(registers, index, rho.astype(np.uint8))
    return registers


def lowered_registers(registers: Any, source: int, target: int) -> Any:
    """Registers at a lower precision."""
    import numpy as np

    if source == target:
        return registers
    used = np.flatnonzero(registers)
    index, rho = _lower(used.astype(np.int64), registers[used].astype(np.int64), source, target)
    result = np.zeros(1 << target, np.uint8)
    np.maximum.at(result, index, rho.astype(np.uint8))
    return result


def distinct(groups: Any, values: Any, precision: int, sparse: int) -> tuple[Any, Any]:
    """Sparse values sorted within their groups (both int64), one of each index."""
    import numpy as np

    coded = np.sort(groups << 32 | values)
    flag = _flag(precision, sparse)
    key = np.where(coded & flag != 0, coded >> _RHO_BITS << _RHO_BITS, coded)
    kept = np.ones(len(coded), bool)
    kept[:-1] = key[:-1] != key[1:]
    coded = coded[kept]
    return coded >> 32, coded & 0xFFFFFFFF


def varints(values: Any) -> tuple[Any, Any]:
    """The bytes of int64 numbers below 2 ** 35 one after the other, and how many each has."""
    import numpy as np

    sizes = np.ones(len(values), np.int64)
    for more in (7, 14, 21, 28):
        sizes += values >= 1 << more
    starts = np.cumsum(sizes) - sizes
    out = np.zeros(int(sizes.sum()), np.uint8)
    for k in range(5):
        rows = np.flatnonzero(sizes > k)
        byte = values[rows] >> 7 * k & 127
        out[starts[rows] + k] = byte | np.where(sizes[rows] > k + 1, 128, 0)
    return out, sizes


def numbers(data: Any) -> tuple[Any, Any]:
    """The numbers of a run of varints (uint8), and the place after each. Raises ValueError if cut off."""
    import numpy as np

    ends = np.flatnonzero(data < 128) + 1
    if not len(data):
        return np.zeros(0, np.int64), ends
    if not len(ends) or ends[-1] != len(data):
        raise ValueError("a number is cut off")
    starts = np.concatenate([[0], ends[:-1]])
    sizes = ends - starts
    if int(sizes.max()) > 5:
        raise ValueError("a number is too long")
    values = np.zeros(len(ends), np.int64)
    for k in range(int(sizes.max())):
        rows = np.flatnonzero(sizes > k)
        values[rows] |= (data[starts[rows] + k] & 127).astype(np.int64) << 7 * k
    return values, ends


def estimate(sketch: Sketch) -> int:
    """The number of distinct values."""
    import math

    import numpy as np

    if not sketch.registers:
        return sparse_estimate(sketch.size, sketch.sparse_precision)
    registers = np.frombuffer(sketch.registers, np.uint8)
    size = 1 << sketch.precision
    empty = int(np.count_nonzero(registers == 0))
    if empty:
        linear = size * math.log(size / empty)
        place = sketch.precision - MINIMUM
        if linear <= (_LINEAR[place] if place < len(_LINEAR) else 5 * size // 2):
            return math.floor(linear + 0.5)
    counts = np.bincount(registers)
    total = float(np.dot(counts, 2.0 ** -np.arange(len(counts))))
    raw = 0.7213 / (1 + 1.079 / size) * size / total
    return math.floor(_unbiased(raw) * size + 0.5)


def sparse_estimate(filled: int, sparse: int) -> int:
    """The number of distinct values of a sparse sketch with so many indexes."""
    import math

    buckets = 1 << sparse
    if filled >= buckets:
        raise ValueError("too many values")
    return math.floor(buckets * math.log(buckets / (buckets - filled)) + 0.5)


def _unbiased(raw: float) -> float:
    """A raw estimate, per register, without its bias.

    The bias is that of registers filled at random, found from their expected harmonic sum; beyond five
    values for each register there is next to none.
    """
    import math

    if raw > 5:
        return raw

    def expected(load: float) -> float:
        total = math.exp(-load)
        for k in range(1, 64):
            total += 2.0**-k * (math.exp(-load * 2.0**-k) - math.exp(-load * 2.0 ** (1 - k)))
        return 0.7213 / total

    low, high = 0.0, raw
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if expected(middle) < raw else (low, middle)
    return (low + high) / 2
