from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from bqsim.engine import extras
from bqsim.engine.kernels import encryption
from bqsim.errors import BigQueryError
from tests.unit.sql.warehouse import Warehouse

pytestmark = pytest.mark.fidelity(
    "sql:encryption functions",
    "approximated",
    "keysets and ciphertexts are those of Tink; Cloud KMS has a local stand-in, whose wrapped keysets are "
    "of no use elsewhere",
)

Value = Callable[..., Any]

# A key, and what Tink encrypted with it.
JSON = (
    '{"primaryKeyId": 41726583, "key": [{"keyData": {"typeUrl": '
    '"type.googleapis.com/google.crypto.tink.AesGcmKey", "keyMaterialType": "SYMMETRIC", '
    '"value": "GiAE3ro9wRJSZEUDxslVgWsIcbD/PS3N42I+ZOZm+Jx5XQ=="}, "outputPrefixType": "TINK", '
    '"keyId": 41726583, "status": "ENABLED"}]}'
)
TINK = "01027cb277c87df6f3534741db572e9d79ee090d3ab3848e6d7fc52f4c3b20177f1768ca8b807b384fe45c709d9d2407be"
KEY = f"KEYS.KEYSET_FROM_JSON('{JSON}')"
GCM, SIV = "'AEAD_AES_GCM_256'", "'DETERMINISTIC_AEAD_AES_SIV_CMAC_256'"
KMS = "'gcp-kms://projects/p/locations/us/keyRings/r/cryptoKeys/k'"


def test_what_tink_encrypted_is_decrypted(value: Value) -> None:
    text = f"FROM_HEX('{TINK}')"
    assert value(f"AEAD.DECRYPT_BYTES({KEY}, {text}, b'ghijk')") == b"Encryption works"
    assert value(f"AEAD.DECRYPT_STRING({KEY}, {text}, 'ghijk')") == "Encryption works"
    assert value(f"SAFE.AEAD.DECRYPT_STRING({KEY}, {text}, 'other')") is None


@pytest.mark.parametrize(
    "expression",
    [
        "AEAD.DECRYPT_STRING(k, AEAD.ENCRYPT(k, 'é', 'more'), 'more') = 'é'",
        "AEAD.DECRYPT_BYTES(k, AEAD.ENCRYPT(k, b'\\xff', b''), b'') = b'\\xff'",
        "AEAD.DECRYPT_STRING(k, AEAD.ENCRYPT(k, '', ''), '') = ''",
        "AEAD.ENCRYPT(k, 'a', '') != AEAD.ENCRYPT(k, 'a', '')",
        "LENGTH(AEAD.ENCRYPT(k, 'abc', '')) = 5 + 12 + 3 + 16",
        "SUBSTR(AEAD.ENCRYPT(k, 'abc', ''), 1, 1) = b'\\x01'",
        "DETERMINISTIC_DECRYPT_STRING(d, DETERMINISTIC_ENCRYPT(d, 'é', 'more'), 'more') = 'é'",
        "DETERMINISTIC_DECRYPT_BYTES(d, DETERMINISTIC_ENCRYPT(d, b'', b''), b'') = b''",
        "DETERMINISTIC_ENCRYPT(d, 'a', 'b') = DETERMINISTIC_ENCRYPT(d, b'a', b'b')",
        "DETERMINISTIC_ENCRYPT(d, 'a', 'b') != DETERMINISTIC_ENCRYPT(d, 'a', 'c')",
        "LENGTH(DETERMINISTIC_ENCRYPT(d, 'abc', '')) = 5 + 16 + 3",
        "KEYS.KEYSET_LENGTH(k) = 1 AND KEYS.KEYSET_LENGTH(KEYS.ROTATE_KEYSET(k, " + SIV + ")) = 2",
        "KEYS.KEYSET_LENGTH(KEYS.ROTATE_KEYSET(b'', " + GCM + ")) = 1",
        "KEYS.KEYSET_FROM_JSON(KEYS.KEYSET_TO_JSON(k)) = k",
        "AEAD.DECRYPT_STRING(KEYS.ROTATE_KEYSET(k, " + GCM + "), AEAD.ENCRYPT(k, 'a', ''), '') = 'a'",
        "KEYS.KEYSET_LENGTH(KEYS.ADD_KEY_FROM_RAW_BYTES(k, 'AES_GCM', b'0123456789abcdef')) = 2",
        "AEAD.ENCRYPT(k, CAST(NULL AS STRING), '') IS NULL",
        "KEYS.KEYSET_TO_JSON(NULL) IS NULL",
    ],
)
def test_keysets_at_work(rows: Callable[..., Any], expression: str) -> None:
    keysets = f"(SELECT KEYS.NEW_KEYSET({GCM}) k, KEYS.NEW_KEYSET({SIV}) d)"
    assert rows(f"SELECT {expression} FROM {keysets}") == [[True]]


def test_keys_from_raw_bytes_decrypt_what_others_encrypted(value: Value) -> None:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    raw = b"0123456789abcdef"
    encryptor = Cipher(algorithms.AES(raw), modes.CBC(bytes(16))).encryptor()
    padded = bytes(16) + encryptor.update(b"text" + bytes([12]) * 12) + encryptor.finalize()
    plain = bytes(12) + AESGCM(raw).encrypt(bytes(12), b"text", b"more")
    for kind, text in (("AES_CBC_PKCS", padded), ("AES_GCM", plain)):
        keyset = f"KEYS.ADD_KEY_FROM_RAW_BYTES({KEY}, '{kind}', b'0123456789abcdef')"
        assert value(f"AEAD.DECRYPT_STRING({keyset}, FROM_HEX('{text.hex()}'), 'more')") == "text"


