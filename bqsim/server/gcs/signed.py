"""Signed URLs, V4 and V2: when they expire, and whether a known key has signed them."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote

from bqsim.server.identity import Caller

from .errors import StorageError

if TYPE_CHECKING:
    from bqsim.server.http import Head

ALGORITHM = "GOOG4-RSA-SHA256"
# Page "Signed URLs": a V4 one is good for at most seven days.
MAX_EXPIRES_S = 7 * 24 * 3600
# How far the date of a signature may be ahead.
SKEW_S = 15 * 60
# Parameters of a V2 URL that are part of the resource.
_SUBRESOURCES = (
    "acl", "cors", "lifecycle", "location", "logging", "partNumber", "uploadId", "uploads", "versioning",
)  # fmt: skip
_EXPIRED = "The provided token has expired."
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your Google secret"
    " key and signing method."
)
_DATE = re.compile(r"\d{8}T\d{6}Z\Z")


class Keys:
    """The configured public keys; ``email`` is whose they are where the file tells. Loaded when asked for."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._loaded: list[Any] | None = None
        self.email = ""

    def of(self, signer: str) -> list[Any]:
        """The RSA keys that ``signer`` may have signed with."""
        if self._path is None:
            return []
        if self._loaded is None:
            from bqsim.server.identity_jwt import load_keys

            self._loaded = [key.material for key in load_keys(self._path) if key.algorithm == "RS256"]
            try:
                self.email = str(json.loads(self._path.read_text("utf-8-sig")).get("client_email", ""))
            except (ValueError, AttributeError):
                self.email = ""
        return [] if self.email and signer and signer != self.email else self._loaded


def is_signed(query: Mapping[str, str]) -> bool:
    """Whether a request brings a signature in its URL."""
    return "X-Goog-Signature" in query or ("Signature" in query and "GoogleAccessId" in query)


def verify(
    path: str, query: Mapping[str, str], head: Head, now_us: int, keys: Keys, *, strict: bool
) -> Caller:
    """Who has signed a request. ``strict``: only signatures of known keys count.

    Raises 400 for a URL that has expired or is malformed, 403 for a signature that does not fit.
    """
    if "X-Goog-Signature" in query:
        signer, text, signature, extra = _v4(path, query, head, now_us)
    else:
        signer, text, signature, extra = _v2(path, query, head, now_us)
    known = keys.of(signer)
    if (known or strict) and not any(_fits(key, text, signature) for key in known):
        extra = {"StringToSign": text, **extra}
        raise StorageError(403, "", _MISMATCH, code="SignatureDoesNotMatch", text=_MISMATCH, extra=extra)
    return Caller(signer)


def _fits(key: Any, text: str, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    try:
        key.verify(signature, text.encode("utf-8", "replace"), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def _bad(message: str, code: str = "InvalidArgument") -> StorageError:
    return StorageError(
        400, "invalid", message, code=code, text="Invalid argument.", extra={"Details": message}
    )


def _expired(at: dt.datetime) -> StorageError:
    details = {"Details": f"Request signature expired at: {at.isoformat()}"}
    return StorageError(400, "invalid", _EXPIRED, code="ExpiredToken", text=_EXPIRED, extra=details)


def _v4(
    path: str, query: Mapping[str, str], head: Head, now_us: int
) -> tuple[str, str, bytes, dict[str, str]]:
    """Signer, text, signature, and the canonical request for error answers."""
    names = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders")
    missing = next((n for n in names if not query.get(f"X-Goog-{n}")), None)
    if missing:
        raise _bad(f"Missing query parameter X-Goog-{missing}.")
    if query["X-Goog-Algorithm"] != ALGORITHM:
        raise _bad(f"Unsupported signing algorithm: {query['X-Goog-Algorithm'][:40]}")
    date, seconds = query["X-Goog-Date"], query["X-Goog-Expires"]
    signer, *scope = query["X-Goog-Credential"].split("/")
    try:
        if not _DATE.match(date):
            raise ValueError(date)
        signed_at = dt.datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=dt.UTC)
    except ValueError:
        raise _bad(f"Invalid X-Goog-Date: {date[:40]}") from None
    if not seconds.isascii() or not seconds.isdigit() or not 1 <= int(seconds[:9]) <= MAX_EXPIRES_S:
        raise _bad(f"X-Goog-Expires must be between 1 and {MAX_EXPIRES_S} seconds.")
    if len(scope) != 4 or scope[2:] != ["storage", "goog4_request"] or not date.startswith(scope[0]):
        raise _bad("Invalid X-Goog-Credential.")
    expires = signed_at + dt.timedelta(seconds=int(seconds))
    now = dt.datetime.fromtimestamp(now_us / 1e6, dt.UTC)
    if now >= expires:
        raise _expired(expires)
    if signed_at > now + dt.timedelta(seconds=SKEW_S):
        text = "The difference between the request time and the server's time is too large."
        raise StorageError(403, "", text, code="RequestTimeTooSkewed", text=text)
    try:
        signature = bytes.fromhex(query["X-Goog-Signature"])
    except ValueError:
        raise _bad("Invalid X-Goog-Signature.") from None
    canonical = canonical_v4(path, head, query["X-Goog-SignedHeaders"].split(";"))
    digest = hashlib.sha256(canonical.encode("utf-8", "replace")).hexdigest()
    text = "\n".join((ALGORITHM, date, "/".join(scope), digest))
    return signer, text, signature, {"CanonicalRequest": canonical}


def canonical_v4(path: str, head: Head, names: list[str]) -> str:
    """The canonical request (page *V4 signing process*)."""
    pairs = parse_qsl(head.target.partition("?")[2], keep_blank_values=True)
    encoded = sorted((_encoded(n), _encoded(v)) for n, v in pairs if n != "X-Goog-Signature")
    headers = "".join(f"{name}:{' '.join(head.headers.get(name, '').split())}\n" for name in names)
    payload = head.headers.get("x-goog-content-sha256", "UNSIGNED-PAYLOAD")
    lines = (
        head.method, path, "&".join(f"{n}={v}" for n, v in encoded), headers, ";".join(names), payload,
    )  # fmt: skip
    return "\n".join(lines)


def _encoded(text: str) -> str:
    return quote(text, safe="~-_.")


def _v2(
    path: str, query: Mapping[str, str], head: Head, now_us: int
) -> tuple[str, str, bytes, dict[str, str]]:
    seconds = query.get("Expires", "")
    if not seconds.isascii() or not seconds.isdigit() or len(seconds) > 11:
        raise _bad(f"Invalid Expires: {seconds[:40]}")
    if now_us >= int(seconds) * 1_000_000:
        raise _expired(dt.datetime.fromtimestamp(int(seconds), dt.UTC))
    try:
        signature = base64.b64decode(query["Signature"].replace(" ", "+"))
    except (binascii.Error, ValueError):
        raise _bad("Invalid Signature.") from None
    headers = head.headers
    own = sorted(n for n in headers if n.startswith("x-goog-") and "encryption" not in n)
    extended = "".join(f"{name}:{' '.join(headers[name].split())}\n" for name in own)
    shown = [f"{n}={query[n]}" if query[n] else n for n in _SUBRESOURCES if n in query]
    resource = path + (f"?{'&'.join(shown)}" if shown else "")
    lines = (
        head.method, headers.get("content-md5", ""), headers.get("content-type", ""), seconds,
        extended + resource,
    )  # fmt: skip
    return unquote(query["GoogleAccessId"]), "\n".join(lines), signature, {}
