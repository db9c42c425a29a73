"""KLL_QUANTILES: kernels over quantile sketches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bqsim.errors import invalid_query

from .hashing_rows import flat, lists
from .kernel import Kernel
from .rows import arrow_type

_MOST_QUANTILES = 100_000


def _init(value_type: int, weighted: bool) -> Callable[..., Any]:
    def batch(columns: Any, *more: Any) -> Any:
        import pyarrow as pa

        from . import sketches_kll

        if not len(columns):
            return pa.array([], pa.binary())
        offsets, values = lists(columns)
        weights = None
        if weighted:
            weights = lists(more[0])[1].to_numpy(zero_copy_only=False)
            if len(weights) and weights.min() < 1:
                raise invalid_query(f"Invalid weight: {weights.min()}. Weight must be positive")
        items = values.to_numpy(zero_copy_only=False)
        if value_type == sketches_kll.FLOAT64:
            items = items + 0.0
        try:
            found = sketches_kll.made(items, weights, offsets, value_type, more[-1][0].as_py())
        except OverflowError:
            raise invalid_query("int64 overflow: the weights of a sketch") from None
        return pa.array([sketches_kll.serialized(s) for s in found], pa.binary())

    return batch


def _merge(columns: Any, names: Any, types: Any) -> Any:
    import pyarrow as pa

    from . import sketches_kll

    wanted = types[0].as_py() if len(types) else 0
    result = []
    for row in columns.to_pylist():
        try:
            merged = sketches_kll.merged([sketches_kll.parse(data) for data in row])
            if wanted not in (0, merged.value_type):
                raise ValueError("another type")
        except ValueError:
            raise invalid_query(f"Invalid or incompatible sketch in {names[0].as_py()}") from None
        result.append(sketches_kll.serialized(merged))
    return pa.array(result, pa.binary())


def _extract(value_type: int, returns: str, what: Callable[[Any, Any, str], Any]) -> Callable[..., Any]:
    def batch(sketches: Any, arguments: Any, names: Any) -> Any:
        import pyarrow as pa

        from . import sketches_kll

        known: dict[bytes, Any] = {}
        result = []
        pairs = zip(flat(sketches).to_pylist(), flat(arguments).to_pylist(), strict=True)
        for data, argument in pairs:
            name = names[0].as_py()
            try:
                sketch = known.get(data) or known.setdefault(data, sketches_kll.parse(data))
                if sketch.value_type != value_type:
                    raise ValueError("another type")
            except ValueError:
                raise invalid_query(f"Invalid or incompatible sketch in {name}") from None
            result.append(what(sketch, argument, name))
        return pa.array(result, arrow_type(returns))

    return batch


def _boundaries(sketch: Any, number: int, name: str) -> Any:
    from . import sketches_kll

    if not 1 <= number <= _MOST_QUANTILES:
        raise invalid_query(f"Argument 2 to {name} must be between 1 and {_MOST_QUANTILES}")
    return sketches_kll.boundaries(sketch, number)


def _point(sketch: Any, phi: float, name: str) -> Any:
    from . import sketches_kll

    if not 0 <= phi <= 1:
        raise invalid_query(f"Argument 2 to {name} must be between 0 and 1")
    return sketches_kll.point(sketch, phi)


# By type: engine type and value type of sketches.
_TYPES = (("int64", "BIGINT", 4), ("float64", "DOUBLE", 10))

KERNELS = (
    Kernel("bq_kll_merge", ("BLOB[]", "VARCHAR", "BIGINT"), "BLOB", _merge),
    *(
        kernel
        for name, type_, number in _TYPES
        for kernel in (
            Kernel(f"bq_kll_init_{name}", (f"{type_}[]", "BIGINT"), "BLOB", _init(number, False)),
            Kernel(
                f"bq_kll_init_weighted_{name}",
                (f"{type_}[]", "BIGINT[]", "BIGINT"),
                "BLOB",
                _init(number, True),
            ),
            Kernel(
                f"bq_kll_quantiles_{name}",
                ("BLOB", "BIGINT", "VARCHAR"),
                f"{type_}[]",
                _extract(number, f"{type_}[]", _boundaries),
            ),
            Kernel(
                f"bq_kll_point_{name}",
                ("BLOB", "DOUBLE", "VARCHAR"),
                type_,
                _extract(number, type_, _point),
            ),
        )
    ),
)