def test_every_row_has_a_key_of_its_own(rows: Callable[..., Any]) -> None:
    sql = f"SELECT COUNT(DISTINCT KEYS.NEW_KEYSET({GCM})) FROM UNNEST(GENERATE_ARRAY(1, 3000))"
    assert rows(sql) == [[3000]]


def literal(value: bytes) -> str:
    return "b'" + "".join(f"\\x{byte:02x}" for byte in value) + "'"


def test_wrapped_keysets(warehouse: Warehouse) -> None:
    other = KMS.replace("Keys/k", "Keys/other")
    [[wrapped, again, rotated]] = warehouse.rows(
        f"""SELECT w, KEYS.REWRAP_KEYSET({KMS}, {other}, w), KEYS.ROTATE_WRAPPED_KEYSET({KMS}, w, {GCM})
        FROM (SELECT KEYS.NEW_WRAPPED_KEYSET({KMS}, {GCM}) w)"""
    )
    encrypted = f"AEAD.ENCRYPT(KEYS.KEYSET_CHAIN({KMS}, {literal(wrapped)}), 'a', 'b')"
    chains = [f"KEYS.KEYSET_CHAIN({n}, {literal(w)})" for n, w in ((other, again), (KMS, rotated))]
    for chain in chains:
        assert warehouse.rows(f"SELECT AEAD.DECRYPT_STRING({chain}, {encrypted}, 'b')") == [["a"]]
    error = warehouse.error(f"SELECT AEAD.ENCRYPT(KEYS.KEYSET_CHAIN({other}, {literal(wrapped)}), 'a', 'b')")
    assert error == "Decryption failed: verify that 'name' refers to the correct CryptoKey."
    short = "SELECT AEAD.ENCRYPT(KEYS.KEYSET_CHAIN('gcp-kms://x', b'a'), 'a', 'b')"
    assert warehouse.error(short) == "Invalid Cloud KMS key resource name: gcp-kms://x"


_UNREADABLE = (
    "Keyset deserialization failed: Error reading keyset data: Could not parse the input stream as a"
)


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("AEAD.DECRYPT_STRING(b'x', b'x', '')", f"AEAD.DECRYPT_STRING failed: {_UNREADABLE} Keyset-proto."),
        ("KEYS.KEYSET_TO_JSON(b'123')", f"KEYS.KEYSET_TO_JSON failed: {_UNREADABLE} Keyset-proto."),
        ("KEYS.KEYSET_FROM_JSON('{')", f"KEYS.KEYSET_FROM_JSON failed: {_UNREADABLE} JSON Keyset-proto."),
        (f"AEAD.DECRYPT_BYTES({KEY}, b'abc', b'')", "AEAD.DECRYPT_BYTES failed: decryption failed"),
        ("AEAD.ENCRYPT(b'', 'a', 'b')", "AEAD.ENCRYPT failed: A valid keyset must contain at least one key."),
        (
            f"AEAD.DECRYPT_STRING({KEY}, AEAD.ENCRYPT({KEY}, b'\\xff', b'a'), 'a')",
            "AEAD.DECRYPT_STRING failed: Decrypted plaintext is not a valid UTF-8 string. To decrypt to "
            "BYTES, use AEAD.DECRYPT_BYTES",
        ),
        (
            f"DETERMINISTIC_ENCRYPT({KEY}, 'a', 'b')",
            "DETERMINISTIC_ENCRYPT failed: the primary key of the keyset is not of the type "
            "type.googleapis.com/google.crypto.tink.AesSivKey",
        ),
        (
            f"KEYS.ADD_KEY_FROM_RAW_BYTES({KEY}, 'AES_GCM', b'12345')",
            "Failed to add a key from raw bytes: Unsupported key size: 5 bytes; expected 16 or 32 bytes.",
        ),
        (
            f"KEYS.ADD_KEY_FROM_RAW_BYTES({KEY}, 'AES_CBC_PKCS', b'12345')",
            "Failed to add a key from raw bytes: Unsupported key size: 5 bytes; "
            "expected 16, 24, or 32 bytes.",
        ),
        (
            "KEYS.NEW_KEYSET('x')",
            "First argument (key type) in function KEYS.NEW_KEYSET must be one of 'AEAD_AES_GCM_256', "
            "'DETERMINISTIC_AEAD_AES_SIV_CMAC_256', but is 'x' at [1:8]",
        ),
    ],
)
def test_errors(warehouse: Warehouse, expression: str, message: str) -> None:
    assert warehouse.error(f"SELECT {expression}") == message


def test_key_types_that_only_a_parameter_can_have() -> None:
    new: Callable[..., bytes] = encryption.new_keyset
    for work, arguments, place, function in (
        (new, ("x", ""), "First", "KEYS.NEW_KEYSET"),
        (encryption.rotate_keyset, (b"", "x", ""), "Second", "KEYS.ROTATE_KEYSET"),
    ):
        with pytest.raises(BigQueryError) as caught:
            work(*arguments)
        assert caught.value.message == (
            f"{place} argument (key type) in function {function} must be one of 'AEAD_AES_GCM_256', "
            "'DETERMINISTIC_AEAD_AES_SIV_CMAC_256', but is 'x'"
        )


def test_without_the_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(module: str) -> Any:
        raise ImportError(module)

    monkeypatch.setattr(extras, "import_module", missing)
    extras.require.cache_clear()
    keyset = encryption.new_keyset("AEAD_AES_GCM_256", "no library")
    try:
        with pytest.raises(BigQueryError, match=r"Encryption functions need the extra bqsim\[crypto\]"):
            encryption.wrap("gcp-kms://projects/p/locations/us/keyRings/r/cryptoKeys/k", keyset, "")
    finally:
        extras.require.cache_clear()
