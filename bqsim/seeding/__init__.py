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

from .api import Api, ApiError
from .apply import Existing, Report, check, seed
from .read import SeedError

__all__ = ["Api", "ApiError", "Existing", "Report", "SeedError", "check", "seed"]
