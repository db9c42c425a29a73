"""Text forms of bytes: base 16, 32 and 64, UTF-8; CAST between BYTES and STRING with FORMAT."""

from __future__ import annotations

from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import Function, FunctionCall, Unsupported, fn
from bqsim.types import BYTES, STRING

# CAST from STRING with FORMAT, by the target's name: the macro of (value, format).
STRING_CASTS = {"BYTES": "bq_text_to_bytes"}
_BYTES_CASTS = {"STRING": "bq_bytes_to_text"}


def _cast_format(macros: dict[str, str]) -> Any:
    def build(call: FunctionCall) -> exp.Expression:
        macro = macros.get(call.literals[2])
        if macro is None:
            raise Unsupported(f"CAST from {call.types[0]} to {call.literals[2]} with FORMAT")
        return nodes.template(f"{macro}({{0}}, {{1}})", call.args[0], call.args[1])

    return build


FUNCTIONS: list[Function] = [
    fn("to_hex", (BYTES,), sql="lower(hex({0}))"),
    fn("from_hex", (STRING,), sql="bq_from_hex({0})"),
    fn("to_base64", (BYTES,), sql="base64({0})"),
    fn("from_base64", (STRING,), sql="bq_from_base64({0})"),
    fn("to_base32", (BYTES,), sql="bq_to_base32({0})"),
    fn("from_base32", (STRING,), sql="bq_from_base32({0})"),
    fn("$cast_format", (BYTES, STRING, STRING), build=_cast_format(_BYTES_CASTS)),
    fn("$cast_format", (STRING, STRING, STRING), build=_cast_format(STRING_CASTS)),
    fn("safe_convert_bytes_to_string", (BYTES,), sql="bq_safe_convert_bytes_to_string({0})"),
]
