"""Every type written over gRPC, read over gRPC and queried: the same values everywhere."""

from __future__ import annotations

import itertools
import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bqsim.simulator import start
from tests.contract.storage_values import BIG_ARROW_MAX, BIG_ARROW_MIN, KINDS, Kind
from tests.storage import Clients, F, ProtoMessage, arrow_append, table_path

pytestmark = [
    pytest.mark.fidelity("write:protocol buffer rows", "exact", tests="test_*proto"),
    pytest.mark.fidelity("write:Arrow rows", "exact", tests="test_*arrow"),
]

PROJECT = "storage-types"
EXAMPLES = 25
# Fields of one row: each kind alone and repeated, and all kinds in a STRUCT that is also repeated and nested.
Row = dict[str, Any]
numbers = itertools.count(1)


@dataclass
class World:
    """A running simulator with a table of every type, and Google's clients."""

    clients: Clients
    client: Any


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with start(project=PROJECT) as simulator:
        clients = Clients(simulator.grpc_target)
        client = simulator.client()
        client.create_dataset("d")
        columns = [f"{k.name} {k.sql}" for k in KINDS]
        inner = ", ".join(columns)
        client.query_and_wait(
            f"CREATE TABLE d.every (example INT64, {inner}, "
            + ", ".join(f"r_{k.name} ARRAY<{k.sql}>" for k in KINDS)
            + f", s STRUCT<{inner}>, rs ARRAY<STRUCT<{inner}, deep ARRAY<STRUCT<{inner}>>>>)"
        )
        yield World(clients, client)
        client.close()
        clients.close()


def plain(values: Callable[[Kind], st.SearchStrategy[Any]]) -> dict[str, st.SearchStrategy[Any]]:
    return {k.name: st.none() | values(k) for k in KINDS}


def rows() -> st.SearchStrategy[list[Row]]:
    kinds = plain(Kind.drawn)
    scalars = st.fixed_dictionaries(kinds)
    deep = st.lists(scalars, max_size=1)
    row = st.fixed_dictionaries(
        {
            **kinds,
            **{f"r_{k.name}": st.lists(k.drawn(), max_size=3) for k in KINDS},
            "s": st.none() | scalars,
            "rs": st.lists(st.fixed_dictionaries({**kinds, "deep": deep}), max_size=2),
        }
    )
    return st.lists(row, min_size=1, max_size=3)


def extremes() -> list[Row]:
    """As many rows as the kind with the most extremes has; then a row of NULL."""
    count = max(len(k.extremes) for k in KINDS)
    made: list[Row] = []
    for i in range(count):
        scalars = {k.name: k.extremes[i % len(k.extremes)] for k in KINDS}
        made.append(
            {
                **scalars,
                **{f"r_{k.name}": list(k.extremes) for k in KINDS},
                "s": scalars,
                "rs": [{**scalars, "deep": [scalars, scalars]}, {**scalars, "deep": []}],
            }
        )
    nothing = {k.name: None for k in KINDS}
    made.append({**nothing, **{f"r_{k.name}": [] for k in KINDS}, "s": None, "rs": []})
    made.append({**made[-1], "s": nothing, "rs": [{**nothing, "deep": [nothing]}]})
    return made


BY_NAME = {k.name: k for k in KINDS} | {f"r_{k.name}": k for k in KINDS}


def mapped(row: Any, convert: Callable[[Kind], Callable[[Any], Any]]) -> Any:
    """A row with every value converted by its kind."""

    def cell(name: str, value: Any) -> Any:
        kind = BY_NAME.get(name)
        if value is None or name == "example":
            return value
        if kind is None:
            return [mapped(v, convert) for v in value] if isinstance(value, list) else mapped(value, convert)
        if name.startswith("r_"):
            return [convert(kind)(v) for v in value]
        return convert(kind)(value)

    return {name: cell(name, value) for name, value in row.items()}


def comparable(value: Any) -> Any:
    """NaN equals NaN and 0.0 differs from -0.0; a decimal's trailing zeros say nothing."""
    if isinstance(value, float):
        return "NaN" if math.isnan(value) else struct.pack("<d", value)
    if isinstance(value, dict):
        return {k: comparable(v) for k, v in value.items()}
    if isinstance(value, list):
        return [comparable(v) for v in value]
    return value


