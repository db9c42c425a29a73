from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from bqsim.catalog.refs import DatasetRef
from bqsim.catalog.resources import Table, TableKind
from bqsim.errors import BigQueryError
from bqsim.sql.googlesql import ScriptKind, resolved
from bqsim.sql.plan import Context, TypedValue
from bqsim.types import FLOAT64, INT64, NUMERIC, STRING, TIMESTAMP, array_of, struct_of

from .catalogs import DATASET, PROJECT, context
from .conftest import World

pytestmark = pytest.mark.fidelity("sql:analysis", "exact")


def message(world: World, sql: str, ctx: Context | None = None) -> str:
    with pytest.raises(BigQueryError) as caught:
        world.googlesql.analyze(sql, ctx or context())
    return caught.value.message


@pytest.mark.parametrize(
    "path", ["t", "d.t", "p.d.t", "`p.d.t`", "`p`.`d.t`", "`p`.d.t", "`p.d`.t", "`t`", "p . d . t"]
)
def test_every_spelling_of_a_table(world: World, path: str) -> None:
    analyzed = world.googlesql.analyze(f"SELECT a, n FROM {path} WHERE t.b = 'x'", context())
    assert [(c[0], c[2]) for c in analyzed.output_columns()] == [("a", INT64), ("n", NUMERIC)]
    assert list(analyzed.tables) == ["p.d.t"]
    assert analyzed.kind == "resolved_query_stmt"


def test_a_dashed_project_needs_no_quotes(world: World) -> None:
    ref = DatasetRef("my-project", "x")
    world.catalog.datasets.add(ref)
    table = world.catalog.add("t")
    world.catalog.found[ref.table("t")] = replace(table, ref=ref.table("t"))
    assert list(world.googlesql.analyze("SELECT a FROM my-project.x.t", context()).tables) == [
        "my-project.x.t"
    ]


def test_columns_that_are_not_named_are_not_scanned(world: World) -> None:
    analyzed = world.googlesql.analyze("SELECT a FROM d.t WHERE n > 1", context())
    [scan] = [n for n in resolved.walk(analyzed.statement) if resolved.node_name(n) == "ResolvedTableScan"]
    assert [c.name for c in scan.parent.column_list] == ["a", "n"]
    assert list(scan.column_index_list) == [0, 3]


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("SELECT * FROM d.nope", "Not found: Table p:d.nope was not found in location US"),
        ("SELECT * FROM nope.t", "Not found: Dataset p:nope was not found in location US"),
        ("SELECT * FROM `x.y.z`", "Not found: Dataset x:y was not found in location US"),
        ("SELECT * FROM d.T", "Not found: Table p:d.T was not found in location US"),
        ("SELECT 1 FROM d.`none_*`", "p:d.none_* does not match any table."),
        (
            "SELECT 1 FROM `!!.t`",
            'Invalid dataset ID "!!". Dataset IDs must be alphanumeric (plus underscores and dashes)'
            " and must be at most 1024 characters long.",
        ),
        ("SELECT x FROM `p.d.t`", "Unrecognized name: x at [1:8]"),
        ("SELECT `p.d.t`.q, x FROM `p.d.t`", "Unrecognized name: `p.d.t` at [1:8]"),
        ("SELECT a FROM `p.d.t` WHERE x", "Unrecognized name: x at [1:29]"),
        ("SELECT f(1)", "Function not found: f at [1:8]"),
        ("SELECT `p.d`.f(1)", "Function not found: `p.d`.f at [1:8]"),
        ("SELECT FROM", "Syntax error: SELECT list must not be empty at [1:8]"),
        ("SELECT CAST(1 AS INT32)", "Type not found: INT32 at [1:18]"),
        ("SELECT [1] = [1]", "Equality is not defined for arguments of type ARRAY<INT64> at [1:8]"),
        ("SELECT ZSTD_COMPRESS('x')", "Function not found: ZSTD_COMPRESS at [1:8]"),
        ("SELECT ?", "Query parameter number 1 is not defined (0 provided) at [1:8]"),
        ("SELECT @x", "Query parameter 'x' not found at [1:8]"),
    ],
)
def test_errors_are_worded_and_placed_as_bigquery_does(world: World, sql: str, expected: str) -> None:
    assert message(world, sql) == expected


def test_a_table_without_a_dataset_must_be_qualified(world: World) -> None:
    expected = 'Table "t" must be qualified with a dataset (e.g. dataset.table).'
    assert message(world, "SELECT * FROM t", Context(PROJECT)) == expected


