"""Keysets of Tink: serialised messages, their JSON form, new keys."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field
from typing import Any

from bqsim.codecs import wire

_GOOGLE = "type.googleapis.com/google.crypto.tink."
AES_GCM, AES_SIV, AES_CBC = (_GOOGLE + name for name in ("AesGcmKey", "AesSivKey", "AesCbcPkcs7Key"))
# The field of a key's message that has its bytes.
_MATERIAL = {AES_GCM: 3, AES_SIV: 2, AES_CBC: 3}
# Types of new keys, and their bytes.
NEW = {"AEAD_AES_GCM_256": (AES_GCM, 32), "DETERMINISTIC_AEAD_AES_SIV_CMAC_256": (AES_SIV, 64)}
# Types of keys from raw bytes, the sizes they may have, and these as errors name them.
RAW = {
    "AES_GCM": (AES_GCM, (16, 32), "16 or 32"),
    "AES_CBC_PKCS": (AES_CBC, (16, 24, 32), "16, 24, or 32"),
}
ENABLED, TINK, RAW_PREFIX, _SYMMETRIC = 1, 1, 3, 1

_STATUS = ("UNKNOWN_STATUS", "ENABLED", "DISABLED", "DESTROYED")
_PREFIX = ("UNKNOWN_PREFIX", "TINK", "LEGACY", "RAW", "CRUNCHY", "WITH_ID_REQUIREMENT")
_KIND = ("UNKNOWN_KEYMATERIAL", "SYMMETRIC", "ASYMMETRIC_PRIVATE", "ASYMMETRIC_PUBLIC", "REMOTE")
# What ciphertexts start with, by output prefix type, before the key's id; other types have no prefix.
_START = {1: b"\x01", 2: b"\x00", 4: b"\x00", 5: b"\x01"}


class KeysetError(Exception):
    """What is wrong with a keyset; the message is what follows ``FUNCTION failed:``."""


_UNREADABLE = (
    "Keyset deserialization failed: Error reading keyset data: Could not parse the input stream as a "
)


@dataclass(slots=True)
class Key:
    """One key. ``value`` is the serialised message of its type; ``has_data`` is False for a destroyed one."""

    type_url: str = ""
    value: bytes = b""
    kind: int = 0
    status: int = 0
    id: int = 0
    prefix_type: int = 0
    has_data: bool = False

    def prefix(self) -> bytes:
        """What the key's ciphertexts start with."""
        start = _START.get(self.prefix_type)
        return b"" if start is None else start + self.id.to_bytes(4, "big")

    def material(self) -> bytes:
        """The key's bytes."""
        for number, value in _fields(self.value):
            if number == _MATERIAL[self.type_url] and isinstance(value, bytes):
                return value
        raise KeysetError("Invalid key: it has no key material")


@dataclass(slots=True)
class Keyset:
    primary: int = 0
    keys: list[Key] = field(default_factory=list)

    def primary_key(self) -> Key:
        """The key that encrypts. Raises KeysetError for a keyset that has none."""
        if not self.keys:
            raise KeysetError("A valid keyset must contain at least one key.")
        for key in self.keys:
            if key.id == self.primary and key.status == ENABLED and key.has_data:
                return key
        raise KeysetError("keyset doesn't contain a valid primary key")

    def add(self, type_url: str, material: bytes, draw: bytes, prefix_type: int) -> Key:
        """A new enabled key, whose id comes from the random ``draw``."""
        used = {key.id for key in self.keys} | {0}
        number = int.from_bytes(draw[:4], "big")
        while number in used:
            number = (number + 1) & 0xFFFFFFFF
        value = wire.block(_MATERIAL[type_url], material)
        key = Key(type_url, value, _SYMMETRIC, ENABLED, number, prefix_type, True)
        self.keys.append(key)
        return key

    def rotate(self, key_type: str, seed: str) -> None:
        """Add a random key and make it the primary one."""
        type_url, size = NEW[key_type]
        draw = hashlib.shake_256(seed.encode()).digest(size + 4)
        self.primary = self.add(type_url, draw[4:], draw, TINK).id


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    try:
        return list(wire.fields(data))
    except ValueError:
        raise KeysetError(_UNREADABLE + "Keyset-proto.") from None


def _message(data: bytes, numbers: dict[int, type]) -> dict[int, Any]:
    """The last values of known fields, and of field 2 of a keyset all."""
    found: dict[int, Any] = {}
    for number, value in _fields(data):
        wanted = numbers.get(number)
        if wanted is None:
            continue
        if not isinstance(value, wanted):
            raise KeysetError(_UNREADABLE + "Keyset-proto.")
        found[number] = value
    return found


