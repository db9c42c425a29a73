"""Examples of the pages of BigQuery ML's encoders and text functions, and of TF_IDF."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.sql.warehouse import Warehouse

pytestmark = [
    pytest.mark.fidelity(
        "sql:machine learning",
        "approximated",
        "Dictionaries are as documented; TF_IDF over an empty one is refused.",
        tests="test_encoders* test_multi* test_words* test_weights*",
    ),
    pytest.mark.fidelity("sql:search and vectors", "exact", tests="test_tf_idf*"),
]
LETTERS = "UNNEST([NULL, 'a', 'b', 'b', 'c', 'c', 'c', 'd', 'd']) AS f ORDER BY f"


@pytest.mark.parametrize(
    ("call", "found"),
    [
        ("ML.LABEL_ENCODER(f, 2, 2)", [0, 0, 1, 1, 2, 2, 2, 0, 0]),
        ("ML.LABEL_ENCODER(f, frequency_threshold=>0)", [0, 1, 2, 2, 3, 3, 3, 4, 4]),
        ("ML.LABEL_ENCODER(f, NULL, 3)", [0, 0, 0, 0, 1, 1, 1, 0, 0]),
        ("ML.LABEL_ENCODER(f)", [0] * 9),
        ("ML.LABEL_ENCODER(f, 0, 0)", [0] * 9),
        (
            "ML.ONE_HOT_ENCODER(f, 'most_frequent', 10, 0)",
            [[[i, v]] for i, v in ((0, 1.0), (1, 1.0), *[(2, 1.0)] * 2, *[(3, 0.0)] * 3, *[(4, 1.0)] * 2)],
        ),
        ("ML.ONE_HOT_ENCODER(f, 'none', 1, 1)", [[[i, 1.0]] for i in (0, 0, 0, 0, 1, 1, 1, 0, 0)]),
    ],
)
def test_encoders(warehouse: Warehouse, call: str, found: list[Any]) -> None:
    assert [v for [v] in warehouse.rows(f"SELECT {call} OVER () FROM {LETTERS}")] == found


def test_multi_hot_encoder(warehouse: Warehouse) -> None:
    rows = """UNNEST([STRUCT(1 AS n, ['a', 'b', 'b', 'c', NULL] AS f), (2, ['c', 'c', 'd', 'd', NULL]),
        (3, CAST([] AS ARRAY<STRING>))])"""
    assert warehouse.rows(f"SELECT ML.MULTI_HOT_ENCODER(f, 3, 1) OVER () FROM {rows} ORDER BY n") == [
        [[[1, 1.0], [2, 1.0], [3, 1.0], [0, 1.0]]],
        [[[3, 1.0], [0, 1.0]]],
        [[]],
    ]


@pytest.mark.parametrize(
    ("first", "second", "options", "found"),
    [
        ("a b b c", "a c", "32, 1", [[[1, 1.0], [2, 2.0], [3, 1.0]], [[1, 1.0], [3, 1.0]]]),
        (
            "a b b b c c c c d d",
            "a c ?",
            "4, 2",
            [[[0, 5.0], [1, 1.0], [2, 4.0]], [[0, 1.0], [1, 1.0], [2, 1.0]]],
        ),
        ("a b b c", "a c c", "2, 1", [[[0, 2.0], [1, 1.0], [2, 1.0]], [[1, 1.0], [2, 2.0]]]),
        (
            "a b b c d d d",
            "a c c d d d",
            "2, 2",
            [[[0, 5.0], [1, 1.0], [2, 1.0]], [[0, 3.0], [1, 1.0], [2, 2.0]]],
        ),
    ],
)
def test_words(warehouse: Warehouse, first: str, second: str, options: str, found: list[Any]) -> None:
    rows = f"UNNEST([STRUCT(1 AS n, SPLIT('{first}', ' ') AS f), (2, SPLIT('{second}', ' '))])"
    words = "ARRAY(SELECT NULLIF(w, '?') FROM UNNEST(f) AS w)"
    sql = f"SELECT ML.BAG_OF_WORDS({words}, {options}) OVER () FROM {rows}"
    assert [v for [v] in warehouse.rows(f"{sql} ORDER BY n")] == found


PIES = """UNNEST([STRUCT(1 AS id, ['I', 'like', 'pie', 'pie', 'pie', NULL] AS f),
    (2, ['yum', 'yum', 'pie', NULL]), (3, ['I', 'yum', 'pie', NULL]),
    (4, ['you', 'like', 'pie'%s, NULL])]) ORDER BY id"""
MORE = PIES % ", 'too'"
SHARES = [0.1412163100645339, 0.29389333245105953, 0.14694666622552977, 0.21182446509680086]


def test_weights(warehouse: Warehouse) -> None:
    i, pie, less, more = SHARES
    found = warehouse.rows(f"SELECT ML.TF_IDF(f, 3, 1) OVER () FROM {PIES % ''}")
    assert [v for [v] in found] == [
        [[0, 0.12679902142647365], [1, i], [2, i], [3, pie]],
        [[0, 0.5705955964191315], [3, less]],
        [[0, 0.380397064279421], [1, more], [3, less]],
        [[0, 0.380397064279421], [2, more], [3, less]],
    ]


def test_tf_idf(warehouse: Warehouse) -> None:
    i, pie, less, more = SHARES
    result = warehouse.run(f"SELECT TF_IDF(f, 10, 2) OVER () AS r FROM {MORE}")
    assert str(result.schema[0].type) == "ARRAY<STRUCT<term STRING, tf_idf FLOAT64>>"
    found = warehouse.rows(f"SELECT TF_IDF(f, 10, 2) OVER () FROM {MORE}")
    assert [v for [v] in found] == [
        [[None, 0.1304033435859887], ["I", i], ["like", i], ["pie", pie]],
        [[None, 0.1956050153789831], ["pie", less], ["yum", 0.4236489301936017]],
        [[None, 0.1956050153789831], ["I", more], ["pie", less], ["yum", more]],
        [[None, 0.4694520369095594], ["like", 0.1694595720774407], ["pie", 0.11755733298042381]],
    ]
    assert warehouse.rows(f"SELECT TF_IDF(f, 3, 2) OVER () FROM {MORE}")[3] == [
        [[None, 0.45647647713530515], ["like", 0.1694595720774407], ["pie", 0.11755733298042381]]
    ]


def test_tf_idf_of_an_empty_dictionary(warehouse: Warehouse) -> None:
    text = "The dictionary of TF_IDF is empty: no term appears in 5 rows"
    assert warehouse.error(f"SELECT TF_IDF(f) OVER () FROM {PIES % ''}") == text


def test_encoders_by_partition_beside_other_windows(warehouse: Warehouse) -> None:
    warehouse.run(
        "CREATE TABLE t AS SELECT * FROM UNNEST([STRUCT(1 AS g, 'a' AS f), (1, 'b'), (2, 'z'), (NULL, 'q')])"
    )
    assert warehouse.rows(
        "SELECT g, f, ML.LABEL_ENCODER(f, 9, 1) OVER (PARTITION BY g), COUNT(*) OVER (PARTITION BY g), "
        "ML.ONE_HOT_ENCODER(f, 'none', 9, 1) OVER ()[OFFSET(0)].index FROM t QUALIFY "
        "ML.LABEL_ENCODER(f, 9, 1) OVER () > 1 ORDER BY f"
    ) == [[1, "b", 2, 2, 2], [None, "q", 1, 1, 3], [2, "z", 1, 1, 4]]


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (
            "ML.ONE_HOT_ENCODER(f, 'least')",
            "Invalid value 'least' of argument drop of ML.ONE_HOT_ENCODER: "
            "it must be 'none' or 'most_frequent'",
        ),
        (
            "ML.LABEL_ENCODER(f, 1000000)",
            "Argument top_k of ML.LABEL_ENCODER must be between 0 and 999999, but was 1000000",
        ),
        (
            "TF_IDF([f], -1)",
            "Argument max_distinct_tokens of TF_IDF must be between 0 and 1048576, but was -1",
        ),
        (
            "ML.TF_IDF([f], 5, -1)",
            "Argument frequency_threshold of ML.TF_IDF must not be negative, but was -1",
        ),
        ("ML.LABEL_ENCODER(f, LENGTH(f))", "The optional arguments of ML.LABEL_ENCODER must be constants"),
    ],
)
def test_errors(warehouse: Warehouse, call: str, text: str) -> None:
    assert warehouse.error(f"SELECT {call} OVER () FROM {LETTERS}") == text


def test_no_window(warehouse: Warehouse) -> None:
    text = "Analytic function ML.LABEL_ENCODER cannot be called without an OVER clause at [1:8]"
    assert warehouse.error("SELECT ML.LABEL_ENCODER('a')") == text
