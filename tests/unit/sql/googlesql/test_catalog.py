from __future__ import annotations

from dataclasses import replace

import pytest

from bqsim.catalog.refs import TableRef
from bqsim.catalog.resources import TimePartitioning
from bqsim.errors import BigQueryError
from bqsim.sql.googlesql.catalog import Resolver, catalog_proto
from bqsim.types import INT64, Field, TypeKind

from .catalogs import context
from .conftest import World


@pytest.mark.parametrize(
    ("partitioning", "pseudo"),
    [
        (TimePartitioning("DAY"), ["_PARTITIONTIME", "_PARTITIONDATE"]),
        (TimePartitioning("HOUR"), ["_PARTITIONTIME"]),
        (TimePartitioning("DAY", "a"), []),
        (None, []),
    ],
)
def test_ingestion_time_tables_have_pseudo_columns(
    world: World, partitioning: TimePartitioning | None, pseudo: list[str]
) -> None:
    world.catalog.add("x", time_partitioning=partitioning)
    source = Resolver(world.catalog).find(("d", "x"), context())  # type: ignore[arg-type]
    assert source is not None
    assert [f.name for f in source.pseudo] == pseudo
    analyzed = world.googlesql.analyze("SELECT * FROM d.x", context())
    assert len(analyzed.output_columns()) == 4
    for name in pseudo:
        assert world.googlesql.analyze(f"SELECT {name} FROM d.x", context())


def test_a_path_may_go_on_into_columns(world: World) -> None:
    resolver = Resolver(world.catalog)  # type: ignore[arg-type]
    for path in (("d", "t", "c"), ("p", "d", "t", "c"), ("d", "t")):
        source = resolver.find(path, context())
        assert source is not None
        assert source.table.ref.table == "t"
    assert resolver.find(("d", "nope", "c"), context()) is None
    assert len(world.googlesql.analyze("SELECT x FROM d.t.c AS x", context()).output_columns()) == 1


def test_tables_lie_under_their_paths_with_one_full_name(world: World) -> None:
    resolver = Resolver(world.catalog)  # type: ignore[arg-type]
    sources = [s for p in (("t",), ("d", "t"), ("p", "d", "t")) if (s := resolver.find(p, context()))]
    proto = catalog_proto(sources, (), (("v", INT64),))
    assert proto.table[0].full_name == "p.d.t"
    assert [c.name for c in proto.catalog] == ["ml", "ai", "d", "p"]
    assert proto.catalog[3].catalog[0].table[0].full_name == "p.d.t"
    assert proto.constant[0].name_path == ["v"]


def test_pinned_tables_are_seen_in_place_of_those_that_are_there(world: World) -> None:
    now = Resolver(world.catalog).find(("p", "d", "t"), context())  # type: ignore[arg-type]
    assert now is not None
    past = replace(now.table, fields=(Field("old", TypeKind.BOOL),))
    gone = replace(past, ref=TableRef("p", "nowhere", "gone"))
    pinned = context(pinned={past.ref: past, gone.ref: gone})
    for name in ("p.d.t", "d.t", "p.nowhere.gone"):
        analyzed = world.googlesql.analyze(f"SELECT * FROM {name} WHERE old", pinned)
        assert [column[0] for column in analyzed.output_columns()] == ["old"]
    assert len(world.googlesql.analyze("SELECT * FROM d.t", context()).output_columns()) > 1
    with pytest.raises(BigQueryError, match="Unrecognized name: old"):
        world.googlesql.analyze("SELECT old FROM d.t", context())
