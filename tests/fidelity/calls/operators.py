"""Operators, conditions, casts and literals that are no functions."""

from __future__ import annotations

from .family import Family

FAMILIES = (
    Family(
        "operator",
        "Operators",
        """
x + y  1 + 2.5
x - y  DATE '2026-03-01' - 1
x * y  3 * NUMERIC '1.5'
x / y  7 / 2
- x  -(3)
+ x  +(3)
~ x  ~ 5
x & y  12 & 10
x | y  12 | 10
x ^ y  12 ^ 10
x << y  1 << 5
x >> y  -8 >> 1
x || y  'a' || 'b' || [1, 2][0]
date + INTERVAL  DATE '2026-01-31' + INTERVAL 1 MONTH
timestamp - timestamp  TIMESTAMP '2026-01-02 00:00:00+00' - TIMESTAMP '2026-01-01 12:00:00+00'
INTERVAL * x  INTERVAL 1 DAY * 3
x = y  1 = 1.0
x != y  'a' != 'b'
x <> y  'a' <> 'b'
x < y  DATE '2026-01-01' < '2026-01-02'
x <= y  2 <= 1.5
x > y  CAST('nan' AS FLOAT64) > 1
x >= y  b'b' >= b'a'
x BETWEEN y AND z  2 BETWEEN 1 AND 3
x NOT BETWEEN y AND z  2 NOT BETWEEN 1 AND 3
x IN (list)  2 IN (1, 2, NULL)
x NOT IN (list)  2 NOT IN (1, NULL)
x IN UNNEST(array)  2 IN UNNEST([1, 2])
x IN (query)  2 IN (SELECT x FROM UNNEST([1, 2]) AS x)
x IS NULL  NULL IS NULL
x IS NOT NULL  1 IS NOT NULL
x IS TRUE  NULL IS TRUE
x IS FALSE  NULL IS NOT FALSE
x IS DISTINCT FROM y  NULL IS DISTINCT FROM 1
x IS NOT DISTINCT FROM y  NULL IS NOT DISTINCT FROM NULL
x LIKE y  'a_c' LIKE 'a\\\\_%'
x NOT LIKE y  'abc' NOT LIKE '_b_'
x LIKE ANY  'abc' LIKE ANY ('x%', 'a%')
x LIKE SOME  'abc' LIKE SOME ('x%', 'a%')
x LIKE ALL  'abc' LIKE ALL ('%c', 'a%')
x NOT LIKE ANY  'abc' NOT LIKE ANY ('x%', 'a%')
x NOT LIKE ALL  'abc' NOT LIKE ALL ('x%', 'a%')
x LIKE ANY UNNEST(array)  'abc' LIKE ANY UNNEST(['x%', 'a%'])
x LIKE ALL (query)  'abc' LIKE ALL (SELECT p FROM UNNEST(['%c', 'a%']) AS p)
NOT x  NOT FALSE
x AND y  NULL AND FALSE
x OR y  NULL OR TRUE
EXISTS(query)  EXISTS(SELECT 1 FROM UNNEST([1]))
ARRAY(query)  ARRAY(SELECT x * 2 FROM UNNEST([3, 1]) AS x ORDER BY x)
(query)  (SELECT MAX(x) FROM UNNEST([3, 1]) AS x)
struct.field  STRUCT(1 AS a, 'x' AS b).b
json.field  JSON '{"a": {"b": [1]}}'.a.b
json[x]  JSON '{"a": [1, 2]}'['a'][1]
array[x]  [1, 2, 3][1]
array[OFFSET(x)]  [1, 2, 3][OFFSET(0)]
array[ORDINAL(x)]  [1, 2, 3][ORDINAL(3)]
array[SAFE_OFFSET(x)]  [1, 2, 3][SAFE_OFFSET(9)]
array[SAFE_ORDINAL(x)]  [1, 2, 3][SAFE_ORDINAL(0)]
(x).function()  ('abc').UPPER()
SAFE.function  SAFE.SUBSTR('abc', 1, -1)
""",
        shown="tests/unit/sql/lower/test_expressions.py",
    ),
    Family(
        "conditional",
        "Conditional expressions",
        """
CASE  CASE WHEN 1 > 2 THEN 'a' WHEN 2 > 1 THEN 'b' ELSE 'c' END
CASE x  CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' END
COALESCE  COALESCE(NULL, 2, 3)
IF  IF(1 > 2, 'a', 'b')
IFNULL  IFNULL(NULL, 5)
NULLIF  NULLIF(5, 5)
GREATEST  GREATEST(1, 3.5, 2)
LEAST  LEAST(1, 3.5, NULL)
ERROR  IF(TRUE, 'fine', ERROR('not fine'))
TYPEOF  TYPEOF([1.5])
WITH  WITH(a AS 2, b AS a + 1, a * b)
""",
    ),
    Family(
        "cast",
        "Conversions",
        """
CAST AS ARRAY  CAST([1, 2] AS ARRAY<FLOAT64>)
CAST AS BIGNUMERIC  CAST('1.25' AS BIGNUMERIC)
CAST AS BOOL  CAST('true' AS BOOL)
CAST AS BYTES  CAST('é' AS BYTES)
CAST AS DATE  CAST(TIMESTAMP '2026-01-02 23:00:00-05' AS DATE)
CAST AS DATETIME  CAST('2026-01-02 03:04:05.678' AS DATETIME)
CAST AS FLOAT64  CAST('1e3' AS FLOAT64)
CAST AS INT64  CAST(2.5 AS INT64)
CAST AS INTERVAL  CAST('1-2 3 4:5:6' AS INTERVAL)
CAST AS NUMERIC  CAST(1.5 AS NUMERIC)
CAST AS RANGE  CAST('[2026-01-01, 2026-02-01)' AS RANGE<DATE>)
CAST AS STRING  CAST(TIMESTAMP '2026-01-02 03:04:05.6+00' AS STRING)
CAST AS STRUCT  CAST(STRUCT(1, '2') AS STRUCT<a STRING, b INT64>)
CAST AS TIME  CAST('12:34:56.789' AS TIME)
CAST AS TIMESTAMP  CAST('2026-01-02 03:04:05 America/New_York' AS TIMESTAMP)
SAFE_CAST  SAFE_CAST('x' AS INT64)
CAST AS BYTES FORMAT  CAST('48656c6c6f' AS BYTES FORMAT 'HEX')
CAST AS DATE FORMAT  CAST('2018-12-03' AS DATE FORMAT 'YYYY-MM-DD')
CAST AS DATETIME FORMAT  CAST('2026-01-02 03:04' AS DATETIME FORMAT 'YYYY-MM-DD HH24:MI')
CAST AS TIME FORMAT  CAST('03:04 P.M.' AS TIME FORMAT 'HH:MI A.M.')
CAST AS TIMESTAMP FORMAT  CAST('2026-01-02 03:04 +01:00' AS TIMESTAMP FORMAT 'YYYY-MM-DD HH24:MI TZH:TZM')
CAST bytes AS STRING FORMAT  CAST(b'Hello' AS STRING FORMAT 'BASE64')
CAST dates AS STRING FORMAT  CAST(DATE '2026-01-02' AS STRING FORMAT 'DAY, DD MON YYYY')
CAST timestamps AS STRING FORMAT  CAST(TIMESTAMP '2026-01-02 03:04:05+00' AS STRING FORMAT
    'YYYY-MM-DD HH24:MI:SS TZH:TZM' AT TIME ZONE 'Asia/Kolkata')
CAST numbers AS STRING FORMAT  CAST(-1234.5 AS STRING FORMAT '999,999.99MI')
PARSE_BIGNUMERIC  PARSE_BIGNUMERIC(' - 12.34 ')
PARSE_NUMERIC  PARSE_NUMERIC('1e2')
""",
        shown="tests/unit/sql/lower/test_casts.py",
    ),
)
