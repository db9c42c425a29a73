"""AEAD, KEYS and DETERMINISTIC_ENCRYPT: keysets and ciphertexts of Tink.

Random bytes come from a text that the statement draws for each row. Cloud KMS has a local stand-in: what its
keys wrap is encrypted under a hash of their resource name, so nobody else can unwrap it, nor is anything
unwrapped here that Cloud KMS has wrapped.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from bqsim.engine.extras import require
from bqsim.errors import invalid_query

from . import encryption_keysets as keysets
from .encryption_keysets import AES_CBC, AES_GCM, AES_SIV, Key, Keyset, KeysetError
from .kernel import Kernel
from .rows import arrow_type

_NONCE, _BLOCK = 12, 16
_KMS_NAME = re.compile(r"gcp-kms://projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+")


def _library(name: str) -> Any:
    module = f"cryptography.hazmat.primitives.{name}"
    return require(module, extra="crypto", what="Encryption functions")


def _gcm(material: bytes) -> Callable[[bytes, bytes], bytes]:
    cipher = _library("ciphers.aead").AESGCM(material)
    return lambda text, more: cipher.decrypt(text[:_NONCE], text[_NONCE:], more)


def _siv(material: bytes) -> Callable[[bytes, bytes], bytes]:
    cipher = _library("ciphers.aead").AESSIV(material)
    return lambda text, more: cipher.decrypt(text, [more])


def _cbc(material: bytes) -> Callable[[bytes, bytes], bytes]:
    ciphers, padding = _library("ciphers"), _library("padding")

    def decrypt(text: bytes, more: bytes) -> bytes:
        mode = ciphers.modes.CBC(text[:_BLOCK])
        decryptor = ciphers.Cipher(ciphers.algorithms.AES(material), mode).decryptor()
        padded = decryptor.update(text[_BLOCK:]) + decryptor.finalize()
        unpadder = padding.PKCS7(8 * _BLOCK).unpadder()
        return unpadder.update(padded) + unpadder.finalize()  # type: ignore[no-any-return]

    return decrypt


_DECRYPTORS = {AES_GCM: _gcm, AES_SIV: _siv, AES_CBC: _cbc}
_RANDOMIZED, _DETERMINISTIC = (AES_GCM, AES_CBC), (AES_SIV,)


@lru_cache(maxsize=1024)
def _opened(data: bytes, types: tuple[str, ...]) -> list[tuple[bytes, Callable[[bytes, bytes], bytes]]]:
    """What decrypts, with the prefixes of its ciphertexts; keys without a prefix come last."""
    keyset = keysets.parse(data)
    keyset.primary_key()
    keys = [k for k in keyset.keys if k.status == keysets.ENABLED and k.has_data and k.type_url in types]
    found = [(key.prefix(), _DECRYPTORS[key.type_url](_material(key))) for key in keys]
    return sorted(found, key=lambda pair: not pair[0])


def _material(key: Key) -> bytes:
    material = key.material()
    sizes = (64,) if key.type_url == AES_SIV else (16, 24, 32)
    if len(material) not in sizes:
        raise KeysetError(f"Invalid key size: {len(material)} bytes")
    return material


def _decrypted(opened: Any, text: bytes, more: bytes, failures: Any) -> bytes:
    for prefix, decrypt in opened:
        if text.startswith(prefix):
            try:
                return decrypt(text[len(prefix) :], more)  # type: ignore[no-any-return]
            except failures:
                continue
    raise KeysetError("decryption failed")


def _library_errors() -> Any:
    exceptions = require("cryptography.exceptions", extra="crypto", what="Encryption functions")
    return exceptions.InvalidTag


@lru_cache(maxsize=1024)
def _encryptor(data: bytes, type_url: str) -> tuple[bytes, Any]:
    key = keysets.parse(data).primary_key()
    if key.type_url != type_url:
        raise KeysetError(f"the primary key of the keyset is not of the type {type_url}")
    aead = _library("ciphers.aead")
    cipher = aead.AESSIV if type_url == AES_SIV else aead.AESGCM
    return key.prefix(), cipher(_material(key))


# A function of a batch: keysets, texts, additional data and perhaps random texts as lists.
Work = Callable[..., list[Any]]


def _encrypt(data: list[bytes], texts: list[bytes], more: list[bytes], draws: list[str]) -> list[bytes]:
    ciphers = {one: _encryptor(one, AES_GCM) for one in set(data)}
    nonces = hashlib.shake_256("".join(draws).encode()).digest(_NONCE * len(draws))
    result = []
    for at, (one, text, with_it) in enumerate(zip(data, texts, more, strict=True)):
        prefix, cipher = ciphers[one]
        nonce = nonces[at * _NONCE : (at + 1) * _NONCE]
        result.append(prefix + nonce + cipher.encrypt(nonce, text, with_it))
    return result


def _encrypt_deterministically(data: list[bytes], texts: list[bytes], more: list[bytes]) -> list[bytes]:
    ciphers = {one: _encryptor(one, AES_SIV) for one in set(data)}
    result = []
    for one, text, with_it in zip(data, texts, more, strict=True):
        prefix, cipher = ciphers[one]
        result.append(prefix + cipher.encrypt(text, [with_it]))
    return result


def _decrypt_bytes(types: tuple[str, ...]) -> Work:
    def decrypt(data: list[bytes], texts: list[bytes], more: list[bytes]) -> list[bytes]:
        opened = {one: _opened(one, types) for one in set(data)}
        failures = (ValueError, _library_errors())
        rows = zip(data, texts, more, strict=True)
        return [_decrypted(opened[one], text, with_it, failures) for one, text, with_it in rows]

    return decrypt


def _decrypt_string(types: tuple[str, ...], other: str) -> Work:
    plain = _decrypt_bytes(types)

    def decrypt(data: list[bytes], texts: list[bytes], more: list[bytes]) -> list[str]:
        found = plain(data, texts, more)
        try:
            return [text.decode() for text in found]
        except UnicodeDecodeError:
            raise KeysetError(
                f"Decrypted plaintext is not a valid UTF-8 string. To decrypt to BYTES, use {other}"
            ) from None

    return decrypt


def _each(work: Callable[..., Any]) -> Work:
    """``work`` of one row's values for each row."""
    return lambda *columns: list(map(work, *columns))


