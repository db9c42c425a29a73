"""Text forms of bytes: base 16, 32 and 64, UTF-8."""

from __future__ import annotations

from bqsim.sql.lower.registry import Function, fn
from bqsim.types import BYTES, STRING

FUNCTIONS: list[Function] = [
    fn("to_hex", (BYTES,), sql="lower(hex({0}))"),
    fn("from_hex", (STRING,), sql="bq_from_hex({0})"),
    fn("to_base64", (BYTES,), sql="base64({0})"),
    fn("from_base64", (STRING,), sql="bq_from_base64({0})"),
    fn("to_base32", (BYTES,), sql="bq_to_base32({0})"),
    fn("from_base32", (STRING,), sql="bq_from_base32({0})"),
    fn("safe_convert_bytes_to_string", (BYTES,), sql="bq_safe_convert_bytes_to_string({0})"),
]
