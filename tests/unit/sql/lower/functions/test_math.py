from __future__ import annotations

import itertools
from decimal import Decimal

import pytest

from tests.unit.sql.warehouse import Warehouse

from .oracle import assert_agrees, assert_engine, route_reason

pytestmark = pytest.mark.fidelity("sql:functions on numbers", "exact")

NAN, INF = float("nan"), float("inf")
FLOATS = (
    0.0, 1.0, -1.0, 0.5, -0.5, 2.0, -2.0, 0.1, 3.14159, 1e-300, 1e16, 100.0, 2.5, -2.5, 700.0,
    INF, -INF, NAN, None,
)  # fmt: skip
INTS = (0, 1, -1, 3, -7, 2**63 - 1, -(2**63) + 1, None)
NUMERICS = tuple(
    None if n is None else Decimal(n)
    for n in ("0", "1", "-1", "2.5", "-2.5", "0.000000001", "10", "123456.789012345", "1e28", None)
)
# The evaluator's C library and the engine's may differ in the last bit.
LAST_BITS = 4e-15


@pytest.mark.parametrize(
    "function", ("SIN", "COS", "TAN", "ATAN", "TANH", "ASINH", "CBRT", "CEIL", "FLOOR", "ABS", "ROUND",
                 "TRUNC", "SIGN", "SEC", "SECH", "IS_NAN", "IS_INF"),
)  # fmt: skip
def test_functions_defined_for_every_float(warehouse: Warehouse, function: str) -> None:
    assert_agrees(warehouse, f"{function}(x)", "x FLOAT64", [(f,) for f in FLOATS], LAST_BITS)


@pytest.mark.parametrize(
    ("function", "inside", "outside"),
    (
        ("EXP", (0.0, 1.0, -INF, INF, NAN, None, 700.0), (1000.0, 710.0)),
        ("LN", (1.0, 2.5, INF, -INF, NAN, None), (0.0, -1.25)),
        ("LOG", (1.0, 2.5, INF, -INF, NAN, None), (0.0, -1.25)),
        ("LOG10", (1.0, 100.0, INF, NAN, None), (0.0, -1.25)),
        ("SQRT", (0.0, 2.0, INF, NAN, None), (-1.0, -INF)),
        ("ACOS", (0.5, -1.0, NAN, None, INF), (2.0, -1.0000001)),
        ("ASIN", (0.5, -1.0, NAN, None, INF), (2.0,)),
        ("ACOSH", (1.0, 2.0, INF, NAN, None), (0.5, -1.0)),
        ("ATANH", (0.5, NAN, None, INF), (1.0, 2.0)),
        ("COSH", (1.0, INF, NAN, None), (1000.0,)),
        ("SINH", (1.0, -INF, NAN, None), (-1000.0,)),
        ("CSC", (1.0, INF, NAN, None), (0.0,)),
        ("COT", (1.0, INF, NAN, None), (0.0,)),
        ("CSCH", (1.0, 1000.0, INF, NAN, None), (0.0,)),
        ("COTH", (1.0, 1000.0, INF, NAN, None), (0.0,)),
    ),
)
def test_functions_with_a_domain(
    warehouse: Warehouse, function: str, inside: tuple[float, ...], outside: tuple[float, ...]
) -> None:
    assert_agrees(warehouse, f"{function}(x)", "x FLOAT64", [(f,) for f in inside], LAST_BITS)
    for value in outside:
        assert_agrees(warehouse, f"{function}(x)", "x FLOAT64", [(value,)])


@pytest.mark.parametrize(
    "function", ("IEEE_DIVIDE", "SAFE_DIVIDE", "SAFE_ADD", "SAFE_SUBTRACT", "SAFE_MULTIPLY", "ATAN2")
)
def test_functions_of_two_floats(warehouse: Warehouse, function: str) -> None:
    values = (*FLOATS, 1e300, -1e300)
    assert_agrees(
        warehouse, f"{function}(x, y)", "x FLOAT64, y FLOAT64", itertools.product(values, values), LAST_BITS
    )


