"""Random queries over the table of :mod:`values`, whose rows have one order or are compared without."""

from __future__ import annotations

from collections.abc import Callable

from bqsim.types import BOOL, DATE, FLOAT64, INT64, NUMERIC, STRING, TIMESTAMP, Type

from .expressions import Expressions
from .values import BIGNUMERIC, BYTES, DATETIME, INT_ARRAY, STRING_ARRAY

KEYS = ("b", "MOD(id, 2)", "id > 2", "s", "IF(b, 1, 2)", "d", "n", "j", "y", "EXTRACT(YEAR FROM t)")
_GROUPED = (INT64, STRING, BOOL, DATE, NUMERIC, TIMESTAMP, BYTES, DATETIME)
_SUMMED = (INT64, NUMERIC)
AGGREGATES: tuple[tuple[str, tuple[Type, ...]], ...] = (
    ("COUNT(*)", (INT64,)),
    ("COUNT({})", (INT64, STRING, DATE, FLOAT64, BYTES)),
    ("COUNT(DISTINCT {})", (INT64, STRING, DATE, NUMERIC, BYTES, FLOAT64)),
    ("COUNTIF({})", (BOOL,)),
    ("SUM(SAFE_DIVIDE({}, 1000000000000))", _SUMMED),
    ("SUM(DISTINCT MOD({}, 1000))", (INT64,)),
    ("AVG(MOD({}, 1000))", _SUMMED),
    ("MIN({})", (*_GROUPED, BIGNUMERIC)),
    ("MAX({})", (*_GROUPED, BIGNUMERIC)),
    ("ANY_VALUE({} HAVING MIN id)", (INT64, STRING)),
    ("LOGICAL_AND({})", (BOOL,)),
    ("LOGICAL_OR({})", (BOOL,)),
    ("BIT_XOR({})", (INT64,)),
    ("BIT_AND({})", (INT64,)),
    ("STRING_AGG({}, '|' ORDER BY id)", (STRING,)),
    ("STRING_AGG({}, ',' ORDER BY id DESC LIMIT 2)", (STRING,)),
    ("TO_JSON_STRING(ARRAY_AGG({} IGNORE NULLS ORDER BY id))", (INT64, STRING, DATE)),
    ("TO_JSON_STRING(ARRAY_AGG({} ORDER BY id LIMIT 2))", (INT64, BOOL)),
    ("ARRAY_LENGTH(ARRAY_CONCAT_AGG({} ORDER BY id))", (INT_ARRAY, STRING_ARRAY)),
    ("MAX_BY({}, id)", (INT64, STRING)),
    ("SUM({}) FILTER (WHERE id > 2)", (FLOAT64,)),
    ("VAR_POP(MOD({}, 100))", (INT64,)),
    ("STDDEV({})", (INT64,)),
    ("CORR(id, MOD({}, 10))", (INT64,)),
)
WINDOWS: tuple[tuple[str, tuple[Type, ...], bool], ...] = (
    ("ROW_NUMBER()", (), False),
    ("RANK()", (), False),
    ("DENSE_RANK()", (), False),
    ("PERCENT_RANK()", (), False),
    ("CUME_DIST()", (), False),
    ("NTILE(2)", (), False),
    ("LAG({})", (INT64, STRING, DATE), False),
    ("LEAD({}, 2)", (INT64, STRING), False),
    ("LEAD({}, 2, 'none')", (STRING,), False),
    ("SUM(MOD({}, 1000))", (INT64,), True),
    ("AVG(MOD({}, 1000))", (INT64,), True),
    ("COUNT({})", (INT64, STRING), True),
    ("MIN({})", (STRING, DATE, NUMERIC), True),
    ("MAX({})", (STRING, INT64), True),
    ("FIRST_VALUE({})", (STRING, INT64), True),
    ("LAST_VALUE({} IGNORE NULLS)", (STRING, INT64), True),
    ("NTH_VALUE({}, 2)", (STRING, INT64), True),
    ("COUNTIF({})", (BOOL,), True),
    ("STRING_AGG({}, ',')", (STRING,), True),
)
_PARTITIONS = ("", "PARTITION BY b ", "PARTITION BY MOD(id, 2) ", "PARTITION BY s, b ")
_ORDERS = ("ORDER BY id", "ORDER BY id DESC")
_FRAMES = (
    "",
    " ROWS BETWEEN 1 PRECEDING AND CURRENT ROW",
    " ROWS BETWEEN UNBOUNDED PRECEDING AND 1 FOLLOWING",
    " ROWS BETWEEN 2 FOLLOWING AND 3 FOLLOWING",
    " ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    " RANGE BETWEEN 1 PRECEDING AND 1 FOLLOWING",
    " RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW",
)
_JOINS = ("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN")
_SETS = ("UNION ALL", "UNION DISTINCT", "EXCEPT DISTINCT", "INTERSECT DISTINCT")


