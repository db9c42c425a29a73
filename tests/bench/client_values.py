"""Rows of the REST API as Python values and as Arrow, beside Google's client: python -m tests.bench.client_values"""

from __future__ import annotations

import gc
import json
import sys
import time
from collections.abc import Callable
from typing import Any

from google.cloud.bigquery import SchemaField, _helpers

from bqclient.models.schema import Schema
from bqclient.values.arrow import batch_of_dicts
from bqclient.values.json_rows import row_to_json
from bqclient.values.rows import arrow_of_json, rows_of_arrow, rows_of_json

_COLUMNS = [
    ("a", "INTEGER", "{}"),
    ("b", "FLOAT", "{}.5"),
    ("c", "STRING", "text {}"),
    ("d", "TIMESTAMP", "15778368{:08d}"),
    ("e", "BOOLEAN", "true"),
    ("f", "NUMERIC", "{}.25"),
    ("g", "DATE", "2020-01-01"),
    ("h", "BYTES", "AP8xAQ=="),
    ("i", "DATETIME", "2020-01-01T00:00:00.123456"),
    ("j", "TIME", "12:34:56.789012"),
]


def _best(work: Callable[[], Any]) -> float:
    found = []
    for _ in range(3):
        gc.collect()
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def main(count: int) -> None:
    """Print seconds for ``count`` rows of ten columns."""
    rows = json.loads(
        json.dumps([{"f": [{"v": form.format(i)} for *_, form in _COLUMNS]} for i in range(count)])
    )
    fields = [{"name": name, "type": type_, "mode": "NULLABLE"} for name, type_, _ in _COLUMNS]
    schema = Schema.of(fields)
    google = [SchemaField.from_api_repr(f) for f in fields]
    table = arrow_of_json(rows, schema)
    dicts = [row.as_dict() for row in rows_of_arrow(table, schema)]
    works: dict[str, Callable[[], Any]] = {
        "arrow_of_json": lambda: arrow_of_json(rows, schema),
        "rows_of_json": lambda: rows_of_json(rows, schema),
        "Google's rows": lambda: _helpers._rows_from_json(rows, google),
        "rows_of_arrow": lambda: rows_of_arrow(table, schema),
        "batch_of_dicts": lambda: batch_of_dicts(dicts, schema),
        "row_to_json": lambda: [row_to_json(row, schema) for row in dicts],
    }
    for name, work in works.items():
        print(f"{name:16} {_best(work):.3f} s")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000)
