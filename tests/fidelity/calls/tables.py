"""Table functions, and the functions of MATCH_RECOGNIZE and of property graphs."""

from __future__ import annotations

from .family import Family

_SERIES = (
    "(SELECT TIMESTAMP '2026-01-01 00:00:01+00' AS t, 1 AS v "
    "UNION ALL SELECT TIMESTAMP '2026-01-01 00:00:09+00', 5)"
)
_PATTERN = (
    "SELECT * FROM (SELECT 1 AS t, 5 AS v UNION ALL SELECT 2, 3 UNION ALL SELECT 3, 9) MATCH_RECOGNIZE "
    "(ORDER BY t MEASURES {} AS m PATTERN (down up) DEFINE down AS v < 6, up AS v < 6)"
)
_GRAPH = "SELECT * FROM GRAPH_TABLE(d.g MATCH p = (a)-[e]->(b) RETURN {} AS r)"

FAMILIES = (
    Family(
        "table",
        "Table functions",
        f"""
APPENDS  SELECT n FROM APPENDS(TABLE d.t, NULL, NULL)
CHANGES  SELECT n FROM CHANGES(TABLE d.changing, NULL, TIMESTAMP_SUB(CURRENT_TIMESTAMP(), INTERVAL 11 MINUTE))
EXTERNAL_OBJECT_TRANSFORM  SELECT * FROM EXTERNAL_OBJECT_TRANSFORM(TABLE d.t, ['SIGNED_URL'])
EXTERNAL_QUERY  SELECT * FROM EXTERNAL_QUERY('p.us.c', 'SELECT 1 AS n')
GAP_FILL  SELECT * FROM GAP_FILL({_SERIES}, ts_column => 't', bucket_width => INTERVAL 2 SECOND,
    value_columns => [('v', 'linear')]) ORDER BY t
RANGE_SESSIONIZE  SELECT session_range FROM RANGE_SESSIONIZE((SELECT 1 AS k,
    RANGE(DATE '2026-01-01', DATE '2026-01-05') AS r), 'r', ['k'])
UNNEST  SELECT x, o FROM UNNEST(['a', 'b']) AS x WITH OFFSET AS o
""",
        shown="tests/unit/sql/googlesql/test_table_function_bodies.py",
    ),
    Family(
        "match",
        "Functions of MATCH_RECOGNIZE",
        """
CLASSIFIER  STRING_AGG(CLASSIFIER())
FIRST  FIRST(down.v)
LAST  LAST(up.v)
MATCH_NUMBER  MAX(MATCH_NUMBER())
MATCH_ROW_NUMBER  MAX(MATCH_ROW_NUMBER())
NEXT  SELECT * FROM (SELECT 1 AS t, 5 AS v UNION ALL SELECT 2, 3) MATCH_RECOGNIZE
    (ORDER BY t MEASURES SUM(down.v) AS m PATTERN (down) DEFINE down AS v > NEXT(v))
PREV  SELECT * FROM (SELECT 1 AS t, 5 AS v UNION ALL SELECT 2, 3) MATCH_RECOGNIZE
    (ORDER BY t MEASURES SUM(down.v) AS m PATTERN (down) DEFINE down AS v < PREV(v))
""",
        template=_PATTERN,
    ),
    Family(
        "graph",
        "Functions of property graphs",
        """
DESTINATION_NODE_ID  DESTINATION_NODE_ID(e)
EDGES  EDGES(p)
ELEMENT_DEFINITION_NAME  ELEMENT_DEFINITION_NAME(a)
ELEMENT_ID  ELEMENT_ID(a)
IS_ACYCLIC  IS_ACYCLIC(p)
IS_SIMPLE  IS_SIMPLE(p)
IS_TRAIL  IS_TRAIL(p)
LABELS  LABELS(a)
NODES  NODES(p)
PATH  PATH(a, e, b)
PATH_FIRST  PATH_FIRST(p)
PATH_LAST  PATH_LAST(p)
PATH_LENGTH  PATH_LENGTH(p)
PROPERTY_NAMES  PROPERTY_NAMES(a)
SOURCE_NODE_ID  SOURCE_NODE_ID(e)
""",
        template=_GRAPH,
        refusal="Property graph not found",
    ),
)
