from __future__ import annotations

import contextlib
import time

import pytest

from bqsim.errors import BigQueryError
from bqsim.sql.googlesql.prepass import (
    ByteOffsets,
    LineStarts,
    is_single_statement,
    leading_keyword,
    names_in,
    offset_of,
    prepare,
)


def split(sql: str) -> str:
    return prepare(sql, 1 << 20, 300).sql


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("FROM `p.d.t`", "FROM `p`.`d`.`t`"),
        ("FROM `p`.`d.t`", "FROM `p`.`d`.`t`"),
        ("FROM `my-project.d.t`", "FROM `my-project`.`d`.`t`"),
        ("FROM `example.com:proj.d.t`", "FROM `example.com:proj`.`d`.`t`"),
        ("FROM `p.d.events_*`", "FROM `p`.`d`.`events_*`"),
        ("SELECT '`a.b`', \"`a.b`\" -- `a.b`", "SELECT '`a.b`', \"`a.b`\" -- `a.b`"),
        ("SELECT r'\\', `a.b`'", "SELECT r'\\', `a.b`'"),
        ("SELECT '''`a.b` ' `c.d`''', `e.f`", "SELECT '''`a.b` ' `c.d`''', `e`.`f`"),
        ("/* `a.b` */ # `c.d`\n`e.f`", "/* `a.b` */ # `c.d`\n`e`.`f`"),
        ("GRANT `roles/bigquery.dataViewer`", "GRANT `roles/bigquery.dataViewer`"),
        ("SELECT 1 AS `a.b`", "SELECT 1 AS `a.b`"),
        ("SELECT `.a`, `a..b`, `a.`", "SELECT `.a`, `a..b`, `a.`"),
        ("SELECT `unterminated.name", "SELECT `unterminated.name"),
    ],
)
def test_dotted_backticked_names_are_split_outside_strings_and_comments(sql: str, expected: str) -> None:
    assert split(sql) == expected


def test_positions_are_those_of_the_original_text() -> None:
    sql = "SELECT 1,\n\t`a.b.c` + `d.e` + x"
    prepared = prepare(sql, 1 << 20, 300)
    for word in ("a", "b", "c", "d", "e", "x"):
        at = prepared.sql.index(f"`{word}`") + 1 if word != "x" else prepared.sql.index("x")
        assert sql[prepared.original_offset(at)] == word
    line, column = LineStarts(prepared.sql).position(prepared.sql.index("x"))
    assert prepared.original_position(line, column) == LineStarts(sql).position(sql.index("x"))


def test_tabs_reach_to_multiples_of_eight() -> None:
    assert LineStarts("a\n\tb").position(3) == (2, 9)
    assert offset_of("a\n\tb", 2, 9) == 3


def test_byte_offsets_count_characters() -> None:
    text = "é𝄞x"
    offsets = ByteOffsets(text)
    assert [offsets.character(len(text[:n].encode())) for n in range(4)] == [0, 1, 2, 3]


def test_texts_over_the_limit_are_refused() -> None:
    with pytest.raises(BigQueryError, match="The query is too large") as caught:
        prepare("x" * 101, 100, 300)
    assert caught.value.reason.name == "invalid"


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT " + "(" * 301 + "1" + ")" * 301,
        "SELECT " + "[" * 400 + "1" + "]" * 400,
        "SELECT " + "+".join(["1"] * 5000),
        "SELECT " + "||".join(["'a'"] * 5000),
        "SELECT " + "NOT " * 5000 + "TRUE",
    ],
)
def test_deep_texts_are_too_complex(sql: str) -> None:
    with pytest.raises(BigQueryError, match="Not enough resources for query planning"):
        split(sql)


def test_brackets_in_strings_do_not_nest() -> None:
    assert split("SELECT '" + "(" * 5000 + "'")


def test_wide_texts_are_fine() -> None:
    assert split("SELECT * FROM t WHERE x IN (" + ",".join(["1"] * 20000) + ")")
    assert split("SELECT " + " AND ".join(["a + 1 = 2"] * 5000))


@pytest.mark.parametrize("character", ["\0", "\ud800"])
def test_what_is_no_text_is_a_syntax_error(character: str) -> None:
    with pytest.raises(BigQueryError, match=r"Syntax error: .* at \[1:8\]"):
        split(f"SELECT {character}")


@pytest.mark.parametrize("piece", ["/*", "'", "`", '"""', "'''", "\\", "a.", "(", "-- ", "`a.b`,", "@"])
def test_a_megabyte_of_anything_takes_no_long(piece: str) -> None:
    sql = piece * (1_000_000 // len(piece))
    # Of this thread's own: a loaded machine takes none of it.
    begun = time.thread_time()
    with contextlib.suppress(BigQueryError):
        names_in(prepare(sql, 1 << 20, 300).sql)
    is_single_statement(sql)
    assert time.thread_time() - begun < 5


def test_names_are_paths_and_calls() -> None:
    names = names_in("SELECT f(a.b), `x`.`y z` . w, 'no.name', 1e5, @p.q, my-project.d.t FROM d.g (1) -- t.u")
    assert ("a", "b") in names.paths
    assert ("x", "y z", "w") in names.paths
    assert ("my-project", "d", "t") in names.paths
    assert names.calls >= {("f",), ("d", "g")}
    assert not {p for p in names.paths if p[0] in ("no", "p", "e5", "t", "q")}


@pytest.mark.parametrize(
    ("sql", "single"),
    [
        ("SELECT 1", True),
        ("-- x; y\nSELECT ';' ; -- end\n", True),
        ("(SELECT 1)", True),
        ("SELECT 1; SELECT 2", False),
        ("DECLARE x INT64", False),
        ("label: BEGIN END", False),
        ("begin transaction", False),
        ("", False),
    ],
)
def test_single_statements_are_told_without_parsing(sql: str, single: bool) -> None:
    assert is_single_statement(sql) is single


def test_leading_keyword() -> None:
    assert leading_keyword("/* x */ ((with a as (select 1) select 2))") == "WITH"
    assert leading_keyword("1") == ""
