"""Auth mode ``jwt``: bearer tokens are JWTs signed with one of the configured keys."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bqsim.settings import BadSetup
from bqsim.sim.clock import Clock
from bqsim.sim.iam.unauthenticated import Cause, Unauthenticated

from .identity import Caller

MAX_CACHED = 4096
# Type of a key, with its curve -> the one algorithm that it may sign with.
ALGORITHMS = {("RSA", ""): "RS256", ("EC", "P-256"): "ES256", ("oct", ""): "HS256"}


class BadKeys(BadSetup):
    """Keys that cannot be used; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key to verify with: ``kid`` is empty when tokens need not name it."""

    kid: str
    algorithm: str
    material: Any


@dataclass(frozen=True, slots=True)
class _Verified:
    """A token whose signature and names are right; times in seconds since the epoch."""

    caller: Caller
    not_before: float
    expires: float


class JwtAuth:
    """Verifies JWTs of RS256, ES256 and HS256; their times count on the simulation's clock.

    ``audience`` and ``issuer`` are what ``aud`` and ``iss`` must be, one of the given ones; empty ones are
    not looked at. ``leeway_s`` is how far the clocks of client and simulator may differ.
    """

    def __init__(
        self,
        keys: Iterable[Key],
        clock: Clock,
        *,
        audience: Iterable[str] = (),
        issuer: Iterable[str] = (),
        leeway_s: float = 0.0,
    ) -> None:
        """Raises :class:`BadKeys` without a key, ``ModuleNotFoundError`` naming the extra without PyJWT."""
        self._jwt = _library()
        self._keys = tuple(keys)
        if not self._keys:
            raise BadKeys("auth mode jwt needs at least one key")
        self._clock = clock
        self._audience = frozenset(audience)
        self._issuer = frozenset(issuer)
        self._leeway_s = leeway_s
        self._verified: dict[str, _Verified] = {}

    def caller(self, authorization: str) -> Caller:
        """Who the token names by ``email``, else ``sub``; its ``groups`` come along.

        Raises ``Unauthenticated``: 401, in the words of Google's APIs.
        """
        scheme, _, token = authorization.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            raise Unauthenticated(Cause.MISSING, "no bearer token")
        found = self._verified.get(token)
        if found is None:
            found = self._verify(token)
            if len(self._verified) >= MAX_CACHED:
                self._verified.clear()
            self._verified[token] = found
        now = self._clock.now_us() / 1e6
        if now >= found.expires + self._leeway_s:
            raise Unauthenticated(
                Cause.EXPIRED, f"the token expired at {found.expires:.0f}, now is {now:.0f}"
            )
        if now < found.not_before - self._leeway_s:
            text = f"the token counts from {found.not_before:.0f} on, now is {now:.0f}"
            raise Unauthenticated(Cause.INVALID, text)
        return found.caller

    def _verify(self, token: str) -> _Verified:
        claims = self._claims(token)
        issuer, audience = claims.get("iss"), claims.get("aud")
        audiences = audience if isinstance(audience, list) else [audience]
        if self._issuer and issuer not in self._issuer:
            raise Unauthenticated(Cause.INVALID, f"the token's issuer is {issuer!r}")
        if self._audience and not any(isinstance(a, str) and a in self._audience for a in audiences):
            raise Unauthenticated(Cause.INVALID, f"the token's audience is {audience!r}")
        expires: Any = claims.get("exp")
        if not _is_time(expires):
            raise Unauthenticated(Cause.INVALID, "the token has no expiry (exp)")
        starts = [claims[name] for name in ("nbf", "iat") if name in claims]
        if not all(map(_is_time, starts)):
            raise Unauthenticated(Cause.INVALID, "the token's nbf or iat is no time")
        email = next((claims[n] for n in ("email", "sub") if _is_address(claims.get(n))), None)
        if email is None:
            raise Unauthenticated(
                Cause.INVALID, "the token names nobody: neither email nor sub is an address"
            )
        groups = claims.get("groups")
        named = tuple(g for g in groups if _is_address(g)) if isinstance(groups, list) else ()
        return _Verified(Caller(email, named), max(starts, default=0), expires)

    def _claims(self, token: str) -> Mapping[str, Any]:
        """The claims of a token that a key has signed."""
        try:
            header = self._jwt.get_unverified_header(token)
        except self._jwt.PyJWTError:
            raise Unauthenticated(Cause.INVALID, "the token is no JWT") from None
        kid, algorithm = header.get("kid"), header.get("alg")
        fitting = [k for k in self._keys if k.algorithm == algorithm and (not kid or k.kid in ("", kid))]
        # Times are checked on our clock, names with our texts.
        checks = dict.fromkeys(("exp", "nbf", "iat", "aud", "iss", "sub", "jti"), False)
        options = {"verify_signature": True, **{f"verify_{name}": on for name, on in checks.items()}}
        for key in fitting:
            try:
                claims: Mapping[str, Any] = self._jwt.decode(
                    token, key.material, algorithms=[key.algorithm], options=options
                )
            except self._jwt.PyJWTError:
                continue
            return claims
        why = "no key has signed the token" if fitting else f"no key for alg {algorithm!r}, kid {kid!r}"
        raise Unauthenticated(Cause.INVALID, why)


def load_keys(path: Path) -> list[Key]:
    """The keys in a file: a JWKS, certificates or public keys as PEM, alone or by key id in a JSON object,
    or the key file of a service account. Raises :class:`BadKeys`."""
    _library()
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as e:
        why = e.strerror if isinstance(e, OSError) else "it is not UTF-8"
        raise BadKeys(f"{path}: the file cannot be read: {why}") from None
    try:
        return parse_keys(text)
    except BadKeys as e:
        raise BadKeys(f"{path}: {e}") from None


def parse_keys(text: str) -> list[Key]:
    """:func:`load_keys` of a text."""
    if text.lstrip().startswith("-----BEGIN"):
        return [_pem_key("", text)]
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadKeys("neither PEM nor JSON") from None
    if not isinstance(value, dict):
        raise BadKeys("the JSON is no object")
    if isinstance(value.get("keys"), list):
        return [_jwk(i, entry) for i, entry in enumerate(value["keys"])]
    if "kty" in value:
        return [_jwk(0, value)]
    if isinstance(value.get("private_key"), str):
        return [_pem_key(str(value.get("private_key_id", "")), value["private_key"])]
    if value and all(isinstance(pem, str) and "-----BEGIN" in pem for pem in value.values()):
        return [_pem_key(kid, pem) for kid, pem in value.items()]
    raise BadKeys("the JSON is no JWKS ('keys'), no key by key id, and no service account's key file")


def secret_key(secret: str, kid: str = "") -> Key:
    """A secret shared with who signs, for HS256."""
    _library()
    return _strong(Key(kid, "HS256", secret.encode()), f"key {kid!r}" if kid else "the key")


def _strong(key: Key, where: str) -> Key:
    """The key, unless it is shorter than its algorithm asks for (RFC 7518)."""
    if key.algorithm == "HS256" and len(key.material) < 32:
        raise BadKeys(f"{where} is a secret of less than the 32 bytes that HS256 needs")
    if key.algorithm == "RS256" and key.material.key_size < 2048:
        raise BadKeys(f"{where} has less than the 2048 bits that RS256 needs")
    return key


def _jwk(index: int, entry: Any) -> Key:
    jwt = _library()
    where = f"key {index} of the JWKS"
    if not isinstance(entry, dict):
        raise BadKeys(f"{where} is no object")
    algorithm = ALGORITHMS.get((str(entry.get("kty")), str(entry.get("crv", ""))))
    if algorithm is None:
        kinds = ", ".join(" ".join(filter(None, kind)) for kind in ALGORITHMS)
        raise BadKeys(f"{where} has a type that is not supported: it can be {kinds}")
    if entry.get("alg") not in (None, algorithm):
        raise BadKeys(f"{where} is for {entry['alg']}, its type is for {algorithm}")
    if entry.get("use") not in (None, "sig"):
        raise BadKeys(f"{where} is not for signatures")
    try:
        material = jwt.PyJWK(entry, algorithm=algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError):
        raise BadKeys(f"{where} is malformed") from None
    if algorithm != "HS256" and hasattr(material, "public_key"):
        material = material.public_key()
    return _strong(Key(str(entry.get("kid", "")), algorithm, material), where)


def _pem_key(kid: str, pem: str) -> Key:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import load_pem_private_key, load_pem_public_key
    from cryptography.x509 import load_pem_x509_certificate

    data = pem.encode()
    key: Any
    try:
        if "BEGIN CERTIFICATE" in pem:
            key = load_pem_x509_certificate(data).public_key()
        elif "PRIVATE KEY" in pem:
            key = load_pem_private_key(data, None).public_key()
        else:
            key = load_pem_public_key(data)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise BadKeys(f"the PEM of key {kid!r} is malformed" if kid else "the PEM is malformed") from None
    if isinstance(key, rsa.RSAPublicKey):
        return _strong(Key(kid, "RS256", key), f"key {kid!r}" if kid else "the key")
    if isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1):
        return Key(kid, "ES256", key)
    raise BadKeys("a PEM must hold an RSA key or an EC key on the curve P-256")


def _library() -> Any:
    try:
        import cryptography  # noqa: F401
        import jwt
    except ModuleNotFoundError as e:
        if e.name not in ("cryptography", "jwt"):
            raise
        text = "auth mode jwt needs PyJWT and cryptography: pip install 'bqsim[jwt]'"
        raise ModuleNotFoundError(text, name=e.name) from None
    return jwt


def _is_time(value: object) -> bool:
    """A finite number that is no boolean."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e15


def _is_address(value: object) -> bool:
    if not isinstance(value, str):
        return False
    name, at, domain = value.partition("@")
    return (
        bool(name and at and domain) and "@" not in domain and not any(c.isspace() or c == "," for c in value)
    )
