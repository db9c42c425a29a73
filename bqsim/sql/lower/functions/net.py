"""NET functions."""

from __future__ import annotations

from bqsim.sql.lower.registry import Function, fn
from bqsim.types import BYTES, INT64, STRING

FUNCTIONS: list[Function] = [
    fn("net.host", (STRING,), sql="bq_net_host({0})"),
    fn("net.public_suffix", (STRING,), sql="bq_net_public_suffix({0})"),
    fn("net.reg_domain", (STRING,), sql="bq_net_reg_domain({0})"),
    fn("net.ip_from_string", (STRING,), sql="bq_ip_from_string({0})"),
    fn("net.safe_ip_from_string", (STRING,), sql="bq_safe_ip_from_string({0})"),
    fn("net.ip_to_string", (BYTES,), sql="bq_ip_to_string({0})"),
    fn("net.ip_net_mask", (INT64, INT64), sql="bq_ip_net_mask({0}, {1})"),
    fn("net.ip_trunc", (BYTES, INT64), sql="bq_ip_trunc({0}, {1})"),
    fn("net.ipv4_from_int64", (INT64,), sql="bq_ipv4_from_int64({0})"),
    fn("net.ipv4_to_int64", (BYTES,), sql="bq_ipv4_to_int64({0})"),
]
