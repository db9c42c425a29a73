from __future__ import annotations

from bqsim.sim.scenario.kinds import TIME

from .conftest import Control


def test_the_clock(control: Control) -> None:
    first = control.do("POST", "clock", {"freeze": True})
    assert (first["mode"], first["rate"]) == ("manual", 0)
    then = control.do("POST", "clock", {"advance": "1h"})
    assert 0 <= then["nowMicros"] - first["nowMicros"] - 3_600_000_000 < 1_000_000
    tomorrow = TIME.write(then["nowMicros"] + 86_400_000_000)
    later = control.do("POST", "clock", {"set": tomorrow, "scale": 60})
    assert later["now"] >= str(tomorrow) and later["mode"] == "scaled"
    assert control.do("POST", "clock", {"freeze": False})["mode"] == "real"
    assert control.do("GET", "clock")["nowMicros"] > later["nowMicros"]
    assert control.ask("POST", "clock", {"set": "2000-01-01"}).message.startswith(
        "Invalid value for set: time does"
    )
    actions = [e["action"] for e in control.do("GET", "journal?kind=control")["events"]]
    assert actions == ["clock.freeze", "clock.advance", "clock.set", "clock.scale", "clock.freeze"]


def test_the_seed(control: Control) -> None:
    assert control.do("PUT", "seed", {"seed": 9}) == control.do("GET", "seed") == {"seed": 9}
    assert control.ask("PUT", "seed", {"seed": "x"}).message == "The field seed must be a whole number."
    assert control.ask("PUT", "seed", {}).reason == "required"


def test_reset(control: Control) -> None:
    control.do("POST", "faults", "blocked")
    control.do("POST", "clock", {"freeze": True})
    control.do("POST", "reset")
    assert control.do("GET", "faults") == {"faults": []} and control.do("GET", "clock")["mode"] == "real"
