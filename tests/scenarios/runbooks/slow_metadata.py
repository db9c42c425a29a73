"""Metadata that is slow and old: etags keep two deployments from undoing each other."""

from __future__ import annotations

from google.api_core import exceptions

from tests.scenarios.harness import Runbook, World


def prepare(world: World) -> None:
    world.table(rows=1)
    world.wait("5m")


def another_deployment(world: World) -> None:
    table = world.client.get_table("d.t")
    table.description = "owner: ada"
    world.client.update_table(table, ["description"])


def add_tier(world: World, *, checked: bool) -> None:
    """Read, change, write back; ``checked`` by the etag that was read."""
    table = world.client.get_table("d.t")
    if not checked:
        del table._properties["etag"]
    table.description = "\n".join(filter(None, (table.description, "tier: gold")))
    world.client.update_table(table, ["description"])


def description(world: World) -> str:
    world.over()
    return str(world.client.get_table("d.t").description)


def good(world: World) -> None:
    another_deployment(world)
    refused = 0
    for _ in range(5):
        try:
            add_tier(world, checked=True)
            break
        except exceptions.PreconditionFailed:
            refused += 1
            world.wait(50)
    assert refused == 1
    calls = world.sim.journal.calls("bigquery.tables.get")
    assert max(call.duration_us for call in calls) > 100_000
    assert all("stale" in [d.effect for d in call.decisions] for call in calls)
    world.sim.verify("bigquery.tables.patch", times=3, order=["bigquery.tables.get", "bigquery.tables.patch"])
    assert description(world) == "owner: ada\ntier: gold"


def bad(world: World) -> None:
    another_deployment(world)
    add_tier(world, checked=False)
    world.sim.verify("bigquery.tables.patch", {"ok": True}, times=2)
    assert description(world) == "tier: gold"


RUNBOOK = Runbook(
    "slow-metadata",
    good,
    bad,
    asks=(
        ({"method": "bigquery.tables.get"}, ("rule 'old-metadata' .* fires",)),
        ({"method": "bigquery.tabledata.insertAll"}, ("does not fire: method",)),
    ),
    prepare=prepare,
    rate=20.0,
)
