"""Legacy SQL: names and rows of what is translated, the texts of what is refused.

From the pages *Legacy SQL functions and operators* and *Legacy SQL syntax*.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from bqsim.errors import BigQueryError, not_found
from bqsim.sql.legacy import translate
from bqsim.sql.legacy.tokens import HINT, refused
from bqsim.types import Field, TypeKind
from tests.unit.sql.warehouse import Warehouse, clear, new_warehouse, values_of

pytestmark = pytest.mark.fidelity(
    "sql:legacy SQL",
    "approximated",
    "The plain subset is translated; nested and repeated fields, TABLE_QUERY and functions "
    "without an exact counterpart are refused by name.",
)

Path = tuple[str, str, str]
TRY_STANDARD = "[Try using standard SQL (https://cloud.google.com/bigquery/docs/reference/standard-sql/enabling-standard-sql)]"


class Tables:
    project = "p"
    dataset: tuple[str, str] | None = ("p", "d")

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def columns(self, path: Path) -> Sequence[Field]:
        if not self.exists(path):
            raise not_found("Table", f"{path[0]}:{path[1]}.{path[2]}")
        return self._warehouse.table(path[2]).fields

    now_us = 1_577_880_000_000_000  # 2020-01-01 12:00

    def pseudo(self, path: Path) -> Sequence[Field]:
        return [Field("_PARTITIONTIME", TypeKind.TIMESTAMP)] if path[2] == "day20200102" else []

    def exists(self, path: Path) -> bool:
        return any(
            t.ref.table == path[2]
            for t in self._warehouse.catalog.tables(self._warehouse.table("t").ref.dataset_ref)
        )

    def decorated(self, path: Path, decorators: str) -> tuple[Sequence[Field], str]:
        if decorators != "@0":
            raise refused(f"The table decorator in d.t{decorators}")
        return self.columns(path), f"SELECT * FROM `{'.'.join(path)}` WHERE id > 1"


@pytest.fixture(scope="module")
def stored() -> Iterator[Warehouse]:
    warehouse = new_warehouse()
    warehouse.run(
        "CREATE TABLE d.t (id INT64, name STRING, x FLOAT64, ok BOOL, ts TIMESTAMP, r ARRAY<INT64>, "
        "s STRUCT<a INT64>, n NUMERIC)"
    )
    warehouse.run(
        "INSERT d.t (id, name, x, ok, ts) VALUES (1, 'ann', 1.5, TRUE, '2020-01-02 03:04:05'), "
        "(2, 'bob', -2.5, FALSE, '2021-05-06 07:08:09'), (3, NULL, NULL, NULL, NULL)"
    )
    for day in ("20200101", "20200102", "20200104"):
        warehouse.run(f"CREATE TABLE d.day{day} AS SELECT '{day}' AS d, 1 AS one")
    warehouse.run("CREATE TABLE d.wide AS SELECT 5 AS one, 'w' AS more")
    yield warehouse
    clear(warehouse)


@pytest.fixture
def run(stored: Warehouse) -> Callable[[str], tuple[list[str], list[list[Any]]]]:
    def answer(sql: str) -> tuple[list[str], list[list[Any]]]:
        result = stored.run(translate(sql, Tables(stored)))
        return [f.name for f in result.schema], values_of(result)

    return answer


QUERIES: list[tuple[str, list[str], list[list[Any]]]] = [
    ("SELECT INTEGER(1) AS n", ["n"], [[1]]),
    ("SELECT 1, 'a', 2.5, true", ["f0_", "f1_", "f2_", "f3_"], [[1, "a", 2.5, True]]),
    ("SELECT 1 x, 2", ["x", "f0_"], [[1, 2]]),
    ("SELECT 1/2, 7%2, -3, 1+2*3, (1+2)*3", ["f0_", "f1_", "f2_", "f3_", "f4_"], [[0.5, 1, -3, 7, 9]]),
    ("SELECT 1; ", ["f0_"], [[1]]),
    ("SELECT 1, -- comment\n 2 // another\n , 3 /* and one */", ["f0_", "f1_", "f2_"], [[1, 2, 3]]),
    ("#legacySQL\nSELECT 1", ["f0_"], [[1]]),
    ("SELECT 'it\\'s', \"dq 'y'\", r'\\d'", ["f0_", "f1_", "f2_"], [["it's", "dq 'y'", "\\d"]]),
    ("SELECT id, name n FROM [p:d.t] ORDER BY id DESC LIMIT 2", ["id", "n"], [[3, None], [2, "bob"]]),
    ("SELECT [id] FROM [d.t] ORDER BY 1", ["id"], [[1], [2], [3]]),
    ("SELECT ID FROM p.d.t WHERE Id = 1", ["id"], [[1]]),
    ("SELECT id FROM p:d.t WHERE id != 1 AND id <> 2", ["id"], [[3]]),
    ("SELECT * FROM [d.wide]", ["one", "more"], [[5, "w"]]),
    (
        "SELECT id, UPPER(name), LENGTH(name) FROM t WHERE name CONTAINS 'n' AND NOT id = 2",
        ["id", "f0_", "f1_"],
        [[1, "ANN", 3]],
    ),
    ("SELECT COUNT(*), COUNT(DISTINCT name), SUM(x) FROM t", ["f0_", "f1_", "f2_"], [[3, 2, -1.0]]),
    (
        "SELECT name, COUNT(*) c FROM d.t GROUP EACH BY name HAVING c > 0 ORDER BY c DESC, name",
        ["name", "c"],
        [[None, 1], ["ann", 1], ["bob", 1]],
    ),
    ("SELECT name, MAX(id) FROM d.t GROUP BY 1 HAVING MAX(id) > 2", ["name", "f0_"], [[None, 3]]),
    (
        "SELECT YEAR(ts) AS y, COUNT(*) FROM [d.t] GROUP BY y ORDER BY y",
        ["y", "f0_"],
        [[None, 1], [2020, 1], [2021, 1]],
    ),
    (
        "SELECT a.id, b.name FROM [d.t] a JOIN EACH [d.t] b ON a.id = b.id ORDER BY a.id LIMIT 1",
        ["a_id", "b_name"],
        [[1, "ann"]],
    ),
    (
        "SELECT a.id AS i, b.name AS nm FROM [d.t] a "
        "LEFT OUTER JOIN (SELECT id, name FROM [d.t] WHERE id < 2) b ON a.id = b.id AND a.name = b.name "
        "ORDER BY i",
        ["i", "nm"],
        [[1, "ann"], [2, None], [3, None]],
    ),
    ("SELECT COUNT(*) n FROM [d.t] a CROSS JOIN [d.wide] b", ["n"], [[3]]),
    ("SELECT one, COUNT(*) FROM [d.day20200101], [d.day20200102] GROUP BY one", ["one", "f0_"], [[1, 2]]),
    (
        "SELECT one, more FROM [d.day20200101], [d.wide] ORDER BY one",
        ["one", "more"],
        [[1, None], [5, "w"]],
    ),
    (
        "SELECT d FROM TABLE_DATE_RANGE([d.day], TIMESTAMP('2020-01-02'), TIMESTAMP('2020-01-31')) "
        "ORDER BY d",
        ["d"],
        [["20200102"], ["20200104"]],
    ),
    ("SELECT AVG(y) FROM (SELECT x * 2 AS y FROM [d.t])", ["f0_"], [[-1.0]]),
    (
        "SELECT id, ROW_NUMBER() OVER (PARTITION BY ok ORDER BY id) AS rn, SUM(id) OVER (PARTITION BY ok) s "
        "FROM [d.t] ORDER BY id",
        ["id", "rn", "s"],
        [[1, 1, 1], [2, 1, 2], [3, 1, 3]],
    ),
    (
        "SELECT LAG(id) OVER (ORDER BY id) AS a, LEAD(id, 2) OVER (ORDER BY id) AS b FROM [d.t] ORDER BY a",
        ["a", "b"],
        [[None, 3], [1, None], [2, None]],
    ),
    ("SELECT id FROM [d.t] WHERE x BETWEEN 1 AND 2 OR x < -2 ORDER BY id", ["id"], [[1], [2]]),
    ("SELECT id FROM [d.t] WHERE id IN (1, 3) AND name IS NOT NULL", ["id"], [[1]]),
    ("SELECT id FROM [d.t] WHERE name IS NULL", ["id"], [[3]]),
]


@pytest.mark.parametrize(("sql", "names", "rows"), QUERIES, ids=[q[0] for q in QUERIES])
def test_queries(run: Any, sql: str, names: list[str], rows: list[list[Any]]) -> None:
    assert run(sql) == (names, rows)


VALUES: list[tuple[str, Any]] = [
    ("INTEGER('12')", 12),
    ("INTEGER('x')", None),
    ("INTEGER('1.5')", None),
    ("INTEGER('finance')", None),
    ("INTEGER(TIMESTAMP('1970-01-01 00:00:01'))", 1_000_000),
    ("FLOAT('1.5')", 1.5),
    ("FLOAT('q')", None),
    ("FLOAT(2)", 2.0),
    ("STRING(5)", "5"),
    ("STRING(true)", "true"),
    ("BOOLEAN(0)", False),
    ("CAST('7' AS INTEGER)", 7),
    ("CAST(7 AS STRING)", "7"),
    ("IF(1 > 2, 'a', 'b')", "b"),
    ("IF(NULL, 'a', 'b')", "b"),
    ("CASE WHEN 1 = 2 THEN 'one' WHEN 2 = 2 THEN 'two' ELSE 'many' END", "two"),
    ("IFNULL(INTEGER('x'), 3)", 3),
    ("COALESCE(INTEGER('x'), INTEGER('y'), 4)", 4),
    ("GREATEST(1, 3, 2)", 3),
    ("LEAST(1.5, 3)", 1.5),
    ("CONCAT('a', 'b', 'c')", "abc"),
    ("LOWER('ABC')", "abc"),
    ("SUBSTR('hello', 2, 3)", "ell"),
    ("SUBSTR('hello', -3)", "llo"),
    ("LEFT('hello', 2)", "he"),
    ("RIGHT('hello', 2)", "lo"),
    ("INSTR('hello', 'l')", 3),
    ("REPLACE('hello', 'l', 'L')", "heLLo"),
    ("'hello' CONTAINS 'ell'", True),
    ("REGEXP_MATCH('abc', '^a.c$')", True),
    ("REGEXP_EXTRACT('abc', r'a(.)c')", "b"),
    (r"REGEXP_REPLACE('abc', '(b)', r'<\1>')", "a<b>c"),
    ("ABS(-2)", 2),
    ("ROUND(2.567, 2)", 2.57),
    ("FLOOR(2.7)", 2.0),
    ("CEIL(2.1)", 3.0),
    ("SQRT(16)", 4.0),
    ("POW(2, 3)", 8.0),
    ("LN(1)", 0.0),
    ("LOG2(8)", 3.0),
    ("LOG10(100)", 2.0),
    ("DATE(TIMESTAMP('2012-10-01 02:03:04'))", "2012-10-01"),
    ("TIME(TIMESTAMP('2012-10-01 02:03:04'))", "02:03:04"),
    ("DAY(TIMESTAMP('2012-10-02 05:23:48'))", 2),
    ("DAYOFWEEK(TIMESTAMP('2012-10-01 02:03:04'))", 2),
    ("DAYOFYEAR(TIMESTAMP('2012-10-01 02:03:04'))", 275),
    ("QUARTER(TIMESTAMP('2012-10-01 02:03:04'))", 4),
    ("DATEDIFF(TIMESTAMP('2012-10-02 05:23:48'), TIMESTAMP('2011-06-24 12:18:35'))", 466),
    ("DATE_ADD(TIMESTAMP('2020-01-01'), -5, 'DAY')", datetime(2019, 12, 27, tzinfo=UTC)),
    ("FORMAT_UTC_USEC(1274259481071200)", "2010-05-19 08:58:01.071200"),
    ("STRFTIME_UTC_USEC(1274259481071200, '%Y-%m-%d')", "2010-05-19"),
    ("UTC_USEC_TO_DAY(1274259481071200)", 1274227200000000),
    ("UTC_USEC_TO_HOUR(1274259481071200)", 1274256000000000),
    ("UTC_USEC_TO_MONTH(1274259481071200)", 1272672000000000),
    ("UTC_USEC_TO_YEAR(1274259481071200)", 1262304000000000),
    ("SEC_TO_TIMESTAMP(1355968987)", datetime(2012, 12, 20, 2, 3, 7, tzinfo=UTC)),
    ("TIMESTAMP_TO_MSEC(TIMESTAMP('2012-10-01 01:02:03'))", 1349053323000),
    ("TIMESTAMP_TO_SEC(TIMESTAMP('2012-10-01 01:02:03'))", 1349053323),
    ("NOW() > 0", True),
    ("LENGTH(CURRENT_DATE())", 10),
    ("LENGTH(CURRENT_TIME())", 8),
    ("YEAR(CURRENT_TIMESTAMP()) > 2000", True),
]


@pytest.mark.parametrize(("expression", "value"), VALUES, ids=[v[0] for v in VALUES])
def test_values(run: Any, expression: str, value: Any) -> None:
    assert run(f"SELECT {expression} AS v")[1] == [[value]]


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("EXACT_COUNT_DISTINCT(ok)", 2),
        ("COUNT(name)", 2),
        ("COUNT(DISTINCT id, 5)", 3),
        ("MAX(name)", "bob"),
        ("MIN(x)", -2.5),
        ("AVG(id)", 2.0),
        ("GROUP_CONCAT_UNQUOTED(name, ';')", "ann;bob"),
        ("GROUP_CONCAT(name)", "ann,bob"),
        ("BIT_OR(id)", 3),
        ("VAR_POP(id) > 0", True),
        ("SUM(id) + COUNT(*)", 9),
    ],
)
def test_aggregates(run: Any, expression: str, value: Any) -> None:
    assert run(f"SELECT {expression} AS v FROM [d.t]")[1] == [[value]]


ERRORS: list[tuple[str, str]] = [
    (
        "WITH a AS (SELECT 1) SELECT * FROM a",
        f'Encountered " "WITH" "WITH "" at line 1, column 1. Was expecting: <EOF> {TRY_STANDARD}',
    ),
    (
        "\n  CREATE TABLE x (a INT64)",
        f'Encountered " "CREATE" "CREATE "" at line 2, column 3. Was expecting: <EOF> {TRY_STANDARD}',
    ),
    ("SELECT 1 FROM `p.d.t`", f"Invalid table name: `p.d.t`\n{TRY_STANDARD}."),
    ("SELECT 1 +", 'Encountered "<EOF>" at line 1, column 11. Was expecting: <ID>'),
    ("SELECT (1", 'Encountered "<EOF>" at line 1, column 10. Was expecting: ")"'),
    ("SELECT 1 2", 'Encountered " <INTEGER> "2 "" at line 1, column 10. Was expecting: <EOF>'),
    ("SELECT 1 LIMIT x", 'Encountered " <ID> "x "" at line 1, column 16. Was expecting: <INTEGER>'),
    ("SELECT id", "Field 'id' not found."),
    ("SELECT nope FROM [d.t]", "Field 'nope' not found in table 'p:d.t'."),
    ("SELECT nam FROM [d.t]", "Field 'nam' not found in table 'p:d.t'; did you mean 'name'?"),
    ("SELECT b.id AS i FROM [d.t] a JOIN [d.wide] c ON a.id = c.one", "Field 'b.id' not found."),
    ("SELECT 1 FROM [d.nope]", "Not found: Table p:d.nope"),
    ("SELECT 1 FROM [a:b:c:d]", "Invalid table name: a:b:c:d"),
    ("SELECT id, COUNT(*) FROM [d.t]", "Expression 'id' is not present in the GROUP BY list"),
    (
        "SELECT id, x + 1, COUNT(*) FROM [d.t] GROUP BY id",
        "Expression 'x' is not present in the GROUP BY list",
    ),
    (
        "SELECT id, COUNT(*) FROM [d.t] GROUP BY id HAVING x > 1",
        "Expression 'x' is not present in the GROUP BY list",
    ),
]


@pytest.mark.parametrize(("sql", "message"), ERRORS, ids=[e[0] for e in ERRORS])
def test_errors(stored: Warehouse, sql: str, message: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        translate(sql, Tables(stored))
    assert caught.value.message == message


def test_a_table_without_a_dataset(stored: Warehouse) -> None:
    tables = Tables(stored)
    tables.dataset = None
    with pytest.raises(BigQueryError) as caught:
        translate("SELECT 1 FROM [t]", tables)
    assert caught.value.message == 'Table name "t" cannot be resolved: dataset name is missing.'


REFUSED: list[tuple[str, str]] = [
    ("SELECT FIRST(id) FROM [d.t]", "The function FIRST"),
    ("SELECT NTH(2, id) FROM [d.t]", "The function NTH"),
    ("SELECT LAST(id) FROM [d.t]", "The function LAST"),
    ("SELECT TOP(id, 2), COUNT(*) FROM [d.t]", "The function TOP"),
    ("SELECT QUANTILES(x, 5) FROM [d.t]", "The function QUANTILES"),
    ("SELECT RAND()", "The function RAND"),
    ("SELECT WEEK(ts) FROM [d.t]", "The function WEEK"),
    ("SELECT NEST(id) FROM [d.t]", "The function NEST"),
    ("SELECT JSON_EXTRACT(name, '$.a') FROM [d.t]", "The function JSON_EXTRACT"),
    ("SELECT nosuch(1)", "The function NOSUCH"),
    ("SELECT r FROM [d.t]", "The repeated field r"),
    ("SELECT s.a FROM [d.t]", "The RECORD field s.a"),
    ("SELECT n FROM [d.t]", "The NUMERIC field n"),
    ("SELECT * FROM [d.t]", "SELECT * of the repeated field r"),
    ("SELECT * FROM [d.wide] a JOIN [d.wide] b ON a.one = b.one", "SELECT * of a join"),
    ("SELECT _PARTITIONTIME FROM [d.t]", "The pseudo column _PARTITIONTIME"),
    ("SELECT COUNT(one) WITHIN RECORD FROM [d.wide]", "WITHIN"),
    ("SELECT id FROM FLATTEN([d.t], r)", "FLATTEN"),
    ("SELECT id FROM TABLE_QUERY(d, 'true')", "TABLE_QUERY"),
    ("SELECT id FROM [d.t$20200101]", "The table decorator in d.t$20200101"),
    ("SELECT id FROM [d.t@-3600000-]", "The table decorator in d.t@-3600000-"),
    ("SELECT 1 FROM [d.__DATASETS__]", "The meta-table d.__DATASETS__"),
    (
        "SELECT d FROM TABLE_DATE_RANGE([d.day], DATE_ADD(NOW(), 1, 'WEEK'), NOW())",
        "TABLE_DATE_RANGE with DATE_ADD of 1 WEEK",
    ),
    (
        "SELECT d FROM TABLE_DATE_RANGE_STRICT([d.day], TIMESTAMP(1), NOW())",
        "TABLE_DATE_RANGE_STRICT with bounds other than TIMESTAMP('YYYY-MM-DD')",
    ),
    ("SELECT one FROM [d.wide] OMIT RECORD IF one = 1", "OMIT"),
    ("SELECT DISTINCT id FROM [d.t]", "SELECT DISTINCT"),
    ("SELECT id FROM [d.t] WHERE id NOT IN (1)", "NOT IN"),
    ("SELECT id FROM [d.t] WHERE id IN (SELECT one FROM [d.wide])", "IN with a subquery"),
    ("SELECT (SELECT 1)", "A subquery in an expression"),
    ("SELECT 1 == 1", "The operator =="),
    ("SELECT 1 & 1", "The operator &"),
    ("SELECT id FROM [d.t] WHERE name = 1", "=(STRING, INTEGER)"),
    ("SELECT 'a' + 'b'", "+(STRING, STRING)"),
    ("SELECT INTEGER(1.5)", "INTEGER(FLOAT)"),
    ("SELECT STRING(1.5)", "STRING(FLOAT)"),
    ("SELECT IF(1, 2, 3)", "IF(INTEGER, INTEGER, INTEGER)"),
    ("SELECT IF(true, 2, 'a')", "An expression of types INTEGER and STRING"),
    ("SELECT NULL", "A column that is NULL without a type"),
    ("SELECT 1 + NULL", "NULL as an argument of +"),
    ("SELECT t.id FROM [d.t] t", "The column t.id without an alias"),
    ("SELECT id AS a, x AS a FROM [d.t]", "The repeated column name a"),
    ("SELECT SUM(SUM(id)) FROM [d.t]", "The aggregate function SUM in another aggregate function"),
    ("SELECT id FROM [d.t] WHERE SUM(id) > 1", "The aggregate function SUM in WHERE, ON or GROUP BY"),
    ("SELECT COUNT(DISTINCT id, name) FROM [d.t]", "COUNT(DISTINCT) of several fields"),
    ("SELECT 9223372036854775808", "The integer 9223372036854775808"),
    ("SELECT SUM(id) OVER (ORDER BY id) AS s FROM [d.t]", "SUM OVER with ORDER BY"),
    ("SELECT RANK() OVER () AS s FROM [d.t]", "RANK without ORDER BY"),
    ("SELECT one FROM [d.wide] a JOIN [d.t] b ON a.one > b.id", "ON other than fields that are equal"),
    ("SELECT SUBSTR('abc', 0)", "SUBSTR from a position that is no literal, or from 0"),
    ("SELECT LEFT('abc', -1)", "A length or position that is no literal of at least 0"),
    ("SELECT REGEXP_EXTRACT('a', '(a)(b)')",
     "REGEXP_EXTRACT with a pattern that is no literal with one group"),
    ("SELECT DATE_ADD(TIMESTAMP('2020-01-31'), 1, 'MONTH')",
     "DATE_ADD other than of a literal number of DAY, HOUR, MINUTE or SECOND"),
    ("SELECT TIMESTAMP('yesterday')", "TIMESTAMP of a text that is no literal YYYY-MM-DD [HH:MM:SS]"),
    ("SELECT one FROM [d.day20200101], (SELECT 'x' AS one)",
     "A union of tables with the field one of other types"),
    ("SELECT " + "(" * 120 + "1" + ")" * 120, "Nesting of more than 100 levels"),
    ("SELECT '\\x41'", "The escape sequence \\x"),
    ("SELECT id FROM [d.t] ORDER BY x + 1", "ORDER BY what is no column of the result"),
    ("SELECT COUNT(*) FROM [d.t] GROUP BY id + 1", "GROUP BY an expression"),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "what"), REFUSED, ids=[r[0][:60] for r in REFUSED])
def test_what_has_no_exact_translation_is_refused_by_name(stored: Warehouse, sql: str, what: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        translate(sql, Tables(stored))
    assert (caught.value.reason.name, caught.value.location) == ("invalidQuery", "query")
    assert caught.value.message == f"{what} in legacy SQL is not supported by bqsim: {HINT}"


@pytest.mark.parametrize(
    ("sql", "what"),
    [
        ("SELECT id / 0 FROM [d.t]", "Division by zero"),
        ("SELECT id % (id - 1) FROM [d.t]", "Division by zero"),
        ("SELECT INTEGER('+12')", "A conversion of this text to a number"),
        ("SELECT FLOAT('inf')", "A conversion of this text to a number"),
        (
            "SELECT COUNT(DISTINCT id, 2) FROM [d.t]",
            "COUNT(DISTINCT) of more than 2 values (it is an estimate; use EXACT_COUNT_DISTINCT)",
        ),
        ("SELECT GROUP_CONCAT(q) FROM (SELECT 'a\"b' AS q)", "GROUP_CONCAT of a value with a quotation mark"),
    ],
)
def test_what_only_running_tells(run: Any, sql: str, what: str) -> None:
    with pytest.raises(BigQueryError) as caught:
        run(sql)
    assert caught.value.message == f"{what} in legacy SQL is not supported by bqsim: {HINT}"
