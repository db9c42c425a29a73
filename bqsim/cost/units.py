"""Units of bytes and of time, as prices and budgets are written: decimal and binary ones are never mixed
up."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

# Decimal units end in B, binary ones in iB. BigQuery bills by binary ones, whatever older pages call them.
BYTES: Mapping[str, int] = {
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "PB": 10**15,
    "KiB": 2**10,
    "MiB": 2**20,
    "GiB": 2**30,
    "TiB": 2**40,
    "PiB": 2**50,
}
# In milliseconds of a slot.
SLOT_TIME: Mapping[str, int] = {"slot-ms": 1, "slot-s": 1000, "slot-h": 3_600_000}
# What recommendations of the service take a month to be.
HOURS_PER_MONTH = 730
DAYS_PER_MONTH = HOURS_PER_MONTH / 24
_QUANTITY = re.compile(r"\s*([0-9][0-9_,]*(?:\.[0-9]+)?)?\s*([A-Za-z-]+)?\s*")


def bytes_of(text: str | int) -> int:
    """The bytes of ``10 GiB``, ``1.5TB``, ``1024`` or ``GiB``. ValueError for other texts, naming the
    units."""
    if isinstance(text, int):
        return text
    found = _QUANTITY.fullmatch(text)
    if not found or not text.strip():
        raise ValueError(f"{text!r} is no size: write it as 10 GiB or 500 MB")
    number, unit = found.groups()
    if unit is None and number is not None:
        unit = "B"
    if unit not in BYTES:
        raise ValueError(f"{unit!r} is no unit of bytes: {', '.join(BYTES)}")
    try:
        amount = Decimal((number or "1").replace("_", "").replace(",", ""))
    except InvalidOperation:
        raise ValueError(f"{text!r} is no size: write it as 10 GiB or 500 MB") from None
    return int(amount * BYTES[unit])


def shown_bytes(count: float) -> str:
    """A number of bytes for people, in binary units: ``1.50 GiB``."""
    sign, size = ("-", -count) if count < 0 else ("", count)
    for unit in ("PiB", "TiB", "GiB", "MiB", "KiB"):
        if size >= BYTES[unit]:
            return f"{sign}{size / BYTES[unit]:.2f} {unit}"
    return f"{sign}{round(size)} B"


def shown_money(amount: float, currency: str) -> str:
    """Money for people: two digits, more where it is little."""
    amount = 0.0 if abs(amount) < 0.00005 else amount
    digits = 2 if abs(amount) >= 0.1 or not amount else 4
    return f"{amount:,.{digits}f} {currency}".rstrip()


def shown_share(ratio: float) -> str:
    """A change as a share: ``+12.5 %``; ``new`` from nothing."""
    if ratio == float("inf"):
        return "from 0"
    return f"{ratio * 100:+.1f} %"
