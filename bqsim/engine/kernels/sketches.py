"""HLL_COUNT, KLL_QUANTILES and APPROX_TOP_SUM: sketches of what was aggregated."""

from __future__ import annotations

from typing import Any

from bqsim.errors import invalid_query

from . import sketches_quantiles, sketches_top
from .hashing_rows import lists
from .kernel import Kernel

# Value types that a sketch names: those of ZetaSketch, and own ones for NUMERIC and BIGNUMERIC.
INT64, BYTES, NUMERIC, BIGNUMERIC = 8, 11, 188553293, 188553294


def _hashes(values: Any, value_type: int) -> Any:
    import numpy as np

    from . import sketches_hash

    if value_type in (BYTES, BIGNUMERIC):
        return sketches_hash.hashes(values)
    width = 8 if value_type == INT64 else 16
    start = values.offset * width
    data = np.frombuffer(values.buffers()[1], np.uint8)[start : start + len(values) * width]
    return sketches_hash.fixed_hashes(data.reshape(len(values), width))


def _init(columns: Any, precisions: Any, value_types: Any) -> Any:
    import pyarrow as pa

    from . import sketches_build, sketches_hll

    if not len(columns):
        return pa.array([], pa.binary())
    precision, value_type = precisions[0].as_py(), value_types[0].as_py()
    offsets, values = lists(columns)
    sketches = sketches_build.made(_hashes(values, value_type), offsets, value_type, precision)
    return pa.array([sketches_hll.serialized(s) for s in sketches], pa.binary())


def _merged(columns: Any, names: Any) -> list[Any]:
    from . import sketches_build, sketches_hll

    known: dict[bytes, Any] = {}
    try:
        groups = []
        for row in columns.to_pylist():
            group = []
            for data in row:
                found = known.get(data)
                if found is None:
                    found = known[data] = sketches_hll.parse(data)
                group.append(found)
            groups.append(group)
        return sketches_build.merged(groups)
    except ValueError:
        raise invalid_query(f"Invalid or incompatible sketch in {names[0].as_py()}") from None


def _merge(columns: Any, names: Any) -> Any:
    import pyarrow as pa

    from . import sketches_hll

    return pa.array([sketches_hll.serialized(s) for s in _merged(columns, names)], pa.binary())


def _merge_count(columns: Any, names: Any) -> Any:
    import pyarrow as pa

    from . import sketches_hll

    return pa.array([sketches_hll.estimate(s) for s in _merged(columns, names)], pa.int64())


def _extract(column: Any) -> Any:
    import pyarrow as pa

    from . import sketches_hll

    try:
        counts = [sketches_hll.estimate(sketches_hll.parse(data)) for data in column.to_pylist()]
    except ValueError:
        raise invalid_query("Invalid sketch in HLL_COUNT.EXTRACT") from None
    return pa.array(counts, pa.int64())


KERNELS = (
    Kernel("bq_hll_init_int64", ("BIGINT[]", "BIGINT", "BIGINT"), "BLOB", _init),
    Kernel("bq_hll_init_numeric", ("DECIMAL(38,9)[]", "BIGINT", "BIGINT"), "BLOB", _init),
    Kernel("bq_hll_init_bytes", ("BLOB[]", "BIGINT", "BIGINT"), "BLOB", _init),
    Kernel("bq_hll_merge", ("BLOB[]", "VARCHAR"), "BLOB", _merge),
    Kernel("bq_hll_merge_count", ("BLOB[]", "VARCHAR"), "BIGINT", _merge_count),
    Kernel("bq_hll_extract", ("BLOB",), "BIGINT", _extract),
    *sketches_quantiles.KERNELS,
    *sketches_top.KERNELS,
)
