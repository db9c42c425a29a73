"""Functions on STRING. Positions and lengths count code points."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from bqsim.errors import invalid_query

from .kernel import Kernel
from .rows import row_kernel

# The code points with the Unicode property White_Space.
WHITE_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)
_INITCAP_DELIMITERS = WHITE_SPACE + '[](){}/|<>!?@"^#$&~_,.:;*%+-\\'
# Letters whose mappings are of one code point each and the same in all places: most of Latin-1.
_MAPPED_SIMPLY = re.compile("[\0-\xb4\xb6-\xde\xe0-\xfe]*")
_SIMPLE_LOWER = {"\u0130": "i"}
_NO_LETTERS, _REPEATED = re.compile("[^A-Za-z]+"), re.compile(r"(.)\1+")
# Letters to their Soundex digits, all other letters to nothing.
_SOUNDEX = dict.fromkeys(range(65, 123)) | {
    ord(c): str(d)
    for d, letters in enumerate(("BFPV", "CGJKQSXZ", "DT", "L", "MN", "R"), 1)
    for c in letters + letters.lower()
}


def find_occurrence(text: Any, part: Any, position: int, occurrence: int) -> int:
    """INSTR: the 1-based position of an occurrence (they may overlap), 0 when there is none."""
    if occurrence < 1:
        raise invalid_query("Occurrence must be positive")
    if position == 0:
        raise invalid_query("Position must be non-zero")
    if position > 0:
        at = text.find(part, position - 1)
        while at >= 0 and (occurrence := occurrence - 1):
            at = text.find(part, at + 1)
        return int(at) + 1
    start = len(text) + position
    if not part:
        return max(start + 3 - occurrence, 0)
    at = text.rfind(part, 0, start + len(part)) if start >= 0 else -1
    while at >= 0 and (occurrence := occurrence - 1):
        at = text.rfind(part, 0, at - 1 + len(part)) if at else -1
    return int(at) + 1


@lru_cache(maxsize=256)
def _word(delimiters: str) -> re.Pattern[str]:
    return re.compile(f"[^{re.escape(delimiters)}]+" if delimiters else ".+", re.DOTALL)


def initcap(text: str, delimiters: str) -> str:
    """Words between delimiters get one capital; only mappings of one code point to one count."""
    if text.isascii():
        return _word(delimiters).sub(lambda match: match[0].capitalize(), text)
    if _MAPPED_SIMPLY.fullmatch(text):
        return _word(delimiters).sub(lambda match: match[0][0].upper() + match[0][1:].lower(), text)
    result = []
    first = True
    for c in text:
        if c in delimiters:
            first = True
        else:
            mapped = (c.upper(), c.title()) if first else (c.lower(), _SIMPLE_LOWER.get(c, c))
            c = next((m for m in mapped if len(m) == 1), c)
            first = False
        result.append(c)
    return "".join(result)


def soundex(text: str) -> str:
    """The Soundex code of the ASCII letters; empty without one. The first letter keeps its case."""
    letters = _NO_LETTERS.sub("", text)
    if not letters:
        return ""
    # Letters without a digit do not part equal digits.
    digits = _REPEATED.sub(r"\1", letters.translate(_SOUNDEX))
    own = 1 if letters[0].translate(_SOUNDEX) else 0
    return (letters[0] + digits[own : own + 3]).ljust(4, "0")


def _edit_distances(lefts: Any, rights: Any, limits: Any) -> Any:
    """The Levenshtein distances in code points (or bytes), at most ``limits``."""
    import numpy as np
    import pyarrow as pa

    from bqsim.codecs.distance import distances

    most = np.array(limits.to_pylist(), np.int64)
    if (most < 0).any():
        raise invalid_query("Max distance must be non-negative")
    return pa.array(np.minimum(distances(lefts.to_pylist(), rights.to_pylist()), most))


def _translate(text: str, source: str, target: str) -> str:
    table: dict[int, str | None] = {}
    for i, c in enumerate(source):
        if ord(c) in table:
            raise invalid_query(f'Duplicate character "{c}" in TRANSLATE source characters')
        table[ord(c)] = target[i] if i < len(target) else None
    return text.translate(table)


def _normalize(text: str, mode: str) -> str:
    import unicodedata

    return unicodedata.normalize(mode, text)  # type: ignore[arg-type]


def normalize_and_casefold(text: str, mode: str) -> str:
    return _normalize(text, mode).casefold()


def code_points_to_string(code_points: list[int | None]) -> str | None:
    if None in code_points:
        return None
    for code_point in code_points:
        assert code_point is not None
        if not 0 <= code_point <= 0x10FFFF or 0xD800 <= code_point <= 0xDFFF:
            raise invalid_query(f"Invalid codepoint {code_point}")
    return "".join(map(chr, code_points))  # type: ignore[arg-type]


KERNELS = (
    row_kernel("bq_full_upper", ("VARCHAR",), "VARCHAR", str.upper),
    row_kernel("bq_full_lower", ("VARCHAR",), "VARCHAR", str.lower),
    row_kernel("bq_reverse_code_points", ("VARCHAR",), "VARCHAR", lambda text: text[::-1]),
    row_kernel("bq_find_occurrence", ("VARCHAR", "VARCHAR", "BIGINT", "BIGINT"), "BIGINT", find_occurrence),
    row_kernel("bq_initcap_delimiters", ("VARCHAR", "VARCHAR"), "VARCHAR", initcap),
    row_kernel("bq_soundex", ("VARCHAR",), "VARCHAR", soundex),
    Kernel("bq_edit_distance_wide", ("VARCHAR", "VARCHAR", "BIGINT"), "BIGINT", _edit_distances),
    Kernel("bq_bytes_edit_distance", ("BLOB", "BLOB", "BIGINT"), "BIGINT", _edit_distances),
    row_kernel("bq_translate_any", ("VARCHAR", "VARCHAR", "VARCHAR"), "VARCHAR", _translate),
    row_kernel("bq_normalize_wide", ("VARCHAR", "VARCHAR"), "VARCHAR", _normalize),
    row_kernel("bq_casefold_wide", ("VARCHAR", "VARCHAR"), "VARCHAR", normalize_and_casefold),
    row_kernel("bq_code_points_to_string", ("BIGINT[]",), "VARCHAR", code_points_to_string, nullable=True),
)

MAX_OUTPUT_BYTES = 1 << 20


def _codes(text: str) -> str:
    """The engine's expression of a text, free of characters that need care in SQL."""
    return " || ".join(f"chr({ord(c)})" for c in text)


