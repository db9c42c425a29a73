from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from bqsim.cost.errors import CostError, NoPrice
from bqsim.cost.pricing import ON_DEMAND, SLOTS, STATUSES, built_in, load_prices
from bqsim.cost.units import BYTES

DAY = dt.date(2026, 11, 1)


def test_a_tebibyte_on_demand_and_a_terabyte_are_not_one() -> None:
    tariff = load_prices().tariff(ON_DEMAND, region="US", on=DAY)
    assert tariff.of(BYTES["TiB"]) == 6.25
    assert tariff.of(BYTES["TB"]) == pytest.approx(5.684, abs=0.001)
    assert tariff.of(BYTES["GiB"]) == pytest.approx(6.25 / 1024)
    assert (tariff.per, tariff.currency, tariff.status) == ("TiB", "USD", "secondary")


def test_what_is_free_a_month() -> None:
    tariff = load_prices().tariff(ON_DEMAND, region="us", on=DAY)
    assert tariff.of_month(BYTES["TiB"]) == 0
    assert tariff.of_month(3 * BYTES["TiB"]) == 12.5


@pytest.mark.parametrize(
    ("edition", "commitment", "price"),
    [
        ("STANDARD", "none", 0.04),
        ("ENTERPRISE", "none", 0.06),
        ("ENTERPRISE", "1y", 0.048),
        ("ENTERPRISE", "3y", 0.036),
        ("ENTERPRISE_PLUS", "none", 0.1),
        ("ENTERPRISE_PLUS", "1y", 0.08),
        ("ENTERPRISE_PLUS", "3y", 0.06),
    ],
)
def test_slot_hours(edition: str, commitment: str, price: float) -> None:
    tariff = load_prices().tariff(SLOTS, region="us", on=DAY, edition=edition, commitment=commitment)
    assert tariff.of(3_600_000) == price


@pytest.mark.parametrize(
    ("item", "quantity", "expected"),
    [
        ("storage.logical.active", BYTES["GiB"], 0.02),
        ("storage.logical.long_term", BYTES["GiB"], 0.01),
        ("storage.physical.active", BYTES["GiB"], 0.04),
        ("storage.physical.long_term", BYTES["GiB"], 0.02),
        ("ingest.insert_all", 200 * BYTES["MiB"], 0.01),
        ("ingest.write_api", BYTES["GiB"], 0.025),
        ("read.storage_api", BYTES["TiB"], 1.1),
        ("ingest.load", BYTES["TiB"], 0),
    ],
)
def test_other_items(item: str, quantity: int, expected: float) -> None:
    assert load_prices().tariff(item, region="us", on=DAY).of(quantity) == pytest.approx(expected)


def test_prices_are_dated() -> None:
    prices = load_prices()
    assert prices.tariff(ON_DEMAND, region="us", on=dt.date(2023, 7, 4)).amount == 5
    assert float(prices.tariff(ON_DEMAND, region="us", on=dt.date(2023, 7, 5)).amount) == 6.25


@pytest.mark.parametrize(
    ("item", "more", "told"),
    [
        (ON_DEMAND, {"region": "mars-1", "on": DAY}, "in the region 'mars-1'"),
        (ON_DEMAND, {"region": "us", "on": dt.date(2012, 1, 1)}, "on 2012-01-01: the first is of 2016-01-01"),
        (
            SLOTS,
            {"region": "us", "on": DAY, "edition": "STANDARD", "commitment": "3y"},
            "STANDARD commitment 3y",
        ),
        ("rockets", {"region": "us", "on": DAY}, "items are bi_engine"),
    ],
)
def test_a_missing_price_names_what_is_missing(item: str, more: dict[str, object], told: str) -> None:
    with pytest.raises(NoPrice, match=told):
        load_prices().tariff(item, **more)  # type: ignore[arg-type]


def test_every_figure_says_where_it_is_from() -> None:
    for _, file in built_in():
        for price in file.prices:
            assert price.source in file.sources, price
            assert price.status in STATUSES
            assert price.status != "own"
            assert price.unit > 0
        assert all(source.page and source.read for source in file.sources.values())


