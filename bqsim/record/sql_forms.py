"""Forms of SQL texts that are equal when the texts mean the same, at a level of choice."""

from __future__ import annotations

import re
from functools import lru_cache

from bqsim.sim.rules.sqltext import normal_sql, tokens

# How texts are compared: to the letter; by their tokens with literals, but without comments, spacing, the
# case of keywords and functions, and quotes around names; the same without names of aliases; and
# without literals.
EXACT, NORMALISED, STRUCTURE, FINGERPRINT = "exact", "normalised", "structure", "fingerprint"
LEVELS = (EXACT, NORMALISED, STRUCTURE, FINGERPRINT)

_NUMBER = re.compile(r"(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?")
# A name after one of these is no function's, although a parenthesis follows it.
_NAMING = frozenset(
    {"TABLE", "INTO", "FROM", "JOIN", "VIEW", "FUNCTION", "PROCEDURE", "INSERT", "MERGE", "WITH"}
)
_PLAIN_WORD = re.compile(r"[A-Za-z_]\w*")
_LONG_TEXT = 65536


def sql_form(sql: str, level: str = NORMALISED) -> str:
    """The form of ``sql``. ValueError for a level that is none of :data:`LEVELS`."""
    if level == EXACT:
        return sql
    if level == FINGERPRINT:
        return normal_sql(sql)
    if level == STRUCTURE:
        return _remembered_structure(sql)
    if level != NORMALISED:
        raise ValueError(f"SQL is compared by one of {', '.join(LEVELS)}, not {level!r}")
    return _remembered(sql) if len(sql) <= _LONG_TEXT else _meaning(sql)


@lru_cache(maxsize=4096)
def _remembered(sql: str) -> str:
    return _meaning(sql)


def _meaning(sql: str) -> str:
    kept: list[str] = []
    for kind, token in tokens(sql):
        if kind == "literal":
            token = _literal(token)
        elif token == "(" and len(kept) > 1 and _is_function(kept):
            kept[-1] = kept[-1].upper()
        kept.append(token)
    while kept and kept[-1] == ";":
        kept.pop()
    return " ".join(kept)


def _is_function(kept: list[str]) -> bool:
    return kept[-2] not in _NAMING and kept[-2] != "." and _PLAIN_WORD.fullmatch(kept[-1]) is not None


def _literal(token: str) -> str:
    """A literal in one way of many: numbers without needless digits, texts in single quotes."""
    if token[0].isdigit() or token[0] == ".":
        return _number(token)
    quote = token[0]
    if quote not in "'\"":
        return token
    size = 3 if token[:3] == quote * 3 and len(token) >= 6 else 1
    text = token[size : len(token) - size]
    if "\\" in text or "'" in text or token[-size:] != quote * size or len(token) < 2 * size:
        return token
    return "'" + text.replace("\n", "\\n") + "'"


def _number(token: str) -> str:
    if token[:2] in ("0x", "0X"):
        return str(int(token, 16))
    found = _NUMBER.fullmatch(token)
    if found is None:
        return token
    whole, part, exponent = found[1], found[2], found[3]
    if part is None and exponent is None:
        return whole.lstrip("0") or "0"
    # 1.50, 1.5e0 and 15e-1 are one number, which an INT64 is not.
    digits = (whole + (part or "")).lstrip("0")
    scale = int(exponent or 0) - len(part or "")
    kept = digits.rstrip("0")
    return f"{kept or '0'}e{scale + len(digits) - len(kept) if kept else 0}"


@lru_cache(maxsize=4096)
def _remembered_structure(sql: str) -> str:
    return _structure(sql)


def _structure(sql: str) -> str:
    """The form of what sqlglot reads, aliases named by their order; of other texts the normalised one."""
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    # Symbols of cassettes are no names to a parser.
    plain = re.sub(r"\$\{([^}]*)\}", lambda m: "bqs__" + re.sub(r"\W", "_", m[1]), sql)
    try:
        trees = [tree for tree in sqlglot.parse(plain, read="bigquery") if tree is not None]
    except (SqlglotError, RecursionError):
        return sql_form(sql)
    texts = []
    for tree in trees:
        for command in tree.find_all(exp.Command):
            if command is not None:
                return sql_form(sql)
        names = _inner_names(tree, exp)
        for identifier in list(tree.find_all(exp.Identifier)):
            named = names.get(str(identifier.this).lower())
            if named is not None:
                identifier.set("this", named)
                identifier.set("quoted", False)
        texts.append(sql_form(tree.sql(dialect="bigquery", comments=False, identify=False)))
    return " ; ".join(texts)


def _inner_names(tree: object, exp: object) -> dict[str, str]:
    """Names that nothing outside of the statement sees: of tables' aliases and of WITH."""
    names: dict[str, str] = {}
    for alias in tree.find_all(exp.TableAlias):  # type: ignore[attr-defined]
        if alias.this is not None:
            names.setdefault(str(alias.this.this).lower(), f"alias_{len(names) + 1}")
    return names
