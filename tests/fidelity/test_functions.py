"""Every function that BigQuery documents: the route that its call takes, and whether its value is right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.unit.sql.warehouse import new_warehouse

from .calls import FAMILIES, Family
from .functions import CALLS, ENGINE, Runner, outcomes, status_of

AGAIN = "run: python -m tests.fidelity.collect"


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    warehouse = new_warehouse()
    yield Runner(warehouse)
    warehouse.session.close()
    warehouse.engine.close()
    warehouse.googlesql.close()


def claim(case: Mapping[str, Any]) -> tuple[str, str, str]:
    """What the manifest says of a function, by the record."""
    name = case["name"]
    outcome = outcomes().get(name)
    if outcome is None:
        return f"function:{name}", "absent", "Nothing is recorded of it."
    return f"function:{name}", *status_of(CALLS[name], outcome)


@pytest.mark.fidelity(of=claim)
@pytest.mark.parametrize("name", CALLS)
def test_route(runner: Runner, name: str) -> None:
    found = runner.outcome(CALLS[name])
    assert replace(outcomes()[name], elsewhere=()) == found, AGAIN
    assert status_of(CALLS[name], found)


def test_no_function_of_googlesql_is_forgotten(runner: Runner) -> None:
    known = {name.partition(" ")[0].casefold() for name in CALLS}
    assert sorted(name for name in runner.signatures if name[0] != "$" and name not in known) == []


def test_no_function_of_bqsim_is_forgotten() -> None:
    from bqsim.sql.googlesql.builtins import OPAQUE, REFUSED, SQL_AGGREGATES
    from bqsim.sql.googlesql.table_function_bodies import TABLE_FUNCTIONS

    added = [o.name for o in OPAQUE] + [a[0] for a in SQL_AGGREGATES] + [f.name for f in TABLE_FUNCTIONS]
    known = {name.casefold() for name in CALLS}
    missing = [n for n in [*added, *REFUSED] if n[0] != "$" and n.casefold() not in known]
    assert missing == []


def test_the_record_has_no_others() -> None:
    assert sorted(set(outcomes()) - set(CALLS)) == [], AGAIN
    assert len(CALLS) > 600


def test_routes_of_signatures(runner: Runner) -> None:
    found = {n: reasons for n, reasons in runner.elsewhere().items() if outcomes()[n].route == ENGINE}
    assert {n: o.elsewhere for n, o in outcomes().items() if o.elsewhere} == found, AGAIN


# What the evaluator does not compute, and no other test.
VALUES = {
    "ST_Y(ST_GEOGPOINT(1, 2.5))": 2.5,
    "KLL_QUANTILES.EXTRACT_POINT_FLOAT64((SELECT KLL_QUANTILES.INIT_FLOAT64(x) "
    "FROM UNNEST([1.5]) AS x), 1)": 1.5,
}


@pytest.mark.parametrize("expression", VALUES)
def test_values(runner: Runner, expression: str) -> None:
    assert runner.rows(f"SELECT {expression}") == [[VALUES[expression]]]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("ABS", "x: 'ABS'"),
        ("ABS  ABS(1)\nABS  ABS(2)", "x: 'ABS  ABS(2)'"),
        ("LN  LN(1)", "x: notes of no function: ['ABS']"),
    ],
    ids=["no-call", "twice", "note"],
)
def test_tables_that_are_wrong(table: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        list(Family("x", "X", table, notes={"ABS": "It differs."}).calls())
    assert str(raised.value) == message


def test_tables_are_read() -> None:
    table = "\nABS  ABS(-1)\nSUM  SELECT SUM(x)\n    FROM t\n"
    found = list(Family("x", "X", table, template="SELECT {} AS v", notes={"ABS": "It differs."}).calls())
    assert [(c.name, c.sql, c.note) for c in found] == [
        ("ABS", "SELECT ABS(-1) AS v", "It differs."),
        ("SUM", "SELECT SUM(x) FROM t", ""),
    ]


def test_families_have_calls() -> None:
    assert all(list(family.calls()) for family in FAMILIES)
