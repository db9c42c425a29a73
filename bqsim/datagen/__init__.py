"""Generated rows for any schema: seeded, with keys, skew, NULLs and texts that look real.

``generate(fields, rows, seed=7)`` fills one table; ``DataGenerator(read_spec(body))`` fills several that
refer to each other. Texts of named providers need ``pip install "bqsim[datagen]"``.
"""

from .read import read_columns, read_schema, read_spec
from .spec import ColumnSpec, DataSpec, Distribution, Lengths, Sequence, SpecError, TableSpec
from .tables import DataGenerator, generate

__all__ = [
    "ColumnSpec",
    "DataGenerator",
    "DataSpec",
    "Distribution",
    "Lengths",
    "Sequence",
    "SpecError",
    "TableSpec",
    "generate",
    "read_columns",
    "read_schema",
    "read_spec",
]
