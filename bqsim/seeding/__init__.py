"""Seeds and imports: datasets, tables and rows from files; schemas and statistics of real projects.

``seed(Api(url, project), "seed.yaml", "folder/", "setup.sql")`` fills a server. A seed is YAML::

    datasets:
      shop:
        tables:
          orders:
            schema: {id: INT64 NOT NULL, day: DATE, total: "NUMERIC(10, 2)"}
            partition_by: day
            rows:
              - {id: 1, day: "2026-01-31", total: 9.5}
          events: {files: ["events/*.parquet"]}
        views:
          totals: SELECT day, SUM(total) AS total FROM shop.orders GROUP BY day

or a folder with ``dataset/table.csv`` (``.ndjson``, ``.parquet``, ``.avro``, ``.orc``, also compressed),
``dataset/table/*.csv``, ``dataset/table/day=2026-01-31/*.parquet``, ``table.schema.json`` beside them, and
scripts ``*.sql``. ``bqsim seed --schema`` prints the JSON Schema of the YAML.
"""

from collections.abc import Sequence

from .api import Api, ApiError
from .apply import Existing, Report, Source, check, seed
from .read import SeedError

__all__ = ["Api", "ApiError", "Existing", "Report", "SeedError", "check", "fill", "seed"]


def fill(
    url: str, project: str, sources: Sequence[Source], existing: str = "refuse", random_seed: int = 0
) -> dict[str, int]:
    """Put seeds into the simulator at ``url``; the rows by table. Raises :class:`SeedError`."""
    return seed(Api(url, project), *sources, existing=existing, random_seed=random_seed).tables
