"""Examples of the pages *Search functions* and *Text analysis*."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bqsim.sql.plan import Route
from tests.unit.sql.warehouse import Warehouse, values_of

pytestmark = pytest.mark.fidelity("sql:search and vectors", "exact")
Value = Callable[..., Any]


@pytest.fixture
def value(warehouse: Warehouse) -> Value:
    def run(expression: str) -> Any:
        result = warehouse.run(f"SELECT {expression}")
        assert result.route is Route.ENGINE, result.route_reason
        [[found]] = values_of(result)
        return found

    return run


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        ("'foobar-example', 'foobar example'", True),
        ("'foobar-example', CONCAT('foo', 'bar')", True),
        ("'foobar-example', 'foobarexample'", False),
        (r"'foobar-example', 'foobar\\&example'", True),
        (r"'foobar-example', R'foobar\&example'", True),
        ("'foobar-example', '`foobar&example`'", False),
        ("'foobar&example', '`foobar&example`'", True),
        ("'foobar-example', 'example foobar'", True),
        ("'foobar-example', 'Foobar Example'", True),
        ("'foobar-example', '`foobar-example`'", True),
        ("'foobar-example', '`Foobar`'", False),
        ("'`foobar-example`', '`foobar-example`'", False),
        ("'foobar@example.com', '`example.com`'", True),
        ("'a foobar-example b', '`foobar-example`'", True),
        ("['foobar', 'example'], 'foobar example'", False),
        ("'foobar.example', '`foobar`'", True),
        ("'foobar..example', '`foobar.`'", True),
        ("'foobar.example', '`foobar.`'", False),
        ("'foo bar baz', 'foo AND bar'", True),
        ("'foo', 'foo OR bar'", True),
        ("'foo', 'foo AND (bar OR baz)'", False),
        ("'foo bar baz', '\"foo bar\"'", True),
        ("'Foo bar baz', '\"foo Bar\"'", True),
        ("'foo-bar baz', '\"foo&bar\"'", True),
        ("'foo bar baz', '\"`foo bar`\"'", False),
        ("'foo else bar', '\"foo bar\"'", False),
        ("'foo-bar-baz', 'bar \"foo&baz\"'", False),
        ("""'foo bar baz', R'"foo\\ bar"', analyzer_options=>'{"delimiters": [" "]}'""", False),
        ("""'foo bar baz', '"foo? bar"', analyzer_options=>'{"delimiters": [" ", "?"]}'""", True),
        (
            """'read the book now', '"read the book"', """
            """analyzer_options=>'{"token_filters": [{"stop_words": ["the"]}]}'""",
            True,
        ),
        (
            """'abcdef', '"c d"', analyzer=>'PATTERN_ANALYZER', """
            """analyzer_options=>'{"patterns": ["(?:cd)|[a-z]"]}'""",
            False,
        ),
        (
            """'ant orange apple avocado', '"ant apple"', analyzer=>'PATTERN_ANALYZER', """
            """analyzer_options=>'{"patterns": ["a[a-z]"]}'""",
            True,
        ),
        ("'foobar', 'foobar', analyzer=>'NO_OP_ANALYZER'", True),
        ("'foobar', '`foobar`', analyzer=>'NO_OP_ANALYZER'", False),
        ("'Foobar', 'foobar', analyzer=>'NO_OP_ANALYZER'", False),
        ("STRUCT('x' AS a, 'foo bar' AS b), 'foo bar'", True),
        ("STRUCT(CAST(NULL AS STRING) AS a, 'foo' AS b), 'bar'", None),
        ("STRUCT(CAST(NULL AS STRING) AS a, 'foo' AS b), 'foo'", True),
        ("CAST(NULL AS STRING), 'foo'", None),
        ("12, '12'", False),
        ("""JSON '{"lunch": ["soup", {"x": "pie"}]}', 'pie'""", True),
        ("""JSON '{"lunch": "soup"}', 'lunch'""", False),
        ("""JSON '{"lunch": "soup"}', 'lunch', json_scope=>'JSON_KEYS'""", True),
        ("""JSON '{"lunch": "soup"}', 'soup', json_scope=>'JSON_KEYS'""", False),
        ("""JSON '{"lunch": "soup"}', 'soup', json_scope=>'JSON_KEYS_AND_VALUES'""", True),
        ("'a%20b', 'a b'", True),
        ("'a%20b', '20b'", False),
    ],
)
def test_search(value: Value, arguments: str, found: bool | None) -> None:
    assert value(f"SEARCH({arguments})") is found


def test_search_of_a_table(warehouse: Warehouse) -> None:
    warehouse.run("CREATE TABLE t (n INT64, a STRING, b ARRAY<STRING>)")
    warehouse.run("INSERT INTO t VALUES (1, 'red fox', []), (2, 'dog', ['a fox']), (3, NULL, [])")
    assert warehouse.rows("SELECT n FROM t WHERE SEARCH(t, 'Fox') ORDER BY n") == [[1], [2]]
    assert warehouse.rows("SELECT n FROM t WHERE SEARCH((a, b), 'dog')") == [[2]]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("'a', NULL", "The search query of SEARCH must not be NULL"),
        ("'a', ''", "The search query of SEARCH contains no search tokens"),
        (
            "'a', 'a-b'",
            "Invalid search query of SEARCH: the reserved character - must be escaped by a backslash",
        ),
        ("'a', 'a AND'", "Invalid search query of SEARCH: AND needs an expression on both sides"),
        ("'a', '(a'", "Invalid search query of SEARCH: unbalanced parentheses"),
        (
            "'a', 'NOT a'",
            "Invalid search query of SEARCH: the reserved word NOT must be enclosed in backticks",
        ),
        ("'a', 'a', json_scope=>'X'", "Invalid json_scope 'X' in SEARCH"),
        ("'a', 'a', analyzer=>'X'", "Invalid analyzer 'X' in SEARCH"),
        ("'a', 'a', analyzer_options=>'x'", "Invalid analyzer_options in SEARCH: it is not a JSON object"),
        (
            "'a', 'a', analyzer=>'NO_OP_ANALYZER', analyzer_options=>'{\"delimiters\": [\" \"]}'",
            "Invalid analyzer_options in SEARCH: option 'delimiters' is not supported by NO_OP_ANALYZER",
        ),
    ],
)
def test_search_errors(warehouse: Warehouse, arguments: str, text: str) -> None:
    assert warehouse.error(f"SELECT SEARCH({arguments})") == text


PIE = "'I like pie, you like-pie, they like 2 PIEs.'"
FILTER = """analyzer_options=>'{"token_filters": [%s]}'"""
FOLD = '{"normalizer": {"mode": "ICU_NORMALIZE"}}'


@pytest.mark.parametrize(
    ("arguments", "tokens"),
    [
        (PIE, ["i", "like", "pie", "you", "like", "pie", "they", "like", "2", "pies"]),
        (
            f"{PIE}, analyzer=>'PATTERN_ANALYZER'",
            ["like", "pie", "you", "like", "pie", "they", "like", "pies"],
        ),
        ("'a b', analyzer=>'NO_OP_ANALYZER'", ["a b"]),
        (
            f"""{PIE}, analyzer_options=>'{{"delimiters": [",", ".", "-"]}}'""",
            ["i like pie", " you like", "pie", " they like 2 pies"],
        ),
        (f"'I Ño', {FILTER % ''}", ["I", "Ño"]),
        ("'I Ño'", ["i", "Ño"]),
        (f"""'I Ño', {FILTER % '{"normalizer": {"mode": "UNICODE_LOWER"}}'}""", ["i", "ño"]),
        (f"'I ② Ño', {FILTER % FOLD}", ["i", "2", "ño"]),
        (f"""'② PIEs', {FILTER % (FOLD + ', {"stop_words": ["pies"]}')}""", ["2"]),
        (f"""'② PIEs', {FILTER % ('{"stop_words": ["pies"]}, ' + FOLD)}""", ["2", "pies"]),
    ],
)
def test_tokens(value: Value, arguments: str, tokens: list[str]) -> None:
    assert value(f"TEXT_ANALYZE({arguments})") == tokens


def test_bag_of_words(value: Value) -> None:
    assert value("BAG_OF_WORDS(['I', 'like', 'pie', 'pie', 'pie', NULL])") == [
        [None, 1],
        ["I", 1],
        ["like", 1],
        ["pie", 3],
    ]
