"""The kernels as functions of a DuckDB connection."""

from __future__ import annotations

import inspect
from typing import Any

from bqsim.errors import BigQueryError

from . import kernels
from .errors import MARK


def install_kernels(connection: Any) -> list[str]:
    from duckdb import func

    handling = {True: func.FunctionNullHandling.DEFAULT, False: func.FunctionNullHandling.SPECIAL}
    every = kernels.kernels()
    for kernel in every.values():
        connection.create_function(
            kernel.name,
            _marking(kernel),
            None if kernel.variadic else list(kernel.parameters),
            kernel.returns,
            type=func.PythonUDFType.ARROW,
            null_handling=handling[kernel.null_in_null_out],
            side_effects=kernel.volatile,
        )
    return list(every)


def _marking(kernel: kernels.Kernel) -> Any:
    """The kernel's function with its BigQuery errors marked, since the engine keeps only an exception's
    text.
    """

    def call(*arrays: Any) -> Any:
        try:
            return kernel.function(*arrays)
        except BigQueryError as error:
            raise RuntimeError(MARK + error.message) from None

    if kernel.variadic:
        return call
    # The engine counts the parameters of the signature.
    positional = inspect.Parameter.POSITIONAL_ONLY
    names = [inspect.Parameter(f"a{i}", positional) for i in range(len(kernel.parameters))]
    call.__signature__ = inspect.Signature(names)  # type: ignore[attr-defined]
    return call
