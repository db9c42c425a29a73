"""The text of queries, as rules compare it: normal form, fingerprint, and the statement type that it tells.

The normal form has one space between tokens, no comments, keywords in upper case, no backquotes around names,
and ``?`` for every literal; lists of literals in ``IN``, arrays and rows of ``VALUES`` count as one. It never
fails: text that is no SQL has a normal form, too. Forms of a text do not change between versions, so that
fingerprints can be kept in files.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from functools import lru_cache

# Words that do not tell names apart by their case. Others keep theirs: names of tables are case-sensitive.
_WORDS = """
    ALL ALTER AND ANY ARRAY AS ASC ASSERT ASSERT_ROWS_MODIFIED AT BEGIN BETWEEN BIGNUMERIC BOOL BREAK BY
    BYTES CALL CASE CAST CLONE CLUSTER COLLATE COLUMN COMMIT CONTAINS CONTINUE COPY CREATE CROSS CUBE
    CURRENT DATA DATE DATETIME DECLARE DEFAULT DEFINE DELETE DESC DISTINCT DO DROP ELSE ELSEIF END ENUM
    ESCAPE EXCEPT EXCEPTION EXCLUDE EXECUTE EXISTS EXPLAIN EXPORT EXTERNAL EXTRACT FALSE FETCH FLOAT64
    FOLLOWING FOR FROM FULL FUNCTION GEOGRAPHY GROUP GROUPING GROUPS HASH HAVING IF IGNORE IMMEDIATE IN
    INDEX INNER INSERT INT64 INTERSECT INTERVAL INTO IS ITERATE JOIN JSON KEYWORDS LATERAL LEAVE LEFT
    LIKE LIMIT LOAD LOOKUP LOOP MATCHED MATERIALIZED MERGE MODEL NATURAL NEW NO NOT NULL NULLS NUMERIC
    OF OFFSET ON OPTIONS OR ORDER ORDINAL OUTER OVER OVERWRITE PARTITION PIVOT POLICY PRECEDING
    PROCEDURE PROTO QUALIFY RAISE RANGE RECURSIVE RENAME REPEAT REPLACE RESPECT RETURN RIGHT ROLLBACK
    ROLLUP ROW ROWS SAFE_CAST SCHEMA SEARCH SELECT SET SNAPSHOT SOME STRING STRUCT SYSTEM_TIME TABLE
    TABLESAMPLE TEMP TEMPORARY THEN TIME TIMESTAMP TO TRANSACTION TREAT TRUE TRUNCATE UNBOUNDED UNION
    UNNEST UNPIVOT UNTIL UPDATE USING VALUES VECTOR VIEW WHEN WHERE WHILE WINDOW WITH WITHIN
