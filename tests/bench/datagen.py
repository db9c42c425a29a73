"""Rows a second of the data generator, in one thread: ``python -m tests.bench.datagen``."""

from __future__ import annotations

import time

from bqsim.datagen import generate
from bqsim.types import Field, TypeKind

ROWS = 200_000
KINDS = {
    "id": "INT64",
    "name": "STRING",
    "email": "STRING",
    "created_at": "TIMESTAMP",
    "amount": "FLOAT64",
    "active": "BOOL",
    "day": "DATE",
    "quantity": "INT64",
}


def main() -> None:
    """Print the first run, which imports and fills pools, and the best of the others."""
    fields = tuple(Field(name, TypeKind(kind)) for name, kind in KINDS.items())
    rates = []
    for _ in range(6):
        begun = time.thread_time()
        generate(fields, ROWS, null_share=0.1)
        rates.append(round(ROWS / (time.thread_time() - begun)))
    print(f"{len(KINDS)} columns: {rates[0]:,} rows/s at first, then up to {max(rates[1:]):,}")


if __name__ == "__main__":
    main()
