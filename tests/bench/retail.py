"""The 99 questions to the retailer's warehouse over REST against raw DuckDB, whose rows must be the same."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from tests import servers
from tests.servers import PROJECT, Bqsim, milliseconds

from . import retail_data
from .retail_queries import QUERIES, duckdb_text

DATASET = "retail"
OPTIONS = {
    "defaultDataset": {"projectId": PROJECT, "datasetId": DATASET},
    "useQueryCache": False,
    "maxResults": 10_000,
}
_SCALE = Decimal("1e-9")
_READ: dict[str, Callable[[str], Any]] = {
    "INTEGER": int,
    "FLOAT": float,
    "NUMERIC": Decimal,
    "BOOLEAN": "true".__eq__,
    "DATE": date.fromisoformat,
}


def load(server: Bqsim, connection: Any) -> None:
    """Make the dataset with the tables of ``connection``."""
    server.query(f"CREATE SCHEMA {DATASET}")
    with tempfile.TemporaryDirectory() as folder:
        for table, file in retail_data.write_parquet(connection, Path(folder)).items():
            server.query(f"CREATE TABLE {DATASET}.{table} ({retail_data.DDL[table]})")
            server.load_parquet(DATASET, table, file)


def values(answer: Any) -> list[list[Any]]:
    """The rows of an answer of ``jobs.query`` as Python values."""
    kinds = [field["type"] for field in answer["schema"]["fields"]]
    return [
        [
            None if cell["v"] is None else _READ.get(kind, str)(cell["v"])
            for kind, cell in zip(kinds, row["f"], strict=True)
        ]
        for row in answer.get("rows", [])
    ]


def differences(rows: Sequence[Sequence[Any]], expected: Sequence[Sequence[Any]]) -> Iterator[str]:
    """How rows differ from those of DuckDB, in order."""
    if len(rows) != len(expected):
        yield f"{len(rows)} rows, expected {len(expected)}"
        return
    for number, (got, want) in enumerate(zip(rows, expected, strict=True)):
        for column, (a, b) in enumerate(zip(got, want, strict=True)):
            if not same(a, b):
                yield f"row {number}, column {column}: {a!r}, expected {b!r}"


def same(got: Any, want: Any) -> bool:
    """Whether a value is one of DuckDB: decimals to NUMERIC's scale, FLOAT64 to 1e-9 of its size.

    Means and quotients of NUMERIC are decimals here, rounded to nine digits, and DOUBLE there.
    """
    if got is None or want is None:
        return got is want
    if isinstance(got, float) or isinstance(want, float):
        return math.isclose(float(got), float(want), rel_tol=1e-9, abs_tol=1e-9)
    if isinstance(got, Decimal):
        return got == Decimal(want).quantize(_SCALE)
    return type(got) is type(want) and bool(got == want)


def retail(scale: float = 0.1, numeric: str = "DECIMAL(38,9)", repeats: int = 3) -> list[dict[str, Any]]:
    """Every question for the first time and again, and the same in raw DuckDB, in milliseconds."""
    raw = retail_data.raw_database(scale, numeric)
    times: dict[int, list[float]] = {}
    wrong: dict[int, str] = {}
    with servers.bqsim_server() as sim:
        load(sim, raw)
        for number, sql in QUERIES.items():
            text = duckdb_text(number)
            seen: list[Any] = []

            def ours(query: str = sql, into: list[Any] = seen) -> None:
                into.append(sim.query(query, **OPTIONS))

            def plain(query: str = text, into: list[Any] = seen) -> None:
                into.append(raw.execute(query).fetchall())

            milliseconds(plain)
            first = milliseconds(ours)
            found = next(differences(values(seen[1]), seen[0]), None)
            if found is not None:
                wrong[number] = found
            samples = [(milliseconds(ours), milliseconds(plain)) for _ in range(repeats)]
            again, base = (sorted(s)[repeats // 2] for s in zip(*samples, strict=True))
            times[number] = [round(t, 1) for t in (first, again, base)]
    raw.close()
    first, again, base = (sum(t[i] for t in times.values()) for i in range(3))
    name = f"retail warehouse at scale {scale:g}, 99 queries"
    return [
        _figure(f"{name}: answers equal to raw DuckDB's", len(QUERIES) - len(wrong), "99", wrong=wrong),
        _figure(f"{name}, each text for the first time, x raw DuckDB", first / base, "", queries=times),
        _figure(
            f"{name}, over REST without result cache, x raw DuckDB", again / base, "<= 2.0", ms=(again, base)
        ),
    ]


def _figure(name: str, value: float, goal: str, **details: Any) -> dict[str, Any]:
    return {"figure": name, "value": round(value, 3), "goal": goal, **details}
