"""Limits switched on, changed and off."""

from __future__ import annotations

from typing import Any

import pytest

from bqsim.errors import BigQueryError
from bqsim.sim.clock import SimulationClock
from bqsim.sim.gate import Call
from bqsim.sim.limits.control import LimitControl
from bqsim.sim.scenario.model import LimitSetup

NAME = "api_requests_per_user_method"


def control() -> tuple[LimitControl, list[Any]]:
    attached: list[Any] = []
    return LimitControl(SimulationClock(0, 0), attach=attached.append), attached


def get() -> Call:
    return Call("rest", "bigquery.tables.get", "projects/p/datasets/d/tables/t", "ann@example.com")


def test_off_at_first() -> None:
    limits, attached = control()
    assert (limits.profile, limits.enforcement, attached) == ("off", None, [])
    assert (limits.usage(), limits.refusals(), limits.describe()) == ([], {}, [])
    assert "too many jobs.get" in str(limits.spare().limits.limit("jobs_get_requests").message)


def test_what_is_used_stays_used() -> None:
    limits, attached = control()
    limits.use(values={NAME: 2})
    assert limits.enforcement is attached[-1]
    assert limits.enforcement is not None
    limits.enforcement.entered(get())
    limits.use(values={NAME: 1})
    with pytest.raises(BigQueryError):
        limits.enforcement.entered(get())
    assert limits.refusals() == {NAME: 1}
    assert [row["used"] for row in limits.usage(NAME)] == [1]
    limits.off()
    assert attached[-1] is None
    limits.use(values={NAME: 1})
    assert limits.enforcement is attached[0]
    limits.reset()
    limits.enforcement.entered(get())


def test_who_waits_is_told_of_changes() -> None:
    limits, _ = control()
    limits.use()
    told: list[Any] = []
    assert limits.enforcement is not None
    limits.enforcement.released.append(told.append)
    limits.use(values={NAME: None})
    limits.off()
    assert told == [None, None]


def test_amounts() -> None:
    limits, _ = control()
    limits.use(scale=0.5, values={NAME: None, "jobs_get_requests": 7}, tenants={"gold": {"insert_rows": 9}})
    amounts = {row["limit"]: row["amount"] for row in limits.describe("gold", region="EU")}
    assert (amounts[NAME], amounts["jobs_get_requests"], amounts["insert_rows"]) == (None, 7, 9)
    assert {row["limit"]: row["amount"] for row in limits.describe("p")}["insert_rows"] == 50_000


def test_a_scenario_switches_them() -> None:
    limits, _ = control()
    limits.load(LimitSetup("bigquery", values={NAME: 3}))
    assert limits.profile == "bigquery"
    limits.load(LimitSetup())
    assert limits.profile == "off"


def test_an_unknown_profile() -> None:
    limits, _ = control()
    with pytest.raises(ValueError, match="There is no limits profile named x; there are bigquery, off"):
        limits.use("x")
