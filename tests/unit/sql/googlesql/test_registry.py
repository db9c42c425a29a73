from __future__ import annotations

import pytest

from bqsim.errors import BigQueryError
from bqsim.sql.googlesql import registry
from bqsim.sql.googlesql.catalog import Resolver, Visible
from bqsim.sql.googlesql.pool import Instance
from bqsim.types import INT64

from .catalogs import DATASET, context
from .conftest import World


def visible(world: World, *names: str, **more: object) -> Visible:
    resolver = Resolver(world.catalog)  # type: ignore[arg-type]
    sources = [resolver.find(("d", name), context()) for name in names]
    return Visible({s.path: s for s in sources if s is not None}, {}, **more)  # type: ignore[arg-type]


def identify(instance: Instance, what: Visible) -> int:
    return registry.registered(instance, what, 10)


def test_a_catalog_serves_every_subset_of_its_tables(world: World) -> None:
    world.catalog.add("u")
    world.catalog.add("v")
    with world.googlesql.pool.instance() as instance:
        both = identify(instance, visible(world, "t", "u"))
        assert identify(instance, visible(world, "u")) == both
        grown = identify(instance, visible(world, "v"))
        assert grown != both
        assert identify(instance, visible(world, "t", "u", "v")) == grown


def test_a_changed_table_or_other_variables_need_another(world: World) -> None:
    with world.googlesql.pool.instance() as instance:
        first = identify(instance, visible(world, "t"))
        assert identify(instance, visible(world, "t", variables=(("x", INT64),))) != first
        world.catalog.add("t")
        assert identify(instance, visible(world, "t")) != first


def test_a_catalog_that_holds_more_of_what_is_mentioned_does_not_serve(world: World) -> None:
    with world.googlesql.pool.instance() as instance:
        first = identify(instance, visible(world, "t"))
        other = visible(world, mentioned=frozenset({("d", "t")}))
        assert identify(instance, other) != first
    world.googlesql.analyze("SELECT 1 FROM d.t", context())
    with pytest.raises(BigQueryError, match=r"Not found: Table p:d\.T "):
        world.googlesql.analyze("SELECT 1 FROM d.T", context())


def test_the_number_of_catalogs_is_bounded(world: World) -> None:
    with world.googlesql.pool.instance() as instance:
        for number in range(registry.MAX_CATALOGS + 3):
            identify(instance, visible(world, "t", variables=((f"x{number}", INT64),)))
        assert len(instance.catalogs) == registry.MAX_CATALOGS


def test_names_that_differ_in_case_only_cannot_be_told_apart(world: World) -> None:
    world.catalog.add("T")
    with pytest.raises(BigQueryError, match="differ only in case"):
        world.googlesql.analyze("SELECT 1 FROM d.t, d.T", context())
    assert DATASET.table("T") in world.catalog.found