def _trim(name: str) -> str:
    """The short set is for speed: the engine reads the set again for every row."""
    return f"""CREATE MACRO bq_{name}(x) AS CASE
            WHEN strlen(x) = length(x) THEN {name}(x, {_codes(WHITE_SPACE[:6])})
            ELSE {name}(x, {_codes(WHITE_SPACE)}) END,
        (x, set) AS {name}(x, set)"""


def _left_right(name: str) -> str:
    return f"""CREATE MACRO bq_{name}(x, n) AS CASE
        WHEN n >= 0 THEN {name}(x, least(n, 4294967295))
        WHEN x IS NOT NULL AND n IS NOT NULL THEN
            bq_error('Second argument in {name.upper()}() cannot be negative') END"""


def _pad(name: str) -> str:
    return f"""CREATE MACRO bq_{name}(x, n, pad) AS CASE
        WHEN n BETWEEN 0 AND {MAX_OUTPUT_BYTES} AND pad <> '' THEN {name}(x, CAST(n AS INTEGER), pad)
        WHEN x IS NULL OR n IS NULL OR pad IS NULL THEN NULL
        WHEN n < 0 THEN bq_error('Second argument (output size) for LPAD/RPAD cannot be negative')
        WHEN n > {MAX_OUTPUT_BYTES}
            THEN bq_error('Output of LPAD/RPAD exceeds max allowed output size of 1MB')
        ELSE bq_error('Third argument (pad pattern) for LPAD/RPAD cannot be empty') END"""


