"""Columns of values as canonical Arrow, built a column at a time."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bqsim.types import Type, TypeKind

if TYPE_CHECKING:
    import pyarrow as pa

_NUMBERS = {TypeKind.INT64: int, TypeKind.FLOAT64: float}


def array_from(values: Sequence[Any], type_: Type) -> pa.Array:
    """The values of a column.

    A TIMESTAMP is given in epoch microseconds, an ARRAY as a sequence (None is an empty one), a STRUCT as a
    mapping by the names of its fields; what a mapping leaves out is NULL.
    """
    import pyarrow as pa

    from bqsim.types.arrow import arrow_type

    target = arrow_type(type_)
    if type_.kind is TypeKind.ARRAY:
        assert type_.element is not None
        offsets, flat = [0], []
        for value in values:
            if value:
                flat += value
            offsets.append(len(flat))
        inner = array_from(flat, type_.element)
        return pa.ListArray.from_arrays(pa.array(offsets, pa.int32()), inner, type=target)
    if type_.kind is TypeKind.STRUCT:
        given = [v or {} for v in values]
        children = [array_from([v.get(f.name) for v in given], f.type) for f in type_.fields]
        mask = pa.array([v is None for v in values], pa.bool_())
        return pa.StructArray.from_arrays(children, fields=list(target), mask=mask)
    return pa.array(values, type=target)


def constant_array(value: Any, count: int, type_: Type) -> pa.Array:
    """``count`` times the same value; None is NULL."""
    import pyarrow as pa

    from bqsim.types.arrow import arrow_type

    if value is None:
        return pa.nulls(count, arrow_type(type_))
    return pa.repeat(array_from([value], type_)[0], count)


_HUMP = re.compile(r"_([a-z0-9])")


def from_api(value: Any, type_: Type) -> Any:
    """A value of the API's JSON as :func:`array_from` takes it: members are found by their camelCase names,
    numbers may be texts."""
    if value is None:
        return None
    if type_.kind is TypeKind.ARRAY:
        assert type_.element is not None
        return [from_api(v, type_.element) for v in value]
    if type_.kind is TypeKind.STRUCT:
        members: Mapping[str, Any] = value
        return {f.name: from_api(members.get(_camel(f.name)), f.type) for f in type_.fields}
    number = _NUMBERS.get(type_.kind)
    return value if number is None else number(value)


def _camel(name: str) -> str:
    return _HUMP.sub(lambda m: m[1].upper(), name)