def test_positions_count_from_where_the_text_begins(world: World) -> None:
    for sql, expected in (("SELECT x", "[3:12]"), ("SELECT\n x", "[4:2]")):
        with pytest.raises(BigQueryError) as caught:
            world.googlesql.analyze(sql, context(), (3, 5))
        assert caught.value.message == f"Unrecognized name: x at {expected}"
    with pytest.raises(BigQueryError) as caught:
        world.googlesql.analyze_expression("x", context(), (3, 5))
    assert caught.value.message == "Unrecognized name: x at [3:5]"


def test_a_changed_schema_is_seen_and_changed_rows_are_not_analysed_again(world: World) -> None:
    sql = "SELECT * FROM d.t"
    first = world.googlesql.analyze(sql, context())
    table = world.catalog.found[DATASET.table("t")]
    world.catalog.found[table.ref] = replace(table, num_rows=7, etag="other")
    again = world.googlesql.analyze(sql, context())
    assert again.statement is first.statement
    assert again.tables["p.d.t"].num_rows == 7
    world.catalog.add("t", ("z", STRING))
    assert [c[0] for c in world.googlesql.analyze(sql, context()).output_columns()] == ["z"]
    world.catalog.found.clear()
    assert message(world, sql).startswith("Not found: Table")


def test_a_temporary_table_hides_the_default_datasets(world: World) -> None:
    hidden = DatasetRef(PROJECT, "_temp")
    ctx = context(temp_dataset=hidden)
    assert list(world.googlesql.analyze("SELECT * FROM t", ctx).tables) == ["p.d.t"]
    table = world.catalog.found[DATASET.table("t")]
    world.catalog.found[hidden.table("t")] = replace(table, ref=hidden.table("t"))
    assert list(world.googlesql.analyze("SELECT * FROM t", ctx).tables) == ["p._temp.t"]
    assert list(world.googlesql.analyze("SELECT * FROM _SESSION.t", ctx).tables) == ["p._temp.t"]


def test_wildcards_have_a_suffix_column(world: World) -> None:
    world.catalog.add("events_1", ("a", INT64), created_ms=1)
    world.catalog.add("events_2", ("a", INT64), ("z", STRING), created_ms=2)
    world.catalog.add("other_v", ("a", INT64), kind=TableKind.VIEW, view_query="SELECT 1 a")
    analyzed = world.googlesql.analyze("SELECT *, _TABLE_SUFFIX AS s FROM `d.events_*`", context())
    assert [c[0] for c in analyzed.output_columns()] == ["a", "z", "s"]
    source = analyzed.sources["p.d.events_*"]
    assert [t.ref.table for t in source.matches] == ["events_1", "events_2"]
    assert [f.name for f in source.columns] == ["a", "z", "_TABLE_SUFFIX"]


def test_information_schema_comes_from_the_hook(world: World) -> None:
    seen = []

    def find(path: tuple[str, ...], ctx: Context) -> Table | None:
        seen.append(path)
        ref = DatasetRef(PROJECT, "d").table("INFORMATION_SCHEMA.TABLES")
        return replace(world.catalog.found[DATASET.table("t")], ref=ref)

    world.googlesql.virtual_tables = find
    analyzed = world.googlesql.analyze("SELECT a FROM `d.INFORMATION_SCHEMA.TABLES`", context())
    assert seen == [("d", "INFORMATION_SCHEMA", "TABLES")]
    assert list(analyzed.tables) == ["p.d.INFORMATION_SCHEMA.TABLES"]


def test_variables_are_constants_and_columns_win(world: World) -> None:
    row = struct_of(("x", STRING))
    ctx = context(
        variables={"v": TypedValue(INT64, 1), "a": TypedValue(STRING, "s"), "r": TypedValue(row, ["q"])}
    )
    assert [c[2] for c in world.googlesql.analyze("SELECT v, a, R.x", ctx).output_columns()] == [
        INT64,
        STRING,
        STRING,
    ]
    assert [c[2] for c in world.googlesql.analyze("SELECT a FROM d.t", ctx).output_columns()] == [INT64]
    assert message(world, "SELECT v") == "Unrecognized name: v at [1:8]"


def test_parameters_and_system_variables(world: World) -> None:
    ctx = context(parameters={"x": TypedValue(FLOAT64, 1.0)})
    assert world.googlesql.analyze("SELECT @X", ctx).output_columns()[0][2] == FLOAT64
    ctx = context(positional=(TypedValue(STRING, ""), TypedValue(array_of(INT64), [])))
    types = [c[2] for c in world.googlesql.analyze("SELECT ?, ?", ctx).output_columns()]
    assert types == [STRING, array_of(INT64)]
    sql = "SELECT @@time_zone, @@script.creation_time, @@error.message"
    types = [c[2] for c in world.googlesql.analyze(sql, context()).output_columns()]
    assert types == [STRING, TIMESTAMP, STRING]


