"""AEAD, KEYS and DETERMINISTIC_ENCRYPT."""

from __future__ import annotations

from typing import Any

from sqlglot import expressions as exp

from bqsim.sql.lower import nodes
from bqsim.sql.lower.registry import Function, FunctionCall, fn
from bqsim.types import BYTES, STRING, Type, TypeKind

_RANDOM = "CAST(uuid() AS VARCHAR)"
# A keyset that was given as KEYS.KEYSET_CHAIN: unwrapped, and what it in turn encrypts.
_FIRST = "bq_kms_unwrap({0}.kms_resource_name, {0}.first_level_keyset)"
_CHAIN = (
    f"(CASE WHEN {{0}}.second_level_keyset IS NULL THEN {_FIRST} "
    f"ELSE bq_aead_decrypt_bytes({_FIRST}, {{0}}.second_level_keyset, ''::BLOB) END)"
)
_KEYSETS: tuple[tuple[Type | TypeKind, str], ...] = ((BYTES, "{0}"), (TypeKind.STRUCT, _CHAIN))


def _random(sql: str) -> Any:
    def build(call: FunctionCall) -> exp.Expression:
        call.context.shared.deterministic = False
        return nodes.template(sql.replace("RANDOM", _RANDOM), *call.args)

    return build


def _crypt(name: str, keyset: str, text: str, more: str, random: bool = False) -> Any:
    """A call of (keyset, text, additional data) in templates of the three arguments."""
    sql = f"bq_{name}({keyset}, {text.format('{1}')}, {more.format('{2}')}{', RANDOM' if random else ''})"
    return _random(sql) if random else lambda call: nodes.template(sql, *call.args)


_PLAIN, _ENCODED = "{}", "encode({})"
_CALLS = (
    # Function, type of the text and of the additional data, how they are given, and whether it is random.
    ("aead.encrypt", STRING, STRING, _ENCODED, _ENCODED, True),
    ("aead.encrypt", BYTES, BYTES, _PLAIN, _PLAIN, True),
    ("aead.decrypt_string", BYTES, STRING, _PLAIN, _ENCODED, False),
    ("aead.decrypt_bytes", BYTES, BYTES, _PLAIN, _PLAIN, False),
    ("deterministic_encrypt", STRING, STRING, _ENCODED, _ENCODED, False),
    ("deterministic_encrypt", BYTES, BYTES, _PLAIN, _PLAIN, False),
    ("deterministic_decrypt_string", BYTES, STRING, _PLAIN, _ENCODED, False),
    ("deterministic_decrypt_bytes", BYTES, BYTES, _PLAIN, _PLAIN, False),
)


def _chain(call: FunctionCall) -> exp.Expression:
    second = call.args[2] if len(call.args) > 2 else nodes.raw("CAST(NULL AS BLOB)")
    return nodes.template(
        "(CASE WHEN {0} IS NOT NULL AND {1} IS NOT NULL THEN struct_pack("
        "kms_resource_name := {0}, first_level_keyset := {1}, second_level_keyset := {2}) END)",
        call.args[0],
        call.args[1],
        second,
    )


FUNCTIONS: list[Function] = [
    *(
        fn(
            name,
            (keyset, text, more),
            build=_crypt(name.replace(".", "_"), how, text_how, more_how, random),
        )
        for name, text, more, text_how, more_how, random in _CALLS
        for keyset, how in _KEYSETS
    ),
    fn("keys.new_keyset", (STRING,), build=_random("bq_new_keyset({0}, RANDOM)")),
    fn("keys.rotate_keyset", (BYTES, STRING), build=_random("bq_rotate_keyset({0}, {1}, RANDOM)")),
    fn(
        "keys.add_key_from_raw_bytes",
        (BYTES, STRING, BYTES),
        build=_random("bq_add_key_from_raw_bytes({0}, {1}, {2}, RANDOM)"),
    ),
    fn("keys.keyset_length", (BYTES,), sql="bq_keyset_length({0})"),
    *(
        fn("keys.keyset_length", (TypeKind.STRUCT,), sql=f"bq_keyset_length({_CHAIN})"),
        fn("keys.keyset_to_json", (BYTES,), sql="bq_keyset_to_json({0})"),
        fn("keys.keyset_from_json", (STRING,), sql="bq_keyset_from_json({0})"),
    ),
    fn("keys.keyset_chain", (STRING, BYTES, BYTES), build=_chain, optional=1),
    fn(
        "keys.new_wrapped_keyset",
        (STRING, STRING),
        build=_random("bq_kms_wrap({0}, bq_new_keyset({1}, RANDOM), RANDOM)"),
    ),
    fn(
        "keys.rewrap_keyset",
        (STRING, STRING, BYTES),
        build=_random("bq_kms_wrap({1}, bq_kms_unwrap({0}, {2}), RANDOM)"),
    ),
    fn(
        "keys.rotate_wrapped_keyset",
        (STRING, BYTES, STRING),
        build=_random("bq_kms_wrap({0}, bq_rotate_keyset(bq_kms_unwrap({0}, {1}), {2}, RANDOM), RANDOM)"),
    ),
]
