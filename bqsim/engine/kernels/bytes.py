"""Functions on BYTES, and conversions between BYTES and text: base 16, 32 and 64, UTF-8, hashes of both."""

from __future__ import annotations

import hashlib
import re
from contextlib import suppress
from functools import lru_cache
from typing import Any

from bqsim.errors import invalid_query

from .hashing_rows import by_length, flat, lists, offsets_of
from .kernel import Kernel
from .rows import row_kernel
from .text import MAX_OUTPUT_BYTES, find_occurrence

_UNDECODED = re.compile("[\udc80-\udcff]")
_SPACES = b" \t\n\v\f\r"
# Digits of base 32 as those of numbers, all other bytes as what no number has.
_DIGITS = dict(zip(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789abcdefghijklmnopqrstuv", strict=True))
_BASE32 = bytes(_DIGITS.get(byte, 33) for byte in range(256))


def _pad(value: bytes, size: int, pattern: bytes, *, left: bool) -> bytes:
    if size < 0:
        raise invalid_query("Second argument (output size) for LPAD/RPAD cannot be negative")
    if size > MAX_OUTPUT_BYTES:
        raise invalid_query("Output of LPAD/RPAD exceeds max allowed output size of 1MB")
    if not pattern:
        raise invalid_query("Third argument (pad pattern) for LPAD/RPAD cannot be empty")
    missing = size - len(value)
    if missing <= 0:
        return value[:size]
    padding = (pattern * (missing // len(pattern) + 1))[:missing]
    return padding + value if left else value + padding


def lpad(value: bytes, size: int, pattern: bytes) -> bytes:
    return _pad(value, size, pattern, left=True)


def rpad(value: bytes, size: int, pattern: bytes) -> bytes:
    return _pad(value, size, pattern, left=False)


def replace(value: bytes, old: bytes, new: bytes) -> bytes:
    return value.replace(old, new) if old else value


def split(value: bytes, delimiter: bytes) -> list[bytes]:
    if delimiter:
        return value.split(delimiter)
    return [value[i : i + 1] for i in range(len(value))] or [b""]


def translate(value: bytes, source: bytes, target: bytes) -> bytes:
    table = bytearray(range(256))
    for i, byte in enumerate(source):
        if source.index(byte) != i:
            raise invalid_query(f"Duplicate byte 0x{byte:02x} in TRANSLATE source bytes")
        if i < len(target):
            table[byte] = target[i]
    return value.translate(bytes(table), source[len(target) :])


def _strip(value: bytes, characters: bytes, *, left: bool, right: bool) -> bytes:
    if not characters:
        return value
    if left:
        value = value.lstrip(characters)
    return value.rstrip(characters) if right else value


def code_points_to_bytes(column: Any) -> Any:
    """One byte for each code point; NULL for a list with a NULL in it."""
    import numpy as np
    import pyarrow as pa
    from pyarrow import compute as pc

    array = flat(column)
    offsets, values = lists(array)
    numbers = values.fill_null(0).to_numpy(zero_copy_only=False)
    upto = np.concatenate([[0], np.cumsum(values.is_null().to_numpy(zero_copy_only=False))])
    whole = np.diff(upto[offsets]) == 0
    bad = np.flatnonzero(((numbers < 0) | (numbers > 255)) & np.repeat(whole, np.diff(offsets)))
    if len(bad):
        raise invalid_query(f"Invalid ASCII value {numbers[bad[0]]}")
    places, data = pa.py_buffer(offsets.astype(np.int32)), pa.py_buffer(numbers.astype(np.uint8))
    found = pa.Array.from_buffers(pa.binary(), len(array), [None, places, data])
    return pc.if_else(pc.and_(array.is_valid(), pa.array(whole)), found, pa.scalar(None, pa.binary()))


def from_hex(text: str) -> bytes:
    for i, c in enumerate(text):
        if c not in "0123456789abcdefABCDEF":
            offset = len(text[:i].encode())
            raise invalid_query(
                f"Failed to decode invalid hexadecimal string due to character at offset {offset}: {text}"
            )
    return bytes.fromhex(text if len(text) % 2 == 0 else "0" + text)


def from_base64(text: str) -> bytes:
    """Standard alphabet; ASCII white space is skipped and missing padding is no error."""
    import base64
    import binascii

    with suppress(ValueError):
        # Most texts are well-formed.
        return binascii.a2b_base64(text, strict_mode=True)
    data = bytes(b for b in text.encode() if b not in _SPACES)
    body = data.rstrip(b"=")
    if len(data) != len(body) and (len(data) % 4 or len(data) - len(body) > 2):
        raise invalid_query("Failed to decode invalid base64 string")
    try:
        return base64.b64decode(body + b"=" * (-len(body) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise invalid_query("Failed to decode invalid base64 string") from None


def from_base32(text: str) -> bytes:
    body = text.rstrip("=")
    bits = 5 * len(body)
    try:
        if len(text) - len(body) > 6 or (len(text) != len(body) and len(text) % 8) or bits % 8 > 4:
            raise ValueError(text)
        number = int(body.encode().translate(_BASE32), 32) if body else 0
        return (number >> bits % 8).to_bytes(bits // 8, "big")
    except ValueError:
        raise invalid_query("Failed to decode invalid base32 string") from None


def to_base32(value: bytes) -> str:
    import base64

    return base64.b32encode(value).decode()


def base32_texts(column: Any) -> Any:
    """Base 32 of values, those of one length at once."""
    import numpy as np
    import pyarrow as pa

    digits = np.frombuffer(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", np.uint8)
    array = flat(column)
    count = len(array)
    sizes = (np.diff(offsets_of(array)).astype(np.int64) + 4) // 5 * 8
    upto = np.zeros(count + 1, np.int64)
    np.cumsum(sizes, out=upto[1:])
    out = np.zeros(int(upto[-1]), np.uint8)
    for places, rows in by_length(array):
        groups = -(-rows.length // 5)
        if not groups:
            continue
        padded = np.zeros((len(places), groups * 5), np.uint64)
        padded[:, : rows.length] = rows.matrix
        parts = padded.reshape(len(places), groups, 5)
        numbers = np.bitwise_or.reduce(parts << np.arange(32, -1, -8, dtype=np.uint64), axis=2)
        shifts = np.arange(35, -1, -5, dtype=np.uint64)
        codes = digits[((numbers[:, :, None] >> shifts) & np.uint64(31)).astype(np.intp)]
        codes = codes.reshape(len(places), groups * 8)
        codes[:, -(-rows.length * 8 // 5) :] = ord("=")
        out[upto[places][:, None] + np.arange(groups * 8)] = codes
    buffers = [None, pa.py_buffer(upto.astype(np.int32)), pa.py_buffer(out)]
    return pa.Array.from_buffers(pa.string(), count, buffers)


def safe_to_string(value: bytes) -> str:
    """Each byte that is no part of UTF-8 becomes U+FFFD."""
    return _UNDECODED.sub("\ufffd", value.decode("utf-8", "surrogateescape"))


@lru_cache(maxsize=1024)
def _like_pattern(pattern: bytes) -> re.Pattern[bytes]:
    """% and _ (one byte), a backslash before a character that stands for itself."""
    parts: list[bytes] = []
    at = 0
    while at < len(pattern):
        byte = pattern[at : at + 1]
        if byte == b"\\":
            at += 1
            if at == len(pattern):
                raise invalid_query("LIKE pattern ends with a backslash")
            parts.append(re.escape(pattern[at : at + 1]))
        else:
            parts.append({b"%": b".*", b"_": b"."}.get(byte) or re.escape(byte))
        at += 1
    return re.compile(b"".join(parts), re.DOTALL)


def like(value: bytes, pattern: bytes) -> bool:
    """LIKE on bytes."""
    return _like_pattern(pattern).fullmatch(value) is not None


def _like(values: Any, patterns: Any) -> Any:
    """LIKE with one pattern for all rows where there is one."""
    import pyarrow as pa
    import pyarrow.compute as pc

    distinct = flat(patterns).unique().to_pylist()
    if len(distinct) == 1 and b"\\" not in distinct[0]:
        return pc.match_like(flat(values), distinct[0])
    return pa.array(list(map(like, values.to_pylist(), patterns.to_pylist())), pa.bool_())


_ONE = ("BLOB",)
_TWO = ("BLOB", "BLOB")


def _trimmer(left: bool, right: bool) -> Any:
    return lambda value, characters: _strip(value, characters, left=left, right=right)


KERNELS = (
    row_kernel("bq_bytes_find", (*_TWO, "BIGINT", "BIGINT"), "BIGINT", find_occurrence),
    row_kernel("bq_bytes_lpad", ("BLOB", "BIGINT", "BLOB"), "BLOB", lpad),
    row_kernel("bq_bytes_rpad", ("BLOB", "BIGINT", "BLOB"), "BLOB", rpad),
    row_kernel("bq_bytes_trim", _TWO, "BLOB", _trimmer(True, True)),
    row_kernel("bq_bytes_ltrim", _TWO, "BLOB", _trimmer(True, False)),
    row_kernel("bq_bytes_rtrim", _TWO, "BLOB", _trimmer(False, True)),
    row_kernel("bq_bytes_replace", ("BLOB", "BLOB", "BLOB"), "BLOB", replace),
    row_kernel("bq_bytes_translate", ("BLOB", "BLOB", "BLOB"), "BLOB", translate),
    row_kernel("bq_bytes_reverse", _ONE, "BLOB", lambda value: value[::-1]),
    row_kernel("bq_bytes_upper", _ONE, "BLOB", bytes.upper),
    row_kernel("bq_bytes_lower", _ONE, "BLOB", bytes.lower),
    row_kernel("bq_bytes_split", _TWO, "BLOB[]", split),
    row_kernel("bq_bytes_to_code_points", _ONE, "BIGINT[]", list),
    row_kernel("bq_bytes_ascii", _ONE, "BIGINT", lambda value: value[0] if value else 0),
    row_kernel("bq_bytes_bit_count", _ONE, "BIGINT", lambda value: int.from_bytes(value, "big").bit_count()),
    Kernel("bq_bytes_like", _TWO, "BOOLEAN", _like),
    Kernel("bq_code_points_to_bytes", ("BIGINT[]",), "BLOB", code_points_to_bytes, null_in_null_out=False),
    row_kernel("bq_from_hex", ("VARCHAR",), "BLOB", from_hex),
    row_kernel("bq_from_base64", ("VARCHAR",), "BLOB", from_base64),
    row_kernel("bq_from_base32", ("VARCHAR",), "BLOB", from_base32),
    Kernel("bq_to_base32", _ONE, "VARCHAR", base32_texts),
    row_kernel("bq_bytes_to_string", _ONE, "VARCHAR", safe_to_string),
    row_kernel("bq_sha512", _ONE, "BLOB", lambda value: hashlib.sha512(value).digest()),
)

MACROS: tuple[str, ...] = (
    "CREATE MACRO bq_safe_convert_bytes_to_string(x) AS coalesce(TRY(decode(x)), bq_bytes_to_string(x))",
    """CREATE MACRO bq_bytes_substr(x, p) AS
            array_slice(x, bq_substr_start(octet_length(x), p), octet_length(x)),
        (x, p, n) AS CASE
        WHEN n < 0 AND x IS NOT NULL AND p IS NOT NULL THEN
            bq_error('Third argument in SUBSTR() cannot be negative')
        WHEN n = 0 AND x IS NOT NULL AND p IS NOT NULL THEN ''::BLOB
        WHEN n IS NOT NULL THEN array_slice(x, bq_substr_start(octet_length(x), p),
            bq_substr_start(octet_length(x), p) + least(n, 4294967295) - 1) END""",
    """CREATE MACRO bq_bytes_left(x, n) AS CASE
        WHEN n = 0 AND x IS NOT NULL THEN ''::BLOB
        WHEN n > 0 THEN array_slice(x, 1, least(n, 4294967295))
        WHEN x IS NOT NULL AND n < 0 THEN bq_error('Second argument in LEFT() cannot be negative') END""",
    """CREATE MACRO bq_bytes_right(x, n) AS CASE
        WHEN n = 0 AND x IS NOT NULL THEN ''::BLOB
        WHEN n > 0 THEN array_slice(x, octet_length(x) - least(n, octet_length(x)) + 1, octet_length(x))
        WHEN x IS NOT NULL AND n < 0 THEN bq_error('Second argument in RIGHT() cannot be negative') END""",
    """CREATE MACRO bq_bytes_starts_with(x, part) AS CASE WHEN part = ''::BLOB THEN x = x
        ELSE octet_length(x) >= octet_length(part) AND array_slice(x, 1, octet_length(part)) = part END""",
    """CREATE MACRO bq_bytes_ends_with(x, part) AS CASE WHEN part = ''::BLOB THEN x = x
        ELSE octet_length(x) >= octet_length(part)
            AND array_slice(x, octet_length(x) - octet_length(part) + 1, octet_length(x)) = part END""",
    f"""CREATE MACRO bq_bytes_repeat(x, n) AS CASE
        WHEN n < 0 AND x IS NOT NULL THEN
            bq_error('Second argument (repeat count) for REPEAT cannot be negative')
        WHEN octet_length(x) > 0 AND n > {MAX_OUTPUT_BYTES} // octet_length(x) THEN
            bq_error('Output of REPEAT exceeds max allowed output size of 1MB')
        WHEN octet_length(x) = 0 AND n IS NOT NULL THEN x
        ELSE repeat(x, n) END""",
)
