"""Functions on BYTES."""

from __future__ import annotations

from bqsim.sql.lower.registry import Function, fn
from bqsim.types import BYTES, INT64, TypeKind

FUNCTIONS: list[Function] = [
    fn("$like", (BYTES, BYTES), sql="bq_bytes_like({0}, {1})"),
    fn("ascii", (BYTES,), sql="bq_bytes_ascii({0})"),
    fn("bit_count", (BYTES,), sql="bq_bytes_bit_count({0})"),
    fn("byte_length", (BYTES,), sql="octet_length({0})"),
    fn("length", (BYTES,), sql="octet_length({0})"),
    fn("starts_with", (BYTES, BYTES), sql="bq_bytes_starts_with({0}, {1})"),
    fn("ends_with", (BYTES, BYTES), sql="bq_bytes_ends_with({0}, {1})"),
    fn("strpos", (BYTES, BYTES), sql="bq_bytes_find({0}, {1}, 1, 1)"),
    fn("instr", (BYTES, BYTES), sql="bq_bytes_find({0}, {1}, 1, 1)"),
    fn("instr", (BYTES, BYTES, INT64), sql="bq_bytes_find({0}, {1}, {2}, 1)"),
    fn("instr", (BYTES, BYTES, INT64, INT64), sql="bq_bytes_find({0}, {1}, {2}, {3})"),
    fn("left", (BYTES, INT64), sql="bq_bytes_left({0}, {1})"),
    fn("right", (BYTES, INT64), sql="bq_bytes_right({0}, {1})"),
    fn("substr", (BYTES, INT64), sql="bq_bytes_substr({0}, {1})"),
    fn("substr", (BYTES, INT64, INT64), sql="bq_bytes_substr({0}, {1}, {2})"),
    fn("upper", (BYTES,), sql="bq_bytes_upper({0})"),
    fn("lower", (BYTES,), sql="bq_bytes_lower({0})"),
    fn("trim", (BYTES, BYTES), sql="bq_bytes_trim({0}, {1})"),
    fn("ltrim", (BYTES, BYTES), sql="bq_bytes_ltrim({0}, {1})"),
    fn("rtrim", (BYTES, BYTES), sql="bq_bytes_rtrim({0}, {1})"),
    fn("lpad", (BYTES, INT64), sql="bq_bytes_lpad({0}, {1}, ' '::BLOB)"),
    fn("lpad", (BYTES, INT64, BYTES), sql="bq_bytes_lpad({0}, {1}, {2})"),
    fn("rpad", (BYTES, INT64), sql="bq_bytes_rpad({0}, {1}, ' '::BLOB)"),
    fn("rpad", (BYTES, INT64, BYTES), sql="bq_bytes_rpad({0}, {1}, {2})"),
    fn("repeat", (BYTES, INT64), sql="bq_bytes_repeat({0}, {1})"),
    fn("replace", (BYTES, BYTES, BYTES), sql="bq_bytes_replace({0}, {1}, {2})"),
    fn("reverse", (BYTES,), sql="bq_bytes_reverse({0})"),
    fn("split", (BYTES, BYTES), sql="bq_bytes_split({0}, {1})"),
    fn("translate", (BYTES, BYTES, BYTES), sql="bq_bytes_translate({0}, {1}, {2})"),
    fn("to_code_points", (BYTES,), sql="bq_bytes_to_code_points({0})"),
    fn("code_points_to_bytes", (TypeKind.ARRAY,), sql="bq_code_points_to_bytes({0})"),
]