def test_pow_and_log_of_two_floats(warehouse: Warehouse) -> None:
    columns = "x FLOAT64, y FLOAT64"
    rows = [*itertools.product((1.0, 2.0, 0.5, INF, NAN, None), (2.0, 3.0, 10.0, INF, None)), (-2.0, 3.0)]
    assert_agrees(warehouse, "POW(x, y)", columns, rows, LAST_BITS)
    assert_agrees(warehouse, "LOG(x, y)", columns, rows[:-1], LAST_BITS)
    for row in ((0.0, -1.0), (-1.0, 0.5), (10.0, 1000.0)):
        assert_agrees(warehouse, "POW(x, y)", columns, [row])
    for row in ((0.0, 2.0), (2.0, 0.0), (2.0, 1.0), (2.0, -1.0)):
        assert_agrees(warehouse, "LOG(x, y)", columns, [row])


@pytest.mark.parametrize("function", ("ROUND", "TRUNC"))
def test_rounding_is_decided_on_the_exact_value(warehouse: Warehouse, function: str) -> None:
    values = (1.005, 2.675, 0.285, 1.255, 5.55, 1234.5678, -2.5, 0.125, 1e300, 9.995, 1e-9, INF, NAN, None)
    rows = itertools.product(values, (-400, -310, -3, -1, 0, 1, 2, 3, 9, 15, 16, 400, None))
    assert_agrees(warehouse, f"{function}(x, n)", "x FLOAT64, n INT64", rows)


@pytest.mark.parametrize("function", ("SAFE_ADD", "SAFE_SUBTRACT", "SAFE_MULTIPLY"))
def test_safe_arithmetic_of_integers(warehouse: Warehouse, function: str) -> None:
    assert_agrees(warehouse, f"{function}(x, y)", "x INT64, y INT64", itertools.product(INTS, INTS))


def test_whole_division(warehouse: Warehouse) -> None:
    columns = "x INT64, y INT64"
    rows = list(itertools.product(INTS, (1, -1, 3, -7, None)))
    for function in ("DIV", "MOD"):
        assert_agrees(warehouse, f"{function}(x, y)", columns, rows)
        assert_agrees(warehouse, f"{function}(x, y)", columns, [(5, 0)])
        assert_agrees(warehouse, f"{function}(x, 3)", "x INT64", [(i,) for i in INTS])
    assert_engine(warehouse, "MOD(CAST('-9223372036854775808' AS INT64), -1)", 0)
    assert warehouse.error("SELECT DIV(CAST('-9223372036854775808' AS INT64), -1)").startswith(
        "int64 overflow"
    )


def test_sign_and_size_of_integers(warehouse: Warehouse) -> None:
    for function in ("ABS", "SIGN", "SAFE_NEGATE", "BIT_COUNT"):
        assert_agrees(warehouse, f"{function}(x)", "x INT64", [(i,) for i in INTS])
    assert_engine(warehouse, "SAFE_NEGATE(CAST('-9223372036854775808' AS INT64))", None)
    assert_engine(warehouse, "BIT_COUNT(CAST('-9223372036854775808' AS INT64))", 1)
    assert warehouse.error("SELECT ABS(CAST('-9223372036854775808' AS INT64))").startswith("int64 overflow")


@pytest.mark.parametrize(
    "function", ("ABS", "SIGN", "CEIL", "FLOOR", "ROUND", "TRUNC", "CBRT", "SAFE_NEGATE")
)
def test_functions_of_one_numeric(warehouse: Warehouse, function: str) -> None:
    assert_agrees(warehouse, f"{function}(x)", "x NUMERIC", [(n,) for n in NUMERICS])


@pytest.mark.parametrize("function", ("LN", "LOG10", "SQRT"))
def test_functions_of_positive_numerics(warehouse: Warehouse, function: str) -> None:
    rows = [(n,) for n in NUMERICS if n is None or n > 0]
    assert_agrees(warehouse, f"{function}(x)", "x NUMERIC", rows)
    assert_agrees(warehouse, f"{function}(x)", "x NUMERIC", [(Decimal(-1),)])


