from __future__ import annotations

import argparse
import sys
import threading
from pathlib import Path

import pytest

import bqsim
from bqsim.commands import serve
from bqsim.settings import Settings
from bqsim.sim.scenario.tree import ScenarioError


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


def test_scenarios_from_the_start(tmp_path: Path) -> None:
    one, two = tmp_path / "one.yaml", tmp_path / "two.yaml"
    one.write_text("name: one\nseed: 4\nrules: [{effect: {error: blocked}}]\n")
    two.write_text("name: two\nclock: manual\n")
    words = ("--scenario", str(one), "--scenario", str(two))
    both = serve.scenario_from(given(*words))
    assert both is not None and (both.name, both.seed, len(both.rules)) == ("one+two", 4, 1)
    again = serve.scenario_from(given(*words, "--seed", "9"))
    assert again is not None and again.seed == 9
    assert serve.scenario_from(given()) is None
    two.write_text("nam: two\n")
    with pytest.raises(ScenarioError, match="did you mean 'name'"):
        serve.scenario_from(given(*words))


def test_a_dead_man_switch() -> None:
    assert serve.settings_from(given("--fault-ttl", "5m")).fault_ttl_s == 300
    with pytest.raises(SystemExit):
        given("--fault-ttl", "soon")


def test_the_seed_is_printed() -> None:
    with bqsim.start(seed=77) as simulator:
        lines = serve.ready_text(simulator).splitlines()
    assert lines[-1] == "seed 77 (bqsim serve --seed 77 repeats it)"


def test_a_wrong_scenario_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path])
    file = tmp_path / "x.yaml"
    file.write_text("nam: x\n")
    words = given("--port", "0", "--grpc-port", "0", "--scenario", str(file))
    assert serve._serve(words, threading.Event()) == 1
    assert capsys.readouterr().err.startswith(f"bqsim: cannot start: {file}:1:1: unknown key 'nam'")
