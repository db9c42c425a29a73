"""Files that the engine reads itself, into a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bqsim.engine.formats.direct import direct, reads
from bqsim.engine.protocol import VERSION_BEGIN, VERSION_END, FileNotRead
from bqsim.types import Field

from .loading import InputFile, Loading
from .sizes import column_total
from .storage import storage_of
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
    before = dict(writer.bytes)
    count = 0
    for one in loading.inputs:
        count += _append_file(writer, loading, one, read, fields, defaults)
    loading.tally.rows = count
    if count:
        _count_bytes(writer, before, fields)
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
        found = direct(writer.session, path, stream, read, loading.options)
        values = [f"c{i} AS v{i}" for i in range(1, len(fields) + 1)]
        filled = list(fields)
        for other in writer.table.fields:
            if other.name in defaults:
                filled.append(other)
                values.append(f"{defaults[other.name]} AS v{len(filled)}")
        count = writer.insert(filled, f"SELECT {', '.join(values)} FROM ({found.select})")
        if found.rows is not None and count != found.rows:
            raise FileNotRead(one.uri)
        del source
    loading.tally.bytes += one.size
    if loading.after is not None:
        loading.after(one)
    return count


def _count_bytes(writer: Writer, before: Mapping[str, int], fields: Sequence[Field]) -> None:
    """Count the bytes of the columns that have been filled, where those of the older rows are known."""
    storage = storage_of(writer.table)
    table = writer.table
    known: list[tuple[str, Field]] = []
    for field in fields:
        index = table.field_index(field.name)
        column = "" if index is None else storage.columns[index]
        if index is not None and column in before:
            known.append((column, table.fields[index]))
    if not known:
        return
    totals = ", ".join(f"CAST({column_total(field, column)} AS BIGINT)" for column, field in known)
    new = f"{VERSION_BEGIN} = {writer.version} AND {VERSION_END} IS NULL"
    found = writer.session.scalar(f"SELECT [{totals}] FROM {storage.engine_table} WHERE {new}")
    assert isinstance(found, list)
    for (column, _), total in zip(known, found, strict=True):
        writer.bytes[column] = before[column] + int(total)
