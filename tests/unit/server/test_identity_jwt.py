from __future__ import annotations

import base64
import builtins
import hashlib
import hmac
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from bqsim.server.identity import Caller, OpenAuth
from bqsim.server.identity_jwt import BadKeys, JwtAuth, Key, load_keys, parse_keys, secret_key
from bqsim.sim.iam import Cause, Unauthenticated

pytestmark = pytest.mark.fidelity(
    "iam:signed tokens",
    "approximated",
    "Keys come from a file or a secret, not from the service; any signed token of theirs counts.",
)

SECRET = "s" * 32
NOW_S = 1_700_000_000
RSA = rsa.generate_private_key(65537, 2048)
OTHER_RSA = rsa.generate_private_key(65537, 2048)
EC = ec.generate_private_key(ec.SECP256R1())


class StillClock:
    def __init__(self) -> None:
        self.now_s = NOW_S

    def now_us(self) -> int:
        return self.now_s * 1_000_000

    async def sleep(self, seconds: float) -> None:
        raise AssertionError


def public_pem(key: Any) -> str:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def private_pem(key: Any) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def token(key: Any = SECRET, algorithm: str = "HS256", kid: str | None = None, **claims: Any) -> str:
    whole = {"email": "ada@example.com", "exp": NOW_S + 60, **claims}
    given = {name: value for name, value in whole.items() if value is not None}
    return "Bearer " + jwt.encode(given, key, algorithm, headers={"kid": kid} if kid else None)


def auth(*keys: Key, **options: Any) -> JwtAuth:
    return JwtAuth(keys or (secret_key(SECRET),), StillClock(), **options)


def refused(by: JwtAuth, authorization: str) -> tuple[Cause, str]:
    with pytest.raises(Unauthenticated) as caught:
        by.caller(authorization)
    return caught.value.cause, caught.value.why


def test_open_auth_reads_tokens_without_verifying() -> None:
    assert OpenAuth("default@x.y").caller("") == Caller("default@x.y")
    assert OpenAuth("default@x.y").caller("Bearer user:ada@b.c") == Caller("ada@b.c")


@pytest.mark.parametrize(
    ("key", "algorithm", "text"),
    [
        (RSA, "RS256", public_pem(RSA)),
        (EC, "ES256", public_pem(EC)),
        (RSA, "RS256", json.dumps({"kid1": public_pem(RSA), "kid2": public_pem(EC)})),
        (RSA, "RS256", json.dumps({"keys": [jwt.algorithms.RSAAlgorithm.to_jwk(RSA.public_key(), True)]})),
        (EC, "ES256", json.dumps({"keys": [jwt.algorithms.ECAlgorithm.to_jwk(EC.public_key(), True)]})),
        (RSA, "RS256", json.dumps({"type": "service_account", "private_key": private_pem(RSA)})),
        (
            SECRET,
            "HS256",
            json.dumps({"kty": "oct", "k": base64.urlsafe_b64encode(SECRET.encode()).decode().rstrip("=")}),
        ),
    ],
)
def test_algorithms_and_forms_of_keys(key: Any, algorithm: str, text: str, tmp_path: Path) -> None:
    path = tmp_path / "keys"
    path.write_text(text)
    by = auth(*load_keys(path))
    assert by.caller(token(key, algorithm)) == Caller("ada@example.com")
    wrong = OTHER_RSA if algorithm == "RS256" else ec.generate_private_key(ec.SECP256R1())
    given = token("x" * 32) if algorithm == "HS256" else token(wrong, algorithm)
    assert refused(by, given) == (Cause.INVALID, "no key has signed the token")


def test_callers() -> None:
    by = auth()
    assert by.caller(token(groups=["g@x.y", 5, "none"])) == Caller("ada@example.com", ("g@x.y",))
    assert by.caller(token(email=None, sub="robot@p.iam.gserviceaccount.com")).email.startswith("robot@")


@pytest.mark.parametrize(
    ("header", "cause", "why"),
    [
        ("", Cause.MISSING, "no bearer token"),
        ("Bearer ", Cause.MISSING, "no bearer token"),
        ("Basic YTpi", Cause.MISSING, "no bearer token"),
        ("Bearer ya29.token", Cause.INVALID, "the token is no JWT"),
        ("Bearer user:ada@example.com", Cause.INVALID, "the token is no JWT"),
        (token(exp=None), Cause.INVALID, "the token has no expiry (exp)"),
        (token(iat="soon"), Cause.INVALID, "the token's nbf or iat is no time"),
        (token(email="nobody", sub="12"), Cause.INVALID, "the token names nobody"),
        (token(exp=NOW_S), Cause.EXPIRED, "the token expired at"),
        (token(nbf=NOW_S + 5), Cause.INVALID, "the token counts from"),
        (token(RSA, "RS256"), Cause.INVALID, "no key for alg 'RS256', kid None"),
        (
            "Bearer " + jwt.encode({"email": "a@b.c", "exp": NOW_S + 9}, None, "none"),
            Cause.INVALID,
            "no key for alg 'none'",
        ),
    ],
)
def test_refused_tokens(header: str, cause: Cause, why: str) -> None:
    found = refused(auth(), header)
    assert (found[0], found[1][: len(why)]) == (cause, why)