MACROS: tuple[str, ...] = (
    """CREATE MACRO bq_ascii(x) AS CASE WHEN unicode(x) < 128 THEN greatest(unicode(x), 0)::BIGINT
        WHEN x IS NOT NULL THEN
            bq_error('Argument to ASCII is not a structurally valid ASCII string: ''' || x || '''') END""",
    "CREATE MACRO bq_unicode(x) AS CASE WHEN x = '' THEN 0 ELSE unicode(x) END::BIGINT",
    """CREATE MACRO bq_chr(n) AS CASE WHEN n BETWEEN 0 AND 55295 OR n BETWEEN 57344 AND 1114111
        THEN chr(CAST(n AS INTEGER))
        WHEN n IS NOT NULL THEN bq_error('Invalid codepoint ' || n) END""",
    "CREATE MACRO bq_upper(x) AS CASE WHEN strlen(x) = length(x) THEN upper(x) ELSE bq_full_upper(x) END",
    "CREATE MACRO bq_lower(x) AS CASE WHEN strlen(x) = length(x) THEN lower(x) ELSE bq_full_lower(x) END",
    """CREATE MACRO bq_reverse(x) AS
        CASE WHEN strlen(x) = length(x) THEN reverse(x) ELSE bq_reverse_code_points(x) END""",
    """CREATE MACRO bq_substr_start(size, p) AS CASE WHEN p > 0 THEN least(p, 4294967295) WHEN p = 0 THEN 1
        WHEN p < 0 THEN greatest(size + p + 1, 1) END""",
    """CREATE MACRO bq_substr(x, p) AS substring(x, bq_substr_start(length(x), p)),
        (x, p, n) AS CASE
        WHEN n < 0 AND x IS NOT NULL AND p IS NOT NULL THEN
            bq_error('Third argument in SUBSTR() cannot be negative')
        ELSE substring(x, bq_substr_start(length(x), p),
            CASE WHEN n > 4294967295 THEN 4294967295 ELSE n END) END""",
    _left_right("left"),
    _left_right("right"),
    _pad("lpad"),
    _pad("rpad"),
    f"""CREATE MACRO bq_repeat(x, n) AS CASE
        WHEN n < 0 AND x IS NOT NULL THEN
            bq_error('Second argument (repeat count) for REPEAT cannot be negative')
        WHEN strlen(x) > 0 AND n > {MAX_OUTPUT_BYTES} // strlen(x) THEN
            bq_error('Output of REPEAT exceeds max allowed output size of 1MB')
        WHEN x = '' AND n IS NOT NULL THEN ''
        ELSE repeat(x, n) END""",
    *map(_trim, ("trim", "ltrim", "rtrim")),
    """CREATE MACRO bq_instr(x, part, p, n) AS CASE WHEN p = 1 AND n = 1 THEN instr(x, part)
        ELSE bq_find_occurrence(x, part, p, n) END""",
    """CREATE MACRO bq_translate(x, source, target) AS CASE
        WHEN len(list_distinct(string_split(source, ''))) = length(source) AND source <> ''
        THEN translate(x, source, target) ELSE bq_translate_any(x, source, target) END""",
    f"""CREATE MACRO bq_initcap(x) AS bq_initcap_delimiters(x, {_codes(_INITCAP_DELIMITERS)}),
        (x, delimiters) AS bq_initcap_delimiters(x, delimiters)""",
    """CREATE MACRO bq_edit_distance(x, y, most) AS
        CASE WHEN strlen(x) = length(x) AND strlen(y) = length(y) AND most >= 0
        THEN least(levenshtein(x, y), most) ELSE bq_edit_distance_wide(x, y, most) END""",
    """CREATE MACRO bq_normalize(x, mode) AS
        CASE WHEN strlen(x) = length(x) THEN x ELSE bq_normalize_wide(x, mode) END""",
    """CREATE MACRO bq_normalize_and_casefold(x, mode) AS
        CASE WHEN strlen(x) = length(x) THEN lower(x) ELSE bq_casefold_wide(x, mode) END""",
    """CREATE MACRO bq_split(x, delimiter) AS
        CASE WHEN delimiter IS NOT NULL THEN string_split(x, delimiter) END""",
    """CREATE MACRO bq_to_code_points(x) AS CASE WHEN x = '' THEN CAST([] AS BIGINT[])
        ELSE list_transform(string_split(x, ''), lambda c: CAST(unicode(c) AS BIGINT)) END""",
    """CREATE MACRO bq_contains_substr(x, part) AS contains(
        bq_normalize_and_casefold(x, 'NFKC'), bq_normalize_and_casefold(part, 'NFKC'))""",
    """CREATE MACRO bq_any(tests) AS CASE
        WHEN tests IS NULL THEN NULL
        WHEN list_contains(tests, true) THEN true
        WHEN len(list_filter(tests, lambda test: test IS NULL)) > 0 THEN NULL ELSE false END""",
)
