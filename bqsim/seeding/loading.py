"""Files of rows into tables: load jobs, with what names and headers tell; hive folders."""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import IO, Any, cast

from bqsim.types import Field
from bqsim.types.api_schema import fields_to_api

from .api import Api
from .folders import RowFile

# Types that values in the names of folders are detected as.
_KINDS = (
    ("INT64", re.compile(r"-?[0-9]{1,18}\Z")),
    ("DATE", re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")),
)
_OPEN: Mapping[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open}
HEADER_BYTES = 1024 * 1024
# Holds the rows of one hive folder on their way into their table.
STAGING = "_bqsim_seed"


def load_files(
    api: Api,
    dataset: str,
    table: str,
    files: Sequence[RowFile],
    schema: list[dict[str, Any]] | None,
    settings: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
) -> int:
    """Append the files to a table; the number of rows.

    With a ``schema`` the table is there already; else it is made as the first file has it, with the
    ``settings`` (partitioning, clustering) of load jobs.
    """
    if any(file.pairs for file in files):
        return _load_hive(api, dataset, table, files, schema, settings, options)
    target = {"projectId": api.project, "datasetId": dataset, "tableId": table}
    total = 0
    for number, file in enumerate(files):
        load = {**load_config(file, schema, first=not number), **({} if schema else settings)}
        total += api.load({**load, "destinationTable": target, **(options or {})}, file.path)
    return total


def load_rows(
    api: Api,
    dataset: str,
    table: str,
    rows: Sequence[Mapping[str, Any]],
    schema: list[dict[str, Any]] | None,
    settings: Mapping[str, Any],
) -> int:
    """Append rows as JSON has them; else as :func:`load_files`. Columns of a table that is made are of the
    types that BigQuery detects, in the order that they are written in.
    """
    lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows).encode()
    load: dict[str, Any] = {"sourceFormat": "NEWLINE_DELIMITED_JSON", "writeDisposition": "WRITE_APPEND"}
    load["destinationTable"] = {"projectId": api.project, "datasetId": dataset, "tableId": table}
    load |= {} if schema else {"schema": {"fields": detected(rows)}, **settings}
    return api.load(load, lines)


def detected(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The API's fields for rows, by their values."""
    from bqsim.engine.formats.detect import detect_json

    return [dict(field) for field in fields_to_api(_in_order(detect_json(rows)))]


def _in_order(fields: Sequence[Field]) -> tuple[Field, ...]:
    # The service lists detected fields from the last to the first.
    return tuple(replace(field, fields=_in_order(field.fields)) for field in reversed(fields))


def load_config(file: RowFile, schema: list[dict[str, Any]] | None, *, first: bool = True) -> dict[str, Any]:
    """What a load job is told of a file: its format, and what its header shows."""
    load: dict[str, Any] = {"sourceFormat": file.format, "writeDisposition": "WRITE_APPEND"}
    if file.format == "PARQUET":
        load["parquetOptions"] = {"enableListInference": True}
    elif file.format == "AVRO":
        load["useAvroLogicalTypes"] = True
    elif schema is None:
        load["autodetect"] = True
    if file.format != "CSV":
        return load
    load["allowQuotedNewlines"] = True
    delimiter = "\t" if ".tsv" in (s.lower() for s in file.path.suffixes) else ","
    if delimiter != ",":
        load["fieldDelimiter"] = delimiter
    if schema is not None:
        known = {str(f["name"]).casefold(): f for f in schema}
        names = [name.strip().casefold() for name in _header(file.path, delimiter)]
        if names and set(names) <= known.keys():
            # Columns of CSV files are known by their place, which the header tells.
            load |= {"skipLeadingRows": "1", "schema": {"fields": [known[name] for name in names]}}
    return load


def _plain(path: Path) -> IO[bytes]:
    return path.open("rb")


def _header(path: Path, delimiter: str) -> list[str]:
    opening: Callable[[Path], Any] = _OPEN.get(path.suffix.lower(), _plain)
    try:
        with cast(IO[bytes], opening(path)) as file:
            text = file.read(HEADER_BYTES).decode("utf-8-sig", "replace")
    except OSError:
        return []
    return next(csv.reader(io.StringIO(text), delimiter=delimiter), [])


def _load_hive(
    api: Api,
    dataset: str,
    table: str,
    files: Sequence[RowFile],
    schema: list[dict[str, Any]] | None,
    settings: Mapping[str, Any],
    options: Mapping[str, Any] | None,
) -> int:
    types = hive_types(files, schema)
    own = None if schema is None else [f for f in schema if str(f["name"]) not in types]
    staging = f"{STAGING}_{table}"
    target = {"projectId": api.project, "datasetId": dataset, "tableId": staging}
    total, detected = 0, own
    try:
        for pairs, some in groupby(files, key=lambda file: file.pairs):
            for number, file in enumerate(some):
                load = {**load_config(file, detected), "destinationTable": target}
                load |= {} if number else {"writeDisposition": "WRITE_TRUNCATE"}
                if detected is not None and "schema" not in load and file.format != "PARQUET":
                    load["schema"] = {"fields": detected}
                total += api.load({**load, **(options or {})}, file.path)
                if detected is None:
                    detected = api.call("GET", f"datasets/{dataset}/tables/{staging}")["schema"]["fields"]
            _move(api, dataset, table, staging, detected or [], pairs, types, schema, settings)
    finally:
        if api.find(f"datasets/{dataset}/tables/{staging}") is not None:
            api.call("DELETE", f"datasets/{dataset}/tables/{staging}")
    return total


def _move(
    api: Api,
    dataset: str,
    table: str,
    staging: str,
    fields: Sequence[Mapping[str, Any]],
    pairs: Sequence[tuple[str, str | None]],
    types: Mapping[str, str],
    schema: list[dict[str, Any]] | None,
    settings: Mapping[str, Any],
) -> None:
    """Append the rows of the staging table, with the columns that the folder gives."""
    names = [f"`{f['name']}`" for f in fields]
    values = [f"CAST({_text(value)} AS {types[key]}) AS `{key}`" for key, value in pairs]
    select = f"SELECT {', '.join([*names, *values])} FROM `{api.project}.{dataset}.{staging}`"
    if schema is not None:
        columns = ", ".join([*names, *(f"`{key}`" for key, _ in pairs)])
        api.query(f"INSERT INTO `{api.project}.{dataset}.{table}` ({columns}) {select}")
        return
    target = {"projectId": api.project, "datasetId": dataset, "tableId": table}
    api.query(select, destinationTable=target, writeDisposition="WRITE_APPEND", **settings)


def _text(value: str | None) -> str:
    return "NULL" if value is None else json.dumps(value)


def hive_types(files: Sequence[RowFile], schema: list[dict[str, Any]] | None) -> dict[str, str]:
    """The types of the columns that folders give: the schema's, else those of their values."""
    known = {str(f["name"]).casefold(): str(f["type"]) for f in schema or ()}
    values: dict[str, list[str]] = {}
    for file in files:
        for key, value in file.pairs:
            values.setdefault(key, []).extend([] if value is None else [value])
    found = {}
    for key, texts in values.items():
        kinds = (kind for kind, pattern in _KINDS if texts and all(map(pattern.match, texts)))
        told = known.get(key.casefold()) or next(kinds, "STRING")
        found[key] = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL"}.get(told, told)
    return found