"""
_KEYWORDS = frozenset(_WORDS.split())

# Nothing is read twice, whatever is left open: texts of clients may be long and hostile.
_SPACE = r"\s++ | --[^\n]*+ | \#[^\n]*+ | /\*.*?(?:\*/|\Z)"
_LITERAL = r"""
          (?:[rR][bB]?+ | [bB][rR]?+)?+
          (?: '{3}(?:\\.|[^\\']|'(?!''))*+(?:'{3}|\\\Z|)
            | "{3}(?:\\.|[^\\"]|"(?!""))*+(?:"{3}|\\\Z|)
            | '(?:\\.|[^'\\\n])*+(?:'|\\\Z|)
            | "(?:\\.|[^"\\\n])*+(?:"|\\\Z|) )
        | 0[xX][0-9a-fA-F]++(?!\w)
        | (?:\d++\.?+\d*+|\.\d++)(?:[eE][+-]?+\d++)?+(?!\w)
    """
_QUOTED = r"(?:\\.|[^`\\])*+"
_QUOTES_END = r"(?:`|\\\Z|)"
_WORD = r"@{0,2}+\w++"
_SIGN = r"<=>|<=|>=|<>|!=|\|\||<<|>>|=>|\|>|."
_TOKEN = re.compile(
    rf"(?P<space>{_SPACE}) | (?P<literal>{_LITERAL}) | `(?P<quoted>{_QUOTED}){_QUOTES_END}"
    rf"| (?P<word>{_WORD}) | (?P<sign>{_SIGN})",
    re.VERBOSE | re.DOTALL,
)
# What no literal, comment or name in quotes begins with: most of a text, taken at once.
_PLAIN = r"(?:[AC-QS-Z_ac-qs-z]\w*+ | [\ \n\t,()=*;]++)++"
# All tokens up to a literal, and that.
_UNTIL_LITERAL = re.compile(
    rf"((?: {_PLAIN} | {_SPACE} | (?!{_LITERAL}) (?: `{_QUOTED}{_QUOTES_END} | {_WORD} | {_SIGN} ) )*+)"
    rf"({_LITERAL})?+",
    re.VERBOSE | re.DOTALL,
)
_PARTS = re.compile(r"\w+|[^\w\s]")

# Lists of literals, however long, as one.
_LISTS = (
    (re.compile(r"\bIN \( \?(?: , \?)+ \)"), "IN ( ? )"),
    (re.compile(r"\[ \?(?: , \?)+ \]"), "[ ? ]"),
    (re.compile(r"(\( \?(?: , \?)* \))(?: , \1)+"), r"\1"),
)

_LONG_TEXT = 8192


def normal_sql(sql: str) -> str:
    """The normal form of ``sql``."""
    return _remembered(sql) if len(sql) <= _LONG_TEXT else _normal(sql)


def sql_fingerprint(sql: str) -> str:
    """16 hex digits, the same for every text with the same normal form."""
    return hashlib.blake2b(normal_sql(sql).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def template(sql: str) -> str:
    """What texts have in common that differ in literals only, found much faster than their normal form:
    those of one template have one normal form, but not the other way round."""
    found = _UNTIL_LITERAL.findall(sql)
    before = [text for text, _ in found]
    # The lengths say where literals were, whatever the texts hold; all but the last are followed by one.
    literals = sum(1 for _, literal in found if literal)
    return f"{literals} {[*map(len, before)]} {''.join(before)}"


def statement_type(sql: str) -> str:
    """The ``statementType`` that the text tells (``SELECT``, ``DROP_TABLE``, ``SCRIPT`` …); '' if none."""
    normal = normal_sql(sql)
    if " ; " in normal and not _PROCEDURE.match(normal):
        return "SCRIPT"
    for pattern, name in _STATEMENTS:
        found = pattern.match(normal)
        if found:
            return found.expand(name).replace(" ", "_")
    return ""


_CREATE = r"CREATE (?:OR REPLACE )?(?:TEMP |TEMPORARY )?"
_PROCEDURE = re.compile(_CREATE + r"PROCEDURE\b")
_OBJECTS = (
    "(TABLE FUNCTION|AGGREGATE FUNCTION|FUNCTION|MATERIALIZED VIEW|EXTERNAL TABLE|SNAPSHOT TABLE"
    "|ROW ACCESS POLICY|SEARCH INDEX|VECTOR INDEX|TABLE|VIEW|PROCEDURE|SCHEMA|MODEL|\\w+)"
)
_STATEMENTS = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"(?:\( )*(?:SELECT|WITH|FROM)\b", "SELECT"),
        (r"(INSERT|UPDATE|DELETE|MERGE|CALL|ASSERT)\b", r"\1"),
        (r"TRUNCATE\b", "TRUNCATE_TABLE"),
        (r"(EXPORT DATA|LOAD DATA)\b", r"\1"),
        (_CREATE + r"TABLE FUNCTION\b", "CREATE_TABLE_FUNCTION"),
        (_CREATE + r"(?:AGGREGATE )?FUNCTION\b", "CREATE_FUNCTION"),
        (_CREATE + r"TABLE\b.* AS (?:\( )*(?:SELECT|WITH|FROM)\b", "CREATE_TABLE_AS_SELECT"),
        (_CREATE + _OBJECTS, r"CREATE_\1"),
        (r"DROP ALL ROW\b", "DROP_ROW_ACCESS_POLICY"),
        (r"(DROP|ALTER) " + _OBJECTS, r"\1_\2"),
        (r"(?:BEGIN|COMMIT|ROLLBACK) TRANSACTION\b", "SCRIPT"),
        (r"(?:DECLARE|SET|IF|LOOP|WHILE|REPEAT|FOR|BEGIN|EXECUTE|RAISE|CASE|COMMIT|ROLLBACK)\b", "SCRIPT"),
    )
)


def tokens(sql: str) -> Iterator[tuple[str, str]]:
    """The tokens of ``sql``, each with its kind: ``literal``, as it is written, ``word`` (keywords in upper
    case) or ``sign``; comments and spaces are left out, names in backquotes are given in parts."""
    return _told(sql)


@lru_cache(maxsize=512)
def _remembered(sql: str) -> str:
    return _normal(sql)


def _normal(sql: str) -> str:
    text = " ".join(_tokens(sql))
    while text.endswith(" ;"):
        text = text[:-2]
    for pattern, one in _LISTS:
        text = pattern.sub(one, text)
    return text


def _tokens(sql: str) -> Iterator[str]:
    return ("?" if kind == "literal" else token for kind, token in _told(sql))


def _told(sql: str) -> Iterator[tuple[str, str]]:
    last = ""
    for found in _TOKEN.finditer(sql):
        kind = found.lastgroup
        if kind == "space":
            continue
        token = found.group()
        if kind == "quoted":
            for part in _PARTS.findall(found.group("quoted")):
                yield "word", part
            last = ""
            continue
        if kind == "word" and last != ".":
            upper = token.upper()
            if upper in _KEYWORDS:
                token = upper
        yield kind or "sign", token
        last = token
