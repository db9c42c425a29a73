"""Fingerprints of queries: of the text, or of the hash that the service tells without it."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from bqsim.sim.rules.sqltext import sql_fingerprint, template

_KEPT = 65_536
_known: dict[bytes, str] = {}


def fingerprint_of(sql: str) -> str:
    """:func:`sql_fingerprint`, remembered: histories repeat texts with other literals. '' for no text."""
    if not sql:
        return ""
    key = hashlib.blake2b(template(sql).encode("utf-8", "surrogatepass"), digest_size=16).digest()
    found = _known.get(key)
    if found is None:
        if len(_known) >= _KEPT:
            _known.clear()
        found = _known[key] = sql_fingerprint(sql)
    return found


@lru_cache(maxsize=4096)
def fingerprint_of_hash(hashed: str) -> str:
    """16 hex digits of ``query_info.query_hashes.normalized_literals``; '' for none."""
    if not hashed:
        return ""
    return hashlib.blake2b(f"normalized_literals:{hashed}".encode(), digest_size=8).hexdigest()
