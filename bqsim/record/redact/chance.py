"""Values that stand for others: hashed, so that equal ones stay equal, or made up with the same form.

Both depend on the key and the value alone, so that the same value of two tables becomes the same. Numbers,
dates and short texts are permuted within their range: different values stay different.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

_ROUNDS = 6
_LONG = 16
_LOWER = "abcdefghijklmnopqrstuvwxyz"
_UPPER = _LOWER.upper()
_TEN = "0123456789"
# Letters of two, three and four bytes, for letters of as many.
_WIDE = {2: (0xC0, 0x17F), 3: (0x4E00, 0x9FA0), 4: (0x1F600, 0x1F640)}
_INT64_MOST = 2**63 - 1
_FROM, _TO = dt.date(1900, 1, 1).toordinal(), dt.date(2100, 1, 1).toordinal()
_ALL_DAYS = dt.date.max.toordinal()
_US_OF_DAY = 86_400_000_000
_EPOCH_DAY = dt.date(1970, 1, 1).toordinal()


def _number(key: bytes, *of: object) -> int:
    text = "\0".join(map(str, of)).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, key=key[:64], digest_size=16).digest(), "big")


def permuted(key: bytes, value: int, size: int, of: str) -> int:
    """Another of the numbers from 0 to ``size - 1``: different ones for different values."""
    if size <= 1:
        return value
    half = (max(2, (size - 1).bit_length()) + 1) // 2
    mask = (1 << half) - 1
    while True:
        left, right = value >> half, value & mask
        for turn in range(_ROUNDS):
            left, right = right, left ^ (_number(key, of, size, turn, right) & mask)
        value = left << half | right
        if value < size:
            return value


# --- made up, with the same form


def _alphabet(c: str) -> str:
    if c in _LOWER:
        return _LOWER
    if c in _UPPER:
        return _UPPER
    return _TEN if c in _TEN else ""


def _turned(c: str, by: int) -> str:
    alphabet = _alphabet(c)
    if alphabet:
        return alphabet[(alphabet.index(c) + by) % len(alphabet)]
    width = len(c.encode("utf-8", "surrogatepass"))
    if width > 1 and c.isalpha() and width in _WIDE:
        first, last = _WIDE[width]
        place = ord(c) - first if first <= ord(c) < last else ord(c) % (last - first)
        return chr(first + (place + by) % (last - first))
    return c


def text_like(key: bytes, text: str) -> str:
    """A text of the same length, in characters and bytes, with letters for letters and digits for digits."""
    places = [n for n, c in enumerate(text) if _alphabet(c) or (ord(c) > 127 and c.isalpha())]
    out = list(text)
    if len(places) > _LONG:
        stream = hashlib.shake_256(
            hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key[:64]).digest()
        ).digest(4 * len(places))
        for turn, n in enumerate(places):
            out[n] = _turned(out[n], int.from_bytes(stream[4 * turn : 4 * turn + 4], "big"))
        return "".join(out)
    form = "".join("x" if n in places else c for n, c in enumerate(text))
    # Each letter is turned by what stands before it, then by what stands behind it: all can be turned back.
    for order in (places, places[::-1]):
        seen = ""
        for n in order:
            was = out[n]
            out[n] = _turned(was, _number(key, form, n, seen, order is places))
            seen += was
    return "".join(out)


def digits_like(key: bytes, digits: str) -> str:
    """A number of as many digits."""
    least = 10 ** (len(digits) - 1) if len(digits) > 1 and digits[0] != "0" else 0
    most = 10 ** len(digits)
    if len(digits) == 19 and int(digits) <= _INT64_MOST:
        most = _INT64_MOST
    value = int(digits)
    return str(least + permuted(key, value - least, most - least, "digits")).zfill(len(digits))


_NUMBER = re.compile(r"([-+]?)(\d+)(?:\.(\d+))?([eE][-+]?\d+)?")


def decimal_like(key: bytes, text: str) -> str:
    """A number as long, before its point and behind it."""
    found = _NUMBER.fullmatch(text)
    if not found:
        return text
    sign, whole, part, power = found[1], found[2], found[3], found[4] or ""
    if not part:
        # "0" is a number of its own, as a number of one digit is.
        point = "" if part is None else "."
        return sign + digits_like(key, whole) + point + power
    all_digits = digits_like(key, whole + part) if whole != "0" else "0" + _fraction(key, part)
    done = all_digits[: len(whole)], all_digits[len(whole) :]
    # A last digit of 0 would be left out when the number is printed.
    last = done[1][:-1] + (done[1][-1] if done[1][-1] != "0" or part[-1] == "0" else "5")
    return f"{sign}{done[0]}.{last}{power}"


def _fraction(key: bytes, part: str) -> str:
    return str(permuted(key, int(part), 10 ** len(part), "fraction")).zfill(len(part))


def bytes_like(key: bytes, data: bytes) -> bytes:
    """As many bytes."""
    if len(data) <= 8:
        return permuted(key, int.from_bytes(data, "big"), 256 ** len(data), "bytes").to_bytes(
            len(data), "big"
        )
    return hashlib.shake_256(hashlib.blake2b(data, key=key[:64]).digest()).digest(len(data))


def day_like(key: bytes, ordinal: int) -> int:
    """A day (1 is 0001-01-01) of the same span: 1900 to 2099, or all."""
    if _FROM <= ordinal < _TO:
        return _FROM + permuted(key, ordinal - _FROM, _TO - _FROM, "day")
    other = ordinal - 1 if ordinal < _FROM else ordinal - 1 - (_TO - _FROM)
    made = permuted(key, other, _ALL_DAYS - (_TO - _FROM), "far day")
    return made + 1 if made + 1 < _FROM else made + 1 + (_TO - _FROM)


def micros_like(key: bytes, us: int) -> int:
    """A point in time (microseconds since 1970), as exact as the given one."""
    day, rest = divmod(us, _US_OF_DAY)
    return (day_like(key, day + _EPOCH_DAY) - _EPOCH_DAY) * _US_OF_DAY + time_like(key, rest)


def time_like(key: bytes, us: int) -> int:
    """A time of the day, as exact as the given one."""
    step = next(s for s in (_US_OF_DAY, 60_000_000, 1_000_000, 1_000, 1) if us % s == 0)
    if step == _US_OF_DAY:
        return us
    return permuted(key, us // step, _US_OF_DAY // step, f"time {step}") * step


# --- hashed


def text_hash(key: bytes, text: str) -> str:
    """32 hex digits."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), key=key[:64], digest_size=16).hexdigest()


def bytes_hash(key: bytes, data: bytes) -> bytes:
    """16 bytes."""
    return hashlib.blake2b(data, key=key[:64], digest_size=16).digest()


def int_hash(key: bytes, value: int) -> int:
    """Another INT64."""
    return permuted(key, value + 2**63, 2**64, "int") - 2**63


def float_hash(key: bytes, value: float) -> float:
    """A number from 0 to a million."""
    return (_number(key, "float", repr(float(value))) % 2**53) / 2**53 * 1e6


def decimal_hash(key: bytes, value: Decimal) -> Decimal:
    """A whole number of up to 18 digits."""
    return Decimal(_number(key, "decimal", value.normalize()) % 10**18)


def in_text(pattern: re.Pattern[str], text: str, work: Callable[[str], str]) -> str:
    """``text`` with ``work`` done to what ``pattern`` finds."""
    return pattern.sub(lambda found: work(found.group()), text)


def json_like(value: Any, text: Callable[[str], str], number: Callable[[int | float], Any]) -> Any:
    """JSON with other leaves, the same names and sizes."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {name: json_like(item, text, number) for name, item in value.items()}
    if isinstance(value, list):
        return [json_like(item, text, number) for item in value]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(value)
    return value