class Queries:
    """Makes queries with the expressions of ``expressions``."""

    def __init__(self, expressions: Expressions) -> None:
        self._expressions = expressions
        self._random = expressions.random
        self._shapes: tuple[Callable[[], str], ...] = (
            self._group, self._group, self._grouping_sets, self._window, self._window, self._qualify, self._join, self._join_group,
            self._set, self._recursive, self._cte, self._unnest, self._subquery, self._correlated, self._distinct, self._pipe,
            self._pivot, self._unpivot, self._having, self._limit, self._struct_array, self._using,
        )  # fmt: skip

    def query(self) -> str:
        """One query of one of the usual shapes."""
        return self._random.choice(self._shapes)()

    # Parts

    def _pick(self, *of: str) -> str:
        return self._random.choice(of)

    def _of(self, *types: Type, depth: int = 2) -> str:
        return self._expressions.expression(
            self._random.choice(types), self._random.randint(0, depth), guarded=True
        )

    def _where(self) -> str:
        return self._of(BOOL) if self._random.random() < 0.6 else "TRUE"

    def _keys(self, most: int) -> list[str]:
        return self._random.sample(KEYS, self._random.randint(1, most))

    def _aggregate(self) -> str:
        template, types = self._random.choice(AGGREGATES)
        return template.format(self._of(*types, depth=1))

    def _aggregates(self) -> str:
        return ", ".join(f"{self._aggregate()} AS a{n}" for n in range(self._random.randint(1, 3)))

    def _over(self) -> str:
        template, types, framed = self._random.choice(WINDOWS)
        order = self._random.choice(_ORDERS)
        frame = self._random.choice(_FRAMES) if framed else ""
        call = template.format(self._of(*types, depth=1)) if types else template
        return f"{call} OVER ({self._random.choice(_PARTITIONS)}{order}{frame})"

    # Shapes

    def _group(self) -> str:
        keys = self._keys(2)
        shown = ", ".join(f"{k} AS k{n}" for n, k in enumerate(keys))
        return (
            f"SELECT {shown}, {self._aggregates()} FROM data WHERE {self._where()} GROUP BY {', '.join(keys)}"
        )

    def _grouping_sets(self) -> str:
        keys = self._keys(3)
        by = self._pick("ROLLUP({})", "CUBE({})").format(", ".join(keys))
        if self._random.random() < 0.3:
            by = f"GROUPING SETS(({keys[0]}), ({', '.join(keys)}), ())"
        shown = ", ".join(f"{k} AS k{n}" for n, k in enumerate(keys))
        return f"SELECT {shown}, GROUPING({keys[0]}) AS g, {self._aggregates()} FROM data GROUP BY {by}"

    def _having(self) -> str:
        [key] = self._keys(1)
        return f"SELECT {key} AS k, {self._aggregates()} FROM data GROUP BY k HAVING COUNT(*) {self._pick('>', '=', '<')} {self._pick('1', '2')}"

    def _window(self) -> str:
        columns = ", ".join(f"{self._over()} AS w{n}" for n in range(self._random.randint(1, 3)))
        return f"SELECT id, {columns} FROM data WHERE {self._where()} ORDER BY id"

    def _qualify(self) -> str:
        return f"SELECT id FROM data WHERE {self._where()} QUALIFY ROW_NUMBER() OVER (PARTITION BY b ORDER BY id) = 1 ORDER BY id"

    def _join(self) -> str:
        kind = self._random.choice(_JOINS)
        on = "" if kind == "CROSS JOIN" else " ON " + self._pick(
            "x.id = y.id", f"x.id = y.id + {self._random.randint(-3, 3)}", "x.b = y.b", "x.s = y.r", "x.d < y.d", "x.n = y.n AND x.id > 1",
            "x.j = y.i OR x.b")  # fmt: skip
        return f"SELECT x.id AS xi, y.id AS yi, x.s, y.s AS ys FROM data AS x {kind} data AS y{on}"

    def _using(self) -> str:
        kind = self._pick("JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN")
        return f"SELECT id, x.s, y.c FROM (SELECT id, s FROM data WHERE {self._where()}) AS x {kind} (SELECT id, c FROM data WHERE {self._where()}) AS y USING (id)"

    def _join_group(self) -> str:
        kind = self._pick("JOIN", "LEFT JOIN", "FULL JOIN")
        return f"SELECT x.b, COUNT(*) AS n, COUNT(y.id) AS m, MAX(y.s) AS t FROM data AS x {kind} data AS y ON x.id = y.id + 1 GROUP BY x.b"

    def _set(self) -> str:
        type_ = self._random.choice((INT64, STRING, DATE, BOOL, NUMERIC))
        one, other = self._of(type_), self._of(type_)
        return f"SELECT {one} AS e FROM data {self._random.choice(_SETS)} SELECT {other} FROM data WHERE {self._where()}"

    def _recursive(self) -> str:
        return (
            f"WITH RECURSIVE q AS (SELECT 1 AS n, CAST(id AS INT64) AS i FROM data WHERE {self._where()} UNION ALL "
            f"SELECT n + 1, i + n FROM q WHERE n < {self._random.randint(2, 5)}) SELECT n, i FROM q"
        )

    def _cte(self) -> str:
        column = self._of(INT64, STRING, DATE)
        return f"WITH q AS (SELECT id, {column} AS e FROM data WHERE {self._where()}) SELECT id, e, (SELECT COUNT(*) FROM q) AS n FROM q ORDER BY id"

    def _unnest(self) -> str:
        array, kind = self._of(INT_ARRAY, STRING_ARRAY), self._pick("CROSS JOIN", "LEFT JOIN", ",")
        return f"SELECT id, e, o FROM data {kind} UNNEST({array}) AS e WITH OFFSET AS o"

    def _struct_array(self) -> str:
        return (
            f"SELECT id, ARRAY(SELECT AS STRUCT e, {self._of(STRING, depth=1)} AS f FROM UNNEST({self._of(INT_ARRAY)}) AS e WITH OFFSET AS o "
            "WHERE e IS NOT NULL ORDER BY o) AS a FROM data ORDER BY id"
        )

    def _subquery(self) -> str:
        return f"SELECT id, e FROM (SELECT id, {self._of(INT64, STRING)} AS e, b FROM data) WHERE {self._pick('b', 'e IS NOT NULL', 'id IN (SELECT id FROM data WHERE b)', 'NOT EXISTS(SELECT 1 FROM data WHERE FALSE)')} ORDER BY id"

    def _correlated(self) -> str:
        inner = self._pick(
            "(SELECT COUNT(*) FROM data AS y WHERE y.id < x.id)", "(SELECT MAX(y.s) FROM data AS y WHERE y.b = x.b)",
            "EXISTS(SELECT 1 FROM data AS y WHERE y.i = x.j)", "x.id IN (SELECT y.id + 1 FROM data AS y)",
            "x.i NOT IN (SELECT y.j FROM data AS y)", "ARRAY_LENGTH(ARRAY(SELECT y.id FROM data AS y WHERE y.d > x.d))")  # fmt: skip
        return f"SELECT x.id, {inner} AS e FROM data AS x ORDER BY id"

    def _distinct(self) -> str:
        columns = ", ".join(f"{self._of(*_GROUPED, depth=1)} AS c{n}" for n in range(2))
        return f"SELECT DISTINCT {columns} FROM data"

    def _limit(self) -> str:
        return f"SELECT id, {self._of(INT64, STRING, BOOL)} AS e FROM data ORDER BY {self._pick('2, 1', '2 DESC, 1', '2 NULLS LAST, 1', '2 DESC NULLS FIRST, 1')} LIMIT {self._random.randint(0, 7)} OFFSET {self._random.randint(0, 3)}"

    def _pipe(self) -> str:
        return (
            f"FROM data |> WHERE {self._where()} |> EXTEND {self._of(INT64, STRING)} AS e "
            f"|> {self._pick('SELECT id, e', 'AGGREGATE COUNT(*) AS n, MAX(id) AS m GROUP BY b', 'SELECT id, e |> ORDER BY id |> LIMIT 3', 'SET e = NULL |> SELECT id, e', 'SELECT id, e |> AS z |> WHERE z.id > 1')}"
        )

    def _pivot(self) -> str:
        return f"SELECT * FROM (SELECT b, MOD(id, 3) AS m, {self._of(INT64, depth=1)} AS e FROM data) PIVOT({self._pick('COUNT(e)', 'MAX(e)', 'COUNT(*)')} AS p FOR m IN (0, 1, 2))"

    def _unpivot(self) -> str:
        return f"SELECT * FROM (SELECT id, i, j FROM data WHERE {self._where()}) UNPIVOT {self._pick('', 'INCLUDE NULLS')} (e FOR name IN (i, j))"
