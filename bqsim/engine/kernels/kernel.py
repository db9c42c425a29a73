"""What a family of engine functions declares: vectorised kernels and SQL macros."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

# Names of macros and kernels start so; the engine installs what a statement names.
PREFIX = "bq_"


@dataclass(frozen=True, slots=True)
class Kernel:
    """A vectorised scalar function of the engine.

    ``name`` starts with ``bq_``. ``parameters`` and ``returns`` are engine types (``"BIGINT"``,
    ``"VARCHAR[]"`` ...). ``function`` takes one ``pyarrow.ChunkedArray`` (or Array) per parameter, all of
    one length, and returns an array of that length; it is called once per batch, from any engine thread.
    With ``null_in_null_out`` the engine answers NULL for rows with a NULL argument and hands only the other
    rows over (the function then must not give NULL); else NULLs reach the function. A kernel that gives
    different values for equal arguments is ``volatile``. One that is ``variadic`` takes arguments of any
    number and types instead of ``parameters``. To fail with a BigQuery text raise ``BigQueryError``.
    """

    name: str
    parameters: tuple[str, ...]
    returns: str
    function: Callable[..., Any]
    null_in_null_out: bool = True
    volatile: bool = False
    variadic: bool = False