def test_a_public_key_is_no_shared_secret() -> None:
    by = auth(*parse_keys(public_pem(RSA)))
    head, claims = ({"alg": "HS256", "typ": "JWT"}, {"email": "ada@example.com", "exp": NOW_S + 60})
    parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in (head, claims)]
    mac = hmac.new(public_pem(RSA).encode(), ".".join(parts).encode(), hashlib.sha256).digest()
    forged = ".".join([*parts, base64.urlsafe_b64encode(mac).decode().rstrip("=")])
    assert refused(by, f"Bearer {forged}") == (Cause.INVALID, "no key for alg 'HS256', kid None")


def test_changed_claims_are_refused() -> None:
    head, _, signature = token().removeprefix("Bearer ").split(".")
    claims = base64.urlsafe_b64encode(b'{"email":"root@example.com","exp":9999999999}').decode().rstrip("=")
    assert refused(auth(), f"Bearer {head}.{claims}.{signature}")[0] is Cause.INVALID


def test_key_ids() -> None:
    by = auth(secret_key("a" * 32, "one"), secret_key("b" * 32, "two"))
    assert by.caller(token("a" * 32, kid="one"))
    assert by.caller(token("b" * 32))
    assert refused(by, token("a" * 32, kid="two"))[1] == "no key has signed the token"
    assert refused(by, token("a" * 32, kid="three"))[1] == "no key for alg 'HS256', kid 'three'"


def test_audience_and_issuer() -> None:
    by = auth(audience=["https://bigquery.googleapis.com/"], issuer=["ada@example.com"])
    right = {"aud": "https://bigquery.googleapis.com/", "iss": "ada@example.com"}
    assert by.caller(token(**right))
    assert by.caller(token(**right | {"aud": ["x", right["aud"]]}))
    assert refused(by, token(**right | {"aud": "x"}))[1] == "the token's audience is 'x'"
    assert refused(by, token(iss=right["iss"]))[1] == "the token's audience is None"
    assert refused(by, token(aud=right["aud"], iss="eve"))[1] == "the token's issuer is 'eve'"


def test_tokens_expire_on_the_simulations_clock() -> None:
    clock = StillClock()
    by = JwtAuth([secret_key(SECRET)], clock, leeway_s=5)
    given = token(exp=NOW_S + 60)
    assert by.caller(given) == Caller("ada@example.com")
    clock.now_s = NOW_S + 64
    assert by.caller(given) == Caller("ada@example.com")
    clock.now_s = NOW_S + 65
    assert refused(by, given)[0] is Cause.EXPIRED
    clock.now_s = NOW_S
    assert by.caller(given) == Caller("ada@example.com")


def test_verified_tokens_are_remembered_up_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bqsim.server.identity_jwt.MAX_CACHED", 2)
    by = auth()
    for i in range(5):
        assert by.caller(token(email=f"u{i}@example.com")).email == f"u{i}@example.com"
    assert len(by._verified) <= 2


def test_no_keys() -> None:
    with pytest.raises(BadKeys, match="at least one key"):
        JwtAuth((), StillClock())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nonsense", "neither PEM nor JSON"),
        ("[]", "the JSON is no object"),
        ("{}", "the JSON is no JWKS"),
        ('{"keys": [5]}', "key 0 of the JWKS is no object"),
        (
            '{"keys": [{"kty": "OKP", "crv": "Ed25519"}]}',
            "type that is not supported: it can be RSA, EC P-256",
        ),
        ('{"keys": [{"kty": "RSA"}]}', "key 0 of the JWKS is malformed"),
        ('{"keys": [{"kty": "RSA", "alg": "RS512"}]}', "is for RS512, its type is for RS256"),
        ('{"keys": [{"kty": "oct", "k": "c2hvcnQ"}]}', "less than the 32 bytes"),
        ('{"keys": [{"kty": "oct", "use": "enc"}]}', "is not for signatures"),
        ("-----BEGIN PUBLIC KEY-----\nx\n-----END PUBLIC KEY-----", "the PEM is malformed"),
        (public_pem(ec.generate_private_key(ec.SECP384R1())), "an EC key on the curve P-256"),
        (public_pem(rsa.generate_private_key(65537, 1024)), "less than the 2048 bits"),
    ],
)
def test_bad_keys(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    path.write_text(text)
    with pytest.raises(BadKeys) as caught:
        load_keys(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_missing_files_and_short_secrets(tmp_path: Path) -> None:
    with pytest.raises(BadKeys, match="the file cannot be read: No such file"):
        load_keys(tmp_path / "none")
    with pytest.raises(BadKeys, match="32 bytes"):
        secret_key("short")


def test_the_extra_is_named_when_the_library_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **options: Mapping[str, Any]) -> Any:
        if name == "jwt":
            raise ModuleNotFoundError("No module named 'jwt'", name="jwt")
        return real(name, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'bqsim\[jwt\]'"):
        secret_key(SECRET)
