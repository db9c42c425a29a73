"""The 99 questions to the retailer's warehouse, in GoogleSQL and in DuckDB's SQL."""

from __future__ import annotations

import sqlglot

from . import retail_queries_channels, retail_queries_joins, retail_queries_windows

QUERIES: dict[int, str] = {
    **retail_queries_joins.QUERIES,
    **retail_queries_channels.QUERIES,
    **retail_queries_windows.QUERIES,
}

# Those that have no transpiled form, written for DuckDB by hand.
ADAPTED: dict[int, str] = {
    82: """
SELECT CASE WHEN wr_ticket IS NULL THEN 'kept' ELSE 'returned' END AS state, COUNT(*) AS n, SUM(ws_net_paid) AS paid,
  AVG(ws_net_paid) AS mean
FROM web_sales LEFT JOIN web_returns ON ws_ticket = wr_ticket AND ws_item_key = wr_item_key
GROUP BY state
ORDER BY state""",
    84: """
SELECT ticket, line - 1 AS line, x.article, x.q
FROM (SELECT cs_ticket AS ticket, list({'article': cs_item_key, 'q': cs_quantity} ORDER BY cs_item_key) AS entries
  FROM catalog_sales WHERE cs_ticket < 500 GROUP BY ticket), UNNEST(entries) WITH ORDINALITY AS u(x, line)
WHERE x.q > 90
ORDER BY ticket, line""",
    86: """
SELECT date_trunc('month', d_date)::DATE AS month, weekofyear(MIN(d_date)) AS week, strftime(MIN(d_date), '%Y-%m') AS label,
  SUM(ws_ext_sales) AS sales, date_diff('day', MIN(d_date), MAX(d_date)) AS span, last_day(MIN(d_date)) AS last
FROM web_sales JOIN date_dim ON ws_date_key = d_key
GROUP BY month
ORDER BY month NULLS FIRST""",
}


def duckdb_text(number: int) -> str:
    """A question in DuckDB's SQL, NULLs in BigQuery's order."""
    if number in ADAPTED:
        return ADAPTED[number]
    text = sqlglot.transpile(QUERIES[number], read="bigquery", write="duckdb")[0]
    return text.replace("AS DECIMAL)", "AS DECIMAL(38, 9))")
