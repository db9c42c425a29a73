"""ORC."""

from __future__ import annotations

from typing import Any

import pyarrow as pa

from bqsim.errors import invalid

from .parsed import READING


def read_orc(data: bytes) -> pa.Table:
    """The file as Arrow: timestamps as of UTC, maps as lists of keys and values."""
    from pyarrow import orc

    try:
        table = orc.ORCFile(pa.BufferReader(data)).read()
    except (pa.ArrowException, OSError) as error:
        raise invalid(f"{READING}Failed to read the ORC file: the file is invalid.") from error
    columns = [
        pa.chunked_array([_plain(c) for c in column.chunks] or [_plain(column.combine_chunks())])
        for column in table.columns
    ]
    return pa.Table.from_arrays(columns, names=table.column_names)


def _plain(array: Any) -> Any:
    kind = array.type
    if pa.types.is_timestamp(kind):
        return array.cast(pa.timestamp("us"), safe=False).cast(pa.timestamp("us", "UTC"))
    if pa.types.is_map(kind):
        entries = pa.StructArray.from_arrays(
            [_plain(array.keys), _plain(array.items)], names=["key", "value"]
        )
        return pa.ListArray.from_arrays(array.offsets, entries)
    if pa.types.is_list(kind):
        return pa.ListArray.from_arrays(array.offsets, _plain(array.values))
    if pa.types.is_struct(kind):
        children = [_plain(array.field(i)) for i in range(kind.num_fields)]
        return pa.StructArray.from_arrays(children, names=[f.name for f in kind], mask=array.is_null())
    return array
