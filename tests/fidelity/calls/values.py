"""Functions on JSON, ARRAY and STRUCT."""

from __future__ import annotations

from .family import Family

FAMILIES = (
    Family(
        "json",
        "JSON functions",
        """
BOOL  BOOL(JSON 'true')
BOOL_ARRAY  BOOL_ARRAY(JSON '[true, false]')
FLOAT64  FLOAT64(JSON '9.8')
FLOAT64_ARRAY  FLOAT64_ARRAY(JSON '[9, 9.8]')
INT64  INT64(JSON '2005')
INT64_ARRAY  INT64_ARRAY(JSON '[1, 2]')
JSON_ARRAY  JSON_ARRAY(10, 'foo', NULL)
JSON_ARRAY_APPEND  JSON_ARRAY_APPEND(JSON '["a"]', '$', 1)
JSON_ARRAY_INSERT  JSON_ARRAY_INSERT(JSON '["a", "c"]', '$[1]', 1)
JSON_EXTRACT  JSON_EXTRACT('{"a": {"b": 1}}', '$.a')
JSON_EXTRACT_ARRAY  JSON_EXTRACT_ARRAY('[1, "a"]')
JSON_EXTRACT_SCALAR  JSON_EXTRACT_SCALAR('{"a": "x"}', '$.a')
JSON_EXTRACT_STRING_ARRAY  JSON_EXTRACT_STRING_ARRAY('["a", 1]')
JSON_FLATTEN  JSON_FLATTEN(JSON '[[1, 2], 3]')
JSON_KEYS  JSON_KEYS(JSON '{"a": {"b": 1}}')
JSON_OBJECT  JSON_OBJECT('a', 1, 'b', [TRUE])
JSON_QUERY  JSON_QUERY(JSON '{"a": {"b": 1}}', '$.a')
JSON_QUERY_ARRAY  JSON_QUERY_ARRAY(JSON '{"a": [1, 2]}', '$.a')
JSON_REMOVE  JSON_REMOVE(JSON '{"a": 1, "b": 2}', '$.a')
JSON_SET  JSON_SET(JSON '{"a": 1}', '$.b', 2)
JSON_STRIP_NULLS  JSON_STRIP_NULLS(JSON '{"a": null, "b": [null]}')
JSON_TYPE  JSON_TYPE(JSON '[1]')
JSON_VALUE  JSON_VALUE(JSON '{"a": "x"}', '$.a')
JSON_VALUE_ARRAY  JSON_VALUE_ARRAY(JSON '["a", 1]')
LAX_BOOL  LAX_BOOL(JSON '"true"')
LAX_BOOL_ARRAY  LAX_BOOL_ARRAY(JSON '["true", 0]')
LAX_FLOAT64  LAX_FLOAT64(JSON '"9.8"')
LAX_FLOAT64_ARRAY  LAX_FLOAT64_ARRAY(JSON '["9.8", 1]')
LAX_INT64  LAX_INT64(JSON '"10"')
LAX_INT64_ARRAY  LAX_INT64_ARRAY(JSON '["10", true]')
LAX_STRING  LAX_STRING(JSON '1.5')
LAX_STRING_ARRAY  LAX_STRING_ARRAY(JSON '[1.5, true]')
PARSE_JSON  PARSE_JSON('{"a": 1.50}')
STRING from JSON  STRING(JSON '"x"')
STRING_ARRAY  STRING_ARRAY(JSON '["a", "b"]')
TO_JSON  TO_JSON(STRUCT(1 AS a, DATE '2026-01-01' AS d))
TO_JSON_STRING  TO_JSON_STRING(STRUCT(1 AS a, [1.5] AS b), TRUE)
""",
        shown="tests/unit/sql/lower/functions/test_json.py",
    ),
    Family(
        "array",
        "Array functions",
        """
ARRAY_CONCAT  ARRAY_CONCAT([1, 2], [3], [])
ARRAY_FIRST  ARRAY_FIRST(['a', 'b'])
ARRAY_LAST  ARRAY_LAST(['a', 'b'])
ARRAY_LENGTH  ARRAY_LENGTH([1, NULL])
ARRAY_REVERSE  ARRAY_REVERSE([1, 2, 3])
ARRAY_SLICE  ARRAY_SLICE(['a', 'b', 'c', 'd'], 1, -2)
ARRAY_TO_STRING  ARRAY_TO_STRING(['a', NULL, 'c'], ',', '?')
GENERATE_ARRAY  GENERATE_ARRAY(1, 10, 3)
""",
        shown="tests/unit/sql/lower/functions/test_arrays.py",
    ),
)
