"""Both routes must agree: generated expressions and queries run in the engine and in the evaluator."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqsim.engine.duckdb import DuckDBEngine, DuckDBSession
from bqsim.errors import BigQueryError
from bqsim.settings import Settings
from bqsim.sim.clock import RealClock
from bqsim.sql.googlesql import GoogleSql
from bqsim.sql.plan import Route
from bqsim.sql.planner import Planner
from bqsim.sql.reference import ReferenceRoute
from tests.oracle.routes import same
from tests.unit.sql.googlesql.catalogs import MemoryCatalog, context

BOUNDED = settings(
    max_examples=40,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)

# The rows that expressions are computed over: NULLs, extremes, zeros of both signs, text beyond ASCII.
ROWS = """(SELECT * FROM UNNEST([
  STRUCT<i INT64, j INT64, f FLOAT64, s STRING, b BOOL, d DATE, t TIMESTAMP, n NUMERIC, a ARRAY<INT64>>
  (1, 3, 1.5, 'abc', TRUE, DATE '2020-02-29', TIMESTAMP '2020-02-29 12:34:56.789012+00',
   NUMERIC '1.5', [1, 2, 3]),
  (2, -7, -0.0, 'Éa b', FALSE, DATE '1999-12-31', TIMESTAMP '1969-12-31 23:59:59.999999+00',
   NUMERIC '-2.345678901', []),
  (3, 0, CAST('nan' AS FLOAT64), '', NULL, DATE '0001-01-01', TIMESTAMP '0001-01-02 00:00:00+00',
   NUMERIC '0', [7]),
  (4, NULL, NULL, NULL, TRUE, NULL, NULL, NULL, NULL),
  (5, 12345678901, CAST('-inf' AS FLOAT64), ' x,y,x ', FALSE, DATE '9999-12-31',
   TIMESTAMP '9999-12-31 23:59:59.999999+00', NUMERIC '99999999999.999999999', [0, -1])]))"""


@dataclass(slots=True)
class Routes:
    googlesql: GoogleSql
    reference: ReferenceRoute
    planner: Planner
    session: DuckDBSession

    def compare(self, sql: str) -> bool:
        """Run a query on both routes and assert that they agree; False when the engine does not take it."""
        ctx = context(now_us=1_600_000_000_000_000)
        analyzed = self.googlesql.analyze(sql, ctx)
        plan = self.planner.plan_query(analyzed, ctx)
        if plan.route is not Route.ENGINE or plan.engine_sql is None:
            return False
        expected = self._rows(lambda: self.reference.run(analyzed, ctx, {}))
        found = self._rows(lambda: self.session.query(plan.engine_sql or "", plan.schema))
        if isinstance(expected, str) or isinstance(found, str):
            assert found == expected, (sql, found, expected)
            return True
        assert len(found) == len(expected), (sql, found, expected)
        for one, other in zip(found, expected, strict=True):
            assert same(one, other), (sql, one, other)
        return True

    def _rows(self, run: Any) -> list[Any] | str:
        try:
            rows: list[Any] = run().to_pylist()
        except (BigQueryError, OverflowError) as error:
            return str(error)
        return rows


@pytest.fixture(scope="module")
def routes() -> Iterator[Routes]:
    catalog: Any = MemoryCatalog()
    googlesql = GoogleSql(catalog, Settings(project="p", analyzers=1))
    engine = DuckDBEngine(None, threads=1)
    reference = ReferenceRoute(googlesql)
    planner = Planner(catalog, googlesql, RealClock(), reference)
    yield Routes(googlesql, reference, planner, engine.session())
    engine.close()
    googlesql.close()


# Expressions by type: templates whose {T} are expressions of type T. Weights keep trees small.
LEAVES = {
    "INT": ["i", "j", "0", "1", "-7", "NULL", "5"],
    "FLOAT": ["f", "0.0", "1.5", "-2.25", "1e10"],
    "STRING": ["s", "''", "'abc'", "'É'", "'a'", "','", "NULL"],
    "BOOL": ["b", "TRUE", "FALSE", "NULL"],
    "DATE": ["d", "DATE '2020-03-31'"],
    "TIMESTAMP": ["t", "TIMESTAMP '2021-03-28 01:30:00+00'"],
    "NUMERIC": ["n", "NUMERIC '2'", "NUMERIC '-0.000000001'"],
    "ARRAY": ["a", "[1, NULL]", "[3, 2, 1]"],
}
TEMPLATES = {
    "INT": [
        "({INT} + {INT})",
        "({INT} - {INT})",
        "({INT} * {INT})",
        "DIV({INT}, 3)",
        "MOD({INT}, -2)",
        "(- {INT})",
        "ABS({INT})",
        "SIGN({INT})",
        "({INT} & {INT})",
        "({INT} | {INT})",
        "({INT} ^ {INT})",
        "SAFE_ADD({INT}, {INT})",
        "SAFE_MULTIPLY({INT}, {INT})",
        "IF({BOOL}, {INT}, {INT})",
        "CASE WHEN {BOOL} THEN {INT} WHEN {BOOL} THEN {INT} ELSE {INT} END",
        "CASE {INT} WHEN {INT} THEN {INT} END",
        "COALESCE({INT}, {INT})",
        "NULLIF({INT}, {INT})",
        "GREATEST({INT}, {INT})",
        "LEAST({INT}, {INT})",
        "CHAR_LENGTH({STRING})",
        "BYTE_LENGTH({STRING})",
        "STRPOS({STRING}, {STRING})",
        "INSTR({STRING}, {STRING})",
        "UNICODE({STRING})",
        "EXTRACT(YEAR FROM {DATE})",
        "EXTRACT(ISOWEEK FROM {DATE})",
        "EXTRACT(DAYOFWEEK FROM {DATE})",
        "EXTRACT(MICROSECOND FROM {TIMESTAMP})",
        "DATE_DIFF({DATE}, {DATE}, MONTH)",
        "DATE_DIFF({DATE}, {DATE}, WEEK)",
        "TIMESTAMP_DIFF({TIMESTAMP}, {TIMESTAMP}, HOUR)",
        "UNIX_MICROS({TIMESTAMP})",
        "UNIX_DATE({DATE})",
        "ARRAY_LENGTH({ARRAY})",
        "{ARRAY}[SAFE_OFFSET({INT})]",
        "SAFE_CAST({STRING} AS INT64)",
        "SAFE_CAST({FLOAT} AS INT64)",
        "CAST({BOOL} AS INT64)",
        "SAFE_CAST({NUMERIC} AS INT64)",
        "BIT_COUNT({INT})",
        "FARM_FINGERPRINT({STRING})",
        "(SELECT SUM(x) FROM UNNEST({ARRAY}) AS x)",
    ],
    "FLOAT": [
        "({FLOAT} + {FLOAT})",
        "({FLOAT} - {FLOAT})",
        "({FLOAT} * {FLOAT})",
        "SAFE_DIVIDE({FLOAT}, {FLOAT})",
        "IEEE_DIVIDE({FLOAT}, {FLOAT})",
        "SAFE_DIVIDE({INT}, {INT})",
        "ROUND({FLOAT})",
        "ROUND({FLOAT}, 1)",
        "TRUNC({FLOAT})",
        "FLOOR({FLOAT})",
        "CEIL({FLOAT})",
        "ABS({FLOAT})",
        "CAST({INT} AS FLOAT64)",
        "SAFE_CAST({STRING} AS FLOAT64)",
        "CAST({NUMERIC} AS FLOAT64)",
        "IF({BOOL}, {FLOAT}, {FLOAT})",
        "GREATEST({FLOAT}, {FLOAT})",
        "SIGN({FLOAT})",
    ],
    "STRING": [
        "CONCAT({STRING}, {STRING})",
        "({STRING} || {STRING})",
        "UPPER({STRING})",
        "LOWER({STRING})",
        "TRIM({STRING})",
        "LTRIM({STRING}, {STRING})",
        "REVERSE({STRING})",
        "SUBSTR({STRING}, {INT})",
        "SUBSTR({STRING}, 1, 2)",
        "LEFT({STRING}, 2)",
        "RIGHT({STRING}, 2)",
        "REPLACE({STRING}, {STRING}, {STRING})",
        "LPAD({STRING}, 5, 'xy')",
        "RPAD({STRING}, 2)",
        "INITCAP({STRING})",
        "CAST({INT} AS STRING)",
        "CAST({BOOL} AS STRING)",
        "CAST({DATE} AS STRING)",
        "CAST({TIMESTAMP} AS STRING)",
        "CAST({NUMERIC} AS STRING)",
        "CAST({FLOAT} AS STRING)",
        "FORMAT_DATE('%Y/%m/%d %j %a', {DATE})",
        "REGEXP_REPLACE({STRING}, r'[a-c]', '<\\\\0>')",
        "REGEXP_EXTRACT({STRING}, r'(b|y)')",
        "SPLIT({STRING}, ',')[SAFE_OFFSET(0)]",
        "TO_HEX(MD5({STRING}))",
        "IFNULL({STRING}, {STRING})",
        "TO_JSON_STRING({INT})",
        "TO_JSON_STRING({STRING})",
        "TRANSLATE({STRING}, 'abc', 'xy')",
        "SOUNDEX({STRING})",
    ],
    "BOOL": [
        "({INT} < {INT})",
        "({INT} = {INT})",
        "({FLOAT} <= {FLOAT})",
        "({FLOAT} = {FLOAT})",
        "({STRING} < {STRING})",
        "({DATE} >= {DATE})",
        "({NUMERIC} > {NUMERIC})",
        "({BOOL} AND {BOOL})",
        "({BOOL} OR {BOOL})",
        "(NOT {BOOL})",
        "({INT} IS NULL)",
        "({BOOL} IS NOT TRUE)",
        "({INT} BETWEEN {INT} AND {INT})",
        "({INT} IN ({INT}, {INT}))",
        "({INT} IN UNNEST({ARRAY}))",
        "({INT} IS DISTINCT FROM {INT})",
        "({STRING} LIKE 'a%')",
        "({STRING} LIKE '_b%')",
        "STARTS_WITH({STRING}, {STRING})",
        "REGEXP_CONTAINS({STRING}, r'^a|x$')",
        "IS_NAN({FLOAT})",
        "EXISTS(SELECT 1 FROM UNNEST({ARRAY}) AS x WHERE x > {INT})",
    ],
    "DATE": [
        "DATE_TRUNC({DATE}, MONTH)",
        "DATE_TRUNC({DATE}, ISOYEAR)",
        "LAST_DAY({DATE})",
        "SAFE.DATE_ADD({DATE}, INTERVAL 1 MONTH)",
        "SAFE.DATE_SUB({DATE}, INTERVAL {INT} DAY)",
        "DATE({TIMESTAMP})",
        "DATE({TIMESTAMP}, 'America/New_York')",
        "SAFE_CAST({STRING} AS DATE)",
        "IF({BOOL}, {DATE}, {DATE})",
    ],
    "TIMESTAMP": [
        "TIMESTAMP_TRUNC({TIMESTAMP}, HOUR)",
        "TIMESTAMP_TRUNC({TIMESTAMP}, DAY, 'Europe/Berlin')",
        "SAFE.TIMESTAMP_ADD({TIMESTAMP}, INTERVAL 90 MINUTE)",
        "TIMESTAMP({DATE})",
        "IFNULL({TIMESTAMP}, {TIMESTAMP})",
    ],
    "NUMERIC": [
        "({NUMERIC} + {NUMERIC})",
        "({NUMERIC} - {NUMERIC})",
        "SAFE_MULTIPLY({NUMERIC}, {NUMERIC})",
        "SAFE_DIVIDE({NUMERIC}, {NUMERIC})",
        "ROUND({NUMERIC}, 2)",
        "TRUNC({NUMERIC})",
        "ABS({NUMERIC})",
        "CAST({INT} AS NUMERIC)",
        "SAFE_CAST({STRING} AS NUMERIC)",
        "MOD({NUMERIC}, NUMERIC '0.7')",
    ],
    "ARRAY": [
        "ARRAY_CONCAT({ARRAY}, {ARRAY})",
        "ARRAY_REVERSE({ARRAY})",
        "GENERATE_ARRAY(1, 3)",
        "ARRAY(SELECT x + 1 FROM UNNEST({ARRAY}) AS x WHERE x IS NOT NULL)",
        "[{INT}, {INT}]",
    ],
}


@st.composite
def expressions(draw: st.DrawFn, kind: str, depth: int) -> str:
    """An expression of a type with at most ``depth`` levels of calls."""
    if depth == 0 or draw(st.integers(0, 3)) == 0:
        return draw(st.sampled_from(LEAVES[kind]))
    template = draw(st.sampled_from(TEMPLATES[kind]))
    for argument in TEMPLATES:
        while "{" + argument + "}" in template:
            inner = draw(expressions(argument, depth - 1))
            typed = (
                f"CAST(NULL AS {'INT64' if argument == 'INT' else argument})" if inner == "NULL" else inner
            )
            template = template.replace("{" + argument + "}", typed, 1)
    return template


TESTED = [kind for kind in TEMPLATES if kind != "ARRAY"]
# Few rows with NULL elements may be output, so arrays are shown as text.
SHOWN = {"ARRAY": "ARRAY_LENGTH({})"}


@BOUNDED
@given(st.lists(st.sampled_from(TESTED).flatmap(lambda kind: expressions(kind, 2)), min_size=4, max_size=4))
def test_expressions(routes: Routes, columns: list[str]) -> None:
    shown = ", ".join(f"{column} AS c{n}" for n, column in enumerate(columns))
    routes.compare(f"SELECT {shown} FROM {ROWS} ORDER BY i")


AGGREGATES = [
    "COUNT(*)",
    "COUNT({INT})",
    "COUNT(DISTINCT {INT})",
    "COUNTIF({BOOL})",
    "SUM({INT})",
    "SUM(DISTINCT {INT})",
    "SUM({NUMERIC})",
    "AVG({INT})",
    "AVG({NUMERIC})",
    "MIN({FLOAT})",
    "MAX({FLOAT})",
    "MIN({STRING})",
    "MAX({DATE})",
    "LOGICAL_AND({BOOL})",
    "LOGICAL_OR({BOOL})",
    "BIT_XOR({INT})",
    "STRING_AGG({STRING}, '|' ORDER BY i)",
    "STRING_AGG(s, ',' ORDER BY i DESC LIMIT 2)",
    "ARRAY_LENGTH(ARRAY_AGG({INT} IGNORE NULLS))",
    "TO_JSON_STRING(ARRAY_AGG({INT} ORDER BY i))",
    "MAX_BY(s, i)",
]
KEYS = ["b", "MOD(i, 2)", "i > 2", "s", "IF(b, 1, 2)"]
FRAMES = [
    "ORDER BY i",
    "PARTITION BY b ORDER BY i",
    "PARTITION BY b ORDER BY i DESC ROWS BETWEEN 1 PRECEDING AND CURRENT ROW",
    "ORDER BY i ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING",
    "ORDER BY i RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING",
]
WINDOWS = [
    "ROW_NUMBER()",
    "RANK()",
    "DENSE_RANK()",
    "LAG(i)",
    "LEAD(s, 2, 'none')",
    "SUM(j)",
    "COUNT(j)",
    "MIN(s)",
    "FIRST_VALUE(s)",
    "LAST_VALUE(j)",
    "NTILE(2)",
    "CUME_DIST()",
]
FRAMELESS = ("ROW_NUMBER", "RANK", "DENSE_RANK", "LAG", "LEAD", "NTILE", "CUME_DIST")


@st.composite
def filled(draw: st.DrawFn, templates: list[str]) -> str:
    """One of the templates, its holes filled with small expressions."""
    template = draw(st.sampled_from(templates))
    for kind in TEMPLATES:
        while "{" + kind + "}" in template:
            template = template.replace("{" + kind + "}", draw(expressions(kind, 1)), 1)
    return template


@st.composite
def queries(draw: st.DrawFn) -> str:
    """A query of one of the usual shapes, its rows in a fixed order."""
    shape = draw(st.sampled_from(["group", "rollup", "window", "join", "set", "cte", "unnest"]))
    if shape in ("group", "rollup"):
        keys = draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=2, unique=True))
        columns = draw(st.lists(filled(AGGREGATES), min_size=1, max_size=3))
        by = f"ROLLUP({', '.join(keys)})" if shape == "rollup" else ", ".join(keys)
        shown = ", ".join(f"{k} AS k{n}" for n, k in enumerate(keys))
        order = ", ".join(str(n + 1) for n in range(len(keys) + len(columns)))
        return f"SELECT {shown}, {', '.join(columns)} FROM {ROWS} GROUP BY {by} ORDER BY {order}"
    where = draw(expressions("BOOL", 1))
    if shape == "window":
        function, frame = draw(st.sampled_from(WINDOWS)), draw(st.sampled_from(FRAMES))
        if function.startswith(FRAMELESS):
            frame = frame.split(" ROWS")[0].split(" RANGE")[0]
        return f"SELECT i, {function} OVER ({frame}) AS w FROM {ROWS} WHERE {where} ORDER BY i"
    if shape == "join":
        kind = draw(st.sampled_from(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"]))
        on = "" if kind == "CROSS JOIN" else f"ON x.i = y.j + {draw(st.integers(-2, 8))}"
        return f"SELECT x.i, y.i, x.s, y.s FROM {ROWS} AS x {kind} {ROWS} AS y {on} ORDER BY 1, 2"
    if shape == "set":
        operator = draw(
            st.sampled_from(["UNION ALL", "UNION DISTINCT", "EXCEPT DISTINCT", "INTERSECT DISTINCT"])
        )
        other = draw(expressions("INT", 1))
        return f"SELECT i FROM {ROWS} {operator} SELECT {other} FROM {ROWS} ORDER BY 1"
    if shape == "cte":
        cte = f"SELECT * FROM {ROWS} WHERE {where}"
        return f"WITH q AS ({cte}) SELECT i, (SELECT COUNT(*) FROM q) FROM q ORDER BY i"
    return (
        f"SELECT i, e, o FROM {ROWS} CROSS JOIN UNNEST(a) AS e WITH OFFSET AS o WHERE {where} ORDER BY i, o"
    )


@BOUNDED
@given(queries())
def test_queries(routes: Routes, sql: str) -> None:
    routes.compare(sql)


@pytest.mark.parametrize(
    "expression",
    [
        "1 / j",
        "DIV(1, j)",
        "MOD(1, j)",
        "j * j",
        "-9223372036854775808 - i",
        "ABS(-9223372036854775807 - i)",
        "CAST(s AS INT64)",
        "CAST(f AS INT64)",
        "CAST('2020-02-30' AS DATE)",
        "DATE_ADD(d, INTERVAL 1 DAY)",
        "[1, 2][OFFSET(j)]",
        "n * n * n * n",
        "SQRT(-i)",
        "LN(j)",
        "REPEAT('x', j)",
        "(SELECT e FROM UNNEST(a) AS e)",
        "ERROR(IFNULL(s, 'null'))",
        "ASCII(s)",
        "PARSE_DATE('%Y', s)",
        "CAST(1e400 AS NUMERIC)",
    ],
)
def test_errors_are_raised_on_both_routes(routes: Routes, expression: str) -> None:
    """For one row that fails, with the same message."""
    for row in range(1, 6):
        assert routes.compare(f"SELECT {expression} AS x FROM {ROWS} WHERE i = {row}")


@pytest.mark.parametrize("kind", TEMPLATES)
def test_the_engine_takes_what_is_compared(routes: Routes, kind: str) -> None:
    """Comparing proves nothing where the engine refuses; each type has calls that it takes."""
    calls = []
    for template in TEMPLATES[kind]:
        for argument, leaves in LEAVES.items():
            template = template.replace("{" + argument + "}", leaves[0])
        calls.append(SHOWN.get(kind, "{}").format(template))
    all_of_them = ", ".join(f"{call} AS c{n}" for n, call in enumerate(calls))
    if not routes.compare(f"SELECT {all_of_them} FROM {ROWS} ORDER BY i"):
        taken = [routes.compare(f"SELECT {call} AS c FROM {ROWS} ORDER BY i") for call in calls]
        assert sum(taken) >= 0.8 * len(taken)
