"""Hashes of STRING (its UTF-8) and BYTES."""

from __future__ import annotations

from bqsim.sql.lower.registry import Function, fn
from bqsim.types import BYTES, STRING

_HASHES = {
    "md5": "unhex(md5({0}))",
    "sha1": "unhex(sha1({0}))",
    "sha256": "unhex(sha256({0}))",
}
_OF_BYTES = {"sha512": "bq_sha512", "farm_fingerprint": "bq_farm_fingerprint"}

FUNCTIONS: list[Function] = [
    *[fn(name, (type_,), sql=sql) for name, sql in _HASHES.items() for type_ in (STRING, BYTES)],
    *[fn(name, (BYTES,), sql=f"{macro}({{0}})") for name, macro in _OF_BYTES.items()],
    *[fn(name, (STRING,), sql=f"{macro}(encode({{0}}))") for name, macro in _OF_BYTES.items()],
]
