"""``bqsim generate``: rows for a schema, into files."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of ``generate``."""
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument(
        "--schema", type=Path, help="JSON file of a table's schema, as `bq show --schema` gives it"
    )
    what.add_argument("--spec", type=Path, help="JSON file of several tables, their rows and columns")
    parser.add_argument("--columns", type=Path, help="with --schema: JSON file of how columns are filled")
    parser.add_argument("--rows", type=int, default=1000, help="with --schema: how many rows (1000)")
    parser.add_argument("--seed", type=int, help="the same seed gives the same rows (0, or that of --spec)")
    parser.add_argument("--null-share", type=float, default=0.0, help="with --schema: share of NULLs (0)")
    parser.add_argument("--locale", default="en_US", help="with --schema: language of names and addresses")
    parser.add_argument("--format", help="ndjson, csv or parquet; without it, as --out ends")
    parser.add_argument(
        "--out", type=Path, help="the file (NDJSON on standard output without it); with --spec, a directory"
    )


def run(given: argparse.Namespace) -> int:
    """Generate; 0 when the rows are written."""
    from bqsim.datagen import SpecError

    try:
        _generate(given)
    except (SpecError, OSError) as error:
        print(f"bqsim generate: {error}", file=sys.stderr)
        return 1
    return 0


def _generate(given: argparse.Namespace) -> None:
    from dataclasses import replace

    from bqsim.datagen import DataGenerator, DataSpec, TableSpec, read_columns, read_schema, read_spec
    from bqsim.datagen.files import FORMATS, format_of, write
    from bqsim.datagen.spec import SpecError
    from bqsim.sim.scenario.spelling import unknown

    if given.format is not None and given.format not in FORMATS:
        raise SpecError("", unknown("format", given.format, list(FORMATS)))
    if given.spec is not None:
        spec = read_spec(_json(given.spec))
        if given.seed is not None:
            spec = replace(spec, seed=given.seed)
        form = given.format or "ndjson"
        directory = given.out or Path()
        directory.mkdir(parents=True, exist_ok=True)
        targets: list[Path | None] = [directory / f"{t.name}.{form}" for t in spec.tables]
    else:
        if given.rows < 0 or not 0 <= given.null_share <= 1:
            raise SpecError("", "--rows is 0 or more, --null-share from 0 to 1")
        fields = read_schema(_json(given.schema))
        columns = read_columns(_json(given.columns)) if given.columns else {}
        table = TableSpec("", fields, given.rows, columns, given.null_share)
        spec = DataSpec((table,), given.seed or 0, given.locale)
        form = given.format or (format_of(given.out) if given.out else "ndjson")
        targets = [given.out]
    generator = DataGenerator(spec)
    for table, target in zip(spec.tables, targets, strict=True):
        batches = generator.batches(table.name)
        if target is None:
            write(sys.stdout.buffer, form, table.fields, batches)
            continue
        with target.open("wb") as out:
            rows = write(out, form, table.fields, batches)
        print(f"{target}: {rows} rows")


def _json(path: Path) -> Any:
    from bqsim.datagen import SpecError

    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SpecError(str(path), f"is not JSON: {error}") from None