SCALARS = [(k.name, k.proto, False, k.message()) for k in KINDS]
MESSAGE = ProtoMessage(
    [
        ("example", F.TYPE_INT64, False, None),
        *SCALARS,
        *((f"r_{k.name}", k.proto, True, k.message()) for k in KINDS),
        ("s", F.TYPE_MESSAGE, False, ProtoMessage(SCALARS, "S")),
        (
            "rs",
            F.TYPE_MESSAGE,
            True,
            ProtoMessage([*SCALARS, ("deep", F.TYPE_MESSAGE, True, ProtoMessage(SCALARS, "Deep"))], "Rs"),
        ),
    ]
)
STRUCT = [(k.name, k.arrow) for k in KINDS]
SCHEMA = pa.schema(
    [
        ("example", pa.int64()),
        *STRUCT,
        *((f"r_{k.name}", pa.list_(k.arrow)) for k in KINDS),
        ("s", pa.struct(STRUCT)),
        ("rs", pa.list_(pa.struct([*STRUCT, ("deep", pa.list_(pa.struct(STRUCT)))]))),
    ]
)


def append_proto(world: World, example: int, given_rows: list[Row]) -> None:
    stream = f"{table_path(PROJECT, 'every')}/streams/_default"
    messages = [{"example": example, **mapped(row, lambda k: k.to_proto)} for row in given_rows]
    answers = world.clients.append(stream, [MESSAGE.append(stream, messages)])
    assert not any(a.error.message for a in answers), answers


def append_arrow(world: World, example: int, given_rows: list[Row]) -> None:
    stream = f"{table_path(PROJECT, 'every')}/_default"
    values = [{"example": example, **mapped(row, lambda k: k.to_arrow)} for row in given_rows]
    answers = world.clients.append(stream, arrow_append(stream, pa.Table.from_pylist(values, SCHEMA)))
    assert not any(a.error.message for a in answers), answers


def check(world: World, example: int, wanted: list[Row]) -> None:
    """Arrow, Avro and a query give the rows of an example, in order."""
    where = f"example = {example}"
    expected = [comparable({"example": example, **row}) for row in wanted]
    session = world.clients.session(table_path(PROJECT, "every"), row_restriction=where)
    arrow = world.clients.arrow(session).to_pylist()
    assert [comparable(mapped(row, lambda k: k.from_arrow)) for row in arrow] == expected
    session = world.clients.session(table_path(PROJECT, "every"), "AVRO", row_restriction=where)
    avro = world.clients.avro(session)
    assert [comparable(mapped(row, lambda k: k.from_avro)) for row in avro] == expected
    found = world.client.query_and_wait(f"SELECT * FROM d.every WHERE {where}")
    shown = [comparable(mapped({"example": example, **row}, lambda k: k.shown)) for row in wanted]
    by_query = [comparable(mapped(dict(row.items()), lambda k: k.from_query)) for row in found]
    assert by_query == shown


def test_extremes_through_proto(world: World) -> None:
    example, drawn = next(numbers), extremes()
    append_proto(world, example, drawn)
    check(world, example, drawn)


def test_extremes_through_arrow(world: World) -> None:
    def fitting(kind: Kind) -> Callable[[Any], Any]:
        if kind.sql != "BIGNUMERIC":
            return lambda value: value
        return lambda value: max(min(value, BIG_ARROW_MAX), BIG_ARROW_MIN)

    example, drawn = next(numbers), [mapped(row, fitting) for row in extremes()]
    append_arrow(world, example, drawn)
    check(world, example, drawn)


BOUNDED = settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True
)


@BOUNDED
@given(drawn=rows())
def test_drawn_rows_through_proto(world: World, drawn: list[Row]) -> None:
    example = next(numbers)
    append_proto(world, example, drawn)
    check(world, example, drawn)


@BOUNDED
@given(drawn=rows())
def test_drawn_rows_through_arrow(world: World, drawn: list[Row]) -> None:
    example = next(numbers)
    fits = [
        mapped(row, lambda k: (lambda v: k.to_arrow(v)) if k.sql == "BIGNUMERIC" else (lambda v: v))
        for row in drawn
    ]
    append_arrow(world, example, fits)
    check(world, example, fits)
