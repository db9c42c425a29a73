"""Regular expressions. The engine's and Arrow's are RE2, as GoogleSQL's; what differs is made up for here."""

from __future__ import annotations

import re
import warnings
from functools import lru_cache
from typing import Any

from bqsim.errors import invalid_query

from .hashing_rows import flat
from .kernel import Kernel
from .rows import row_kernel

_REWRITE = re.compile(r"\\(.?)", re.DOTALL)


@lru_cache(maxsize=4096)
def problem(pattern: str | bytes) -> str | None:
    """GoogleSQL's text when RE2 refuses a pattern."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        pc.match_substring_regex(pa.array([b"" if isinstance(pattern, bytes) else ""]), pattern)
    except pa.ArrowInvalid as error:
        return "Cannot parse regular expression: " + str(error).partition("expression: ")[2]
    return None


def groups(pattern: str) -> int:
    """The number of capturing groups of a valid pattern."""
    count = at = 0
    in_class = False
    while at < len(pattern):
        c = pattern[at]
        if c == "\\":
            if pattern[at + 1 : at + 2] == "Q":
                end = pattern.find(r"\E", at)
                at = len(pattern) if end < 0 else end
            at += 2
            continue
        if in_class:
            if pattern.startswith("[:", at):
                at = max(pattern.find(":]", at), at) + 1
            elif c == "]":
                in_class = False
        elif c == "[":
            in_class = True
            at += 1
            if pattern.startswith("^", at):
                at += 1
            if not pattern.startswith("]", at):
                continue
        elif c == "(":
            count += not pattern.startswith("(?", at) or pattern.startswith(("(?P<", "(?<"), at)
        at += 1
    return count


def never_empty(pattern: str) -> bool:
    """Whether a pattern surely matches no empty text; False when in doubt."""
    if "[[:" in pattern or "[^[:" in pattern or r"\Q" in pattern:
        return False
    plain = re.sub(r"\\[pP](\{[^}]*\}|.)", "a", pattern).replace(r"\C", "a").replace(r"\z", r"\Z")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return _least_width(plain) > 0
    except (re.error, OverflowError, RecursionError):
        return False


def _least_width(pattern: str) -> int:
    from re import _parser  # type: ignore[attr-defined]

    return int(_parser.parse(pattern).getwidth()[0])


def rewrite_problem(pattern: str, rewrite: str) -> str | None:
    """GoogleSQL's text for a bad replacement of REGEXP_REPLACE."""
    most = -1
    for match in _REWRITE.finditer(rewrite):
        if not match[1]:
            return r"Invalid REGEXP_REPLACE pattern: Rewrite schema error: '\' not allowed at end."
        if match[1].isascii() and match[1].isdigit():
            most = max(most, int(match[1]))
        elif match[1] != "\\":
            return (
                r"Invalid REGEXP_REPLACE pattern: Rewrite schema error: "
                r"'\' must be followed by a digit or '\'."
            )
    count = groups(pattern)
    if most > count:
        return (
            f"Invalid REGEXP_REPLACE pattern: Rewrite schema requests {most} matches, "
            f"but the regexp only has {count} parenthesized subexpressions."
        )
    return None


def _contains_bytes(value: bytes, pattern: bytes) -> bool:
    found: bool = _each_bytes("match_substring_regex", value, pattern)
    return found


def _replace_bytes(value: bytes, pattern: bytes, rewrite: bytes) -> bytes:
    bad = rewrite_problem(pattern.decode("latin-1"), rewrite.decode("latin-1"))
    if bad:
        raise invalid_query(bad)
    result: bytes = _each_bytes("replace_substring_regex", value, pattern, replacement=rewrite)
    return result


def _each_bytes(function: str, value: bytes, pattern: bytes, **options: Any) -> Any:
    import pyarrow as pa
    import pyarrow.compute as pc

    bad = problem(pattern)
    if bad:
        raise invalid_query(bad)
    return getattr(pc, function)(pa.scalar(value), pattern=pattern, **options).as_py()


