from __future__ import annotations

import pytest

from bqsim.sim.scenario.spelling import clip, nearest, unknown


@pytest.mark.parametrize(
    ("given", "near"),
    [
        ("backendEror", "backendError"),
        ("BACKEND-ERROR", "backend_error"),
        ("rest", "reset"),
        ("zzz", None),
        ("", None),
    ],
)
def test_nearest(given: str, near: str | None) -> None:
    assert nearest(given, ["backendError", "backend_error", "reset"]) == near


def test_unknown_lists_what_there_is() -> None:
    assert unknown("level", "x", ("request", "job")) == "unknown level 'x'; it can be request, job"
    assert unknown("key", "idd", ("id",), "a rule") == "unknown key 'idd' of a rule; did you mean 'id'?"
    assert unknown("machine", "x", ()) == "unknown machine 'x'"
    assert unknown("n", "x", [f"w{n}" for n in range(20)]).endswith("w10, w11, …")


def test_long_values_are_cut() -> None:
    assert clip("x" * 100) == "x" * 59 + "…"
