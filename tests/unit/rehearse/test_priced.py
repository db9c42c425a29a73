"""Tests of what is said of prices: those nobody verified are named in all reports, one's own are not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bqsim.rehearse.plan.reading import parse
from bqsim.rehearse.priced import notes
from bqsim.rehearse.reporting.document import document
from bqsim.rehearse.reporting.page import page
from bqsim.rehearse.reporting.text import markdown, shown
from bqsim.rehearse.results import Report
from bqsim.rehearse.sweep import rehearse

from .results_of import plan, result, usage

HOURLY = """
name: small
days: 0.25
workload:
- origin:
    generated:
      arrivals: {bursts: {size: 1, every: 1h}}
      mix: [{slot_time: 60s, project: slots}, {name: b, slot_time: 1s, project: bytes, bytes_billed: 1.0e+12}]
capacity:
  reservations: {etl: {autoscale_max_slots: 50, edition: STANDARD}}
  assignments: [{reservation: etl, project: slots}]
"""
TOLD = (
    "prices in eu are unverified (autoscaled slots and on demand): no price list was seen for them, they may "
    "be old or wrong; check them, or give your own under money: files"
)


LONG_HOURS = (
    "commitments to spend are reckoned by 2 hours instead of by the hour, so that they seem to cover more "
    "than they do: rehearse fewer days, places or settings"
)


def rehearsed(money: str = "", folder: Path = Path(), text: str = HOURLY) -> Report:
    return rehearse(parse(f"{text}money: {{{money}}}\n", "plan.yaml", folder))


def about_prices(report: Report) -> list[str]:
    return [note for note in report.notes if "prices" in note]


def test_prices_that_nobody_verified_are_named_in_every_report() -> None:
    found = rehearsed("region: EU")
    assert about_prices(found) == [TOLD]
    assert f"note: {TOLD}" in shown(found)
    assert TOLD in json.loads(document(found))["notes"]
    assert TOLD in page(found)
    assert TOLD in markdown(found)
    statuses = {one["status"] for one in json.loads(document(found))["settings"][0]["charges"]}
    assert statuses == {"unverified"}


def test_where_prices_are_known_nothing_is_said() -> None:
    assert about_prices(rehearsed()) == []


def test_a_reservation_elsewhere_is_told_by_its_location() -> None:
    text = HOURLY.replace("{autoscale", "{location: EU, autoscale")
    assert about_prices(rehearsed(text=text)) == [TOLD.replace(" and on demand", "")]


def test_streams_are_told_by_their_location() -> None:
    text = (
        "days: 0.01\nstreams:\n- {row_bytes: 1 KB, rows: {constant: 900000}, location: EU}\n"
        "- {name: rest, method: insertAll, row_bytes: 1 KB, rows: {constant: 9000}}\n"
    )
    told = TOLD.replace("autoscaled slots and on demand", "Storage Write API")
    assert about_prices(rehearsed(text=text)) == [
        told,
        told.replace("eu", "us").replace("Storage Write API", "insertAll"),
    ]


def test_prices_of_ones_own_take_the_place_of_those(tmp_path: Path) -> None:
    own = "prices:\n- {item: slots, price: 0.05, per: slot-h, regions: [eu], edition: STANDARD}\n"
    (tmp_path / "own.yaml").write_text(own)
    found = rehearsed("region: EU, files: [own.yaml]", tmp_path)
    assert about_prices(found) == [TOLD.replace("autoscaled slots and ", "")]
    charges = {one.what: (one.price, one.status) for one in found.settings[0].charges}
    assert charges == {
        "autoscaled slots": (0.05, "own"),
        "on demand": (6.25, "unverified"),
    }


def test_what_is_free_is_not_charged_at_a_price() -> None:
    text = HOURLY.replace("1.0e+12", "1.0e+6")
    assert about_prices(rehearsed("region: EU, free: true", text=text)) == [
        TOLD.replace(" and on demand", "")
    ]


@pytest.mark.parametrize(("minutes", "told"), [(60, False), (120, True)])
def test_commitments_to_spend_by_longer_times_than_hours_are_told(minutes: int, told: bool) -> None:
    loaded = plan("money: {spend_commitments: [{per_hour: 1}]}")
    (setting,) = loaded.settings
    used = replace(usage(), bucket_ms=minutes * 60_000.0)
    found = [*notes({setting.name: setting}, [result(setting, used=used)])]
    assert found == [LONG_HOURS] * told
    (other,) = plan().settings
    assert [*notes({other.name: other}, [result(other, used=used)])] == []


def test_jobs_on_demand_that_bill_no_bytes_are_told() -> None:
    nothing = HOURLY.replace(", bytes_billed: 1.0e+12", "")
    assert [note for note in rehearsed(text=nothing).notes if "nothing" in note] == [
        "what runs on demand in bytes seems to cost nothing: its jobs bill no bytes ('bytes_billed' of their "
        "kinds)"
    ]
    assert not [note for note in rehearsed("free: true").notes if "nothing" in note]
