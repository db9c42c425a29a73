"""Results compared row by row: in order where the query asks for one, else as sets."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from bqsim.sim.rules.sqltext import tokens

from .comparing import COUNT, EXTRA, MISSING, ORDER, TYPE, VALUE, Difference, equal

# So many differing rows are told one by one.
SHOWN_ROWS = 5
# Pairs of rows that are tried to see which are nearly the same.
_PAIRS = 250_000

Row = Mapping[str, Any]


@lru_cache(maxsize=1024)
def is_ordered(sql: str) -> bool:
    """Whether the last statement of ``sql`` has an ORDER BY of its own, which orders its rows."""
    return _has(sql, ("ORDER", "BY"))


@lru_cache(maxsize=1024)
def is_arbitrary(sql: str) -> bool:
    """Whether ``sql`` may answer with any rows of more: LIMIT without ORDER BY, samples, random numbers."""
    words = [text.upper() for _, text in _words(sql)]
    if any(word in ("RAND", "GENERATE_UUID", "TABLESAMPLE", "ANY_VALUE", "SESSION_USER") for word in words):
        return True
    clock = ("CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "CURRENT_DATETIME")
    if any(word in clock for word in words):
        return True
    return _has(sql, ("LIMIT",)) and not is_ordered(sql)


def _words(sql: str) -> list[tuple[str, str]]:
    return [(kind, text) for kind, text in tokens(sql) if kind != "space"]


def _has(sql: str, wanted: tuple[str, ...]) -> bool:
    words = [text.upper() for _, text in _words(sql)]
    while words and words[-1] == ";":
        words.pop()
    depth, levels = 0, []
    for word in words:
        if word in ("(", "["):
            depth += 1
        levels.append(depth)
        if word in (")", "]"):
            depth -= 1
    if ";" in words:
        start = max(i for i, word in enumerate(words) if word == ";") + 1
        words, levels = words[start:], levels[start:]
    # A query may stand in brackets as a whole.
    least = 0
    while words and words[0] == "(" and words[-1] == ")" and min(levels) > least:
        least += 1
        words, levels = words[1:-1], levels[1:-1]
    if not levels:
        return False
    floor = min(levels)
    at_level = [word for word, level in zip(words, levels, strict=True) if level == floor]
    size = len(wanted)
    return any(tuple(at_level[i : i + size]) == wanted for i in range(len(at_level) - size + 1))


def row_differences(
    expected: Sequence[Row], found: Sequence[Row], *, ordered: bool, whole: bool, keys: Sequence[str] = ()
) -> Iterator[Difference]:
    """What differs between the rows of two results. ``whole``: whether ``expected`` are all rows, else they
    are some of them; ``keys`` are the columns that they are ordered by, where those are known: rows that
    have them in common may come in any order."""
    if whole and len(expected) != len(found):
        yield Difference("rows", COUNT, len(expected), len(found))
    if ordered:
        pairs = [i for i, (a, b) in enumerate(zip(expected, found, strict=False)) if not equal(a, b)]
        if not pairs:
            return
        missing, extra = _unmatched(expected, found)
        if not missing and (not extra or not whole):
            if keys and _same_keys(expected, found, keys):
                return
            yield Difference("rows", ORDER, dict(expected[pairs[0]]), dict(found[pairs[0]]))
            return
        if len(expected) == len(found):
            yield from _cells(pairs, expected, found)
            return
    else:
        missing, extra = _unmatched(expected, found)
    yield from _unpaired(missing, extra if whole else [])


def _cells(pairs: Sequence[int], expected: Sequence[Row], found: Sequence[Row]) -> Iterator[Difference]:
    for at in pairs[:SHOWN_ROWS]:
        yield from _cell_differences(f"rows[{at}]", expected[at], found[at])
    if len(pairs) > SHOWN_ROWS:
        yield Difference("rows", VALUE, "equal rows", f"{len(pairs) - SHOWN_ROWS} more differ")


def _cell_differences(path: str, one: Row, other: Row) -> Iterator[Difference]:
    for name, value in one.items():
        if name not in other:
            yield Difference(f"{path}.{name}", MISSING, value)
        elif not equal(value, other[name]):
            same_type = type(value) is type(other[name]) or value is None or other[name] is None
            yield Difference(f"{path}.{name}", VALUE if same_type else TYPE, value, other[name])
    for name, value in other.items():
        if name not in one:
            yield Difference(f"{path}.{name}", EXTRA, None, value)


def _unpaired(missing: Sequence[Row], extra: Sequence[Row]) -> Iterator[Difference]:
    """Rows of one result only: those most alike are told as one that differs."""
    left = list(extra)
    for number, row in enumerate(missing):
        if number >= SHOWN_ROWS:
            yield Difference("rows", VALUE, "equal rows", f"{len(missing) - SHOWN_ROWS} more differ")
            return
        other = max(left, key=lambda r: _alike(row, r), default=None)
        if other is not None and (_alike(row, other) > 0 or len(row) == 1):
            left.remove(other)
            yield from _cell_differences("rows[*]", row, other)
        else:
            yield Difference("rows[*]", MISSING, dict(row))
    for row in left[:SHOWN_ROWS]:
        yield Difference("rows[*]", EXTRA, None, dict(row))


def _alike(one: Row, other: Row) -> int:
    return sum(equal(value, other.get(name)) for name, value in one.items())


def _unmatched(expected: Sequence[Row], found: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The rows of each that the other has not, counted as often as they come."""
    counts: Counter[str] = Counter(map(_text, found))
    by_text: dict[str, list[Row]] = defaultdict(list)
    for row in found:
        by_text[_text(row)].append(row)
    missing = []
    for row in expected:
        text = _text(row)
        if counts[text]:
            counts[text] -= 1
        else:
            missing.append(row)
    extra = [row for text, rows in by_text.items() for row in rows[: counts[text]]]
    if len(missing) * len(extra) > _PAIRS:
        return missing, extra
    # What is nearly equal: floating-point numbers that were added up in another order.
    far = []
    for row in missing:
        near = next((i for i, other in enumerate(extra) if equal(row, other)), None)
        if near is None:
            far.append(row)
        else:
            del extra[near]
    return far, extra


def _text(row: Row) -> str:
    return repr(list(row.items()))


def _same_keys(expected: Sequence[Row], found: Sequence[Row], keys: Sequence[str]) -> bool:
    return all(
        key in a and key in b and equal(a[key], b[key])
        for a, b in zip(expected, found, strict=False)
        for key in keys
    )


@lru_cache(maxsize=1024)
def order_keys(sql: str) -> tuple[str, ...]:
    """The columns of the result that ``sql`` orders by, by name; '' in front of numbers is never given: none
    when an expression is among them."""
    import sqlglot
    from sqlglot import exp

    try:
        tree = sqlglot.parse(sql, read="bigquery")[-1]
    except (sqlglot.errors.SqlglotError, RecursionError):
        return ()
    if not isinstance(tree, exp.Query) or tree.args.get("order") is None:
        return ()
    order = tree.args["order"]
    names = list(tree.named_selects)
    found = []
    for item in order.expressions:
        key = item.this if isinstance(item, exp.Ordered) else item
        if isinstance(key, exp.Column) and not key.table and (key.name in names or tree.is_star):
            found.append(key.name)
        elif isinstance(key, exp.Literal) and key.is_int and not tree.is_star and int(key.name) <= len(names):
            found.append(names[int(key.name) - 1])
        else:
            return ()
    return tuple(found)
