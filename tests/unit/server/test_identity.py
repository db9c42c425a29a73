from __future__ import annotations

import base64
import json

import pytest

from bqsim.server.identity import Caller, caller_of


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
