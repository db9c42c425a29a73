"""Row access policies: whoever is not shown a row learns nothing of it, whatever he writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from bqsim.catalog.refs import DatasetRef, TableRef
from bqsim.catalog.resources import RowAccessPolicy
from bqsim.errors import BigQueryError, Internal
from bqsim.sim.iam.model import Binding
from bqsim.sim.iam.policy import Policy
from bqsim.sql.lower.functions import scalar_function
from bqsim.sql.plan import Context, Route, StatementResult
from bqsim.sql.row_security import had_policies, is_true_filter, protecting
from tests.unit.sql.warehouse import Warehouse, new_warehouse, values_of
from tests.unit.sql.ways_around import HIDDEN, SETUP, WAYS

pytestmark = pytest.mark.fidelity(
    "iam:row and column security",
    "approximated",
    "Bytes of jobs that read tables with policies are shown to nobody; policy tags restrict nobody.",
)


@pytest.fixture(scope="module")
def stack() -> Warehouse:
    return new_warehouse()


@pytest.fixture(autouse=True)
def only_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    """SOUNDEX is for the exact route in these tests."""
    engine = scalar_function

    def without_soundex(name: str, types: Any) -> Any:
        return None if name == "soundex" else engine(name, types)

    monkeypatch.setattr("bqsim.sql.lower.expressions.scalar_function", without_soundex)


@pytest.fixture
def guarded(stack: Warehouse) -> Iterator[Warehouse]:
    stack.script(SETUP)
    yield stack
    stack.executor.access.policy = lambda: None
    for dataset in stack.catalog.datasets("p"):
        stack.run(f"DROP SCHEMA {dataset.ref.dataset} CASCADE")
    stack.run("CREATE SCHEMA d")


def caller(warehouse: Warehouse, email: str, **more: Any) -> Context:
    return replace(warehouse.context(temp_dataset=DatasetRef("p", "_script")), caller=email, **more)


def as_(warehouse: Warehouse, email: str, sql: str, **more: Any) -> StatementResult:
    return warehouse.script(sql, caller(warehouse, email, **more))[-1]


def rows_as(warehouse: Warehouse, email: str, sql: str, **more: Any) -> list[list[Any]]:
    return values_of(as_(warehouse, email, sql, **more))


@pytest.mark.parametrize(("sql", "expected"), WAYS, ids=[sql for sql, _ in WAYS])
def test_ways_around(guarded: Warehouse, sql: str, expected: list[list[Any]] | str) -> None:
    if isinstance(expected, str):
        with pytest.raises(BigQueryError) as caught:
            as_(guarded, "eve@example.com", sql)
        assert expected in caught.value.message
        assert HIDDEN not in caught.value.message
    else:
        assert rows_as(guarded, "eve@example.com", sql) == expected


# Who is shown what: the e-mail, the groups -> the ids.
CALLERS: list[tuple[str, tuple[str, ...], list[int]]] = [
    ("owner@example.com", (), [1, 2]),
    ("OWNER@EXAMPLE.COM", (), [1, 2]),
    ("eve@example.com", (), [1]),
    ("EVE@example.com", (), [1]),
    ("mallory@example.com", (), []),
    ("mallory@example.com", ("g@example.com",), [1]),
    ("mallory@example.com", ("G@EXAMPLE.com",), [1]),
    ("mallory@example.com", ("other@example.com",), []),
    ("eve@example.com.evil.com", (), []),
    ("", (), []),
]


@pytest.mark.parametrize(("email", "groups", "expected"), CALLERS)
def test_callers(guarded: Warehouse, email: str, groups: tuple[str, ...], expected: list[int]) -> None:
    found = rows_as(guarded, email, "SELECT id FROM secret ORDER BY id", groups=groups)
    assert [row[0] for row in found] == expected


# Grantees -> whether user@example.com in group team@example.com is one of them.
GRANTEES: list[tuple[str, bool]] = [
    ("allUsers", True),
    ("allAuthenticatedUsers", True),
    ("user:USER@example.com", True),
    ("serviceAccount:user@example.com", True),
    ("domain:example.com", True),
    ("domain:EXAMPLE.com", True),
    ("group:Team@example.com", True),
    ("user:other@example.com", False),
    ("domain:ample.com", False),
    ("domain:sub.example.com", False),
    ("group:user@example.com", False),
    ("principal://iam.googleapis.com/locations/global/workforcePools/p/subject/user@example.com", False),
    ("principalSet://iam.googleapis.com/locations/global/workforcePools/p/group/g", False),
]


@pytest.mark.parametrize(("grantee", "named"), GRANTEES)
def test_grantees(guarded: Warehouse, grantee: str, named: bool) -> None:
    guarded.script(f"CREATE ROW ACCESS POLICY p ON plain GRANT TO ('{grantee}') FILTER USING (id = 2)")
    found = rows_as(guarded, "user@example.com", "SELECT id FROM plain", groups=("team@example.com",))
    assert found == ([[2]] if named else [])


def test_policies_add_up(guarded: Warehouse) -> None:
    guarded.script(
        "CREATE ROW ACCESS POLICY one ON plain GRANT TO ('allUsers') FILTER USING (id = 1);"
        "CREATE ROW ACCESS POLICY two ON plain GRANT TO ('allUsers') FILTER USING (word = 'y' AND id > 1);"
        "CREATE ROW ACCESS POLICY none ON plain GRANT TO ('allUsers') FILTER USING (CAST(NULL AS BOOL))"
    )
    assert rows_as(guarded, "eve@example.com", "SELECT id FROM plain ORDER BY 1") == [[1], [2]]


def test_the_caller_in_a_filter(guarded: Warehouse) -> None:
    guarded.script(
        "CREATE TABLE staff AS SELECT 'eve@example.com' AS email, 2 AS id;"
        "CREATE ROW ACCESS POLICY mine ON plain GRANT TO ('domain:example.com')"
        " FILTER USING (id IN (SELECT id FROM d.staff WHERE email = SESSION_USER()))"
    )
    for _ in range(3):
        # Neither kept plans nor generic ones know another caller.
        assert rows_as(guarded, "eve@example.com", "SELECT word FROM plain WHERE id < 10") == [["y"]]
        assert rows_as(guarded, "bob@example.com", "SELECT word FROM plain WHERE id < 11") == []
        assert rows_as(guarded, "bob@example.com", "SELECT word FROM plain WHERE id < 10") == []
    # On the exact route too.
    assert rows_as(guarded, "eve@example.com", "SELECT UPPER(SOUNDEX(word)) FROM plain") == [["Y000"]]
    assert rows_as(guarded, "bob@example.com", "SELECT UPPER(SOUNDEX(word)) FROM plain") == []


def test_policies_on_tables_of_lookups_count_too(guarded: Warehouse) -> None:
    guarded.script(
        "CREATE TABLE known AS SELECT 1 AS id;"
        "CREATE ROW ACCESS POLICY p ON plain GRANT TO ('allUsers')"
        " FILTER USING (id IN (SELECT id FROM d.known));"
        "CREATE ROW ACCESS POLICY p ON known GRANT TO ('user:bob@example.com') FILTER USING (TRUE)"
    )
    assert rows_as(guarded, "bob@example.com", "SELECT id FROM plain") == [[1]]
    assert rows_as(guarded, "eve@example.com", "SELECT id FROM plain") == []


def test_a_filter_that_only_the_exact_route_computes(guarded: Warehouse) -> None:
    guarded.script(
        "CREATE ROW ACCESS POLICY p ON plain GRANT TO ('allUsers')"
        " FILTER USING (UPPER(SOUNDEX(word)) = 'X000')"
    )
    result = as_(guarded, "eve@example.com", "SELECT id FROM plain")
    assert result.route is Route.REFERENCE
    assert values_of(result) == [[1]]


def test_filters_meet_only_live_rows(guarded: Warehouse) -> None:
    guarded.script(
        "DELETE plain WHERE id = 2;"
        "CREATE ROW ACCESS POLICY p ON plain GRANT TO ('allUsers') FILTER USING (10 / (2 - id) > 0)"
    )
    assert rows_as(guarded, "eve@example.com", "SELECT id FROM plain") == [[1]]


def test_a_policy_counts_for_plans_made_before_it(guarded: Warehouse) -> None:
    def found() -> list[list[list[Any]]]:
        texts = [f"SELECT word FROM plain WHERE id < {10 + n % 2} ORDER BY id" for n in range(4)]
        return [rows_as(guarded, "eve@example.com", sql) for sql in texts]

    assert found() == [[["x"], ["y"]]] * 4
    guarded.script(
        "CREATE ROW ACCESS POLICY p ON plain GRANT TO ('user:bob@example.com') FILTER USING (TRUE)"
    )
    assert found() == [[]] * 4
    guarded.script("DROP ALL ROW ACCESS POLICIES ON plain")
    assert found() == [[["x"], ["y"]]] * 4


def test_copies_take_their_policies_along(guarded: Warehouse) -> None:
    as_(
        guarded,
        "owner@example.com",
        "CREATE TABLE c1 COPY secret; CREATE TABLE c2 CLONE secret;CREATE SNAPSHOT TABLE c3 CLONE secret",
    )
    for name in ("c1", "c2", "c3"):
        assert rows_as(guarded, "eve@example.com", f"SELECT id FROM {name}") == [[1]]
        assert len(rows_as(guarded, "owner@example.com", f"SELECT id FROM {name}")) == 2


def test_replacing_a_table_drops_its_policies(guarded: Warehouse) -> None:
    as_(guarded, "owner@example.com", "CREATE OR REPLACE TABLE secret AS SELECT 5 AS id, 'w' AS word")
    assert guarded.table("secret").row_access_policies == ()
    assert rows_as(guarded, "eve@example.com", "SELECT id FROM secret") == [[5]]


def test_truncating_a_table_keeps_them(guarded: Warehouse) -> None:
    as_(guarded, "owner@example.com", "TRUNCATE TABLE secret")
    assert len(guarded.table("secret").row_access_policies) == 2


def test_the_past_of_a_replaced_table_stays_protected(guarded: Warehouse) -> None:
    then = guarded.catalog.clock.now_us()
    table = guarded.table("secret")
    as_(
        guarded,
        "owner@example.com",
        "CREATE OR REPLACE TABLE secret (id INT64, kind STRING, word STRING, n INT64, tags ARRAY<STRING>)",
    )
    sql = f"SELECT word FROM secret FOR SYSTEM_TIME AS OF TIMESTAMP_MICROS({then})"
    assert rows_as(guarded, "eve@example.com", sql) == [["seen"]]
    assert had_policies(guarded.catalog, guarded.table("secret"))
    assert protecting(guarded.catalog, table) is table


def test_the_past_with_other_columns_stays_protected(guarded: Warehouse) -> None:
    guarded.script("CREATE TABLE old AS SELECT 1 AS id, 'public' AS kind, 'x' AS gone")
    then = guarded.catalog.clock.now_us()
    guarded.script(
        "ALTER TABLE old DROP COLUMN gone;"
        "CREATE ROW ACCESS POLICY p ON old GRANT TO ('user:bob@example.com') FILTER USING (kind = 'public')"
    )
    sql = f"SELECT gone FROM old FOR SYSTEM_TIME AS OF TIMESTAMP_MICROS({then})"
    assert rows_as(guarded, "bob@example.com", sql) == [["x"]]
    assert rows_as(guarded, "eve@example.com", sql) == []


def test_only_administrators_read_the_past_under_a_policy(guarded: Warehouse) -> None:
    policy = Policy(
        [
            Binding("roles/bigquery.dataOwner", ("user:eve@example.com",)),
            Binding("roles/bigquery.admin", ("user:owner@example.com",)),
        ]
    )
    guarded.executor.access.policy = lambda: policy
    sql = "SELECT COUNT(*) FROM secret FOR SYSTEM_TIME AS OF CURRENT_TIMESTAMP()"
    assert rows_as(guarded, "owner@example.com", sql) == [[2]]
    with pytest.raises(BigQueryError) as caught:
        as_(guarded, "eve@example.com", sql)
    assert "overrideTimeTravelRestrictions" in caught.value.message
    assert rows_as(guarded, "eve@example.com", "SELECT word FROM secret") == [["seen"]]


def test_groups_of_an_iam_policy(guarded: Warehouse) -> None:
    policy = Policy(
        [Binding("roles/bigquery.admin", ("allAuthenticatedUsers",))],
        groups={
            "g@example.com": ["group:inner@example.com"],
            "inner@example.com": ["user:mallory@example.com"],
        },
    )
    guarded.executor.access.policy = lambda: policy
    assert rows_as(guarded, "mallory@example.com", "SELECT id FROM secret") == [[1]]
    assert rows_as(guarded, "trent@example.com", "SELECT id FROM secret") == []


def test_figures_of_jobs(guarded: Warehouse) -> None:
    for sql, expected in (
        ("SELECT word FROM secret", True),
        ("SELECT word FROM v", True),
        ("SELECT UPPER(SOUNDEX(word)) FROM v", True),
        ("SELECT word FROM plain", False),
        ("INSERT target SELECT id, word FROM secret", True),
        ("CREATE TABLE c6 AS SELECT word FROM secret", True),
    ):
        assert as_(guarded, "eve@example.com", sql).row_level_security is expected, sql
    ctx = caller(guarded, "eve@example.com", temp_dataset=None)
    assert guarded.executor.dry_run("SELECT word FROM secret", ctx, guarded.session).row_level_security


def test_a_statement_without_a_caller_reads_nothing_protected(guarded: Warehouse) -> None:
    from bqsim.sql.lower import Lowering

    ctx = guarded.context()
    analyzed = guarded.googlesql.analyze("SELECT word FROM secret", ctx)
    with pytest.raises(Internal):
        Lowering(analyzed, ctx, guarded.catalog, guarded.executor.planner.view).query()


def test_a_filter_of_its_own_table_does_not_recur(guarded: Warehouse) -> None:
    table = guarded.table("plain")
    policy = RowAccessPolicy("p", "id IN (SELECT id FROM d.plain)", ("allUsers",), 0, 0, "e", "p")
    with guarded.catalog.change(guarded.session) as change:
        change.put_table(replace(table, row_access_policies=(policy,)))
    for sql in ("SELECT id FROM plain", "SELECT UPPER(SOUNDEX(word)) FROM plain"):
        with pytest.raises(BigQueryError, match="own table"):
            as_(guarded, "eve@example.com", sql)


TRUE_FILTERS: list[tuple[str, bool]] = [
    ("TRUE", True),
    (" true ", True),
    ("((True))", True),
    ("1 = 1", False),
    ("(TRUE) OR (x)", False),
    ("NOT TRUE", False),
    ("", False),
]


@pytest.mark.parametrize(("predicate", "expected"), TRUE_FILTERS)
def test_true_filters(predicate: str, expected: bool) -> None:
    assert is_true_filter(RowAccessPolicy("p", predicate, (), 0, 0, "e")) is expected


def test_policies_are_kept_with_their_table(guarded: Warehouse) -> None:
    from bqsim.catalog.history import TableVersion
    from bqsim.catalog.persistence import from_record, to_record

    table = guarded.catalog.table(TableRef("p", "d", "secret"))
    read = from_record(TableVersion, to_record(TableVersion(table, 1)))
    assert read.table.row_access_policies == table.row_access_policies
    assert [p.policy_id for p in read.table.row_access_policies] == ["everything", "open"]