@pytest.mark.parametrize("function", ("CEIL", "FLOOR", "ROUND"))
def test_numeric_overflow_names_the_call(warehouse: Warehouse, function: str) -> None:
    values = ("99999999999999999999999999999.5", "-99999999999999999999999999999.5")
    assert_agrees(warehouse, f"{function}(x)", "x NUMERIC", [(Decimal(v),) for v in values])


def test_rounding_numerics(warehouse: Warehouse) -> None:
    rows = list(itertools.product(NUMERICS, (-29, -5, -1, 0, 1, 5, 9, 40, None)))
    assert_agrees(warehouse, "ROUND(x, n)", "x NUMERIC, n INT64", rows)
    assert_agrees(warehouse, "TRUNC(x, n)", "x NUMERIC, n INT64", rows)
    assert_agrees(warehouse, "ROUND(x, n, 'ROUND_HALF_EVEN')", "x NUMERIC, n INT64", rows)
    for digits in (0, 2, 8, 9, -1):
        assert_agrees(warehouse, f"ROUND(x, {digits})", "x NUMERIC", [(n,) for n in NUMERICS])
        assert_agrees(warehouse, f"TRUNC(x, {digits})", "x NUMERIC", [(n,) for n in NUMERICS])


@pytest.mark.parametrize("function", ("SAFE_ADD", "SAFE_SUBTRACT", "SAFE_MULTIPLY", "SAFE_DIVIDE"))
def test_safe_arithmetic_of_numerics(warehouse: Warehouse, function: str) -> None:
    values = (*NUMERICS, Decimal("99999999999999999999999999999.999999999"))
    assert_agrees(warehouse, f"{function}(x, y)", "x NUMERIC, y NUMERIC", itertools.product(values, values))


def test_division_of_numerics(warehouse: Warehouse) -> None:
    columns = "x NUMERIC, y NUMERIC"
    rows = [(Decimal(a), Decimal(b)) for a, b in (("7.5", "2"), ("-7.5", "2"), ("5.5", "-2"), ("1e28", "3"))]
    for function in ("DIV", "MOD"):
        assert_agrees(warehouse, f"{function}(x, y)", columns, rows)
        assert_agrees(warehouse, f"{function}(x, y)", columns, [(Decimal("5.5"), Decimal(0))])


def test_powers_of_numerics_by_whole_literals(warehouse: Warehouse) -> None:
    rows = [(n,) for n in NUMERICS if n is None or 0 < abs(n) < 1000000]
    for exponent in (0, 1, 2, 3, -1):
        assert_agrees(warehouse, f"POW(x, NUMERIC '{exponent}')", "x NUMERIC", rows)
    assert_agrees(warehouse, "POW(x, NUMERIC '-1')", "x NUMERIC", [(Decimal(0),)])
    assert "POW" in route_reason(warehouse, "POW(NUMERIC '2', NUMERIC '0.5')")
    assert "exp(NUMERIC)" in route_reason(warehouse, "EXP(NUMERIC '1')")


@pytest.mark.parametrize(
    "text",
    ("1.5", "1,234.5", " - 12.34 ", "12.34-", "1e5", "1,2,3.4", ".5", "+1", "1.0000000005", "\t1\n", "1,e5",
     "15e-10", "", "x", "1.2,3", "+1-", "1 2", "1e29", ",", ",.5", "(1)", ".", None),
)  # fmt: skip
def test_parse_numeric(warehouse: Warehouse, text: str | None) -> None:
    assert_agrees(warehouse, "PARSE_NUMERIC(x)", "x STRING", [(text,)])


@pytest.mark.parametrize("function", ("GREATEST", "LEAST"))
def test_extremes(warehouse: Warehouse, function: str) -> None:
    assert_agrees(
        warehouse, f"{function}(x, 1.5, y)", "x FLOAT64, y FLOAT64", itertools.product(FLOATS, FLOATS)
    )
    assert_agrees(warehouse, f"{function}(x, y)", "x INT64, y INT64", itertools.product(INTS, INTS))
    texts = ("", "a", "B", "é", None)
    assert_agrees(warehouse, f"{function}(x, y)", "x STRING, y STRING", itertools.product(texts, texts))


