from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from bqsim.engine.kernels import encryption, encryption_keysets, kernels
from bqsim.errors import BigQueryError

NAME = "gcp-kms://projects/p/locations/us/keyRings/r/cryptoKeys/k"


def call(name: str, *columns: list[Any]) -> list[Any]:
    found: list[Any] = kernels()[f"bq_{name}"].function(*map(pa.array, columns)).to_pylist()
    return found


@pytest.mark.parametrize("kind", ["aead", "deterministic"])
def test_batches_of_several_keysets(kind: str) -> None:
    types = {"aead": "AEAD_AES_GCM_256", "deterministic": "DETERMINISTIC_AEAD_AES_SIV_CMAC_256"}
    keys = [encryption.new_keyset(types[kind], seed) for seed in ("a", "b", "a")]
    texts, more, draws = [b"x", b"", b"x"], [b"1", b"2", b"1"], ["r", "s", "t"]
    found = call(f"{kind}_encrypt", keys, texts, more, *([draws] if kind == "aead" else []))
    assert (found[0] == found[2]) == (kind == "deterministic")
    assert call(f"{kind}_decrypt_bytes", keys, found, more) == texts
    assert call(f"{kind}_decrypt_string", keys, found, more) == ["x", "", "x"]
    with pytest.raises(BigQueryError, match="decryption failed"):
        call(f"{kind}_decrypt_bytes", keys[::-1][1:], found[:2], more[:2])


def test_the_same_draw_gives_the_same_keyset() -> None:
    first, again, other = (encryption.new_keyset("AEAD_AES_GCM_256", seed) for seed in ("a", "a", "b"))
    assert first == again != other


def test_disabled_keys_do_not_decrypt() -> None:
    keyset = encryption_keysets.parse(encryption.new_keyset("AEAD_AES_GCM_256", "a"))
    [found] = call("aead_encrypt", [encryption_keysets.serialized(keyset)], [b"x"], [b""], ["r"])
    keyset.rotate("AEAD_AES_GCM_256", "b")
    rotated = encryption_keysets.serialized(keyset)
    assert call("aead_decrypt_bytes", [rotated], [found], [b""]) == [b"x"]
    keyset.keys[0].status = 2
    with pytest.raises(BigQueryError, match="decryption failed"):
        call("aead_decrypt_bytes", [encryption_keysets.serialized(keyset)], [found], [b""])


def test_keys_of_a_wrong_size() -> None:
    keyset = encryption_keysets.Keyset()
    keyset.primary = keyset.add(encryption_keysets.AES_GCM, b"short", b"1234", 1).id
    with pytest.raises(BigQueryError, match=r"AEAD\.ENCRYPT failed: Invalid key size: 5 bytes"):
        call("aead_encrypt", [encryption_keysets.serialized(keyset)], [b"x"], [b""], ["r"])


def test_wrapping_is_undone_under_the_same_name_only() -> None:
    keyset = encryption.new_keyset("AEAD_AES_GCM_256", "a")
    wrapped = encryption.wrap(NAME, keyset, "r")
    assert encryption.unwrap(NAME, wrapped) == keyset
    for name, data in ((NAME + "2", wrapped), (NAME, b""), (NAME, wrapped[:-1])):
        with pytest.raises(BigQueryError, match="refers to the correct CryptoKey"):
            encryption.unwrap(name, data)
