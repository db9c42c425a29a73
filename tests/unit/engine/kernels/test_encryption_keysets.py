from __future__ import annotations

import base64

import pytest

from bqsim.engine.kernels import encryption_keysets as keysets

TINK = base64.b64decode(
    "CJmMp4UJEmQKWAowdHlwZS5nb29nbGVhcGlzLmNvbS9nb29nbGUuY3J5cHRvLnRpbmsuQWVzR2NtS2V5EiIaIP7Xj33VJoXuk9KM"
    "RwXsjkuDmo5P40WUSaVtJAzyve80GAEQARiZjKeFCSAB"
)
JSON = (
    '{"key":[{"keyData":{"keyMaterialType":"SYMMETRIC",'
    '"typeUrl":"type.googleapis.com/google.crypto.tink.AesGcmKey",'
    '"value":"GiD+14991SaF7pPSjEcF7I5Lg5qOT+NFlEmlbSQM8r3vNA=="},'
    '"keyId":2427045401,"outputPrefixType":"TINK","status":"ENABLED"}],"primaryKeyId":2427045401}'
)


def test_a_keyset_in_both_forms() -> None:
    keyset = keysets.parse(TINK)
    assert keysets.serialized(keyset) == TINK
    assert keysets.to_json(keyset) == JSON
    assert keysets.serialized(keysets.from_json(JSON)) == TINK
    assert keyset.primary_key().prefix() == b"\x01" + (2427045401).to_bytes(4, "big")


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("{}", ""),
        ('{"key":[]}', ""),
        ('{"primary_key_id":"7"}', "0807"),
        (
            '{"key":[{"keyId":1234,"outputPrefixType":"TINK","status":"DESTROYED"}],"primaryKeyId":4321}',
            "08e1211207100318d2092001",
        ),
        (
            '{"key":[{"key_id":5,"status":3,"output_prefix_type":3,"keyData":{"value":"-_8"}}]}',
            "120c0a041202fbff100318052003",
        ),
        ('{"key":[{"keyData":null,"status":"DISABLED"}]}', "12021002"),
    ],
)
def test_json_forms_that_are_read(text: str, data: str) -> None:
    assert keysets.serialized(keysets.from_json(text)).hex() == data


@pytest.mark.parametrize(
    "text",
    [
        "", "1", "[]", '{"key":123}', '{"key":[1]}', '{"other":1}', '{"primaryKeyId":-1}',
        '{"primaryKeyId":4294967296}', '{"primaryKeyId":true}', '{"key":[{"status":"OTHER"}]}',
        '{"key":[{"keyData":{"value":"*"}}]}', '{"key":[{"keyData":{"typeUrl":1}}]}',
        '{"key":[{"keyData":{"value":1}}]}', "[" * 100_000,
    ],
)  # fmt: skip
def test_json_that_is_no_keyset(text: str) -> None:
    with pytest.raises(keysets.KeysetError, match="JSON Keyset-proto"):
        keysets.from_json(text)


@pytest.mark.parametrize("data", [b"123", b"\x0a\x01a", b"\x10\x01", b"\x12\x02\x10", b"\x12\x03\x12\x01a"])
def test_bytes_that_are_no_keyset(data: bytes) -> None:
    with pytest.raises(keysets.KeysetError, match="as a Keyset-proto"):
        keysets.parse(data)


def test_rotation_adds_a_primary_key() -> None:
    keyset = keysets.Keyset()
    keyset.rotate("AEAD_AES_GCM_256", "a")
    keyset.rotate("DETERMINISTIC_AEAD_AES_SIV_CMAC_256", "b")
    assert len(keyset.keys) == 2 and keyset.primary_key() is keyset.keys[1]
    assert [len(key.material()) for key in keyset.keys] == [32, 64]
    assert len({key.id for key in keyset.keys}) == 2
    again = keysets.Keyset()
    again.rotate("AEAD_AES_GCM_256", "a")
    assert again.keys[0] == keyset.keys[0]


def test_ids_are_never_used_twice() -> None:
    keyset = keysets.Keyset()
    added = [
        keyset.add(keysets.AES_GCM, bytes(16), b"\xff\xff\xff\xff", keysets.RAW_PREFIX) for _ in range(3)
    ]
    assert [key.id for key in added] == [0xFFFFFFFF, 1, 2]
    assert added[0].prefix() == b""


def test_a_keyset_without_a_primary_key() -> None:
    with pytest.raises(keysets.KeysetError, match="at least one key"):
        keysets.Keyset().primary_key()
    with pytest.raises(keysets.KeysetError, match="primary key"):
        keysets.from_json('{"key":[{"keyId":1,"status":"ENABLED"}],"primaryKeyId":1}').primary_key()