def test_range_bucket(warehouse: Warehouse) -> None:
    columns = "x FLOAT64, y ARRAY<FLOAT64>"
    rows = itertools.product((0.0, 1.5, INF, NAN, None), ([], [1.0, 2.0], [-INF, 0.0, 0.0, INF]))
    assert_agrees(warehouse, "RANGE_BUCKET(x, y)", columns, rows)
    for boundaries in ([NAN], [1.0, NAN], [3.0, 2.0], [1.0, None], [None]):
        query = f"RANGE_BUCKET(x, [{', '.join('NULL' if b is None else repr(b) for b in boundaries)}])"
        query = query.replace("nan", "CAST('nan' AS FLOAT64)").replace("[NULL]", "[CAST(NULL AS FLOAT64)]")
        assert_agrees(warehouse, query, "x FLOAT64", [(1.0,)])
    assert_agrees(
        warehouse, "RANGE_BUCKET(x, [10, 20, 30])", "x INT64", [(i,) for i in (0, 10, 15, 30, 99, None)]
    )
    assert_agrees(warehouse, "RANGE_BUCKET(x, ['a', 'c'])", "x STRING", [("b",), ("",), ("z",)])


def test_vector_distances(warehouse: Warehouse) -> None:
    for function in ("COSINE_DISTANCE", "EUCLIDEAN_DISTANCE"):
        assert_agrees(
            warehouse,
            f"{function}(x, [3.0, 4.0])",
            "x ARRAY<FLOAT64>",
            [([1.0, 2.0],), ([5.5, -1.0],)],
            LAST_BITS,
        )
        assert_agrees(warehouse, f"{function}(x, [3.0])", "x ARRAY<FLOAT64>", [([1.0, 2.0],)])
        assert_agrees(warehouse, f"{function}([x], [3.0])", "x FLOAT64", [(None,)])
    assert_agrees(warehouse, "COSINE_DISTANCE([x], [3.0])", "x FLOAT64", [(0.0,)])


def test_rand_differs_from_row_to_row(warehouse: Warehouse) -> None:
    rows = warehouse.rows("SELECT RAND() FROM UNNEST(GENERATE_ARRAY(1, 50))")
    assert len({row[0] for row in rows}) == 50
    assert all(0 <= row[0] < 1 for row in rows)


ITEM = "STRUCT<key INT64, value FLOAT64>"
VECTORS = (
    f"[{ITEM}(1, 2.0), (5, 3.0), (2, 0.3)]", f"[{ITEM}(1, 2.0), (1, 3.0)]", f"[{ITEM}(1, NULL)]",
    f"[{ITEM}(NULL, 1.0)]", f"CAST([] AS ARRAY<{ITEM}>)", f"CAST(NULL AS ARRAY<{ITEM}>)",
    f"[{ITEM}(1, 1e200)]", f"[{ITEM}(1, CAST('inf' AS FLOAT64))]", f"[CAST(NULL AS {ITEM})]",
)  # fmt: skip


@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize("call", ["COSINE_DISTANCE", "EUCLIDEAN_DISTANCE"])
def test_distances_of_sparse_vectors(warehouse: Warehouse, call: str, vector: str) -> None:
    other = f"[{ITEM}(2, 1.0), (x, 3.0), (1, -1e200)]"
    for expression in (f"{call}({vector}, {other})", f"{call}([{ITEM}(2, 1.0), (x, 3.0)], {vector})"):
        assert_agrees(warehouse, expression, "x INT64", [(3,)])


def test_distance_by_text_keys(warehouse: Warehouse) -> None:
    vectors = "[STRUCT(x AS key, 2.0 AS value), ('b', 3.0)], [STRUCT('b' AS key, 1.0 AS value), ('c', 3.0)]"
    assert_agrees(warehouse, f"EUCLIDEAN_DISTANCE({vectors})", "x STRING", [("a",), ("é",)])