def parse(data: bytes) -> Keyset:
    """Raises KeysetError for what is not a serialised keyset."""
    keyset = Keyset()
    for number, value in _fields(data):
        if number == 1 and isinstance(value, int):
            keyset.primary = value & 0xFFFFFFFF
        elif number == 2 and isinstance(value, bytes):
            keyset.keys.append(_key(value))
        elif number in (1, 2):
            raise KeysetError(_UNREADABLE + "Keyset-proto.")
    return keyset


def _key(data: bytes) -> Key:
    found = _message(data, {1: bytes, 2: int, 3: int, 4: int})
    inner = _message(found.get(1, b""), {1: bytes, 2: bytes, 3: int})
    return Key(
        inner.get(1, b"").decode("utf-8", "replace"),
        inner.get(2, b""),
        inner.get(3, 0),
        found.get(2, 0),
        found.get(3, 0) & 0xFFFFFFFF,
        found.get(4, 0),
        1 in found,
    )


def _present(number: int, value: int) -> bytes:
    return wire.number(number, value) if value else b""


def serialized(keyset: Keyset) -> bytes:
    """The bytes of a keyset."""
    out = _present(1, keyset.primary)
    for key in keyset.keys:
        data = wire.block(1, key.type_url.encode()) if key.type_url else b""
        data += (wire.block(2, key.value) if key.value else b"") + _present(3, key.kind)
        inner = wire.block(1, data) if key.has_data else b""
        inner += _present(2, key.status) + _present(3, key.id) + _present(4, key.prefix_type)
        out += wire.block(2, inner)
    return out


def _name(names: tuple[str, ...], value: int) -> str | int:
    return names[value] if value < len(names) else value


def to_json(keyset: Keyset) -> str:
    """The JSON form: names in order, what is not set left out."""

    def known(values: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in values.items() if value}

    keys = []
    for key in keyset.keys:
        fields: dict[str, Any] = {
            "keyId": key.id,
            "outputPrefixType": key.prefix_type and _name(_PREFIX, key.prefix_type),
            "status": key.status and _name(_STATUS, key.status),
        }
        fields = known(fields)
        if key.has_data:
            data = {
                "keyMaterialType": key.kind and _name(_KIND, key.kind),
                "typeUrl": key.type_url,
                "value": base64.b64encode(key.value).decode(),
            }
            fields["keyData"] = known(data)
        keys.append(fields)
    document = known({"key": keys, "primaryKeyId": keyset.primary})
    return json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _number(value: Any) -> int:
    number = int(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else -1
    if not 0 <= number < 1 << 32:
        raise ValueError("not an id")
    return number


def _enum(names: tuple[str, ...], value: Any) -> int:
    return names.index(value) if isinstance(value, str) else _number(value)


def _bytes(value: str) -> bytes:
    plain = value.replace("-", "+").replace("_", "/").rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _renamed(value: Any, names: dict[str, str]) -> dict[str, Any]:
    """The fields of a JSON object by the names that ``names`` gives them; null is as good as nothing."""
    if not isinstance(value, dict) or not names.keys() >= value.keys():
        raise ValueError("not a message")
    return {names[name]: item for name, item in value.items() if item is not None}


_KEYSET_NAMES = {"primaryKeyId": "primary", "primary_key_id": "primary", "key": "key"}
_KEY_NAMES = {
    "keyData": "data", "key_data": "data", "status": "status", "keyId": "id", "key_id": "id",
    "outputPrefixType": "prefix", "output_prefix_type": "prefix",
}  # fmt: skip
_DATA_NAMES = {
    "typeUrl": "type", "type_url": "type", "value": "value", "keyMaterialType": "kind",
    "key_material_type": "kind",
}  # fmt: skip


def from_json(text: str) -> Keyset:
    """Raises KeysetError for what is not the JSON form of a keyset."""
    try:
        document = _renamed(json.loads(text), _KEYSET_NAMES)
        keyset = Keyset(_number(document.get("primary", 0)))
        keys = document.get("key", [])
        if not isinstance(keys, list):
            raise ValueError("not a list")
        for item in keys:
            found = _renamed(item, _KEY_NAMES)
            data = _renamed(found.get("data", {}), _DATA_NAMES)
            type_url = data.get("type", "")
            if not isinstance(type_url, str):
                raise ValueError("not a text")
            keyset.keys.append(
                Key(
                    type_url,
                    _bytes(data.get("value", "")),
                    _enum(_KIND, data.get("kind", 0)),
                    _enum(_STATUS, found.get("status", 0)),
                    _number(found.get("id", 0)),
                    _enum(_PREFIX, found.get("prefix", 0)),
                    "data" in found,
                )
            )
    except (ValueError, AttributeError, binascii.Error, RecursionError):
        raise KeysetError(_UNREADABLE + "JSON Keyset-proto.") from None
    return keyset
