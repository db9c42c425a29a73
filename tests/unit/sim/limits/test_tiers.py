"""Scale, tenants and amounts by name."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from bqsim.sim.limits import BIGQUERY, Facts, Limits, Moment, Setup, Tier
from bqsim.sim.limits.tiers import Amounts, exact

ROWS = {limit.name: limit for limit in BIGQUERY}
US = Facts(Moment.CALL, project="p", caller="ann@example.com", region="us")


def amount(setup: Setup, name: str, facts: Facts = US) -> int | None:
    return Amounts(setup, BIGQUERY).of(ROWS[name], facts)


@pytest.mark.parametrize(
    ("scale", "expected"), [(1, 100), (0.01, 1), (0.001, 1), ("0.29", 29), (0.29, 29), (2, 200), (1.5, 150)]
)
def test_scale_is_exact_and_at_least_one(scale: float | str, expected: int) -> None:
    assert amount(Setup(scale=scale), "api_requests_per_user_method") == expected


def test_sizes_have_a_scale_of_their_own() -> None:
    assert amount(Setup(scale=0.01), "insert_rows") == 50_000
    assert amount(Setup(cap_scale=0.01), "insert_rows") == 500
    assert amount(Setup(cap_scale=0.01), "api_requests_per_user_method") == 100


@pytest.mark.parametrize(
    ("region", "expected"), [("us", 20_000), ("eu", 20_000), ("us-east1", 5_000), ("", 5_000)]
)
def test_amounts_of_regions(region: str, expected: int) -> None:
    assert amount(Setup(), "write_connections", replace(US, region=region)) == expected


def test_an_amount_by_name_is_taken_as_it_is() -> None:
    setup = Setup(scale=0.01, amounts={"tables_insert_requests": 7, "insert_bytes": None})
    assert amount(setup, "tables_insert_requests") == 7
    assert amount(setup, "insert_bytes") is None
    assert amount(setup, "query_bytes_per_user_per_day") is None


TIERS = (
    Tier("ci", callers=("ci-*@*",), amounts={"dml_statements": 3}),
    Tier("gold", projects=("gold-*", "vip"), scale=10, factors={"dml_*": 2}),
    Tier("rest", scale="1/2"),
)


@pytest.mark.parametrize(
    ("project", "caller", "tier", "expected"),
    [
        ("gold-1", "ci-7@x", "ci", 3),
        ("gold-1", "ann@x", "gold", 500),
        ("vip", "ann@x", "gold", 500),
        ("other", "ann@x", "rest", 12),
    ],
)
def test_the_first_tier_that_matches(project: str, caller: str, tier: str, expected: int) -> None:
    amounts = Amounts(Setup(tiers=TIERS), BIGQUERY)
    found = amounts.tier(project, caller)
    assert found is not None
    assert found.name == tier
    facts = Facts(Moment.QUEUE, project=project, caller=caller)
    assert amounts.of(ROWS["dml_statements"], facts) == expected


def test_tiers_of_the_same_name_are_kept_apart() -> None:
    tiers = (Tier("t", projects=("a",), scale=2), Tier("t", projects=("b",), scale=3))
    amounts = Amounts(Setup(tiers=tiers), BIGQUERY)
    row = ROWS["tables_insert_requests"]
    assert [amounts.of(row, Facts(Moment.CALL, project=p)) for p in ("a", "b", "c")] == [20, 30, 10]


def test_a_tier_multiplies_an_amount_by_name() -> None:
    setup = Setup(scale=0.01, amounts={"dml_statements": 8}, tiers=(Tier("t", scale=2),))
    assert amount(setup, "dml_statements") == 16


def test_many_tenants_are_forgotten() -> None:
    amounts = Amounts(Setup(tiers=TIERS), BIGQUERY)
    for n in range(10_000):
        amounts.tier(f"p{n}", "")
    assert len(amounts._tiers) <= Amounts.MAX_KEPT


@pytest.mark.parametrize(
    ("setup", "text"),
    [
        (Setup(scale=0), "must be above zero, not 0"),
        (Setup(scale=-1), "must be above zero, not -1"),
        (Setup(tiers=(Tier("t", scale=0),)), "must be above zero"),
        (Setup(tiers=(Tier("t", factors={"dml_*": 0}),)), "must be above zero"),
        (Setup(amounts={"insert_rows": 0}), "Limit insert_rows must be at least 1, not 0"),
        (Setup(amounts={"insert_row": 1}), "no limit named insert_row; did you mean insert_rows?"),
        (Setup(tiers=(Tier("t", amounts={"dml_statement": 1}),)), "did you mean dml_statements?"),
        (Setup(tiers=(Tier("t", factors={"dm1_*": 2}),)), "no limit named dm1_*"),
        (Setup(only=("nothing*",)), "no limit named nothing*"),
    ],
)
def test_a_wrong_setup_is_refused(setup: Setup, text: str) -> None:
    with pytest.raises(ValueError) as refusal:
        Limits(setup)
    assert text in str(refusal.value)


def test_factors_are_exact() -> None:
    assert exact(0.1) == Fraction(1, 10)
    assert exact("1/3") == Fraction(1, 3)
