"""BIGNUMERIC: exact arithmetic, rounding, casts, and the sums that aggregates are made of.

Sums, differences, products and casts between numbers are vectorised; what needs a division by a column, a
root or a logarithm is computed with Python's integers. See :mod:`.limbs` for the stored form.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bqsim.errors import invalid_query

from . import limbs
from .arithmetic import NUMERIC_MAX, rounded_division
from .bignumeric_math import FUNCTIONS as MATH
from .bignumeric_math import cut, from_float, parse, parse_function, rounded
from .kernel import Kernel
from .limbs import UNIT, fits, integers, overflow, stored, text

_TO_NUMERIC = 29
_NUMERIC_UNIT: int = 10**_TO_NUMERIC


def _first(mask: Any) -> int:
    return int(mask.argmax())


def _fail(call: str, *columns: Any) -> Exception:
    """Overflow of a call written with the texts of its (one-row) operands."""
    return overflow(call.format(*(text(integers(c)[0]) for c in columns)))


def _binary(operator: str, compute: Callable[[Any, Any], tuple[Any, Any]], *, safe: bool = False) -> Any:
    def batch(left: Any, right: Any) -> Any:
        values, bad = compute(limbs.words(left), limbs.words(right))
        if not bad.any():
            return limbs.column(values)
        if safe:
            return _nulled(limbs.column(values), bad)
        row = _first(bad)
        raise _fail(f"{{}} {operator} {{}}", left.slice(row, 1), right.slice(row, 1))

    return batch


def _nulled(column: Any, bad: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.if_else(pa.array(bad), pa.scalar(None, pa.binary()), column)


def _multiply(a: Any, b: Any) -> tuple[Any, Any]:
    left, negative = limbs.magnitudes(a)
    right, other = limbs.magnitudes(b)
    return limbs.signed(limbs.divided(limbs.product(left, right), limbs.SCALE), negative ^ other)


def _with_nulls(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """A kernel that may give NULL, of rows of which some are NULL."""

    def batch(left: Any, right: Any) -> Any:
        import pyarrow as pa
        import pyarrow.compute as pc

        present = pc.and_(left.is_valid(), right.is_valid())
        if isinstance(present, pa.ChunkedArray):
            present = present.combine_chunks()
        values = function(left.filter(present), right.filter(present))
        return pc.replace_with_mask(pa.nulls(len(left), pa.binary()), present, values)

    return batch


def _negate(values: Any) -> Any:
    import numpy as np

    parts = limbs.words(values)
    out = limbs.negated(parts, np.ones(len(parts[0]), bool))
    bad = (
        (out[3] == np.uint64(1 << 63)) & (parts[3] == np.uint64(1 << 63)) & ((out[0] | out[1] | out[2]) == 0)
    )
    if bad.any():
        raise _fail("-({})", values.slice(_first(bad), 1))
    return limbs.column(out)


def _abs(values: Any) -> Any:
    import numpy as np

    parts = limbs.words(values)
    out = limbs.negated(parts, (parts[3] >> np.uint64(63)) != 0)
    bad = (out[3] >> np.uint64(63)) != 0
    if bad.any():
        shown = text(integers(values.slice(_first(bad), 1))[0])
        raise invalid_query(f"Floating point overflow in function: ABS({shown})")
    return limbs.column(out)


def _rows(function: Callable[..., Any], *, nullable: bool = False) -> Any:
    """A kernel of a function of integers of 10**-38ths (and of other columns' values)."""

    def batch(*columns: Any) -> Any:
        import pyarrow as pa

        values = [integers(c) if _is_stored(c) else c.to_pylist() for c in columns]
        return limbs.column_of(map(function, *values)) if len(values[0]) else pa.array([], pa.binary())

    def nulls(*columns: Any) -> Any:
        import pyarrow as pa

        values = [c.to_pylist() for c in columns]
        out = []
        for row in zip(*values, strict=True):
            items = [limbs_value(v) if isinstance(v, bytes) else v for v in row]
            value = None if None in items else function(*items)
            out.append(None if value is None else stored(value))
        return pa.array(out, pa.binary())

    return nulls if nullable else batch


def limbs_value(value: bytes) -> int:
    """One stored value as an integer of 10**-38ths."""
    return int.from_bytes(value, "big") - limbs.BIAS


def _is_stored(column: Any) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type))


def _divide(a: int, b: int) -> int:
    if not b:
        raise invalid_query(f"division by zero: {text(a)} / {text(b)}")
    value = rounded_division(a * UNIT, b)
    if not fits(value):
        raise overflow(f"{text(a)} / {text(b)}")
    return value


