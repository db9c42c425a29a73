"""Fingerprints that are remembered are those of the text."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bqsim.history.fingerprints import fingerprint_of
from bqsim.sim.rules.sqltext import normal_sql, sql_fingerprint, template

_WORDS = ("a", "r", "b", "rb", "x1", "@", "@@p", "?", "é", "٣", "\x00", "IN", " AND ", "1", "0x", "e", "1e5")
_MARKS = ("'", '"', "'''", '"""', "\\", "`", "--", "#", "/*", "*/", "\n", " ", *".;(),=>-/[]")
TEXTS = st.lists(st.sampled_from(_WORDS + _MARKS), max_size=14).map("".join)


@given(st.lists(TEXTS, min_size=2))
def test_texts_of_one_template_have_one_normal_form(texts: list[str]) -> None:
    known: dict[str, str] = {}
    for text in texts:
        assert known.setdefault(template(text), normal_sql(text)) == normal_sql(text)
        assert fingerprint_of(text) == (sql_fingerprint(text) if text else "")


def test_literals_do_not_matter_but_where_they_are_does() -> None:
    assert template("SELECT a1, 1, 'x' -- 2\nFROM t") == template('SELECT a1, 0x9, r"""it\'s""" -- 2\nFROM t')
    assert template("LIMIT ") != template("LIMIT 1")
    assert template("a 1 b") != template("a  b")
    assert template("a ? b") != template("a 1 b")
    assert len({template(one) for one in ("", "1", "1 1", "a", "a 1", "a1", "`1`", "/* 1 */", "-- 1")}) == 9


def test_queries_that_differ_in_literals_are_one() -> None:
    texts = [f"SELECT * FROM t{n % 2} WHERE id = {n} AND day IN ('2026-01-{n:02}', 'x')" for n in range(9)]
    assert len({fingerprint_of(text) for text in texts}) == 2
    assert [fingerprint_of(text) for text in texts] == [sql_fingerprint(text) for text in texts]
