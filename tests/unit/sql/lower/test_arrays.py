from __future__ import annotations

from .conftest import Rows

T = "(SELECT 1 AS id, [10, 20] AS a UNION ALL SELECT 2, [] UNION ALL SELECT 3, NULL)"


def test_unnest_keeps_order_and_counts_offsets_from_zero(rows: Rows) -> None:
    assert rows("SELECT x, o FROM UNNEST(['b', 'a', NULL]) x WITH OFFSET o") == [
        ["b", 0],
        ["a", 1],
        [None, 2],
    ]


def test_rows_without_elements_disappear_unless_joined_left(rows: Rows) -> None:
    assert rows(f"SELECT id, x FROM {T} t, UNNEST(t.a) x ORDER BY 1, 2") == [[1, 10], [1, 20]]
    sql = f"SELECT id, x, o FROM {T} t LEFT JOIN UNNEST(t.a) x WITH OFFSET o ORDER BY 1, 2"
    assert rows(sql) == [[1, 10, 0], [1, 20, 1], [2, None, None], [3, None, None]]


def test_join_condition_on_elements(rows: Rows) -> None:
    sql = f"SELECT id, x FROM {T} t LEFT JOIN UNNEST(t.a) x ON x > 15 ORDER BY 1"
    assert rows(sql) == [[1, 20], [2, None], [3, None]]
    assert rows(f"SELECT id, x FROM {T} t JOIN UNNEST(t.a) x ON x > 15") == [[1, 20]]


def test_elements_are_counted_although_no_column_is_read(rows: Rows) -> None:
    assert rows(f"SELECT COUNT(*) FROM {T} t, UNNEST(t.a)") == [[2]]


def test_unnest_of_structs_gives_their_fields(rows: Rows) -> None:
    sql = "SELECT b, a FROM UNNEST([STRUCT(1 AS a, 'x' AS b), (2, 'y')]) ORDER BY a"
    assert rows(sql) == [["x", 1], ["y", 2]]


def test_array_subqueries_keep_the_order_of_the_array(rows: Rows) -> None:
    sql = f"SELECT id, ARRAY(SELECT -x FROM UNNEST(a) x WHERE x > 0) FROM {T} WHERE id < 3 ORDER BY id"
    assert rows(sql) == [[1, [-10, -20]], [2, []]]
