"""Values as the texts of exported CSV and JSON files, in bulk."""

from __future__ import annotations

from typing import Any

import pyarrow.compute as pc

from bqsim.types import Type, TypeKind
from bqsim.types.arrow import compute, constant
from bqsim.types.text import TimestampFormat, text_of, timestamp_iso


def printed(array: Any, type_: Type) -> Any:
    """Values of a type without an array as texts; NULL stays NULL.

    As ``CAST(… AS STRING)`` writes them, but BYTES in base64 and TIMESTAMP as ``2020-01-02 03:04:05 UTC``.
    """
    if type_.kind is TypeKind.TIMESTAMP:
        return _timestamp(array)
    if type_.kind is TypeKind.RANGE and type_.element is not None:
        return _range(array, type_)
    return text_of(array, type_, TimestampFormat.ISO8601_STRING)


def _timestamp(array: Any) -> Any:
    text = pc.replace_substring(timestamp_iso(array), "T", " ")
    # Fractions have three or six digits.
    text = pc.replace_substring_regex(text, r"(\.\d{3})000Z$", r"\1Z")
    return pc.replace_substring(pc.replace_substring_regex(text, r"\.000Z$", "Z"), "Z", " UTC")


def _range(array: Any, type_: Type) -> Any:
    assert type_.element is not None
    start, end = (
        pc.fill_null(printed(array.field(name), type_.element), constant("UNBOUNDED"))
        for name in ("start", "end")
    )
    text = compute(pc.binary_join_element_wise, "[", start, ", ", end, ")", "")
    return compute(pc.if_else, pc.is_valid(array), text, None)
