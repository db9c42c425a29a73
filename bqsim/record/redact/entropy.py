"""Tokens that look drawn by chance, though their form tells no kind of secret."""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator

TOKEN = re.compile(r"[A-Za-z0-9+/_\-]{16,}={0,2}")
_HEX = re.compile(r"[0-9a-fA-F\-]+$")
# Ids that the service or its clients draw: no secrets.
_IDS = re.compile(
    r"(?:bq|bqts?|script|scheduled_query|async|beam|dataflow|airflow|dbt|looker|load|query|copy|extract|sha\d+)?"
    r"_?(?:job|anon|sess|session|stream|part|chunk|dsid|tmp|temp|test|run|script_job|md5|integrity)[_\-]",
    re.I,
)
_BEFORE = re.compile(
    r"(?:job|session|stream|etag|page_?token|request_?id|snapshot|upload|sha\d+|md5|crc32c|b64|cursor)s?"
    r"[\"']?\s*[/:=.#\-\[( ]+[\"']?$",
    re.I,
)
_RESOURCE = re.compile(
    r"(?:^|/)(?:projects|datasets|tables|jobs|locations|sessions|streams|keyRings|b|o|v\d)/"
)
_LOWER, _UPPER, _DIGIT = 1, 2, 4


def looks_random(token: str, *, least: int = 24, bits: float = 4.0, hinted: bool = False) -> bool:
    """Whether ``token`` is likely drawn by chance: of ``least`` characters, mixed cases and digits, near
    ``bits`` per character. ``hinted``: its name says that it may be a secret, so that less is enough."""
    plain = token.rstrip("=")
    if len(plain) < (16 if hinted else least) or (_HEX.match(plain) and not (hinted and len(plain) >= 32)):
        return False
    if _RESOURCE.search(token) or _IDS.match(token):
        return False
    classes = changes = last = 0
    for c in plain:
        now = _LOWER if c.islower() else _UPPER if c.isupper() else _DIGIT if c.isdigit() else last
        classes |= now
        changes += now != last
        last = now
    if hinted:
        enough = classes & _DIGIT and classes & (_LOWER | _UPPER) and changes >= len(plain) * 0.2
    else:
        enough = classes == _LOWER | _UPPER | _DIGIT and changes >= len(plain) * 0.38
    if not enough or plain.count("-") + plain.count("_") > len(plain) // 6:
        return False
    size = len(plain)
    counted = -sum(n / size * math.log2(n / size) for n in Counter(plain).values())
    if counted < min(bits, math.log2(size) * 0.8):
        return False
    return not _told(plain)


def _told(token: str) -> bool:
    """Whether it is base64 of what is no secret by itself: text, a file of a known form, many zeros."""
    try:
        data = base64.b64decode(
            token.replace("-", "+").replace("_", "/") + "=" * (-len(token) % 4), validate=True
        )
    except (binascii.Error, ValueError):
        return False
    printable = sum(32 <= b < 127 or b in b"\t\r\n" for b in data)
    if printable >= len(data) * 0.85:
        return True
    return data.startswith((b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"PAR1", b"Obj\x01", b"\xff\xff\xff\xff")) or (
        data.count(0) * 5 >= len(data)
    )


def random_tokens(text: str, *, least: int, bits: float, hinted: bool = False) -> Iterator[tuple[int, int]]:
    """Where tokens that look drawn by chance stand in ``text``: from, to."""
    for found in TOKEN.finditer(text):
        token = found.group()
        if "/" in token and _RESOURCE.search(token):
            continue
        if not hinted and _BEFORE.search(text, max(0, found.start() - 24), found.start()):
            continue
        if looks_random(token, least=least, bits=bits, hinted=hinted):
            yield found.start(), found.end()
