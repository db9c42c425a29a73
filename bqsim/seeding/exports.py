"""Exported files of INFORMATION_SCHEMA views and documents of the API → rows by view.

CSV, NDJSON, JSON (``bq query --format=json``, ``bq show --format=json``) and Parquet files are read, also
compressed. Which view a file is of follows from its columns.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from bqsim.sim.scenario.tree import Place, Problem

from .read import SeedError

Row = Mapping[str, Any]
Exports = dict[str, list[Row]]

# The columns that tell a view from the others, and its name: the first that fits counts.
VIEWS: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (name, frozenset(columns.split()))
    for name, columns in (
        ("PARTITIONS", "table_schema table_name partition_id"),
        (
            "BLOCKS",
            "table_schema table_name block_number column_name min_value max_value logical_bytes",
        ),
        ("COLUMN_BYTES", "table_schema table_name column_name logical_bytes"),
        ("COLUMN_FIELD_PATHS", "table_schema table_name column_name field_path data_type"),
        ("KEY_COLUMN_USAGE", "constraint_name table_schema table_name column_name ordinal_position"),
        ("COLUMNS", "table_schema table_name column_name data_type"),
        ("TABLE_OPTIONS", "table_schema table_name option_name option_value"),
        ("SCHEMATA_OPTIONS", "schema_name option_name option_value"),
        ("VIEWS", "table_schema table_name view_definition"),
        ("ROUTINES", "routine_schema routine_name ddl"),
        ("TABLE_CONSTRAINTS", "constraint_name constraint_type table_schema table_name"),
        ("TABLE_STORAGE", "table_schema table_name total_rows total_logical_bytes"),
        ("__TABLES__", "dataset_id table_id row_count size_bytes"),
        ("SCHEMATA", "schema_name location"),
        ("TABLES", "table_schema table_name table_type"),
    )
)
_KINDS = {"bigquery#table": "table", "bigquery#dataset": "dataset", "bigquery#routine": "routine"}
_OPEN: Mapping[str, Callable[[Path], Any]] = {".gz": gzip.open, ".bz2": bz2.open}
_SUFFIXES = frozenset({".csv", ".json", ".ndjson", ".jsonl", ".parquet"})


def read_exports(paths: Iterable[str | Path]) -> Exports:
    """The rows of all files, those in folders included, by view; documents by ``dataset``, ``table`` and
    ``routine``. Raises :class:`SeedError` for files that cannot be read or are of no view that is used.
    """
    found: Exports = {}
    for path in _files(paths):
        rows = [{str(k): v for k, v in row.items()} for row in _rows(path)]
        for row in rows:
            kind = _kind(row)
            if kind is None:
                columns = ", ".join(sorted(row)[:8])
                text = f"these are rows of no view that is imported ({columns}); see --print-queries"
                raise SeedError([Problem(Place(str(path)), text)])
            found.setdefault(kind, []).append(row)
    return found


def _files(paths: Iterable[str | Path]) -> list[Path]:
    found: list[Path] = []
    for given in map(Path, paths):
        if given.is_dir():
            files = sorted(p for p in given.rglob("*") if p.is_file() and _suffix(p) in _SUFFIXES)
            if not files:
                text = "there are no exported files (.csv, .json, .ndjson, .parquet) in this folder"
                raise SeedError([Problem(Place(str(given)), text)])
            found += files
        elif given.is_file():
            found.append(given)
        else:
            raise SeedError([Problem(Place(str(given)), "there is no such file")])
    return found


def _suffix(path: Path) -> str:
    suffixes = [s.lower() for s in path.suffixes if s.lower() not in _OPEN]
    return suffixes[-1] if suffixes else ""


def _rows(path: Path) -> Iterable[Mapping[str, Any]]:
    try:
        if _suffix(path) == ".parquet":
            import pyarrow.parquet as pq

            rows: list[dict[str, Any]] = pq.read_table(path).to_pylist()
            return rows
        with _OPEN.get(path.suffix.lower(), _plain)(path) as file:
            text = file.read().decode("utf-8-sig")
        if _suffix(path) == ".csv":
            # Definitions of views may be long.
            csv.field_size_limit(2**31 - 1)
            return list(csv.DictReader(io.StringIO(text)))
        return _json(text)
    except (OSError, ValueError) as error:
        raise SeedError([Problem(Place(str(path)), f"cannot be read: {error}")]) from None


def _plain(path: Path) -> Any:
    return path.open("rb")


def _json(text: str) -> list[Mapping[str, Any]]:
    """Objects: one, a list of them, or one on each line."""
    try:
        found = json.loads(text) if text.strip() else []
    except ValueError:
        found = [json.loads(line) for line in text.splitlines() if line.strip()]
    rows = found if isinstance(found, list) else [found]
    if not all(isinstance(row, dict) for row in rows):
        raise ValueError("objects are wanted, a list of them or one on each line")
    return rows


def _kind(row: Row) -> str | None:
    kind = _KINDS.get(str(row.get("kind")))
    if kind is None and "routineReference" in row:
        kind = "routine"
    if kind is not None:
        return kind
    names = {name.casefold() for name in row}
    return next((view for view, columns in VIEWS if columns <= names), None)