def _known_type(key_type: str, types: Iterable[str], place: str, function: str) -> str:
    """The key type; an error when it is not one of ``types``."""
    if key_type not in types:
        expected = ", ".join(f"'{name}'" for name in sorted(types))
        raise invalid_query(
            f"{place} argument (key type) in function {function} "
            f"must be one of {expected}, but is '{key_type}'"
        )
    return key_type


def new_keyset(key_type: str, seed: str) -> bytes:
    keyset = Keyset()
    keyset.rotate(_known_type(key_type, keysets.NEW, "First", "KEYS.NEW_KEYSET"), seed)
    return keysets.serialized(keyset)


def rotate_keyset(data: bytes, key_type: str, seed: str) -> bytes:
    keyset = keysets.parse(data)
    keyset.rotate(_known_type(key_type, keysets.NEW, "Second", "KEYS.ROTATE_KEYSET"), seed)
    return keysets.serialized(keyset)


def add_key_from_raw_bytes(data: bytes, key_type: str, raw: bytes, seed: str) -> bytes:
    known = _known_type(key_type, keysets.RAW, "Second", "KEYS.ADD_KEY_FROM_RAW_BYTES")
    type_url, sizes, expected = keysets.RAW[known]
    if len(raw) not in sizes:
        raise invalid_query(
            "Failed to add a key from raw bytes: "
            f"Unsupported key size: {len(raw)} bytes; expected {expected} bytes."
        )
    keyset = keysets.parse(data)
    keyset.add(type_url, raw, hashlib.blake2b(seed.encode()).digest(), keysets.RAW_PREFIX)
    return keysets.serialized(keyset)


def _length(data: bytes) -> int:
    return len(keysets.parse(data).keys)


def _to_json(data: bytes) -> str:
    return keysets.to_json(keysets.parse(data))


