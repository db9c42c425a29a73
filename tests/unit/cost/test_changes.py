"""Changes of queries, as people make them: the verdict and the named causes of each."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from bqsim.cost.baseline import baseline_of
from bqsim.cost.bench import Bench, bench, fingerprinted
from bqsim.cost.gate import Finding, check
from bqsim.cost.model import Query, Workload
from bqsim.cost.money import Till
from bqsim.cost.policy import Policy, Pricing
from bqsim.cost.pricing import load_prices

HERE = Path(__file__).parent
AT = dt.datetime(2026, 1, 4, 12, tzinfo=dt.UTC)


def _changes() -> list[Any]:
    found = []
    for file, verdict in (
        ("regressions", "regression"),
        ("risks", "risk"),
        ("innocent", "same"),
        ("improvements", ""),
    ):
        for one in yaml.safe_load((HERE / "changes" / f"{file}.yaml").read_text()):
            one = {"verdict": verdict, "causes": [], **one}
            found.append(pytest.param(one, id=f"{file}: {one['name']}"))
    return found


@pytest.fixture(scope="module")
def shop() -> Iterator[Bench]:
    with bench([HERE / "warehouse.yaml"], project="shop", at=AT) as one:
        yield one


def checked(shop: Bench, before: Query, after: Query, policy: Policy | None = None) -> Finding:
    policy = policy or Policy()
    till = Till(Pricing(), load_prices(), dt.date(2026, 1, 4))
    old = Workload("w", (fingerprinted(before),))
    new = Workload("w", (fingerprinted(after),))
    baseline = baseline_of(old, shop.measure(old))
    return check(baseline, new, shop.measure(new), shop, policy, till).findings[0]


@pytest.mark.fidelity(
    "recording:cost regression",
    "approximated",
    "Bytes are those of the simulator; slot time and money rest on recorded runs and on dated prices.",
)
@pytest.mark.parametrize("change", _changes())
def test_a_change_has_its_verdict_and_its_causes(shop: Bench, change: dict[str, Any]) -> None:
    shop.streamed = change.get("streamed", ())
    shop._known.clear()
    before = Query("q", change["before"], configuration=change.get("before_configuration", {}))
    after = Query("q", change["after"], configuration=change.get("configuration", {}))
    finding = checked(shop, before, after)
    told = [cause.code for cause in finding.causes]
    shown = [(cause.code, cause.text) for cause in finding.causes]
    assert finding.verdict == change["verdict"], shown
    assert sorted(told) == sorted(change["causes"]), shown
