"""The collation und:ci: keys that compare as texts do, and search in texts.

A key is ICU's sort key in the root locale without its third level, so what differs by case (or width) alone
has one key. Search compares code points: each has a weight made of its key, ignorable ones have none, and a
match neither begins nor ends within a character and its accents.
"""

from __future__ import annotations

import threading
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache, lru_cache
from typing import Any

from bqsim.errors import invalid_query

from .kernel import Kernel

# Private characters stand for weights, so that texts of them can be searched as texts.
_FIRST_WEIGHT = 0xE000
_IGNORABLE = "0101"
_KEY = "regexp_extract(icu_sort_key(x, 'und'), '^(?:..)*?01(?:..)*?01')"

_weights: dict[str, str] = {}
_accents: set[str] = set()
_by_key: dict[str, str] = {}
_mutex = threading.Lock()


def _learn(characters: set[str]) -> None:
    """Give each code point its weight."""
    import duckdb

    with _mutex:
        new = sorted(c for c in characters if c not in _weights)
        if not new:
            return
        with duckdb.connect() as connection:
            rows = connection.execute(
                f"SELECT {_KEY} FROM (SELECT unnest($1::VARCHAR[]) AS x)", [new]
            ).fetchall()
        for character, (key,) in zip(new, rows, strict=True):
            weight = ""
            if key != _IGNORABLE:
                weight = _by_key.setdefault(key, chr(_FIRST_WEIGHT + len(_by_key)))
                if key.startswith("01"):
                    _accents.add(weight)
            _weights[character] = weight


@cache
def _ascii_weights() -> dict[int, str]:
    """The weights of the printable characters of ASCII, of which none is ignorable or an accent."""
    characters = [chr(code) for code in range(0x20, 0x7F)]
    _learn(set(characters))
    return {ord(c): _weights[c] for c in characters}


class Folded:
    """A text as weights; weight i comes from the characters from ``starts[i]`` to before ``ends[i]``."""

    __slots__ = ("ends", "starts", "text", "weights")

    def __init__(self, text: str) -> None:
        self.text = text
        self.starts: Sequence[int]
        self.ends: Sequence[int]
        if text.isascii() and text.isprintable():
            # Each character has one weight.
            self.weights = text.translate(_ascii_weights())
            self.starts, self.ends = range(len(text)), range(1, len(text) + 1)
            return
        parts = [unicodedata.normalize("NFKD", c) for c in text]
        unknown = {c for part in parts for c in part if c not in _weights}
        if unknown:
            _learn(unknown)
        weights: list[str] = []
        starts: list[int] = []
        ends: list[int] = []
        for place, part in enumerate(parts):
            for character in part:
                weight = _weights[character]
                if weight:
                    weights.append(weight)
                    starts.append(place)
                    ends.append(place + 1)
        self.weights, self.starts, self.ends = "".join(weights), starts, ends

    def boundary(self, at: int) -> bool:
        """Whether weight ``at`` begins a character with its accents; the end of the text does."""
        if at in (0, len(self.weights)):
            return True
        return self.weights[at] not in _accents and self.starts[at] != self.starts[at - 1]

    def find(self, part: str, begin: int = 0) -> int:
        """Where weights occur, -1 when nowhere."""
        at = self.weights.find(part, begin)
        while at >= 0 and not (self.boundary(at) and self.boundary(at + len(part))):
            at = self.weights.find(part, at + 1)
        return at

    def rfind(self, part: str) -> int:
        at = self.weights.rfind(part)
        while at > 0 and not (self.boundary(at) and self.boundary(at + len(part))):
            at = self.weights.rfind(part, 0, at + len(part) - 1)
        return at if at < 0 or (self.boundary(at) and self.boundary(at + len(part))) else -1

    def begins(self, part: str) -> bool:
        return self.weights.startswith(part) and self.boundary(len(part))

    def finishes(self, part: str) -> bool:
        return self.weights.endswith(part) and self.boundary(len(self.weights) - len(part))


@lru_cache(maxsize=4096)
def folded(text: str) -> Folded:
    return Folded(text)


def starts_with(text: str, part: str) -> bool:
    return folded(text).begins(folded(part).weights)


def ends_with(text: str, part: str) -> bool:
    return folded(text).finishes(folded(part).weights)


def strpos(text: str, part: str) -> int:
    if not part:
        return 1
    whole = folded(text)
    at = whole.find(folded(part).weights)
    if at < 0:
        return 0
    return whole.starts[at] + 1 if at < len(whole.starts) else 1


def instr(text: str, part: str, position: int, occurrence: int) -> int:
    if position == 0:
        raise invalid_query("The position argument in INSTR function cannot be zero.")
    if occurrence <= 0:
        raise invalid_query("The occurrence argument in INSTR function must be positive.")
    places = [start + 1 for start, _ in _matches(text, part)]
    if position > 0:
        found = [p for p in places if p >= position]
    else:
        found = [p for p in reversed(places) if p <= len(text) + position + 1]
    return found[occurrence - 1] if occurrence <= len(found) else 0


