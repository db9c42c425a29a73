"""Folders as seeds: ``dataset/table.parquet``, ``dataset/table/*.csv``, hive folders, SQL scripts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

# By the last suffix of a name, that of a compression left out: the API's sourceFormat.
SUFFIXES: dict[str, str] = {
    ".csv": "CSV",
    ".tsv": "CSV",
    ".ndjson": "NEWLINE_DELIMITED_JSON",
    ".jsonl": "NEWLINE_DELIMITED_JSON",
    ".json": "NEWLINE_DELIMITED_JSON",
    ".parquet": "PARQUET",
    ".avro": "AVRO",
    ".orc": "ORC",
}
FORMATS: dict[str, str] = {
    "csv": "CSV",
    "ndjson": "NEWLINE_DELIMITED_JSON",
    "parquet": "PARQUET",
    "avro": "AVRO",
    "orc": "ORC",
}
COMPRESSED = frozenset({".gz", ".zst", ".bz2", ".sz"})
SEEDS = frozenset({".yaml", ".yml"})
_NULL = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class RowFile:
    """A file of rows: ``pairs`` are the columns that hive folders around it give, None for NULL."""

    path: Path
    format: str
    pairs: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True)
class Folder:
    """What is in a folder: the files of tables by (dataset, table), seed files and scripts in the order of
    their names; a script within a dataset's folder names its dataset.
    """

    tables: dict[tuple[str, str], list[RowFile]]
    seeds: list[Path]
    scripts: list[tuple[Path, str | None]]
    schemas: dict[tuple[str, str], Path]


def format_of(path: Path) -> str | None:
    """The API's sourceFormat that a name tells of; None for other files."""
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return SUFFIXES.get(suffixes[-1]) if suffixes else None


def stem_of(path: Path) -> str:
    """A file's name up to its format: ``orders`` of ``orders.csv.gz``."""
    name = path.name
    for suffix in reversed(path.suffixes):
        if suffix.lower() in COMPRESSED or suffix.lower() in SUFFIXES:
            name = name.removesuffix(suffix)
    return name


def read_folder(root: Path) -> Folder:
    """Look through a folder. Hidden files and those of other kinds are passed over."""
    found = Folder({}, [], [], {})
    for path in _visible(root):
        if path.is_dir():
            _read_dataset(path, found)
        elif path.suffix.lower() in SEEDS:
            found.seeds.append(path)
        elif path.suffix.lower() == ".sql":
            found.scripts.append((path, None))
    return found


def _read_dataset(folder: Path, found: Folder) -> None:
    dataset = folder.name
    for path in _visible(folder):
        if path.is_dir():
            files = [f for f in _files(path) if format_of(f) is not None]
            if files:
                rows = [RowFile(f, format_of(f) or "", pairs_of(f, path)) for f in files]
                found.tables.setdefault((dataset, path.name), []).extend(rows)
        elif path.suffix.lower() == ".sql":
            found.scripts.append((path, dataset))
        elif path.name.endswith(".schema.json"):
            found.schemas[dataset, path.name.removesuffix(".schema.json")] = path
        elif (format_ := format_of(path)) is not None:
            found.tables.setdefault((dataset, stem_of(path)), []).append(RowFile(path, format_))


def _files(folder: Path) -> Iterator[Path]:
    for path in _visible(folder):
        if path.is_dir():
            yield from _files(path)
        else:
            yield path


def _visible(folder: Path) -> list[Path]:
    # Tools leave marks such as _SUCCESS beside the files that they write.
    return sorted(p for p in folder.iterdir() if not p.name.startswith((".", "_")))


def pairs_of(file: Path, table: Path) -> tuple[tuple[str, str | None], ...]:
    """The columns that the folders between a table's folder and a file give."""
    parts = [p.partition("=") for p in file.relative_to(table).parts[:-1] if "=" in p]
    return tuple((key, None if value == _NULL else unquote(value)) for key, _, value in parts)
