from typing import Any

import pytest

from bqsim.contract.row_checks import is_arbitrary, is_ordered, order_keys, row_differences


@pytest.mark.parametrize(
    ("sql", "ordered", "arbitrary", "keys"),
    [
        ("SELECT a FROM t", False, False, ()),
        ("SELECT a FROM t ORDER BY a", True, False, ("a",)),
        ("select a, b from t order by 2 desc, a;", True, False, ("b", "a")),
        ("SELECT a FROM t ORDER BY UPPER(a)", True, False, ()),
        ("(SELECT a FROM t ORDER BY a)", True, False, ()),
        ("SELECT * FROM (SELECT a FROM t ORDER BY a)", False, False, ()),
        ("WITH x AS (SELECT a FROM t ORDER BY a) SELECT a FROM x", False, False, ()),
        ("SELECT ROW_NUMBER() OVER (ORDER BY a) FROM t", False, False, ()),
        ("SELECT ARRAY_AGG(a ORDER BY a LIMIT 3) FROM t", False, False, ()),
        ("SELECT 'ORDER BY a' -- ORDER BY a\nFROM t", False, False, ()),
        ("SELECT 1; SELECT a FROM t ORDER BY a", True, False, ("a",)),
        ("SELECT a FROM t ORDER BY a; SELECT 1", False, False, ()),
        ("SELECT a FROM t LIMIT 3", False, True, ()),
        ("SELECT a FROM t ORDER BY a LIMIT 3", True, False, ("a",)),
        ("SELECT RAND()", False, True, ()),
        ("SELECT CURRENT_TIMESTAMP()", False, True, ()),
    ],
)
def test_whether_a_query_orders_its_rows(
    sql: str, ordered: bool, arbitrary: bool, keys: tuple[str, ...]
) -> None:
    assert is_ordered(sql) is ordered
    assert is_arbitrary(sql) is arbitrary
    if ordered and not sql.startswith("("):
        assert order_keys(sql) == keys


A, B, C = {"n": 1, "s": "a"}, {"n": 2, "s": "b"}, {"n": 2, "s": "c"}
NAN = float("nan")


@pytest.mark.parametrize(
    ("expected", "found", "ordered", "whole", "keys", "told"),
    [
        ([A, B], [A, B], True, True, (), []),
        ([A, B], [B, A], False, True, (), []),
        ([A, B], [B, A], True, True, (), [("rows", "order")]),
        ([B, C], [C, B], True, True, ("n",), []),
        ([A, B], [B, A], True, True, ("n",), [("rows", "order")]),
        ([A, A], [A], False, True, (), [("rows", "count"), ("rows[*]", "missing")]),
        ([A], [A, A], False, True, (), [("rows", "count"), ("rows[*]", "extra")]),
        ([A], [B, A], False, False, (), []),
        ([A], [{"n": "1", "s": "a"}], False, True, (), [("rows[*].n", "type")]),
        ([A, B], [A, {"n": 2, "s": None}], True, True, (), [("rows[1].s", "value")]),
        ([{"f": 0.1 + 0.2}, {"f": NAN}], [{"f": NAN}, {"f": 0.3}], False, True, (), []),
        ([{"f": 0.3}], [{"f": 0.3001}], False, True, (), [("rows[*].f", "value")]),
        ([{"f": {"x": [0.3]}}], [{"f": {"x": [0.1 + 0.2]}}], True, True, (), []),
        ([], [], True, True, (), []),
    ],
)
def test_what_differs_between_rows(
    expected: Any, found: Any, ordered: bool, whole: bool, keys: tuple[str, ...], told: Any
) -> None:
    differences = row_differences(expected, found, ordered=ordered, whole=whole, keys=keys)
    assert [(d.path, d.kind) for d in differences] == told


def test_many_differing_rows_are_counted() -> None:
    told = list(
        row_differences(
            [{"n": i} for i in range(50)], [{"n": -i - 1} for i in range(50)], ordered=True, whole=True
        )
    )
    assert len(told) == 6
    assert told[-1].found == "45 more differ"
