from __future__ import annotations

from bqsim.fidelity import load

from .conftest import Control


def test_the_manifest(control: Control) -> None:
    answer = control.do("GET", "fidelity")
    assert answer["subjects"] == load().to_json()["subjects"]
    assert answer["counts"] == load().counts()
    assert answer["totals"] == load().totals()


def test_a_part_of_it(control: Control) -> None:
    answer = control.do("GET", "fidelity?subject=service:*&status=absent")
    assert "service:Migration API" in answer["subjects"]
    assert list(answer["families"]) == ["service"]
    answer = control.do("GET", "fidelity?family=function&subject=json&status=exact")
    assert answer["subjects"]["function:JSON_VALUE"]["routes"] == ["ENGINE"]
    assert list(answer["families"]) == ["function"]
    assert control.do("GET", "fidelity?subject=zzz")["subjects"] == {}
    assert "did you mean 'function'?" in control.ask("GET", "fidelity?family=functions").message
    assert "did you mean 'exact'?" in control.ask("GET", "fidelity?status=exakt").message
