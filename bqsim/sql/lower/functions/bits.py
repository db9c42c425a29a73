"""Bitwise operators."""

from __future__ import annotations

from bqsim.sql.lower.registry import Function, fn
from bqsim.types import BYTES, INT64

FUNCTIONS: list[Function] = [
    fn("$bitwise_and", (INT64, INT64), sql="({0} & {1})"),
    fn("$bitwise_or", (INT64, INT64), sql="({0} | {1})"),
    fn("$bitwise_xor", (INT64, INT64), sql="xor({0}, {1})"),
    fn("$bitwise_not", (INT64,), sql="(~ {0})"),
    fn("$bitwise_left_shift", (INT64, INT64), sql="bq_shift_left({0}, {1})"),
    fn("$bitwise_right_shift", (INT64, INT64), sql="bq_shift_right({0}, {1})"),
    fn("$bitwise_and", (BYTES, BYTES), sql="bq_bytes_and({0}, {1})"),
    fn("$bitwise_or", (BYTES, BYTES), sql="bq_bytes_or({0}, {1})"),
    fn("$bitwise_xor", (BYTES, BYTES), sql="bq_bytes_xor({0}, {1})"),
    fn("$bitwise_not", (BYTES,), sql="bq_bytes_not({0})"),
    fn("$bitwise_left_shift", (BYTES, INT64), sql="bq_bytes_shift_left({0}, {1})"),
    fn("$bitwise_right_shift", (BYTES, INT64), sql="bq_bytes_shift_right({0}, {1})"),
]
