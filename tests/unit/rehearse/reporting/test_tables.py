"""The tables of a setting that is looked at closely."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bqsim.rehearse.reporting import tables
from bqsim.rehearse.results import Charge

from . import fakes


def test_bills_have_their_unit() -> None:
    one = replace(
        fakes.setting(0), charges=(Charge("on demand", "p", 1.5, "TiB", 6.25, 9.375, "no list price"),)
    )
    assert tables.charge_rows(one, "USD") == [
        ["on demand", "p", "1.5 TiB", "6.25 USD / TiB", "9.38 USD", "9.38 USD", "no list price"]
    ]


def test_groups_have_all_jobs_first_and_costs_a_day() -> None:
    found = tables.group_rows(fakes.setting(0, days=3), "USD")
    assert [row[0] for row in found] == ["all", "team-0", "team-1", "team-2", "team-3"]
    assert found[0][1] == "60,000"
    assert found[0][-1] == "30.00 USD"
    assert all(len(row) == len(tables.GROUP_HEADS) for row in found)
    (nothing,) = tables.group_rows(fakes.empty().settings[0], "EUR")
    assert nothing == ["all", "0", "–", "–", "–", "–", "–", "0", "0 B", "0.00 EUR"]


def test_places_on_demand_have_no_slots_of_their_own() -> None:
    found = tables.place_rows(fakes.setting(0))
    assert all(len(row) == len(tables.PLACE_HEADS) for row in found)
    assert found[1][1:6] == ["Enterprise", "90.5 h", "12 h", "300 h", "2,400 h"]
    assert found[2] == [
        "adhoc-project", "on demand", "90.5 h", "–", "–", "–", "–", "–", "12.5", "0.75", "36",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "told"), [("ENTERPRISE_PLUS", "Enterprise plus"), ("STANDARD", "Standard"), ("", "on demand")]
)
def test_editions(name: str, told: str) -> None:
    assert tables.edition(name) == told


def test_a_bill_of_no_days_has_no_day() -> None:
    one = replace(fakes.setting(0), days=0.0, charges=(Charge("baseline", "r", 1.0, "slot-h", 2.0, 2.0),))
    assert tables.charge_rows(one, "USD")[0][4:6] == ["2.00 USD", "2.00 USD"]
