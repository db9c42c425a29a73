from __future__ import annotations

from typing import Any

import pytest

from .conftest import Control


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("{", "The body is not JSON"),
        ("[1]", "The body must be a JSON object."),
        (b"\xff", "The body is not UTF-8 text."),
        ({"advace": "1s"}, "Unknown field 'advace'; did you mean 'advance'?"),
        ({"freeze": 1}, "The field freeze must be true or false."),
        ({"advance": True}, "The field advance must be text or a whole number."),
        ({"advance": "soon"}, "Invalid value for advance: expected a duration"),
        ({"set": "soon"}, "Invalid value for set: "),
        ({"scale": 0}, "Invalid value for scale: a clock cannot run 0 times as fast"),
        ({}, "The body needs one of the fields advance, set, freeze, resume, scale."),
    ],
)
def test_wrong_bodies(control: Control, body: Any, message: str) -> None:
    answer = control.ask("POST", "clock", body)
    assert answer.status == 400 and answer.message.startswith(message)


def test_wrong_parameters(control: Control) -> None:
    assert control.ask("GET", "journal?since=x").message == "Invalid value for the parameter since: x"
    assert control.ask("POST", "faults?ttl=x", "blocked").message.startswith(
        "Invalid value for ttl: expected"
    )
    assert (
        control.ask("GET", "journal?kind=cal").message
        == "Unknown kind 'cal' of an event; did you mean 'call'?"
    )


def test_scopes_of_requests(control: Control) -> None:
    control.do("POST", "faults", "blocked", scope="header")
    control.do("POST", "faults?scope=query", "blocked", scope="header")
    found = [fault["rule"]["match"]["scope"] for fault in control.do("GET", "faults")["faults"]]
    assert found == [["header"], ["query"]]
    assert len(control.do("GET", "faults", scope="header")["faults"]) == 1


def test_a_defect_is_answered_with_its_id(control: Control, monkeypatch: pytest.MonkeyPatch) -> None:
    core = control.simulator.core
    assert core is not None
    monkeypatch.setattr(core.parts, "worlds", None)
    answer = control.ask("POST", "snapshots", {})
    assert answer.status == 500 and "Error: " in answer.message