def _kms(name: str) -> Any:
    if not _KMS_NAME.fullmatch(name):
        raise invalid_query(f"Invalid Cloud KMS key resource name: {name}")
    material = hashlib.sha256(b"bqsim KMS " + name.encode()).digest()
    return _library("ciphers.aead").AESGCM(material)


def wrap(name: str, data: bytes, seed: str) -> bytes:
    """A keyset encrypted with a Cloud KMS key."""
    nonce = hashlib.blake2b(seed.encode(), digest_size=_NONCE, person=b"wrap").digest()
    return nonce + _kms(name).encrypt(nonce, keysets.serialized(keysets.parse(data)), b"")  # type: ignore[no-any-return]


def unwrap(name: str, wrapped: bytes) -> bytes:
    """The keyset that a Cloud KMS key encrypted."""
    try:
        return _kms(name).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], b"")  # type: ignore[no-any-return]
    except (ValueError, _library_errors()):
        raise invalid_query(
            "Decryption failed: verify that 'name' refers to the correct CryptoKey."
        ) from None


def _failing(function: str, returns: str, work: Work) -> Callable[..., Any]:
    """A kernel's function, whose faults are told as ``FUNCTION failed: …``."""

    def batch(*columns: Any) -> Any:
        import pyarrow as pa

        try:
            return pa.array(work(*(column.to_pylist() for column in columns)), arrow_type(returns))
        except KeysetError as fault:
            raise invalid_query(f"{function} failed: {fault}") from None

    return batch


_B, _S = "BLOB", "VARCHAR"
_TABLE: tuple[tuple[str, str, tuple[str, ...], str, Work], ...] = (
    ("aead_encrypt", "AEAD.ENCRYPT", (_B, _B, _B, _S), _B, _encrypt),
    ("aead_decrypt_bytes", "AEAD.DECRYPT_BYTES", (_B, _B, _B), _B, _decrypt_bytes(_RANDOMIZED)),
    (
        "aead_decrypt_string", "AEAD.DECRYPT_STRING", (_B, _B, _B), _S,
        _decrypt_string(_RANDOMIZED, "AEAD.DECRYPT_BYTES"),
    ),
    ("deterministic_encrypt", "DETERMINISTIC_ENCRYPT", (_B, _B, _B), _B, _encrypt_deterministically),
    (
        "deterministic_decrypt_bytes", "DETERMINISTIC_DECRYPT_BYTES", (_B, _B, _B), _B,
        _decrypt_bytes(_DETERMINISTIC),
    ),
    (
        "deterministic_decrypt_string", "DETERMINISTIC_DECRYPT_STRING", (_B, _B, _B), _S,
        _decrypt_string(_DETERMINISTIC, "DETERMINISTIC_DECRYPT_BYTES"),
    ),
    ("new_keyset", "KEYS.NEW_KEYSET", (_S, _S), _B, _each(new_keyset)),
    ("rotate_keyset", "KEYS.ROTATE_KEYSET", (_B, _S, _S), _B, _each(rotate_keyset)),
    (
        "add_key_from_raw_bytes", "KEYS.ADD_KEY_FROM_RAW_BYTES", (_B, _S, _B, _S), _B,
        _each(add_key_from_raw_bytes),
    ),
    ("keyset_length", "KEYS.KEYSET_LENGTH", (_B,), "BIGINT", _each(_length)),
    ("keyset_to_json", "KEYS.KEYSET_TO_JSON", (_B,), _S, _each(_to_json)),
    (
        "keyset_from_json", "KEYS.KEYSET_FROM_JSON", (_S,), _B,
        _each(lambda text: keysets.serialized(keysets.from_json(text))),
    ),
    ("kms_wrap", "KEYS.NEW_WRAPPED_KEYSET", (_S, _B, _S), _B, _each(wrap)),
    ("kms_unwrap", "KEYS.KEYSET_CHAIN", (_S, _B), _B, _each(unwrap)),
)  # fmt: skip

KERNELS: tuple[Kernel, ...] = tuple(
    Kernel(f"bq_{name}", parameters, returns, _failing(function, returns, work))
    for name, function, parameters, returns, work in _TABLE
)
