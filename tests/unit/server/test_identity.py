from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from bqsim.server.identity import Caller, OpenAuth, authenticator_of, caller_of
from bqsim.server.identity_jwt import JwtAuth
from bqsim.settings import BadSetup, Settings
from bqsim.sim.clock import RealClock


def jwt(claims: object) -> str:
    parts = [base64.urlsafe_b64encode(json.dumps(p).encode()).decode().rstrip("=") for p in ({}, claims)]
    return ".".join([*parts, "signature"])


@pytest.mark.parametrize(
    ("header", "caller"),
    [
        ("Bearer user:ada@example.com", Caller("ada@example.com")),
        ("bearer serviceAccount:robot@p.iam.gserviceaccount.com", Caller("robot@p.iam.gserviceaccount.com")),
        ("Bearer user:a@b.c,group:g@b.c,group:h@b.c", Caller("a@b.c", ("g@b.c", "h@b.c"))),
        (f"Bearer {jwt({'email': 'jwt@example.com'})}", Caller("jwt@example.com")),
        (f"Bearer {jwt({'email': 5})}", Caller("default@x.y")),
        (f"Bearer {jwt([1])}", Caller("default@x.y")),
        ("Bearer a.b.c", Caller("default@x.y")),
        ("Bearer ya29.token", Caller("default@x.y")),
        ("Bearer group:g@b.c", Caller("default@x.y")),
        ("Bearer", Caller("default@x.y")),
        ("Basic dXNlcjp4", Caller("default@x.y")),
        ("", Caller("default@x.y")),
        ("Bearer user:no-address", Caller("default@x.y")),
    ],
)
def test_caller(header: str, caller: Caller) -> None:
    assert caller_of(header, "default@x.y") == caller


def test_the_open_mode_takes_everybodys_word() -> None:
    found = authenticator_of(Settings(caller="default@x.y"), RealClock())
    assert isinstance(found, OpenAuth)
    assert found.caller("") == Caller("default@x.y")
    assert found.caller("Bearer user:ada@example.com") == Caller("ada@example.com")


def test_the_jwt_mode_takes_the_keys_of_a_file(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    keys.write_text(json.dumps({"kty": "oct", "k": "c2VjcmV0" * 8}))
    assert isinstance(authenticator_of(Settings(auth="jwt", jwt_keys=keys), RealClock()), JwtAuth)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (Settings(auth="oauth"), "unknown auth mode 'oauth'; it can be open, jwt"),
        (Settings(auth="jwt"), r"auth mode jwt needs the file with the keys \(jwt_keys\)"),
        (Settings(auth="jwt", jwt_keys=Path("/none.json")), "/none.json: the file cannot be read"),
    ],
)
def test_settings_that_cannot_be(settings: Settings, message: str) -> None:
    with pytest.raises(BadSetup, match=message):
        authenticator_of(settings, RealClock())