def _matches(text: str, part: str, *, apart: bool = False) -> list[tuple[int, int]]:
    """Where a part occurs, as places of characters; ``apart`` leaves out those that overlap."""
    whole, wanted = folded(text), folded(part).weights
    found: list[tuple[int, int]] = []
    if not wanted:
        return found
    at = whole.find(wanted)
    while at >= 0:
        end = at + len(wanted)
        found.append((whole.starts[at], whole.ends[end - 1]))
        at = whole.find(wanted, end if apart else at + 1)
    return found


def replace(text: str, part: str, new: str) -> str:
    return new.join(_pieces(text, part))


def _pieces(text: str, part: str) -> list[str]:
    pieces, at = [], 0
    for start, end in _matches(text, part, apart=True):
        pieces.append(text[at:start])
        at = end
    return [*pieces, text[at:]]


def split(text: str, separator: str) -> list[str]:
    if not separator:
        return list(text) or [""]
    return _pieces(text, separator)


@lru_cache(maxsize=1024)
def _segments(pattern: str) -> tuple[str, ...]:
    """The weights between a LIKE pattern's percent signs."""
    segments: list[str] = []
    current: list[str] = []
    characters = iter(pattern)
    for c in characters:
        if c == "\\":
            escaped = next(characters, None)
            if escaped is None:
                raise invalid_query("LIKE pattern ends with a backslash")
            current.append(escaped)
        elif c == "_":
            raise invalid_query(
                f"LIKE pattern has '_' which is not allowed when its operands have collation: {pattern}"
            )
        elif c == "%":
            segments.append("".join(current))
            current = []
        else:
            current.append(c)
    segments.append("".join(current))
    return tuple(folded(s).weights for s in segments)


def like(text: str, pattern: str) -> bool:
    segments = _segments(pattern)
    whole = folded(text)
    if len(segments) == 1:
        return whole.weights == segments[0]
    first, *middle, last = segments
    if not (whole.begins(first) and whole.finishes(last)):
        return False
    at, end = len(first), len(whole.weights) - len(last)
    for part in middle:
        found = whole.find(part, at) if part else at
        if found < 0:
            return False
        at = found + len(part)
    return at <= end


def distinct(values: Sequence[str | None]) -> list[str | None]:
    """The first of the values that are equal."""
    found: dict[str | None, str | None] = {}
    for value in values:
        found.setdefault(None if value is None else folded(value).weights, value)
    return list(found.values())


def _rows(function: Callable[..., Any], returns: str) -> Any:
    def batch(*columns: Any) -> Any:
        import pyarrow as pa

        types = {
            "bool": pa.bool_(),
            "int64": pa.int64(),
            "string": pa.string(),
            "list": pa.list_(pa.string()),
        }
        values = [c.to_pylist() for c in columns]
        return pa.array(list(map(function, *values)), types[returns])

    return batch


_T = "VARCHAR"
KERNELS: tuple[Kernel, ...] = (
    Kernel("bq_ci_starts_with_any", (_T, _T), "BOOLEAN", _rows(starts_with, "bool")),
    Kernel("bq_ci_ends_with_any", (_T, _T), "BOOLEAN", _rows(ends_with, "bool")),
    Kernel("bq_ci_strpos_any", (_T, _T), "BIGINT", _rows(strpos, "int64")),
    Kernel("bq_ci_instr", (_T, _T, "BIGINT", "BIGINT"), "BIGINT", _rows(instr, "int64")),
    Kernel("bq_ci_replace", (_T, _T, _T), _T, _rows(replace, "string")),
    Kernel("bq_ci_split", (_T, _T), "VARCHAR[]", _rows(split, "list")),
    Kernel("bq_ci_like_any", (_T, _T), "BOOLEAN", _rows(like, "bool")),
    Kernel("bq_ci_distinct", ("VARCHAR[]",), "VARCHAR[]", _rows(distinct, "list")),
)

_PLAIN = "NOT regexp_matches({}, '[^ -~]')"


def _fast(name: str, plain: str, more: str = "") -> str:
    """For printable ASCII the engine's own function of lower case texts."""
    condition = f"{_PLAIN.format('x')} AND {_PLAIN.format('y')}{more}"
    either = f"CASE WHEN {condition} THEN {plain} ELSE bq_ci_{name}_any(x, y) END"
    return f"CREATE MACRO bq_ci_{name}(x, y) AS {either}"


MACROS = (
    f"CREATE MACRO bq_ci_key(x) AS {_KEY}",
    _fast("starts_with", "starts_with(lower(x), lower(y))"),
    _fast("ends_with", "suffix(lower(x), lower(y))"),
    _fast("strpos", "strpos(lower(x), lower(y))"),
    _fast("like", "lower(x) LIKE lower(y)", r" AND NOT regexp_matches(y, '[_\\]')"),
)
