from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

import pytest

from bqsim.commands import serve
from bqsim.settings import Settings


def given(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    serve.add_arguments(parser)
    return parser.parse_args(words)


def test_options_of_callers_and_their_rights() -> None:
    words = ["--auth", "jwt", "--jwt-keys", "k.json", "--jwt-issuer", "a", "--jwt-issuer", "b"]
    words += ["--jwt-audience", "c", "--iam-policy", "p.yaml"]
    made = serve.settings_from(given(*words))
    assert (made.auth, made.jwt_keys, made.iam_policy) == ("jwt", Path("k.json"), Path("p.yaml"))
    assert (made.jwt_issuer, made.jwt_audience) == (("a", "b"), ("c",))


def test_without_options_everybody_may_do_everything() -> None:
    made, defaults = serve.settings_from(given()), Settings()
    assert (made.auth, made.iam_policy) == (defaults.auth, defaults.iam_policy) == ("open", None)


def test_a_policy_that_cannot_be_used_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # A server hides modules that it has no use for.
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    policy = tmp_path / "policy.yaml"
    policy.write_text("bindings:\n- role: roles/viewr\n  members: [allUsers]\n")
    words = given("--port", "0", "--grpc-port", "0", "--iam-policy", str(policy))
    assert serve._serve(words, threading.Event()) == 1
    text = f"bqsim: cannot start: {policy}:2:9: unknown role 'roles/viewr'; did you mean 'roles/viewer'?\n"
    assert capsys.readouterr().err == text
