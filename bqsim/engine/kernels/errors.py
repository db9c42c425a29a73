"""``bq_error(message)``: fails with a BigQuery text and fits any type, also below TRY.

The engine's own ``error`` is volatile, which TRY (the lowering of the SAFE. prefix) refuses.
"""

from __future__ import annotations

from typing import Any

from bqsim.errors import invalid_query

from .kernel import Kernel


def _error(messages: Any) -> Any:
    for message in messages.to_pylist():
        if message is not None:
            raise invalid_query(message)
    import pyarrow as pa

    return pa.nulls(len(messages))


KERNELS = (Kernel("bq_error", ("VARCHAR",), "NULL", _error, null_in_null_out=False),)
