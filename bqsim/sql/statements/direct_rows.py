"""Files that the engine reads itself, into a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bqsim.engine.formats.direct import direct, reads
from bqsim.engine.protocol import FileNotRead
from bqsim.types import Field

from .loading import InputFile, Loading
from .sizes import column_total
from .writes import Writer

# Smaller files are read as fast here.
LEAST_BYTES = 1 << 20


def may_read(loading: Loading) -> bool:
    """Whether the engine may be able to read files itself, and is to."""
    return (
        reads(loading.options.format)
        and not loading.keys
        and sum(one.size for one in loading.inputs) >= LEAST_BYTES
    )


def append_files(
    writer: Writer,
    loading: Loading,
    read: Sequence[Field],
    fields: Sequence[Field],
    defaults: Mapping[str, str],
) -> int:
    """Append the rows of files, whose columns ``read`` go into the columns ``fields``; their number.

    ``defaults`` are engine expressions for further fields by name. Raises ``FileNotRead`` for files that are
    to be read here: of the open transaction nothing may be kept then.
    """
    count = sum(_append_file(writer, loading, one, read, fields, defaults) for one in loading.inputs)
    loading.tally.rows = count
    return count


def _append_file(
    writer: Writer,
    loading: Loading,
    one: InputFile,
    read: Sequence[Field],
    fields: Sequence[Field],
    defaults: Mapping[str, str],
) -> int:
    with one.open() as stream, writer.session.admitted(stream) as path:
        if path is None:
            raise FileNotRead(one.uri)
        source = stream if loading.around is None else loading.around(one, stream)
        totals = _totals(writer, read, fields)
        found = direct(writer.session, path, stream, read, loading.options, tuple(totals.values()))
        sizes: list[int | None] = [None] * len(fields)
        for number, size in zip(totals, found.totals, strict=True):
            sizes[number] = size
        values = [f"c{i} AS v{i}" for i in range(1, len(fields) + 1)]
        filled = list(fields)
        for other in writer.table.fields:
            if other.name in defaults:
                filled.append(other)
                sizes.append(None)
                values.append(f"{defaults[other.name]} AS v{len(filled)}")
        select = f"SELECT {', '.join(values)} FROM ({found.select})"
        count = writer.insert(filled, select, sizes=sizes)
        if found.rows is not None and count != found.rows:
            raise FileNotRead(one.uri)
        del source
    loading.tally.bytes += one.size
    if loading.after is not None:
        loading.after(one)
    return count


def _totals(writer: Writer, read: Sequence[Field], fields: Sequence[Field]) -> dict[int, str]:
    """The engine aggregates of the bytes of columns of a file, by their numbers from 0: of those that have
    the same bytes once they are stored."""
    found: dict[int, str] = {}
    for number, (given, filled) in enumerate(zip(read, fields, strict=True)):
        index = writer.table.field_index(filled.name)
        if index is not None and writer.table.fields[index].type == given.type:
            found[number] = column_total(given, f"c{number + 1}")
    return found