def test_undeclared_parameters_get_types_when_allowed(world: World) -> None:
    ctx = context(undeclared_parameters_allowed=True)
    analyzed = world.googlesql.analyze("SELECT a FROM d.t WHERE b = @name AND a > @low", ctx)
    assert analyzed.parameters == {"name": STRING, "low": INT64}


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("INSERT d.t (a) VALUES (1)", "resolved_insert_stmt"),
        ("UPDATE d.t SET a = 1 WHERE TRUE", "resolved_update_stmt"),
        ("DELETE d.t WHERE TRUE", "resolved_delete_stmt"),
        ("MERGE d.t USING d.t AS s ON FALSE WHEN NOT MATCHED THEN INSERT ROW", "resolved_merge_stmt"),
        ("TRUNCATE TABLE d.t", "resolved_truncate_stmt"),
        (
            "CREATE TABLE d.x PARTITION BY _PARTITIONDATE AS SELECT 1 AS a",
            "resolved_create_table_as_select_stmt",
        ),
        ("ALTER TABLE d.t ADD COLUMN z INT64", "resolved_alter_table_stmt"),
        ("CREATE SCHEMA d2", "resolved_create_schema_stmt"),
        ("DROP TABLE d.t", "resolved_drop_stmt"),
        ("FROM d.t |> WHERE a > 1 |> AGGREGATE COUNT(*)", "resolved_query_stmt"),
    ],
)
def test_statements(world: World, sql: str, kind: str) -> None:
    assert world.googlesql.analyze(sql, context()).kind == kind


def test_functions_of_bigquery_alone(world: World) -> None:
    sql = "SELECT MAX_BY(b, a), MIN_BY(b, a), LOGICAL_OR(CONTAINS_SUBSTR(b, 'x')), SUM(RAND()) FROM d.t"
    analyzed = world.googlesql.analyze(sql, context())
    assert [c[2] for c in analyzed.output_columns()][:2] == [STRING, STRING]
    assert {"ZetaSQL:any_value", "ZetaSQL:rand", "BigQuery:contains_substr"} <= analyzed.functions()


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "+".join(["(SELECT 1)"] * 1400),
        "SELECT " + "(SELECT " * 290 + "1" + ")" * 290,
        "SELECT " + "CASE WHEN TRUE THEN " * 3000 + "1" + " END" * 3000,
        "SELECT " + "ARRAY<" * 3000 + "INT64" + ">" * 3000,
        "SELECT 1" + " UNION ALL SELECT 1" * 3000,
        "FROM d.t" + " |> WHERE a > 1" * 5000,
        "SELECT a" + ".a" * 20000,
    ],
    ids=lambda sql: str(len(sql)),
)
def test_no_text_stops_the_analyzer(world: World, sql: str) -> None:
    try:
        world.googlesql.analyze(sql, context())
    except BigQueryError as error:
        assert error.reason.name in ("resourcesExceeded", "invalidQuery")
        assert "wasm" not in error.message
    assert world.googlesql.analyze("SELECT 2 AS still", context()).output_columns()[0][0] == "still"


def test_many_threads_at_once(world: World) -> None:
    results: list[int] = []

    def work(number: int) -> None:
        for i in range(5):
            analyzed = world.googlesql.analyze(
                f"SELECT {number * 100 + i} AS c{number}_{i} FROM d.t", context()
            )
            results.append(analyzed.output_columns()[0][0] == f"c{number}_{i}")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [True] * 40


def test_a_single_statement_and_a_script(world: World) -> None:
    [node] = world.googlesql.parse_script("SELECT 1 ;  ")
    assert (node.kind, node.span.text) == (ScriptKind.STATEMENT, "SELECT 1 ;")
    kinds = [n.kind for n in world.googlesql.parse_script("DECLARE x INT64; SET x = 1; SELECT x")]
    assert kinds == [ScriptKind.DECLARE, ScriptKind.SET, ScriptKind.STATEMENT]
    with pytest.raises(BigQueryError, match=r"Syntax error: .* at \[2:4\]"):
        world.googlesql.parse_script("SELECT 1;\nIF THEN")


def test_statement_kind(world: World) -> None:
    assert world.googlesql.statement_kind("-- x\n insert d.t values (1)") == "INSERT"


def test_a_long_sum_is_a_deep_tree(world: World) -> None:
    analyzed = world.googlesql.analyze("SELECT " + " + ".join(["a"] * 120) + " FROM d.t", context())
    names = [resolved.node_name(node) for node in resolved.walk(analyzed.statement)]
    assert names.count("ResolvedFunctionCall") == 119
