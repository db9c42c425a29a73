"""Functions of encryption, keys and the net."""

from __future__ import annotations

from .family import Family

_KEY = "KEYS.NEW_KEYSET('AEAD_AES_GCM_256')"
_SIV = "KEYS.NEW_KEYSET('DETERMINISTIC_AEAD_AES_SIV_CMAC_256')"
_JSON = (
    '{"primaryKeyId":1,"key":[{"keyData":{"typeUrl":"type.googleapis.com/google.crypto.tink.AesGcmKey",'
    '"keyMaterialType":"SYMMETRIC","value":"GhDzsmzEg7VC/fx9XVQTWi9e"},"keyId":1,"outputPrefixType":"TINK",'
    '"status":"ENABLED"}]}'
)
_KMS = "'gcp-kms://projects/p/locations/us/keyRings/r/cryptoKeys/k'"
_WRAPPED = f"KEYS.NEW_WRAPPED_KEYSET({_KMS}, 'AEAD_AES_GCM_256')"
_TEXTS = "Some texts of errors are bqsim's own."

FAMILIES = (
    Family(
        "encryption",
        "AEAD encryption functions",
        f"""
AEAD.DECRYPT_BYTES  SELECT AEAD.DECRYPT_BYTES(k, AEAD.ENCRYPT(k, b'abc', b'x'), b'x') FROM (SELECT {_KEY}
    AS k)
AEAD.DECRYPT_STRING  SELECT AEAD.DECRYPT_STRING(k, AEAD.ENCRYPT(k, 'abc', 'x'), 'x') FROM (SELECT {_KEY} AS k)
AEAD.ENCRYPT  BYTE_LENGTH(AEAD.ENCRYPT({_KEY}, 'abc', 'x'))
DETERMINISTIC_DECRYPT_BYTES  SELECT DETERMINISTIC_DECRYPT_BYTES(k, DETERMINISTIC_ENCRYPT(k, b'abc', b'x'),
    b'x')
    FROM (SELECT {_SIV} AS k)
DETERMINISTIC_DECRYPT_STRING  SELECT DETERMINISTIC_DECRYPT_STRING(k, DETERMINISTIC_ENCRYPT(k, 'abc', 'x'),
    'x')
    FROM (SELECT {_SIV} AS k)
DETERMINISTIC_ENCRYPT  BYTE_LENGTH(DETERMINISTIC_ENCRYPT({_SIV}, 'abc', 'x'))
KEYS.ADD_KEY_FROM_RAW_BYTES  KEYS.KEYSET_LENGTH(KEYS.ADD_KEY_FROM_RAW_BYTES({_KEY}, 'AES_CBC_PKCS',
    b'0123456789012345'))
KEYS.KEYSET_CHAIN  KEYS.KEYSET_CHAIN({_KMS}, b'abc')
KEYS.KEYSET_FROM_JSON  KEYS.KEYSET_LENGTH(KEYS.KEYSET_FROM_JSON('{_JSON}'))
KEYS.KEYSET_LENGTH  KEYS.KEYSET_LENGTH({_KEY})
KEYS.KEYSET_TO_JSON  KEYS.KEYSET_TO_JSON(KEYS.KEYSET_FROM_JSON('{_JSON}'))
KEYS.NEW_KEYSET  KEYS.KEYSET_LENGTH({_KEY})
KEYS.NEW_WRAPPED_KEYSET  BYTE_LENGTH({_WRAPPED}) > 0
KEYS.REWRAP_KEYSET  BYTE_LENGTH(KEYS.REWRAP_KEYSET({_KMS}, {_KMS}, {_WRAPPED})) > 0
KEYS.ROTATE_KEYSET  KEYS.KEYSET_LENGTH(KEYS.ROTATE_KEYSET({_KEY}, 'AEAD_AES_GCM_256'))
KEYS.ROTATE_WRAPPED_KEYSET  BYTE_LENGTH(KEYS.ROTATE_WRAPPED_KEYSET({_KMS}, {_WRAPPED}, 'AEAD_AES_GCM_256'))
    > 0
""",
        shown="tests/unit/sql/lower/functions/test_encryption.py",
        notes=dict.fromkeys(
            (
                "AEAD.DECRYPT_BYTES",
                "AEAD.DECRYPT_STRING",
                "DETERMINISTIC_DECRYPT_BYTES",
                "DETERMINISTIC_DECRYPT_STRING",
                "KEYS.KEYSET_FROM_JSON",
            ),
            _TEXTS,
        ),
    ),
    Family(
        "dlp",
        "DLP encryption functions",
        f"""
DLP_DETERMINISTIC_ENCRYPT  DLP_DETERMINISTIC_ENCRYPT(DLP_KEY_CHAIN({_KMS}, b'abc'), 'abc', '')
DLP_DETERMINISTIC_DECRYPT  DLP_DETERMINISTIC_DECRYPT(DLP_KEY_CHAIN({_KMS}, b'abc'), 'abc', '')
DLP_KEY_CHAIN  DLP_KEY_CHAIN({_KMS}, b'abc')
""",
    ),
    Family(
        "net",
        "Net functions",
        """
NET.HOST  NET.HOST('https://www.Example.com:80/x')
NET.IP_FROM_STRING  NET.IP_FROM_STRING('48.49.50.51')
NET.IP_NET_MASK  NET.IP_NET_MASK(4, 20)
NET.IP_TO_STRING  NET.IP_TO_STRING(b'0123')
NET.IP_TRUNC  NET.IP_TRUNC(b'0123', 11)
NET.IPV4_FROM_INT64  NET.IPV4_FROM_INT64(1)
NET.IPV4_TO_INT64  NET.IPV4_TO_INT64(b'0123')
NET.PUBLIC_SUFFIX  NET.PUBLIC_SUFFIX('www.example.co.uk')
NET.REG_DOMAIN  NET.REG_DOMAIN('www.example.co.uk')
NET.SAFE_IP_FROM_STRING  NET.SAFE_IP_FROM_STRING('48.49.50')
""",
        shown="tests/unit/sql/lower/functions/test_net.py",
    ),
)
