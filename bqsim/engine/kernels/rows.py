"""Kernels made of a plain function of one row's values, for what has no vectorised form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .kernel import Kernel

_ARROW: dict[str, str] = {
    "BIGINT": "int64",
    "DOUBLE": "float64",
    "BOOLEAN": "bool_",
    "VARCHAR": "string",
    "BLOB": "binary",
}


def arrow_type(engine_type: str) -> Any:
    """The Arrow type of an engine type named in a kernel's signature."""
    import pyarrow as pa

    if engine_type.endswith("[]"):
        return pa.list_(arrow_type(engine_type[:-2]))
    if engine_type == "DECIMAL(38,9)":
        return pa.decimal128(38, 9)
    return getattr(pa, _ARROW[engine_type])()


def row_kernel(
    name: str,
    parameters: tuple[str, ...],
    returns: str,
    function: Callable[..., Any],
    *,
    nullable: bool = False,
) -> Kernel:
    """A kernel that maps ``function`` over the rows; NULL in, NULL out. ``nullable``: it may return None."""

    def batch(*columns: Any) -> Any:
        import pyarrow as pa

        values = [column.to_pylist() for column in columns]
        if nullable:
            result = [None if None in row else function(*row) for row in zip(*values, strict=True)]
        else:
            result = list(map(function, *values))
        return pa.array(result, arrow_type(returns))

    return Kernel(name, parameters, returns, batch, null_in_null_out=not nullable)