def _safe_divide(a: int, b: int) -> int | None:
    value = rounded_division(a * UNIT, b) if b else None
    return value if value is not None and fits(value) else None


def _div(a: int, b: int) -> int:
    if not b:
        raise invalid_query(f"division by zero: DIV({text(a)}, {text(b)})")
    whole = abs(a) // abs(b)
    value = (whole if (a < 0) == (b < 0) else -whole) * UNIT
    if not fits(value):
        raise overflow(f"DIV({text(a)}, {text(b)})")
    return value


def _mod(a: int, b: int) -> int:
    if not b:
        raise invalid_query(f"division by zero: MOD({text(a)}, {text(b)})")
    rest = abs(a) % abs(b)
    return -rest if a < 0 else rest


def _safe_negate(a: int) -> int | None:
    return -a if fits(-a) else None


def _sign(a: int) -> int:
    return (a > 0) * UNIT - (a < 0) * UNIT


def _round(a: int, digits: int, mode: str) -> int:
    return rounded(a, digits, mode)


def _trunc(a: int, digits: int) -> int:
    return cut(a, digits)


# Casts.


def _decimal_words(column: Any) -> list[Any]:
    """Two unsigned words of each value of a decimal128 column, the lowest first."""
    import numpy as np
    import pyarrow as pa

    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    data = np.frombuffer(column.buffers()[1], np.uint64)[
        2 * column.offset : 2 * (column.offset + len(column))
    ]
    return [data[::2].copy(), data[1::2].copy()]


def _scaled(parts: list[Any], factor: int) -> Any:
    values, negative = limbs.magnitudes(parts)
    out, _ = limbs.signed(limbs.product(values, limbs.constant(factor, len(parts[0]))), negative)
    return limbs.column(out)


def of_numeric(column: Any) -> Any:
    """NUMERIC to BIGNUMERIC."""
    return _scaled(_decimal_words(column), _NUMERIC_UNIT)


def _of_int64(column: Any) -> Any:
    import numpy as np

    values = column.to_numpy()
    return _scaled([np.ascontiguousarray(values).view(np.uint64)], UNIT)


