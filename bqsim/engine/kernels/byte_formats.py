"""CAST between BYTES and STRING with FORMAT: bases 2, 8, 16, 32 and 64, ASCII and UTF-8."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn

from bqsim.errors import invalid_query

from .bytes import base32_texts, from_base32, from_base64, from_hex, to_base32
from .hashing_rows import flat
from .kernel import Kernel
from .rows import row_kernel

_LINE = 76  # MIME's longest line


def _fail(message: str) -> NoReturn:
    raise invalid_query(message)


def _to_base2(value: bytes) -> str:
    return "".join(f"{byte:08b}" for byte in value)


def _to_base8(value: bytes) -> str:
    return f"{int.from_bytes(value, 'big'):o}".zfill((8 * len(value) + 2) // 3) if value else ""


def _to_base64(value: bytes) -> str:
    import base64

    return base64.b64encode(value).decode()


def _to_base64m(value: bytes) -> str:
    text = _to_base64(value)
    return "\n".join(text[i : i + _LINE] for i in range(0, len(text), _LINE))


def _to_ascii(value: bytes) -> str:
    return value.decode("ascii") if value.isascii() else _fail("Failed to decode invalid ASCII string")


def _to_utf8(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        _fail("A string is not valid UTF-8.")


def _from_base2(text: str) -> bytes:
    for i, c in enumerate(text):
        if c not in "01":
            offset = len(text[:i].encode())
            _fail(f"Failed to decode invalid base2 string due to character '{c}' at offset {offset}")
    return int(text, 2).to_bytes((len(text) + 7) // 8, "big") if text else b""


def _from_base8(text: str) -> bytes:
    """Eight digits are three bytes; of fewer digits at the left the bits over a whole byte are dropped."""
    if any(c not in "01234567" for c in text):
        _fail("Failed to decode invalid base8 string")
    if not text:
        return b""
    groups, rest = divmod(len(text), 8)
    size = groups * 3 + (rest + 2) // 3
    return (int(text, 8) & ((1 << (8 * size)) - 1)).to_bytes(size, "big")


def _from_ascii(text: str) -> bytes:
    return text.encode() if text.isascii() else _fail("Failed to decode invalid ASCII string")


_TO_TEXT: dict[str, Callable[[bytes], str]] = {
    "base2": _to_base2,
    "base8": _to_base8,
    "base16": bytes.hex,
    "hex": bytes.hex,
    "base32": to_base32,
    "base64": _to_base64,
    "base64m": _to_base64m,
    "ascii": _to_ascii,
    "utf8": _to_utf8,
    "utf-8": _to_utf8,
}
_FROM_TEXT: dict[str, Callable[[str], bytes]] = {
    "base2": _from_base2,
    "base8": _from_base8,
    "base16": from_hex,
    "hex": from_hex,
    "base32": from_base32,
    "base64": from_base64,
    "base64m": from_base64,
    "ascii": _from_ascii,
    "utf8": str.encode,
    "utf-8": str.encode,
}


def bytes_to_text(value: bytes, form: str) -> str:
    convert = _TO_TEXT.get(form.lower())
    return convert(value) if convert else _fail(f"Invalid format '{form}'")


def text_to_bytes(text: str, form: str) -> bytes:
    convert = _FROM_TEXT.get(form.lower())
    return convert(text) if convert else _fail(f"Invalid format '{form}'")


def _bytes_to_text(values: Any, forms: Any) -> Any:
    """All rows at once in base 32, the dearest form for one row."""
    import pyarrow as pa

    distinct = flat(forms).unique().to_pylist()
    if len(distinct) == 1 and distinct[0].lower() == "base32":
        return base32_texts(values)
    return pa.array(list(map(bytes_to_text, values.to_pylist(), forms.to_pylist())), pa.string())


KERNELS = (
    Kernel("bq_bytes_to_text", ("BLOB", "VARCHAR"), "VARCHAR", _bytes_to_text),
    row_kernel("bq_text_to_bytes", ("VARCHAR", "VARCHAR"), "BLOB", text_to_bytes),
)
