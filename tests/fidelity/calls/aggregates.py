"""Aggregate and window functions, sketches and differential privacy."""

from __future__ import annotations

from .family import Family

_DATA = (
    "SELECT {} FROM (SELECT 1 AS x, 2.5 AS y, 'a' AS s, TRUE AS b, [1] AS a UNION ALL "
    "SELECT 2, 1.5, 'b', FALSE, [2, 3] UNION ALL SELECT 4, 7.25, 'a', TRUE, NULL)"
)

# Functions in queries with a limit on how much they say of one person; ``{}`` is the aggregate.
_PRIVATE = (
    "SELECT COUNT(*) >= 0 FROM (SELECT WITH DIFFERENTIAL_PRIVACY OPTIONS (epsilon=1e20, delta=0.99, "
    "max_groups_contributed=1, privacy_unit_column=id) {} AS v "
    "FROM (SELECT 1 AS id, 2.5 AS y UNION ALL SELECT 2, 3.5))"
)

FAMILIES = (
    Family(
        "aggregate",
        "Aggregate functions",
        """
ANY_VALUE  ANY_VALUE(s HAVING MAX x)
ARRAY_AGG  ARRAY_AGG(x IGNORE NULLS ORDER BY y LIMIT 2)
ARRAY_CONCAT_AGG  ARRAY_CONCAT_AGG(a ORDER BY x)
AVG  AVG(x)
BIT_AND  BIT_AND(x)
BIT_OR  BIT_OR(x)
BIT_XOR  BIT_XOR(x)
COUNT  COUNT(DISTINCT s)
COUNT(*)  COUNT(*)
COUNTIF  COUNTIF(x > 1)
GROUPING  SELECT s, GROUPING(s) FROM UNNEST(['a', 'b']) AS s GROUP BY ROLLUP(s) ORDER BY 1
LOGICAL_AND  LOGICAL_AND(b)
LOGICAL_OR  LOGICAL_OR(b)
MAX  MAX(y)
MAX_BY  MAX_BY(s, y)
MIN  MIN(s)
MIN_BY  MIN_BY(s, y)
STRING_AGG  STRING_AGG(DISTINCT s, '-' ORDER BY s)
SUM  SUM(y)
HAVING MAX  SUM(x HAVING MAX s)
GROUP BY in aggregates  SUM(AVG(x) GROUP BY s)
""",
        template=_DATA,
        shown="tests/unit/sql/lower/functions/test_aggregates.py",
    ),
    Family(
        "statistical",
        "Statistical aggregate functions",
        """
CORR  CORR(x, y)
COVAR_POP  COVAR_POP(x, y)
COVAR_SAMP  COVAR_SAMP(x, y)
STDDEV  STDDEV(x)
STDDEV_POP  STDDEV_POP(x)
STDDEV_SAMP  STDDEV_SAMP(y)
VAR_POP  VAR_POP(x)
VAR_SAMP  VAR_SAMP(y)
VARIANCE  VARIANCE(x)
""",
        template=_DATA,
        shown="tests/unit/sql/lower/functions/test_statistics.py",
    ),
    Family(
        "approximate",
        "Approximate aggregate functions",
        """
APPROX_COUNT_DISTINCT  APPROX_COUNT_DISTINCT(s)
APPROX_QUANTILES  APPROX_QUANTILES(x, 2)
APPROX_TOP_COUNT  APPROX_TOP_COUNT(s, 1)
APPROX_TOP_SUM  APPROX_TOP_SUM(s, x, 1)
""",
        template=_DATA,
        shown="tests/unit/sql/lower/functions/test_aggregates.py",
        notes=dict.fromkeys(
            ("APPROX_COUNT_DISTINCT", "APPROX_QUANTILES", "APPROX_TOP_COUNT", "APPROX_TOP_SUM"),
            "Exact results, which are among those that the service may give.",
        ),
    ),
    Family(
        "window",
        "Window functions",
        """
CUME_DIST  CUME_DIST() OVER (ORDER BY x)
DENSE_RANK  DENSE_RANK() OVER (ORDER BY s)
FIRST_VALUE  FIRST_VALUE(s) OVER (ORDER BY y)
LAG  LAG(x, 1, 0) OVER (ORDER BY x)
LAST_VALUE  LAST_VALUE(s IGNORE NULLS) OVER (ORDER BY y)
LEAD  LEAD(x) OVER (ORDER BY x)
NTH_VALUE  NTH_VALUE(x, 2) OVER (ORDER BY x)
NTILE  NTILE(2) OVER (ORDER BY x)
PERCENT_RANK  PERCENT_RANK() OVER (ORDER BY x)
PERCENTILE_CONT  PERCENTILE_CONT(x, 0.4) OVER ()
PERCENTILE_DISC  PERCENTILE_DISC(x, 0.4) OVER ()
RANK  RANK() OVER (ORDER BY s)
ROW_NUMBER  ROW_NUMBER() OVER (ORDER BY x DESC)
aggregate OVER ROWS  SUM(x) OVER (ORDER BY x ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)
aggregate OVER RANGE  SUM(x) OVER (ORDER BY x RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING)
""",
        template=_DATA + " ORDER BY x",
        shown="tests/unit/sql/lower/functions/test_windows.py",
    ),
    Family(
        "hll",
        "HyperLogLog++ sketches",
        """
HLL_COUNT.INIT  SELECT HLL_COUNT.EXTRACT(h) FROM (SELECT HLL_COUNT.INIT(x, 10) AS h FROM UNNEST([1, 2, 2])
    AS x)
HLL_COUNT.EXTRACT  SELECT HLL_COUNT.EXTRACT(h) FROM (SELECT HLL_COUNT.INIT(x) AS h FROM UNNEST(['a', 'b'])
    AS x)
HLL_COUNT.MERGE  SELECT HLL_COUNT.MERGE(h) FROM (SELECT HLL_COUNT.INIT(x) AS h FROM UNNEST([1, 2]) AS x
    GROUP BY x)
HLL_COUNT.MERGE_PARTIAL  SELECT HLL_COUNT.EXTRACT(h) FROM (SELECT HLL_COUNT.MERGE_PARTIAL(h) AS h FROM
    (SELECT HLL_COUNT.INIT(x) AS h FROM UNNEST([1, 2]) AS x GROUP BY x))
""",
        shown="tests/unit/sql/lower/functions/test_sketches.py",
        notes={
            "HLL_COUNT.INIT": "Sketches of NUMERIC and BIGNUMERIC hash them in bqsim's own way.",
            **dict.fromkeys(
                ("HLL_COUNT.EXTRACT", "HLL_COUNT.MERGE"),
                "Large counts are estimated without the service's table of biases.",
            ),
        },
    ),
    Family(
        "kll",
        "KLL quantile sketches",
        "\n".join(
            f"""
KLL_QUANTILES.INIT_{t}  SELECT BYTE_LENGTH(KLL_QUANTILES.INIT_{t}(x)) > 0 FROM UNNEST({v}) AS x
KLL_QUANTILES.EXTRACT_{t}  SELECT KLL_QUANTILES.EXTRACT_{t}(k, 2) FROM
    (SELECT KLL_QUANTILES.INIT_{t}(x) AS k FROM UNNEST({v}) AS x)
KLL_QUANTILES.EXTRACT_POINT_{t}  SELECT KLL_QUANTILES.EXTRACT_POINT_{t}(k, 0.5) FROM
    (SELECT KLL_QUANTILES.INIT_{t}(x) AS k FROM UNNEST({v}) AS x)
KLL_QUANTILES.MERGE_{t}  SELECT KLL_QUANTILES.MERGE_{t}(k, 2) FROM
    (SELECT KLL_QUANTILES.INIT_{t}(x) AS k FROM UNNEST({v}) AS x GROUP BY x)
KLL_QUANTILES.MERGE_POINT_{t}  SELECT KLL_QUANTILES.MERGE_POINT_{t}(k, 0.5) FROM
    (SELECT KLL_QUANTILES.INIT_{t}(x) AS k FROM UNNEST({v}) AS x GROUP BY x)""".strip("\n")
            for t, v in (("INT64", "[1, 2, 3]"), ("FLOAT64", "[1.5, 2, 3]"))
        )
        + """
KLL_QUANTILES.MERGE_PARTIAL  SELECT KLL_QUANTILES.EXTRACT_INT64(k, 2) FROM
    (SELECT KLL_QUANTILES.MERGE_PARTIAL(k) AS k FROM
    (SELECT KLL_QUANTILES.INIT_INT64(x) AS k FROM UNNEST([1, 2, 3]) AS x GROUP BY x))
""",
        shown="tests/unit/sql/lower/functions/test_sketches.py",
        notes=dict.fromkeys(
            ("KLL_QUANTILES.INIT_INT64", "KLL_QUANTILES.INIT_FLOAT64", "KLL_QUANTILES.MERGE_PARTIAL"),
            "The format of its sketches is bqsim's own.",
        ),
    ),
    Family(
        "privacy",
        "Differentially private aggregate functions",
        """
AVG (differential privacy)  AVG(y, contribution_bounds_per_group => (0, 10))
COUNT (differential privacy)  COUNT(y, contribution_bounds_per_group => (0, 2))
PERCENTILE_CONT (differential privacy)  PERCENTILE_CONT(y, 0.5, contribution_bounds_per_row => (0, 10))
SUM (differential privacy)  SUM(y, contribution_bounds_per_group => (0, 10))
APPROX_COUNT_DISTINCT (differential privacy)  APPROX_COUNT_DISTINCT(y)
aggregation thresholds  SELECT WITH AGGREGATION_THRESHOLD OPTIONS (threshold=1, privacy_unit_column=id)
    y, COUNT(*) FROM (SELECT 1 AS id, 2 AS y) GROUP BY y
""",
        template=_PRIVATE,
        refusal="DifferentialPrivacyAggregateScan",
    ),
)