def _bytes_contains(values: Any, patterns: Any) -> Any:
    """One vectorised call when the pattern is the same for all rows, as it nearly always is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    distinct = patterns.unique().to_pylist()
    if len(distinct) == 1:
        bad = problem(distinct[0])
        if bad:
            raise invalid_query(bad)
        return pc.match_substring_regex(values, distinct[0])
    pairs = zip(values.to_pylist(), patterns.to_pylist(), strict=True)
    return pa.array([_contains_bytes(v, p) for v, p in pairs], pa.bool_())


def _bytes_replace(values: Any, patterns: Any, rewrites: Any) -> Any:
    """One vectorised call when pattern and replacement are the same for all rows."""
    import pyarrow as pa
    import pyarrow.compute as pc

    pattern, rewrite = (flat(column).unique().to_pylist() for column in (patterns, rewrites))
    if len(pattern) == 1 and len(rewrite) == 1:
        bad = rewrite_problem(pattern[0].decode("latin-1"), rewrite[0].decode("latin-1")) or problem(
            pattern[0]
        )
        if bad:
            raise invalid_query(bad)
        return pc.replace_substring_regex(flat(values), pattern=pattern[0], replacement=rewrite[0])
    rows = zip(values.to_pylist(), patterns.to_pylist(), rewrites.to_pylist(), strict=True)
    return pa.array([_replace_bytes(*row) for row in rows], pa.binary())


KERNELS = (
    row_kernel("bq_regexp_problem", ("VARCHAR",), "VARCHAR", problem, nullable=True),
    row_kernel("bq_regexp_groups", ("VARCHAR",), "BIGINT", groups),
    row_kernel("bq_rewrite_problem", ("VARCHAR", "VARCHAR"), "VARCHAR", rewrite_problem, nullable=True),
    Kernel("bq_bytes_regexp_contains", ("BLOB", "BLOB"), "BOOLEAN", _bytes_contains),
    row_kernel("bq_latin1", ("BLOB",), "VARCHAR", lambda value: value.decode("latin-1")),
    row_kernel("bq_latin1_bytes", ("VARCHAR",), "BLOB", lambda text: text.encode("latin-1")),
    Kernel("bq_bytes_regexp_replace", ("BLOB", "BLOB", "BLOB"), "BLOB", _bytes_replace),
)

TOO_MANY_GROUPS = (
    "Regular expressions passed into extraction functions must not have more than 1 capturing group"
)

MACROS: tuple[str, ...] = (
    """CREATE MACRO bq_regexp_contains(x, pattern) AS CASE
        WHEN bq_regexp_problem(pattern) IS NULL THEN regexp_matches(x, pattern)
        WHEN x IS NOT NULL THEN bq_error(bq_regexp_problem(pattern)) END""",
    """CREATE MACRO bq_regexp_replace(x, pattern, rewrite) AS CASE
        WHEN x IS NULL OR pattern IS NULL OR rewrite IS NULL THEN NULL
        WHEN bq_regexp_problem(pattern) IS NOT NULL THEN bq_error(bq_regexp_problem(pattern))
        WHEN bq_rewrite_problem(pattern, rewrite) IS NOT NULL
            THEN bq_error(bq_rewrite_problem(pattern, rewrite))
        ELSE regexp_replace(x, pattern, rewrite, 'g') END""",
    # An empty result is no match, a group that took no part, or an empty match: the list of matches tells.
    """CREATE MACRO bq_regexp_first(x, pattern, item) AS coalesce(
        nullif(regexp_extract(x, pattern, item), ''), regexp_extract_all(x, pattern, item)[1])""",
    f"""CREATE MACRO bq_regexp_extract(x, pattern) AS CASE
        WHEN x IS NULL OR pattern IS NULL THEN NULL
        WHEN bq_regexp_problem(pattern) IS NOT NULL THEN bq_error(bq_regexp_problem(pattern))
        WHEN bq_regexp_groups(pattern) = 0 THEN bq_regexp_first(x, pattern, 0)
        WHEN bq_regexp_groups(pattern) = 1 THEN bq_regexp_first(x, pattern, 1)
        ELSE bq_error('{TOO_MANY_GROUPS}') END""",
    """CREATE MACRO bq_regexp_nth(x, pattern, item, position, occurrence) AS CASE
        WHEN x IS NULL OR position IS NULL OR occurrence IS NULL THEN NULL
        WHEN position < 1 THEN bq_error('Position must be positive')
        WHEN occurrence < 1 THEN bq_error('Occurrence must be positive')
        WHEN position > 4294967295 THEN NULL
        ELSE regexp_extract_all(substring(x, position), pattern, item)[occurrence] END""",
    """CREATE MACRO bq_regexp_all(x, pattern, item) AS list_transform(
        regexp_extract_all(x, pattern, item), lambda match: coalesce(match, ''))""",
    """CREATE MACRO bq_regexp_position(x, head, position) AS CASE
        WHEN x IS NULL OR position IS NULL THEN NULL
        WHEN position < 1 THEN bq_error('Position must be positive')
        WHEN position > 4294967295 THEN 0
        ELSE coalesce(length(regexp_extract_all(substring(x, position), head, 1)[1]) + position, 0) END""",
)
