from __future__ import annotations

import threading

import pytest

from bqsim.sql.lower import nodes


def test_templates_place_their_arguments() -> None:
    tree = nodes.template("f({1}, {0}, {0})", nodes.raw("1"), nodes.column("s1", "c2"))
    assert nodes.render(tree) == "f(s1.c2, 1, 1)"


@pytest.mark.parametrize(
    ("text", "sql"),
    [
        ("a", "'a'"),
        ("it's", "'it''s'"),
        ("\\n", "'\\n'"),
        ("a\0b", "('a' || chr(0) || 'b')"),
        ("{0}", "'{0}'"),
    ],
)
def test_text_is_quoted(text: str, sql: str) -> None:
    assert nodes.render(nodes.text(text)) == sql


def test_select_of_a_derived_table() -> None:
    inner = nodes.select([nodes.alias(nodes.raw("1"), "k1")])
    outer = nodes.select([nodes.column("s1", "k1")], nodes.derived(inner, "s1"))
    assert nodes.render(outer) == "SELECT s1.k1 FROM (SELECT 1 AS k1) AS s1"


def test_names_of_functions_keep_their_case() -> None:
    assert nodes.render(nodes.call("bq_Text", nodes.raw("1"))) == "bq_Text(1)"


def test_case_and_conjunction() -> None:
    both = nodes.conjunction([nodes.raw("a"), nodes.raw("b")])
    assert nodes.render(nodes.case([(both, nodes.raw("1"))], nodes.null())) == (
        "CASE WHEN (a AND b) THEN 1 ELSE NULL END"
    )
    assert nodes.render(nodes.conjunction([nodes.raw("a")])) == "a"


def test_every_thread_renders() -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(nodes.render(nodes.raw("1")))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == ["1", "1", "1"]
