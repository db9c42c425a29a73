"""Calls of external functions: the id of the call, then its arguments. One engine function for each type of
result; what is neither ARRAY nor STRUCT comes back as itself, these as JSON text."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bqsim.engine.convert import engine_type
from bqsim.types import Type, TypeKind

from .kernel import Kernel

_PLAIN = (
    TypeKind.INT64, TypeKind.FLOAT64, TypeKind.NUMERIC, TypeKind.BIGNUMERIC, TypeKind.BOOL, TypeKind.STRING,
    TypeKind.BYTES, TypeKind.DATE, TypeKind.TIME, TypeKind.DATETIME, TypeKind.TIMESTAMP, TypeKind.JSON,
)  # fmt: skip
# The engine type of a call's result, by the kind of its type.
RESULTS: dict[TypeKind, str] = {
    **{kind: engine_type(Type(kind)) for kind in _PLAIN},
    TypeKind.ARRAY: "VARCHAR",
    TypeKind.STRUCT: "VARCHAR",
}


def kernel_name(language: str, kind: TypeKind) -> str:
    """The engine function that calls a function in a language whose results are of a kind."""
    return f"bq_{language}_{kind.value.lower()}"


def _javascript(key: Any, *columns: Any) -> Any:
    from bqsim.engine.external import CALLS, javascript

    return javascript.run(CALLS.get(key[0].as_py()), list(columns), len(key))


def _remote(key: Any, *columns: Any) -> Any:
    from bqsim.engine.external import CALLS, remote

    return remote.run(CALLS.get(key[0].as_py()), list(columns), len(key))


def kernels_of(language: str, function: Callable[..., Any], volatile: bool) -> tuple[Kernel, ...]:
    """The engine functions that call functions in a language, one for each kind of result."""
    return tuple(
        Kernel(
            kernel_name(language, kind),
            (),
            returns,
            function,
            null_in_null_out=False,
            volatile=volatile,
            variadic=True,
        )
        for kind, returns in RESULTS.items()
    )


KERNELS = (*kernels_of("js", _javascript, volatile=False), *kernels_of("remote", _remote, volatile=True))