def _to_numeric(column: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    values, negative = limbs.magnitudes(limbs.words(column))
    quotient = limbs.divided(values, _TO_NUMERIC)
    parts, bad = limbs.signed(quotient, negative, 2)
    if len(quotient) > 3:
        # The greatest NUMERIC is less than what two words hold.
        for row in np.flatnonzero(parts[1].view(np.int64) != 0).tolist():
            value = integers(column.slice(row, 1))[0]
            bad[row] |= abs(rounded_division(value, _NUMERIC_UNIT)) > NUMERIC_MAX
    if bad.any():
        shown = text(integers(column.slice(_first(bad), 1))[0])
        raise invalid_query(f"numeric out of range: {shown}")
    out = np.empty(2 * len(parts[0]), np.uint64)
    out[::2], out[1::2] = parts
    return pa.Array.from_buffers(pa.decimal128(38, 9), len(parts[0]), [None, pa.py_buffer(out)])


def _to_int64(column: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    values, negative = limbs.magnitudes(limbs.words(column))
    [low], bad = limbs.signed(limbs.divided(values, limbs.SCALE), negative, 1)
    if bad.any():
        shown = text(integers(column.slice(_first(bad), 1))[0])
        raise invalid_query(f"int64 out of range: {shown}")
    return pa.array(low.view(np.int64))


def _to_float(column: Any) -> Any:
    import pyarrow as pa

    return pa.array([v / UNIT for v in integers(column)], pa.float64())


def _to_text(column: Any) -> Any:
    import pyarrow as pa

    return pa.array(list(map(text, integers(column))), pa.string())


def _of_text(values: Any) -> Any:
    found = []
    for value in values.to_pylist():
        number = parse(value)
        if number is None:
            raise invalid_query(f"Invalid BIGNUMERIC value: {value}")
        found.append(number)
    return limbs.column_of(found)


def _parse_function(values: Any) -> Any:
    return limbs.column_of(map(parse_function, values.to_pylist()))


def _of_float(values: Any) -> Any:
    return limbs.column_of(map(from_float, values.to_pylist()))


def _limited(column: Any, precisions: Any, scales: Any) -> Any:
    """Values rounded to the scale of BIGNUMERIC(precision, scale); fails out of its range."""

    def one(value: int, precision: int, scale: int) -> int:
        unit: int = 10 ** (limbs.SCALE - scale)
        found = rounded_division(value, unit)
        if not fits(found * unit):
            raise overflow(f"ROUND({text(value)}, {scale})")
        if abs(found) >= 10**precision:
            digits = str(10**precision - 1).rjust(scale + 1, "0")
            bound = f"{digits[:-scale]}.{digits[-scale:]}" if scale else digits
            shown = f"BIGNUMERIC({precision}, {scale})" if scale else f"BIGNUMERIC({precision})"
            raise invalid_query(
                f"{shown} has precision {precision} and scale {scale} but got a value that is not in range"
                f" of [-{bound}, {bound}]"
            )
        return found * unit

    return limbs.column_of(map(one, integers(column), precisions.to_pylist(), scales.to_pylist()))


def _sequence(starts: Any, ends: Any, steps: Any) -> Any:
    import pyarrow as pa

    lists: list[list[bytes]] = []
    for start, end, step in zip(integers(starts), integers(ends), integers(steps), strict=True):
        if not step:
            raise invalid_query("Sequence step cannot be 0.")
        lists.append([stored(v) for v in range(start, end + (1 if step > 0 else -1), step)])
    return pa.array(lists, pa.list_(pa.binary()))


_B = "BLOB"
_N = "DECIMAL(38,9)"
_SUM, _DIFFERENCE, _PRODUCT = (
    ("+", limbs.add),
    ("-", limbs.subtract),
    ("*", _multiply),
)

KERNELS: tuple[Kernel, ...] = (
    *(
        Kernel(f"bq_bignumeric_{name}", (_B, _B), _B, _binary(operator, compute))
        for name, (operator, compute) in (("add", _SUM), ("subtract", _DIFFERENCE), ("multiply", _PRODUCT))
    ),
    *(
        Kernel(
            f"bq_safe_{name}_bignumeric",
            (_B, _B),
            _B,
            _with_nulls(_binary(operator, compute, safe=True)),
            null_in_null_out=False,
        )
        for name, (operator, compute) in (("add", _SUM), ("subtract", _DIFFERENCE), ("multiply", _PRODUCT))
    ),
    Kernel("bq_bignumeric_divide", (_B, _B), _B, _rows(_divide)),
    Kernel("bq_div_bignumeric", (_B, _B), _B, _rows(_div)),
    Kernel("bq_mod_bignumeric", (_B, _B), _B, _rows(_mod)),
    Kernel(
        "bq_safe_divide_bignumeric", (_B, _B), _B, _rows(_safe_divide, nullable=True), null_in_null_out=False
    ),
    Kernel(
        "bq_safe_negate_bignumeric", (_B,), _B, _rows(_safe_negate, nullable=True), null_in_null_out=False
    ),
    Kernel("bq_bignumeric_negate", (_B,), _B, _negate),
    Kernel("bq_abs_bignumeric", (_B,), _B, _abs),
    Kernel("bq_sign_bignumeric", (_B,), _B, _rows(_sign)),
    Kernel("bq_round_bignumeric", (_B, "BIGINT", "VARCHAR"), _B, _rows(_round)),
    Kernel("bq_trunc_bignumeric", (_B, "BIGINT"), _B, _rows(_trunc)),
    *(Kernel(f"bq_{name}_bignumeric", (_B,) * count, _B, _rows(one)) for name, count, one in MATH),
    Kernel("bq_cast_numeric_to_bignumeric", (_N,), _B, of_numeric),
    Kernel("bq_cast_int64_to_bignumeric", ("BIGINT",), _B, _of_int64),
    Kernel("bq_cast_float64_to_bignumeric", ("DOUBLE",), _B, _of_float),
    Kernel("bq_cast_string_to_bignumeric", ("VARCHAR",), _B, _of_text),
    Kernel("bq_cast_bignumeric_to_numeric", (_B,), _N, _to_numeric),
    Kernel("bq_cast_bignumeric_to_int64", (_B,), "BIGINT", _to_int64),
    Kernel("bq_cast_bignumeric_to_float64", (_B,), "DOUBLE", _to_float),
    Kernel("bq_cast_bignumeric_to_string", (_B,), "VARCHAR", _to_text),
    Kernel("bq_parse_bignumeric", ("VARCHAR",), _B, _parse_function),
    Kernel("bq_limited_bignumeric", (_B, "BIGINT", "BIGINT"), _B, _limited),
    Kernel("bq_generate_bignumeric", (_B, _B, _B), "BLOB[]", _sequence),
)

MACROS: tuple[str, ...] = ()
