"""What stands in the place of secrets: marks, the same for all, or pseudonyms, the same for equal secrets."""

from __future__ import annotations

import hashlib
import hmac
import re

from .kinds import NAMES

# Whoever gives no key gets pseudonyms that are stable everywhere; who knows a value can then tell its
# pseudonym.
DEFAULT_KEY = b"bqsim"
_DOMAIN = "redacted.example"
_ACCOUNTS = "redacted.iam.gserviceaccount.com"
_NUMBER = "999999"
_HEX_DIGITS = 12


def digest(key: bytes, kind: str, value: str | bytes) -> bytes:
    """32 bytes that only who has the key can tell from the value."""
    data = value.encode("utf-8", "surrogatepass") if isinstance(value, str) else value
    return hmac.new(key, kind.encode() + b"\0" + data, hashlib.sha256).digest()


def mark(kind: str) -> str:
    """What stands for a secret of which nothing is kept."""
    return f"redacted-{kind}"


def pseudonym(key: bytes, kind: str, value: str) -> str:
    """What stands for a secret so that equal ones stay equal: digits for digits."""
    if kind == "email":
        name = digest(key, kind, value.lower()).hex()[:_HEX_DIGITS]
        if value.lower().endswith(".gserviceaccount.com"):
            return f"sa-{name}@{_ACCOUNTS}"
        return f"user-{name}@{_DOMAIN}"
    if kind == "project-number":
        return _NUMBER + str(int.from_bytes(digest(key, kind, value)[:8], "big") % 10**9).zfill(9)
    return f"{mark(kind)}-{digest(key, kind, value).hex()[:_HEX_DIGITS]}"


def same_length(key: bytes, kind: str, value: str, equal: bool) -> str:
    """As long as ``value``, for bytes whose places must stay: digits of a hash when equal ones stay equal."""
    if equal:
        return ("x" + digest(key, kind, value).hex() * (len(value) // 64 + 1))[: len(value)]
    return "x" * len(value)


def marks(own: frozenset[str] = frozenset()) -> re.Pattern[str]:
    """Finds what redaction has written, and symbols; ``own`` are kinds of the user."""
    names = "|".join(sorted(map(re.escape, NAMES | own), key=lambda n: (-len(n), n)))
    return re.compile(
        rf"redacted-(?:{names})(?:-[0-9a-f]{{{_HEX_DIGITS}}}(?![0-9a-f]))?"
        rf"|user-[0-9a-f]{{{_HEX_DIGITS}}}(?:@|%40){re.escape(_DOMAIN)}"
        rf"|sa-[0-9a-f]{{{_HEX_DIGITS}}}(?:@|%40){re.escape(_ACCOUNTS)}"
        rf"|(?<!\d){_NUMBER}\d{{9}}(?!\d)"
        r"|\$\{[a-z]+(?::[A-Za-z0-9_.\-]+)?(?:@[0-9a-f]{16}\.\d+)?\}"
    )