def test_own_prices_discounts_and_currencies(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "currency: USD\n"
        "rates: {EUR: 0.9}\n"
        "discounts:\n"
        "  - {items: 'slots', share: 20 %}\n"
        "prices:\n"
        "  - {item: query.on_demand, price: 8, per: TiB, regions: [mars-1]}\n"
    )
    prices = load_prices([own])
    assert prices.tariff(ON_DEMAND, region="mars-1", on=DAY).of(BYTES["TiB"]) == 8
    assert prices.tariff(ON_DEMAND, region="us", on=DAY).of(BYTES["TiB"]) == 6.25
    slots = prices.tariff(SLOTS, region="us", on=DAY, edition="ENTERPRISE")
    assert (float(slots.amount), float(slots.list_price)) == (pytest.approx(0.048), 0.06)
    euros = load_prices([own], "EUR").tariff(ON_DEMAND, region="us", on=DAY)
    assert (float(euros.amount), euros.currency) == (5.625, "EUR")
    with pytest.raises(CostError, match="no rate from USD to JPY"):
        load_prices([own], "JPY").tariff(ON_DEMAND, region="us", on=DAY)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("prices:\n  - {item: x, price: 1, per: GIB}\n", r"own.yaml:2:\d+: .*unit"),
        ("prices:\n  - {item: x, price: -1, per: GiB}\n", r"own.yaml:2:"),
        ("prices:\n  - {item: x, prize: 1, per: GiB}\n", r"own.yaml:2:.*price"),
        ("prices: [\n", "own.yaml:2"),
    ],
)
def test_wrong_files_are_told_by_line(tmp_path: Path, text: str, told: str) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(text)
    with pytest.raises(CostError, match=told):
        load_prices([own])


@pytest.mark.parametrize(
    ("term", "region", "share", "status"),
    [
        ("1y", "US", 0.1, "secondary"),
        ("3y", "us", 0.2, "secondary"),
        ("1y", "region-eu", 0.1, "unverified"),
        ("3y", "asia-south1", 0.2, "unverified"),
    ],
)
def test_commitments_to_spend(term: str, region: str, share: float, status: str) -> None:
    assert load_prices().spend_share(term, region=region, on=DAY) == (share, status)


def test_shares_of_commitments_to_spend_are_dated_and_ones_own_come_first(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "spend_commitments:\n"
        "  - {term: 1y, share: 12 %, since: 2026-01-01, until: 2027-01-01}\n"
        "  - {term: 1y, share: 0.15, regions: [EU], since: 2026-01-01}\n"
    )
    prices = load_prices([own])
    assert prices.spend_share("1y", region="us", on=DAY) == (0.12, "own")
    assert prices.spend_share("1y", region="eu", on=DAY) == (0.15, "own")
    assert prices.spend_share("1y", region="us", on=dt.date(2027, 1, 1)) == (0.1, "secondary")
    assert prices.spend_share("3y", region="us", on=DAY) == (0.2, "secondary")
    with pytest.raises(NoPrice, match=r"for 1y takes off in 'us' on 2010-01-01.*spend_commitments"):
        prices.spend_share("1y", region="us", on=dt.date(2010, 1, 1))
    own.write_text("spend_commitments: [{term: 2y, share: 12 %}]\n")
    with pytest.raises(CostError, match=r"own.yaml:1:.*unknown term '2y'"):
        load_prices([own])


def test_figures_outside_of_the_us_are_unverified() -> None:
    """All but those of documents, which are about every place; users' own say what they are themselves."""
    for _, file in built_in():
        for price in file.prices:
            if "us" not in price.regions:
                assert price.status == "unverified", price
        for share in file.spend_commitments:
            assert share.source in file.sources
            assert (share.status == "unverified") == ("us" not in share.regions)


def test_the_newest_price_that_holds_is_taken_and_that_of_a_region_before_one_of_all(tmp_path: Path) -> None:
    own = tmp_path / "own.yaml"
    own.write_text(
        "prices:\n"
        "  - {item: query.on_demand, price: 5, per: TiB, since: 2025-01-01}\n"
        "  - {item: query.on_demand, price: 6, per: TiB, since: 2026-01-01, until: 2026-06-01}\n"
        "  - {item: query.on_demand, price: 4, per: TiB, regions: [Region-EU], since: 2025-01-01}\n"
    )
    prices = load_prices([own])

    def on(day: str, region: str = "mars-1") -> float:
        return float(prices.tariff(ON_DEMAND, region=region, on=dt.date.fromisoformat(day)).amount)

    assert (on("2025-12-31"), on("2026-01-01"), on("2026-05-31"), on("2026-06-01")) == (5, 6, 6, 5)
    assert on("2025-06-01", "eu") == 4
    # Of two that hold the newer one counts, wherever it is for.
    assert on("2026-02-01", "EU") == 6
